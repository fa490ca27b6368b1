from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.preprocessing.augment import (
    MIRROR_68,
    MIRROR_PARSING,
    AugmentConfig,
    Change,
    apply_change,
    augment_tensors,
    draw_change,
    rng_for,
)
from mer_tf.preprocessing.flow import tvl1_flow
from mer_tf.preprocessing.strain import motion, optical_strain

ALL = AugmentConfig(
    mirror=True, rotation=10, colour_shift=20, smoothing=6, crop=0.9, corner_crops=True, shift=4, probability=1.0
)


def change_one(array, kind, **change):
    return apply_change({"x": array}, {"x": kind}, Change(**change))["x"]


TWENTY = AugmentConfig(mirror=True, rotation=10, crop=0.9, copies=20)


def smooth_field(height=64, width=64, seed=0, channels=2, scale=4.0):
    noise = np.random.default_rng(seed).normal(size=(height, width, channels)).astype(np.float32)
    return scale * cv2.GaussianBlur(noise, (0, 0), 6).reshape(height, width, channels) * 10


@pytest.fixture(scope="module")
def pair(textured):
    """Two frames with a smooth motion between them, and their flow."""
    y, x = np.mgrid[:128, :128].astype(np.float32)
    bump = np.exp(-((x - 50) ** 2 + (y - 70) ** 2) / (2 * 20**2))
    second = cv2.remap(textured, x - 2.0 * bump, y - 1.0 * bump, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return textured, second, tvl1_flow(textured, second)


INNER = (slice(24, -24), slice(24, -24))


@pytest.mark.parametrize("kind", ["flow", "motion"])
@pytest.mark.parametrize(
    ("change", "bound"),
    [
        ({"mirror": True}, 0.05),
        ({"angle": 8.0}, 0.12),
        ({"angle": -30.0}, 0.12),
        ({"angle": 90.0}, 0.12),
        ({"mirror": True, "angle": 25.0}, 0.12),
    ],
)
def test_flow_of_changed_frames_is_the_changed_flow(pair, kind, change, bound):
    first, second, flow = pair
    frames = (change_one(frame[..., None], "image", **change)[..., 0] for frame in (first, second))
    again = tvl1_flow(*map(np.ascontiguousarray, frames))
    field = flow if kind == "flow" else motion(flow)
    changed = change_one(field, kind, **change)
    error = np.abs(again - changed[..., :2])[INNER].mean()
    assert error < bound
    # moving the grid alone is seen, and so are vectors turned the other way
    grid = np.concatenate([flow, np.zeros_like(flow[..., :1])], axis=-1)
    grid = change_one(grid.astype(np.float32), "image", **change)[..., :2]
    if change.get("mirror") or abs(change["angle"]) > 20:
        assert np.abs(again - grid)[INNER].mean() > 3 * error
    if change.get("angle"):
        phi = 2 * np.radians(change["angle"])  # undoes the turn and turns the other way
        u, v = changed[..., 0], changed[..., 1]
        wrong = np.stack([u * np.cos(phi) - v * np.sin(phi), u * np.sin(phi) + v * np.cos(phi)], axis=-1)
        assert np.abs(again - wrong)[INNER].mean() > 2 * error


def test_positive_angles_turn_counter_clockwise_as_seen():
    image = np.zeros((9, 9, 1), np.uint8)
    image[4, 8] = 255  # right
    assert change_one(image, "image", angle=90)[0, 4] == 255  # up
    flow = np.zeros((9, 9, 2), np.float32)
    flow[..., 0] = 1  # to the right
    turned = change_one(flow, "flow", angle=90)
    np.testing.assert_allclose(turned, np.broadcast_to([0, -1], (9, 9, 2)), atol=1e-6)


def test_turning_there_and_back_returns_the_inside():
    field = smooth_field()
    back = change_one(change_one(field, "flow", angle=7.0), "flow", angle=-7.0)
    inside = (slice(12, -12), slice(12, -12))
    np.testing.assert_allclose(back[inside], field[inside], atol=0.05 * np.abs(field).max())
    whole = change_one(field, "flow", angle=360)
    np.testing.assert_allclose(whole[1:-1, 1:-1], field[1:-1, 1:-1], atol=1e-3)


def test_the_mirror_of_the_mirror_is_the_array_itself():
    field = smooth_field()
    once = change_one(field, "flow", mirror=True)
    np.testing.assert_array_equal(once[..., 0], -field[:, ::-1, 0])
    np.testing.assert_array_equal(once[..., 1], field[:, ::-1, 1])
    np.testing.assert_array_equal(change_one(once, "flow", mirror=True), field)
    assert [MIRROR_PARSING[k] for k in MIRROR_PARSING] == list(range(10))


def test_nothing_to_do_is_an_exact_copy():
    field, image = smooth_field(channels=3), np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3)).astype(np.uint8)
    for before, after in (
        (field, change_one(field, "motion")),
        (image, change_one(image, "image")),
        (image, augment_tensors({"i": image}, {"i": "image"}, AugmentConfig(), rng_for(0, "a"))["i"]),
        (image, augment_tensors({"i": image}, {"i": "image"}, TWENTY, rng_for(0, "a"), 0)["i"]),
    ):
        np.testing.assert_array_equal(before, after)
        assert after.dtype == before.dtype and not np.shares_memory(before, after)


