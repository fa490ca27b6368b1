"""MMNet (Li et al., IJCAI 2022) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.channel_statistics import ChannelStatistics
from mer_tf.layers.configured import check_at_least, check_multiple
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D
from mer_tf.layers.position_embedding import PositionEmbedding
from mer_tf.layers.residual import conv_bn_relu, convolve
from mer_tf.layers.transformer_block import TransformerBlock
from mer_tf.systems.seeds import Seeds

# Of the four blocks: channels in units of the first, stride.
STAGES = ((1, 1), (1, 2), (2, 2), (4, 2))
DROP_PATH = (0.0, 0.15, 0.3)
HEADS = 4


@keras.saving.register_keras_serializable(package="mer_tf")
class MMNet(Network):
    """Motion branch on the difference of apex and onset, position branch on the small onset frame.

    The motion branch has two convolutions and four residual blocks with continuous attention: each block's spatial
    mask is multiplied by the one before it. The position branch is a transformer on 14x14 places; its features are
    added to the motion branch's last map. One dense layer closes the network.

    Args:
        num_classes: int >= 2. Defaults to 3.
        size: int, a multiple of 16. Side of both frames. Defaults to 224.
        width: int, a multiple of 4. Channels of the first block; the last has 4 times as many. Defaults to 128.
        stem: int >= 1. Maps of the first convolution. Defaults to 180.
        seed: int >= 0 or None. Decides weights and stochastic depth; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary of float tensors (batch, size, size, 3), RGB standardised as ImageNet: ``"onset"`` and
    ``"apex"``. Output: float32 probabilities (batch, num_classes).

    Parameters: 9,241,719 with three classes (moving statistics left out): first convolution 5,220, motion branch
    2,523,664, position branch 6,411,776, classifier 301,059.

    Assumption: the first convolution has one group; the 3-class script asks for two, which three channels do not allow.
    Assumption: the classifier has as many outputs as classes; both scripts build five. Layers that the scripts declare
    but never use (38-way head, time embedding, 1x1 position convolution, class token) are left out.
    Assumption: onset and apex are the annotated frames; the code's training moves both at random by a few frames.
    Assumption: the onset frame is made smaller bilinearly, without smoothing, as the code's framework does.
    """

    def __init__(self, num_classes=3, *, size=224, width=128, stem=180, seed=None, **kwargs):
        check_multiple(16, size=size)
        check_multiple(4, width=width)
        check_at_least(1, stem=stem)

        seeds = Seeds(seed)
        inputs = {name: keras.Input((size, size, 3), name=name) for name in ("onset", "apex")}
        x = keras.layers.Subtract(name="difference")([inputs["apex"], inputs["onset"]])
        x = conv_bn_relu(x, stem, 3, 2, seeds, "conv_act")  # 112x112x180
        x = conv_bn_relu(x, width, 3, 1, seeds, "conv1")  # 112x112x128
        mask = None
        for number, (factor, stride) in enumerate(STAGES, start=1):
            x, mask = _continuous_attention(x, mask, width * factor, stride, f"block{number}", seeds)
        x = keras.layers.Add(name="add_positions")([x, _positions(inputs["onset"], size // 16, 4 * width, seeds)])
        x = keras.layers.Flatten(name="flatten")(x)  # 100352
        outputs = probabilities(x, num_classes, seeds.uniform())
        kwargs.setdefault("name", "mmnet")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _continuous_attention(x, before, filters, stride, name, seeds):
    y = conv_bn_relu(x, filters, 3, stride, seeds, f"{name}_1")
    y = BatchNorm(name=f"{name}_2_bn")(convolve(y, filters, 1, 1, seeds, f"{name}_2_conv"))
    if stride > 1 or x.shape[-1] != filters:
        x = BatchNorm(name=f"{name}_down_bn")(convolve(x, filters, 1, stride, seeds, f"{name}_down_conv"))
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    y = keras.layers.ReLU(name=f"{name}_relu")(y)
    mask = ChannelStatistics(name=f"{name}_statistics")(y)
    mask = BatchNorm(name=f"{name}_mask_bn")(convolve(mask, 1, 1, 1, seeds, f"{name}_mask_conv"))
    mask = keras.layers.Activation("sigmoid", name=f"{name}_mask")(mask)
    if before is not None:
        before = PaddedMaxPool2D(3, 2, padding=1, name=f"{name}_before_pool")(before)
        mask = keras.layers.Multiply(name=f"{name}_continued")([mask, before])
    return keras.layers.Multiply(name=f"{name}_attend")([y, mask]), mask


def _positions(onset, side, width, seeds):
    x = keras.layers.Resizing(side, side, interpolation="bilinear", name="onset_small")(onset)  # 14x14x3
    x = keras.layers.Conv2D(width, 1, kernel_initializer=seeds.uniform(), name="embed")(x)
    x = keras.layers.Reshape((side * side, width), name="places")(x)
    x = PositionEmbedding(seed=seeds.next(), name="position")(x)
    for number, rate in enumerate(DROP_PATH, start=1):
        x = TransformerBlock(
            heads=HEADS, hidden=2 * width, drop_path=rate, seed=seeds.next(), name=f"transformer{number}"
        )(x)
    x = keras.layers.LayerNormalization(epsilon=1e-6, name="position_norm")(x)
    return keras.layers.Reshape((side, side, width), name="position_map")(x)
