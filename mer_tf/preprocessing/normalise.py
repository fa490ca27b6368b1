"""The second half of a recipe: arrays to network inputs, with TensorFlow operations only.

Runs eagerly, inside ``tf.function``, inside a TFX Transform graph and inside a SavedModel; the batch dimension may
be unknown. Every statistic is of one sample, so there is nothing to fit and nothing to leak between folds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mer_tf.errors import ConfigError, look_up
from mer_tf.preprocessing.areas import area_weights
from mer_tf.preprocessing.flow.wheel_tf import colour_wheel
from mer_tf.preprocessing.strain_tf import optical_strain, strain_tensor
from mer_tf.recipes import ARRAY_KINDS, MOTION, PICTURED, Recipe, View

CONSTANT = 1e-8  # a channel whose values span less than this is constant: all zeros
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def network_input(tensors: dict[str, tf.Tensor], recipe: Recipe) -> dict[str, tf.Tensor]:
    """Makes the tensors of the network from the arrays of the first half.

    Args:
        tensors: Per entry of ``recipe.inputs`` a float32 tensor with a batch dimension before that shape. Other
            entries are ignored.
        recipe: What to make.

    Returns:
        Per entry of ``recipe.network_inputs`` a float32 tensor with a batch dimension before that shape. Values by
        the view's normalisation, each per sample and channel (of a sequence: over all its frames): ``"none"`` u, v in
        pixels of the resized map (a flow resized by s is multiplied by s), strain as it was, images 0 to 255;
        ``"minmax"`` 0 to 1; ``"pm1"`` -1 to 1 in steps of 2/255 before resizing, because the published pictures are
        8-bit files; ``"bytes"`` 0 to 255 in whole steps before resizing; ``"centred"`` u and v -1 to 1 with the middle
        of their range at 0, strain 0 to 1; ``"symmetric"`` -1 to 1 with no motion at 0; ``"fixed"`` divided by
        ``scale`` and cut to -1..1; ``"standard"`` mean 0 and deviation 1 over the whole sample; ``"unit"`` 0 to 1;
        ``"imagenet"`` 0 to 1, less ImageNet's mean over its deviation (one channel: those of the first);
        ``"imagenet_mean"`` less the mean only. A constant channel (span under 1e-8) is all zeros under ``"minmax"``,
        ``"pm1"``, ``"bytes"``, ``"centred"`` and ``"symmetric"``.

    Raises:
        ConfigError: A tensor of the recipe is absent or has another shape.

    Source: Dual-ATME (28x28x3, -1 to 1).
    """
    arrays = {}
    for name, shape in recipe.inputs.items():
        if name not in tensors:
            raise ConfigError(
                f"recipe {recipe.name!r} needs the tensors {', '.join(recipe.inputs)}. "
                f"Received: {', '.join(sorted(tensors)) or 'none'}"
            )
        tensor = tf.cast(tf.convert_to_tensor(tensors[name]), tf.float32)
        if tensor.shape.rank not in (None, len(shape) + 1) or not tensor.shape[1:].is_compatible_with(shape):
            raise ConfigError(
                f"tensor {name!r} of recipe {recipe.name!r} must be (batch, {', '.join(map(str, shape))}). "
                f"Received: {tuple(tensor.shape)}"
            )
        arrays[name] = tf.ensure_shape(tensor, (None, *shape))
    return {view.name: _show(arrays[view.array], view) for view in recipe.views}


def picture_input(pictures: dict[str, tf.Tensor], recipe: Recipe) -> dict[str, tf.Tensor]:
    """Makes the tensors of the network from motion that is there as pictures, of any size.

    A picture is taken as it is: what was stretched to 0..255 is not stretched again, and zero motion is the middle gray
    where a view needs to know it (``"centred"``, a magnitude).

    Args:
        pictures: Per array of the recipe ``(batch, height, width, 3)``, 0..255: horizontal flow, vertical flow, strain.
        recipe: What to make; of ``mer_tf.recipes.outside.outside_recipe``.

    Returns:
        As ``network_input``: 0..255 become 0..1 under ``"minmax"`` and -1..1 under ``"pm1"``, stay so under
        ``"bytes"``, and are u and v -1..1 and strain 0..1 under ``"centred"``. A channel of one value is all zeros.
    """
    shown = {}
    for view in recipe.views:
        view = dataclasses.replace(view, size=recipe.network_inputs[view.name][0])  # whatever the picture's side
        picture = tf.cast(tf.convert_to_tensor(pictures[view.array]), tf.float32)
        if view.content in PICTURED:
            shown[view.name] = _show(picture, view, _of_bytes)
        else:
            shown[view.name] = _show(_of_bytes(picture, View(view.array, view.array, MOTION, "centred")), view)
    return shown


def _of_bytes(tensor: tf.Tensor, view: View) -> tf.Tensor:
    """Channels of pictures under the normalisation of a view, without being stretched."""
    low, high = _range(tensor)
    zero, one = tf.zeros_like(low), tf.ones_like(low)
    if view.normalisation == "standard":
        return _standard(tensor, view)
    directed = tf.constant(PICTURED[view.content]) if view.normalisation == "centred" else view.normalisation == "pm1"
    least = tf.where(directed, 127.5 * one, zero)
    unit = one if view.normalisation == "bytes" else tf.where(directed, 127.5 * one, 255.0 * one)
    return _scaled(tensor, low, high, least, unit)


def _show(tensor: tf.Tensor, view: View, scale: Callable[[tf.Tensor, View], tf.Tensor] | None = None) -> tf.Tensor:
    if view.content == "landmarks":
        return tensor
    if view.frames and tensor.shape.rank == 5:
        tensor = tensor[:, -view.frames :] if view.frames < 0 else _frames(tensor, view.frames)
    sequence = tensor.shape.rank == 5
    frames = int(tensor.shape[1]) if sequence else 1
    content = _content(tensor, view)
    content = (scale or normalise)(content, view)
    if sequence:
        content = tf.reshape(content, (-1, *content.shape[2:]))
    if view.size:
        content = _reduce(content, view.size, _flow_channels(view))
    if view.repeat > 1:
        content = tf.repeat(content, view.repeat, axis=-1)
    if view.normalisation in ("imagenet", "imagenet_mean"):
        channels = int(content.shape[-1])
        if channels not in (1, 3):
            raise ConfigError(f"view {view.name!r}: ImageNet's statistics are for 1 or 3 channels, not {channels}")
        content = content - tf.constant(IMAGENET_MEAN[:channels], tf.float32)
        if view.normalisation == "imagenet":
            content = content / tf.constant(IMAGENET_DEVIATION[:channels], tf.float32)
    if sequence:
        content = tf.reshape(content, (-1, frames, *content.shape[1:]))
    return content


def _content(tensor: tf.Tensor, view: View) -> tf.Tensor:
    kind, content = ARRAY_KINDS[view.array], view.content
    if content in ("image", "parsing", "motion"):
        return tensor
    flow = tensor[..., :2]
    if content in ("u", "v", "uv"):
        return {"u": flow[..., :1], "v": flow[..., 1:], "uv": flow}[content]
    if content == "wheel":
        return colour_wheel(flow)
    if content == "strain_parts":
        return tf.stack(strain_tensor(flow), axis=-1)
    strain = tensor[..., 2:] if kind == "motion" else optical_strain(flow)[..., None]
    if content == "strain":
        return strain
    # Squares of very small numbers vanish; the square root's slope at zero is not asked for here.
    magnitude = tf.sqrt(tf.reduce_sum(tf.square(flow), axis=-1, keepdims=True))
    return {
        "magnitude": magnitude,
        "uv_magnitude": tf.concat([flow, magnitude], axis=-1),
        "flow_strain": tf.concat([flow, magnitude, strain], axis=-1),
    }[content]


def _flow_channels(view: View) -> str:
    """Which channels are lengths in pixels of the map and so change with its size: one letter per channel."""
    if view.normalisation != "none":
        return ""
    return {"motion": "xy1", "u": "x", "v": "y", "uv": "xy"}.get(view.content, "")


def normalise(tensor: tf.Tensor, view: View) -> tf.Tensor:
    """Scales ``(batch, [frames,] height, width, channels)`` per sample and channel; see ``network_input``."""
    return look_up("normalisation", view.normalisation, METHODS)(tensor, view)


def _none(tensor: tf.Tensor, view: View) -> tf.Tensor:
    return tensor


def _fixed(tensor: tf.Tensor, view: View) -> tf.Tensor:
    return tf.clip_by_value(tensor / view.scale, -1.0, 1.0)


def _standard(tensor: tf.Tensor, view: View) -> tf.Tensor:
    mean, variance = tf.nn.moments(tensor, tuple(range(1, tensor.shape.rank)), keepdims=True)
    return (tensor - mean) / tf.maximum(tf.sqrt(variance), 1e-6)


def _range(tensor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Lowest and highest value of each sample and channel."""
    axes = tuple(range(1, tensor.shape.rank - 1))
    return tf.reduce_min(tensor, axis=axes, keepdims=True), tf.reduce_max(tensor, axis=axes, keepdims=True)