def test_strain_of_turned_and_cropped_flow_is_the_turned_and_cropped_strain():
    field = smooth_field(96, 96, scale=1)
    change = Change(mirror=True, angle=9.0, window=(0.04, 0.07, 0.9))
    out = apply_change({"m": motion(field)}, {"m": "motion"}, change)["m"]
    again = optical_strain(np.ascontiguousarray(out[..., :2]))
    inside = (slice(16, -16), slice(16, -16))
    scale = out[..., 2][inside].mean()
    assert np.abs(again - out[..., 2])[inside].mean() < 0.15 * scale
    assert np.abs(again - optical_strain(field))[inside].mean() > 0.4 * scale  # the change is not a small one


def test_crop_brings_the_vectors_to_the_new_scale():
    field = np.zeros((60, 60, 2), np.float32)
    field[..., 0], field[..., 1] = 3, -1
    out = apply_change({"f": field}, {"f": "flow"}, Change(window=(0.1, 0.0, 0.5)))["f"]
    np.testing.assert_allclose(out, np.broadcast_to([6, -2], out.shape), rtol=1e-6)


def test_window_is_placed_as_said():
    image = np.zeros((80, 80, 1), np.float32)
    image[20:60, 40:80] = 200  # exactly the window
    out = apply_change({"i": image}, {"i": "image"}, Change(window=(0.5, 0.25, 0.5)))["i"]
    np.testing.assert_allclose(out[1:-1, 1:], 200)
    points = np.full((68, 2), 0.0)
    points[:] = (39.5, 19.5)  # the corner of the window
    out = apply_change(
        {"i": image, "p": points}, {"i": "image", "p": "landmarks"}, Change(window=(0.5, 0.25, 0.5))
    )["p"]  # fmt: skip
    np.testing.assert_allclose(out, -0.5, atol=1e-9)


def test_landmarks_follow_the_picture():
    rng = np.random.default_rng(0)
    points = rng.uniform(25, 70, (68, 2))
    image = np.zeros((100, 100, 1), np.float32)
    index = 37
    y, x = np.mgrid[:100, :100]
    image[..., 0] = 255 * np.exp(-((x - points[index, 0]) ** 2 + (y - points[index, 1]) ** 2) / 8)
    for change in (Change(angle=15), Change(mirror=True, angle=-9, window=(0.05, 0.1, 0.85), shift=(2, -3))):
        out = apply_change({"i": image, "p": points}, {"i": "image", "p": "landmarks"}, change)
        where = MIRROR_68.index(index) if change.mirror else index
        weight = out["i"][..., 0].astype(float)
        found = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
        np.testing.assert_allclose(found, out["p"][where], atol=0.1)
    with pytest.raises(ValueError, match="must come with them"):
        apply_change({"p": points}, {"p": "landmarks"}, Change())


