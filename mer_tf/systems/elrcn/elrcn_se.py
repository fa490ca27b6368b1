"""ELRCN with spatial enrichment (Khor et al., FG 2018) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.network import Network
from mer_tf.systems.elrcn.vgg16 import check_options, elrcn_head, vgg16_features
from mer_tf.systems.seeds import Seeds

CHANNELS = (4, 5, 7)


@keras.saving.register_keras_serializable(package="mer_tf")
class ELRCNSE(Network):
    """One VGG-16 on frames with flow and strain stacked as channels, then an LSTM over the frames.

    Args:
        num_classes: int >= 2. Defaults to 3.
        channels: 4 (flow image and strain), 5 (and the gray frame) or 7 (an older script). Defaults to 4.
        frames: int. Frames of flow of a clip. Defaults to 9 (between 10 interpolated frames).
        size: int, a multiple of 32. Side of the frames. Defaults to 224.
        filters: int. Channels of VGG-16's first block; smaller ones make the network small for tests. Defaults to 64.
        dense_units: int. Width of VGG-16's dense layers. Defaults to 4096.
        lstm_units: int. Width of the LSTM; 512 saves memory. Defaults to 3000.
        sigmoid: bool. Whether the classes leave through a sigmoid, as in the published code. Defaults to False.
        stage: ``"joint"`` trains everything at once; ``"spatial"`` is the first stage as published, VGG-16 with a
            classifier on every frame; ``"temporal"`` the second, the LSTM on features that stay as they are. Layers
            keep their names, so weights move from stage to stage by name. Defaults to ``"joint"``.
        freeze_convolutions: bool. Whether the convolutions stay as they are, which makes sense with weights trained
            elsewhere. Defaults to False.
        dropout: float in 0..1, after VGG-16's dense layers. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"flow_strain"``, float (batch, frames, size, size, channels) in 0..1. Output: float32
    probabilities (batch, num_classes).

    Parameters: 219,809,635 with three classes: VGG-16 134,261,120, LSTM and classes 85,548,515.

    Source: Khor et al., FG 2018 (arXiv 1805.08417), and its published code.
    Assumption: four channels (code has 4, 5 and 7; which one seed 002 compares with is not stated).
    Assumption: all layers are trained; the published script freezes convolutions that hold random weights.
    Assumption: VGG-16 starts with He's initialisation; with the code's framework default fifteen layers of ReLU leave
    next to nothing of the differences between two clips.
    Assumption: softmax; the published code trains sigmoids with categorical cross-entropy.
    Assumption: the spatial stage's clip output is the mean of the frames' probabilities; the code trains every frame
    as a sample of its own.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        channels=4,
        frames=9,
        size=224,
        filters=64,
        dense_units=4096,
        lstm_units=3000,
        sigmoid=False,
        stage="joint",
        freeze_convolutions=False,
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        check_options(num_classes, frames, size, filters, dense_units, lstm_units, stage, dropout)
        if channels not in CHANNELS:
            raise ValueError(f"`channels` must be one of {CHANNELS}. Received: {channels!r}")

        seeds = Seeds(seed)
        training = {
            "train_convolutions": not freeze_convolutions and stage != "temporal",
            "train_dense": stage != "temporal",
        }
        inputs = {"flow_strain": keras.Input((frames, size, size, channels), name="flow_strain")}
        x = vgg16_features(inputs["flow_strain"], filters, dense_units, dropout, seeds, **training)
        outputs = elrcn_head(x, num_classes, frames, lstm_units, sigmoid, stage, seeds)
        kwargs.setdefault("name", "elrcn_se")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
