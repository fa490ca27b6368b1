"""CBAMNet (Chen et al., Information 2020, 11(8) 380, sections 3.2 to 3.4) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.cbam3d import CBAM3D
from mer_tf.layers.configured import check_one_of
from mer_tf.systems.cbamnet.basic_network import BasicNetwork


@keras.saving.register_keras_serializable(package="mer_tf")
class CBAMNet(BasicNetwork):
    """``BasicNetwork`` with convolutional block attention between the last pooling and the head.

    Args:
        num_classes: int >= 2. Defaults to 3.
        cbam: ``"2d"`` (spatial attention frame by frame) or ``"3d"`` (kernel over time too). Defaults to ``"2d"``.
        reduction: int >= 1 of the channel attention. Defaults to 16.
        spatial_kernel: int, odd. Side of the spatial attention's kernel. Defaults to 7.
        order: ``"channel_first"`` or ``"spatial_first"``. Defaults to ``"channel_first"``.
        **kwargs: Options of ``BasicNetwork``, and arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"frames"``, float (batch, frames, size, size, channels), each clip standardised to zero
    mean and unit variance. Output: float32 probabilities (batch, num_classes).

    Parameters: 338,985 with three classes (moving statistics left out): ``BasicNetwork`` and 678 of the attention.

    Source: attention equations of section 3.2, after Woo et al., ECCV 2018.

    Assumption: attention is 2D, as its equations and 7x7 kernel; one frame is left where it stands. A 7x7x7 kernel
    adds 588 weights that meet zeros only.
    Assumption: reduction 16 and biases in the perceptron, none in the convolution: CBAM's own defaults.
    """

    def __init__(self, num_classes=3, *, cbam="2d", reduction=16, spatial_kernel=7, order="channel_first", **kwargs):
        check_one_of(("2d", "3d"), cbam=cbam)

        def attend(x, seeds):
            return CBAM3D(
                reduction=reduction,
                spatial_kernel=spatial_kernel,
                concat_order="mean_max",
                order=order,
                spatial_mode="frame" if cbam == "2d" else "volume",
                seed=seeds.next(),
                name="cbam",
            )(x)

        kwargs.setdefault("name", "cbamnet")
        super().__init__(num_classes, _attend=attend, **kwargs)
