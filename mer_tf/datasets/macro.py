"""Which pictures of a macro-expression clip pre-training uses."""

from __future__ import annotations

import dataclasses

from mer_tf.datasets.registry import get_card
from mer_tf.errors import ConfigError
from mer_tf.types import Clip, ClipTable

FRAMES = {"last": 3, "still": 1, "middle": 8}


@dataclasses.dataclass(frozen=True)
class Picture:
    """One frame of a macro-expression clip, as pre-training uses it.

    Attributes:
        clip: The clip it is of; its label must not be None.
        number: Frame number.
        path: Image file.
    """

    clip: Clip
    number: int
    path: str

    @property
    def key(self) -> str:
        """``dataset/subject/clip/number``."""
        return f"{self.clip.key}/{self.number}"


def pictures(table: ClipTable) -> tuple[Picture, ...]:
    """The pictures around the apex of every clip of a macro-expression set, in order of clips and frames.

    Raises:
        ConfigError: The set has no rule for it (it is not one of macro-expressions).
    """
    return tuple(
        Picture(clip, clip.frame_numbers[clip.frames.index(path)], path)
        for clip in table.clips
        for path in peak_frames(clip)
    )


def peak_frames(clip: Clip) -> tuple[str, ...]:
    """Frame files around the apex of a macro-expression clip, by what the card of its set says of the peak.

    Args:
        clip: The clip.

    Returns:
        Paths in numeric order; a clip of fewer frames gives what it has.

    Raises:
        ConfigError: The set has no rule.

    Source: the Micro-Attention paper: the last three frames in CK+ and Oulu-CASIA, six to ten around the apex in MUG.

    Assumption: MUG has no apex labels and the paper does not say which frames it took; here eight around the middle.
    """
    rule = get_card(clip.dataset).peak
    if rule not in FRAMES:
        raise ConfigError(f"rule must be one of {', '.join(FRAMES)}. Received: {rule!r} for {clip.key}")
    count = FRAMES[rule]
    if rule == "middle":
        start = max((len(clip.frames) - count) // 2, 0)
        return clip.frames[start : start + count]
    return clip.frames[-count:]
