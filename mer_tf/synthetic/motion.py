"""Motion of a synthetic face: muscle actions, head motion, what is irrelevant, and their course in time.

All motion is a sum of fixed displacement fields of the subject, each weighted by an amplitude per frame. A field is
given in camera pixels of the neutral face (x right, y down) and has a largest length of 1 px, so that an amplitude is
the displacement in px at the field's strongest point.

It is one long file, because the fields, their amplitudes and the plan of a clip share one subject's draws.

Source: action units as in the Facial Action Coding System; which of them a class shows follows the usual coding of
micro-expression sets. Assumption: a micro-expression rises and falls as a raised cosine.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mer_tf.errors import ConfigError
from mer_tf.synthetic.face import HEIGHT, WIDTH, Face

FIELD_STEP = 2
FIELD_HEIGHT, FIELD_WIDTH = HEIGHT // FIELD_STEP + 1, WIDTH // FIELD_STEP + 1

# Emotions as CASME II publishes them, their share of the clips, and the action units a clip may show.
EMOTIONS = {
    "disgust": (0.34, ((4,), (4, 9), (9,), (4, 9, 15), (9, 15))),
    "repression": (0.16, ((15,), (4, 15), (15,))),
    "happiness": (0.23, ((12,), (6, 12), (6, 12), (12,))),
    "surprise": (0.17, ((1, 2), (1, 2, 5), (1, 2, 26), (5, 26), (1, 2, 5, 26))),
    "others": (0.10, ((14,), (17,), (14, 17))),
}
ACTION_UNITS = (1, 2, 4, 5, 6, 9, 12, 14, 15, 17, 26)
SIDES = ("L", "R")

# Further units, for the emotions that CASME II does not have.
MORE_ACTION_UNITS = (7, 10, 20, 23, 24, 25)

HEAD = ("head_x", "head_y", "head_roll", "head_scale", "head_yaw", "head_pitch")
IRRELEVANT = ("gaze_x", "gaze_y", "swallow", "jaw_x", "lip_press", "lip_pull", "nostrils", "brow_x", "cheek", "chin")
CHANNELS = tuple(f"au{au}{side}" for au in ACTION_UNITS for side in SIDES) + HEAD + IRRELEVANT
COURSES = ("within", "whole", "rise")


@dataclasses.dataclass(frozen=True)
class Repertoire:
    """What the people of a set may show, and how a clip of it runs.

    Attributes:
        emotions: Emotion to its share of the clips and the action units a clip of it may show; ``((),)`` for none.
        action_units: Units that have motion fields.
        course: ``"within"`` (neutral frames before onset and after offset), ``"whole"`` (onset first, offset last) or
            ``"rise"`` (neutral first, apex last).
        margin: Further frames before the onset and after the offset, for long clips around an expression.
        in_turn: Whether emotions follow one another instead of being drawn by their shares.
        posed: Whether expressions are large: 5 to 9 px of the drawing instead of the difficulty's range.
        population: Sets of different populations show different people under the same seed and number.
    """

    emotions: Mapping[str, tuple[float, tuple[tuple[int, ...], ...]]] = dataclasses.field(
        default_factory=lambda: EMOTIONS
    )
    action_units: tuple[int, ...] = ACTION_UNITS
    course: str = "within"
    margin: int = 0
    in_turn: bool = False
    posed: bool = False
    population: str = ""

    def __post_init__(self):
        if self.course not in COURSES:
            raise ConfigError(f"course must be one of {', '.join(COURSES)}. Received: {self.course!r}")
        lacking = {au for _, options in self.emotions.values() for option in options for au in option}
        lacking -= set(self.action_units)
        if lacking:
            raise ConfigError(f"action units {sorted(lacking)} have no motion field")

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the motion fields, in the order of ``motion_fields``."""
        return tuple(f"au{au}{side}" for au in self.action_units for side in SIDES) + HEAD + IRRELEVANT

    @property
    def least_frames(self) -> int:
        """Smallest number of frames of a clip."""
        return 8 + 2 * self.margin

    def stream(self, seed: int, subject: int, *parts: int) -> np.random.SeedSequence:
        """Random stream of a subject, or of a clip, of this population."""
        own = (zlib.crc32(self.population.encode()),) if self.population else ()
        return np.random.SeedSequence((seed, subject, *parts, *own))


