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
from mer_tf.datasets.folders import FramesSet, entries, find_folders, find_frames, fold, padded_id, subfolders
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import ClipError, DatasetNotFoundError
from mer_tf.files import oddity
from mer_tf.frames import SUFFIXES, Frames, scan_frames
from mer_tf.types import ClipTable

EMOTION_CODES = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
_HINT = "CK+ comes from its distributor (University of Pittsburgh) after a signed licence agreement"
_EMOTION_FILE = re.compile(r".*_0*(\d{1,9})_emotion\.txt", re.IGNORECASE)
_FACS_FILE = re.compile(r".*_facs\.txt", re.IGNORECASE)
_EMOTION_FOLDERS = ("Emotion", "Emotion_labels")
_FACS_FOLDERS = ("FACS", "FACS_labels")
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
        frames_root, layout = find_frames(CKPLUS, root, "auto")
    except DatasetNotFoundError as error:
        if os.path.isdir(root) and next(find_folders(root, CK48.folders["repack"]), None):
            raise DatasetNotFoundError(
                f"ckplus: {root!r} holds the 48x48 re-pack, which has neither neutral frames nor action units; "
                "read it as dataset ck48"
            ) from None
        raise error
    places = list(dict.fromkeys((root, os.path.dirname(frames_root))))
    emotion_root, facs_root = (_beside(build, places, names) for names in (_EMOTION_FOLDERS, _FACS_FOLDERS))
    if emotion_root is None:
        raise DatasetNotFoundError(
            f"ckplus: no emotion labels in {' or '.join(map(repr, places))}; expected a folder Emotion. {_HINT}"
        )
    sequences, labels = _sequences(build, frames_root), _sequences(build, emotion_root)
    units = {} if facs_root is None else _sequences(build, facs_root)
    unlabelled = 0
    for place in sorted(sequences.keys() | labels.keys()):
        subject, name = place[0], f"{place[0]}_{place[1]}"
        with build.faults():
            key = build.key(subject, name)
            file = _label_file(build, labels.get(place), name, _EMOTION_FILE, key)
            if not file:
                unlabelled += 1
                continue
            emotion = _emotion(file, key)
            codes = _facs(_label_file(build, units.get(place), name, _FACS_FILE, key), build, key)
            row = Row(subject, name, emotion, aus=codes, apex_is_last=True)
            label = build.label(row)
            if label is None:
                continue
            build.expected += 1
            if place not in sequences:
                build.no_folder(row, os.path.join(frames_root, *place))
                continue
            frames = scan_frames(sequences[place], CKPLUS.frame_pattern, key)
            peak = int(_EMOTION_FILE.fullmatch(os.path.basename(file))[1])
            if frames.numbers and frames.numbers[-1] != peak:
                message = f"its label speaks of frame {peak} and the last one present is {frames.numbers[-1]}"
                build.note(message, key=key, severity="warning")
            build.add(row, label, frames, sequences[place])
    build.note(f"{unlabelled} sequences have no emotion label and are not used")
    build.read_from(CKPLUS, root, layout, frames_root)
    return build.table(context=f"under {frames_root!r}: {len(sequences)} sequences")


