"""Drawn motion without drawings: it is the motion that the drawings have, for any recipe of the whole face."""

from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from mer_tf.errors import ConfigError
from mer_tf.preprocessing.geometry import find_geometry
from mer_tf.preprocessing.strain import strain
from mer_tf.recipes import get_recipe
from mer_tf.synthetic.drawn_flow import POPULATION, FlowDomain, draw_flow
from mer_tf.synthetic.motion import Difficulty, Repertoire
from mer_tf.synthetic.render import SyntheticSubject

CLASSES = (("disgust", "repression"), ("happiness",), ("surprise",))
RECIPE = get_recipe("onset_apex_28_minmax")


def first(count, recipe=RECIPE, **options):
    return list(draw_flow(recipe, CLASSES, count, **options))


def test_it_is_the_true_flow_of_the_drawing():
    """Computed apart, point by point: the flow between the drawing's frames, turned and scaled as the crop is."""
    clip = first(1, domain=FlowDomain.plain())[0]
    still = Difficulty((1.5, 1.5), 0.0, head_px=0, head_turn_px=0, irrelevant_rate=0, leak=0, head_roll_deg=0)
    person = SyntheticSubject(0, 1, still, repertoire=Repertoire(population=POPULATION))
    plan = dataclasses.replace(person.plan(0, frames=(12, 30), emotion="disgust"), pose=np.eye(2, 3))
    flow = person.true_flow(plan)
    geometry, _ = find_geometry(np.zeros((480, 640), np.float32), RECIPE, None, landmarks=person.face.points)
    box, linear = geometry.face, geometry.matrix[:, :2]
    scale = np.array([112 / box.width, 112 / box.height])
    ys, xs = np.mgrid[4:108:8, 4:108:8]
    aligned = (np.stack([xs, ys], -1) + 0.5) / scale - 0.5 + [box.x0, box.y0]
    inside = ((aligned - geometry.matrix[:, 2]) @ np.linalg.inv(linear).T).astype(np.float32)
    expected = cv2.remap(flow, inside, None, cv2.INTER_LINEAR) @ linear.T * scale
    np.testing.assert_allclose(clip.arrays["face"][ys, xs, :2], expected, atol=0.02)
    assert np.linalg.norm(expected, axis=-1).max() > 0.3


def test_strain_is_that_of_the_field():
    face = first(1)[0].arrays["face"]
    np.testing.assert_array_equal(face[..., 2], strain(face[..., :2]).astype(np.float32))


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("onset_apex_28_hars", {"face": (112, 112, 3), "puzzle": (112, 112, 3)}),
        ("onset_apex_128_uv", {"face": (128, 128, 3)}),
        ("onset_apex_28_cheeks_nose", {"face": (112, 112, 3), "puzzle": (112, 112, 3)}),
    ],
)
def test_arrays_of_recipes(name, shapes):
    recipe = get_recipe(name)
    for clip in first(2, recipe):
        assert {key: array.shape for key, array in clip.arrays.items()} == shapes
        assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in clip.arrays.values())
        assert {key: array.shape for key, array in clip.arrays.items()} == dict(recipe.inputs)


def test_the_puzzle_holds_the_mouth_below_the_brows():
    """In happiness the corners of the mouth move, and no brow does."""
    clip = first(2, get_recipe("onset_apex_28_hars"), domain=FlowDomain.plain())[1]
    lengths = np.linalg.norm(clip.arrays["puzzle"][..., :2], axis=-1)
    assert clip.emotion == "happiness" and lengths[56:].max() > 4 * lengths[:56].max()


def test_classes_take_turns_and_a_clip_does_not_depend_on_the_others():
    clips = first(20)
    assert [clip.emotion for clip in clips[:6]] == [
        "disgust",
        "happiness",
        "surprise",
        "repression",
        "happiness",
        "surprise",
    ]
    assert [clip.subject for clip in clips] == [1] * 16 + [2] * 4
    few = first(18)
    for one, other in zip(few, clips):
        np.testing.assert_array_equal(one.arrays["face"], other.arrays["face"])
    assert np.abs(first(1, seed=1)[0].arrays["face"] - clips[0].arrays["face"]).max() > 0.05


def test_clips_of_one_emotion_differ():
    happy = [clip.arrays["face"] for clip in first(16) if clip.emotion == "happiness"]
    for one, other in itertools.combinations(happy, 2):
        assert np.abs(one - other).max() > 0.02


@pytest.mark.parametrize(
    ("setting", "said"),
    [("noise", lambda a, b: roughness(a) > 2 * roughness(b)), ("gain", lambda a, b: np.abs(a).max() < np.abs(b).max())],
)
def test_what_measuring_does(setting, said):
    plain = FlowDomain.plain()
    changed = dataclasses.replace(plain, **{setting: (0.3, 0.3)})
    one, other = (first(1, domain=domain)[0].arrays["face"][..., :2] for domain in (changed, plain))
    assert said(one, other)


def test_total_variation_takes_small_motion_away():
    plain = FlowDomain.plain()
    shrunk = dataclasses.replace(plain, shrink=(0.1, 0.1))
    one, other = (
        np.linalg.norm(first(1, domain=domain)[0].arrays["face"][..., :2], axis=-1) for domain in (shrunk, plain)
    )
    np.testing.assert_allclose(one, np.maximum(other - 0.1, 0), atol=1e-5)


def roughness(flow):
    return np.abs(cv2.Laplacian(flow, cv2.CV_32F)).mean()


@pytest.mark.parametrize("name", ["magnified_flow_10x224_classic", "evm_16x64"])
def test_recipes_of_more_than_that_motion_are_refused(name):
    with pytest.raises(ConfigError, match="needs more than the motion"):
        first(1, get_recipe(name))


def test_a_class_without_emotion_and_a_domain_upside_down():
    with pytest.raises(ConfigError, match="class 1 must have emotions among"):
        list(draw_flow(RECIPE, [["disgust"], ["contempt"]], 1))
    with pytest.raises(ConfigError, match="noise must be two numbers"):
        FlowDomain(noise=(0.2, 0.1))