POSED_PX = (5.0, 9.0)


@dataclasses.dataclass(frozen=True)
class Difficulty:
    """Amplitudes of what a clip shows: of the expression, and of everything that hides it.

    Attributes:
        expression_px: Smallest and largest displacement of the expression at the apex, in px, drawn per clip.
        subject_strength: Relative spread (standard deviation) of a subject's own strength.
        asymmetry: Largest relative difference between the two sides of a face, 0 to 1.
        leak: Largest share of the expression's amplitude with which an action unit of another class joins in.
        head_px: Standard deviation of the head's shift between onset and apex, in px, each axis.
        head_roll_deg: The same of its roll in degrees.
        head_turn_px: The same of yaw and pitch, in px at the tip of the nose.
        irrelevant_px: Largest amplitude of each irrelevant motion, in px.
        irrelevant_rate: Mean number of irrelevant motions per clip.
        blink_rate: Probability of a blink in a clip.
        blink_at_apex: Probability that such a blink may fall anywhere, so also on the onset or apex frame.
        brightness: Standard deviation of the brightness drift over a clip, relative.
        noise: Factor on the subject's sensor noise (1 to 2.4 grey levels).
    """

    expression_px: tuple[float, float] = (0.6, 1.9)
    subject_strength: float = 0.2
    asymmetry: float = 0.4
    leak: float = 0.65
    head_px: float = 0.7
    head_roll_deg: float = 0.15
    head_turn_px: float = 0.5
    irrelevant_px: float = 2.0
    irrelevant_rate: float = 3.5
    blink_rate: float = 0.35
    blink_at_apex: float = 0.1
    brightness: float = 0.008
    noise: float = 1.0

    def __post_init__(self):
        pair = tuple(float(v) for v in self.expression_px)
        object.__setattr__(self, "expression_px", pair)
        if len(pair) != 2 or not 0.0 <= pair[0] <= pair[1] <= 3.0:
            raise ConfigError(
                f"difficulty.expression_px must be two values with 0 <= low <= high <= 3. Received: {pair}"
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "expression_px" and not (np.isfinite(value) and value >= 0):
                raise ConfigError(f"difficulty.{field.name} must be a number >= 0. Received: {value!r}")
        for name in ("asymmetry", "leak", "blink_rate", "blink_at_apex"):
            if getattr(self, name) > 1:
                raise ConfigError(f"difficulty.{name} must be at most 1. Received: {getattr(self, name)!r}")

    def to_json(self) -> str:
        """JSON text from which ``from_json`` makes the same object."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Difficulty:
        """The inverse of ``to_json``; ``ConfigError`` names an unknown key."""
        values = json.loads(text)
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ConfigError(f"difficulty has no setting {unknown[0]!r}")
        values["expression_px"] = tuple(values["expression_px"])
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Habits:
    """How one subject moves.

    Attributes:
        strength: Factor on the expression's amplitude.
        balance: For every action unit the weights of its left and right side.
    """

    strength: float
    balance: dict[int, tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class ClipPlan:
    """Everything that is decided about one clip before it is drawn.

    Attributes:
        subject: Subject number, from 1.
        clip: Clip number within the subject, from 0.
        emotion: Emotion as the set publishes it, or ``"neutral"``.
        aus: Action units shown, in order.
        first: Absolute number of the first frame.
        onset: Absolute number of the onset frame.
        apex: Absolute number of the apex frame.
        offset: Absolute number of the offset frame, inclusive.
        amplitudes: Amplitude of every channel of the repertoire per frame, float32 (frames, channels), px.
        closure: How far the eyes are closed per frame, 0 (open) to 1, float32 (frames,).
        gain: Brightness factor per frame, float32 (frames,).
        pose: The camera's affine map of the clip from neutral to frame pixels, float64 (2, 3).
        apex_px: Displacement of the expression at the apex at its strongest point, px.
        seed: Integers from which the sensor noise of the clip is drawn.
    """

    subject: int
    clip: int
    emotion: str
    aus: tuple[int, ...]
    first: int
    onset: int
    apex: int
    offset: int
    amplitudes: np.ndarray
    closure: np.ndarray
    gain: np.ndarray
    pose: np.ndarray
    apex_px: float
    seed: tuple[int, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.amplitudes)

    @property
    def numbers(self) -> range:
        """Absolute numbers of the frames."""
        return range(self.first, self.first + self.frames)


def action_field(face: Face, name: str, grid: np.ndarray) -> np.ndarray:
    """One displacement field before normalisation.

    Args:
        face: The subject.
        name: A channel of a repertoire.
        grid: Camera positions, float32 (h, w, 2).

    Returns:
        Displacement, float32 (h, w, 2).
    """
    pts, s = face.points, face.scale
    field = np.zeros_like(grid)

    def bump(centre, sx, sy, dx, dy):
        a = (grid[..., 0] - centre[0]) / (sx * s)
        b = (grid[..., 1] - centre[1]) / (sy * s)
        weight = np.exp(-0.5 * (a * a + b * b))
        field[..., 0] += dx * weight
        field[..., 1] += dy * weight

    def step(y, width):
        """Rises from 0 to 1 downwards across the curve ``y``."""
        return 1 / (1 + np.exp(-np.clip((grid[..., 1] - y) / (width * s), -30, 30)))

    mouth = pts[[62, 66]].mean(0)
    if name.startswith("au"):
        au, side = int(name[2:-1]), (-1 if name.endswith("L") else 1)
        left = side < 0
        inner, mid, outer = (21, 19, 17) if left else (22, 24, 26)
        corner, ala = (48, 31) if left else (54, 35)
        lid, low = ((37, 38), (40, 41)) if left else ((43, 44), (46, 47))
        eye_outer = 36 if left else 45
        cheek = pts[eye_outer] + (side * -4 * s, 22 * s)
        if au == 1:
            bump(pts[inner] + (side * 2 * s, -1 * s), 9, 9, 0, -1)
            bump(pts[inner] + (side * 2 * s, -16 * s), 9, 8, 0, -0.4)
        elif au == 2:
            bump((pts[mid] + pts[outer]) / 2, 11, 10, 0, -1)
            bump(pts[mid] + (side * 4 * s, -15 * s), 11, 8, 0, -0.4)
        elif au == 4:
            bump(pts[inner] + (side * 3 * s, 1 * s), 11, 9, -side * 0.55, 0.85)
            bump(pts[27] + (side * 4 * s, -8 * s), 6, 7, -side * 0.2, 0.4)
        elif au == 5:
            bump(pts[list(lid)].mean(0), 10, 4.5, 0, -1)
        elif au == 6:
            bump(cheek, 13, 9, -side * 0.1, -1)
            bump(pts[list(low)].mean(0) + (side * 3 * s, 1 * s), 9, 4, 0, -0.6)
            bump(pts[eye_outer] + (side * 4 * s, 2 * s), 6, 6, -side * 0.6, -0.1)
        elif au == 9:
            bump(pts[ala] + (side * 1 * s, -6 * s), 7, 8, -side * 0.1, -1)
            bump(pts[28] + (side * 6 * s, 0), 6, 8, 0, -0.5)
            bump(pts[50 if left else 52] + (side * 3 * s, -1 * s), 8, 5, 0, -0.55)
            bump(pts[inner], 8, 7, -side * 0.2, 0.35)
        elif au == 12:
            bump(pts[corner] + (side * 1 * s, 0), 10, 9, side * 0.7, -0.75)
            bump(pts[corner] + (side * 8 * s, -14 * s), 12, 10, side * 0.25, -0.45)
        elif au == 14:
            bump(pts[corner] + (side * 3 * s, 0), 8, 8, -side * 1.0, 0.05)
        elif au == 15:
            bump(pts[corner] + (side * 1 * s, 1 * s), 10, 8, side * 0.1, 1)
            bump(pts[corner] + (side * 3 * s, 13 * s), 9, 9, 0, 0.5)
        elif au == 17:
            bump(pts[8] + (side * 8 * s, -15 * s), 11, 10, 0, -1)
            bump(pts[57] + (side * 8 * s, 0), 9, 6, 0, -0.6)
        elif au == 7:
            bump(pts[list(low)].mean(0), 10, 4, 0, -1)
            bump(pts[list(lid)].mean(0), 10, 4.5, 0, 0.55)
        elif au == 10:
            bump(pts[50 if left else 52] + (side * 4 * s, -1 * s), 9, 6, 0, -1)
            bump(pts[ala] + (side * 2 * s, -1 * s), 7, 7, 0, -0.5)
        elif au == 20:
            bump(pts[corner] + (side * 1 * s, 0), 11, 9, side * 1.0, 0.15)
            bump(pts[corner] + (side * 8 * s, 4 * s), 11, 10, side * 0.45, 0.1)
        elif au == 23:
            bump(pts[corner], 8, 7, -side * 0.6, 0)
            bump(pts[50 if left else 52], 9, 4.5, 0, 0.8)
            bump(pts[58 if left else 56], 9, 4.5, 0, -0.8)
        elif au == 24:
            bump(pts[51] + (side * 9 * s, 0), 11, 5, 0, 1)
            bump(pts[57] + (side * 9 * s, 0), 11, 5, 0, -1)
            bump(pts[8] + (side * 8 * s, -16 * s), 10, 8, 0, -0.3)
        elif au == 25:
            down = step(mouth[1] + 0.2 * s, 1.2)
            across = np.exp(-0.5 * ((grid[..., 0] - mouth[0] - side * 8 * s) / (11 * s)) ** 2)
            fade = 1 - step(pts[57][1] + 5 * s, 4.0)
            field[..., 1] += down * across * fade - 0.3 * (1 - down) * across * step(pts[51][1] - 4 * s, 2.5)
        elif au == 26:
            down = step(mouth[1] + 0.2 * s, 1.0)
            across = np.exp(-0.5 * ((grid[..., 0] - mouth[0] - side * 13 * s) / (15 * s)) ** 2)
            fade = 1 - step(pts[8][1] + 10 * s, 6.0)
            field[..., 1] += down * across * fade
        else:
            raise KeyError(name)
    elif name in HEAD:
        # The head moves as a whole; shoulders and wall stay.
        off = (grid - face.to_camera((0, -18))) / (np.array([84, 108]) * s)
        within = 1 / (1 + np.exp(np.clip((np.hypot(off[..., 0], off[..., 1]) - 1.15) / 0.07, -30, 30)))
        rel = grid - face.to_camera((0, 30)).astype(np.float32)
        nose = (grid - pts[30].astype(np.float32)) / (np.array([60, 75], np.float32) * s)
        depth = np.exp(-0.5 * (nose**2).sum(-1)) + 0.35 * np.exp(-0.5 * (nose**2).sum(-1) * 25)
        if name == "head_x":
            field[..., 0] = within
        elif name == "head_y":
            field[..., 1] = within
        elif name == "head_roll":
            field[..., 0], field[..., 1] = -rel[..., 1] * within, rel[..., 0] * within
        elif name == "head_scale":
            field[...] = rel * within[..., None]
        else:
            field[..., 0 if name == "head_yaw" else 1] = depth * within
    elif name in ("gaze_x", "gaze_y"):
        for first in (36, 42):
            middle = pts[first : first + 6].mean(0)
            bump(middle, 6.0, 2.8, *((1, 0) if name == "gaze_x" else (0, 1)))
    elif name == "swallow":
        bump(pts[8] + (0, 8 * s), 22, 12, 0, -1)
        bump(pts[57] + (0, 10 * s), 14, 10, 0, -0.35)
    elif name == "jaw_x":
        bump(pts[8] + (0, -14 * s), 30, 20, 1, 0)
    elif name == "lip_press":
        up = 1 - 2 * step(mouth[1], 1.5)
        a = (grid[..., 0] - mouth[0]) / (16 * s)
        b = (grid[..., 1] - mouth[1]) / (8 * s)
        field[..., 1] = -up * np.exp(-0.5 * (a * a + b * b)) * -1
    elif name == "lip_pull":
        bump(mouth, 14, 8, 0.9, -0.3)
    elif name == "nostrils":
        bump(pts[31], 5, 5, -1, 0)
        bump(pts[35], 5, 5, 1, 0)
    elif name == "brow_x":
        bump(pts[19], 13, 9, 0.3, -1)
    elif name == "cheek":
        bump(pts[45] + (2 * s, 26 * s), 12, 10, 0.2, -1)
    elif name == "chin":
        bump(pts[8] + (0, -14 * s), 12, 9, 0, -1)
    else:
        raise KeyError(name)
    return field


def motion_fields(face: Face, channels: Sequence[str] = CHANNELS) -> np.ndarray:
    """All displacement fields of a subject on the half-resolution grid.

    Args:
        face: The subject.
        channels: Names of the fields.

    Returns:
        float32 (channels, FIELD_HEIGHT, FIELD_WIDTH, 2), node (i, j) at camera position (2 j, 2 i), each with a largest
        length of 1 px; ``head_roll`` and ``head_scale`` are 1 px at a distance of 100 face units instead.
    """
    ys, xs = np.mgrid[0:FIELD_HEIGHT, 0:FIELD_WIDTH].astype(np.float32) * FIELD_STEP
    grid = np.stack([xs, ys], -1)
    fields = np.empty((len(channels), FIELD_HEIGHT, FIELD_WIDTH, 2), np.float32)
    for k, name in enumerate(channels):
        field = action_field(face, name, grid)
        if name in ("head_roll", "head_scale"):
            field /= 100 * face.scale
        else:
            field /= np.sqrt((field**2).sum(-1).max())
        fields[k] = field
    return fields


def make_habits(rng: np.random.Generator, difficulty: Difficulty, action_units: Sequence[int] = ACTION_UNITS) -> Habits:
    """Draws how a subject moves."""
    strength = float(np.exp(difficulty.subject_strength * np.clip(rng.normal(), -2, 2)))
    lean = rng.uniform(-1, 1)
    balance = {}
    for au in action_units:
        tilt = difficulty.asymmetry * float(np.clip(0.6 * lean + 0.4 * rng.uniform(-1, 1), -1, 1))
        balance[au] = (1 - max(tilt, 0), 1 + min(tilt, 0))
    return Habits(strength, balance)


def choose_emotion(seed: int, subject: int, clip: int, repertoire: Repertoire | None = None) -> str:
    """The emotion of a clip; shares come out even in every run of clips because the draws are a low-discrepancy row."""
    repertoire = repertoire or Repertoire()
    emotions = list(repertoire.emotions)
    if repertoire.in_turn:
        return emotions[(clip + subject) % len(emotions)]
    start = np.random.default_rng(np.random.SeedSequence((seed, 0xE0))).random()
    value = (start + subject * 0.7548776662466927 + clip * 0.6180339887498949) % 1.0
    for emotion, (share, _) in repertoire.emotions.items():
        if value < share:
            return emotion
        value -= share
    return emotions[-1]


def plan_clip(
    fields: np.ndarray,
    face: Face,
    habits: Habits,
    difficulty: Difficulty,
    rng: np.random.Generator,
    *,
    subject: int,
    clip: int,
    emotion: str,
    frames: int,
    repertoire: Repertoire | None = None,
    noise_seed: tuple[int, ...] = (0,),
) -> ClipPlan:
    """Decides everything about one clip.

    Args:
        fields: Of ``motion_fields``.
        face: The subject.
        habits: How the subject moves.
        difficulty: Amplitudes.
        rng: Source of every choice of this clip.
        subject: Subject number.
        clip: Clip number.
        emotion: An emotion of the repertoire, or ``"neutral"`` for a clip without any expression.
        frames: Number of frames, at least the repertoire's ``least_frames``.
        repertoire: What may be shown; that of CASME II when None.
        noise_seed: Kept in the plan for the renderer.

    Returns:
        The plan.
    """
    repertoire = repertoire or Repertoire()
    channels = repertoire.channels
    short = frames - 2 * repertoire.margin
    before = int(np.clip(rng.integers(2, 5), 1, short // 6 + 1)) + repertoire.margin
    after = int(np.clip(rng.integers(2, 5), 1, short // 6 + 1)) + repertoire.margin
    if repertoire.course != "within":
        before = after = 0
    onset, offset = before, frames - 1 - after
    apex = int(np.clip(round(onset + (offset - onset) * rng.uniform(0.4, 0.6)), onset + 2, offset - 1))
    if repertoire.course == "rise":
        apex = offset
    first = 1 if rng.random() < 0.25 else int(rng.integers(2, 420))
    t = np.arange(frames, dtype=np.float64)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip((t - onset) / (apex - onset), 0, 1))
    rest = rng.uniform(0, 0.25)
    fall = rest + (1 - rest) * (0.5 + 0.5 * np.cos(np.pi * np.clip((t - apex) / max(offset - apex, 1), 0, 1)))
    course = np.where(t <= apex, rise, fall)
    index = {name: k for k, name in enumerate(channels)}
    amplitudes = np.zeros((frames, len(channels)), np.float64)

    # The expression, scaled so that its strongest point moves by the drawn amount.
    aus: tuple[int, ...] = ()
    apex_px = 0.0
    options = ((),) if emotion == "neutral" else repertoire.emotions[emotion][1]
    if any(options):
        aus = options[rng.integers(len(options))]
        weights = np.zeros(len(channels))
        for au in aus:
            share = rng.uniform(0.6, 1.0)
            for side, balance in zip(SIDES, habits.balance[au]):
                weights[index[f"au{au}{side}"]] = share * balance * rng.uniform(0.85, 1.0)
        if emotion == "contempt":  # of one side, left and right in turn
            weights[[index[f"au{au}{SIDES[1 - clip % 2]}"] for au in aus]] = 0
        strangers = [au for au in repertoire.action_units if au not in {a for option in options for a in option}]
        stranger = strangers[rng.integers(len(strangers))]
        leak = difficulty.leak * rng.uniform(0, 1)
        for side, balance in zip(SIDES, habits.balance[stranger]):
            weights[index[f"au{stranger}{side}"]] = leak * balance
        low, high = POSED_PX if repertoire.posed else difficulty.expression_px
        most = POSED_PX[1] if repertoire.posed else 3.0
        apex_px = float(np.clip(rng.uniform(low, high) * habits.strength, min(low, 0.5), most)) if high > 0 else 0.0
        active = np.flatnonzero(weights)
        total = np.tensordot(weights[active], fields[active].astype(np.float64), 1)
        amplitudes += course[:, None] * weights * (apex_px / np.sqrt((total**2).sum(-1).max()))

    # Head motion: a drift from onset to apex plus a slow wobble.
    spread = {
        "head_x": difficulty.head_px,
        "head_y": difficulty.head_px,
        "head_roll": difficulty.head_roll_deg * np.pi / 180 * 100 * face.scale,
        "head_scale": difficulty.head_roll_deg * np.pi / 180 * 100 * face.scale * 0.5,
        "head_yaw": difficulty.head_turn_px,
        "head_pitch": difficulty.head_turn_px,
    }
    for name, sigma in spread.items():
        drift = np.clip(rng.normal(), -2.5, 2.5) * sigma * (t - onset) / (apex - onset)
        wobble = 0.25 * sigma * np.sin(2 * np.pi * (t / frames * rng.uniform(0.6, 1.6) + rng.uniform()))
        amplitudes[:, index[name]] += drift + wobble

    # Motion that says nothing of the class.
    for _ in range(min(int(rng.poisson(difficulty.irrelevant_rate)), len(IRRELEVANT))):
        name = IRRELEVANT[rng.integers(len(IRRELEVANT))]
        middle, width = rng.uniform(0, frames), rng.uniform(0.2, 0.5) * frames
        bell = 0.5 + 0.5 * np.cos(np.pi * np.clip((t - middle) / width, -1, 1))
        amplitudes[:, index[name]] += rng.uniform(-1, 1) * difficulty.irrelevant_px * bell

    # A blink, usually clear of the two frames that count.
    closure = np.zeros(frames)
    if rng.random() < difficulty.blink_rate:
        half = rng.uniform(2.5, 4.5)
        anywhere = rng.random() < difficulty.blink_at_apex and not repertoire.posed
        middle = rng.uniform(0, frames - 1)
        if not anywhere:
            free = [c for c in np.arange(-2.0, frames + 2.0, 0.5) if min(abs(c - onset), abs(c - apex)) >= half]
            middle = free[int(rng.integers(len(free)))] if free else -10.0
        closure = np.clip(1.25 * (0.5 + 0.5 * np.cos(np.pi * np.clip((t - middle) / half, -1, 1))), 0, 1)

    phase = rng.uniform(0, 2 * np.pi)
    drift = rng.normal() * (t / frames - 0.5) + 0.5 * np.sin(2 * np.pi * t / frames * rng.uniform(0.5, 2) + phase)
    gain = rng.uniform(0.92, 1.06) * (1 + difficulty.brightness * drift)

    # Where the camera stands in this clip.
    angle, zoom = np.deg2rad(rng.normal() * 1.2), rng.uniform(0.98, 1.02)
    c, n = zoom * np.cos(angle), zoom * np.sin(angle)
    pivot = face.centre
    shift = rng.uniform(-6, 6, 2)
    linear = np.array([[c, -n], [n, c]])
    pose = np.concatenate([linear, (pivot + shift - linear @ pivot)[:, None]], 1)
    return ClipPlan(
        subject=subject, clip=clip, emotion=emotion, aus=aus, first=first, onset=first + onset, apex=first + apex,
        offset=first + offset, amplitudes=amplitudes.astype(np.float32), closure=closure.astype(np.float32),
        gain=gain.astype(np.float32), pose=pose, apex_px=apex_px, seed=tuple(noise_seed),
    )  # fmt: skip


def sample_field(field: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Bilinear value of a half-resolution field at camera positions.

    Args:
        field: float32 (FIELD_HEIGHT, FIELD_WIDTH, 2).
        positions: Camera pixels of the neutral face, (..., 2).

    Returns:
        float64 (..., 2).
    """
    p = np.asarray(positions, np.float64) / FIELD_STEP
    x = np.clip(p[..., 0], 0, FIELD_WIDTH - 1)
    y = np.clip(p[..., 1], 0, FIELD_HEIGHT - 1)
    x0 = np.minimum(x.astype(int), FIELD_WIDTH - 2)
    y0 = np.minimum(y.astype(int), FIELD_HEIGHT - 2)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    top = field[y0, x0] * (1 - fx) + field[y0, x0 + 1] * fx
    low = field[y0 + 1, x0] * (1 - fx) + field[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + low * fy


def remap_field(field: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Quick float32 form of ``sample_field`` for whole grids (OpenCV, weights in steps of 1/32)."""
    grid = positions.astype(np.float32, copy=False) * np.float32(1 / FIELD_STEP)
    return cv2.remap(field, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
