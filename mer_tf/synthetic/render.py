"""Frames, true points and true flow of a planned clip."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator

import cv2
import numpy as np

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.synthetic.face import HEIGHT, SUPERSAMPLING, WIDTH, Face, eye_curves, make_face, paint
from mer_tf.synthetic.motion import (
    FIELD_HEIGHT,
    FIELD_STEP,
    FIELD_WIDTH,
    ClipPlan,
    Difficulty,
    Repertoire,
    choose_emotion,
    make_habits,
    motion_fields,
    plan_clip,
    remap_field,
    sample_field,
)

_INVERSION_STEPS = 3
_POSED_STEPS, _POSED_RELAXATION = 12, 0.6
_NOISE_MARGIN = 64
LOOKS = ("colour", "gray", "infrared")
# Blue, green, red. Near-infrared light penetrates skin, which looks even and bright; assumption: the red channel comes
# nearest to that.
_LUMA = {"gray": (0.114, 0.587, 0.299), "infrared": (0.0, 0.15, 0.85)}


@dataclasses.dataclass(frozen=True)
class View:
    """A camera on the drawing of 640x480 px. Outside of it, its edge goes on.

    Attributes:
        width: Frame width in px.
        height: Frame height in px.
        zoom: Frame px per px of the drawing, in which a face is about 275 px wide.
        centre: Point of the drawing in the middle of the frame.
        look: ``"colour"``, or ``"gray"`` or ``"infrared"`` for frames of one channel.
    """

    width: int = WIDTH
    height: int = HEIGHT
    zoom: float = 1.0
    centre: tuple[float, float] = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    look: str = "colour"

    def __post_init__(self):
        if min(self.width, self.height) < 8 or not 0.02 <= self.zoom <= 8:
            raise ConfigError(f"a view must have 8x8 px and a zoom of 0.02 to 8. Received: {self}")
        if self.look not in LOOKS:
            raise UnknownNameError("look", self.look, LOOKS)

    @property
    def shift(self) -> np.ndarray:
        """Frame position of the drawing's origin, float64 (2,)."""
        return np.array([(self.width - 1) / 2, (self.height - 1) / 2]) - self.zoom * np.array(self.centre)

    def compose(self, pose: np.ndarray) -> np.ndarray:
        """The map from the neutral drawing to the frame, float64 (2, 3), of a clip's pose."""
        return np.concatenate([self.zoom * pose[:, :2], (self.zoom * pose[:, 2] + self.shift)[:, None]], 1)


