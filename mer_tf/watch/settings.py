"""Constants of watching a recording, in one place.

Lengths are eye distances (between the two eye centres), times seconds, angles degrees, unless a name says otherwise.

Source: tiers, reasons and the shape of the spotting rule follow the region-based flow spotters of the field (floor and
ends of He 2021 and Zhao et al. 2022). Assumption: every number; they were set on drawn faces, and no licensed long
video was at hand.
"""

from __future__ import annotations

import dataclasses

from mer_tf.checks import between, config_errors, number, one_of, whole

DETECTORS = ("auto", "dlib", "haar")
REQUIREMENTS = ("micro", "macro")


@dataclasses.dataclass(frozen=True)
class WatchConfig:
    """How a recording is watched.

    Attributes:
        detector: ``"dlib"`` (68 points), ``"haar"`` (OpenCV's cascades: eyes only, so that pose, lids and lips are not
            measured), or ``"auto"``: the first that is installed.
        max_faces: Faces that are analysed at a time, the largest first; further ones are ``not_analysed``.
        floor: Smallest motion that can be an event.
        factor: A curve must exceed this times the median peak of its quiet seconds.
        head_leak: Share of the head's motion around a moment that its curves must exceed as well.
        micro_s: Longest micro-expression.
        low_rate_micro_s: Shortest one that tier B can show.
        macro_s: Longest macro-expression.
        look_ahead_s: Recording that must follow a moment before it is judged.
        history_s: Recording that the baseline of a curve is taken from.
        cutoff_hz: Of the low-pass filter.
        noise: Largest standard deviation of the quiet curve with which micro-expressions can be told.
        tier_fps: Least frames a second of the tiers A, B and C, real ones.
        tier_eyes: Least eye distance of the tiers A, B and C, pixels.
        max_yaw: Largest, as ``max_pitch`` and ``max_roll``.
        max_pitch: See ``max_yaw``.
        max_roll: See ``max_yaw``.
        min_confidence: Of the spotting, below which a class is withheld.
        min_probability: Of the likeliest class, below which it is withheld.
    """

    detector: str = "auto"
    max_faces: int = 8
    floor: float = 0.010
    factor: float = 2.5
    head_leak: float = 0.10
    micro_s: float = 0.5
    low_rate_micro_s: float = 0.17
    macro_s: float = 4.0
    look_ahead_s: float = 2.5
    history_s: float = 4.5
    cutoff_hz: float = 6.0
    noise: float = 0.0035
    tier_fps: tuple[float, float, float] = (60.0, 25.0, 12.0)
    tier_eyes: tuple[float, float, float] = (60.0, 40.0, 20.0)
    max_yaw: float = 30.0
    max_pitch: float = 25.0
    max_roll: float = 30.0
    min_confidence: float = 0.3
    min_probability: float = 0.5

    def __post_init__(self):
        with config_errors():
            one_of("watch.detector", self.detector, DETECTORS)
            whole("watch.max_faces", self.max_faces, 1)
            for name in ("floor", "factor", "micro_s", "macro_s", "look_ahead_s", "history_s", "cutoff_hz", "noise"):
                number(f"watch.{name}", getattr(self, name), lambda value: value > 0, "a positive number")
            for name in ("head_leak", "min_confidence", "min_probability"):
                between(f"watch.{name}", getattr(self, name), 0, 1)
