"""CAS(ME)^3 (Li et al. 2023), part A, micro-expressions: 30 frames a second, 1280x720 colour, 94 subjects with clips.

Two forms are read, with the distributor's sheet beside or in a folder ``annotation``: the clips cut out, each folder
named after subject, video and onset, and the whole videos, of which a clip takes the frames it needs::

    ROOT/Part_A_ME_clip/frame/spNO.1_a_355/355.jpg ...
    ROOT/part_A/spNO.1/a/color/355.jpg ...
    ROOT/annotation/cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx

A clip is called ``a_355``: its video and its onset as printed, because one video has many clips. Colour frames only:
depth (``depth`` beside them), voice and physiology are not read, nor are macro-expressions, part B (no labels) and
part C (no apex, other columns).
"""

from __future__ import annotations

import os
import re

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.corrections import Correction
from mer_tf.datasets.expected import Expected, five, three
from mer_tf.datasets.folders import fold, subfolders
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.sheets import frame_number
from mer_tf.datasets.spelling import joined
from mer_tf.datasets.table import Row
from mer_tf.errors import ImageError
from mer_tf.frames import Frames, scan_frames
from mer_tf.types import ClipTable

_SHEET = "the distributor's sheet v2, 860 rows; the paper is quoted with 943, not verified"
_SUBJECT = re.compile(r"(?:spno)?(\d{1,3})")
_CLIP = re.compile(r"([a-z])_0*(\d{1,9})", re.IGNORECASE)
_FOLDER = re.compile(r"(spno\W?\d{1,3})_([a-z]_\w+)", re.IGNORECASE)
_BESIDE = ("depth", "video")


def subject_id(text: str) -> str | None:
    """``"spNO.1"`` of any spelling (the sheet writes ``spNO.1``, folders also ``spNo.1``)."""
    match = _SUBJECT.fullmatch(joined(text))
    return f"spNO.{int(match[1])}" if match else None


def clip_name(text: str) -> str:
    """Canonical clip name (``a_355``) of any spelling; other text is given back."""
    match = _CLIP.fullmatch(text.strip())
    return f"{match[1].lower()}_{int(match[2])}" if match else text.strip()


def _wrong(subject: int, clip: str, field: str, old: int, new: int, source: str) -> Correction:
    return Correction("casme3", f"spNO.{subject}", clip, field, old, new, source, "the distributor's sheet v2")


_MEB = "the meb package"
CORRECTIONS: tuple[Correction, ...] = (
    # The meb package takes 123.
    _wrong(149, "d_112", "apex", 83, 167, "the distributor's list of wrong rows of v1"),
    _wrong(214, "c_5", "offset", 3460, 34, _MEB),
    _wrong(216, "d_3647", "onset", 3647, 2647, _MEB),
    _wrong(216, "e_0", "onset", 0, 1, "Zhou Ju's list at the distributor: frame 0 does not exist"),
    _wrong(216, "e_0", "apex", 0, 1, "Zhou Ju's list at the distributor: frame 0 does not exist"),
    _wrong(40, "e_1812", "offset", 0, 1845, _MEB),
    _wrong(40, "e_2327", "offset", 0, 2403, _MEB),
)

CASME3 = AnnotatedSet(
    name="casme3",
    title="CAS(ME)^3",
    aliases=("cas(me)3", "casmeiii", "casmecube", "casme3a", "casme3parta"),
    kind="micro",
    classes=("disgust", "surprise", "others", "fear", "anger", "sadness", "happiness"),
    fps=30.0,
    peak="annotated",
    counts={
        "native": (
            Expected(
                "CAS(ME)^3 part A",
                {
                    "disgust": 250, "surprise": 187, "others": 161, "fear": 86, "anger": 64, "sadness": 57,
                    "happiness": 55,
                },
                94,
                source=_SHEET,
            ),
        ),
        "megc2019": (Expected("CAS(ME)^3 part A, three classes", three(457, 55, 187), 88, source=_SHEET),),
        "casme3_four": (
            Expected(
                "CAS(ME)^3 part A, four classes", {**three(457, 55, 187), "others": 161}, 94, source=_SHEET
            ),
        ),
        "objective": (
            Expected("CAS(ME)^3 part A, objective classes", five(15, 151, 234, 37, 47), source=_SHEET),
        ),
    },
    variants=("videos",),
    emotion_aliases=(("happy", "happiness"), ("sad", "sadness"), ("other", "others")),
    folders={
        "clips": ("Part_A_ME_clip/frame", "Part_A_ME_clip"),
        "videos": ("part_A", "data/part_A_split/part_A", "part_A_split/part_A"),
    },
    top_pattern=re.compile(r"spno\W?\d{1,3}(_[a-z]_\d{1,9})?", re.IGNORECASE),
    sheets=("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx",),
    sheet_pattern=re.compile(r"cas\(me\)\^?3_part_a_me_label.*\.xlsx", re.IGNORECASE),
    sheet_folders=("annotation", "PartA_annotation", "partA"),
    sheet_title="label",
    subject_id=subject_id,
    clip_name=clip_name,
    subjects_like="spNO.1_a_355 (clips) or spNO.1 (videos), ...",
    hint=(
        "CAS(ME)^3 comes from its distributor (Institute of Psychology, Chinese Academy of Sciences) "
        "after a signed licence agreement"
    ),
    known_from=(
        "the distributor's public repository (sheet, lists of faults) and public code that reads them (folders); no "
        "recording was seen. Colour frames alone are read, not depth"
    ),
)  # fmt: skip
CARDS = (CASME3,)


