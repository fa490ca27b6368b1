from __future__ import annotations

import numpy as np
import pytest
from mirrored import mirror_motion

from mer_tf.errors import ConfigError
from mer_tf.preprocessing.mirror import mirror_network_input
from mer_tf.recipes import RECIPES, FramesConfig, Recipe, View, get_recipe

tf = pytest.importorskip("tensorflow")

from mer_tf.preprocessing import network_input  # noqa: E402
from mer_tf.preprocessing.areas import area_weights  # noqa: E402

HARS, STREAMS = get_recipe("onset_apex_28_hars"), get_recipe("onset_apex_128_streams")


def small(normalisation, crop_size=32, network_size=8, split=False, **changes):
    views = (
        tuple(View(name, "face", name, normalisation, network_size) for name in ("u", "v", "strain"))
        if split
        else (View("face", "face", "motion", normalisation, network_size, **changes),)
    )
    return Recipe("small", "test", crop_size=crop_size, views=views)


def random_motion(recipe, batch=3, seed=0):
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in recipe.inputs.items():
        kind = recipe.kinds[name]
        if kind in ("image", "parsing"):
            tensor = rng.uniform(0, 255 if kind == "image" else 1, (batch, *shape)).astype(np.float32)
        else:
            tensor = rng.normal(0, 1, (batch, *shape)).astype(np.float32)
            if kind == "motion":
                tensor[..., 2] = np.abs(tensor[..., 2]) * 0.1
        tensors[name] = tensor
    return tensors


