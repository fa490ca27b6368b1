"""Folders as distributors ship them: subject ids, folders under several spellings, a sheet among copies of it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Sequence

from mer_tf.datasets.card import DatasetCard
from mer_tf.datasets.spelling import joined
from mer_tf.errors import AnnotationError, DatasetNotFoundError
from mer_tf.files import is_left_over

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
        >>> samm("6"), samm("006"), samm("6.0"), samm(" \uff10\uff16"), samm("x")
        ('006', '006', '006', '006', None)
    """
    pattern = re.compile(rf"(?:{prefix.casefold()})?(\d{{1,{max(digits, 3)}}})")

    def canonical(text: str) -> str | None:
        match = pattern.fullmatch(joined(text))
        return f"{prefix}{int(match[1]):0{digits}d}" if match else None

    return canonical


def entries(path: str) -> tuple[dict[str, str], dict[str, str]]:
    """Folders and files directly in a folder: name to path, sorted by name; left-overs of systems left out.

    Both are empty where it cannot be listed.
    """
    folders, files = [], []
    try:
        with os.scandir(path) as found:
            for entry in found:
                if not is_left_over(entry.name):
                    (folders if _is_folder(entry) else files).append((entry.name, entry.path))
    except (NotADirectoryError, PermissionError):
        return {}, {}
    return dict(sorted(folders)), dict(sorted(files))


def subfolders(path: str) -> dict[str, str]:
    """Folder name to path, sorted by name; left-overs of systems left out."""
    return entries(path)[0]


def find_folders(root: str, names: Sequence[str], levels: int = _LEVELS) -> Iterator[str]:
    """Folders of given names under a root, nearest first.

    Args:
        root: Where to look: the root itself may be (or lie inside) the folder that is meant.
        names: Wanted paths such as ``"SMIC_all_raw/HS"``; case, blanks and signs are ignored.
        levels: How many levels of folders are looked into, the root included.

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
    for _ in range(levels):
        for base in level:
            for wanted in parts:
                yield from _descend(base, wanted)
        level = [path for base in level for path in list(subfolders(base).values())[:64]]


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()  # quicker than ``os.path.isdir`` in a folder of many files
    except OSError:  # a link that leads in a circle
        return False


def find_file(places: Sequence[Sequence[str]], names: Sequence[str], pattern: re.Pattern) -> tuple[str, list[str]]:
    """The file that is meant, and the others that might be.

    Args:
        places: Where to look: groups of folders, nearest group and folder first.
        names: Published names, the preferred first.
        pattern: Fits these and other names that such a file may have.

    Returns:
        Path of the file, ``""`` where there is none: the nearest of a published name, in any case of letters where its
        own is not there; else the only one that fits in the nearest folder that has any. Then the paths of all others
        that fit, in groups as near as this one's.

    Raises:
        AnnotationError: Several files fit and none has a published name; they are listed.
    """
    seen: set[str] = set()
    found = []
    for folders in places:
        fits = []
        for folder in folders:
            if os.path.realpath(folder) not in seen:
                fits += [item for item in entries(folder)[1].items() if pattern.fullmatch(item[0])]
            seen.add(os.path.realpath(folder))
        found.append(fits)
    for index, fits in enumerate(found):
        for wanted in names:
            named = [path for name, path in fits if name == wanted]
            named = named or [path for name, path in fits if name.casefold() == wanted.casefold()]
            if named:
                near = [path for nearer in found[: index + 1] for _, path in nearer]
                return named[0], [path for path in near if path != named[0]]
    paths = next(([path for _, path in fits] for fits in found if fits), [])
    if len([path for path in paths if os.path.dirname(path) == os.path.dirname(paths[0])]) > 1:
        meant = f", or give the right one its published name {names[0]!r}" if names else ""
        listed = ", ".join(map(repr, paths))
        raise AnnotationError(f"{len(paths)} files may be the one that is meant: {listed}; keep one{meant}")
    return (paths[0], paths[1:]) if paths else ("", [])


@dataclasses.dataclass(frozen=True, kw_only=True)
class FramesSet(DatasetCard):
    """Card of a set with numbered frame files: also where these lie.

    Attributes:
        folders: Frames folders by layout (``"raw"``, ``"cropped"``), in order of preference.
        subjects_like: Examples of what lies in the frames folder, for messages.
        tops: Names of the folders in the frames folder; empty where they are subjects.
        top_pattern: Fits the names of the folders in the frames folder, where they are neither of known names nor
            subjects alone.
        sheets: File names of the annotation, for messages.
        frame_pattern: Fits a frame file, the first group its number; None for any series of numbered pictures.
    """

    folders: dict[str, tuple[str, ...]]
    subjects_like: str
    tops: tuple[str, ...] = ()
    top_pattern: re.Pattern | None = None
    sheets: tuple[str, ...] = ()
    frame_pattern: re.Pattern | None = None

    def has_tops(self, folder: str) -> bool:
        """Whether a folder is the frames folder by what lies in it."""
        if self.top_pattern:
            return any(map(self.top_pattern.fullmatch, subfolders(folder)))
        return any(name.casefold() in self.tops if self.tops else self.subject_id(name) for name in subfolders(folder))


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


def twins(facts: FramesSet, root: str, layout: str, chosen: str) -> list[str]:
    """Further folders that ``find_frames`` might have taken for the frames folder of that layout."""
    found = [path for path in find_folders(root, facts.folders[layout]) if facts.has_tops(path)]
    return [
        path
        for path in dict.fromkeys(map(os.path.normpath, found))
        if not os.path.samefile(path, chosen) and not chosen.startswith(path + os.sep)
    ]


def _descend(base: str, parts: Sequence[str]) -> Iterator[str]:
    if not parts:
        yield base
        return
    for name, path in subfolders(base).items():
        if fold(name) == parts[0]:
            yield from _descend(path, parts[1:])