def _scaled(tensor: tf.Tensor, low: tf.Tensor, high: tf.Tensor, least: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
    """``(tensor - least) / unit``, and zeros where a channel is constant."""
    alive = high - low >= CONSTANT
    scaled = (tensor - least) / tf.where(alive, unit, tf.ones_like(unit))
    return tf.where(alive, scaled, tf.zeros_like(scaled))


def _minmax(tensor: tf.Tensor, view: View) -> tf.Tensor:
    low, high = _range(tensor)
    return _scaled(tensor, low, high, low, high - low)


def _pm1(tensor: tf.Tensor, view: View) -> tf.Tensor:
    low, high = _range(tensor)
    scaled = _scaled(tensor, low, high, low, high - low)
    stepped = tf.round(scaled * 255.0) * (2.0 / 255.0) - 1.0
    return tf.where(high - low >= CONSTANT, stepped, tf.zeros_like(stepped))


def _bytes(tensor: tf.Tensor, view: View) -> tf.Tensor:
    return tf.round(_minmax(tensor, view) * 255.0)


def _centred(tensor: tf.Tensor, view: View) -> tf.Tensor:
    low, high = _range(tensor)
    directed = tf.constant(PICTURED[view.content])
    least = tf.where(directed, (low + high) / 2, low)
    return _scaled(tensor, low, high, least, tf.where(directed, (high - low) / 2, high - low))


def _symmetric(tensor: tf.Tensor, view: View) -> tf.Tensor:
    low, high = _range(tensor)
    return _scaled(tensor, low, high, tf.zeros_like(low), tf.maximum(tf.abs(low), tf.abs(high)))


def _unit(tensor: tf.Tensor, view: View) -> tf.Tensor:
    return tensor / 255.0 if view.content in ("image", "wheel") else _minmax(tensor, view)


# Name -> what is done before resizing. ImageNet's mean and deviation come after it, in ``_show``.
METHODS = {
    "none": _none,
    "minmax": _minmax,
    "pm1": _pm1,
    "bytes": _bytes,
    "centred": _centred,
    "symmetric": _symmetric,
    "fixed": _fixed,
    "standard": _standard,
    "unit": _unit,
    "imagenet": _unit,
    "imagenet_mean": _unit,
}


def _frames(tensor: tf.Tensor, count: int) -> tf.Tensor:
    """Linear interpolation in time to ``count`` frames, ends kept."""
    from mer_tf.preprocessing.temporal import frame_positions

    length = int(tensor.shape[1])
    before, weight = frame_positions(length, count)
    after = np.minimum(before + 1, length - 1)
    if not np.any(weight):
        return tf.gather(tensor, before, axis=1)
    weight = tf.constant(weight.reshape(1, -1, 1, 1, 1), tf.float32)
    return (1.0 - weight) * tf.gather(tensor, before, axis=1) + weight * tf.gather(tensor, after, axis=1)


def _reduce(tensor: tf.Tensor, side: int, lengths: str) -> tf.Tensor:
    height, width, channels = (int(size) for size in tensor.shape[1:])
    if (height, width) == (side, side):
        return tensor
    if height % side == 0 and width % side == 0:
        # Plain means; a matrix product could run in a reduced float format on an accelerator.
        blocks = tf.reshape(tensor, (-1, side, height // side, side, width // side, channels))
        tensor = tf.reduce_mean(blocks, axis=(2, 4))
    else:
        tensor = tf.einsum("ij,bjkc->bikc", tf.constant(area_weights(height, side)), tensor)
        tensor = tf.einsum("lk,bikc->bilc", tf.constant(area_weights(width, side)), tensor)
    if lengths:
        factors = {"x": side / width, "y": side / height, "1": 1.0}
        tensor = tensor * tf.constant([factors[letter] for letter in lengths], tf.float32)
    return tensor
