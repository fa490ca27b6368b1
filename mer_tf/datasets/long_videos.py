"""Long videos with annotated intervals: CAS(ME)^2, SAMM Long Videos, and the videos of CAS(ME)^3.

What these sets give is not clips but videos, of which some hold no expression at all, and intervals in them. Facts of
each set stand on its card; ``read_long_videos`` reads any of them::

    ROOT/CAS(ME)^2code_final.xlsx
    ROOT/rawpic/s15/15_0101disgustingteeth/img001.jpg ...

    ROOT/SAMM_LongVideos_V2_Release.xlsx
    ROOT/SAMM_longvideos/006_1/006_1_0001.jpg ...

    ROOT/annotation/cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx
    ROOT/annotation/cas(me)3_part_A_MaE_label_JpgIndex_v2_emotion.xlsx
    ROOT/part_A/spNO.1/a/color/355.jpg ...

Frame numbers are those of the sheets and of the frame files, from 1; offsets are included. Where a sheet has no offset
(0), the interval ends at its apex, and is counted in the remarks; one without an onset is left out and named.

Source: nobody who wrote this had a copy as the distributors ship it. Folders, worksheets and columns are those that
public code reads (SOFTNet, MEAN and other spotters), the counts those that it prints.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import re
from collections.abc import Iterator, Mapping

from mer_tf.datasets.corrections import correct
from mer_tf.datasets.folders import find_file, find_folders, fold, subfolders
from mer_tf.datasets.readers.casme3 import CASME3, CORRECTIONS, clip_name
from mer_tf.datasets.sheets import frame_number, read_sheet, worksheets
from mer_tf.datasets.spelling import clean
from mer_tf.errors import AnnotationError, DatasetNotFoundError, UnknownNameError
from mer_tf.frames import scan_frames

MICRO, MACRO = "micro", "macro"
_PUBLIC_CODE = "public code that reads it; no copy as the distributor ships it was at hand"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongSet:
    """Card of a set of long videos.

    Attributes:
        name: Name in commands.
        title: Name for people.
        aliases: Further spellings; case and blanks, hyphens and underscores never matter.
        fps: Frames a second.
        folders: Names of the folder that holds the frames.
        sheets: Published names of the annotation, of which the first that is there is read; several groups where the
            annotation is in several files.
        subjects: Published number, or None.
        videos: As ``subjects``.
        micro: Published number of micro-expressions, or None.
        macro: As ``micro``.
        counts_from: Where the numbers are from.
        rules_of: Name of the set whose rules a label mapping has for its emotions; ``""`` where emotions are not given.
        hint: Distributor and agreement, for messages.
        known_from: What folders and columns are known from.
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    fps: float
    folders: tuple[str, ...]
    sheets: tuple[tuple[str, ...], ...]
    subjects: int | None
    videos: int | None
    micro: int | None
    macro: int | None
    counts_from: str
    rules_of: str = ""
    hint: str
    known_from: str = _PUBLIC_CODE


CASME_SQ = LongSet(
    name="casme_sq",
    title="CAS(ME)^2",
    aliases=("cas(me)2", "casmesquared", "cas(me)²"),
    fps=30.0,
    folders=("rawpic",),
    sheets=(("CAS(ME)^2code_final(Updated).xlsx", "CAS(ME)^2code_final.xlsx", "code_final.xlsx"),),
    subjects=22,
    videos=98,
    micro=57,
    macro=300,
    counts_from="the log of the MEGC 2020 baseline; users count 97 videos",
    hint="CAS(ME)^2 comes from its distributor (Institute of Psychology, Chinese Academy of Sciences) after a signed "
    "licence agreement",
)
SAMM_LONG = LongSet(
    name="samm_long",
    title="SAMM Long Videos",
    aliases=("sammlv", "sammlongvideos", "samm_longvideos"),
    fps=200.0,
    folders=("SAMM_longvideos",),
    sheets=(("SAMM_LongVideos_V2_Release.xlsx", "SAMM_LongVideos_V1_Release.xlsx"),),
    subjects=None,
    videos=147,
    micro=159,
    macro=343,
    counts_from="public code",
    hint="SAMM Long Videos come from their distributor (Manchester Metropolitan University) after a signed agreement",
)
CASME3_LONG = LongSet(
    name="casme3_long",
    title="CAS(ME)^3, part A, whole videos",
    aliases=("cas(me)3long", "casme3videos"),
    fps=CASME3.fps,
    folders=CASME3.folders["videos"],
    sheets=(
        CASME3.sheets,
        ("cas(me)3_part_A_MaE_label_JpgIndex_v2_emotion.xlsx", "cas(me)3_part_A_MaE_label_JpgIndex_v2.xlsx"),
    ),
    subjects=None,
    videos=None,
    micro=CASME3.counts["native"][0].clips if CASME3.counts else None,
    macro=None,
    counts_from=CASME3.counts["native"][0].source if CASME3.counts else "",
    rules_of=CASME3.name,
    hint=CASME3.hint,
)  # fmt: skip
LONG_SETS = {card.name: card for card in (CASME_SQ, SAMM_LONG, CASME3_LONG)}


