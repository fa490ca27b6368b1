from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers import CBAM2D, CBAM3D

# Weights by channels: reduction 16, 8, 4 with perceptron biases, and 16 without (spatial 7x7, no bias).
TABLE = {
    16: (147, 180, 246, 130),
    48: (437, 728, 1310, 386),
    64: (678, 1194, 2226, 610),
    128: (2282, 4338, 8450, 2146),
    256: (8562, 16770, 33186, 8290),
    512: (33410, 66210, 131810, 32866),
}


def weights(layer) -> int:
    return int(sum(np.prod(weight.shape) for weight in layer.trainable_weights))


def built(**options):
    layer = CBAM3D(**options)
    layer.build((None, 3, 7, 7, 64))
    return layer


def clips(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


@pytest.mark.parametrize("channels", TABLE)
def test_parameter_table(channels):
    variants = [{"reduction": 16}, {"reduction": 8}, {"reduction": 4}, {"reduction": 16, "mlp_bias": False}]
    for variant, expected in zip(variants, TABLE[channels]):
        layer = CBAM3D(**variant)
        layer.build((None, 2, 7, 7, channels))
        assert weights(layer) == expected, variant


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"keep_time": True}, 678),
        ({"spatial_mode": "shared"}, 678),
        ({"spatial_mode": "volume"}, 678 - 98 + 2 * 7**3),
        ({"spatial_mode": "volume", "spatial_kernel": 3, "conv_bias": True, "batch_norm": True}, 580 + 54 + 1 + 2),
        ({"channel": False}, 98),
        ({"spatial": False}, 580),
        ({"order": "spatial_first"}, 678),
    ],
)
def test_weights_of_the_forms(options, expected):
    assert weights(built(**options)) == expected


@pytest.mark.parametrize("mode", ["frame", "shared"])
@pytest.mark.parametrize("order", ["channel_first", "spatial_first"])
def test_one_frame_is_the_2d_form(mode, order):
    x = clips(2, 1, 5, 6, 32)
    flat, volume = CBAM2D(order=order, seed=1), CBAM3D(order=order, spatial_mode=mode, seed=1)
    np.testing.assert_allclose(volume(x)[:, 0], flat(x[:, 0]), atol=1e-6)


def test_idle_slices_of_the_volume_kernel_at_one_frame():
    x = clips(2, 1, 5, 6, 32)
    flat, volume = CBAM2D(spatial_kernel=3, seed=1), CBAM3D(spatial_kernel=3, spatial_mode="volume", seed=1)
    expected = flat(x[:, 0])
    volume(x)
    kernel = np.full((3, 3, 3, 2, 1), 9, "float32")
    kernel[1] = flat.conv.get_weights()[0]
    volume.conv.set_weights([kernel])
    np.testing.assert_allclose(volume(x)[:, 0], expected, atol=1e-6)


def test_frames_are_independent_only_when_time_is_kept():
    x = clips(1, 3, 4, 4, 16)
    other = tf.concat([x[:, :1], 3 * x[:, 1:]], axis=1)
    kept, pooled = CBAM3D(keep_time=True, seed=0), CBAM3D(seed=0)
    np.testing.assert_allclose(kept(x)[:, 0], kept(other)[:, 0], atol=1e-6)
    assert np.abs(pooled(x)[:, 0] - pooled(other)[:, 0]).max() > 1e-4


def test_masks_have_the_shape_of_their_form():
    x = 1 + tf.abs(clips(2, 3, 4, 4, 16))

    def mask(**options):
        return (CBAM3D(reduction=2, seed=2, **options)(x) / x).numpy()

    clip = mask(spatial=False)
    np.testing.assert_allclose(clip, np.broadcast_to(clip[:, :1, :1, :1], clip.shape), rtol=1e-4)
    frame = mask(spatial=False, keep_time=True)
    np.testing.assert_allclose(frame, np.broadcast_to(frame[:, :, :1, :1], frame.shape), rtol=1e-4)
    assert np.abs(frame[:, 0] - frame[:, 1]).max() > 1e-4
    shared = mask(channel=False, spatial_mode="shared")
    np.testing.assert_allclose(shared, np.broadcast_to(shared[:, :1, :, :, :1], shared.shape), rtol=1e-4)
    place = mask(channel=False)
    np.testing.assert_allclose(place, np.broadcast_to(place[..., :1], place.shape), rtol=1e-4)
    assert np.abs(place[:, 0] - place[:, 1]).max() > 1e-4


def test_the_order_matters():
    x = clips(1, 2, 4, 4, 16)
    one, other = CBAM3D(seed=0)(x), CBAM3D(seed=0, order="spatial_first")(x)
    assert np.abs(one - other).max() > 1e-5


def test_order_of_the_2d_form():
    x = clips(1, 4, 4, 16)
    both = CBAM2D(seed=0, order="spatial_first")
    channel, spatial = CBAM2D(seed=0, spatial=False), CBAM2D(seed=0, channel=False)
    np.testing.assert_allclose(both(x), channel(spatial(x)), atol=1e-6)
    assert CBAM2D.from_config(both.get_config()).order == "spatial_first"
    with pytest.raises(ValueError, match="Received: 'both'"):
        CBAM2D(order="both")


def test_config_round_trip_and_saving(tmp_path):
    layer = CBAM3D(reduction=4, spatial_mode="volume", spatial_kernel=3, keep_time=True, batch_norm=True, seed=3)
    assert CBAM3D.from_config(layer.get_config()).get_config() == layer.get_config()
    inputs = keras.Input((3, 6, 6, 8))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "cbam.keras")
    loaded = keras.models.load_model(tmp_path / "cbam.keras")
    x = clips(2, 3, 6, 6, 8)
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(model(x)), atol=1e-6)


def test_mixed_precision_computes_in_half_and_keeps_float32_weights():
    layer = CBAM3D(dtype="mixed_bfloat16", batch_norm=True)
    assert layer(tf.ones((1, 2, 4, 4, 16))).dtype == tf.bfloat16
    assert {getattr(w.dtype, "name", w.dtype) for w in layer.weights} == {"float32"}


@pytest.mark.parametrize(
    "options",
    [
        {"reduction": 0},
        {"spatial_kernel": 4},
        {"concat_order": "mean"},
        {"order": "both"},
        {"spatial_mode": "tube"},
        {"channel": False, "spatial": False},
    ],
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        CBAM3D(**options)


def test_maps_without_time_are_refused():
    with pytest.raises(ValueError, match="frames, height, width, channels"):
        CBAM3D().build((None, 7, 7, 64))
