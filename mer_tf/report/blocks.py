"""What a report consists of, before it becomes HTML or Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        header: Column titles.
        rows: Cells as text; None is an empty figure.
        align: ``"l"`` or ``"r"`` per column.
        caption: What it shows.
        strong: Indices of rows to set off.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str | None]]
    align: str
    caption: str = ""
    strong: frozenset[int] = frozenset()


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawing, with the table that says the same where no drawing can be shown.

    Attributes:
        svg: SVG element.
        table: The same as figures.
        caption: What it shows.
    """

    svg: str
    table: Table
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """Figures side by side.

    Attributes:
        figures: The figures.
    """

    figures: Sequence[Figure]


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: Plain text.
        kind: ``"plain"``, ``"note"`` or ``"warning"``.
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
class Report:
    """A report.

    Attributes:
        title: Heading of the page.
        intro: Blocks before the first section.
        sections: The sections.
        footer: Last line.
    """

    title: str
    intro: Sequence[object]
    sections: Sequence[Section]
    footer: str = ""
