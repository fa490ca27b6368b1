"""4DME (Li et al. 2022), gray videos of the micro-expressions: 60 frames a second, 640x480.

Folders as public code reads them, with the sheet beside::

    ROOT/gray_micro/S13/001_01_1/... .jpg
    ROOT/gray_micro_crop/S13/001_01_1/...
    ROOT/4DME_Labelling_Micro_release v1.xlsx

Somebody who was recorded in several sessions (``S13_1st``, ``S13_2nd``) is one person; the session then stands in the
clip's name (``1st_001_01_1``). A clip may show two emotions (``Negative+Repression``); such clips are of no class.
Gray frames only: the other views (4D meshes, colour and depth of a Kinect) and the macro-expressions are not read.
"""

from __future__ import annotations

import itertools
import os
import re

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.spelling import joined
from mer_tf.types import ClipTable

_SUBJECT = re.compile(r"s?(\d{1,3})|s(\d{1,3})-(1st|2nd|3rd|\d)")
_OF_SESSION = re.compile(r"(1st|2nd|3rd|\d)_(.+)")
_CLASSES = ("negative", "positive", "surprise", "repression", "others")


def subject_id(text: str) -> str | None:
    """``"S13"`` of any spelling of a person, with or without a session."""
    match = _SUBJECT.fullmatch(joined(text))
    return f"S{int(match[1] or match[2]):02d}" if match else None


def _session(text: str) -> str:
    match = _SUBJECT.fullmatch(joined(text))
    return match[3] or "" if match else ""


FOURDME = AnnotatedSet(
    name="4dme",
    title="4DME",
    aliases=("fourdme", "4dmicro", "fourd"),
    kind="micro",
    classes=_CLASSES,
    more_emotions=tuple("+".join(some) for count in (2, 3) for some in itertools.combinations(_CLASSES, count)),
    fps=60.0,
    peak="annotated",
    counts=None,  # public code counts 267 clips in all; no source at hand counts its classes
    emotion_aliases=(("other", "others"),),
    folders={"raw": ("gray_micro",), "cropped": ("gray_micro_crop",)},
    variants=("cropped",),
    sheets=("4DME_Labelling_Micro_release v1.xlsx",),
    sheet_pattern=re.compile(r"4dme_labelling_micro_release.*\.xlsx", re.IGNORECASE),
    from_onset=True,
    subject_id=subject_id,
    subjects_like="S13, S14, ...",
    hint="4DME comes from its distributor (University of Oulu) after a signed licence agreement",
    known_from=(
        "public code alone (the meb package, which counts 267 clips); how the frame files are numbered is not known, "
        "so that both ways are read. Gray frames alone are read, not the meshes, colour or depth"
    ),
)
CARDS = (FOURDME,)


def read_4dme(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
) -> ClipTable:
    """Reads the gray micro-expressions of 4DME; arguments, result and errors are those of ``read_casme2``."""
    return _Reader(FOURDME, root, mapping=mapping, strict=strict, layout=layout, sheet=sheet, corrections=()).table()


class _Reader(AnnotatedReader):
    def clip_of(self, cells: dict[str, str]) -> str:
        return _in_session(cells["subject"], cells["clip"])

    def scan_clips(self) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for who, path in self.build.level(self.frames_root, _person, "a subject such as S13", beside=self._layouts()):
            session, _, subject = who.rpartition("/")
            for name, folder in self.build.level(path, str.strip, "a folder per clip", key=f"4dme/{subject}"):
                found.setdefault((subject, f"{session}_{name}" if session else name), folder)
        return found

    def place(self, subject: str, name: str) -> str:
        session = _OF_SESSION.fullmatch(name)
        folders = (f"{subject}_{session[1]}", session[2]) if session else (subject, name)
        return os.path.join(self.frames_root, *folders)

    def _layouts(self) -> tuple[str, ...]:
        return tuple(name for names in self.facts.folders.values() for name in names)

    def emotion(self, text: str) -> str:
        found = {super(_Reader, self).emotion(part) for part in re.split(r"[+,/&]", text)}
        unknown = sorted(found.difference(_CLASSES))
        return "+".join([*(name for name in _CLASSES if name in found), *unknown])


def _person(name: str) -> str | None:
    """``"1st/S13"`` of a folder: the session, where it names one, and the person."""
    subject, session = subject_id(name), _session(name)
    return f"{session}/{subject}" if subject and session else subject


def _in_session(subject: str, clip: str) -> str:
    session = _session(subject)
    return f"{session}_{clip.strip()}" if session else clip.strip()
