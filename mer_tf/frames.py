"""Which files of a folder are the frames of a clip: one rule for readers and for folders that a user gives.

The frames of a clip differ in one number of their names and in nothing else but the file format: they share what
stands before it, what stands after it, and how it is padded. ``img9 (1).jpg``, ``img9 - Copy.jpg`` and ``thumb1.jpg``
are therefore no frames of ``img5.jpg ... img27.jpg``; they are left out and named. Where two series could be the clip,
or two files bear one number, no choice is made.

Frame numbers are absolute and sorted as numbers.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence

from mer_tf.errors import BadInputError, ImageError, MissingFileError
from mer_tf.files import check_regular, is_left_over

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_PICTURE = re.compile(rf"(?s:.+)(?:{'|'.join(map(re.escape, SUFFIXES))})", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]+")
_MAX_NUMBER = 2**63 - 1  # what a record can hold; time stamps in nanoseconds are below it
_NAMED = 5  # files named in one message


@dataclasses.dataclass(frozen=True)
class Frames:
    """Frame files of a folder in the order of their numbers.

    Attributes:
        numbers: Frame numbers, ascending.
        paths: The file of each number.
        others: Names of the pictures that are not of the series.
        fault: Why no choice could be made, or ``""``; then there are no numbers and no paths.
    """

    numbers: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    fault: str = ""

    @property
    def remark(self) -> str:
        """One sentence that names the pictures left out; ``""`` where there are none."""
        if not self.others:
            return ""
        are = "picture is" if len(self.others) == 1 else "pictures are"
        return f"{len(self.others)} {are} not named like the frames and left out: {_list(self.others)}"


def scan_frames(folder: str, pattern: re.Pattern | None = None, key: str = "") -> Frames:
    """Lists the frames of a folder; no file is opened.

    Args:
        folder: The folder.
        pattern: Fits the whole name of a frame file, its first group the number; None for any series of numbered
            pictures.
        key: Clip key for the message.

    Raises:
        ImageError: The folder cannot be listed.
    """
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise ImageError(f"folder {folder!r} cannot be listed ({error.strerror or error})", key) from error
    pictures = sorted(name for name in names if _PICTURE.fullmatch(name) and not is_left_over(name))
    chosen, fault = _choose(pictures, pattern)
    numbers = sorted(chosen)
    kept = set(chosen.values())
    return Frames(
        tuple(numbers),
        tuple([f"{folder}{os.sep}{chosen[number]}" for number in numbers]),
        () if fault else tuple(name for name in pictures if name not in kept),
        fault,
    )


def frames_of_folder(folder: str | os.PathLike, hint: str = "") -> Frames:
    """The frames of a folder that a user names as a clip; there is at least one.

    Args:
        folder: The folder.
        hint: What else may be given, for the message.

    Raises:
        MissingFileError: No such folder, no frame in it, or a frame that is a link to nothing.
        BadInputError: Two series or two files of one number, so that it is not clear which the frames are, or a frame
            that is no file.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        kind = "is a file" if os.path.exists(folder) else "does not exist"
        raise MissingFileError(f"clip folder {folder} {kind}; give the folder that holds the clip's frames{hint}")
    try:
        frames = scan_frames(folder)
    except ImageError as error:
        raise BadInputError(str(error)) from error
    if frames.fault:
        raise BadInputError(f"clip folder {folder}: {frames.fault}")
    if not frames.numbers:
        raise MissingFileError(
            f"no frames in {folder}; expected images ({', '.join(SUFFIXES)}) with a number in their name, such as "
            "img1.jpg"
        )
    for path in frames.paths:  # whether it is needed or not: the clip is not whole without it
        check_regular(path, "frame", "put its picture there, or remove it if it is no frame of the clip")
    return frames


def _choose(names: Sequence[str], pattern: re.Pattern | None) -> tuple[dict[int, str], str]:
    """(file name by number, ``""``) of the clip's series, or (nothing, why there is none)."""
    series: dict[tuple[str, str], dict[str, str]] = collections.defaultdict(dict)
    numbered = set()
    for name in names:
        for key, digits in _readings(name, pattern):
            series[key][name] = digits
            numbered.add(name)
    if not series:
        return {}, ""
    # Of two readings of the same files the later number counts (``max`` takes the first of equals).
    key = max(series, key=lambda one: len(series[one]))
    members = series[key]
    numbers: dict[int, str] = {}
    for name, digits in members.items():
        other = numbers.setdefault(int(digits), name)
        if other != name:
            return {}, f"{other!r} and {name!r} are both frame {int(digits)}; keep one of them"
    members = _one_padding(members)
    rest = numbered - members.keys()
    rival = max((len(rest & found.keys()) for found in series.values()), default=0)
    # Names that differ from the frames' in another number go on counting there, as seconds before milliseconds do.
    alike = [name for one, found in series.items() if one != key and _shape(one) == _shape(key) for name in found]
    alike = sorted(rest.intersection(alike))
    # A second series half as long may as well be the clip, and so may nothing where most pictures stand alone.
    if rest and (alike or 2 * rival >= len(members) or len(rest) >= len(members)):
        first, second = min(members), min(alike or rest)
        return {}, (
            f"{len(members)} pictures are named like {first!r} and {len(rest)} in other ways, such as {second!r}, so "
            "that it is not clear which are the frames; leave only the frames in the folder, named like img1.jpg, "
            "img2.jpg, ..."
        )
    return {int(digits): name for name, digits in members.items()}, ""


def _readings(name: str, pattern: re.Pattern | None) -> Iterator[tuple[tuple[str, str], str]]:
    """Each way to read a name as (what stands before its number, what after) and the digits of that number."""
    if pattern is None:
        spans = [found.span() for found in _DIGITS.finditer(name, 0, name.rindex("."))][::-1]
    else:
        found = pattern.fullmatch(name)
        spans = [] if found is None else [found.span(1)]
    for start, end in spans:
        while start and name[start - 1] in "0123456789":  # a pattern may leave out zeros before the number
            start -= 1
        if int(name[start:end]) <= _MAX_NUMBER:
            yield (_fold(name[:start]), _fold(name[end : name.rindex(".")])), name[start:end]


def _one_padding(members: dict[str, str]) -> dict[str, str]:
    """The names whose numbers are padded alike: to the width that fits most, or not at all."""
    padded = {len(digits) for digits in members.values() if digits[0] == "0" and len(digits) > 1}
    if not padded:
        return members

    def fits(digits: str, width: int) -> bool:
        return len(digits) == width if digits[0] == "0" and len(digits) > 1 else len(digits) >= width

    width = max(sorted(padded | {0}), key=lambda one: sum(fits(digits, one) for digits in members.values()))
    return {name: digits for name, digits in members.items() if fits(digits, width)}


def _shape(key: tuple[str, str]) -> list[str]:
    """What stands around a number, whatever other numbers there are."""
    return [_DIGITS.sub("0", part) for part in key]


def _fold(text: str) -> str:
    text = text.strip()
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more
