"""CK+ (Lucey et al. 2010): posed expressions from neutral (first frame) to apex (last frame), 30 frames a second.

Folders as the distributor ships them::

    ROOT/cohn-kanade-images/S005/001/S005_001_00000001.png ...
    ROOT/Emotion/S005/001/S005_001_00000011_emotion.txt
    ROOT/FACS/S005/001/S005_001_00000011_facs.txt

593 sequences of 123 subjects, of which 327 of 118 have an emotion. A re-pack of 48x48 pictures, the last three of each
labelled sequence, circulates as ``CK+48``; it is read as ``ck48`` and never taken for CK+.
"""

from __future__ import annotations

import dataclasses
import os
import re

from mer_tf.datasets.expected import Expected, macro5
from mer_tf.datasets.folders import (
    Frames,
    FramesSet,
    find_files,
    find_folders,
    find_frames,
    fold,
    padded_id,
    scan_frames,
    subfolders,
)
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import ClipError, DatasetNotFoundError
from mer_tf.files import oddity
from mer_tf.types import ClipTable

EMOTION_CODES = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
_HINT = "CK+ comes from its distributor (University of Pittsburgh) after a signed licence agreement"
_EMOTION_FILE = re.compile(r".*_0*(\d{1,9})_emotion\.txt", re.IGNORECASE)
_FACS_FILE = re.compile(r".*_facs\.txt", re.IGNORECASE)
_MAX_TEXT = 65536
_INTENSITY = ("", "A", "B", "C", "D", "E")  # 0 is present without an intensity

_LABELS = Expected(
    "CK+",
    {"anger": 45, "contempt": 18, "disgust": 59, "fear": 25, "happiness": 69, "sadness": 28, "surprise": 83},
    118,
    source="the labels, through the re-pack",
)
CKPLUS = FramesSet(
    name="ckplus",
    title="CK+",
    aliases=("ck", "cohnkanade"),
    kind="macro",
    classes=EMOTION_CODES[1:],
    more_emotions=EMOTION_CODES[:1],
    fps=30.0,
    peak="last",
    counts={"native": (_LABELS,), "macro5": (macro5(_LABELS, None),)},
    pictures=852,
    folders={"raw": ("cohn-kanade-images", "extended-cohn-kanade-images")},
    sheets=("a folder Emotion",),
    subject_id=padded_id("S", 3),
    subjects_like="S005, S010, ...",
    hint=_HINT,
)
_CK48_FOLDERS = {**{name: name for name in CKPLUS.classes}, "happy": "happiness"}
_REPACK = dataclasses.replace(_LABELS, name="CK+48")
CK48 = FramesSet(
    name="ck48",
    title="CK+48",
    aliases=("ck", "cohnkanade"),
    kind="macro",
    classes=CKPLUS.classes,
    fps=30.0,
    peak="last",
    neutral=False,
    counts={"native": (_REPACK,), "macro5": (macro5(_REPACK, None),)},
    folders={"repack": ("CK+48",)},
    subject_id=CKPLUS.subject_id,
    subjects_like="anger, contempt, ...",
    tops=tuple(_CK48_FOLDERS),
    hint="CK+48 is a re-pack of CK+, whose licence applies",
)
CARDS = (CKPLUS, CK48)
_CK48_FRAME = re.compile(r"(S\d{3})_(\d{3})_0*(\d{1,9})\.(?:png|jpe?g|bmp)", re.IGNORECASE)


def read_ckplus(root: str | os.PathLike, *, mapping: str | LabelMapping = "macro5", strict: bool = False) -> ClipTable:
    """Reads the labelled sequences of CK+; onset is the first frame, apex and offset the last.

    Args:
        root: Folder that holds ``cohn-kanade-images`` and ``Emotion``, or the first of them.
        mapping: Label mapping.
        strict: Raise the first fault of a clip instead of leaving the clip out.

    Returns:
        The clips, sorted by subject and clip. ``aus`` has the FACS codes as text (``"1C+2+25"``).

    Raises:
        DatasetNotFoundError: No such folder, no frames, or no ``Emotion`` folder.
        EmptySplitError: No usable clip.
        UnknownNameError: No such mapping, or none for this set.
        ClipError: Under ``strict``, the first fault of a clip.
    """
    root = os.path.abspath(os.fspath(root))
    build = TableBuilder(CKPLUS, mapping, strict=strict)
    build.annotation = "the emotion files"
    try:
        frames_root, _ = find_frames(CKPLUS, root, "auto")
    except DatasetNotFoundError as error:
        if os.path.isdir(root) and next(find_folders(root, CK48.folders["repack"]), None):
            raise DatasetNotFoundError(
                f"ckplus: {root!r} holds the 48x48 re-pack, which has neither neutral frames nor action units; "
                "read it as dataset ck48"
            ) from None
        raise error
    places = list(dict.fromkeys((root, os.path.dirname(frames_root))))
    emotion_root, facs_root = _beside(places, ("Emotion", "Emotion_labels")), _beside(places, ("FACS", "FACS_labels"))
    if emotion_root is None:
        raise DatasetNotFoundError(
            f"ckplus: no emotion labels in {' or '.join(map(repr, places))}; expected a folder Emotion. {_HINT}"
        )
    sequences, labels, units = _sequences(frames_root), _sequences(emotion_root), {}
    if facs_root is not None:
        units = _sequences(facs_root)
    unlabelled = 0
    for place in sorted(sequences.keys() | labels.keys()):
        subject, name = place[0], f"{place[0]}_{place[1]}"
        with build.faults():
            files = find_files([labels[place]], _EMOTION_FILE) if place in labels else []
            if not files:
                unlabelled += 1
                continue
            key = build.key(subject, name)
            emotion = _emotion(files[0], key)
            row = Row(subject, name, emotion, aus=_facs(units.get(place), build, key), apex_is_last=True)
            label = build.label(row)
            if label is None:
                continue
            build.expected += 1
            if place not in sequences:
                build.no_folder(row, os.path.join(frames_root, *place))
                continue
            frames = scan_frames(sequences[place], CKPLUS.frame_pattern, key)
            peak = int(_EMOTION_FILE.fullmatch(os.path.basename(files[0]))[1])
            if frames.numbers and frames.numbers[-1] != peak:
                message = f"its label speaks of frame {peak} and the last one present is {frames.numbers[-1]}"
                build.note(message, key=key, severity="warning")
            build.add(row, label, frames, sequences[place])
    build.note(f"{unlabelled} sequences have no emotion label and are not used")
    build.note(f"frames under {frames_root!r} are used")
    return build.table(context=f"under {frames_root!r}: {len(sequences)} sequences")


