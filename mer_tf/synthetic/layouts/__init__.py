"""Writes clips in the layout of every set that the readers know, with the real quirks of folders and sheets.

Frames come from the caller, so that the same writer serves rendered faces, small pictures in tests, and empty files in
listing benchmarks::

    clips = [LayoutClip(1, 0, "happiness", aus="6+12", onset=46, apex=59, offset=86, frames=range(40, 90))]
    write_layout("out", "samm", clips)

Quirks that are written: text and number cells for the same column, blank columns, two apex columns, explanation before
the header, subjects without padding, camera counters, clip names that repeat across subjects, empty sequences, stray
files. A layout writes clip by clip, so that processes can share the work, and its sheet from what they give back.

One module per set: adding one, with its ``LAYOUTS``, is all that a layout takes. Its names are those of the set's card.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import pkgutil
from collections.abc import Iterable

from mer_tf.errors import ConfigError, look_up
from mer_tf.synthetic.layouts.base import (
    Layout,
    LayoutClip,
    LayoutSummary,
    LayoutWriter,
    SheetQuirks,
    WrittenClip,
    episode_name,
    save_workbook,
)

__all__ = [
    "LAYOUTS",
    "Layout",
    "LayoutClip",
    "LayoutSummary",
    "LayoutWriter",
    "SheetQuirks",
    "WrittenClip",
    "episode_name",
    "get_layout",
    "save_workbook",
    "write_layout",
]


def _collect() -> dict[str, Layout]:
    """The layouts of every module in this folder that has some."""
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        for layout in getattr(importlib.import_module(f"{__name__}.{name}"), "LAYOUTS", ()):
            if layout.name not in layout.card.layouts or layout.name in found:
                raise ValueError(f"layout {layout.name!r} stands twice, or the card does not name it")
            found[layout.name] = layout
    return found


LAYOUTS: dict[str, Layout] = _collect()


def get_layout(name: str) -> Layout:
    """The layout of that name; ``UnknownNameError`` lists the known ones."""
    return look_up("layout", name, LAYOUTS)


def write_layout(
    out: str | os.PathLike, layout: str, clips: Iterable[LayoutClip], *, quirks: SheetQuirks | None = None
) -> LayoutSummary:
    """Writes clips as the distributor of a set would.

    Args:
        out: Root folder; made where it is absent.
        layout: A key of ``LAYOUTS``.
        clips: What to write.
        quirks: Faults of the sheet; none when None.

    Returns:
        Counts, names and places.

    Raises:
        UnknownNameError: Unknown layout.
        ConfigError: No clip, or more clips of an expression than the layout has room for.
    """
    facts = get_layout(layout)
    clips = list(clips)
    if not clips:
        raise ConfigError("there is no clip to write")
    root = pathlib.Path(out)
    root.mkdir(parents=True, exist_ok=True)
    writer = LayoutWriter(root, facts, quirks)
    return writer.finish([writer.write(clip, index) for index, clip in enumerate(clips)])
