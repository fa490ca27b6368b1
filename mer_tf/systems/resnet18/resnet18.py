"""ResNet-18 (He et al., CVPR 2016, table 1) for flow maps, as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.configured import check_at_least
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.residual import RESNET18_STAGES, resnet_stage, resnet_stem
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class ResNet18(Network):
    """The row "ResNet18" of the Dual-ATME paper's Table 3: the standard network with a new classifier.

    Args:
        num_classes: int >= 2. Defaults to 3.
        size: int >= 28. Side of the input map; 28 is that of the other methods in Dual-ATME 2023. Defaults to 224.
        cbam: bool. CBAM (reduction 16, spatial kernel 3, biases) before the global pooling, as in the public code's
            ``res_model_att.py``. Defaults to False.
        width: int >= 1. Channels of the first stage; the others have 2, 4 and 8 times as many. Defaults to 64.
        seed: int >= 0 or None. Decides the weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float tensor (batch, size, size, 3), channels (u, v, strain) in -1..1. Output:
    float32 probabilities (batch, num_classes).

    Parameters: 11,178,051 with three classes (moving statistics left out).

    Assumption: maps are enlarged to 224x224; the size is not stated, and at 28x28 the last map is a single pixel.
    """

    def __init__(self, num_classes=3, *, size=224, cbam=False, width=64, seed=None, **kwargs):
        check_at_least(28, size=size)
        check_at_least(1, width=width)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        x = resnet_stem(inputs["face"], width, seeds)  # 56x56x64
        for number, (factor, stride) in enumerate(RESNET18_STAGES, start=1):
            x = resnet_stage(x, width * factor, 2, stride, seeds, f"layer{number}")  # 7x7x512 in the end
        if cbam:
            x = CBAM2D(spatial_kernel=3, conv_bias=True, concat_order="mean_max", seed=seeds.next(), name="cbam")(x)
        x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
        start = seeds.uniform()
        outputs = probabilities(x, num_classes, start)
        kwargs.setdefault("name", "resnet18")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
