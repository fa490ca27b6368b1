"""Motion that was computed elsewhere: which recipes take it, what the network gets, and what a passport says of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from test_flow_image_data import FACE, pictures

from mer_tf.datasets.flow_arrays import sized_motion
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.preprocessing import mirror_network_input, network_input
from mer_tf.recipes import RECIPES, View, get_recipe
from mer_tf.recipes.outside import VALUES, maps_of, outside_recipe
from mer_tf.training import TrainConfig, from_flow_images
from mer_tf.training.outside import flow_facts, flow_notes

MINMAX, STREAMS = get_recipe("onset_apex_28_minmax"), get_recipe("onset_apex_128_streams")
FLOW = [recipe for recipe in RECIPES.values() if maps_of(recipe) == ("face",)]


def smooth(count=4, side=28) -> np.ndarray:
    """Pictures without noise: what is resized must stay alike."""
    y, x = np.mgrid[:side, :side] / (side - 1)
    waves = [np.stack([x, np.sin(3 * y + k), x * y], axis=-1) for k in range(count)]
    low, high = np.min(waves, axis=(1, 2), keepdims=True), np.max(waves, axis=(1, 2), keepdims=True)
    return np.round((waves - low) / (high - low) * 255).astype(np.uint8)


def test_a_recipe_needs_nothing_but_the_flow_of_the_face():
    assert maps_of(get_recipe("onset_apex_28_hars")) == ("face", "puzzle")
    for name in ("onset_apex_224_kfc", "onset_apex_128_phase", "onset_apex_128_gray", "flow_10x224", "apex_224_gray"):
        assert maps_of(get_recipe(name)) == ()
    assert {28, 112, 128, 224, 227} <= {shape[0] for recipe in FLOW for shape in recipe.network_inputs.values()}


@pytest.mark.parametrize("recipe", FLOW, ids=lambda recipe: recipe.name)
def test_pictures_of_any_side_become_the_inputs_of_every_such_recipe(recipe):
    data = from_flow_images({"face": pictures(images=smooth(side=36))}, recipe)
    assert {name: array.shape[1:] for name, array in data.network_inputs().items()} == recipe.network_inputs
    assert data.recipe.flow.method == "none" and data.recipe.hash != recipe.hash
    small = from_flow_images({"face": pictures(images=smooth(side=18))}, recipe).tensors
    for name, array in data.tensors.items():
        assert array.dtype == np.float32 and np.isfinite(array).all()
        inner = (slice(None), *(slice(side // 10, -(side // 10)) for side in array.shape[1:3]))
        assert np.corrcoef(array[inner].ravel(), small[name][inner].ravel())[0, 1] > 0.99


@pytest.mark.parametrize("recipe", FLOW, ids=lambda recipe: recipe.name)
def test_arrays_become_what_the_recipe_makes_of_its_own_flow(recipe):
    y, x = np.mgrid[: recipe.crop_size, : recipe.crop_size] / recipe.crop_size
    flow = np.stack([np.sin(4 * x + y), np.cos(3 * y * x)], axis=-1).astype(np.float32)
    motion = sized_motion(flow, recipe.crop_size)[None].repeat(2, axis=0)
    data = from_flow_images({"face": pictures(2, images=motion)}, recipe)
    assert not data.network and data.recipe.views == recipe.views
    for name, array in network_input({"face": motion}, recipe).items():
        np.testing.assert_array_equal(data.network_inputs()[name], array)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("recipe", lambda x: x / 255),
        ("0..1", lambda x: x / 255),
        ("-1..1", lambda x: x / 127.5 - 1),
        ("0..255", lambda x: x),
        ("zero-centred", lambda x: x),
    ],
)
def test_values_of_pictures(values, expected):
    source = pictures()
    data = from_flow_images({"face": source}, MINMAX, values=values)
    row = data.keys.index("smic_hs/s00/c0")
    np.testing.assert_allclose(data.tensors["face"][row], expected(source.images[0].astype(float)), atol=1e-4)
    assert data.zero_centred == (values == "zero-centred")
    arrays = from_flow_images({"face": pictures(images=np.float32(smooth(side=112)))}, MINMAX, values=values)
    shown = arrays.network_inputs()["face"]
    low, high = expected(0.0), expected(255.0)
    np.testing.assert_allclose((shown.min(), shown.max()), (low, high), atol=0.03 * (high - low))


def test_ranges_are_told_apart_by_the_fingerprint():
    found = {from_flow_images({"face": pictures()}, MINMAX, values=values).fingerprint for values in VALUES}
    assert len(found) == len(VALUES) - 1  # what the recipe says is 0..1
    with pytest.raises(UnknownNameError, match="0..255"):
        from_flow_images({"face": pictures()}, MINMAX, values="0..256")


def test_a_recipe_in_pixels_gets_the_middle_gray_as_no_motion_and_strain_from_zero():
    source = pictures(images=smooth(side=128))
    data = from_flow_images({"face": source}, STREAMS)
    row = data.keys.index("smic_hs/s00/c0")
    for index, name in enumerate(("u", "v")):
        np.testing.assert_allclose(data.tensors[name][row][..., 0], source.images[0, ..., index] / 127.5 - 1, atol=1e-5)
    np.testing.assert_allclose(data.tensors["strain"][row][..., 0], source.images[0, ..., 2] / 255, atol=1e-5)


def test_a_magnitude_is_computed_from_u_and_v():
    images = np.zeros((4, 28, 28, 3), np.uint8)
    images[..., :2] = 128  # the middle gray, up to half a level
    images[:, 5:10, 5:10, 0], images[:, 15:20, 15:20, 0] = 255, 0
    images[:, 0, 0, 1] = 255
    shown = from_flow_images({"face": pictures(images=images)}, get_recipe("onset_apex_227_dssn")).tensors["magnitude"]
    left, right, still = shown[0, 60, 60], shown[0, 141, 141], shown[0, 200, 40]
    np.testing.assert_allclose(left, right, atol=0.02)
    assert (left - still > 0.9).all()


@pytest.mark.parametrize("values", ["0..1", "-1..1", "0..255"])
def test_mirrored_pictures_under_every_range(values):
    source = pictures()
    images = source.images[:, :, ::-1].copy()
    images[..., 0] = 255 - images[..., 0]
    data = from_flow_images({"face": source}, FACE, values=values)
    other = from_flow_images({"face": dataclasses.replace(source, images=images)}, FACE, values=values)
    mirrored = mirror_network_input(data.tensors, data.recipe)["face"]
    np.testing.assert_allclose(mirrored, other.tensors["face"], atol=1e-4)


def test_a_channel_of_one_value_is_zero_under_every_range():
    images = smooth()
    images[..., 1] = 77
    for values in VALUES:
        shown = from_flow_images({"face": pictures(images=images)}, MINMAX, values=values).tensors["face"]
        assert not shown[..., 1].any() and shown[..., 0].any()


def test_only_u_v_and_strain_can_be_centred():
    with pytest.raises(ConfigError, match="can be centred, not 'magnitude'"):
        View("a", "face", "magnitude", "centred")


def test_zero_centred_values_do_not_go_with_mirrored_clips():
    TrainConfig("ststnet").check_zero_centred(MINMAX)
    for settings in ({"mirror": True}, {"augment": {"rotation": 5.0}}):
        with pytest.raises(ConfigError, match="zero-centred values do not go with"):
            TrainConfig("ststnet", **settings).check_zero_centred(MINMAX)


def test_each_fold_takes_off_the_mean_of_its_own_training_clips():
    from mer_tf.training.fold import train_fold
    from mer_tf.types import Fold

    seen = {}

    class Looking:
        takes_arrays, history = False, ()

        def serves(self, config, recipe):
            return True

        def fit(self, tensors, labels, **rest):
            seen["train"] = tensors["face"][rest["rows"]]

        def predict(self, tensors, rows):
            seen["test"] = tensors["face"][rows]
            return np.full((len(rows), 3), 1 / 3)

    source = from_flow_images({"face": pictures(6)}, MINMAX, values="zero-centred")
    rows = np.argsort(source.labels, kind="stable")
    data = source.take(rows)
    fold = Fold("one", (0, 2, 4), (1,))
    train_fold(data, fold, TrainConfig("ststnet", epochs=1), Looking())
    np.testing.assert_allclose(seen["train"].mean(axis=0), 0, atol=1e-3)
    mean = data.tensors["face"][[0, 2, 4]].mean(axis=0)
    np.testing.assert_allclose(seen["test"][0], data.tensors["face"][1] - mean, atol=1e-3)


def test_what_is_said_of_pictures():
    facts = flow_facts({"face": pictures(sizes={28: 4})}, get_recipe("onset_apex_128"))
    assert facts["source"] == "pictures from outside" and "not known" in facts["note"] and "no pixels" in facts["lost"]
    assert facts["resized"] == {"face": "28x28 to 128x128"} and facts["enlarged"] == ["face"]
    assert "middle gray as no motion" in facts["values_by_input"]["face"]
    assert {"frames", "face", "flow", "magnify", "crop_size"} <= set(facts["not_run"])
    assert "adds no detail" in flow_notes(facts)[1]
    same = flow_facts({"face": pictures(sizes={28: 4})}, MINMAX, "0..255")
    assert same["resized"] == {} and same["values_by_input"] == {"face": "0..255"}
    assert flow_facts({"face": pictures(sizes={112: 4})}, MINMAX)["enlarged"] == []


def test_what_is_said_of_arrays():
    arrays = pictures(images=np.zeros((4, 112, 112, 3), np.float32), sizes={64: 1, 256: 3})
    facts = flow_facts({"face": arrays}, get_recipe("onset_apex_227_dssn"))
    assert facts["source"] == "arrays from outside" and facts["lost"] == ""
    assert facts["resized"]["strain"] == "64x64..256x256 to 227x227"
    assert facts["values_by_input"]["magnitude"] == "magnitude computed from u and v, 0..1, less ImageNet's mean"
    pixels = flow_facts({"face": arrays}, get_recipe("onset_apex_128"))["values_by_input"]["face"]
    assert pixels.startswith("u and v in pixels")


def test_the_recipe_of_outside_flow_names_no_method():
    recipe = outside_recipe(FACE, pictures=True)
    assert recipe.flow.method == recipe.magnify.method == "none" and recipe.source.startswith("pictures from outside")
    assert recipe.network_inputs == FACE.network_inputs