def read_ck48(root: str | os.PathLike, *, mapping: str | LabelMapping = "macro5", strict: bool = False) -> ClipTable:
    """Reads the 48x48 re-pack of CK+: the last three frames of each labelled sequence, without a neutral frame.

    Arguments, result and errors are those of ``read_ckplus``. The onset is the first of the three frames: nothing about
    motion from neutral can be computed from this set.
    """
    build = TableBuilder(CK48, mapping, strict=strict)
    root = os.path.abspath(os.fspath(root))
    frames_root, layout = find_frames(CK48, root, "auto")
    found: dict[tuple[str, str], dict[str, dict[int, list[str]]]] = {}
    classes = f"one of {', '.join(_CK48_FOLDERS)}"
    for emotion, folder in build.level(frames_root, lambda name: _CK48_FOLDERS.get(fold(name)), classes):
        strays = []
        for name, file in entries(folder)[1].items():
            match = _CK48_FRAME.fullmatch(name)
            if match is None:
                if name.casefold().endswith(SUFFIXES):
                    strays.append(file)
                continue
            place = (match[1].upper(), f"{match[1].upper()}_{match[2]}")
            found.setdefault(place, {}).setdefault(emotion, {}).setdefault(int(match[3]), []).append(file)
        if strays:
            more = f" ({len(strays) - 1} more beside it are not either)" if len(strays) > 1 else ""
            build.unread(strays[0], f"a name such as S010_004_00000017.png{more}")
    for (subject, name), emotions in sorted(found.items()):
        with build.faults():
            key = build.key(subject, name)
            if len(emotions) > 1:
                raise ClipError(f"it lies in several class folders ({', '.join(sorted(emotions))}); keep one", key)
            emotion, files = next(iter(emotions.items()))
            double = next((one for one in files.values() if len(one) > 1), None)
            if double:
                raise ClipError(f"{double[0]!r} and {double[1]!r} are one frame; keep one of them", key)
            row = Row(subject, name, emotion, apex_is_last=True)
            label = build.label(row)
            if label is not None:
                numbers = sorted(files)
                frames = Frames(tuple(numbers), tuple(files[number][0] for number in numbers))
                build.add(row, label, frames, frames_root)
    build.read_from(CK48, root, layout, frames_root)
    build.note("the re-pack has no neutral frames, action units or full resolution")
    return build.table(context=f"under {frames_root!r}: {len(found)} sequences")


def _beside(build: TableBuilder, places: list[str], names: tuple[str, ...]) -> str | None:
    """A folder of one of these names directly in one of the places, or the folder of subjects in it; others named."""
    found = []
    for path in (path for place in places for name in names for path in find_folders(place, (name,), levels=1)):
        candidates = (path, *subfolders(path).values())
        found += [one for one in candidates if any(map(CKPLUS.subject_id, subfolders(one)))][:1]
    for other in found[1:]:
        message = f"folder {other!r} is in the place of {found[0]!r} too and is not read"
        build.note(message, severity="warning", kind="extra")
    return found[0] if found else None


def _sequences(build: TableBuilder, base: str) -> dict[tuple[str, str], str]:
    """Folder by (subject, take)."""
    found: dict[tuple[str, str], str] = {}
    for subject, path in build.subjects(CKPLUS, base, beside=(*_EMOTION_FOLDERS, *_FACS_FOLDERS, "Landmarks")):
        for take, folder in build.level(path, str.strip, "a folder per sequence", key=f"ckplus/{subject}"):
            found.setdefault((subject, take), folder)
    return found


def _label_file(build: TableBuilder, folder: str | None, name: str, pattern: re.Pattern, key: str) -> str:
    """The text file of a sequence, ``""`` where there is none: the one that begins with its name, else the only one.

    Raises:
        ClipError: Several files fit.
    """
    files = entries(folder)[1] if folder else {}
    fits = [file for file in files if pattern.fullmatch(file)]
    fits = [file for file in fits if file.casefold().startswith(f"{name}_".casefold())] or fits
    if len(fits) > 1:
        raise ClipError(f"files {fits[0]!r} and {fits[1]!r} in {folder!r} are both its label; keep one of them", key)
    odd = [path for file, path in files.items() if file not in fits and file.casefold().endswith(".txt")]
    if odd and fits:
        build.note(f"file {odd[0]!r} is not read: {fits[0]!r} is", key=key, severity="warning", kind="extra")
    elif odd:
        build.unread(odd[0], f"a name such as {name}_00000011_emotion.txt or {name}_00000011_facs.txt", key)
    return files[fits[0]] if fits else ""


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


def _facs(file: str, build: TableBuilder, key: str) -> str:
    units = []
    for line in _read_text(file, key).splitlines() if file else ():
        try:
            values = [float(value) for value in line.split()]
            if values:
                unit, intensity = values
                units.append(f"{int(unit)}{_INTENSITY[int(intensity)]}")
        except (ValueError, IndexError, OverflowError):
            message = f"line {line[:40]!r} of {os.path.basename(file)!r} is not an action unit with its intensity"
            build.note(message, key=key, severity="warning")
    return "+".join(units)