def twin(tensor, normalisation, side):
    """Plain loops in float64, written from the definition."""
    batch, height, _, channels = tensor.shape
    factor = height // side
    output = np.zeros((batch, side, side, channels))
    for sample in range(batch):
        for channel in range(channels):
            x = tensor[sample, :, :, channel].astype(np.float64)
            if normalisation != "none":
                if x.max() - x.min() < 1e-8:
                    x = np.zeros_like(x)
                elif normalisation == "symmetric":
                    x = x / np.abs(x).max()
                else:
                    x = (x - x.min()) / (x.max() - x.min())
                    if normalisation == "pm1":
                        x = 2 * np.rint(x * 255) / 255 - 1
            elif channel < 2:
                x = x / factor
            for row in range(side):
                for column in range(side):
                    block = x[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
                    output[sample, row, column, channel] = block.mean()
    return output


@pytest.mark.parametrize("normalisation", ["none", "minmax", "pm1", "symmetric"])
def test_equals_the_plain_definition(normalisation):
    recipe = small(normalisation)
    tensors = random_motion(recipe)
    tensors["face"][1, :, :, 0] = 0.7  # a constant channel
    result = network_input(tensors, recipe)["face"].numpy()
    expected = twin(tensors["face"], normalisation, 8)
    # one 8-bit level in one of 16 pixels may fall to the other side of a tie in float32
    np.testing.assert_allclose(result, expected, atol=2 / 255 / 16 + 1e-6 if normalisation == "pm1" else 1e-5)
    assert result.dtype == np.float32


@pytest.mark.parametrize("normalisation", ["minmax", "pm1", "symmetric"])
def test_ranges_before_reduction(normalisation):
    recipe = small(normalisation, network_size=32)
    result = network_input(random_motion(recipe), recipe)["face"].numpy()
    low, high = result.min(axis=(1, 2)), result.max(axis=(1, 2))
    if normalisation == "minmax":
        assert (low == 0).all() and (high == 1).all()
    elif normalisation == "pm1":
        assert (low == -1).all() and (high == 1).all()
        levels = (result + 1) * 127.5
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    else:
        assert np.allclose(np.abs(result).max(axis=(1, 2)), 1)
        assert (low[:, 2] >= 0).all()


@pytest.mark.parametrize("normalisation", ["minmax", "pm1", "bytes", "centred", "symmetric"])
def test_constant_and_zero_channels_become_zeros(normalisation):
    recipe = small(normalisation)
    for value in (0.0, 3.0, -2.0):
        result = network_input({"face": np.full((1, 32, 32, 3), value, np.float32)}, recipe)["face"].numpy()
        assert not result.any()


def test_none_scales_flow_with_the_size():
    recipe = small("none")
    result = network_input({"face": np.full((1, 32, 32, 3), 2.0, np.float32)}, recipe)["face"].numpy()
    np.testing.assert_allclose(result[0, 0, 0], (0.5, 0.5, 2.0))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_registered_recipes_give_their_network_inputs(recipe):
    tensors = random_motion(recipe, batch=2)
    result = network_input(tensors, recipe)
    assert {name: tuple(value.shape) for name, value in result.items()} == {
        name: (2, *shape) for name, shape in recipe.network_inputs.items()
    }


def test_streams_are_the_untouched_channels():
    tensors = random_motion(STREAMS, batch=2)
    result = network_input(tensors, STREAMS)
    for index, name in enumerate(("u", "v", "strain")):
        np.testing.assert_array_equal(result[name][..., 0], tensors["face"][..., index])


def test_graph_function_and_eager_agree_for_any_batch():
    signature = [{name: tf.TensorSpec((None, *shape), tf.float32) for name, shape in HARS.inputs.items()}]

    @tf.function(input_signature=signature)
    def traced(tensors):
        return network_input(tensors, HARS)

    batches = [random_motion(HARS, batch) for batch in (1, 3)]
    with tf.Graph().as_default():  # as TFX Transform traces it
        feeds = {name: tf.compat.v1.placeholder(tf.float32, (None, *s)) for name, s in HARS.inputs.items()}
        outputs = network_input(feeds, HARS)
        assert outputs["face"].shape.as_list() == [None, 28, 28, 3]
        with tf.compat.v1.Session() as session:
            in_graph = [session.run(outputs, {feeds[name]: batch[name] for name in feeds}) for batch in batches]
    for batch, graph_result in zip(batches, in_graph, strict=True):
        function_result = traced({name: tf.constant(value) for name, value in batch.items()})
        eager_result = network_input(batch, HARS)
        for name in HARS.network_inputs:
            np.testing.assert_allclose(graph_result[name], eager_result[name], atol=1e-6)
            np.testing.assert_allclose(function_result[name], eager_result[name], atol=1e-6)


def test_samples_do_not_see_each_other():
    tensors = random_motion(HARS, batch=3)
    together = network_input(tensors, HARS)
    alone = network_input({name: value[1:2] for name, value in tensors.items()}, HARS)
    for name in together:
        np.testing.assert_array_equal(together[name][1:2], alone[name])


def test_bad_tensors():
    tensors = random_motion(HARS, batch=1)
    with pytest.raises(ConfigError, match="face, puzzle. Received: face"):
        network_input({"face": tensors["face"]}, HARS)
    with pytest.raises(ConfigError, match=r"'puzzle'.*\(batch, 112, 112, 3\)"):
        network_input({**tensors, "puzzle": tensors["puzzle"][:, :100]}, HARS)
    with pytest.raises(ConfigError, match="Received"):
        network_input({**tensors, "face": tensors["face"][0]}, HARS)


@pytest.mark.parametrize(("size", "new_size"), [(112, 28), (128, 28), (100, 30), (28, 112)])
def test_area_weights(size, new_size):
    weights = area_weights(size, new_size)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    if new_size <= size:  # each source pixel counts alike
        np.testing.assert_allclose(weights.sum(axis=0), new_size / size, rtol=1e-5)
    if size % new_size == 0:
        factor = size // new_size
        expected = np.repeat(np.eye(new_size), factor, axis=1) / factor
        np.testing.assert_allclose(weights, expected, atol=1e-7)


def test_reduction_by_a_broken_factor_keeps_the_mean():
    recipe = small("none", crop_size=50, network_size=30)
    tensors = random_motion(recipe)
    result = network_input(tensors, recipe)["face"].numpy()
    scale = np.array([0.6, 0.6, 1.0])
    np.testing.assert_allclose(result.mean((1, 2)), tensors["face"].mean((1, 2)) * scale, atol=1e-5)


@pytest.mark.parametrize("normalisation", ["none", "minmax", "pm1", "centred", "symmetric"])
@pytest.mark.parametrize("split", [False, True])
def test_mirroring_before_and_after_agree(normalisation, split):
    recipe = small(normalisation, split=split)
    tensors = random_motion(recipe)
    tensors["face"][2, :, :, 0] = 0
    before = network_input({name: mirror_motion(value) for name, value in tensors.items()}, recipe)
    after = mirror_network_input({n: v.numpy() for n, v in network_input(tensors, recipe).items()}, recipe)
    for name in recipe.network_inputs:
        np.testing.assert_allclose(before[name], after[name], atol=2 / 255 / 16 + 1e-6)


def of_clip(content, normalisation="none", array="frames", count=5, colour=False, **changes):
    """A recipe of one view of a sequence, 32 x 32."""
    return Recipe(
        "sequence",
        "test",
        frames=FramesConfig("onset_to_offset", count, "linear"),
        arrays=(array,),
        crop_size=32,
        colour=colour,
        views=(View("x", array, content, normalisation, **changes),),
    )


def test_fixed_divides_by_the_scale_and_cuts():
    recipe = small("fixed", network_size=32, scale=2.0)
    values = np.linspace(-6, 6, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)
    np.testing.assert_allclose(network_input({"face": values}, recipe)["face"], np.clip(values / 2, -1, 1), atol=1e-6)


def test_images_to_unit_imagenet_and_standard():
    rng = np.random.default_rng(0)
    clip = rng.uniform(0, 255, (2, 5, 32, 32, 3)).astype(np.float32)
    unit = network_input({"frames": clip}, of_clip("image", "unit", colour=True))["x"].numpy()
    np.testing.assert_allclose(unit, clip / 255, atol=1e-6)
    standardised = network_input({"frames": clip}, of_clip("image", "imagenet", colour=True))["x"].numpy()
    np.testing.assert_allclose(standardised, (clip / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], atol=1e-5)
    standard = network_input({"frames": clip}, of_clip("image", "standard", colour=True))["x"].numpy()
    for sample in standard:  # one mean and deviation for the whole clip
        assert abs(sample.mean()) < 1e-4 and abs(sample.std() - 1) < 1e-4
    still = network_input({"frames": np.full_like(clip, 9)}, of_clip("image", "standard", colour=True))["x"].numpy()
    assert not still.any()


def test_sequences_are_cut_and_interpolated_in_time():
    clip = np.arange(9, dtype=np.float32).reshape(1, 9, 1, 1, 1) * np.ones((1, 9, 32, 32, 1), np.float32)
    last = network_input({"frames": clip}, of_clip("image", count=9, frames=-1))["x"].numpy()
    np.testing.assert_array_equal(last[0, :, 0, 0, 0], np.arange(1, 9))
    exact = network_input({"frames": clip}, of_clip("image", count=9, frames=3))["x"].numpy()
    np.testing.assert_array_equal(exact[0, :, 0, 0, 0], [0, 4, 8])
    between = network_input({"frames": clip}, of_clip("image", count=9, frames=4))["x"].numpy()
    np.testing.assert_allclose(between[0, :, 0, 0, 0], [0, 8 / 3, 16 / 3, 8], rtol=1e-6)


def test_flow_contents_against_numpy():
    from mer_tf.preprocessing.flow.wheel import flow_to_colour
    from mer_tf.preprocessing.strain import optical_strain, strain_tensor

    rng = np.random.default_rng(1)
    flow = rng.normal(0, 1, (1, 4, 32, 32, 2)).astype(np.float32)

    def shown(content, **changes):
        return network_input({"flow": flow}, of_clip(content, array="flow", **changes))["x"].numpy()[0]

    magnitude = np.hypot(flow[0, ..., 0], flow[0, ..., 1])
    np.testing.assert_array_equal(shown("uv"), flow[0])
    np.testing.assert_allclose(shown("magnitude")[..., 0], magnitude, rtol=1e-5)
    np.testing.assert_allclose(shown("uv_magnitude"), np.concatenate([flow[0], magnitude[..., None]], -1), rtol=1e-5)
    strain = np.stack([optical_strain(field) for field in flow[0]])
    np.testing.assert_allclose(shown("flow_strain")[..., 3], strain, atol=1e-5)
    np.testing.assert_allclose(shown("strain", repeat=3), np.repeat(strain[..., None], 3, -1), atol=1e-5)
    parts = np.stack([np.stack(strain_tensor(field), -1) for field in flow[0]])
    np.testing.assert_allclose(shown("strain_parts"), parts, atol=1e-5)
    wheel = shown("wheel").astype(int) - flow_to_colour(flow[0]).astype(int)
    assert np.abs(wheel).max() <= 1
    scaled = shown("uv", normalisation="minmax")  # one range for the whole clip, so that frames stay comparable
    assert scaled.min(axis=(0, 1, 2)).tolist() == [0, 0] and scaled.max(axis=(0, 1, 2)).tolist() == [1, 1]


def test_parsing_masks_change_sides_in_the_mirror():
    recipe = Recipe("p", "test", arrays=("parsing",), crop_size=32, views=(View("x", "parsing", "parsing"),))
    masks = np.random.default_rng(0).uniform(0, 1, (2, 32, 32, 10)).astype(np.float32)
    mirrored = mirror_network_input({"x": masks}, recipe)["x"]
    np.testing.assert_array_equal(mirrored[..., 1], masks[:, :, ::-1, 2])  # left brow is the mirrored right brow
    np.testing.assert_array_equal(mirrored[..., 4], masks[:, :, ::-1, 3])
    np.testing.assert_array_equal(mirrored[..., 0], masks[:, :, ::-1, 0])
    np.testing.assert_array_equal(mirror_network_input({"x": mirrored}, recipe)["x"], masks)


def test_a_colour_wheel_is_not_mirrored_by_itself():
    recipe = of_clip("wheel", array="flow")
    assert not recipe.mirrors_in_network
    with pytest.raises(ConfigError, match="cannot be mirrored by itself"):
        mirror_network_input({"x": np.zeros((1, 4, 32, 32, 3), np.float32)}, recipe)
