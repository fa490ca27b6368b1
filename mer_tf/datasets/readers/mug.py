"""MUG (Aifanti et al. 2010): posed expressions from neutral to apex and back, 19 frames a second, 896x896 colour.

Folders as the distributor ships them::

    ROOT/subjects3/001/anger/take000/img_0000.jpg ...

52 of 86 subjects are open to requesters; some come as archives or as ``.avi``. The apex is not labelled: the middle
frame of a take stands for it.
"""

from __future__ import annotations

import os

from mer_tf.datasets.folders import FramesSet, find_frames, fold, padded_id
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import ImageError
from mer_tf.frames import scan_frames
from mer_tf.types import ClipTable

MUG = FramesSet(
    name="mug",
    title="MUG",
    kind="macro",
    classes=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
    fps=19.0,
    peak="middle",
    counts=None,  # what a requester is given is not the whole set, and no source counts it
    pictures=8228,
    folders={"raw": ("subjects3", "subjects", "MUG")},
    subject_id=padded_id("", 3),
    subjects_like="001, 002, ...",
    hint="MUG comes from its distributor (Aristotle University of Thessaloniki) after a signed licence agreement",
)
CARDS = (MUG,)
_PACKED = (".avi", ".zip", ".rar")
_ALIASES = {"happy": "happiness", "sad": "sadness"}


def read_mug(root: str | os.PathLike, *, mapping: str | LabelMapping = "macro5", strict: bool = False) -> ClipTable:
    """Reads MUG; onset and offset are the first and the last frame of a take, the apex is None.

    Args:
        root: Folder that holds ``subjects3``, or that folder.
        mapping: Label mapping.
        strict: Raise the first fault of a clip instead of leaving the clip out.

    Returns:
        The takes, named like ``anger_take000``, sorted by subject and name.

    Raises:
        DatasetNotFoundError, EmptySplitError, UnknownNameError, ClipError: See ``read_ckplus``.
    """
    build = TableBuilder(MUG, mapping, strict=strict)
    root = os.path.abspath(os.fspath(root))
    frames_root, layout = find_frames(MUG, root, "auto")
    takes = 0
    for subject, path in build.subjects(MUG, frames_root):
        for emotion, folder in build.level(path, _emotion, f"one of {', '.join(MUG.classes)}", key=f"mug/{subject}"):
            for take, take_folder in build.level(folder, str.strip, "a folder per take", key=f"mug/{subject}"):
                takes += 1
                with build.faults():
                    _take(build, Row(subject, f"{emotion}_{take}", emotion), take_folder)
    build.note("the apex is not labelled in this set; the middle frame of a take stands for it")
    build.read_from(MUG, root, layout, frames_root)
    return build.table(context=f"under {frames_root!r}: {takes} takes")


def _emotion(name: str) -> str | None:
    emotion = _ALIASES.get(fold(name), fold(name))
    return emotion if emotion in MUG.emotions else None


def _take(build: TableBuilder, row: Row, folder: str) -> None:
    key = build.key(row.subject, row.clip)
    build.first_of_name(row.subject, row.clip, f"folder {folder!r}")
    label = build.label(row)
    if label is None:
        return
    frames = scan_frames(folder, MUG.frame_pattern, key)
    packed = [] if frames.numbers else [name for name in os.listdir(folder) if name.casefold().endswith(_PACKED)]
    if packed:
        raise ImageError(f"folder {folder!r} holds {packed[0]!r} and no frames; unpack it to numbered .jpg files", key)
    build.add(row, label, frames, folder)
