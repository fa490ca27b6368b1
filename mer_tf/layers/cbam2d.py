"""Convolutional block attention (CBAM) on feature maps.

Source: Woo et al., CBAM, ECCV 2018, sections 3.1 and 3.2, and its reference code; the variants of Dual-ATME and
ATSCNN are options of the same layer. Maps are channels-last.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, check_odd, check_one_of, wrong_inputs
from mer_tf.layers.nested import build_nested, part_seed

CONCAT_ORDERS = ("max_mean", "mean_max")
ORDERS = ("channel_first", "spatial_first")


@keras.saving.register_keras_serializable(package="mer_tf")
class CBAM2D(Configured, keras.layers.Layer):
    """Channel attention, then spatial attention, each a mask in 0..1 that multiplies the maps.

    Channel attention: global mean and global maximum go through one shared two-layer perceptron, are summed and
    squashed by a sigmoid. Spatial attention: maximum and mean over the channels go through one convolution and a
    sigmoid. The defaults are those of the reference code.

    Args:
        reduction: int. The perceptron's hidden width is ``max(1, channels // reduction)``. Defaults to 16.
        mlp_bias: bool. Whether the two dense layers have biases. Defaults to True.
        activation: str. Activation between the two dense layers. Defaults to ``"relu"``.
        spatial_kernel: int, odd. Side of the spatial convolution. Defaults to 7.
        conv_bias: bool. Whether the spatial convolution has a bias. Defaults to False.
        batch_norm: bool. Whether batch normalisation (momentum 0.99, epsilon 1e-5, as the reference code) follows
            the spatial convolution. Defaults to False.
        concat_order: ``"max_mean"`` or ``"mean_max"``: order of the two channel statistics.
        channel: bool. False leaves channel attention out (ablation). Defaults to True.
        spatial: bool. False leaves spatial attention out (ablation). Defaults to True.
        order: ``"channel_first"`` or ``"spatial_first"``: which of the two sees the inputs. Defaults to
            ``"channel_first"``, the better one in the paper's section 4.1.
        seed: int or None. Seed of the initial weights. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels).

    Returns:
        Tensor of the input's shape and dtype.

    Parameters: channel ``2*C*h + (h + C if mlp_bias)`` with ``h = max(1, C // reduction)``; spatial
    ``2*k*k + (1 if conv_bias) + (2 if batch_norm)``.

    Example:
        >>> CBAM2D(reduction=16)(tf.zeros((2, 7, 7, 48))).shape
        TensorShape([2, 7, 7, 48])
    """

    def __init__(
        self,
        reduction=16,
        *,
        mlp_bias=True,
        activation="relu",
        spatial_kernel=7,
        conv_bias=False,
        batch_norm=False,
        concat_order="max_mean",
        channel=True,
        spatial=True,
        order="channel_first",
        seed=None,
        **kwargs,
    ):
        check_at_least(1, reduction=reduction)
        check_odd(spatial_kernel=spatial_kernel)
        check_one_of(CONCAT_ORDERS, concat_order=concat_order)
        check_one_of(ORDERS, order=order)
        if not (channel or spatial):
            raise ValueError("at least one of `channel` and `spatial` must be True. Received: both False")
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise wrong_inputs("(batch, height, width, channels) with channels known", input_shape)
        self._build_parts(int(input_shape[-1]), keras.layers.Conv2D, input_shape[1:3])
        super().build(input_shape)

    def _build_parts(self, channels, convolution, sizes):
        """Inner layers; ``convolution`` (2D or 3D) runs over maps of these sizes."""
        dtype = self.dtype_policy
        if self.channel:
            hidden = max(1, channels // self.reduction)
            self.squeeze = keras.layers.Dense(
                hidden,
                activation=self.activation,
                use_bias=self.mlp_bias,
                kernel_initializer=keras.initializers.HeNormal(seed=part_seed(self.seed, 0)),
                dtype=dtype,
                name="squeeze",
            )
            self.excite = keras.layers.Dense(
                channels,
                use_bias=self.mlp_bias,
                kernel_initializer=keras.initializers.GlorotUniform(seed=part_seed(self.seed, 1)),
                dtype=dtype,
                name="excite",
            )
            build_nested(self.squeeze, (None, channels))
            build_nested(self.excite, (None, hidden))
        if self.spatial:
            self.conv = convolution(
                1,
                self.spatial_kernel,
                padding="same",
                use_bias=self.conv_bias,
                kernel_initializer=keras.initializers.GlorotUniform(seed=part_seed(self.seed, 2)),
                dtype=dtype,
                name="conv",
            )
            build_nested(self.conv, (None, *sizes, 2))
            if self.batch_norm:
                # The reference code passes momentum 0.01 in PyTorch's sense, 0.99 in Keras's.
                self.norm = keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-5, dtype=dtype, name="norm")
                build_nested(self.norm, (None, *sizes, 1))

    def call(self, inputs, training=None):
        if self.order == "channel_first":
            return self._attend_places(self._attend_channels(inputs), training)
        return self._attend_channels(self._attend_places(inputs, training))

    def compute_output_shape(self, input_shape):
        return input_shape

    def _attend_channels(self, x):
        if not self.channel:
            return x
        mean = self.excite(self.squeeze(tf.reduce_mean(x, axis=(1, 2))))
        peak = self.excite(self.squeeze(tf.reduce_max(x, axis=(1, 2))))
        return x * tf.sigmoid(mean + peak)[:, tf.newaxis, tf.newaxis, :]

    def _attend_places(self, x, training):
        if not self.spatial:
            return x
        mean = tf.reduce_mean(x, axis=-1, keepdims=True)
        peak = tf.reduce_max(x, axis=-1, keepdims=True)
        mask = self.conv(tf.concat([peak, mean] if self.concat_order == "max_mean" else [mean, peak], axis=-1))
        if self.batch_norm:
            mask = self.norm(mask, training=training)
        return x * tf.sigmoid(mask)
