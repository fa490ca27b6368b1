"""A report as one self-contained page: inline style and drawings, no script, nothing fetched."""

from __future__ import annotations

from html import escape

from mer_tf.console import printable
from mer_tf.document import Details, Document, Figure, Link, Row, Section, Table, Text, parts

_STYLE = """
:root{color-scheme:light dark;--ink:#1f2933;--muted:#5b6875;--line:#dfe4ea;--soft:#f5f7fa;--paper:#fff;--blue:#1d5fa8;
--warn:#fff4e5}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ee;--muted:#a2aeba;--line:#3a4550;--soft:#1e262e;--paper:#13181d;
--blue:#79b0ea;--warn:#3b2c14;--bar:#4f93dc;--mark:#e58a45;--third:#55b37c;--fourth:#a98ce0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main{max-width:1240px;margin:0 auto;padding:32px 28px 60px}
h1{font-size:30px;line-height:1.2;margin:0 0 12px}
h2{font-size:22px;margin:44px 0 10px;padding-bottom:6px;border-bottom:2px solid var(--line)}
h3{font-size:17px;margin:28px 0 8px}
p{max-width:78ch;margin:8px 0}
.note{color:var(--muted);font-size:14.5px}
.warning{background:var(--warn);border-left:5px solid #d9822b;padding:12px 16px;max-width:none;border-radius:3px}
.wrap{overflow-x:auto;margin:12px 0}
table{border-collapse:collapse;font-size:14.5px;font-variant-numeric:tabular-nums}
caption{caption-side:bottom;text-align:left;color:var(--muted);font-size:13.5px;padding-top:6px}
th,td{padding:6px 11px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{font-weight:600;background:var(--soft);border-bottom:2px solid var(--line);white-space:nowrap}
td.r,th.r{text-align:right;white-space:nowrap}
td.n{white-space:nowrap}
td.in{padding-left:34px;color:var(--muted)}
tr.strong td:first-child{min-width:190px}
tr.strong td{font-weight:650}
td.long{overflow-wrap:anywhere}
figure{margin:14px 0;overflow-x:auto}
nav{columns:24rem;column-gap:32px;margin:18px 0;font-size:14.5px}
nav a{display:block;color:var(--blue);break-inside:avoid;padding:1px 0}
figcaption{color:var(--muted);font-size:13.5px;margin-top:4px}
svg{max-width:100%;height:auto;font-family:inherit}
.row{display:flex;flex-wrap:wrap;gap:8px 28px;align-items:flex-start}
.row>*{max-width:100%}
details{margin:10px 0;border:1px solid var(--line);border-radius:4px;padding:8px 14px}
summary{cursor:pointer;color:var(--blue);font-weight:600}
footer{margin-top:48px;color:var(--muted);font-size:13.5px;border-top:1px solid var(--line);padding-top:12px;
overflow-wrap:anywhere}
@media screen and (max-width:700px){main{padding:20px 14px 40px}svg{max-width:none}}
@media print{main{padding:0}details{border:0;padding:0}h2,h3{break-after:avoid}figure,tr{break-inside:avoid}
figure,.wrap{overflow:visible}table{font-size:11px}th,td{padding:3px 7px}th{white-space:normal}}
"""


def to_html(report: Document) -> str:
    """The page as text."""
    title = escape(report.title)
    body = [f"<h1>{title}</h1>", *(_block(block) for block in report.intro)]
    if report.contents:
        links = (f'<a href="#{escape(anchor)}">{escape(name)}</a>' for name, anchor in report.listed())
        body.append(f'<nav aria-label="contents">{"".join(links)}</nav>')
    body += [_section(section, anchor) for section, anchor in zip(report.sections, report.anchors())]
    if report.footer:
        body.append(f"<footer>{escape(report.footer)}</footer>")
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )
    return printable(page)


def _section(section: Section, anchor: str) -> str:
    heading = f'<h{section.level} id="{escape(anchor)}">{escape(section.title)}</h{section.level}>'
    return "\n".join([heading, *(_block(block) for block in section.blocks)])


def _block(block) -> str:
    if isinstance(block, Text):
        return f'<p class="{block.kind}">{_inline(block.text)}</p>'
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        caption = f"<figcaption>{escape(block.caption)}</figcaption>" if block.caption else ""
        return f"<figure>{block.svg}{caption}</figure>"
    if isinstance(block, Row):
        return '<div class="row">' + "".join(_block(inside) for inside in block.blocks) + "</div>"
    if isinstance(block, Details):
        inner = "\n".join(_block(inside) for inside in block.blocks)
        return f"<details{' open' if block.open else ''}><summary>{escape(block.summary)}</summary>{inner}</details>"
    raise TypeError(f"a report holds blocks. Received: {type(block).__name__}")


def _table(table: Table) -> str:
    def cell(tag: str, text: str | Link | None, align: str, first: bool) -> str:
        text = "–" if text is None else text.text if isinstance(text, Link) else str(text)
        classes = ["r"] if align == "r" else []
        if tag == "td" and first and text.startswith("  "):
            classes.append("in")
        if len(text.strip()) <= 22:
            classes.append("n")
        if len(text) > 60 and " " not in text:
            classes.append("long")
        attribute = f' class="{" ".join(classes)}"' if classes else ""
        return f"<{tag}{attribute}>{_inline(text.strip())}</{tag}>"

    head = ""
    if any(table.header):
        cells = (cell("th", t, a, k == 0) for k, (t, a) in enumerate(zip(table.header, table.sides)))
        head = "<thead><tr>" + "".join(cells) + "</tr></thead>"
    rows = []
    for number, row in enumerate(table.rows):
        mark = ' class="strong"' if number in table.strong else ""
        cells = (cell("td", t, a, k == 0) for k, (t, a) in enumerate(zip(row, table.sides)))
        rows.append(f"<tr{mark}>" + "".join(cells) + "</tr>")
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return f'<div class="wrap"><table>{caption}{head}<tbody>{"".join(rows)}</tbody></table></div>'


def _inline(text: str) -> str:
    return "".join(f"<code>{escape(part)}</code>" if code else escape(part) for part, code in parts(text))
