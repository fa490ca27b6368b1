"""Precomputed flow images: onset-apex flow as pictures, in the layouts in which they circulate.

Either a flat folder with one picture per clip, or one folder per subject that holds all clips in class folders::

    ROOT/sub01_EP02_01f .png
    ROOT/SUBJECT/u_train/0/sub01_EP02_01f .png   (and u_test, classes 0, 1, 2)

A file name is subject, ``_``, clip; a blank may stand before the extension. It may be the clip alone where the folder
is named after the subject: ``ROOT/SUBJECT/CLIP.png``. The pictures are 8-bit RGB: R is horizontal
flow, G vertical flow, B optical strain, each stretched to 0..255 within the picture, so that zero motion has no fixed
value. All folders hold the same pictures; one copy of each is read, and folds are made from the subject ids.

The labels come from a CSV file with the columns ``dataset``, ``sub``, ``filename_o`` and ``label``; others are ignored.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import re
from collections.abc import Callable

import numpy as np

from mer_tf.datasets.flow_arrays import read_flow_array, sized_motion
from mer_tf.datasets.flow_folders import ARRAYS, PICTURES, Row, Shelf, list_pictures, unused_pictures
from mer_tf.datasets.people import People, clip_key, one_spelling
from mer_tf.errors import (
    AnnotationError,
    ClipError,
    ConfigError,
    DatasetNotFoundError,
    EmptySplitError,
    ImageError,
)
from mer_tf.files import read_rows
from mer_tf.preprocessing.images import check_image, decode_image, read_picture
from mer_tf.types import Problem

COLUMNS = ("dataset", "sub", "filename_o", "label")
CLASSES = ("negative", "positive", "surprise")
MAX_PIXELS = 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class FlowImages:
    """Flow images with the facts that splitting needs, one row per clip in the order of the CSV file.

    Attributes:
        images: ``(clips, side, side, 3)``: horizontal flow, vertical flow, strain. Of pictures uint8, each 0..255; of
            arrays float32, u and v in pixels.
        labels: ``(clips,)`` int64.
        datasets: Dataset of each clip, by the name on its card (``"smic"`` is ``"smic_hs"``); that of a set without a
            card as the CSV file spells it.
        subjects: Subject of each clip, as the CSV file spells it first; unique only within its dataset.
        clips: Name of each clip; unique only within its subject.
        classes: Class names by index.
        problems: Clips left out, pictures without a row, disagreements.
        sizes: Number of clips by the side of their file.
    """

    images: np.ndarray
    labels: np.ndarray
    datasets: tuple[str, ...]
    subjects: tuple[str, ...]
    clips: tuple[str, ...]
    classes: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    sizes: dict[int, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        people = one_spelling(tuple(zip(self.datasets, self.subjects, strict=True)))
        object.__setattr__(self, "datasets", tuple(dataset for dataset, _ in people))
        object.__setattr__(self, "subjects", tuple(subject for _, subject in people))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def keys(self) -> tuple[str, ...]:
        """``dataset/subject/clip`` of each clip."""
        return tuple("/".join(parts) for parts in zip(self.datasets, self.subjects, self.clips))

    @property
    def subject_keys(self) -> tuple[str, ...]:
        """``dataset/subject`` of each clip."""
        return tuple("/".join(parts) for parts in zip(self.datasets, self.subjects))

    @property
    def partial(self) -> bool:
        """Whether a clip of the CSV file was left out."""
        return any(problem.dropped for problem in self.problems)


def read_flow_images(
    folder: str | os.PathLike,
    labels_csv: str | os.PathLike,
    *,
    classes: tuple[str, ...] = CLASSES,
    strict: bool = False,
) -> FlowImages:
    """Reads a folder of flow images and its labels.

    Args:
        folder: Flat folder, or one folder per subject.
        labels_csv: CSV file with the columns of ``COLUMNS``.
        classes: Class names by index; a label is an index or a name.
        strict: Raise the first fault of a clip instead of leaving the clip out.

    Returns:
        The pictures and their facts.

    Raises:
        DatasetNotFoundError: No such folder.
        MissingFileError: No such CSV file.
        AnnotationError: A column is absent; a label is unknown; a clip stands twice with different labels; two clips
            would share a picture.
        EmptySplitError: No clip is left.
        ImageError: Under ``strict``, the first missing or unreadable picture, or one of another size.
    """
    return _read(folder, labels_csv, classes, strict, PICTURES, _picture)


def read_flow_arrays(
    folder: str | os.PathLike,
    labels_csv: str | os.PathLike,
    side: int,
    *,
    classes: tuple[str, ...] = CLASSES,
    strict: bool = False,
) -> FlowImages:
    """Reads a folder of flow fields in pixels (``mer_tf.datasets.flow_arrays``) and its labels.

    Args:
        folder: As ``read_flow_images``, with ``.flo``, ``.npy`` or ``.npz`` files.
        labels_csv: As ``read_flow_images``.
        side: Side in pixels that every field is brought to; u and v change with it.
        classes: As ``read_flow_images``.
        strict: As ``read_flow_images``.

    Returns:
        The fields with their strain, and their facts; ``sizes`` are those of the files.

    Raises:
        As ``read_flow_images``.
    """

    def load(path: str, key: str) -> tuple[np.ndarray, int]:
        flow = read_flow_array(path, key)
        return sized_motion(flow, side), len(flow)

    return _read(folder, labels_csv, classes, strict, ARRAYS, load)


def _read(
    folder: str | os.PathLike,
    labels_csv: str | os.PathLike,
    classes: tuple[str, ...],
    strict: bool,
    endings: tuple[str, ...],
    load: Callable[[str, str], tuple[np.ndarray, int]],
) -> FlowImages:
    """The files of one kind; ``load`` gives what is in one, and the side of the square it holds."""
    folder = os.path.abspath(os.fspath(folder))
    if not os.path.isdir(folder):
        raise DatasetNotFoundError(
            f"no folder {folder!r}; give the folder of flow: SUBJECT_CLIP.{endings[0]} in it, or in "
            "SUBJECT/u_train/CLASS and SUBJECT/u_test/CLASS"
        )
    problems: list[Problem] = []
    rows = _read_rows(os.fspath(labels_csv), classes, problems)
    pictures = list_pictures(folder, problems, endings)
    if not pictures:
        wanted = ".png picture" if endings == PICTURES else f".{', .'.join(endings)} file"
        other, flag = (ARRAYS, "--flow-arrays") if endings == PICTURES else (PICTURES, "--flow-images")
        there = list_pictures(folder, [], other)
        instead = (
            f"; its {len(there)} files such as {os.path.basename(there[0].path)!r} go with {flag}" if there else ""
        )
        raise DatasetNotFoundError(f"folder {folder!r} holds no {wanted}; give the folder of flow{instead}")

    what = "picture" if endings == PICTURES else "file"
    shelf = Shelf(pictures, rows, classes)
    kept: list[tuple[Row, np.ndarray, int]] = []
    used: dict[str, str] = {}
    for row in rows:
        try:
            copies = shelf.find(row, folder)
            first = copies[0]
            if first.path in used:
                raise AnnotationError(
                    f"{os.fspath(labels_csv)!r}: {row.key} and {used[first.path]} would both be the picture "
                    f"{first.stem!r}; write subject and clip as in the file names, or give each subject a folder"
                )
            used.update(dict.fromkeys([copy.path for copy in copies], row.key))
            kept.append((row, *load(first.path, row.key)))
        except ClipError as error:
            if strict:
                raise
            problems.append(Problem("warning", _kind(error), row.key, str(error), dropped=True))
            continue
        told = {copy.label for copy in copies if copy.part or copy.label not in shelf.digits} - {"", str(row.label)}
        if told:
            problems.append(
                Problem(
                    "warning",
                    "note",
                    row.key,
                    f"{row.key}: it lies in class folder {', '.join(sorted(told))} and the CSV file says {row.label}; "
                    "the CSV file is followed",
                )
            )
    if endings == PICTURES:
        kept = _one_size(kept, strict, problems)
    if not kept:
        raise EmptySplitError(
            f"none of {len(rows)} clips of {os.fspath(labels_csv)!r} has a usable {what} in {folder!r}"
            + (f"; the first: {problems[0].message}" if problems else "")
        )
    unused = unused_pictures(pictures, used)
    if unused:
        more = f" and {len(unused) - 5} more" if len(unused) > 5 else ""
        message = f"{len(unused)} {what}s have no row in the CSV file: {', '.join(unused[:5])}{more}"
        problems.append(Problem("info", "extra", "", message))
    images = np.stack([image for _, image, _ in kept])
    if endings == PICTURES:
        problems += _channel_order(images)
    return FlowImages(
        images=images,
        labels=np.array([row.label for row, *_ in kept], np.int64),
        datasets=tuple(row.dataset for row, *_ in kept),
        subjects=tuple(row.subject for row, *_ in kept),
        clips=tuple(row.clip for row, *_ in kept),
        classes=tuple(classes),
        problems=tuple(problems),
        sizes=dict(sorted(collections.Counter(side for *_, side in kept).items())),
    )


def _read_rows(path: str, classes: tuple[str, ...], problems: list[Problem]) -> list[Row]:
    remedy = "give the CSV file with --labels"
    lines = read_rows(path, "label file", remedy, errors="surrogateescape", error=AnnotationError)
    _, first_line = next(lines, (1, []))
    header = [cell.strip().casefold() for cell in first_line]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise AnnotationError(
            f"label file {path!r} lacks the column {', '.join(missing)}; expected {', '.join(COLUMNS)}. "
            f"Headers found: {', '.join(map(repr, first_line))[:500] or 'none'}"
        )
    twice = [name for name in COLUMNS if header.count(name) > 1]
    if twice:
        where = " and ".join(str(place + 1) for place, cell in enumerate(header) if cell == twice[0])
        raise AnnotationError(
            f"label file {path!r} has the column {twice[0]} more than once (columns {where}); remove all but one"
        )
    columns = [header.index(name) for name in COLUMNS]
    people = People()
    seen: dict[tuple[str, str, str], int] = {}
    rows: list[Row] = []
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        dataset, subject, clip, text = (cells[column].strip() if column < len(cells) else "" for column in columns)
        label = _label(text, classes)
        if label is None:
            raise AnnotationError(
                f"label file {path!r} row {number}: label {text[:80]!r} is unknown; expected 0 to "
                f"{len(classes) - 1} or {', '.join(classes)}"
            )
        if not dataset or not subject or not clip:
            raise AnnotationError(f"label file {path!r} row {number} lacks a dataset, sub or filename_o")
        try:
            dataset, subject = people.add(dataset, subject)
        except ConfigError as error:
            raise AnnotationError(f"label file {path!r} row {number}: {error}") from error
        row = Row(dataset, subject, clip, label)
        place = clip_key(dataset, subject, clip)
        if place in seen:
            if seen[place] != label:
                raise AnnotationError(
                    f"label file {path!r} row {number} gives {row.key} the label {label}, an earlier row {seen[place]}"
                )
            message = f"{row.key}: row {number} of the CSV file repeats it; the first row counts"
            problems.append(Problem("warning", "note", row.key, message))
            continue
        seen[place] = label
        rows.append(row)
    if not rows:
        raise EmptySplitError(f"label file {path!r} has no rows")
    if note := people.note():
        problems.append(Problem("warning", "note", "", f"label file {path!r}: {note}"))
    return rows


def _label(text: str, classes: tuple[str, ...]) -> int | None:
    if text in classes or text.casefold() in classes:
        return classes.index(text if text in classes else text.casefold())
    match = re.fullmatch(r"(\d{1,3})(\.0*)?", text)
    return int(match[1]) if match and int(match[1]) < len(classes) else None


def _picture(path: str, key: str) -> tuple[np.ndarray, int]:
    data = read_picture(path, key)
    try:
        image = check_image(decode_image(data, max_pixels=MAX_PIXELS, clip=key))
    except ImageError as error:
        raise ImageError(f"file {os.path.basename(path)!r}: {error.message}", key) from error
    height, width = image.shape[:2]
    if height != width:
        raise ImageError(
            f"file {os.path.basename(path)!r}: it is {width}x{height}; the flow of a square face crop is expected", key
        )
    return image, height


def _one_size(kept, strict: bool, problems: list[Problem]):
    """The clips whose picture has the size that most have."""
    if not kept:
        return kept
    sizes = collections.Counter(side for *_, side in kept)
    most = max(sizes, key=lambda side: (sizes[side], -side))
    result = []
    for entry in kept:
        row, _, side = entry
        if side == most:
            result.append(entry)
            continue
        error = ImageError(f"its picture is {side}x{side}, most are {most}x{most}; resize it from its flow", row.key)
        if strict:
            raise error
        problems.append(Problem("warning", "skipped", row.key, str(error), dropped=True))
    return result


def _kind(error: ClipError) -> str:
    return "missing" if error.message.startswith("has no picture") else "skipped"


def _channel_order(images: np.ndarray) -> list[Problem]:
    """A warning where the strain seems to be the first channel: pictures written by a library that takes BGR."""
    red, green, blue = np.median(images.reshape(-1, 3), axis=0)
    if red * 2 < min(green, blue):
        message = (
            f"the channels have medians {red:.0f}, {green:.0f}, {blue:.0f}; strain, which is mostly near zero, "
            "should be the third of R, G, B. Were the pictures written as BGR?"
        )
        return [Problem("warning", "note", "", message)]
    return []
