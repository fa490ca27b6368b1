"""Every flow method by its name: one contract, and errors against known motion."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mer_tf.errors import ConfigError, MissingFileError, UnknownNameError
from mer_tf.preprocessing.flow import (
    METHODS,
    DISConfig,
    DISFlow,
    FarnebackConfig,
    FarnebackFlow,
    LiteFlowNetConfig,
    NoFlow,
    TVL1Config,
    TVL1Flow,
    make_flow,
)
from mer_tf.preprocessing.methods import settings_from_json, table
from mer_tf.preprocessing.strain import optical_strain
from mer_tf.synthetic.motion import Difficulty
from mer_tf.synthetic.render import SyntheticSubject

CONFIGS = {
    "tvl1": TVL1Config(),
    "farneback": FarnebackConfig(),
    "dis": DISConfig(),
    "dis fast": DISConfig(preset="fast"),
    "dis ultrafast": DISConfig(preset="ultrafast"),
}
every_method = pytest.mark.parametrize("name", CONFIGS)


def translated(image, dx, dy):
    matrix = np.float32([[1, 0, dx], [0, 1, dy]])
    return cv2.warpAffine(image, matrix, image.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def faces():
    """Onset and apex of a face, 128x128, without noise, light or head motion; the true flow; the same person still."""
    calm = {
        "head_px": 0,
        "head_roll_deg": 0,
        "head_turn_px": 0,
        "irrelevant_px": 0,
        "irrelevant_rate": 0,
        "blink_rate": 0,
        "brightness": 0,
        "noise": 0,
    }
    subject = SyntheticSubject(0, 1, Difficulty(expression_px=(2.5, 2.5), **calm))

    def pair(emotion):
        plan = subject.plan(0, emotion=emotion, frames=20)
        onset, apex = plan.onset - plan.first, plan.apex - plan.first
        x, y = subject.points(plan, onset).mean(axis=0).astype(int)
        crop = np.s_[y - 100 : y + 100, x - 100 : x + 100]
        frames = [next(subject.render(plan, frames=range(k, k + 1)))[crop] for k in (onset, apex)]
        gray = [
            cv2.cvtColor(cv2.resize(f, (128, 128), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY) for f in frames
        ]
        true = cv2.resize(subject.true_flow(plan)[crop], (128, 128), interpolation=cv2.INTER_AREA) * 0.64
        return *gray, true

    return pair("surprise"), pair("neutral")


@every_method
def test_identical_frames_have_no_flow(name, textured):
    flow = make_flow(CONFIGS[name])(textured, textured.copy())
    assert flow.shape == (128, 128, 2)
    assert flow.dtype == np.float32
    # Farneback's coarse levels leave a little, most of it near the border.
    assert np.abs(flow).max() < (0.3 if name == "farneback" else 1e-3)
    assert np.linalg.norm(flow, axis=-1).mean() < 0.02


@every_method
def test_translation(name, textured):
    flow = make_flow(CONFIGS[name])(textured, translated(textured, 2, -1))[16:-16, 16:-16]
    tolerance = {"tvl1": 0.01, "dis fast": 0.1, "dis ultrafast": 0.1}.get(name, 0.05)
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), (2, -1), atol=tolerance)


@pytest.mark.parametrize("name", ["tvl1", "farneback", "dis"])
def test_mirrored_frames_have_mirrored_flow(name, textured):
    method = make_flow(CONFIGS[name])
    second = translated(textured, 1.3, 0.4)
    flow, mirrored = method(textured, second), method(textured[:, ::-1], second[:, ::-1])
    inside = (slice(16, -16), slice(16, -16))
    assert np.abs(mirrored - flow[:, ::-1] * (-1, 1))[inside].mean() < 0.05


@pytest.mark.parametrize(
    ("name", "share"), [("tvl1", 0.3), ("farneback", 0.3), ("dis", 0.4), ("dis fast", 0.6), ("dis ultrafast", 0.8)]
)
def test_error_against_the_true_motion_of_a_face(name, share, faces):
    """Mean end-point error as a share of that of no flow at all."""
    onset, apex, true = faces[0]
    inside = (slice(8, -8), slice(8, -8))
    error = np.linalg.norm(make_flow(CONFIGS[name])(onset, apex) - true, axis=-1)[inside].mean()
    assert error < share * np.linalg.norm(true, axis=-1)[inside].mean()


@every_method
def test_a_clip_without_action_units_has_next_to_no_flow(name, faces):
    onset, apex, true = faces[1]
    assert not true.any()
    flow = make_flow(CONFIGS[name])(onset, apex)
    assert np.linalg.norm(flow, axis=-1).mean() < 0.01
    assert optical_strain(flow).mean() < 0.01


@every_method
def test_a_small_rotation_is_seen_and_hardly_strains(name, textured):
    matrix = cv2.getRotationMatrix2D((63.5, 63.5), -1.0, 1)  # one degree
    second = cv2.warpAffine(textured, matrix, (128, 128), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    flow = make_flow(CONFIGS[name])(textured, second)
    y, x = np.mgrid[0:128, 0:128]
    true = np.stack([x, y], -1) @ (matrix[:, :2] - np.eye(2)).T + matrix[:, 2]
    inside = (slice(20, -20), slice(20, -20))
    assert np.linalg.norm(flow - true, axis=-1)[inside].mean() < 0.15
    np.testing.assert_allclose(optical_strain(true), 1 - np.cos(np.deg2rad(1)), atol=2e-4)


@every_method
def test_one_contract(name, textured):
    method = make_flow(CONFIGS[name])
    second = translated(textured, 1, 0)
    kept = textured.copy(), second.copy()
    flow = method(textured, second)
    np.testing.assert_array_equal(method(textured, second), flow)  # nothing is kept between pairs
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(method))(textured, second), flow)
    for image, before in zip((textured, second), kept):
        np.testing.assert_array_equal(image, before)
    colour = [np.repeat(image[..., None], 3, axis=-1) for image in (textured, second)]
    np.testing.assert_allclose(method(*colour), flow, atol=1e-5)
    as_float = [image.astype(np.float32) / 255 for image in (textured, second)]
    np.testing.assert_allclose(method(*as_float, value_range=(0, 1)), flow, atol=0.02)
    with pytest.raises(ValueError, match="value_range must be declared"):
        method(*as_float)
    with pytest.raises(ValueError, match="one shape"):
        method(textured, second[:-1])
    with pytest.raises(ValueError, match="at least 16 px"):
        method(textured[:15], second[:15])
    with pytest.raises(ValueError, match="must be gray"):
        method(*colour, strict=True)
    with pytest.raises(TypeError, match="uint16"):
        method(textured.astype(np.uint16), second.astype(np.uint16))


@pytest.mark.parametrize("name", ["tvl1", "farneback", "dis"])
def test_brightness_can_be_matched(name, textured):
    config = dataclasses.replace(CONFIGS[name], match_brightness=True)
    same = make_flow(CONFIGS[name])(textured, textured)
    np.testing.assert_array_equal(make_flow(config)(textured, textured + 10), same)
    if name != "dis":  # which compares patches without their means
        assert np.abs(make_flow(CONFIGS[name])(textured, textured + 10) - same).max() > 0.1


def test_names():
    assert list(METHODS) == ["tvl1", "farneback", "dis", "liteflownet"]
    assert isinstance(make_flow(CONFIGS["tvl1"]), TVL1Flow)
    assert isinstance(make_flow(CONFIGS["farneback"]), FarnebackFlow)
    assert isinstance(make_flow(CONFIGS["dis"]), DISFlow)
    with pytest.raises(ConfigError, match="tvl1, farneback, dis, liteflownet"):
        make_flow(NoFlow())
    with pytest.raises(UnknownNameError, match="Known.*farneback"):
        settings_from_json("flow", METHODS, {"method": "tvl2"}, "recipe.flow")
    with pytest.raises(ConfigError, match="two methods of flow"):
        table("flow", (TVL1Config, TVL1Flow), (TVL1Config, DISFlow))


def test_weights_are_refused_where_there_are_none():
    with pytest.raises(ConfigError, match="'dis' has no weights"):
        make_flow(CONFIGS["dis"], weights="weights.npz")


def test_liteflownet_needs_its_weights(tmp_path):
    for weights in (None, str(tmp_path / "none.npz")):
        with pytest.raises(MissingFileError, match="needs trained weights"):
            make_flow(LiteFlowNetConfig(), weights=weights)


def test_parameters_of_farneback_matter(textured):
    second = translated(textured, 1.5, 0.5)
    default = make_flow(CONFIGS["farneback"])(textured, second)
    for change in ("pyr_scale", "levels", "window", "iterations", "poly_n", "poly_sigma"):
        value = {"pyr_scale": 0.7, "levels": 1, "window": 9, "iterations": 1, "poly_n": 7, "poly_sigma": 1.5}[change]
        config = FarnebackConfig(**{change: value})
        assert (make_flow(config)(textured, second) != default).any(), change


def test_opencv_methods_load_no_tensorflow():
    code = "import sys; from mer_tf.preprocessing import flow; flow.make_flow(flow.TVL1Config()); "
    code += "sys.exit(bool({'tensorflow', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
