"""What a face detector finds, and the rules that every detector shares."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from mer_tf.errors import FaceNotFoundError, SeveralFacesError

MAX_DETECTOR_PIXELS = 80_000_000  # an image doubled beyond this is not scanned: memory
_TIE = 1e-3


@dataclasses.dataclass(frozen=True)
class Detection:
    """One face found.

    Attributes:
        box: Left, top, right, bottom in pixels, both ends inclusive; may reach outside the image.
        score: Detector score; 0 is the detector's own threshold.
        upsample: Image doublings it took.
        faces: How many boxes the detector returned.
        anchors: Points of the face that the detector itself gives, float64 ``(n, 2)``; None where it gives none.
        note: What was unusual, for the provenance.
    """

    box: tuple[int, int, int, int]
    score: float
    upsample: int
    faces: int
    anchors: np.ndarray | None = None
    note: str = ""


class Finder(Protocol):
    """What ``make_finder`` returns."""

    provenance: dict[str, str]
    finds_again: bool

    def detect(self, gray: np.ndarray, clip: str = "", frame: int | None = None) -> Detection: ...

    def landmarks(
        self, gray: np.ndarray, detection: Detection, clip: str = "", frame: int | None = None
    ) -> np.ndarray: ...


def choose_face(
    size: tuple[int, int],
    boxes: list[tuple[int, int, int, int]],
    scores: list[float],
    several_faces: str,
    strong: float,
    clip: str = "",
    frame: int | None = None,
) -> int:
    """Index of the face to take.

    Args:
        size: Height and width of the image.
        boxes: Left, top, right, bottom, ends inclusive; at least one.
        scores: One per box.
        several_faces: ``"best"``, ``"largest"`` or ``"error"`` of ``FaceConfig``.
        strong: Score from which a box counts as a second face.
        clip: Clip key for messages.
        frame: Frame number for messages.

    Raises:
        SeveralFacesError: Policy ``"error"`` and more than one strong box.
    """
    faces = [score for score in scores if score >= strong]
    if several_faces == "error" and len(faces) > 1:
        raise SeveralFacesError(
            f"{len(faces)} faces found (scores {', '.join(f'{score:.2f}' for score in faces)}), expected one; "
            "crop the frames to one person, or say which is meant with --faces largest or best (face.several_faces)",
            clip,
            frame,
        )
    height, width = size

    def area(index: int) -> int:
        left, top, right, bottom = boxes[index]
        return (right - left + 1) * (bottom - top + 1)

    def off_centre(index: int) -> float:
        left, top, right, bottom = boxes[index]
        return ((left + right) / 2 - (width - 1) / 2) ** 2 + ((top + bottom) / 2 - (height - 1) / 2) ** 2

    order = range(len(boxes))
    if several_faces == "largest":
        return min(order, key=lambda i: (-area(i), -scores[i], off_centre(i)))
    tied = [i for i in order if scores[i] > max(scores) - _TIE]
    return min(tied, key=lambda i: (-area(i), off_centre(i)))


def no_face(size: tuple[int, int], tried: list[int], clip: str = "", frame: int | None = None) -> FaceNotFoundError:
    """The error for an image in which the whole ladder found nothing."""
    height, width = size
    return FaceNotFoundError(
        f"no face found in the {width}x{height} image (upsampling {', '.join(map(str, tried))} tried); "
        "the face must be frontal, upright and at least some 20 px wide",
        clip,
        frame,
    )


def check_gray(gray: np.ndarray) -> None:
    """Refuses anything but ``(height, width)`` uint8 with ``TypeError`` or ``ValueError``."""
    if not isinstance(gray, np.ndarray):
        raise TypeError(f"gray must be a (height, width) uint8 array. Received: {type(gray).__name__}")
    if gray.ndim != 2 or gray.dtype != np.uint8 or not gray.size:
        raise ValueError(
            "gray must be a (height, width) uint8 array; make one with mer_tf.preprocessing.images.gray8. "
            f"Received: {gray.shape} {gray.dtype}"
        )