def read_ck48(root: str | os.PathLike, *, mapping: str | LabelMapping = "macro5", strict: bool = False) -> ClipTable:
    """Reads the 48x48 re-pack of CK+: the last three frames of each labelled sequence, without a neutral frame.

    Arguments, result and errors are those of ``read_ckplus``. The onset is the first of the three frames: nothing about
    motion from neutral can be computed from this set.
    """
    build = TableBuilder(CK48, mapping, strict=strict)
    frames_root, _ = find_frames(CK48, os.path.abspath(os.fspath(root)), "auto")
    found: dict[tuple[str, str], dict[str, dict[int, str]]] = {}
    strays = 0
    for entry, folder in subfolders(frames_root).items():
        emotion = _CK48_FOLDERS.get(entry.casefold())
        if emotion is None:
            continue
        for name in sorted(os.listdir(folder)):
            match = _CK48_FRAME.fullmatch(name)
            if match is None:
                strays += name[0] != "."
                continue
            place = (match[1].upper(), f"{match[1].upper()}_{match[2]}")
            found.setdefault(place, {}).setdefault(emotion, {})[int(match[3])] = os.path.join(folder, name)
    for (subject, name), emotions in sorted(found.items()):
        with build.faults():
            key = build.key(subject, name)
            if len(emotions) > 1:
                raise ClipError(f"it lies in several class folders ({', '.join(sorted(emotions))}); keep one", key)
            emotion, files = next(iter(emotions.items()))
            row = Row(subject, name, emotion, apex_is_last=True)
            label = build.label(row)
            if label is not None:
                numbers = sorted(files)
                frames = Frames(tuple(numbers), tuple(files[number] for number in numbers))
                build.add(row, label, frames, frames_root)
    if strays:
        build.note(f"{strays} files are not named like S010_004_00000017.png; not read")
    build.note("the re-pack has no neutral frames, action units or full resolution")
    return build.table(context=f"under {frames_root!r}: {len(found)} sequences")


def _beside(places: list[str], names: tuple[str, ...]) -> str | None:
    """A folder of one of these names directly in one of the places, or the folder of subjects in it."""
    wanted = {fold(name) for name in names}
    for place in places:
        for name, path in subfolders(place).items():
            for candidate in (path, *subfolders(path).values()) if fold(name) in wanted else ():
                if any(CKPLUS.subject_id(entry) for entry in subfolders(candidate)):
                    return candidate
    return None


def _sequences(base: str) -> dict[tuple[str, str], str]:
    """Folder by (subject, take)."""
    return {
        (CKPLUS.subject_id(subject), take): folder
        for subject, path in subfolders(base).items()
        if CKPLUS.subject_id(subject)
        for take, folder in subfolders(path).items()
    }


def _read_text(path: str, key: str) -> str:
    if oddity(path):
        raise ClipError(f"file {path!r} is {oddity(path)}", key)
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(_MAX_TEXT)
    except OSError as error:
        raise ClipError(f"file {path!r} cannot be read ({error.strerror or error})", key) from error


def _emotion(path: str, key: str) -> str:
    text = _read_text(path, key).strip()
    try:
        value = float(text)
        if value not in range(len(EMOTION_CODES)):
            raise ValueError(text)
    except ValueError:
        raise ClipError(f"file {path!r} holds {text[:40]!r}; expected one number from 0 to 7", key) from None
    return EMOTION_CODES[int(value)]


def _facs(folder: str | None, build: TableBuilder, key: str) -> str:
    files = find_files([folder], _FACS_FILE) if folder else []
    if not files:
        return ""
    units = []
    for line in _read_text(files[0], key).splitlines():
        try:
            values = [float(value) for value in line.split()]
            if values:
                unit, intensity = values
                units.append(f"{int(unit)}{_INTENSITY[int(intensity)]}")
        except (ValueError, IndexError, OverflowError):
            message = f"line {line[:40]!r} of {os.path.basename(files[0])!r} is not an action unit with its intensity"
            build.note(message, key=key, severity="warning")
    return "+".join(units)
