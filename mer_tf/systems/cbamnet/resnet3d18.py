"""ResNet3D-18, as Chen et al. (Information 2020, 11(8) 380, section 4.3) compare with, as a Keras model."""

from __future__ import annotations

import functools

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.configured import check_at_least, check_odd, check_one_of
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.residual import RESNET18_STAGES, resnet_stage, resnet_stem
from mer_tf.systems.cbamnet.basic_network import EPSILON
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class ResNet3D18(Network):
    """ResNet-18 with kernels over time on a magnified clip.

    Args:
        num_classes: int >= 2. Defaults to 3.
        stem_frames: int, odd. Depth in time of the first kernel (7 pixels wide): 7 or 3. Defaults to 7.
        pool: Window of the pooling after the stem: 2, as the paper says, or 3 (padded by 1), as ResNet-18 has it.
            Defaults to 2.
        channels: 3 (RGB) or 1 (gray). Defaults to 3.
        frames: int >= 2. Defaults to 16.
        size: int >= 16. Side of the frames. Defaults to 64.
        width: int. Filters of the stem; the stages have 1, 2, 4 and 8 times as many. Defaults to 64.
        momentum: float in [0, 1). Momentum of batch normalisation's moving statistics. Defaults to 0.99.
        seed: int >= 0 or None. Decides the weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"frames"``, float (batch, frames, size, size, channels), each clip standardised to zero
    mean and unit variance. Output: float32 probabilities (batch, num_classes).

    Parameters: 33,205,443 with three classes (moving statistics left out); 33,167,811 with ``stem_frames=3``.

    Source: He et al., CVPR 2016, table 1, every kernel with a third side; shortcuts of type B.

    Assumption: the stem's stride is 1 in time and 2 in space, the pooling and stages 2 to 4 halve all three: the
    usual 3D form; the paper says only that 3x3 becomes 3x3x3 and 2x2 becomes 2x2x2.
    Assumption: batch normalisation has momentum 0.99 and epsilon 1e-3, the defaults of TensorFlow, which the paper
    used (section 3.4); it prints neither.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        stem_frames=7,
        pool=2,
        channels=3,
        frames=16,
        size=64,
        width=64,
        momentum=0.99,
        seed=None,
        **kwargs,
    ):
        check_odd(stem_frames=stem_frames)
        check_one_of((2, 3), pool=pool)
        check_one_of((1, 3), channels=channels)
        check_at_least(2, frames=frames)
        check_at_least(16, size=size)
        check_at_least(1, width=width)

        seeds, norm = Seeds(seed), functools.partial(BatchNorm, momentum, EPSILON)
        inputs = {"frames": keras.Input((frames, size, size, channels), name="frames")}
        x = resnet_stem(
            inputs["frames"], width, seeds, kernel=(stem_frames, 7, 7), strides=(1, 2, 2), pool=pool, norm=norm
        )
        for number, (factor, stride) in enumerate(RESNET18_STAGES, start=1):  # 8x16x16x64 to 1x2x2x512
            x = resnet_stage(x, width * factor, 2, stride, seeds, f"layer{number}", norm)
        x = keras.layers.GlobalAveragePooling3D(name="gap")(x)
        outputs = probabilities(x, num_classes, seeds.glorot())
        kwargs.setdefault("name", "resnet3d_18")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
