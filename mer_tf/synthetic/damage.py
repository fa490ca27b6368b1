"""Corrupt and partial variants of a written set, for trying out the readers."""

from __future__ import annotations

import pathlib
import re
import shutil
from collections.abc import Sequence

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.synthetic.layouts import LayoutSummary, get_layout, save_workbook

# What each kind does to one clip, or to the sheet. Kinds that take a sheet away come last.
DAMAGE = {
    "missing_clip": "its folder is deleted",
    "empty_clip": "its folder has no frame",
    "gap": "the frame in the middle is deleted",
    "late_frames": "all frames but the last are deleted",
    "empty_image": "its frames are empty files",
    "truncated_image": "its frames are cut in half",
    "stray_files": "other files lie among its frames",
    "extra_clip": "a copy of its folder has no row in the sheet",
    "missing_apex": "its apex in the sheet is a slash",
    "no_sheet": "there is no sheet",
    "cut_sheet": "the sheet is cut in half",
}
_OF_STILLS = ("missing_clip", "empty_image", "truncated_image")
_OF_SHEETS = ("missing_apex", "no_sheet", "cut_sheet")


def check_damage(layout: str, kinds: Sequence[str], clips: int) -> None:
    """Refuses damage that a set cannot have, before it is written.

    Args:
        layout: Layout name.
        kinds: Kinds of damage, each of another clip.
        clips: Number of clips.

    Raises:
        UnknownNameError: Unknown kind.
        ConfigError: The layout has no sheet or no apex, its clips are stills, or there are more kinds than clips.
    """
    facts = get_layout(layout)
    for kind in kinds:
        if kind not in DAMAGE:
            raise UnknownNameError("damage", kind, DAMAGE)
        if kind in _OF_SHEETS and not facts.sheets:
            raise ConfigError(f"layout {layout!r} has no sheet; damage {kind!r} is for one that has")
        if kind == "missing_apex" and not facts.apex:
            raise ConfigError(f"layout {layout!r} has no column of apex frames; it cannot have damage {kind!r}")
        if facts.stills and kind not in _OF_STILLS:
            raise ConfigError(
                f"layout {layout!r} has stills; they can have damage {', '.join(_OF_STILLS)}, not {kind!r}"
            )
    if len(set(kinds)) < len(kinds) or {"no_sheet", "cut_sheet"} <= set(kinds):
        raise ConfigError(f"these kinds of damage do not go together: {', '.join(kinds)}")
    if len(kinds) > clips:
        raise ConfigError(f"{len(kinds)} kinds of damage need as many clips; there are {clips}")


def damage_layout(written: LayoutSummary, kind: str, clip: int = 0) -> pathlib.Path:
    """Damages a written set.

    Args:
        written: What ``write_layout`` returned.
        kind: A key of ``DAMAGE``.
        clip: Index of the clip that is damaged.

    Returns:
        The file or folder that was damaged.

    Raises:
        UnknownNameError: Unknown kind.
        ConfigError: The set has no sheet, apex column or folder to damage.
    """
    check_damage(written.layout, [kind], len(written.folders))
    if kind == "missing_apex":
        return _delete_apex(written, clip)
    if kind == "no_sheet":
        written.sheet.unlink()
        return written.sheet
    if kind == "cut_sheet":
        return _damage_file(written.sheet, "truncated_image")
    folder = written.folders[clip]
    if folder.is_file():  # a still
        return _damage_file(folder, kind)
    files = sorted(folder.iterdir(), key=lambda file: int((re.findall(r"\d+", file.stem) or ["0"])[-1]))
    if kind == "missing_clip":
        shutil.rmtree(folder)
    elif kind == "empty_clip":
        for file in files:
            file.unlink()
    elif kind == "gap":
        files[len(files) // 2].unlink()
    elif kind == "late_frames":
        for file in files[: len(files) - 1]:
            file.unlink()
    elif kind == "stray_files":
        for name in ("Thumbs.db", ".DS_Store", "._1.jpg", "notes.txt", "picture.jpg"):
            (folder / name).write_bytes(b"stray")
    elif kind == "extra_clip":
        extra = folder.with_name(folder.name + "x")
        shutil.copytree(folder, extra)
        return extra
    else:
        for file in files:
            _damage_file(file, kind)
    return folder


def _damage_file(file: pathlib.Path, kind: str) -> pathlib.Path:
    if kind == "missing_clip":
        file.unlink()
    elif kind == "empty_image":
        file.write_bytes(b"")
    else:
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
    return file


def _delete_apex(written: LayoutSummary, clip: int) -> pathlib.Path:
    import openpyxl

    book = openpyxl.load_workbook(written.sheet)
    title = get_layout(written.layout).apex
    header = next(cell for row in book.active.iter_rows() for cell in row if cell.value == title)
    # Rows follow the header in the order of the clips.
    book.active.cell(header.row + 1 + clip, header.column).value = "/"
    save_workbook(book, written.sheet)
    return written.sheet
