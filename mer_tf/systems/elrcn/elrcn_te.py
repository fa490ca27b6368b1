"""ELRCN with temporal enrichment (Khor et al., FG 2018) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_one_of
from mer_tf.systems.elrcn.elrcn import ELRCN

STREAMS = {2: ("flow", "strain"), 3: ("flow", "strain", "gray")}


@keras.saving.register_keras_serializable(package="mer_tf")
class ELRCNTE(ELRCN):
    """One VGG-16 per modality on every frame, then an LSTM over the joined features.

    Args:
        num_classes: int >= 2. Defaults to 3.
        streams: 2 (flow and strain) or 3 (and gray frames). Defaults to 2.
        **kwargs: Options of ``ELRCN``, and arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"flow"``, ``"strain"`` and, with three streams, ``"gray"``, each float (batch, frames,
    size, size, 3) in 0..1; one-channel maps are given three times. Output: float32 probabilities (batch,
    num_classes).

    Parameters: 403,221,603 with three classes and two streams: two VGG-16 of 134,260,544, LSTM and classes
    134,700,515. With three streams 586,634,147: more than 2 GB.

    Source: Khor et al., FG 2018 (arXiv 1805.08417), and its published code.
    Assumption: all layers are trained unless ``freeze_convolutions`` is set; the published script freezes them, but on
    weights of VGG-Face, which this package does not have.
    """

    def __init__(self, num_classes=3, *, streams=2, **kwargs):
        check_one_of(STREAMS, streams=streams)
        kwargs.setdefault("name", "elrcn_te")
        super().__init__(num_classes, _streams=dict.fromkeys(STREAMS[streams], 3), **kwargs)
