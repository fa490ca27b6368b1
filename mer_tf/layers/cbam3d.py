"""Convolutional block attention (CBAM) on clips of feature maps.

Source: Woo et al., CBAM, ECCV 2018, sections 3.1 and 3.2; the paper has pictures only, the forms over time are the
readings that the micro-expression papers leave open (Chen et al., Information 2020, section 3.3; Ren et al., Applied
Sciences 2024, section 3). Maps are channels-last.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.cbam2d import CONCAT_ORDERS, ORDERS, build_inside

SPATIAL_MODES = ("frame", "volume", "shared")


@keras.saving.register_keras_serializable(package="mer_tf")
class CBAM3D(keras.layers.Layer):
    """Channel attention, then spatial attention, on (frames, height, width, channels).

    With one frame and ``spatial_mode="frame"`` it is ``CBAM2D``.

    Args:
        reduction: int. The perceptron's hidden width is ``max(1, channels // reduction)``. Defaults to 16.
        mlp_bias: bool. Whether the two dense layers have biases. Defaults to True.
        activation: str. Activation between the two dense layers. Defaults to ``"relu"``.
        spatial_kernel: int, odd. Side of the spatial convolution. Defaults to 7.
        conv_bias: bool. Whether the spatial convolution has a bias. Defaults to False.
        batch_norm: bool. Whether batch normalisation follows the spatial convolution. Defaults to False.
        concat_order: ``"max_mean"`` or ``"mean_max"``: order of the two channel statistics.
        channel: bool. False leaves channel attention out. Defaults to True.
        spatial: bool. False leaves spatial attention out. Defaults to True.
        order: ``"channel_first"`` or ``"spatial_first"``. Defaults to ``"channel_first"``.
        keep_time: bool. True gives every frame its own channel mask (pooled over height and width); False one mask
            per clip (pooled over the frames too). Defaults to False.
        spatial_mode: ``"frame"``: each frame is masked by the 2D convolution of its own statistics; ``"volume"``: the
            kernel is ``k x k x k`` over time too; ``"shared"``: maximum and mean are taken over time as well, and all
            frames share one mask. Defaults to ``"frame"``.
        seed: int or None. Seed of the initial weights. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

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

    def __init__(
        self,
        reduction=16,
        mlp_bias=True,
        activation="relu",
        spatial_kernel=7,
        conv_bias=False,
        batch_norm=False,
        concat_order="max_mean",
        channel=True,
        spatial=True,
        order="channel_first",
        keep_time=False,
        spatial_mode="frame",
        seed=None,
        **kwargs,
    ):
        if reduction < 1:
            raise ValueError(f"`reduction` must be at least 1. Received: {reduction!r}")
        if spatial_kernel < 1 or spatial_kernel % 2 == 0:
            raise ValueError(f"`spatial_kernel` must be odd and positive. Received: {spatial_kernel!r}")
        for name, value, known in (
            ("concat_order", concat_order, CONCAT_ORDERS),
            ("order", order, ORDERS),
            ("spatial_mode", spatial_mode, SPATIAL_MODES),
        ):
            if value not in known:
                raise ValueError(f"`{name}` must be one of {known}. Received: {value!r}")
        if not (channel or spatial):
            raise ValueError("at least one of `channel` and `spatial` must be True. Received: both False")
        super().__init__(**kwargs)
        self.reduction = reduction
        self.mlp_bias = mlp_bias
        self.activation = activation
        self.spatial_kernel = spatial_kernel
        self.conv_bias = conv_bias
        self.batch_norm = batch_norm
        self.concat_order = concat_order
        self.channel = channel
        self.spatial = spatial
        self.order = order
        self.keep_time = keep_time
        self.spatial_mode = spatial_mode
        self.seed = seed

    def build(self, input_shape):
        if len(input_shape) != 5 or any(size is None for size in input_shape[1:]):
            raise ValueError(
                "`inputs` must be (batch, frames, height, width, channels) with sizes known but for the batch. "
                f"Received: {input_shape}"
            )
        channels = int(input_shape[-1])
        dtype = self.dtype_policy
        if self.channel:
            hidden = max(1, channels // self.reduction)
            self.squeeze = keras.layers.Dense(
                hidden,
                activation=self.activation,
                use_bias=self.mlp_bias,
                kernel_initializer=keras.initializers.HeNormal(seed=self._seed(0)),
                dtype=dtype,
                name="squeeze",
            )
            self.excite = keras.layers.Dense(
                channels,
                use_bias=self.mlp_bias,
                kernel_initializer=keras.initializers.GlorotUniform(seed=self._seed(1)),
                dtype=dtype,
                name="excite",
            )
            build_inside(self.squeeze, (None, channels))
            build_inside(self.excite, (None, hidden))
        if self.spatial:
            volume = self.spatial_mode == "volume"
            sizes = input_shape[1:4] if volume else input_shape[2:4]
            self.conv = (keras.layers.Conv3D if volume else keras.layers.Conv2D)(
                1,
                self.spatial_kernel,
                padding="same",
                use_bias=self.conv_bias,
                kernel_initializer=keras.initializers.GlorotUniform(seed=self._seed(2)),
                dtype=dtype,
                name="conv",
            )
            build_inside(self.conv, (None, *sizes, 2))
            if self.batch_norm:
                # The reference code passes momentum 0.01 in PyTorch's sense, 0.99 in Keras's.
                self.norm = keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-5, dtype=dtype, name="norm")
                build_inside(self.norm, (None, *sizes, 1))
        super().build(input_shape)

    def call(self, inputs, training=None):
        if self.order == "channel_first":
            return self._attend_places(self._attend_channels(inputs), training)
        return self._attend_channels(self._attend_places(inputs, training))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(
            reduction=self.reduction,
            mlp_bias=self.mlp_bias,
            activation=self.activation,
            spatial_kernel=self.spatial_kernel,
            conv_bias=self.conv_bias,
            batch_norm=self.batch_norm,
            concat_order=self.concat_order,
            channel=self.channel,
            spatial=self.spatial,
            order=self.order,
            keep_time=self.keep_time,
            spatial_mode=self.spatial_mode,
            seed=self.seed,
        )
        return config

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

    def _seed(self, part):
        return None if self.seed is None else self.seed + part