def test_one_geometry_for_all_frames_and_tensors():
    field = smooth_field(40, 48, channels=3)
    clip = np.repeat(field[None], 171, 0)  # 513 channels: several calls of OpenCV
    large = cv2.resize(field, (96, 80), interpolation=cv2.INTER_LINEAR)
    kinds = {"one": "motion", "clip": "motion", "large": "motion"}
    change = draw_change(dataclasses.replace(ALL, shift=0), rng_for(1, "a"))
    out = apply_change({"one": field, "clip": clip, "large": large}, kinds, change)
    assert out["clip"].shape == clip.shape and out["clip"].dtype == np.float32
    for frame in out["clip"][1:]:
        np.testing.assert_array_equal(frame, out["clip"][0])
    # some OpenCVs interpolate few channels more finely: 1/32 px at most
    slope = np.abs(np.gradient(field, axis=(0, 1))).sum(axis=0).max() / change.window[2] ** 2
    np.testing.assert_allclose(out["clip"][0], out["one"], atol=slope / 32 + 1e-5)
    small = cv2.resize(out["large"], (48, 40), interpolation=cv2.INTER_AREA)
    inside = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(small[inside], out["one"][inside], atol=0.1 * np.abs(field).max())


def test_frames_keep_their_order_and_channels():
    clip = np.random.default_rng(0).integers(0, 256, (7, 20, 22, 3)).astype(np.uint8)
    whole = change_one(clip, "image", angle=90.0)[:, :, 1:-1]  # a quarter turn of 20 x 22 falls on pixels
    assert whole.shape == (7, 20, 20, 3)
    for before, after in zip(clip, whole):
        np.testing.assert_allclose(after.astype(int), np.rot90(before[:, 1:-1]), atol=1)
    for before, after in zip(clip, change_one(clip, "image", angle=25)):
        off = np.abs(change_one(before, "image", angle=25).astype(int) - after)
        assert off.max() <= 2 * 255 / 32 and off.mean() < 2  # as above; 1/32 px along each axis
    blurred = change_one(clip, "image", smoothing=4)
    np.testing.assert_array_equal(blurred[3], change_one(clip[3], "image", smoothing=4))


@pytest.mark.parametrize("window", [1, 2, 3, 4, 6])
def test_smoothing_is_a_box_with_the_extra_pixel_left_and_above(window):
    image = np.random.default_rng(0).uniform(0, 255, (12, 13, 3)).astype(np.float32)
    before, after = window // 2, (window - 1) // 2
    padded = np.pad(image, ((before, after), (before, after), (0, 0)), mode="edge")
    expected = np.lib.stride_tricks.sliding_window_view(padded, (window, window), (0, 1)).mean(axis=(-1, -2))
    np.testing.assert_allclose(change_one(image, "image", smoothing=window), expected, atol=1e-3)


def test_colour_shift_clips_and_keeps_the_dtype():
    image = np.array([[[0, 100, 250]]], np.uint8)
    for kind in (np.uint8, np.float32):
        out = change_one(image.astype(kind), "image", colour=(-20, 20, 20))
        assert out.tolist() == [[[0, 120, 255]]] and out.dtype == kind
    assert change_one(image[..., :1], "image", colour=(7, 1, 2)).tolist() == [[[7]]]  # gray takes the first


def test_corner_windows_are_drawn_in_all_corners():
    config = AugmentConfig(corner_crops=True, probability=1)
    rest = 1 - 224 / 240
    seen = {draw_change(config, rng_for(0, "a", copy)).window for copy in range(40)}
    assert sorted(seen) == [(x, y, 224 / 240) for x in (0.0, rest) for y in (0.0, rest)]


def clip_tensors():
    rng = np.random.default_rng(3)
    tensors = {
        "motion": smooth_field(40, 40, channels=3),
        "flow": rng.normal(size=(4, 24, 24, 2)).astype(np.float32),
        "onset": rng.integers(0, 256, (40, 40, 3)).astype(np.uint8),
        "gray": rng.uniform(0, 255, (40, 40, 1)).astype(np.float32),
        "parsing": rng.uniform(0, 1, (40, 40, 10)).astype(np.float32),
        "landmarks": rng.uniform(0, 39, (68, 2)),
    }
    kinds = {name: name for name in tensors} | {"onset": "image", "gray": "image"}
    return tensors, kinds


