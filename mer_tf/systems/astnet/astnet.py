"""ASTNet (Ren, Lu et al., Applied Sciences 2024, 14(17) 7755, section 3, Table 1) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.cbam3d import CBAM3D
from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.fold_time import FoldTime
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.residual import RESNET18_STAGES, resnet_stage, resnet_stem
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.layers.unfold_time import UnfoldTime
from mer_tf.systems.seeds import Seeds

ATTENTION = ("cbam", "spatial", "channel", "none")


@keras.saving.register_keras_serializable(package="mer_tf")
class ASTNet(Network):
    """ResNet-18 on each flow picture, attention, and a convolutional LSTM over the pictures.

    The five layers of the residual network are those of Table 1: ``stem_*`` and ``layer1_*`` to ``layer4_*``; with
    three channels they take ImageNet weights of ResNet-18 (``mer loso --initial-weights FILE.npz``).

    Args:
        num_classes: int >= 2. Defaults to 3.
        attention: ``"cbam"``, ``"spatial"``, ``"channel"`` or ``"none"`` (Table 6). Defaults to ``"cbam"``.
        position: int in 1..5. Layer of the residual network that attention follows (Table 8). Defaults to 5.
        keep_time: bool. Channel attention sees each picture alone; False gives one mask per clip. Defaults to True.
        filters: int. Width of the ConvLSTM. Defaults to 128.
        channels: 3 (colour wheel picture) or 2 (u and v themselves). Defaults to 3.
        frames: int >= 1. Number of flow fields. Defaults to 10.
        size: int >= 32. Side of the pictures. Defaults to 224.
        width: int. Filters of the stem; the stages have 1, 2, 4 and 8 times as many. Defaults to 64.
        reduction: int >= 1 of the channel attention. Defaults to 16.
        spatial_kernel: int, odd. Side of the spatial attention's kernel. Defaults to 7.
        order: ``"channel_first"`` or ``"spatial_first"``: which part of CBAM sees the maps first. Defaults to
            ``"channel_first"``, which section 3.2 prefers.
        dropout: float in [0, 1), before the ConvLSTM. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"flow"``, float (batch, frames, size, size, channels), with ImageNet's means and
    deviations. Output: float32 probabilities (batch, num_classes).

    Parameters: 14,159,941 with three classes (moving statistics left out); 14,160,199 with five;
    12,537,607 and 18,290,119 (five) with 64 and 256 filters.

    Source: section 3.2: (1) residual network, Table 1; (2) attention; (3) equations 6 to 11, ConvLSTM (no peepholes).

    Assumption: 128 filters of 3x3 in the ConvLSTM: the paper is silent; 512 would cost more than the backbone.
    Assumption: attention works picture by picture, reduction 16, perceptron with biases, 7x7 without: CBAM's own.
    Assumption: the last hidden state H_t of the ConvLSTM goes to the classifier, as usual; section 3.2 says that the
    cell state C_t is the result of a time step and H_t the input of the next.
    Assumption: new weights unless initial ones are named; the paper starts from ImageNet and trains on CK+ before.
    Assumption: landmarks are dlib's 68 points; section 4.1 finds them with an active shape model (ASM).
    Assumption: the preset's cross-entropy, cosine schedule, and rotation by up to 10 degrees and crops of at least 0.9
    of the side in the twenty versions of a clip: the paper names none of them. Its rate is that of section 4.4, 1e-4;
    Table 4 has 1e-5.
    Assumption: flow is drawn as colour pictures (Figure 5), although section 3.1 says features are not RGB.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        attention="cbam",
        position=5,
        keep_time=True,
        filters=128,
        channels=3,
        frames=10,
        size=224,
        width=64,
        reduction=16,
        spatial_kernel=7,
        order="channel_first",
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        check_one_of(ATTENTION, attention=attention)
        check_one_of((1, 2, 3, 4, 5), position=position)
        check_one_of((2, 3), channels=channels)
        check_at_least(1, filters=filters, frames=frames, width=width)
        check_at_least(32, size=size)

        seeds = Seeds(seed)

        def attend(x, layer):
            if attention == "none" or layer != position:
                return x
            options = {
                "reduction": reduction,
                "spatial_kernel": spatial_kernel,
                "concat_order": "mean_max",
                "order": order,
                "channel": attention in ("cbam", "channel"),
                "spatial": attention in ("cbam", "spatial"),
                "seed": seeds.next(),
                "name": "attention",
            }
            if keep_time:
                return CBAM2D(**options)(x)
            x = UnfoldTime(frames, name="attention_unfold")(x)
            return FoldTime(name="attention_fold")(CBAM3D(**options)(x))

        inputs = {"flow": keras.Input((frames, size, size, channels), name="flow")}
        x = FoldTime(name="fold")(inputs["flow"])
        x = attend(resnet_stem(x, width, seeds), 1)  # 56x56x64
        for number, (factor, stride) in enumerate(RESNET18_STAGES, start=1):  # 56x56x64 to 7x7x512
            x = resnet_stage(x, width * factor, 2, stride, seeds, f"layer{number}")
            x = attend(x, number + 1)
        x = SeededDropout(dropout, seed=seeds.next(), name="dropout")(x)
        x = UnfoldTime(frames, name="unfold")(x)
        x = keras.layers.ConvLSTM2D(
            filters,
            3,
            padding="same",
            activation="tanh",
            recurrent_activation="sigmoid",
            kernel_initializer=seeds.glorot(),
            recurrent_initializer=keras.initializers.Orthogonal(seed=seeds.next()),
            name="convlstm",
        )(x)  # last state, 7x7x128
        x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
        outputs = probabilities(x, num_classes, seeds.glorot())
        kwargs.setdefault("name", "astnet")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
