"""Motion from onset to apex of drawn faces as flow fields, without drawing them: without limit, with true labels.

A field is the sum of the drawing's action units, head motion and irrelevant motion (``mer_tf.synthetic.motion``), cut
by the crop of a recipe and then changed as measuring changes it. For pre-training: no picture is rendered and no flow
is measured, so that a clip costs milliseconds.

Assumption: every range of ``FlowDomain``. They are wide on purpose and were not fitted to any set.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from mer_tf.errors import ConfigError
from mer_tf.preprocessing.geometry import Geometry, find_geometry
from mer_tf.preprocessing.hars import puzzle_flow
from mer_tf.preprocessing.images import resize
from mer_tf.preprocessing.strain import motion
from mer_tf.recipes import Recipe
from mer_tf.recipes.outside import maps_of
from mer_tf.synthetic.face import HEIGHT, WIDTH
from mer_tf.synthetic.motion import Difficulty, Repertoire, remap_field
from mer_tf.synthetic.render import SyntheticSubject

POPULATION = "drawn flow"  # other people than those of any drawn set
CLIPS_PER_SUBJECT = 16
_PLAN_FRAMES = (12, 30)


@dataclasses.dataclass(frozen=True)
class FlowDomain:
    """What differs between clips beside the expression; each pair is a smallest and a largest value, drawn evenly.

    Attributes:
        expression_px: Displacement at the apex in px of the drawing, whose faces are about 275 px wide; at most 3.
        head_px: Standard deviation of the head's shift in px, drawn per person.
        head_turn_px: The same of its yaw and pitch, at the tip of the nose.
        irrelevant_rate: Mean number of irrelevant motions per clip, drawn per person.
        leak: Largest share with which an action unit of another class joins in, drawn per person.
        points_px: Standard deviation of the points that the crop follows from, in px of the drawing.
        detail: Side in px to which a field of the crop is reduced and enlarged again, as a share of the crop.
        blur: Standard deviation of a Gaussian blur, as a share of the crop.
        noise: Standard deviation of noise in the field, in px of the crop.
        grain: Width of that noise, as a share of the crop.
        shrink: Length in px of the crop that every vector loses, as total variation takes small motion away.
        gain: Factor on the field.
    """

    expression_px: tuple[float, float] = (0.4, 3.0)
    head_px: tuple[float, float] = (0.0, 1.2)
    head_turn_px: tuple[float, float] = (0.0, 0.9)
    irrelevant_rate: tuple[float, float] = (0.0, 5.0)
    leak: tuple[float, float] = (0.2, 0.8)
    points_px: tuple[float, float] = (0.0, 2.5)
    detail: tuple[float, float] = (0.25, 1.0)
    blur: tuple[float, float] = (0.0, 0.025)
    noise: tuple[float, float] = (0.0, 0.1)
    grain: tuple[float, float] = (0.01, 0.06)
    shrink: tuple[float, float] = (0.0, 0.06)
    gain: tuple[float, float] = (0.7, 1.1)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            low, high = getattr(self, field.name)
            if not 0 <= low <= high < np.inf:
                raise ConfigError(f"{field.name} must be two numbers, 0 <= low <= high. Received: {(low, high)}")

    @classmethod
    def plain(cls) -> FlowDomain:
        """Nothing but the expression of one strength, exactly as it is."""
        none = (0.0, 0.0)
        return cls((1.5, 1.5), none, none, none, none, none, (1.0, 1.0), none, none, (0.01, 0.01), none, (1.0, 1.0))


@dataclasses.dataclass(frozen=True, eq=False)
class DrawnClip:
    """One clip.

    Attributes:
        subject: Number of the person, from 1.
        clip: Number within the person, from 0.
        emotion: Emotion shown.
        arrays: The recipe's arrays, float32: u and v in px of the crop, and strain.
    """

    subject: int
    clip: int
    emotion: str
    arrays: dict[str, np.ndarray]


def draw_flow(
    recipe: Recipe,
    emotions: Sequence[Sequence[str]],
    count: int,
    *,
    seed: int = 0,
    domain: FlowDomain | None = None,
) -> Iterator[DrawnClip]:
    """Draws the motion of clips one after another.

    Args:
        recipe: One made of nothing but the motion from onset to apex (``mer_tf.recipes.outside.maps_of``) on faces that
            are levelled, cropped and not magnified.
        emotions: For each class the emotions of the repertoire that belong to it, at least one. Classes take turns, so
            that all have as many clips to within one; so do the emotions of a class.
        count: Number of clips, at least 1.
        seed: Seed, not negative. A clip depends on it and on its own number, not on ``count``.
        domain: What varies; the defaults when None.

    Yields:
        The clips; ``CLIPS_PER_SUBJECT`` of each person.

    Raises:
        ConfigError: The recipe needs more than that, or a class has no emotion.
    """
    domain = domain or FlowDomain()
    if not maps_of(recipe) or recipe.face.align not in ("level", "none") or recipe.magnify.method != "none":
        raise ConfigError(f"recipe {recipe.name!r} needs more than the motion of a levelled face from onset to apex")
    repertoire = Repertoire(population=POPULATION)
    for number, names in enumerate(emotions):
        if not names or set(names) - set(repertoire.emotions):
            raise ConfigError(
                f"class {number} must have emotions among {', '.join(repertoire.emotions)}. Received: {list(names)}"
            )
    person = None
    for index in range(count):
        subject, clip = 1 + index // CLIPS_PER_SUBJECT, index % CLIPS_PER_SUBJECT
        if person is None or person.number != subject:
            person = SyntheticSubject(seed, subject, _difficulty(domain, seed, subject), repertoire=repertoire)
        names = emotions[index % len(emotions)]
        emotion = names[index // len(emotions) % len(names)]
        rng = np.random.default_rng(repertoire.stream(seed, subject, 2 + clip, 7))
        field = expression_field(person, clip, emotion)
        points = person.face.points + rng.normal(size=(68, 2)) * _draw(rng, domain.points_px)
        geometry, _ = find_geometry(np.zeros((HEIGHT, WIDTH), np.float32), recipe, None, landmarks=points)
        measured = _measuring(domain, rng)
        arrays = {name: motion(measured(flow)) for name, flow in crop_field(field, geometry, recipe).items()}
        yield DrawnClip(subject, clip, emotion, arrays)


def expression_field(person: SyntheticSubject, clip: int, emotion: str) -> np.ndarray:
    """Displacement from onset to apex of a clip, in px of the neutral drawing.

    Returns:
        float32 (HEIGHT, WIDTH, 2) as (u, v).
    """
    plan = person.plan(clip, frames=_PLAN_FRAMES, emotion=emotion)
    change = plan.amplitudes[plan.apex - plan.first] - plan.amplitudes[plan.onset - plan.first]
    moving = np.flatnonzero(change)
    field = np.tensordot(change[moving], person.fields[moving], 1)
    return remap_field(field, _pixels())


@functools.cache
def _pixels() -> np.ndarray:
    """Position of every pixel of the drawing, the same for all clips, float32 (HEIGHT, WIDTH, 2)."""
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return np.stack([xs, ys], -1)


def crop_field(field: np.ndarray, geometry: Geometry, recipe: Recipe) -> dict[str, np.ndarray]:
    """The arrays of a recipe from a field of the whole frame, before the strain.

    Args:
        field: float32 (height, width, 2), (u, v) in px of the frame.
        geometry: Where the face is, without a warp.
        recipe: Says which arrays, and their sides.

    Returns:
        Array name -> float32 (side, side, 2), (u, v) in px of the array: turned with the frame and scaled with it.
    """
    aligned = geometry.align(field) @ geometry.matrix[:, :2].T.astype(np.float32)
    size, found = recipe.crop_size, {}
    for name in maps_of(recipe):
        if name == "puzzle":
            flows = {region: box.cut(aligned) for region, box in geometry.regions.items()}
            found[name] = puzzle_flow(flows, recipe.puzzle_size)
        else:
            scale = np.float32([size / geometry.face.width, size / geometry.face.height])
            found[name] = geometry.crop(aligned, size) * scale
    return {name: found[name].astype(np.float32) for name in recipe.arrays}


def _difficulty(domain: FlowDomain, seed: int, subject: int) -> Difficulty:
    rng = np.random.default_rng(np.random.SeedSequence((seed, subject, 0xD1)))
    return Difficulty(
        expression_px=domain.expression_px,
        head_px=_draw(rng, domain.head_px),
        head_turn_px=_draw(rng, domain.head_turn_px),
        head_roll_deg=0.15 * _draw(rng, domain.head_px),
        irrelevant_rate=_draw(rng, domain.irrelevant_rate),
        leak=_draw(rng, domain.leak),
        subject_strength=0.2 if domain.expression_px[1] > domain.expression_px[0] else 0.0,
    )


def _measuring(domain: FlowDomain, rng: np.random.Generator):
    """What measuring does to every field of one clip."""
    detail, blur, gain = (_draw(rng, pair) for pair in (domain.detail, domain.blur, domain.gain))
    noise, grain, shrink = (_draw(rng, pair) for pair in (domain.noise, domain.grain, domain.shrink))

    def measured(flow: np.ndarray) -> np.ndarray:
        side = len(flow)
        if noise:
            rough = rng.normal(size=flow.shape).astype(np.float32)
            rough = cv2.GaussianBlur(rough, (0, 0), max(grain * side, 0.3))
            flow = flow + rough * np.float32(noise / max(float(rough.std()), 1e-6))
        if blur * side > 0.3:
            flow = cv2.GaussianBlur(flow, (0, 0), blur * side)
        small = max(round(detail * side), 8)
        if small < side:
            flow = resize(resize(flow, small, small), side, side)
        if shrink:
            length = np.linalg.norm(flow, axis=-1, keepdims=True)
            flow = flow * (np.maximum(length - shrink, 0) / np.maximum(length, 1e-6))
        return (flow * np.float32(gain)).astype(np.float32)

    return measured


def _draw(rng: np.random.Generator, pair: tuple[float, float]) -> float:
    return float(rng.uniform(*pair))