@pytest.mark.parametrize("config", [ALL, TWENTY, AugmentConfig(mirror=True)])
def test_same_seed_clip_and_copy_give_the_same_bytes(config):
    tensors, kinds = clip_tensors()
    kept = {name: tensor.copy() for name, tensor in tensors.items()}
    for copy in (0, 3, 13):
        first, again = (augment_tensors(tensors, kinds, config, rng_for(7, "d/s/c", copy), copy) for _ in range(2))
        for name, tensor in tensors.items():
            assert first[name].tobytes() == again[name].tobytes()
            assert first[name].shape == tensor.shape and first[name].dtype == tensor.dtype
            assert not np.shares_memory(first[name], tensor)
            np.testing.assert_array_equal(tensor, kept[name])


def test_seed_clip_and_copy_all_matter():
    tensors, kinds = clip_tensors()
    base = augment_tensors(tensors, kinds, ALL, rng_for(7, "a", 1))
    for other in (rng_for(8, "a", 1), rng_for(7, "b", 1), rng_for(7, "a", 2)):
        changed = augment_tensors(tensors, kinds, ALL, other)
        assert all((base[name] != changed[name]).any() for name in tensors)


def test_generator_is_fixed_for_all_times():
    # the SHA-256 of "7:1:casme2/sub01/EP02_01f" starts with this; a change here changes every published run
    expected = np.random.default_rng(0x65833C5490B6F6EF50F425BDAF5BD730)
    found = rng_for(7, "casme2/sub01/EP02_01f", 1).integers(0, 2**31, 3)
    assert found.tolist() == expected.integers(0, 2**31, 3).tolist() == [1117389810, 1479936823, 1972618756]
    assert rng_for(1, "1:a", 2).random() != rng_for(1, "a", 21).random()


def test_twenty_versions_are_a_clip_its_mirror_and_nine_of_each():
    changes = [draw_change(TWENTY, rng_for(0, "c", copy), copy) for copy in range(20)]
    assert [change.mirror for change in changes] == [False] * 10 + [True] * 10
    still = [copy for copy, change in enumerate(changes) if not change.angle and change.window[2] == 1]
    assert still == [0, 10]
    assert len({change.angle for change in changes}) == 19
    assert all(abs(change.angle) <= 10 and 0.9 <= change.window[2] <= 1 for change in changes)
    for change in changes:
        x, y, share = change.window
        assert 0 <= x <= 1 - share + 1e-12 and 0 <= y <= 1 - share + 1e-12
    for copy in (-1, 20):
        with pytest.raises(ValueError, match=r"0\.\.19"):
            draw_change(TWENTY, rng_for(0, "c"), copy)


def test_each_operation_comes_with_its_probability_over_its_range():
    config = dataclasses.replace(ALL, probability=0.5, crop=1.0)
    changes = [draw_change(config, rng_for(0, "c", copy)) for copy in range(600)]
    for share in (
        np.mean([c.mirror for c in changes]),
        np.mean([c.angle != 0 for c in changes]),
        np.mean([c.colour != (0, 0, 0) for c in changes]),
        np.mean([c.window[2] < 1 for c in changes]),
        np.mean([c.smoothing > 1 for c in changes]) * 6 / 5,  # a window of 1 is one of six draws
    ):
        assert 0.42 < share < 0.58
    assert {c.smoothing for c in changes} == set(range(1, 7))
    assert {level for c in changes for level in c.colour} == set(range(-20, 21))
    assert {c.shift[0] for c in changes} == set(range(-4, 5))
    angles = [c.angle for c in changes if c.angle]
    assert -10 <= min(angles) < -9 and 9 < max(angles) <= 10


def test_switching_an_operation_on_leaves_the_others():
    less = draw_change(dataclasses.replace(ALL, colour_shift=0, smoothing=0), rng_for(4, "c"))
    more = draw_change(ALL, rng_for(4, "c"))
    assert (less.angle, less.mirror, less.window, less.shift) == (more.angle, more.mirror, more.window, more.shift)
    assert less.colour == (0, 0, 0) and less.smoothing == 1


def test_mirrored_parsing_swaps_left_and_right():
    maps = np.random.default_rng(0).uniform(0, 1, (6, 7, 10)).astype(np.float32)
    out = apply_change({"p": maps}, {"p": "parsing"}, Change(mirror=True))["p"]
    np.testing.assert_array_equal(out[..., 1], maps[:, ::-1, 2])
    np.testing.assert_array_equal(out[..., 3], maps[:, ::-1, 4])
    np.testing.assert_array_equal(out[..., [0, 5, 6, 7, 8, 9]], maps[:, ::-1][..., [0, 5, 6, 7, 8, 9]])


