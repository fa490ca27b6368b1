"""Which frames of an annotated clip a recipe reads."""

from __future__ import annotations

import dataclasses

from mer_tf.errors import FrameOrderError
from mer_tf.recipes import FramesConfig
from mer_tf.types import Clip

NEAREST_FRAMES = 2  # a missing frame may be replaced by one at most this many numbers away


@dataclasses.dataclass(frozen=True)
class Selection:
    """Frames a recipe reads of one clip.

    Attributes:
        numbers: Frame numbers in order.
        onset: Index of the onset in ``numbers``.
        apex: Index of the apex in ``numbers``, or None where it must be spotted.
        rule: ``"annotated"``, ``"middle"`` or ``"spotted"``, with ``", nearest frame"`` where a number had no file.
    """

    numbers: tuple[int, ...]
    onset: int
    apex: int | None
    rule: str


def middle_frame(onset: int, offset: int) -> int:
    """``onset + floor((offset - onset) / 2)``, the stand-in for an apex that is not annotated."""
    return onset + (offset - onset) // 2


def nearest_frame(numbers, wanted: int) -> int | None:
    """The number in ``numbers`` nearest to ``wanted`` and at most 2 away (the lower one of two), or None."""
    near = [number for number in numbers if abs(number - wanted) <= NEAREST_FRAMES]
    return min(near, key=lambda number: (abs(number - wanted), number), default=None)


def needed_frames(clip: Clip) -> tuple[int, int, str]:
    """Onset and apex of a clip as frames that exist.

    Args:
        clip: The clip; where it lists frame files, only numbers among them are returned.

    Returns:
        Onset number, apex number, and the rule: ``"annotated"``, or ``"middle"`` where the apex is not annotated
        (``onset + floor((offset - onset) / 2)``), with ``", nearest frame"`` added where the number had no file and
        one at most 2 away was taken.

    Raises:
        FrameOrderError: Onset, apex and offset are out of order, there is no frame between onset and offset to
            stand in for the apex, or a frame has no file near it.
    """
    apex, rule = _apex(clip)
    numbers = [clip.onset, apex]
    if clip.frame_numbers:
        for index, number in enumerate(numbers):
            near = _existing(clip, number)
            if near != number:
                numbers[index] = near
                rule += "" if rule.endswith("nearest frame") else ", nearest frame"
        if not numbers[0] < numbers[1]:
            raise FrameOrderError(f"onset and apex fall on one frame file ({numbers[0]})", clip.key)
    return numbers[0], numbers[1], rule


def select_frames(clip: Clip, frames: FramesConfig) -> Selection:
    """The frames that a recipe reads of a clip.

    Args:
        clip: The clip; where it lists frame files, only numbers among them are returned.
        frames: The recipe's ``frames``.

    Returns:
        Two numbers for span ``"onset_apex"``, one for ``"apex"``, else every frame of the span. Where the apex is not
        annotated and ``frames.apex`` names a spotting method, every frame from onset to offset.

    Raises:
        FrameOrderError: As ``needed_frames``; or the span has fewer than two frames.
    """
    if clip.apex is None and frames.apex != "middle":
        numbers = _between(clip, _existing(clip, clip.onset), _existing(clip, clip.offset))
        return Selection(numbers, 0, None, "spotted")
    if frames.span == "onset_to_offset" and clip.apex is not None and clip.apex == clip.onset:
        # The apex plays no part in such a clip unless an array asks for it; the sheet's row is left as it is.
        numbers = _between(clip, _existing(clip, clip.onset), _existing(clip, clip.offset))
        return Selection(numbers, 0, 0, "annotated")
    if frames.span == "apex":  # the onset may have no file: a record of such a recipe holds the apex alone
        apex, rule = _apex(clip)
        near = _existing(clip, apex)
        return Selection((near,), 0, 0, rule if near == apex else f"{rule}, nearest frame")
    onset, apex, rule = needed_frames(clip)
    if frames.span == "onset_apex":
        return Selection((onset, apex), 0, 1, rule)
    last = apex if frames.span == "onset_to_apex" else max(_existing(clip, clip.offset), apex)
    numbers = _between(clip, onset, last)
    return Selection(numbers, 0, numbers.index(apex), rule)


def _apex(clip: Clip) -> tuple[int, str]:
    """Number of the annotated apex, or of the middle that stands in for it, and which of the two."""
    apex, rule = clip.apex, "annotated"
    if apex is None:
        apex, rule = middle_frame(clip.onset, clip.offset), "middle"
    if not clip.onset < apex <= clip.offset:
        order = f"onset {clip.onset} < apex {apex} ({rule}) <= offset {clip.offset} does not hold"
        remedy = "correct them in the annotation sheet, or wherever they were given"
        if clip.apex is None:
            remedy = "no frame lies between the two to stand in for the apex: give the apex, or a clip of three frames"
        raise FrameOrderError(f"{order}; {remedy}", clip.key)
    return apex, rule


def _existing(clip: Clip, number: int) -> int:
    if not clip.frame_numbers:
        return number
    near = nearest_frame(clip.frame_numbers, number)
    if near is None:
        raise FrameOrderError(
            f"frame {number} has no file, nor has one within {NEAREST_FRAMES} of it "
            f"(files run from {clip.frame_numbers[0]} to {clip.frame_numbers[-1]})",
            clip.key,
        )
    return near


def _between(clip: Clip, first: int, last: int) -> tuple[int, ...]:
    known = clip.frame_numbers or range(first, last + 1)
    numbers = tuple(number for number in known if first <= number <= last)
    if len(numbers) < 2:
        raise FrameOrderError(
            f"there are {len(numbers)} frames from {first} to {last}, at least 2 are needed", clip.key
        )
    return numbers
