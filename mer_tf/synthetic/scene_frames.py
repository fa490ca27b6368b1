"""The frames of a planned scene, one after another, in memory that does not grow with its length.

Every person is drawn in a window of their own (see ``mer_tf.synthetic.render`` for the warp) and laid over a wall. The
head turns as its relief would: what is near the camera moves further. A person whose drawing does not change from one
frame to the next is not drawn again.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import cv2
import numpy as np

from mer_tf.synthetic.face import HEIGHT, SUPERSAMPLING, WIDTH, eye_curves, relief
from mer_tf.synthetic.motion import FIELD_STEP, SIDES, Difficulty, motion_fields
from mer_tf.synthetic.render import SyntheticSubject
from mer_tf.synthetic.scene import BLINK, Scene, SceneConfig, ScenePerson, course, eye_middle, plan_scene, ramp

_STEP = 2 * FIELD_STEP  # px of the drawing between nodes of the warp
_CHUNK = 128  # frames planned at a time
_MARGIN = 64  # px by which the sheet of noise is larger than a picture
_HALF_WIDTH = 190  # px of the drawing on each side of a head that are drawn
_LAST_ROW = HEIGHT - 2
_FADE = 24  # px of the drawing over which shoulders fade out
_SWAY_HZ = ((0.23, 0.7), (0.41, 0.3))  # and their shares
_ROLL_DEG = 20.0  # per eye distance of head motion


def draw(scene: Scene, *, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
    """Draws frames.

    Args:
        scene: Of ``plan_scene``.
        start: First frame; any part of a scene gives the frames that the whole would have there.
        stop: Frame after the last; that of the scene when None.

    Yields:
        uint8 BGR pictures ``(height, width, 3)``, 0..255.
    """
    config = scene.config
    wall = _wall(config)
    sheet = _noise(config)
    artists = [Artist(scene, person) for person in scene.people]
    stop = config.frames if stop is None else min(stop, config.frames)
    chunk = config.repeat * -(-_CHUNK // config.repeat)  # so that a moment that is repeated lies in one
    for first in range(start - start % chunk, stop, chunk):
        rng = np.random.default_rng(np.random.SeedSequence((config.seed, first, 0x401)))
        corners = rng.integers(0, _MARGIN, (chunk, 2))
        numbers = np.arange(first, min(first + chunk, stop))
        moments = numbers - numbers % config.repeat
        states = [artist.states(moments) for artist in artists]
        for index, number in enumerate(numbers):
            if number < start:
                continue
            picture = wall.copy()
            for artist, state in zip(artists, states):
                artist.lay(picture, state, index)
            if sheet is not None:
                y, x = corners[moments[index] - first]
                window = sheet[y : y + config.height, x : x + config.width]
                picture = cv2.addWeighted(picture, 1.0, window, 1.0, -128.0)
            yield picture


def draw_scene(config: SceneConfig | None = None) -> tuple[Scene, Iterator[np.ndarray]]:
    """Plans a scene and gives it with its frames, of which each is drawn when it is asked for.

    Args:
        config: What is drawn; the defaults when None.

    Returns:
        The scene with its truth, and a generator of uint8 BGR pictures ``(height, width, 3)``.

    Example:
        scene, frames = draw_scene(SceneConfig(faces=1, seconds=10, fps=60))
        for number, picture in enumerate(frames):
            ...
    """
    scene = plan_scene(config)
    return scene, draw(scene)


def _wall(config: SceneConfig) -> np.ndarray:
    colour = _wall_colour(config)
    fall = np.linspace(1.04, 0.9, config.height)[:, None, None]
    rng = np.random.default_rng(np.random.SeedSequence((config.seed, 0x3A11)))
    coarse = rng.normal(0, 1.5, (config.height // 24 + 2, config.width // 24 + 2, 1)).astype(np.float32)
    grain = cv2.resize(coarse, (config.width, config.height), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(colour[::-1] * fall + grain + 0.5, 0, 255).astype(np.uint8)


def _wall_colour(config: SceneConfig) -> np.ndarray:
    rng = np.random.default_rng(np.random.SeedSequence((config.seed, 0x3A12)))
    return rng.uniform((120, 125, 130), (180, 185, 190))


def _noise(config: SceneConfig) -> np.ndarray | None:
    """A sheet of noise around 128, uint8, larger than a picture; frames take windows at random places."""
    if config.noise <= 0:
        return None
    rng = np.random.default_rng(np.random.SeedSequence((config.seed, 0x401, 1)))
    shape = (config.height + _MARGIN, config.width + _MARGIN)
    luma = rng.standard_normal((*shape, 1), dtype=np.float32)
    chroma = rng.standard_normal((*shape, 3), dtype=np.float32)
    return np.clip(np.round(128 + config.noise * (0.85 * luma + 0.5 * chroma)), 0, 255).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class States:
    """What a person does in some frames.

    Attributes:
        amplitudes: Of the moving fields, ``(n, fields)`` float32, px of the drawing.
        closure: How far the eyes are closed, ``(n,)``, 0 to 1.
        yaw: Degrees, ``(n,)``.
        roll: Degrees, ``(n,)``.
        at: Middle of the eyes in the picture, ``(n, 2)`` px.
    """

    amplitudes: np.ndarray
    closure: np.ndarray
    yaw: np.ndarray
    roll: np.ndarray
    at: np.ndarray


class Artist:
    """Draws one person of a scene.

    Args:
        scene: The scene.
        person: One of its people.
    """

    def __init__(self, scene: Scene, person: ScenePerson):
        self.person, self.config = person, scene.config
        subject = SyntheticSubject(scene.config.seed, person.person, Difficulty(noise=0.0))
        wall = _wall_colour(scene.config)
        subject.face = dataclasses.replace(subject.face, look={**subject.face.look, "background": wall})
        self._subject, self.face = subject, subject.face
        self.middle, distance = eye_middle(self.face)
        self.zoom = person.eyes / distance
        units = sorted({unit for event in person.events for unit in event.units})
        every = motion_fields(self.face, [f"au{unit}{side}" for unit in units for side in SIDES])
        self._balance = np.array([subject.habits.balance[unit][side] for unit in units for side in (0, 1)])
        self._units = np.repeat(units, 2)
        self._weights = [self._scaled(event, every, distance) for event in person.events]
        step = _STEP // FIELD_STEP
        self._fields = np.ascontiguousarray(every[:, ::step, ::step])
        rows, columns = self._fields.shape[1:3]
        ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32) * _STEP
        self._grid = np.stack([xs, ys], -1)
        self._turn = self._turn_fields() if person.turned else None
        rng = np.random.default_rng(np.random.SeedSequence((scene.config.seed, person.person, 0x5A)))
        self._phase = rng.uniform(0, 2 * np.pi, (3, len(_SWAY_HZ)))
        self._texels = SUPERSAMPLING * min(1.0, self.zoom)
        # The window: as much of the drawing as is painted, in px of the picture around the middle of the eyes.
        x0, x1 = max(self.middle[0] - _HALF_WIDTH, 0), min(self.middle[0] + _HALF_WIDTH, WIDTH - 1)
        corner = (np.array([x0, 0.0]) - self.middle) * self.zoom
        far = (np.array([x1, _LAST_ROW]) - self.middle) * self.zoom
        self._corner = np.floor(corner).astype(int)
        self._size = tuple(int(v) for v in np.ceil(far) - self._corner + 1)
        self._last: tuple = (None, None)

    def _scaled(self, event, fields: np.ndarray, distance: float) -> np.ndarray:
        """Weights of the fields with which the strongest point moves by the event's size."""
        weights = np.where(np.isin(self._units, event.units), self._balance, 0.0)
        if event.kind == BLINK:
            return weights
        total = np.tensordot(weights, fields.astype(np.float64), 1)
        return weights * (event.size * distance / np.sqrt((total**2).sum(-1).max()))

    def _turn_fields(self) -> tuple[np.ndarray, np.ndarray]:
        """Horizontal motion of a turning head: what goes with the cosine less 1, and what with the sine."""
        face, s = self.face, self.face.scale
        off = (self._grid - face.to_camera((0, -18))) / (np.array([90, 116]) * s)
        within = 1 / (1 + np.exp(np.clip((np.hypot(off[..., 0], off[..., 1]) - 1.15) / 0.06, -30, 30)))
        rows = [min(int(y), HEIGHT - 1) for y in self._grid[:, 0, 1]]
        columns = [min(int(x), WIDTH - 1) for x in self._grid[0, :, 0]]
        height = relief(face)[np.ix_(rows, columns)]
        across = self._grid[..., 0] - face.centre[0]
        return (within * across).astype(np.float32), (within * height).astype(np.float32)

    def states(self, numbers: np.ndarray) -> States:
        """What the person does in the frames of those numbers."""
        times = numbers / self.config.fps
        person = self.person
        amplitudes = np.zeros((len(numbers), len(self._fields)))
        closure = np.zeros(len(numbers))
        for event, weights in zip(person.events, self._weights):
            if event.offset_frame < numbers[0] or event.onset_frame > numbers[-1]:
                continue
            on = course(numbers, event.onset_frame, event.apex_frame, event.offset_frame)
            if event.kind == BLINK:
                closure = np.maximum(closure, on)
            else:
                amplitudes += on[:, None] * weights
        reach = 0.0 if person.role == "still" else self.config.head_motion
        sway = sum(
            share * np.sin(2 * np.pi * hertz * times[:, None] + self._phase[:, k])
            for k, (hertz, share) in enumerate(_SWAY_HZ)
        )
        gone = ramp(times, person.absent)
        upwards = person.centre[1] < self.config.height / 2
        way = -(person.centre[1] + self._corner[1] + self._size[1]) if upwards else (
            self.config.height - person.centre[1] - self._corner[1]
        )  # fmt: skip
        at = np.array(person.centre) + reach * person.eyes * sway[:, :2] * (1.0, 0.6)
        at[:, 1] += gone * (way + np.sign(way) * 2)
        yaw = self.config.turn * ramp(times, person.turned)
        return States(amplitudes.astype(np.float32), closure, yaw, _ROLL_DEG * reach * sway[:, 2], at)

    def lay(self, picture: np.ndarray, states: States, index: int) -> None:
        """Lays the person, as they look in one of the frames of ``states``, over a picture."""
        whole = np.floor(states.at[index]).astype(int)
        x, y = whole + self._corner
        wide, high = self._size
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + wide, self.config.width), min(y + high, self.config.height)
        if right <= left or bottom <= top:
            return
        drawn = self._drawn(states, index, states.at[index] - whole)
        drawn = drawn[top - y : bottom - y, left - x : right - x]
        under = picture[top:bottom, left:right]
        cover = cv2.merge([drawn[..., 3]] * 3)
        over = cv2.multiply(drawn[..., :3], cover, scale=1 / 255)
        rest = cv2.multiply(under, cv2.bitwise_not(cover), scale=1 / 255)
        picture[top:bottom, left:right] = cv2.add(over, rest)

    def _drawn(self, states: States, index: int, part: np.ndarray) -> np.ndarray:
        """Blue, green, red and cover of the window, uint8; ``part`` is the position between whole pixels."""
        moved, yaw = states.amplitudes[index], float(states.yaw[index])
        roll, closure = float(states.roll[index]), float(states.closure[index])
        key = (moved.tobytes(), yaw, roll, closure, part.tobytes())
        if self._last[0] == key:
            return self._last[1]
        position = self._neutral(moved, yaw)
        position = position * np.float32(self._texels) + np.float32((self._texels - 1) / 2)
        # From px of the window to nodes of the grid: the pose, undone.
        turn = np.deg2rad(roll)
        linear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / self.zoom / _STEP
        origin = self.middle / _STEP + linear @ (self._corner - part)
        full = cv2.warpAffine(
            position, np.concatenate([linear, origin[:, None]], 1), self._size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        texture = self._open if closure <= 0.02 else self._texture(self._subject._blink(closure))
        image = cv2.remap(texture, full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self._last = (key, image)
        return image

    def _neutral(self, amplitudes: np.ndarray, yaw: float) -> np.ndarray:
        """Where each node of the drawing lies on the neutral face, float32 (rows, columns, 2) px of the drawing."""
        base = self._grid
        if yaw and self._turn is not None:
            base = base.copy()
            angle = np.deg2rad(yaw)
            there = self._grid[..., 0] + (np.cos(angle) - 1) * self._turn[0] + np.sin(angle) * self._turn[1]
            # Where the near side hides the far one, the outermost that was passed is seen.
            there = np.maximum.accumulate(there, 1) if yaw > 0 else np.minimum.accumulate(there[:, ::-1], 1)[:, ::-1]
            nodes = self._grid[0, :, 0]
            for row, seen in enumerate(there):
                base[row, :, 0] = np.interp(nodes, seen, nodes)
        moving = np.flatnonzero(amplitudes)
        if not len(moving):
            return base
        field = np.tensordot(amplitudes[moving], self._fields[moving], 1)
        scale = np.float32(1 / _STEP)
        position = base
        for _ in range(4):
            position = base - cv2.remap(
                field, position * scale, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        return position

    @functools.cached_property
    def _open(self) -> np.ndarray:
        return self._texture(self._subject._bgr[0])

    @functools.cached_property
    def _silhouette(self) -> np.ndarray:
        """Where the drawing holds the person, uint8 at twice the resolution of the drawing; soft at its edges."""
        at, factor = self.face.to_camera, SUPERSAMPLING
        cover = np.zeros((HEIGHT * factor, WIDTH * factor), np.uint8)
        turn = np.linspace(0, 2 * np.pi, 60)
        head = at(np.stack([98 * np.cos(turn), -22 + 132 * np.sin(turn)], -1))
        body = at([(-64, 20), (-64, 88), (-108, 94), (-200, 112), (-200, 200), (200, 200), (200, 112), (108, 94),
                   (64, 88), (64, 20)])  # fmt: skip
        for outline in (head, body):
            cv2.fillPoly(cover, [np.round(outline * factor).astype(np.int32)], 255)
        columns = np.arange(WIDTH * factor) / factor
        rows = np.arange(HEIGHT * factor) / factor
        inside = np.clip((_HALF_WIDTH - 4 - np.abs(columns - self.middle[0])) / _FADE, 0, 1)
        down = np.clip((_LAST_ROW - 4 - rows) / _FADE, 0, 1)
        soft = cv2.GaussianBlur(cover, (0, 0), 4.0 * factor).astype(np.float32)
        return np.round(soft * inside * down[:, None]).astype(np.uint8)

    def _texture(self, bgr: np.ndarray) -> np.ndarray:
        picture = np.concatenate([bgr, self._silhouette[..., None]], -1)
        if self._texels < SUPERSAMPLING:
            size = (max(round(WIDTH * self._texels), 2), max(round(HEIGHT * self._texels), 2))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return picture

    def points(self, states: States, index: int) -> np.ndarray:
        """The true 68 points in one of the frames of ``states``, float64 (68, 2) px of the picture, iBUG order."""
        neutral = self.face.points.copy()
        closed = float(states.closure[index])
        for first in (36, 42):
            _, lower = eye_curves(neutral, first)
            for k in (first + 1, first + 2):
                neutral[k, 1] += closed * (np.interp(neutral[k, 0], lower[:, 0], lower[:, 1]) - neutral[k, 1])
        moved = neutral + self._sampled(np.tensordot(states.amplitudes[index], self._fields, 1), neutral)
        if self._turn is not None:
            angle = np.deg2rad(states.yaw[index])
            turned = np.stack(self._turn, -1)
            moved[:, 0] += self._sampled(turned, moved) @ (np.cos(angle) - 1, np.sin(angle))
        roll = np.deg2rad(states.roll[index])
        linear = self.zoom * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        return (moved - self.middle) @ linear.T + states.at[index]

    @staticmethod
    def _sampled(field: np.ndarray, positions: np.ndarray) -> np.ndarray:
        places = (positions / _STEP).astype(np.float32)[None]
        return cv2.remap(field.astype(np.float32), places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
