"""Convolutional block attention (CBAM) on clips of feature maps.

Source: Woo et al., CBAM, ECCV 2018, sections 3.1 and 3.2; the paper has pictures only, the forms over time are the
readings that the micro-expression papers leave open (Chen et al., Information 2020, section 3.2; Ren et al., Applied
Sciences 2024, section 3). Maps are channels-last.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.configured import check_one_of, wrong_inputs

SPATIAL_MODES = ("frame", "volume", "shared")


@keras.saving.register_keras_serializable(package="mer_tf")
class CBAM3D(CBAM2D):
    """Channel attention, then spatial attention, on (frames, height, width, channels).

    With one frame and ``spatial_mode="frame"`` it is ``CBAM2D``.

    Args:
        keep_time: bool. True gives every frame its own channel mask (pooled over height and width); False one mask
            per clip (pooled over the frames too). Defaults to False.
        spatial_mode: ``"frame"``: each frame is masked by the 2D convolution of its own statistics; ``"volume"``: the
            kernel is ``k x k x k`` over time too; ``"shared"``: maximum and mean are taken over time as well, and all
            frames share one mask. Defaults to ``"frame"``.
        **kwargs: Options of ``CBAM2D``, and arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, frames, height, width, channels), frames, sizes and channels known.

    Returns:
        Tensor of the input's shape and dtype.

    Parameters: channel ``2*C*h + (h + C if mlp_bias)`` with ``h = max(1, C // reduction)``; spatial
    ``2*k^d + (1 if conv_bias) + (2 if batch_norm)`` with d = 3 for ``"volume"`` and 2 otherwise.

    Example:
        >>> CBAM3D(reduction=16)(tf.zeros((2, 4, 7, 7, 48))).shape
        TensorShape([2, 4, 7, 7, 48])
    """

    def __init__(self, *, keep_time=False, spatial_mode="frame", **kwargs):
        check_one_of(SPATIAL_MODES, spatial_mode=spatial_mode)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 5 or any(size is None for size in input_shape[1:]):
            raise wrong_inputs("(batch, frames, height, width, channels), all known but the batch", input_shape)
        volume = self.spatial_mode == "volume"
        convolution = keras.layers.Conv3D if volume else keras.layers.Conv2D
        self._build_parts(int(input_shape[-1]), convolution, input_shape[1:4] if volume else input_shape[2:4])
        keras.layers.Layer.build(self, input_shape)

    def _attend_channels(self, x):
        if not self.channel:
            return x
        axes = (2, 3) if self.keep_time else (1, 2, 3)
        mean = self.excite(self.squeeze(tf.reduce_mean(x, axis=axes)))
        peak = self.excite(self.squeeze(tf.reduce_max(x, axis=axes)))
        mask = tf.sigmoid(mean + peak)  # (batch, frames, channels) or (batch, channels)
        frames = x.shape[1] if self.keep_time else 1
        return x * tf.reshape(mask, (-1, frames, 1, 1, x.shape[-1]))

    def _attend_places(self, x, training):
        if not self.spatial:
            return x
        axes = (1, 4) if self.spatial_mode == "shared" else (4,)
        mean = tf.reduce_mean(x, axis=axes, keepdims=True)
        peak = tf.reduce_max(x, axis=axes, keepdims=True)
        stats = tf.concat([peak, mean] if self.concat_order == "max_mean" else [mean, peak], axis=-1)
        frames = stats.shape[1]
        if self.spatial_mode != "volume":
            stats = tf.reshape(stats, (-1, *stats.shape[2:]))
        mask = self.conv(stats)
        if self.batch_norm:
            mask = self.norm(mask, training=training)
        return x * tf.reshape(tf.sigmoid(mask), (-1, frames, *x.shape[2:4], 1))
