from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.layers import GroupedConv2D
from mer_tf.systems.dssn.dssn import DSSN

STREAM = 342_400


class TestDSSN(ModelCase):
    # One stream: 11*11*3*96 + 96 = 34 944; two groups 5*5*48*256 + 256 = 307 456; together 342 400
    # head 15*15*256*3 + 3 = 172 803
    name = "dssn"
    golden = 857_603
    inputs: ClassVar = {"magnitude": (227, 227, 3), "strain": (227, 227, 3)}
    overfit_rate: ClassVar = 1e-2

    def test_maps_are_those_of_the_table(self, full):
        sizes = {
            name: tuple(full.get_layer(f"strain_{name}").output.shape[1:])
            for name in ("conv1", "pool1", "conv2", "pool2", "pad3")
        }
        assert sizes == {
            "conv1": (55, 55, 96),
            "pool1": (27, 27, 96),
            "conv2": (27, 27, 256),
            "pool2": (13, 13, 256),
            "pad3": (15, 15, 256),
        }


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"num_classes": 5}, 972_805),
        ({"merge": "add"}, 857_603),
        ({"merge": "concat"}, 2 * STREAM + 2 * 57_600 * 3 + 3),
        ({"streams": ("magnitude",)}, STREAM + 57_600 * 3 + 3),
    ],
)
def test_options(options, weights):
    assert trainable_weights(without_weights(lambda: DSSN(**options))) == weights


@pytest.mark.parametrize(("merge", "join"), [("multiply", np.multiply), ("add", np.add)])
def test_merging(merge, join):
    model = DSSN(size=67, filters=(4, 4), merge=merge, seed=0)
    both = keras.Model(
        {tensor.name.split(":")[0]: tensor for tensor in model.inputs},
        [model.get_layer(name).output for name in ("magnitude_pad3", "strain_pad3", "merge")],
    )
    rng = np.random.default_rng(0)
    one, other, merged = both({name: rng.normal(size=(1, 67, 67, 3)) for name in ("magnitude", "strain")})
    np.testing.assert_allclose(np.asarray(merged), join(np.asarray(one), np.asarray(other)), rtol=1e-5)
    assert not np.asarray(merged)[:, 0].any() and not np.asarray(merged)[:, :, -1].any()


def test_groups_see_their_own_channels():
    layer = GroupedConv2D(4, 3, groups=2)
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 6)).astype("float32")
    start = np.asarray(layer(x))
    assert start.shape == (1, 3, 3, 4)
    changed = x.copy()
    changed[..., 3:] = 0
    np.testing.assert_array_equal(np.asarray(layer(changed))[..., :2], start[..., :2])
    np.testing.assert_allclose(np.asarray(layer(changed))[..., 2:], 0, atol=1e-6)
    patch, kernel = x[0, 1:4, 2:5, 3:], layer.get_weights()[0]
    np.testing.assert_allclose(start[0, 1, 2, 2:], np.einsum("hwc,hwcf->f", patch, kernel[..., 2:]), atol=1e-5)


def test_groups_have_a_gradient_and_a_config():
    layer = GroupedConv2D(4, 3, groups=2, kernel_initializer=keras.initializers.GlorotUniform(seed=1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.ones((1, 5, 5, 6))) ** 2)
    assert all(np.abs(np.asarray(g)).max() > 0 for g in tape.gradient(loss, layer.trainable_variables))
    again = GroupedConv2D.from_config(layer.get_config())
    again.build((None, 5, 5, 6))
    np.testing.assert_array_equal(again.get_weights()[0], layer.get_weights()[0])


@pytest.mark.parametrize("options", [{"filters": 3}, {"groups": 0}, {"kernel_size": 0}])
def test_bad_groups(options):
    with pytest.raises(ValueError, match="Received"):
        GroupedConv2D(**{"filters": 4, "kernel_size": 3, **options})


def test_channels_must_fit_the_groups():
    with pytest.raises(ValueError, match="multiple of 2"):
        GroupedConv2D(4, 3).build((None, 5, 5, 3))


@pytest.mark.parametrize(
    "options",
    [
        {"streams": ()},
        {"streams": ("a", "a")},
        {"merge": "max"},
        {"size": 30},
        {"filters": (3, 4)},
        {"filters": (4,)},
        {"dropout": 1},
    ],
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        DSSN(**options)
