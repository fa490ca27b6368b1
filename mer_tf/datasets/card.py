"""What is known of a published set, as data: one card per set, beside its reader.

Everything else that speaks of sets (readers, label mappings, published counts, spellings, titles in reports, synthetic
twins) is derived from the cards.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping

from mer_tf.datasets.expected import Expected
from mer_tf.datasets.spelling import clean, subject_form

KINDS = ("micro", "macro")
PEAKS = ("annotated", "none", "last", "middle", "still")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """Facts of a set.

    Attributes:
        name: Name in commands, files and clip keys, in lower case: letters, digits and underscores.
        title: Name for people.
        aliases: Further spellings of the name; case, blanks, hyphens and underscores never matter. A spelling that two
            cards have is ambiguous.
        kind: ``"micro"`` or ``"macro"`` expressions.
        classes: Emotions as the distributor publishes them, in lower case (CK+'s "happy" is "happiness").
        more_emotions: Emotions that a clip may show beside those classes.
        fps: Frames per second; 1 for stills, so that durations stay finite.
        subject_id: From a spelling of a subject to its canonical form; None for anything that is no subject.
        clip_name: From a spelling of a clip to its canonical form.
        peak: Where the apex is: ``"annotated"``, ``"none"`` (not annotated), ``"last"`` frame, around the ``"middle"``
            frame, or a ``"still"``.
        neutral: Whether a clip goes from a neutral face to an apex, so that one without two such frames is a fault.
        counts: Mapping name (``"native"`` for the set's own classes) to the published counts, several where several
            circulate; None where no counts are known.
        pictures: Pictures of five classes in the pre-training of the micro-attention paper, or None.
        hint: Distributor and licence or agreement, for messages.
        listed_as: Name in the lists and logs of challenges, where it is another; a further spelling.
        variants: Other forms the set is shipped in that have a synthetic twin, such as ``"cropped"``.
        people: The set whose people these are, under the same ids; ``""`` where nobody is known to be in another set.
        known_from: What the folders and columns are known from, where nobody who wrote the reader had a copy as the
            distributor ships it; ``""`` otherwise.
    """

    name: str
    title: str
    kind: str
    classes: tuple[str, ...]
    fps: float
    subject_id: Callable[[str], str | None]
    peak: str
    counts: Mapping[str, tuple[Expected, ...]] | None
    hint: str
    aliases: tuple[str, ...] = ()
    more_emotions: tuple[str, ...] = ()
    clip_name: Callable[[str], str] = str.strip
    neutral: bool = True
    pictures: int | None = None
    listed_as: str = ""
    variants: tuple[str, ...] = ()
    people: str = ""
    known_from: str = ""

    def __post_init__(self):
        for field, known in (("kind", KINDS), ("peak", PEAKS)):
            if getattr(self, field) not in known:
                raise ValueError(f"{field} must be one of {known}. Received: {getattr(self, field)!r}")
        if not re.fullmatch(r"[a-z0-9_]+", self.name):
            raise ValueError(f"name must be lower-case letters, digits and underscores. Received: {self.name!r}")

    @property
    def emotions(self) -> tuple[str, ...]:
        """Every emotion a clip may show."""
        return (*self.classes, *self.more_emotions)

    @property
    def mapping(self) -> str:
        """Label mapping that is used unless another is asked for."""
        return "megc2019" if self.kind == "micro" else "macro5"

    @property
    def apex_expected(self) -> bool:
        """Whether a clip has an apex of its own, so that one without it is worth a warning."""
        return self.peak not in ("none", "middle")

    @property
    def layouts(self) -> tuple[str, ...]:
        """Names of its synthetic twins."""
        return (self.name, *(f"{self.name}_{variant}" for variant in self.variants))

    def subject(self, text: str) -> str | None:
        """Canonical form of a subject in any spelling, such as ``"Subject 1"``; None for anything that is no subject.

        Wider than ``subject_id``, by which the folders of the set are told from other folders.
        """
        return self.subject_id(clean(text)) or self.subject_id(subject_form(text))

    def expected(self, mapping: str) -> tuple[Expected, ...]:
        """Published counts under a mapping: none, one, or several that circulate."""
        return (self.counts or {}).get("native" if mapping == f"native_{self.name}" else mapping, ())
