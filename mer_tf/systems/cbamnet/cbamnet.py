"""CBAMNet (Chen et al., Information 2020, 11(8) 380, sections 3.2 to 3.4) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.cbam3d import CBAM3D
from mer_tf.layers.network import Network
from mer_tf.systems.cbamnet.blocks import check, classify, convolutional_blocks
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class CBAMNet(Network):
    """``BasicNetwork`` with convolutional block attention between the last pooling and the head.

    Args:
        num_classes: int >= 2. Defaults to 3.
        cbam: ``"2d"`` (spatial attention frame by frame) or ``"3d"`` (kernel over time too). Defaults to ``"2d"``.
        reduction: int >= 1 of the channel attention. Defaults to 16.
        spatial_kernel: int, odd. Side of the spatial attention's kernel. Defaults to 7.
        order: ``"channel_first"`` or ``"spatial_first"``. Defaults to ``"channel_first"``.
        head: ``"flatten"`` or ``"gap"`` (global average pooling). Defaults to ``"flatten"``.
        pooling: ``"table"``: pool1 and pool4 keep the size, the others halve it; ``"halving"``: every pooling
            halves, with "same" padding. Defaults to ``"table"``.
        channels: 3 (RGB) or 1 (gray). Defaults to 3.
        frames: int >= 16. Defaults to 16.
        size: int >= 16. Side of the frames. Defaults to 64.
        width: int. Filters of conv1 to conv3, half of those of conv4 to conv6. Defaults to 32.
        dropout: float in [0, 1) or None: 0.5 at the head, 0.25 after each ReLU.
        dropout_place: ``"head"`` (before the classifier) or ``"relu"`` (after every ReLU). Defaults to ``"head"``.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"frames"``, float (batch, frames, size, size, channels), each clip standardised to zero
    mean and unit variance. Output: float32 probabilities (batch, num_classes).

    Parameters: 338,985 with three classes (moving statistics left out): ``BasicNetwork`` and 678 of the attention.

    Source: attention equations of section 3.3, after Woo et al., ECCV 2018.

    Assumption: attention is 2D, as its equations and 7x7 kernel; one frame is left where it stands. A 7x7x7 kernel
    adds 588 weights that meet zeros only.
    Assumption: reduction 16 and biases in the perceptron, none in the convolution: CBAM's own defaults.
    Assumption: pool1 and pool4 have stride 1 and "same" padding, the only reading that gives every size of Table 1;
    the text has one setting for all (``pooling="halving"``).
    Assumption: three channels (section 4.1); Table 1 lists none.
    Assumption: flatten, dropout 0.5 and one dense layer as head, Glorot-uniform initialisation: the paper is silent.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        cbam="2d",
        reduction=16,
        spatial_kernel=7,
        order="channel_first",
        head="flatten",
        pooling="table",
        channels=3,
        frames=16,
        size=64,
        width=32,
        dropout=None,
        dropout_place="head",
        seed=None,
        **kwargs,
    ):
        if cbam not in ("2d", "3d"):
            raise ValueError(f"`cbam` must be one of ('2d', '3d'). Received: {cbam!r}")
        dropout = check(num_classes, head, pooling, channels, frames, size, width, dropout, dropout_place)

        seeds = Seeds(seed)
        inputs = {"frames": keras.Input((frames, size, size, channels), name="frames")}
        x = convolutional_blocks(
            inputs["frames"],
            6,
            pooling=pooling,
            width=width,
            dropout=dropout,
            dropout_place=dropout_place,
            seeds=seeds,
        )
        x = CBAM3D(
            reduction=reduction,
            spatial_kernel=spatial_kernel,
            concat_order="mean_max",
            order=order,
            spatial_mode="frame" if cbam == "2d" else "volume",
            seed=seeds.next(),
            name="cbam",
        )(x)  # 1x4x4x64
        outputs = classify(x, num_classes, head=head, dropout=dropout, dropout_place=dropout_place, seeds=seeds)
        kwargs.setdefault("name", "cbamnet")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
