"""Frames, true points and true flow of a planned clip."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import cv2
import numpy as np

from mer_tf.datasets.synthetic.face import HEIGHT, SUPERSAMPLING, WIDTH, Face, eye_curves, make_face, paint
from mer_tf.datasets.synthetic.motion import (
    CHANNELS,
    EMOTIONS,
    FIELD_HEIGHT,
    FIELD_STEP,
    FIELD_WIDTH,
    ClipPlan,
    Difficulty,
    choose_emotion,
    make_habits,
    motion_fields,
    plan_clip,
    remap_field,
    sample_field,
)
from mer_tf.errors import ConfigError, UnknownNameError

_INVERSION_STEPS = 3
_NOISE_MARGIN = 64


class SyntheticSubject:
    """One procedural person: its face, its habits, its clips.

    Every clip has its own random stream made of (seed, subject, clip), so clips do not depend on which others are
    drawn, nor in which order.

    Args:
        seed: Seed of the whole set, not negative.
        number: Subject number, from 1.
        difficulty: Amplitudes; the defaults when None.

    Example:
        subject = SyntheticSubject(seed=0, number=1)
        plan = subject.plan(0)
        frames = list(subject.render(plan))
        flow = subject.true_flow(plan)
    """

    def __init__(self, seed: int, number: int, difficulty: Difficulty | None = None):
        for name, value, least in (("seed", seed, 0), ("subject", number, 1)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ConfigError(f"{name} must be an integer of at least {least}. Received: {value!r}")
        self.seed, self.number = int(seed), int(number)
        self.difficulty = difficulty or Difficulty()
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, self.number, 0)))
        self.face: Face = make_face(rng)
        self.habits = make_habits(rng, self.difficulty)

    @functools.cached_property
    def fields(self) -> np.ndarray:
        """Displacement fields of all channels, see ``motion_fields``."""
        return motion_fields(self.face)

    @functools.cached_property
    def textures(self) -> tuple[np.ndarray, np.ndarray]:
        """Neutral pictures with open and with closed eyes, uint8 RGB at twice the camera resolution."""
        return paint(self.face)

    @functools.cached_property
    def _noise(self) -> np.ndarray:
        """A sheet of sensor noise around 128, uint8, larger than a frame; frames take windows at random places."""
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, self.number, 1)))
        shape = (HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN)
        luma = rng.standard_normal((*shape, 1), dtype=np.float32)
        chroma = rng.standard_normal((*shape, 3), dtype=np.float32)
        sigma = self.face.look["noise"] * self.difficulty.noise
        return np.clip(np.round(128 + sigma * (0.85 * luma + 0.5 * chroma)), 0, 255).astype(np.uint8)

    def plan(self, clip: int, *, frames: int | tuple[int, int] = (20, 30), emotion: str | None = None) -> ClipPlan:
        """Decides everything about one clip.

        Args:
            clip: Clip number within the subject, from 0.
            frames: Number of frames, or the smallest and largest number to draw from; at least 8.
            emotion: Emotion to show; None draws one. ``"neutral"`` gives a clip without expression.

        Returns:
            The plan.
        """
        low, high = (frames, frames) if isinstance(frames, int | np.integer) else frames
        if not 8 <= low <= high <= 1000:
            raise ConfigError(f"frames_per_clip must lie in 8..1000, low before high. Received: {frames!r}")
        if isinstance(clip, bool) or not isinstance(clip, int | np.integer) or clip < 0:
            raise ConfigError(f"clip must be an integer of at least 0. Received: {clip!r}")
        if emotion is not None and emotion != "neutral" and emotion not in EMOTIONS:
            raise UnknownNameError("emotion", emotion, [*EMOTIONS, "neutral"])
        key = (self.seed, self.number, 2 + int(clip))
        rng = np.random.default_rng(np.random.SeedSequence(key))
        count = int(rng.integers(low, high + 1))
        return plan_clip(
            self.fields,
            self.face,
            self.habits,
            self.difficulty,
            rng,
            subject=self.number,
            clip=int(clip),
            emotion=emotion or choose_emotion(self.seed, self.number, int(clip)),
            frames=count,
            noise_seed=(*key, 1),
        )

    def displacement(self, plan: ClipPlan, frame: int) -> np.ndarray:
        """Displacement of the neutral face in a frame, float32 (FIELD_HEIGHT, FIELD_WIDTH, 2), camera px."""
        flat = self.fields.reshape(len(self.fields), -1)
        return (plan.amplitudes[frame] @ flat).reshape(FIELD_HEIGHT, FIELD_WIDTH, 2)

    def render(self, plan: ClipPlan) -> Iterator[np.ndarray]:
        """Draws the frames one after another.

        Args:
            plan: Of ``plan``.

        Yields:
            uint8 BGR pictures (480, 640, 3), 0..255: the channel order OpenCV writes.
        """
        rng = np.random.default_rng(np.random.SeedSequence(plan.seed))
        corners = rng.integers(0, _NOISE_MARGIN, (plan.frames, 2))
        # Only channels that move take part; one product for the whole clip.
        moving = np.flatnonzero(np.any(plan.amplitudes != 0, 0))
        flat = self.fields.reshape(len(self.fields), -1)[moving]
        inverse = _inverse_pose(plan.pose)
        base = _grid() @ inverse[:, :2].T.astype(np.float32) + inverse[:, 2].astype(np.float32)
        for frame in range(plan.frames):
            field = (plan.amplitudes[frame, moving] @ flat).reshape(FIELD_HEIGHT, FIELD_WIDTH, 2)
            position = _invert(field, base)
            position *= SUPERSAMPLING
            position += (SUPERSAMPLING - 1) / 2
            full = cv2.warpAffine(
                position,
                np.array([[1 / FIELD_STEP, 0, 0], [0, 1 / FIELD_STEP, 0]]),
                (WIDTH, HEIGHT),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            texture = self._texture_at(float(plan.closure[frame]))
            image = cv2.remap(texture, full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            y, x = corners[frame]
            noise = self._noise[y : y + HEIGHT, x : x + WIDTH]
            yield cv2.addWeighted(image, float(plan.gain[frame]), noise, 1.0, -128.0)

    def points(self, plan: ClipPlan, frame: int) -> np.ndarray:
        """The true 68 points in a frame.

        Args:
            plan: The clip.
            frame: Position in the clip, from 0 (the frame numbered ``plan.first``).

        Returns:
            float64 (68, 2), iBUG order, frame pixels; upper lids follow a blink.
        """
        neutral = self.face.points.copy()
        closed = float(plan.closure[frame])
        for first in (36, 42):
            upper, lower = eye_curves(neutral, first)
            for k in (first + 1, first + 2):
                gap = np.interp(neutral[k, 0], lower[:, 0], lower[:, 1]) - neutral[k, 1]
                neutral[k, 1] += closed * gap
        moved = neutral + sample_field(self.displacement(plan, frame), neutral)
        return moved @ plan.pose[:, :2].T + plan.pose[:, 2]

    def true_flow(self, plan: ClipPlan, start: int | None = None, end: int | None = None) -> np.ndarray:
        """True optical flow between two frames, of the skin: lids that cover an eye in a blink are not part of it.

        Args:
            plan: The clip.
            start: Position of the frame the flow starts from; the onset when None.
            end: Position of the frame it points to; the apex when None.

        Returns:
            float32 (480, 640, 2), (u, v) in px with ``frame_end(x + u, y + v) = frame_start(x, y)``.
        """
        start = plan.onset - plan.first if start is None else start
        end = plan.apex - plan.first if end is None else end
        source, target = self.displacement(plan, start), self.displacement(plan, end)
        inverse = _inverse_pose(plan.pose)
        ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
        base = np.stack([xs, ys], -1) @ inverse[:, :2].T + inverse[:, 2]
        neutral = base.copy()
        for _ in range(6):
            neutral = base - sample_field(source, neutral)
        change = sample_field(target - source, neutral)
        return (change @ plan.pose[:, :2].T).astype(np.float32)

    def expression_flow(self, plan: ClipPlan) -> np.ndarray:
        """The part of the flow onset to apex that action units make, on the neutral face.

        Returns:
            float32 (FIELD_HEIGHT, FIELD_WIDTH, 2), px; zero for a neutral clip.
        """
        units = plan.amplitudes[plan.apex - plan.first] - plan.amplitudes[plan.onset - plan.first]
        units = np.where([name.startswith("au") for name in CHANNELS], units, 0).astype(np.float32)
        flat = self.fields.reshape(len(self.fields), -1)
        return (units @ flat).reshape(FIELD_HEIGHT, FIELD_WIDTH, 2)

    @functools.cached_property
    def _bgr(self) -> tuple[np.ndarray, np.ndarray]:
        return tuple(cv2.cvtColor(t, cv2.COLOR_RGB2BGR) for t in self.textures)

    def _texture_at(self, closure: float) -> np.ndarray:
        opened, closed = self._bgr
        if closure <= 0.02:
            return opened
        texture = opened.copy()
        s = self.face.scale * SUPERSAMPLING
        for first in (36, 42):
            upper, lower = (c * SUPERSAMPLING + (SUPERSAMPLING - 1) / 2 for c in eye_curves(self.face.points, first))
            x0, x1 = int(upper[0, 0] - 4 * s), int(upper[-1, 0] + 4 * s)
            y0, y1 = int(upper[:, 1].min() - 8 * s), int(lower[:, 1].max() + 5 * s)
            xs, ys = np.arange(x0, x1), np.arange(y0, y1, dtype=np.float32)[:, None]
            up = np.interp(xs, upper[:, 0], upper[:, 1])
            low = np.interp(xs, lower[:, 0], lower[:, 1])
            edge = up + closure * (low - up) + 1.0 * s * closure
            # Closed lid above the moving edge, a dark lash line on it, fading out beyond the corners.
            ends = np.clip((xs - upper[0, 0] + 2 * s) / (2 * s), 0, 1) * np.clip(
                (upper[-1, 0] + 2 * s - xs) / (2 * s), 0, 1
            )
            cover = np.clip((edge - ys) / 2 + 0.5, 0, 1)[..., None]
            lash = (0.75 * ends * np.exp(-0.5 * ((ys - edge) / (0.65 * s)) ** 2))[..., None]
            part = texture[y0:y1, x0:x1].astype(np.float32)
            lid = closed[y0:y1, x0:x1].astype(np.float32)
            part += (lid - part) * cover
            part *= 1 - lash * (1 - max(0.0, (closure - 0.9) * 10))
            texture[y0:y1, x0:x1] = np.clip(part + 0.5, 0, 255).astype(np.uint8)
        return texture


@functools.lru_cache(maxsize=1)
def _grid() -> np.ndarray:
    ys, xs = np.mgrid[0:FIELD_HEIGHT, 0:FIELD_WIDTH].astype(np.float32) * FIELD_STEP
    return np.stack([xs, ys], -1)


def _inverse_pose(pose: np.ndarray) -> np.ndarray:
    linear = np.linalg.inv(pose[:, :2])
    return np.concatenate([linear, (-linear @ pose[:, 2])[:, None]], 1)


def _invert(field: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Neutral positions ``p`` with ``p + field(p) = base``, by fixed-point steps; motion is small and smooth."""
    position = base - remap_field(field, base)
    for _ in range(_INVERSION_STEPS - 1):
        position = base - remap_field(field, position)
    return position
