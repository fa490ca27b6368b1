"""What reports and pages of systems consist of, and the plain renderers: Markdown, the terminal, tables as files.

Text is written as in docstrings: names between double backticks are code, nothing else is markup. Names of clips,
people and files come from elsewhere: whatever in them would be a link, a picture, a heading or HTML is written as text.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator, Sequence

from mer_tf import console


@dataclasses.dataclass(frozen=True)
class Link:
    """A cell that leads to another page.

    Attributes:
        text: What is shown.
        target: Address, relative to the page.
    """

    text: str
    target: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        header: Column titles.
        rows: Cells as text; None is an empty figure.
        align: ``"l"`` or ``"r"`` per column; empty sets columns of numbers to the right.
        caption: What it shows.
        strong: Indices of rows to set off.
        code: Columns whose cells are code.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str | Link | None]]
    align: str = ""
    caption: str = ""
    strong: frozenset[int] = frozenset()
    code: tuple[int, ...] = ()

    @property
    def sides(self) -> str:
        """``"l"`` or ``"r"`` per column."""

        def numbers(column: int) -> bool:
            return bool(self.rows) and all(
                row[column] is None or re.fullmatch(r"[\d,.]+", str(row[column])) for row in self.rows
            )

        return self.align or "".join("r" if numbers(column) else "l" for column in range(len(self.header)))


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawing, with the table that says the same where no drawing can be shown.

    Attributes:
        svg: SVG element.
        table: The same as figures; None where a table stands beside it anyway.
        caption: What it shows.
    """

    svg: str
    table: Table | None = None
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """Figures and tables side by side where there is room.

    Attributes:
        blocks: The figures and tables.
    """

    blocks: Sequence[Figure | Table]


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: Plain text.
        kind: ``"plain"``, ``"item"`` of a list, ``"note"`` or ``"warning"``.
    """

    text: str
    kind: str = "plain"


@dataclasses.dataclass(frozen=True)
class Details:
    """Blocks that are shown on demand.

    Attributes:
        summary: Title.
        blocks: The blocks.
        open: Whether they are shown from the start.
    """

    summary: str
    blocks: Sequence[object]
    open: bool = False


@dataclasses.dataclass(frozen=True)
class Section:
    """A titled part.

    Attributes:
        title: Heading.
        blocks: Its blocks.
        level: 2 for a part of the page, 3 below one.
    """

    title: str
    blocks: Sequence[object]
    level: int = 2


@dataclasses.dataclass(frozen=True)
class Document:
    """A page.

    Attributes:
        title: Heading of the page.
        intro: Blocks before the first section.
        sections: The sections.
        footer: Last line.
        contents: Whether the page begins with links to its parts.
    """

    title: str
    intro: Sequence[object]
    sections: Sequence[Section]
    footer: str = ""
    contents: bool = False

    def blocks(self) -> list[object]:
        """Everything between title and footer, in order; sections themselves stand before their blocks."""
        found = list(self.intro)
        for section in self.sections:
            found += [section, *section.blocks]
        return found

    def anchors(self) -> list[str]:
        """An address within the page for each section, in order, as GitHub forms it of a heading."""
        found: list[str] = []
        seen: dict[str, int] = {}
        for section in self.sections:
            slug = re.sub(r"[^\w\- ]", "", section.title.lower()).replace(" ", "-") or "part"
            number = seen.get(slug, 0)
            seen[slug] = number + 1
            found.append(f"{slug}-{number}" if number else slug)
        return found

    def listed(self) -> list[tuple[str, str]]:
        """(title, address) of the parts of the page: its sections of the upper level."""
        found = zip(self.sections, self.anchors())
        return [(section.title, anchor) for section, anchor in found if section.level == 2]


def parts(text: str) -> list[tuple[str, bool]]:
    """The text cut into what is code and what is not: (text, whether code)."""
    cut = re.split(r"(``.+?``)", text)
    return [(part[2:-2], True) if part.startswith("``") and len(part) > 4 else (part, False) for part in cut if part]


# What is markup anywhere in a line: of emphasis, HTML, entities, and addresses that become links by themselves.
_SIGNS = re.compile(r"[\\|<*_`]|&(?=#?\w+;)|~(?=~)|:(?=//)|(?<=www)\.", re.IGNORECASE)
_WITH_BRACKETS = re.compile(rf"[\[\]]|{_SIGNS.pattern}", re.IGNORECASE)  # links and pictures need both brackets
_LINE_START = re.compile(r"^(\d*)(#|>|~|[-+=](?=[\s=-]|$)|[.)](?=\s|$))")  # headings, quotes, lists, rules


# ---- Markdown ---------------------------------------------------------------------------------------------------


def to_markdown(document: Document) -> str:
    """The document as Markdown; tables take the place of drawings."""
    lines = [f"# {_escape(document.title)}", ""]
    if document.contents:
        lines += [*(f"- [{_escape(title)}](#{anchor})" for title, anchor in document.listed()), ""]
    level, item = 1, False
    for block in document.blocks():
        listed = isinstance(block, Text) and block.kind == "item"
        if item and not listed:
            lines.append("")
        item = listed
        level = block.level if isinstance(block, Section) else level
        lines += _block(block, level)
    if document.footer:
        lines += [*([""] if item else []), "---", "", _escape(document.footer), ""]
    return console.printable("\n".join(lines).rstrip() + "\n")


def _block(block, level: int) -> list[str]:
    if isinstance(block, Section):
        return [f"{'#' * block.level} {_escape(block.title)}", ""]
    if isinstance(block, Text):
        text = _escape(block.text)
        if block.kind == "item":
            return [f"- {text}"]
        return [f"> **{text}**" if block.kind == "warning" else f"*{text}*" if block.kind == "note" else text, ""]
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return _table(block.table) if block.table else []
    if isinstance(block, Row):
        return [line for inside in block.blocks for line in _block(inside, level)]
    if isinstance(block, Details):
        lines = [f"{'#' * (level + 1)} {_escape(block.summary)}", ""]
        for inside in block.blocks:
            lines += _block(inside, level + 1)
        return lines
    raise TypeError(f"a document holds blocks. Received: {type(block).__name__}")


def _table(table: Table) -> list[str]:
    lines = [f"{_escape(table.caption)}", ""] if table.caption else []
    lines.append("| " + " | ".join(_escape(title) for title in table.header) + " |")
    lines.append("|" + "|".join("---:" if side == "r" else "---" for side in table.sides) + "|")
    for number, row in enumerate(table.rows):
        cells = [_cell(text, column in table.code) for column, text in enumerate(row)]
        if number in table.strong:
            cells = [f"**{text}**" if text else text for text in cells]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _cell(text, code: bool) -> str:
    if text is None:
        return "–"
    if isinstance(text, Link):
        return f"[{_escape(text.text)}]({text.target})"
    text = " ".join(str(text).split())
    return _code(text) if code and text else _escape(text)


def _escape(text: str) -> str:
    signs = _WITH_BRACKETS if "]" in text else _SIGNS
    marked = "".join(_code(part) if code else signs.sub(r"\\\g<0>", part) for part, code in parts(text))
    return _LINE_START.sub(r"\g<1>\\\g<2>", " ".join(marked.split()))


def _code(text: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if longest else ""  # a backtick at either end would join the fence
    return fence + blank + text.replace("|", "\\|") + blank + fence


# ---- terminal ---------------------------------------------------------------------------------------------------


def to_terminal(document: Document) -> str:
    """The document as plain text, without its drawings and footer."""
    lines = [_plain(document.title)]
    for block in document.blocks():
        if isinstance(block, Section):
            lines.append(f"\n{_plain(block.title)}")
        elif isinstance(block, Text):
            item = block.kind == "item"
            lines.append(console.fill(f"{'- ' * item}{_plain(block.text)}", "  " * item))
        elif isinstance(block, Table):
            rows = [[cell if cell is None else _plain(cell) for cell in row] for row in block.rows]
            lines.append(console.table(block.header, rows))
        else:
            raise TypeError(f"no plain form of a {type(block).__name__}")
    return "\n".join(lines)


def _plain(text) -> str:
    return (text.text if isinstance(text, Link) else str(text)).replace("``", "")


# ---- tables as files --------------------------------------------------------------------------------------------


def tables(document: Document) -> Iterator[tuple[str, Table]]:
    """Every table of the document, with the titles of the parts it stands in."""
    anchors = iter(document.anchors())
    upper = under = ""
    for block in document.blocks():
        if isinstance(block, Section):
            anchor = next(anchors)
            upper, under = (anchor, "") if block.level == 2 else (upper, anchor)
        for table in _tables(block):
            yield "-".join(filter(None, (upper, under))), table


def _tables(block) -> Iterator[Table]:
    if isinstance(block, Table):
        yield block
    elif isinstance(block, Figure) and block.table:
        yield block.table
    elif isinstance(block, (Row, Details)):
        for inside in block.blocks:
            yield from _tables(inside)


def to_csv(table: Table) -> str:
    """The table as CSV with its header; empty figures are empty cells."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(["" if cell is None else _plain(cell).strip() for cell in row] for row in table.rows)
    return text.getvalue()


def to_latex(table: Table) -> str:
    """The table as a LaTeX ``tabular`` with the rules of the package booktabs; strong rows are bold."""
    lines = [f"\\begin{{tabular}}{{{table.sides}}}", "\\toprule"]
    if any(table.header):
        lines += [" & ".join(map(_latex, table.header)) + " \\\\", "\\midrule"]
    for number, row in enumerate(table.rows):
        cells = ["--" if cell is None else _latex(_plain(cell).strip()) for cell in row]
        if number in table.strong:
            cells = [f"\\textbf{{{cell}}}" if cell else cell for cell in cells]
        lines.append(" & ".join(cells) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "±": "$\\pm$",
    "–": "--",
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))
