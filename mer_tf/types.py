"""The data that flows through the package, as frozen dataclasses.

Frame numbers are the annotated ones, which are those in the file names; they are not counted from the onset.
``offset`` is inclusive.
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
        apex: Frame number of the apex, or None if it is not annotated.
        offset: Frame number of the offset, inclusive.
        fps: Frame rate in frames per second.
        emotion: Emotion as the distributor publishes it, in lower case.
        aus: Action units as the distributor writes them (raw text).
        label: Class index under ``mapping``, or None if the mapping drops the clip.
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
        """``dataset/subject/clip``, the only name of a clip that is unique."""
        return f"{self.dataset}/{self.subject}/{self.clip}"

    @property
    def subject_key(self) -> str:
        """``dataset/subject``, which names a person; folds are cut between persons."""
        return f"{self.dataset}/{self.subject}"

    def frame_path(self, number: int) -> str:
        """Path of the frame with that number; raises ``KeyError`` if there is none."""
        try:
            return self.frames[self.frame_numbers.index(number)]
        except ValueError:
            raise KeyError(number) from None


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something that a reader noticed about a clip or a dataset.

    Attributes:
        severity: ``"warning"`` (a clip was dropped or corrected) or ``"info"``.
        kind: ``"missing"``, ``"skipped"``, ``"correction"`` (applied), ``"revision"`` (a correction whose old value
            the sheet does not hold), ``"extra"`` (there and not read), ``"source"`` (what was read) or ``"note"``.
        clip: Clip key, or ``""`` if the problem is not about one clip.
        message: Explanation in one line.
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
        problems: Everything that the reader noticed.
        partial: Whether clips of the set are missing because of a fault, or the counts differ from the published ones
            where those were asked for. It must accompany every figure computed from the table.
        synthetic: Whether the reader knows that the clips are drawn; ``mer_tf.datasets.origin`` looks at folders too.
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
        """Subject keys in alphabetical order."""
        return tuple(sorted({clip.subject_key for clip in self.clips}))


@dataclasses.dataclass(frozen=True)
class Fold:
    """One split of a protocol.

    Attributes:
        name: Fold name; under LOSO the held-out subject key.
        train: Indices of the training clips.
        test: Indices of the test clips.
        subjects_may_straddle: Whether the protocol allows a subject on both sides. Only ``tenfold_numbering`` does,
            which exists to reproduce a paper.
    """

    name: str
    train: tuple[int, ...]
    test: tuple[int, ...]
    subjects_may_straddle: bool = False


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The prediction of a model for one held-out clip.

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

    @property
    def key(self) -> str:
        """``dataset/subject/clip``, as that of the clip."""
        return f"{self.dataset}/{self.subject}/{self.clip}"