def read_casme3(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction, ...] = CORRECTIONS,
) -> ClipTable:
    """Reads the micro-expressions of part A of CAS(ME)^3.

    Arguments, result and errors are those of ``read_casme2``, with ``layout`` ``"clips"``, ``"videos"`` or ``"auto"``
    (the clips where both are there).
    """
    return _Reader(
        CASME3, root, mapping=mapping, strict=strict, layout=layout, sheet=sheet, corrections=corrections
    ).table()


class _Reader(AnnotatedReader):
    def clip_of(self, cells: dict[str, str]) -> str:
        try:
            onset = frame_number(cells["onset"])
        except ValueError:  # told with the row's other numbers
            onset = None
        return clip_name(f"{cells['clip']}_{'unknown' if onset is None else onset}")

    def scan_clips(self) -> dict[tuple[str, str], str]:
        self.cut_clips = any(map(_cut_clip, subfolders(self.frames_root)))
        if self.cut_clips:
            found: dict[tuple[str, str], str] = {}
            like = f"a folder such as {self.facts.subjects_like.split(' ')[0]}"
            for name, folder in self.build.level(self.frames_root, _cut_clip, like, beside=_BESIDE):
                clip, _, subject = name.partition("/")
                found.setdefault((subject, clip), folder)
            return found
        self.videos: dict[str, Frames] = {}
        colour = {}
        for subject, path in self.build.subjects(self.facts, self.frames_root):
            for video, folder in subfolders(path).items():
                inner = next((below for name, below in subfolders(folder).items() if fold(name) == "color"), folder)
                colour.setdefault((subject, video.strip().casefold()), inner)
        # Most videos have no micro-expression, so that a folder without a row is no news.
        rows = [(self.facts.subject(row.cells["subject"]), row.cells) for row in self.coding.rows]
        places = {(who, self.clip_of(cells)): (who, cells["clip"].casefold()) for who, cells in rows if who}
        return {key: colour[place] for key, place in places.items() if place in colour}

    def place(self, subject: str, name: str) -> str:
        if self.cut_clips:
            return os.path.join(self.frames_root, f"{subject}_{name}")
        return os.path.join(self.frames_root, subject, name.partition("_")[0], "color")

    def scan(self, folder: str, key: str) -> Frames:
        if self.cut_clips:
            return super().scan(folder, key)
        if folder not in self.videos:
            self.videos[folder] = scan_frames(folder, self.facts.frame_pattern, key)
        return self.videos[folder]

    def cut(self, frames: Frames, row: Row) -> Frames:
        if self.cut_clips or frames.fault:
            return frames
        from mer_tf.preprocessing.select import NEAREST_FRAMES  # here, because its package imports OpenCV

        inside = [
            index
            for index, number in enumerate(frames.numbers)
            if row.onset - NEAREST_FRAMES <= number <= row.offset + NEAREST_FRAMES
        ]
        if frames.numbers and not inside:
            raise ImageError(
                f"video {os.path.dirname(frames.paths[0])!r} has no frame from onset {row.onset} to offset {row.offset}"
                f" (files run from {frames.numbers[0]} to {frames.numbers[-1]})",
                self.build.key(row.subject, row.clip),
            )
        numbers, paths = (tuple(values[index] for index in inside) for values in (frames.numbers, frames.paths))
        return Frames(numbers, paths, frames.others)

    def revision(self) -> str:
        rows = len(self.coding.rows)
        known = "as many as v2" if rows == CASME3.expected("native_casme3")[0].clips else "another number than v2 has"
        return f"sheet {os.path.basename(self.coding.path)!r} has {rows} rows, {known}"


def _cut_clip(name: str) -> str | None:
    """``"a_355/spNO.1"`` of the folder of a clip that is cut out."""
    match = _FOLDER.fullmatch(name.strip())
    return f"{clip_name(match[2])}/{subject_id(match[1])}" if match else None