@dataclasses.dataclass(frozen=True)
class LongEvent:
    """An annotated interval.

    Attributes:
        subject: Who.
        video: Which of the subject's videos.
        kind: ``"micro"`` or ``"macro"``, as the sheet says, whatever its length.
        onset: Number of its first frame.
        apex: Number of the apex frame; None without one.
        offset: Number of its last frame, included.
        emotion: In lower case, ``""`` without one.
        row: Of the sheet, as a spreadsheet counts.
    """

    subject: str
    video: str
    kind: str
    onset: int
    apex: int | None
    offset: int
    emotion: str
    row: int


@dataclasses.dataclass(frozen=True)
class LongVideo:
    """A video.

    Attributes:
        subject: Who.
        video: Name of its folder; what the sheet calls it where there is none.
        folder: Path of its frames, ``""`` where there is none.
        first: Number of its first frame; 1 where there is no folder.
        frames: Number of frames from the first to the last; None where there is no folder.
    """

    subject: str
    video: str
    folder: str = ""
    first: int = 1
    frames: int | None = None


@dataclasses.dataclass(frozen=True)
class LongTable:
    """A set that was read.

    Attributes:
        card: The set.
        videos: By subject and name, those without an event too.
        events: In the order of the sheets.
        remarks: Full sentences: what was left out, what is odd, what differs from the published counts.
    """

    card: LongSet
    videos: tuple[LongVideo, ...]
    events: tuple[LongEvent, ...]
    remarks: tuple[str, ...]

    def count(self, kind: str) -> int:
        """Number of events of a kind."""
        return sum(event.kind == kind for event in self.events)

    def rows(self, *, rules: Mapping[str, str] | None = None, zero_based: bool = False) -> Iterator[dict]:
        """Rows of a file of intervals (``mer_tf.metrics.spot_files``): every event, and every video without one.

        Args:
            rules: Emotion to class; the emotions themselves where None. An emotion that is not in it has no class.
            zero_based: Whether frames count from 0, as ``mer watch`` counts those of a video file, instead of by the
                numbers of the frame files.
        """
        by_video: dict[tuple[str, str], list[LongEvent]] = collections.defaultdict(list)
        for event in self.events:
            by_video[event.subject, event.video].append(event)
        fps = self.card.fps
        for video in self.videos:
            common = {
                "subject": video.subject, "video": video.video, "fps": fps,
                "video_seconds": None if video.frames is None else video.frames / fps,
            }  # fmt: skip
            events = by_video[video.subject, video.video]
            if not events:
                yield {**common, "kind": "none"}
            for event in events:
                shift = video.first if zero_based else 0
                numbers = {"onset": event.onset, "apex": event.apex, "offset": event.offset}
                frames = {f"{name}_frame": None if n is None else n - shift for name, n in numbers.items()}
                # In seconds the end is not included.
                seconds = {
                    f"{name}_s": None if n is None else (n - video.first + (name == "offset")) / fps
                    for name, n in numbers.items()
                }
                label = event.emotion if rules is None else rules.get(event.emotion, "")
                yield {**common, "kind": event.kind, **frames, **seconds, "label": label}


def get_long_set(name: str) -> LongSet:
    """The card of a set of long videos in any spelling of its name.

    Raises:
        UnknownNameError: No such set; the message lists those there are.
    """

    def form(text: str) -> str:
        return re.sub(r"[\s_^-]", "", clean(text)).casefold()

    for card in LONG_SETS.values():
        if form(name) in map(form, (card.name, card.title, *card.aliases)):
            return card
    raise UnknownNameError("set of long videos", name, tuple(LONG_SETS))


def read_long_videos(name: str, root: str | os.PathLike, *, strict: bool = False) -> LongTable:
    """Reads the videos and intervals of a set; no picture is opened.

    Args:
        name: Of the set, in any spelling.
        root: Folder that holds the sheet and the frames. Without the frames, the videos that the sheet names are given.
        strict: Whether the first fault of a row is an error.

    Raises:
        UnknownNameError: No such set.
        DatasetNotFoundError: No such folder, or no sheet in it.
        AnnotationError: The sheet lacks a column; or, under ``strict``, a row is wrong.
    """
    card = get_long_set(name)
    reader = _Reader(card, os.path.abspath(os.fspath(root)), strict)
    events = {CASME_SQ.name: reader.casme_sq, SAMM_LONG.name: reader.samm_long, CASME3_LONG.name: reader.casme3_long}
    return reader.table(list(events[card.name]()))