def test_colour_and_smoothing_leave_flow_alone():
    tensors, kinds = clip_tensors()
    out = apply_change(tensors, kinds, Change(colour=(9, 9, 9), smoothing=5))
    for name in ("motion", "flow", "parsing", "landmarks"):
        np.testing.assert_array_equal(out[name], tensors[name])
    assert (out["onset"] != tensors["onset"]).any() and (out["gray"] != tensors["gray"]).any()


@pytest.mark.parametrize(
    ("tensor", "kind", "error", "match"),
    [
        (np.zeros((8, 8, 3), np.float32), "video", ValueError, "must be one of motion"),
        (np.zeros((8, 8, 2), np.float32), "motion", ValueError, "3 channels of float"),
        (np.zeros((8, 8, 3), np.uint8), "motion", ValueError, "of float"),
        (np.zeros((8, 8, 3), np.float32), "flow", ValueError, "2 channels"),
        (np.zeros((8, 8, 2), np.uint8), "image", ValueError, "1 or 3"),
        (np.zeros((8, 8, 3), np.float32), "parsing", ValueError, "10 channels"),
        (np.zeros((8, 8), np.float32), "image", ValueError, "height, width"),
        (np.zeros((0, 8, 8, 3), np.float32), "image", ValueError, "none 0"),
        (np.zeros((8, 8, 3), np.int32), "image", TypeError, "uint8, float32"),
        ([1, 2], "image", TypeError, "numpy"),
        (np.full((8, 8, 3), np.nan, np.float32), "image", ValueError, "not finite"),
        (np.zeros((66, 2)), "landmarks", ValueError, "68, 2"),
        (np.full((68, 2), np.inf), "landmarks", ValueError, "not finite"),
    ],
)
def test_bad_tensors_are_named(tensor, kind, error, match):
    with pytest.raises(error, match=f"'x'.*{match}"):
        augment_tensors({"x": tensor}, {"x": kind}, ALL, rng_for(0, "a"))


def test_a_tensor_without_a_kind_is_refused():
    with pytest.raises(ValueError, match="kinds must name tensor 'x'"):
        augment_tensors({"x": np.zeros((8, 8, 3), np.uint8)}, {}, ALL, rng_for(0, "a"))


def test_config_round_trip():
    config = dataclasses.replace(ALL, subsequences=5000)
    assert AugmentConfig.from_json(config.to_json()) == config
    assert AugmentConfig.from_json('{"mirror": true, "shift": 4}').shift == 4
    assert AugmentConfig.from_json({}) == AugmentConfig() and hash(AugmentConfig())
    assert not AugmentConfig().active and not AugmentConfig(smoothing=1).active
    assert ALL.active and TWENTY.active
    assert not dataclasses.replace(ALL, probability=0, mirror=False).active


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"rotate": 3}, UnknownNameError, "Did you mean 'rotation'"),
        ({"rotation": -1}, ConfigError, "rotation"),
        ({"rotation": "10"}, ConfigError, "rotation must be between 0 and 180"),
        ({"rotation": float("nan")}, ConfigError, "rotation"),
        ({"mirror": 1}, ConfigError, "mirror must be true or false"),
        ({"colour_shift": True}, ConfigError, "whole number"),
        ({"colour_shift": 300}, ConfigError, "between 0 and 255"),
        ({"smoothing": 2.5}, ConfigError, "whole number"),
        ({"crop": 0}, ConfigError, "crop"),
        ({"crop": 1.1}, ConfigError, "crop"),
        ({"probability": 1.5}, ConfigError, "probability"),
        ({"copies": 0}, ConfigError, "copies"),
        ({"copies": 21, "mirror": True, "rotation": 3}, ConfigError, "even"),
        ({"copies": 20, "mirror": True}, ConfigError, "alike"),
        ({"subsequences": -1}, ConfigError, "subsequences"),
        ("{", ConfigError, "not JSON"),
        ("[]", ConfigError, "object"),
    ],
)
def test_bad_config(settings, error, match):
    with pytest.raises(error, match=match):
        AugmentConfig.from_json(settings)
