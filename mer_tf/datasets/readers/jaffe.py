"""JAFFE (Lyons et al. 1998): 213 stills of 10 subjects, 256x256 gray, in one flat folder.

``KA.AN1.39.tiff`` is subject, class and take, running number. The class is the posed one; the published ratings may
differ. Each still is a clip of one frame, whose number is the running number.
"""

from __future__ import annotations

import collections
import os
import re

from mer_tf.datasets.card import DatasetCard
from mer_tf.datasets.expected import Expected, macro5
from mer_tf.datasets.folders import entries, subfolders
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import DatasetNotFoundError, ImageError
from mer_tf.frames import Frames
from mer_tf.types import ClipTable

CODES = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
_ENDINGS = (".tiff", ".tif", ".png", ".jpg", ".jpeg", ".bmp", ".gif")
_FILE = re.compile(r"([A-Z]{2})\.([A-Z]{2})(\d+)\.(\d{1,6})\.tiff?", re.IGNORECASE)
_LABELS = Expected(
    "JAFFE",
    {"anger": 30, "disgust": 29, "fear": 32, "happiness": 31, "neutral": 30, "sadness": 31, "surprise": 30},
    10,
    source="the current release; the Micro-Attention paper prints 219 pictures",
)


def _subject_id(text: str) -> str | None:
    text = text.strip().upper()
    return text if re.fullmatch(r"[A-Z]{2}", text) else None


JAFFE = DatasetCard(
    name="jaffe",
    title="JAFFE",
    kind="macro",
    classes=tuple(_LABELS.classes),
    fps=1.0,
    subject_id=_subject_id,
    peak="still",
    neutral=False,
    counts={"native": (_LABELS,), "macro5": (macro5(_LABELS, _LABELS.subjects),)},
    pictures=151,
    hint="JAFFE comes from its distributor (M. Lyons, on Zenodo) after agreement to its terms of use",
)
CARDS = (JAFFE,)


def read_jaffe(root: str | os.PathLike, *, mapping: str | LabelMapping = "macro5", strict: bool = False) -> ClipTable:
    """Reads JAFFE: stills, so that onset, apex and offset are one frame.

    Args:
        root: The folder of ``.tiff`` files, or one that holds it.
        mapping: Label mapping.
        strict: Raise the first fault of a clip instead of leaving the clip out.

    Returns:
        The stills, sorted by subject and name.

    Raises:
        DatasetNotFoundError, EmptySplitError, UnknownNameError, ClipError: See ``read_ckplus``.
    """
    root = os.path.abspath(os.fspath(root))
    build = TableBuilder(JAFFE, mapping, strict=strict)
    (folder, names), *more = _find(root)
    for other, _ in more:
        build.note(f"folder {other!r} holds such pictures too and is not read", severity="warning", kind="extra")
    stills: dict[str, list[str]] = collections.defaultdict(list)
    for name in names:
        stills[os.path.splitext(name)[0].upper()].append(name)
    for files in stills.values():
        name = files[0]
        match = _FILE.fullmatch(name)
        if match is None:
            if name.casefold().endswith(_ENDINGS):
                build.unread(os.path.join(folder, name), "a name such as KA.AN1.39.tiff")
            continue
        subject, code, _, number = (part.upper() for part in match.groups())
        clip = os.path.splitext(name)[0]
        key = build.key(subject, clip)
        with build.faults():
            if code not in CODES:
                build.unread(os.path.join(folder, name), f"a class code of {', '.join(CODES)}", key)
                continue
            row = Row(subject, clip, CODES[code], int(number), int(number), int(number))
            label = build.label(row)
            if label is None:
                continue
            if len(files) > 1:
                raise ImageError(f"{files[0]!r} and {files[1]!r} are one still; keep one of them", key)
            build.add(row, label, Frames((int(number),), (os.path.join(folder, name),)), folder)
    build.note(f"stills under {folder!r} are used; the class is the posed one of the file name", kind="source")
    return build.table(context=f"under {folder!r}: {len(names)} files")


def _find(root: str) -> list[tuple[str, list[str]]]:
    """The folders that hold such pictures, each with the names in it, nearest first; of one level only."""
    if not os.path.isdir(root):
        raise DatasetNotFoundError(
            f"jaffe: no folder {root!r}; expected one with KA.AN1.39.tiff, ... inside. {JAFFE.hint}"
        )
    level = [root]
    for _ in range(3):
        found = [(folder, list(entries(folder)[1])) for folder in level]
        found = [(folder, names) for folder, names in found if any(map(_FILE.fullmatch, names))]
        if found:
            return found
        level = [below for folder in level for below in list(subfolders(folder).values())[:64]]
    raise DatasetNotFoundError(
        f"jaffe: {root!r} has no file such as KA.AN1.39.tiff (nor has a folder in it); the pictures of the distributor "
        f"are .tiff. {JAFFE.hint}"
    )