class SyntheticSubject:
    """One procedural person: its face, its habits, its clips.

    Every clip has its own random stream made of (seed, subject, clip), so clips do not depend on which others are
    drawn, nor in which order.

    Args:
        seed: Seed of the whole set, not negative.
        number: Subject number, from 1.
        difficulty: Amplitudes; the defaults when None.
        repertoire: What may be shown; that of CASME II when None.
        view: Camera; 640x480 in colour when None.

    Example:
        subject = SyntheticSubject(seed=0, number=1)
        plan = subject.plan(0)
        frames = list(subject.render(plan))
        flow = subject.true_flow(plan)
    """

    def __init__(
        self,
        seed: int,
        number: int,
        difficulty: Difficulty | None = None,
        *,
        repertoire: Repertoire | None = None,
        view: View | None = None,
    ):
        for name, value, least in (("seed", seed, 0), ("subject", number, 1)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ConfigError(f"{name} must be an integer of at least {least}. Received: {value!r}")
        self.seed, self.number = int(seed), int(number)
        self.difficulty = difficulty or Difficulty()
        self.repertoire, self.view = repertoire or Repertoire(), view or View()
        rng = np.random.default_rng(self.repertoire.stream(self.seed, self.number, 0))
        self.face: Face = make_face(rng)
        self.habits = make_habits(rng, self.difficulty, self.repertoire.action_units)

    @functools.cached_property
    def fields(self) -> np.ndarray:
        """Displacement fields of all channels, see ``motion_fields``."""
        return motion_fields(self.face, self.repertoire.channels)

    @functools.cached_property
    def textures(self) -> tuple[np.ndarray, np.ndarray]:
        """Neutral pictures with open and with closed eyes, uint8 RGB at twice the camera resolution."""
        return paint(self.face)

    @functools.cached_property
    def _noise(self) -> np.ndarray:
        """A sheet of sensor noise around 128, uint8, larger than a frame; frames take windows at random places."""
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, self.number, 1)))
        shape = (self.view.height + _NOISE_MARGIN, self.view.width + _NOISE_MARGIN)
        luma = rng.standard_normal((*shape, 1), dtype=np.float32)
        sigma = self.face.look["noise"] * self.difficulty.noise
        if self.view.look != "colour":
            return np.clip(np.round(128 + sigma * luma[..., 0]), 0, 255).astype(np.uint8)
        chroma = rng.standard_normal((*shape, 3), dtype=np.float32)
        return np.clip(np.round(128 + sigma * (0.85 * luma + 0.5 * chroma)), 0, 255).astype(np.uint8)

    def seen_by(self, view: View) -> SyntheticSubject:
        """The same person before another camera."""
        other = copy.copy(self)
        other.view = view
        for name in ("_noise", "_texels", "_open_texture"):
            other.__dict__.pop(name, None)
        return other

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
        least = self.repertoire.least_frames
        if not least <= low <= high <= 1000:
            raise ConfigError(f"frames_per_clip must lie in {least}..1000, low before high. Received: {frames!r}")
        if isinstance(clip, bool) or not isinstance(clip, int | np.integer) or clip < 0:
            raise ConfigError(f"clip must be an integer of at least 0. Received: {clip!r}")
        known = self.repertoire.emotions
        if emotion is not None and emotion != "neutral" and emotion not in known:
            raise UnknownNameError("emotion", emotion, [*known, "neutral"])
        key = (self.seed, self.number, 2 + int(clip))
        rng = np.random.default_rng(self.repertoire.stream(*key))
        count = int(rng.integers(low, high + 1))
        return plan_clip(
            self.fields,
            self.face,
            self.habits,
            self.difficulty,
            rng,
            subject=self.number,
            clip=int(clip),
            emotion=emotion or choose_emotion(self.seed, self.number, int(clip), self.repertoire),
            frames=count,
            repertoire=self.repertoire,
            noise_seed=(*key, 1),
        )

    def displacement(self, plan: ClipPlan, frame: int) -> np.ndarray:
        """Displacement of the neutral face in a frame, float32 (FIELD_HEIGHT, FIELD_WIDTH, 2), camera px."""
        flat = self.fields.reshape(len(self.fields), -1)
        return (plan.amplitudes[frame] @ flat).reshape(FIELD_HEIGHT, FIELD_WIDTH, 2)

    def render(self, plan: ClipPlan, *, frames: range | None = None) -> Iterator[np.ndarray]:
        """Draws the frames one after another.

        Args:
            plan: Of ``plan``.
            frames: Positions in the clip; all when None.

        Yields:
            uint8 pictures of the view's size, 0..255: BGR, the channel order OpenCV writes, (height, width, 3), or
            (height, width) where the view's look has one channel.
        """
        view, shift = self.view, self.view.shift
        texels = self._texels
        rng = np.random.default_rng(np.random.SeedSequence(plan.seed))
        corners = rng.integers(0, _NOISE_MARGIN, (plan.frames, 2))
        # Only channels that move take part; one product for the whole clip.
        moving = np.flatnonzero(np.any(plan.amplitudes != 0, 0))
        flat = self.fields.reshape(len(self.fields), -1)[moving]
        inverse = _inverse_pose(plan.pose)
        base = _grid() @ inverse[:, :2].T.astype(np.float32) + inverse[:, 2].astype(np.float32)
        steps = (_POSED_STEPS, _POSED_RELAXATION) if self.repertoire.posed else (_INVERSION_STEPS, 1.0)
        for frame in range(plan.frames) if frames is None else frames:
            field = (plan.amplitudes[frame, moving] @ flat).reshape(FIELD_HEIGHT, FIELD_WIDTH, 2)
            position = _invert(field, base, *steps)
            position *= texels
            position += (texels - 1) / 2
            full = cv2.warpAffine(
                position,
                np.array(
                    [
                        [1 / view.zoom / FIELD_STEP, 0, -shift[0] / view.zoom / FIELD_STEP],
                        [0, 1 / view.zoom / FIELD_STEP, -shift[1] / view.zoom / FIELD_STEP],
                    ]
                ),
                (view.width, view.height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            texture = self._texture_at(float(plan.closure[frame]))
            image = cv2.remap(texture, full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            y, x = corners[frame]
            noise = self._noise[y : y + view.height, x : x + view.width]
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
        pose = self.view.compose(plan.pose)
        return moved @ pose[:, :2].T + pose[:, 2]

    def true_flow(self, plan: ClipPlan, start: int | None = None, end: int | None = None) -> np.ndarray:
        """True optical flow between two frames, of the skin: lids that cover an eye in a blink are not part of it.

        Args:
            plan: The clip.
            start: Position of the frame the flow starts from; the onset when None.
            end: Position of the frame it points to; the apex when None.

        Returns:
            float32 (height, width, 2) of the view, (u, v) in px with ``frame_end(x + u, y + v) = frame_start(x, y)``.
        """
        start = plan.onset - plan.first if start is None else start
        end = plan.apex - plan.first if end is None else end
        source, target = self.displacement(plan, start), self.displacement(plan, end)
        pose = self.view.compose(plan.pose)
        inverse = _inverse_pose(pose)
        ys, xs = np.mgrid[0 : self.view.height, 0 : self.view.width].astype(np.float64)
        base = np.stack([xs, ys], -1) @ inverse[:, :2].T + inverse[:, 2]
        neutral = base.copy()
        for _ in range(6):
            neutral = base - sample_field(source, neutral)
        change = sample_field(target - source, neutral)
        return (change @ pose[:, :2].T).astype(np.float32)

    @functools.cached_property
    def _bgr(self) -> tuple[np.ndarray, np.ndarray]:
        return tuple(cv2.cvtColor(t, cv2.COLOR_RGB2BGR) for t in self.textures)

    @functools.cached_property
    def _texels(self) -> float:
        """Texture px per px of the drawing: no more than two per frame px, so that small frames do not alias."""
        return SUPERSAMPLING * min(1.0, self.view.zoom)

    def _texture_at(self, closure: float) -> np.ndarray:
        """The picture that frames are sampled from, in the view's look."""
        if closure <= 0.02:
            return self._open_texture
        return self._seen(self._blink(closure))

    @functools.cached_property
    def _open_texture(self) -> np.ndarray:
        return self._seen(self._bgr[0])

    def _seen(self, texture: np.ndarray) -> np.ndarray:
        if self.view.look != "colour":
            texture = cv2.transform(texture, np.array([_LUMA[self.view.look]]))
        if self._texels < SUPERSAMPLING:
            size = (max(round(WIDTH * self._texels), 2), max(round(HEIGHT * self._texels), 2))
            texture = cv2.resize(texture, size, interpolation=cv2.INTER_AREA)
        return texture

    def _blink(self, closure: float) -> np.ndarray:
        opened, closed = self._bgr
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


def _invert(field: np.ndarray, base: np.ndarray, steps: int, relaxation: float) -> np.ndarray:
    """Neutral positions ``p`` with ``p + field(p) = base``, by fixed-point steps.

    Small smooth motion needs few steps; large motion needs relaxed ones, because its field changes by nearly as much as
    the position.
    """
    position = base - remap_field(field, base)
    for _ in range(steps - 1):
        target = base - remap_field(field, position)
        position = target if relaxation == 1.0 else position + np.float32(relaxation) * (target - position)
    return position