class _Reader:
    """Reads one set. ``folders`` holds the frames of each video by its subject and what the sheet calls it."""

    def __init__(self, card: LongSet, root: str, strict: bool):
        self.card, self.root, self.strict = card, root, strict
        self.remarks: list[str] = []
        self.no_offset = 0
        self.faults: list[str] = []
        if not os.path.isdir(root):
            raise DatasetNotFoundError(f"{card.name}: no folder {root!r}. {card.hint}")
        self.frames_root = next(find_folders(root, card.folders), "")
        if not self.frames_root and fold(os.path.basename(root)) in map(fold, card.folders):
            self.frames_root = root
        self.tops = subfolders(self.frames_root) if self.frames_root else {}
        self.paths = [self._sheet(names) for names in card.sheets]
        self.folders: dict[tuple[str, str], str] = {}

    def _sheet(self, names: tuple[str, ...]) -> str:
        near = [self.root, *subfolders(self.root).values(), os.path.dirname(self.root)]
        pattern = re.compile("|".join(re.escape(name) for name in names), re.IGNORECASE)
        path, _ = find_file([near], names, pattern)
        if not path:
            raise DatasetNotFoundError(
                f"{self.card.name}: no annotation sheet in {self.root!r}; expected {' or '.join(names)}. "
                f"{self.card.hint}"
            )
        return path

    # ------------------------------------------------------------------------------------------------- the three sets

    def casme_sq(self) -> Iterator[LongEvent]:
        """Three worksheets without headers: the intervals, then the names of subjects, then those of videos."""
        tables = list(worksheets(self.paths[0]))
        by_title = {fold(title): rows for title, rows in tables}
        subjects_sheet = by_title.get(fold("naming rule1"), tables[1][1] if len(tables) > 2 else [])
        videos_sheet = by_title.get(fold("naming rule2"), tables[2][1] if len(tables) > 2 else [])
        if not subjects_sheet or not videos_sheet:
            raise AnnotationError(
                f"{self.card.name}: {self.paths[0]!r} must have three worksheets: the intervals, 'naming rule1' "
                "(participants) and 'naming rule2' (videos)"
            )
        subjects = {cells.get(2, ""): cells.get(1, "").casefold() for _, cells in subjects_sheet}
        codes = {cells.get(1, "").casefold(): cells.get(0, "").zfill(4) for _, cells in videos_sheet}
        for subject, path in self.tops.items():
            for video, folder in subfolders(path).items():
                match = re.match(r"\d+_(\d{4})", video)
                if match:
                    self.folders[subject.strip().casefold(), match[1]] = folder
        for number, cells in tables[0][1]:
            texts = [cells.get(column, "") for column in range(9)]
            kind = texts[7].casefold().partition("-")[0].strip()
            if kind not in (MICRO, MACRO):
                if frame_like(texts[2]):
                    self.fault(number, f"type {texts[7]!r} is neither micro-expression nor macro-expression")
                continue
            subject, name = subjects.get(texts[0], ""), texts[1].rpartition("_")[0] or texts[1]
            code = codes.get(name.casefold(), "")
            if not subject or not code:
                self.fault(number, f"participant {texts[0]!r} or video {texts[1]!r} is in no list of names")
                continue
            yield from self.event(number, subject, code, kind, texts[2:5], texts[6])

    def samm_long(self) -> Iterator[LongEvent]:
        """One sheet with a header; ``006_1_2`` is the second interval of video ``006_1``."""
        sheet = read_sheet(self.paths[0], ("subject", "clip", "onset", "apex", "offset", "type"))
        for video, folder in self.tops.items():
            if re.fullmatch(r"\d{3}_\d+", video):
                self.folders[video.partition("_")[0], video] = folder
        for row in sheet.rows:
            kind = row.cells["type"].casefold().split("-")[0].strip()
            match = re.match(r"(\d{1,3})_(\d+)", row.cells["clip"])
            if kind not in (MICRO, MACRO) or not match:
                self.fault(row.number, f"clip {row.cells['clip']!r} or type {row.cells['type']!r} is not understood")
                continue
            subject = match[1].zfill(3)
            ends = [row.cells[name] for name in ("onset", "apex", "offset")]
            yield from self.event(
                row.number, subject, f"{subject}_{match[2]}", kind, ends, row.cells.get("emotion", "")
            )

    def casme3_long(self) -> Iterator[LongEvent]:
        """A sheet for each kind; a video is a letter."""
        for subject, path in self.tops.items():
            who = CASME3.subject(subject)
            for video, folder in subfolders(path).items() if who else ():
                colour = next((below for name, below in subfolders(folder).items() if fold(name) == "color"), folder)
                self.folders[str(who), video.strip().casefold()] = colour
        for kind, path in zip((MICRO, MACRO), self.paths):
            sheet = read_sheet(
                path, ("subject", "clip", "onset", "apex", "offset"), title="label" if kind == MICRO else ""
            )
            for row in sheet.rows:
                who = CASME3.subject(row.cells["subject"])
                if who is None:
                    self.fault(row.number, f"subject {row.cells['subject']!r} is not understood")
                    continue
                emotion = " ".join(row.cells.get("emotion", "").split()).casefold()
                emotion = dict(CASME3.emotion_aliases).get(emotion, emotion)
                ends = [row.cells[name] for name in ("onset", "apex", "offset")]
                yield from self.event(row.number, who, row.cells["clip"].strip().casefold(), kind, ends, emotion)

    # ------------------------------------------------------------------------------------------------------ in common

    def event(self, row: int, subject: str, video: str, kind: str, ends, emotion: str) -> Iterator[LongEvent]:
        """The event of a row, or nothing where it is wrong; ``video`` is what the sheet calls it."""
        try:
            values: dict = dict(zip(("onset", "apex", "offset"), map(frame_number, ends)))
        except ValueError as error:
            self.fault(row, str(error))
            return
        if self.card is CASME3_LONG and kind == MICRO:
            clip = clip_name(f"{video}_{values['onset']}")
            values, problems = correct(values, CORRECTIONS, CASME3.name, subject, clip)
            self.remarks += [f"row {row}: {problem.message}" for problem in problems]
        onset, apex, offset = (value or None for value in values.values())
        if onset is None:
            self.fault(row, f"{kind}-expression of {subject} in {video} has no onset")
            return
        if offset is None:
            self.no_offset += 1
            offset = apex
        if offset is None or offset < onset or (apex is not None and not onset <= apex <= offset):
            self.fault(row, f"onset {onset} <= apex {apex} <= offset {offset} does not hold ({subject}, {video})")
            return
        yield LongEvent(subject, video, kind, onset, apex, offset, " ".join(emotion.split()).casefold(), row)

    def fault(self, row: int, what: str) -> None:
        """Names a row that is left out."""
        if self.strict:
            raise AnnotationError(f"{self.card.name}: row {row} of the sheet: {what}; correct the row")
        self.faults.append(f"row {row} is left out: {what}")

    def table(self, events: list[LongEvent]) -> LongTable:
        """Videos of folders and sheets together."""
        card = self.card
        if not events:
            raise AnnotationError(f"{card.name}: {', '.join(map(repr, self.paths))} has no interval that can be used")
        videos, names = [], {}
        for subject, video in sorted(self.folders.keys() | {(event.subject, event.video) for event in events}):
            folder = self.folders.get((subject, video), "")
            name = os.path.basename(folder) if folder and card is CASME_SQ else video
            names[subject, video] = name
            numbers = scan_frames(folder).numbers if folder else ()
            if folder and not numbers:
                self.remarks.append(f"video {name} of {subject} has no numbered frames in {folder!r}")
            seen = {"first": numbers[0], "frames": numbers[-1] - numbers[0] + 1} if numbers else {}
            videos.append(LongVideo(subject, name, folder, **seen))
        named = tuple(dataclasses.replace(event, video=names[event.subject, event.video]) for event in events)
        by_name = {(video.subject, video.video): video for video in videos}
        beyond = [e for e in named if (v := by_name[e.subject, e.video]).frames and e.offset >= v.first + v.frames]
        lacking = sum(not video.folder for video in videos)
        result = LongTable(card, tuple(videos), named, ())
        notes = list(self.remarks)
        if lacking:
            what = "no frames were found" if lacking == len(videos) else f"{lacking} of {len(videos)} have no frames"
            notes.append(
                f"{what}: videos in which nothing happens are known by their folders alone, and false alarms in those "
                "that are not known would not count"
            )
        if self.no_offset:
            notes.append(f"{self.no_offset} intervals have no offset and end at their apex")
        if beyond:
            notes.append(
                f"{len(beyond)} intervals end after the last frame of their video, the first in row {beyond[0].row}"
            )
        for what, found, published in (
            ("micro-expressions", result.count(MICRO), card.micro),
            ("macro-expressions", result.count(MACRO), card.macro),
            ("videos", len(videos), card.videos),
            ("subjects", len({video.subject for video in videos}), card.subjects),
        ):
            if published is not None and found != published and not (what == "videos" and lacking):
                notes.append(f"{found} {what}, and {published} are published ({card.counts_from})")
        return dataclasses.replace(result, remarks=(*self.faults, *notes))


def frame_like(text: str) -> bool:
    """Whether a cell holds a frame number, so that its row is no heading."""
    return bool(re.fullmatch(r"\d{1,9}", text))
