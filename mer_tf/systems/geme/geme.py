"""GEME (Nie et al., Neurocomputing 2021) as a Keras model; approximate, the paper's text was not found."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least
from mer_tf.layers.masked_cross_entropy import MaskedCrossEntropy
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.residual import RESNET18_STAGES, resnet_stage, resnet_stem
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class GEME(Network):
    """Two ResNet-18 on one dynamic image; what the gender stream finds is added to the expression stream.

    The gender head is part of the model: ``gender_model`` gives its probabilities. Where genders are known, the
    option ``gender_input`` makes them an input and their cross-entropy a loss of the model. Without it every gender
    counts as unknown and the head is not trained.

    Args:
        num_classes: int >= 2. Defaults to 3.
        gender_loss: float >= 0. Weight of the gender's cross-entropy. Defaults to 0.5.
        gender_input: bool. Whether the model takes ``"gender"`` too. Defaults to False.
        fuse: bool. Whether the gender stream is added to the expression stream after each of its four stages.
            Defaults to True.
        size: int >= 32. Side of the image. Defaults to 224.
        width: int. Filters of the stems; the stages have 1, 2, 4 and 8 times as many. Defaults to 64.
        seed: int >= 0 or None. Decides the weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"dynamic"``, float (batch, size, size, 3) with ImageNet's means and deviations, and with
    ``gender_input`` also ``"gender"``, float (batch, 1): 0 or 1, negative where unknown. Output: float32
    probabilities (batch, num_classes).

    Parameters: 22,355,589 with three classes (moving statistics left out), 22,356,615 with five: two backbones of
    11,176,512, 1,026 of the gender head, 513 for each class.

    Assumption: everything but the two tasks, the two streams and the dynamic image: neither code nor full text was
    found. Comparisons with published rows of GEME are indicative.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        gender_loss=0.5,
        gender_input=False,
        fuse=True,
        size=224,
        width=64,
        seed=None,
        **kwargs,
    ):
        check_at_least(0, gender_loss=gender_loss)
        check_at_least(32, size=size)
        check_at_least(1, width=width)

        seeds = Seeds(seed)
        inputs = {"dynamic": keras.Input((size, size, 3), name="dynamic")}
        expression = resnet_stem(inputs["dynamic"], width, seeds, prefix="expression_")
        gender = resnet_stem(inputs["dynamic"], width, seeds, prefix="gender_")
        for number, (factor, stride) in enumerate(RESNET18_STAGES, start=1):
            stage = (width * factor, 2, stride, seeds)
            expression = resnet_stage(expression, *stage, f"expression_layer{number}")
            gender = resnet_stage(gender, *stage, f"gender_layer{number}")
            if fuse:
                expression = keras.layers.Add(name=f"fuse{number}")([expression, gender])
        heads = [_head(gender, 2, "gender_probabilities", seeds), _head(expression, num_classes, "expression", seeds)]
        joined = [heads[1], heads[0]]
        if gender_input:
            inputs["gender"] = keras.Input((1,), name="gender")
            joined.append(inputs["gender"])
        # The gender head hangs on the output through its loss only.
        outputs = MaskedCrossEntropy(gender_loss, dtype="float32", name="probabilities")(joined)
        kwargs.setdefault("name", "geme")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

    def gender_model(self) -> keras.Model:
        """Model of the same weights from ``{"dynamic": ...}`` to the gender's probabilities (batch, 2)."""
        dynamic = next(tensor for tensor in self.inputs if tensor.name.split(":")[0] == "dynamic")
        return keras.Model({"dynamic": dynamic}, self.get_layer("gender_probabilities").output, name="gender_model")


def _head(x, classes, name, seeds):
    x = keras.layers.GlobalAveragePooling2D(name=f"{name}_gap")(x)
    return probabilities(x, classes, seeds.glorot(), name)
