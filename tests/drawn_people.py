"""Drawn people before one camera, with motion that the test chooses."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from mer_tf.synthetic.motion import CHANNELS, Difficulty
from mer_tf.synthetic.render import SyntheticSubject, View

_EYES = 121.0  # px between the eyes in a drawing of 640x480
_SIZE = (300, 430)  # px of the drawing that hold a head
_MIDDLE = (320, 262)


@dataclasses.dataclass
class Person:
    """Somebody in a scene.

    Attributes:
        at: Middle of the head in the picture.
        eyes: Pixels between the eye centres.
        events: (onset, length, action units, size in eye distances) each.
        blinks: Seconds at which the eyes begin to close.
        sway: How far the head moves to and fro, eye distances.
        there: Seconds between which the person is in the picture.
        subject: Who it is.
    """

    at: tuple[float, float]
    eyes: float
    events: tuple = ()
    blinks: tuple = ()
    sway: float = 0.0
    there: tuple[float, float] = (0.0, np.inf)
    subject: int = 1


def bump(times, onset, length, hold=0.2):
    """A raised cosine up, a plateau of that share of the length, and down again."""
    rise = length * (1 - hold) / 2
    away = np.minimum(times - onset, onset + length - times)
    return np.where(away <= 0, 0.0, 0.5 - 0.5 * np.cos(np.pi * np.clip(away / rise, 0, 1)))


def draw(people, seconds, fps, size=(320, 240), noise=2.0, seed=0):
    """Yields BGR frames of a scene."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * fps)) / fps
    width, height = size
    drawn = []
    for person in people:
        zoom = person.eyes / _EYES
        wide, high = (min(int(side * zoom), most) for side, most in zip(_SIZE, size))
        subject = SyntheticSubject(seed, person.subject, Difficulty(noise=0.0), view=View(wide, high, zoom, _MIDDLE))
        amplitudes = np.zeros((len(times), len(CHANNELS)), np.float32)
        for onset, length, units, px in person.events:
            for channel in (f"au{unit}{side}" for unit in units for side in "LR"):
                amplitudes[:, CHANNELS.index(channel)] += px * _EYES * bump(times, onset, length)
        sway = person.sway * _EYES * np.sin(2 * np.pi * 0.3 * times + rng.uniform(0, 6))
        amplitudes[:, CHANNELS.index("head_x")] += sway
        closure = np.zeros(len(times), np.float32)
        for onset in person.blinks:
            closure = np.maximum(closure, bump(times, onset, 0.22)).astype(np.float32)
        plan = dataclasses.replace(
            subject.plan(0, frames=20, emotion="neutral"),
            amplitudes=amplitudes,
            closure=closure,
            gain=np.ones(len(times), np.float32),
            pose=np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        )
        left, top = max(int(person.at[0] - wide / 2), 0), max(int(person.at[1] - high / 2), 0)
        drawn.append((person, subject.render(plan), left, top))
    sheet = rng.normal(0, noise, (height + 64, width + 64, 3)).astype(np.float32)
    for second in times:
        picture = np.full((height, width, 3), (140, 150, 145), np.uint8)
        for person, frames, left, top in drawn:
            frame = next(frames)
            if person.there[0] <= second < person.there[1]:
                frame = frame[: height - top, : width - left]
                picture[top : top + frame.shape[0], left : left + frame.shape[1]] = frame
        x, y = rng.integers(0, 64, 2)
        yield np.clip(picture + sheet[y : y + height, x : x + width] + 0.5, 0, 255).astype(np.uint8)


def film(path, frames, fps, codec="FFV1"):
    """Writes frames as a video; FFV1 in ``.avi`` loses nothing, ``VP80`` in ``.webm`` is as of a browser."""
    writer = None
    for frame in frames:
        if writer is None:
            writer = cv2.VideoWriter(
                str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), fps, (frame.shape[1], frame.shape[0])
            )
            assert writer.isOpened(), codec
        writer.write(frame)
    writer.release()
    return path
