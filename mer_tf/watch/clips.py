"""The frames of an event, with the head held still, as a classifier takes them.

What is kept of each frame is the surroundings of the face, for the few seconds in which an event may still turn out;
older frames go unless an interval that is not judged yet needs them.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from mer_tf.watch.motion import EYES, MIDDLE
from mer_tf.watch.types import Event

MOST_EYES = 128.0  # px of eye distance to which larger faces are reduced; recipes take crops of at most 224 px
MOST_BYTES = 192 << 20  # of all faces together
_AROUND = EYES * np.array([[-1.7, -1.5], [1.7, -1.5], [1.7, 2.3], [-1.7, 2.3]]) + MIDDLE  # in the crop of ``motion``


@dataclasses.dataclass(frozen=True)
class EventClip:
    """The frames of an event.

    Attributes:
        frames: ``(height, width, 3)`` uint8 RGB each, from onset to offset; the head is where it is at the onset.
        numbers: Frame number of each.
        apex: Index of the apex in them.
        fps: Frames a second, measured.
        eye_distance: In these frames, pixels.
    """

    frames: list[np.ndarray]
    numbers: list[int]
    apex: int
    fps: float
    eye_distance: float


@dataclasses.dataclass(frozen=True)
class Recognition:
    """What a model says of an event; the fields are those of ``Event``."""

    status: str
    label: str = ""
    probabilities: tuple[tuple[str, float], ...] = ()
    motion: float | None = None
    model: str = ""
    remarks: tuple[str, ...] = ()


class Recogniser(Protocol):
    """Somebody who names the class of an event."""

    facts: Mapping[str, object]  # of the model, see ``Result``

    def classify(self, event: Event, clip: EventClip | None) -> Recognition:
        """The answer; ``clip`` is None where its frames are not at hand any more. Raises nothing for a single clip."""


class _Kept(NamedTuple):
    number: int
    time: float
    picture: np.ndarray
    pose: np.ndarray  # from the crop of ``motion`` to this picture


class Ring:
    """Surroundings of one face in the last frames."""

    def __init__(self):
        self._kept: collections.deque[_Kept] = collections.deque()
        self.bytes = 0

    def add(self, number: int, time_s: float, picture: np.ndarray, pose: np.ndarray, eye_distance: float) -> None:
        """Keeps one frame: ``picture`` is BGR, ``pose`` of ``Motion`` in it."""
        corners = _AROUND @ pose[:, :2].T + pose[:, 2]
        height, width = picture.shape[:2]
        left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, (width, height))
        if right - left < 8 or bottom - top < 8:
            return
        part = picture[top:bottom, left:right]
        pose = pose.copy()
        pose[:, 2] -= (left, top)
        if eye_distance > MOST_EYES:
            factor = MOST_EYES / eye_distance
            size = round(part.shape[1] * factor), round(part.shape[0] * factor)
            scale = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
            part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
            pose = np.column_stack([pose[:, :2] * scale[:, None], (pose[:, 2] + 0.5) * scale - 0.5])
        else:
            part = part.copy()
        self._kept.append(_Kept(number, time_s, part, pose))
        self.bytes += part.nbytes

    def forget(self, before_s: float, most: int) -> None:
        """Lets go of frames before a moment, and of the oldest beyond a number of bytes."""
        while self._kept and (self._kept[0].time < before_s or self.bytes > most):
            self.bytes -= self._kept.popleft().picture.nbytes

    def clip(self, event: Event) -> EventClip | None:
        """The frames of an event with the head held where it is at the onset; None where some are gone."""
        inside = [one for one in self._kept if event.onset_frame <= one.number <= event.offset_frame]
        if len(inside) < 2 or inside[0].number != event.onset_frame or inside[-1].number != event.offset_frame:
            return None
        numbers = [one.number for one in inside]
        if event.apex_frame not in numbers:
            return None
        first = inside[0]
        height, width = first.picture.shape[:2]
        back = cv2.invertAffineTransform(first.pose)
        frames = []
        for one in inside:
            frame = one.picture
            if one is not first:
                linear = one.pose[:, :2] @ back[:, :2]
                map_ = np.column_stack([linear, one.pose[:, :2] @ back[:, 2] + one.pose[:, 2]])
                flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
                frame = cv2.warpAffine(frame, map_, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
            frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        seconds = inside[-1].time - inside[0].time
        size = float(np.hypot(first.pose[0, 0], first.pose[1, 0]) * EYES)
        return EventClip(frames, numbers, numbers.index(event.apex_frame), (len(inside) - 1) / seconds, size)
