"""Folders as distributors ship them: subject ids, folders under several spellings, numbered frame files.

Frame numbers are absolute: the integer at the end of the file name, sorted as a number.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Sequence

from mer_tf.datasets.card import DatasetCard
from mer_tf.errors import DatasetNotFoundError, ImageError

# "img46.jpg", "006_05562.jpg", "reg_image090823.bmp", "EP01_12-7.jpg", "000.jpeg": the number before the extension.
TRAILING_NUMBER = re.compile(r"(?!\.)(?:.*\D)?(\d{1,12})\.(?:jpe?g|png|bmp)", re.IGNORECASE)
_LEVELS = 2  # an archive is often unpacked into a folder of its own name


def fold(name: str) -> str:
    """A folder name without case, blanks and signs: distributors' copies spell them in many ways."""
    return re.sub(r"[\W_]", "", name).casefold()


def padded_id(prefix: str, digits: int) -> Callable[[str], str | None]:
    """A function from the spellings of a subject id to its canonical form.

    Args:
        prefix: Letters of the canonical form, optional on input, for example ``"sub"``.
        digits: Number of digits of the canonical form.

    Returns:
        ``callable(text) -> id``, or None for anything else.

    Example:
        >>> samm = padded_id("", 3)
        >>> samm("6"), samm("006"), samm("6.0"), samm("x")
        ('006', '006', '006', None)
    """
    pattern = re.compile(rf"(?:{prefix})?0*(\d{{1,{max(digits, 3)}}})(?:\.0+)?", re.IGNORECASE)

    def canonical(text: str) -> str | None:
        match = pattern.fullmatch(text.strip())
        return f"{prefix}{int(match[1]):0{digits}d}" if match else None

    return canonical


def subfolders(path: str) -> dict[str, str]:
    """Folder name to path, sorted by name; hidden ones left out."""
    try:
        with os.scandir(path) as entries:
            return dict(
                sorted((entry.name, entry.path) for entry in entries if entry.name[0] != "." and _is_folder(entry))
            )
    except (NotADirectoryError, PermissionError):
        return {}


def find_folders(root: str, names: Sequence[str]) -> Iterator[str]:
    """Folders of given names under a root, nearest first.

    Args:
        root: Where to look: the root itself may be (or lie inside) the folder that is meant.
        names: Wanted paths such as ``"SMIC_all_raw/HS"``; case, blanks and signs are ignored.

    Yields:
        Every match, in the order of ``names`` at each level.
    """
    parts = [[fold(part) for part in name.split("/")] for name in names]
    here = [fold(part) for part in os.path.normpath(root).split(os.sep)]
    for wanted in parts:
        for count in range(len(wanted), 0, -1):
            if here[-count:] == wanted[:count]:
                yield from _descend(root, wanted[count:])
    level = [root]
    for _ in range(_LEVELS):
        for base in level:
            for wanted in parts:
                yield from _descend(base, wanted)
        level = [path for base in level for path in list(subfolders(base).values())[:64]]


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()  # quicker than ``os.path.isdir`` in a folder of many files
    except OSError:  # a link that leads in a circle
        return False


def find_files(folders: Sequence[str], pattern: re.Pattern) -> list[str]:
    """Files whose name fits, sorted by name, of the first folder that has one."""
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                found = sorted(
                    entry.path
                    for entry in entries
                    if pattern.fullmatch(entry.name) and entry.name[0] not in ".~" and os.path.isfile(entry.path)
                )
        except OSError:
            continue
        if found:
            return found
    return []


@dataclasses.dataclass(frozen=True, kw_only=True)
class FramesSet(DatasetCard):
    """Card of a set with numbered frame files: also where these lie.

    Attributes:
        folders: Frames folders by layout (``"raw"``, ``"cropped"``), in order of preference.
        subjects_like: Examples of what lies in the frames folder, for messages.
        tops: Names of the folders in the frames folder; empty where they are subjects.
        sheets: File names of the annotation, for messages.
        frame_pattern: Fits a frame file; the first group is the number.
    """

    folders: dict[str, tuple[str, ...]]
    subjects_like: str
    tops: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    frame_pattern: re.Pattern = TRAILING_NUMBER

    def has_tops(self, folder: str) -> bool:
        """Whether a folder is the frames folder by what lies in it."""
        return any(name.casefold() in self.tops if self.tops else self.subject_id(name) for name in subfolders(folder))


@dataclasses.dataclass(frozen=True)
class Frames:
    """Frame files of a folder in numeric order, and the numbers that more than one file bears."""

    numbers: tuple[int, ...]
    paths: tuple[str, ...]
    doubles: tuple[int, ...] = ()


def scan_frames(folder: str, pattern: re.Pattern = TRAILING_NUMBER, key: str = "") -> Frames:
    """Lists the numbered frame files of a folder; anything else in it is ignored.

    Args:
        folder: The folder.
        pattern: Fits a whole file name; its first group is the number.
        key: Clip key for the message.

    Raises:
        ImageError: The folder cannot be listed.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise ImageError(f"folder {folder!r} cannot be listed ({error.strerror or error})", key) from error
    frames: dict[int, str] = {}
    doubles = []
    match = pattern.fullmatch
    for name in names:
        found = match(name)
        if found:
            number = int(found[1])
            if number in frames:
                doubles.append(number)
            else:
                frames[number] = name
    numbers = sorted(frames)
    return Frames(tuple(numbers), tuple([f"{folder}{os.sep}{frames[number]}" for number in numbers]), tuple(doubles))


def find_frames(facts: FramesSet, root: str, layout: str) -> tuple[str, str]:
    """Frames folder (the one that holds the subject folders) and its layout.

    Raises:
        DatasetNotFoundError: No such root, or no frames folder in it.
        ValueError: Unknown layout.
    """
    if layout not in ("auto", *facts.folders):
        raise ValueError(f"layout must be 'auto', {', '.join(map(repr, facts.folders))}. Received: {layout!r}")
    layouts = tuple(facts.folders) if layout == "auto" else (layout,)
    expected = ", ".join(name for kind in layouts for name in facts.folders[kind])
    sheets = f" and {' or '.join(facts.sheets)}" if facts.sheets else ""
    if not os.path.isdir(root):
        raise DatasetNotFoundError(
            f"{facts.name}: no folder {root!r}; expected one with {expected}{sheets}. {facts.hint}"
        )
    for kind in layouts:
        for path in find_folders(root, facts.folders[kind]):
            if facts.has_tops(path):
                return path, kind
            for name in facts.folders[kind]:  # an archive unpacked into a folder of its own name
                for inner in find_folders(path, (name.split("/")[-1],)):
                    if facts.has_tops(inner):
                        return inner, kind
    if facts.has_tops(root):
        cropped = fold(os.path.basename(root)) in map(fold, facts.folders.get("cropped", ()))
        kind = "cropped" if cropped else next(iter(facts.folders))
        if kind in layouts:
            return root, kind
    raise DatasetNotFoundError(
        f"{facts.name}: {root!r} has no frames folder; expected {expected} with {facts.subjects_like} inside. "
        f"Found: {', '.join(list(subfolders(root))[:8]) or 'no folder'}. {facts.hint}"
    )


def _descend(base: str, parts: Sequence[str]) -> Iterator[str]:
    if not parts:
        yield base
        return
    for name, path in subfolders(base).items():
        if fold(name) == parts[0]:
            yield from _descend(path, parts[1:])
