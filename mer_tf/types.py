"""The data that flows through the package, as frozen dataclasses.

Frame numbers are absolute, as annotated (taken from the file name), and ``offset`` is inclusive.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Clip:
    """One annotated sample.

    Attributes:
        dataset: Dataset name, for example ``"casme2"``.
        subject: Subject id in the dataset's canonical form, for example ``"sub01"``.
        clip: Clip name as the distributor writes it, for example ``"EP02_01f"``; unique only within a subject.
        onset: Frame number of the onset.
        apex: Frame number of the apex, or None where it is not annotated.
        offset: Frame number of the offset, inclusive.
        fps: Frames per second.
        emotion: Emotion as published, case-folded.
        aus: Action units as published (raw text).
        label: Class index under ``mapping``, or None where the mapping drops the clip.
        mapping: Name of the label mapping, for example ``"megc2019"``.
        frames: Paths of all frame files of the clip's folder in numeric order.
        frame_numbers: The number of each file of ``frames``.
    """

    dataset: str
    subject: str
    clip: str
    onset: int
    apex: int | None
    offset: int
    fps: float
    emotion: str
    aus: str
    label: int | None
    mapping: str
    frames: tuple[str, ...]
    frame_numbers: tuple[int, ...]

    @property
    def key(self) -> str:
        """``dataset/subject/clip``: the only unique name of a clip."""
        return f"{self.dataset}/{self.subject}/{self.clip}"

    @property
    def subject_key(self) -> str:
        """``dataset/subject``: the unit of independence."""
        return f"{self.dataset}/{self.subject}"

    def frame_path(self, number: int) -> str:
        """Path of the frame with that number; ``KeyError`` where there is none."""
        try:
            return self.frames[self.frame_numbers.index(number)]
        except ValueError:
            raise KeyError(number) from None


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something a reader noticed.

    Attributes:
        severity: ``"warning"`` (a clip was dropped or mended) or ``"info"``.
        kind: ``"missing"``, ``"skipped"``, ``"correction"`` (applied), ``"revision"`` (a correction whose old value
            the sheet does not hold), ``"extra"`` or ``"note"``.
        clip: Clip key, or ``""``.
        message: One line for a person.
        dropped: Whether the clip was left out.
    """

    severity: str
    kind: str
    clip: str
    message: str
    dropped: bool = False


@dataclasses.dataclass(frozen=True)
class ClipTable:
    """What a dataset reader returns.

    Attributes:
        dataset: Dataset name.
        mapping: Label mapping name.
        classes: Class names by index.
        clips: Usable clips whose emotion the mapping keeps, sorted by subject and clip.
        problems: Everything noticed on the way.
        partial: Whether clips that belong to the set are absent for a fault, or its counts are not the published
            ones where those are asked for; it must go with every figure computed from the table.
        synthetic: Whether the clips are known to be drawn (``mer_tf.datasets.origin`` also looks at their folders).
    """

    dataset: str
    mapping: str
    classes: tuple[str, ...]
    clips: tuple[Clip, ...]
    problems: tuple[Problem, ...] = ()
    partial: bool = False
    synthetic: bool = False

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject keys in order."""
        return tuple(sorted({clip.subject_key for clip in self.clips}))


@dataclasses.dataclass(frozen=True)
class Fold:
    """One split of a protocol.

    Attributes:
        name: Fold name; under LOSO the held-out subject key.
        train: Indices of the training clips.
        test: Indices of the test clips.
        subjects_may_straddle: Whether the protocol lets a subject stand on both sides; only ``tenfold_numbering``,
            kept to reproduce a paper, does.
    """

    name: str
    train: tuple[int, ...]
    test: tuple[int, ...]
    subjects_may_straddle: bool = False


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model said of one held-out clip.

    Attributes:
        dataset: Dataset name.
        subject: Subject id (without the dataset).
        clip: Clip name.
        fold: Name of the fold whose model predicted.
        label: True class index.
        prediction: Predicted class index.
        probabilities: One value per class, summing to 1.
    """

    dataset: str
    subject: str
    clip: str
    fold: str
    label: int
    prediction: int
    probabilities: tuple[float, ...]
