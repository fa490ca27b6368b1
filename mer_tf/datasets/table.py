"""What every reader has in common: mapping labels, resolving frames, counting faults, building the clip table."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator

from mer_tf.datasets.card import DatasetCard
from mer_tf.datasets.folders import FramesSet, entries, fold, twins
from mer_tf.datasets.mappings import LabelMapping, get_mapping, own_classes
from mer_tf.errors import ClipError, DatasetNotFoundError, EmptySplitError, FrameOrderError, ImageError
from mer_tf.frames import SUFFIXES, Frames
from mer_tf.types import Clip, ClipTable, Problem

_PACKED = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".avi", ".mp4", ".mov", ".mkv", ".wmv")


@dataclasses.dataclass(frozen=True)
class Row:
    """One clip as annotated, before its frames are looked at.

    Attributes:
        subject: Subject id in canonical form.
        clip: Clip name.
        emotion: Emotion in this package's spelling.
        onset: Frame number, or None for the first frame present.
        apex: Frame number, or None where it is not annotated.
        offset: Frame number, or None for the last frame present.
        aus: Action units as published.
        objective: Objective class ``"I"`` to ``"VII"``, or ``""``.
        apex_is_last: Whether the apex is the last frame present.
        fps: Frames per second, where the clips of a set differ in it; None for the set's.
    """

    subject: str
    clip: str
    emotion: str
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    aus: str = ""
    objective: str = ""
    apex_is_last: bool = False
    fps: float | None = None


class TableBuilder:
    """Collects clips and problems of one dataset.

    Args:
        card: The dataset.
        mapping: Label mapping or its name; one that has no rule for the dataset is refused.
        strict: Raise the first fault of a clip instead of leaving the clip out.

    Raises:
        UnknownNameError: No such mapping, or it has no rule for the dataset.
    """

    def __init__(self, card: DatasetCard, mapping: str | LabelMapping, *, strict: bool):
        self.card, self.dataset, self.strict = card, card.name, strict
        self.rule = own_classes(card) if mapping == "native" else get_mapping(mapping)
        if self.rule.entries is None:
            self.rule.rule(card.name)
        self.problems: list[Problem] = []
        self.clips: list[Clip] = []
        self.unmapped: collections.Counter[str] = collections.Counter()
        self.seen: set[tuple[str, str]] = set()
        self.expected = 0
        self.annotation = "the sheet"
        if card.known_from:
            self.note(f"folders and columns of this set are known from {card.known_from}")
        self.warn_of_dropped = False  # what a mapping drops of a set whose emotions are not known may be a misspelling
        if card.name in self.rule.assumed and self.rule.entries is None:
            self.note(f"which emotions of this set belong to which class of mapping {self.rule.name!r} is assumed")
        for emotion in self.rule.rule(card.name) if self.rule.is_own and self.rule.entries is None else ():
            if emotion not in card.emotions:
                message = f"mapping {self.rule.name!r} speaks of emotion {emotion!r}, which is none of this set"
                self.note(f"{message}; known: {', '.join(card.emotions)}", severity="warning")
        self._missing: list[tuple[str, str]] = []  # clip key, folder tried
        self._unread = False

    def key(self, subject: str, clip: str) -> str:
        return f"{self.dataset}/{subject}/{clip}"

    @contextlib.contextmanager
    def faults(self) -> Iterator[None]:
        """Turns the fault of a clip inside the block into a problem, or lets it pass under ``strict``."""
        before = len(self.problems)
        try:
            yield
        except ClipError as error:
            if self.strict:
                raise
            # What was mended of a clip that is left out is of no interest; that the sheet is another revision is.
            self.problems[before:] = [problem for problem in self.problems[before:] if problem.kind == "revision"]
            self.problems.append(Problem("warning", "skipped", error.clip, str(error), dropped=True))

    def note(self, message: str, *, key: str = "", severity: str = "info", kind: str = "note", dropped=False) -> None:
        """Records a remark; one on a clip begins with its key."""
        text = f"{key}: {message}" if key else message
        self.problems.append(Problem(severity, kind, key, text, dropped))

    def unread(self, path: str, expected: str, key: str = "") -> None:
        """A folder or file that seems to be of the set and is not read: named, and the set is partial.

        Raises:
            DatasetNotFoundError: Under ``strict``.
        """
        message = f"{path!r} is not read: expected {expected}"
        if self.strict:
            raise DatasetNotFoundError(f"{key or self.dataset}: {message}")
        self._unread = True
        self.note(message, key=key, severity="warning", kind="extra")

    def level(
        self,
        path: str,
        meaning: Callable[[str], str | None],
        expected: str,
        *,
        beside: tuple[str, ...] = (),
        key: str = "",
    ) -> Iterator[tuple[str, str]]:
        """The folders of one level of a set, each with what its name means; what is not understood is named.

        Args:
            path: Folder whose entries are wanted.
            meaning: From a name to what it means, for example a subject id; None for a name it does not know.
            expected: What the names should be, for messages.
            beside: Names of folders that are known to lie there and not to be of the set.
            key: Clip key, or its beginning, for messages.

        Yields:
            (meaning, path), in order of the names. Two spellings of one are both given, and named.
        """
        folders, files = entries(path)
        known = set(map(fold, beside))
        found: dict[str, str] = {}
        for name, folder in folders.items():
            value = meaning(name)
            if value is None:
                if fold(name) not in known:
                    self.unread(folder, expected, key)
                continue
            if fold(name) == fold(value) and name.casefold() != value.casefold():
                self.note(f"folder {folder!r} is read as {value!r}", key=key, kind="extra")
            other = found.setdefault(value, folder)
            if other != folder:
                message = f"folders {other!r} and {folder!r} both mean {value}; of a clip in both the first is read"
                self.note(message, key=key, severity="warning", kind="extra")
            yield value, folder
        pictures = []
        for name, file in files.items():
            stem, ending = os.path.splitext(name)
            if ending.casefold() in SUFFIXES:
                pictures.append(file)
            # Archives are often kept beside what they held.
            elif ending.casefold() in _PACKED and meaning(stem) not in (None, *found):
                self.unread(file, f"{expected}, unpacked to folders of frames", key)
        if pictures:
            more = f" (and {len(pictures) - 1} more pictures beside it)" if len(pictures) > 1 else ""
            self.unread(pictures[0], f"{expected}, not pictures{more}", key)

    def subjects(self, facts: FramesSet, path: str, beside: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
        """Subject id and folder of each subject in a frames folder; see ``level``."""
        layouts = (part for names in facts.folders.values() for name in names for part in name.split("/"))
        return self.level(
            path, facts.subject_id, f"a subject such as {facts.subjects_like.split(',')[0]}", beside=(*layouts, *beside)
        )

    def read_from(self, facts: FramesSet, root: str, layout: str, frames_root: str) -> None:
        """Notes which frames were read, and other folders that might be meant."""
        self.note(f"{layout} frames under {frames_root!r} are used", kind="source")
        for path in twins(facts, root, layout, frames_root):
            message = f"folder {path!r} is in the place of the frames too and is not read"
            self.note(message, severity="warning", kind="extra")

    def first_of_name(self, subject: str, clip: str, where: str) -> None:
        """Registers a clip; ``ClipError`` where it was seen before."""
        if (subject, clip) in self.seen:
            raise ClipError(f"{where} repeats a clip; the first counts", self.key(subject, clip))
        self.seen.add((subject, clip))

    def label(self, row: Row) -> int | None:
        """Class index of a row, or None (with the reason noted) where the mapping leaves it out."""
        rule = self.rule
        if rule.entries is not None:
            label = rule.entries.get((self.dataset, row.subject, row.clip))
            if label is None:
                self.unmapped["clips that the label list does not name"] += 1
            return label
        value = row.objective if rule.field == "objective" else row.emotion
        if rule.field == "objective" and not value:
            key = self.key(row.subject, row.clip)
            raise ClipError(f"it has no objective class and none follows from its action units {row.aus!r}", key)
        label = rule.label(self.dataset, value)
        if label is None:
            self.unmapped[f"clips of {'class' if rule.field == 'objective' else 'emotion'} {value!r}"] += 1
        return label

    def excluded(self, row: Row) -> bool:
        """Whether the mapping leaves out this very clip; said either way."""
        exclusion = self.rule.exclusion(self.dataset, row.subject, row.clip) if self.rule.entries is None else None
        if exclusion is None:
            return False
        key = self.key(row.subject, row.clip)
        if exclusion.agrees(row.emotion, row.onset, row.apex, row.offset):
            message = f"left out of mapping {self.rule.name!r} because {exclusion.reason} ({exclusion.source})"
            self.note(message, key=key, kind="skipped", dropped=True)
            return True
        self.note(f"mapping {self.rule.name!r} leaves out a clip of this name, and this row differs; kept", key=key)
        return False

    def no_folder(self, row: Row, tried: str) -> None:
        """A row without frames: fatal under ``strict``, otherwise listed with the total."""
        key = self.key(row.subject, row.clip)
        if self.strict:
            raise ImageError(f"a clip of {self.annotation}, and there is no folder {tried!r}", key)
        self._missing.append((key, tried))

    def add(self, row: Row, label: int, frames: Frames, where: str) -> None:
        """Adds a clip, its frame numbers brought to files that are there.

        Args:
            row: The clip; numbers that are None become the first and last frame present.
            label: Class index.
            frames: Its frame files.
            where: The folder, for messages.

        Raises:
            ImageError: No frame file, it is not clear which they are, or none is near enough to a number needed.
            FrameOrderError: No frame between onset and offset can stand in for an apex that is not annotated.
        """
        from mer_tf.preprocessing.select import NEAREST_FRAMES  # here, because its package imports OpenCV

        key = self.key(row.subject, row.clip)
        if frames.fault:
            raise ImageError(f"folder {where!r}: {frames.fault}", key)
        if not frames.numbers:
            raise ImageError(
                f"folder {where!r} holds no frame file (a number, then .jpg, .png or .bmp)"
                + (f", but {', '.join(map(repr, frames.others[:3]))}" if frames.others else ""),
                key,
            )
        if frames.others:
            # One with a number might have been a frame.
            if any(sign.isdigit() for name in frames.others for sign in name):
                self.note(frames.remark, key=key, severity="warning", kind="extra")
            else:
                self.note(frames.remark, key=key)
        first, last = frames.numbers[0], frames.numbers[-1]
        onset = first if row.onset is None else row.onset
        offset = last if row.offset is None else row.offset
        values = {"onset": onset, "apex": last if row.apex_is_last else row.apex, "offset": offset}
        apex_is_onset = values["apex"] == values["onset"]
        for field, wanted in values.items():
            near = None if wanted is None else self._near(frames, field, wanted, key)
            if wanted is not None and near is None:
                raise ImageError(
                    f"{field} frame {wanted} has no file, nor has one within {NEAREST_FRAMES} of it "
                    f"(files run from {first} to {last})",
                    key,
                )
            values[field] = near
        clip = Clip(
            dataset=self.dataset,
            subject=row.subject,
            clip=row.clip,
            **values,
            fps=row.fps or self.card.fps,
            emotion=row.emotion,
            aus=row.aus,
            label=label,
            mapping=self.rule.name,
            frames=frames.paths,
            frame_numbers=frames.numbers,
        )
        if self.card.neutral:
            self._check_pair(clip, apex_is_onset)
        present = sum(clip.onset <= number <= clip.offset for number in frames.numbers)
        gaps = clip.offset - clip.onset + 1 - present
        if gaps:
            message = f"{gaps} frames between onset and offset have no file"
            self.note(message, key=key, severity="warning", kind="missing")
        self.clips.append(clip)

    def table(self, *, context: str) -> ClipTable:
        """The finished table.

        Args:
            context: What was read, for the message where nothing is usable.

        Raises:
            EmptySplitError: No usable clip.
        """
        for key, tried in self._missing:
            message = (
                f"no folder {tried!r} for a clip of {self.annotation} "
                f"({len(self._missing)} of {self.expected} clip folders are missing)"
            )
            self.note(message, key=key, severity="warning", kind="missing", dropped=True)
        for what, count in sorted(self.unmapped.items()):
            severity = "warning" if self.warn_of_dropped else "info"
            self.note(f"mapping {self.rule.name!r} drops {count} {what}", severity=severity)
        if not self.clips:
            raise EmptySplitError(
                f"{self.dataset}: no usable clip {context} with mapping {self.rule.name!r}, "
                f"{sum(problem.dropped for problem in self.problems)} clips left out"
                + next((f"; the first: {problem.message}" for problem in self.problems if problem.dropped), "")
            )
        self.clips.sort(key=lambda clip: (clip.subject, clip.clip))
        partial = self._unread or any(problem.dropped and problem.severity == "warning" for problem in self.problems)
        return ClipTable(
            self.dataset, self.rule.name, self.rule.classes, tuple(self.clips), tuple(self.problems), partial
        )

    def _near(self, frames: Frames, field: str, wanted: int, key: str) -> int | None:
        from mer_tf.preprocessing.select import nearest_frame

        near = nearest_frame(frames.numbers, wanted)
        if near is not None and near != wanted:
            message = (
                f"{field} frame {wanted} has no file; frame {near} is used "
                f"(files run from {frames.numbers[0]} to {frames.numbers[-1]})"
            )
            self.note(message, key=key, severity="warning", kind="missing")
        return near

    def _check_pair(self, clip: Clip, apex_is_onset: bool) -> None:
        if apex_is_onset:
            # Legal in the sheet, and counted by protocols that do not need a pair of frames.
            message = (
                f"the apex equals the onset (frame {clip.onset}); a recipe from onset to apex cannot use this clip"
            )
            self.note(message, key=clip.key, severity="warning")
            return
        from mer_tf.preprocessing.select import needed_frames

        try:
            _, apex, rule = needed_frames(clip)
        except FrameOrderError as error:
            raise FrameOrderError(error.message, clip.key) from None
        if clip.apex is None and self.card.apex_expected:
            message = f"the apex is not annotated; frame {apex} is used ({rule} frame)"
            self.note(message, key=clip.key, severity="warning", kind="missing")
