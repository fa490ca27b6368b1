"""A report as Markdown: tables in place of drawings."""

from __future__ import annotations

from mer_tf.report.blocks import Details, Figure, Report, Row, Section, Table, Text


def to_markdown(report: Report) -> str:
    """The report as text."""
    lines = [f"# {_escape(report.title)}", ""]
    for block in report.intro:
        lines += _block(block, 1)
    for section in report.sections:
        lines += _section(section)
    if report.footer:
        lines += ["---", "", _escape(report.footer), ""]
    return "\n".join(lines)


def _section(section: Section) -> list[str]:
    lines = [f"{'#' * section.level} {_escape(section.title)}", ""]
    for block in section.blocks:
        lines += _block(block, section.level)
    return lines


def _block(block, level: int) -> list[str]:
    if isinstance(block, Text):
        text = _escape(block.text)
        return [f"> **{text}**" if block.kind == "warning" else f"*{text}*" if block.kind == "note" else text, ""]
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return _table(block.table)
    if isinstance(block, Row):
        return [line for figure in block.figures for line in _block(figure, level)]
    if isinstance(block, Details):
        lines = [f"{'#' * (level + 1)} {_escape(block.summary)}", ""]
        for inside in block.blocks:
            lines += _block(inside, level + 1)
        return lines
    raise TypeError(f"a report holds blocks. Received: {type(block).__name__}")


def _table(table: Table) -> list[str]:
    if not table.rows:
        return []
    lines = [f"{_escape(table.caption)}", ""] if table.caption else []
    lines.append("| " + " | ".join(_escape(title) for title in table.header) + " |")
    lines.append("|" + "|".join("---:" if align == "r" else "---" for align in table.align) + "|")
    for number, row in enumerate(table.rows):
        cells = ["–" if text is None else _escape(text.strip()) for text in row]
        if number in table.strong:
            cells = [f"**{text}**" if text else text for text in cells]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _escape(text: str) -> str:
    for sign in ("\\", "|", "<", "*", "_", "`"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
