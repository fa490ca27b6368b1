"""ELRCN with spatial enrichment (Khor et al., FG 2018) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_one_of
from mer_tf.systems.elrcn.elrcn import ELRCN

CHANNELS = (4, 5, 7)


@keras.saving.register_keras_serializable(package="mer_tf")
class ELRCNSE(ELRCN):
    """One VGG-16 on frames with flow and strain stacked as channels, then an LSTM over the frames.

    Args:
        num_classes: int >= 2. Defaults to 3.
        channels: 4 (flow image and strain), 5 (and the gray frame) or 7 (an older script). Defaults to 4.
        **kwargs: Options of ``ELRCN``, and arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"flow_strain"``, float (batch, frames, size, size, channels) in 0..1. Output: float32
    probabilities (batch, num_classes).

    Parameters: 219,809,635 with three classes: VGG-16 134,261,120, LSTM and classes 85,548,515.

    Source: Khor et al., FG 2018 (arXiv 1805.08417), and its published code.
    Assumption: four channels (code has 4, 5 and 7; which one the Micro-Attention paper compares with is not stated).
    Assumption: all layers are trained; the published script freezes convolutions that hold random weights.
    """

    def __init__(self, num_classes=3, *, channels=4, **kwargs):
        check_one_of(CHANNELS, channels=channels)
        kwargs.setdefault("name", "elrcn_se")
        super().__init__(num_classes, _streams={"flow_strain": channels}, **kwargs)
