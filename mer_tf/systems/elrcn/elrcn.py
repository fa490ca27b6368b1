"""What both ELRCN networks (Khor et al., FG 2018) are: VGG-16 on every frame, then an LSTM, as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_multiple, check_one_of
from mer_tf.layers.network import Network
from mer_tf.systems.elrcn.vgg16 import elrcn_head, vgg16_features
from mer_tf.systems.seeds import Seeds

STAGES = ("joint", "spatial", "temporal")


class ELRCN(Network):
    """One VGG-16 per input on every frame of a clip, then an LSTM over the frames.

    Args:
        num_classes: int >= 2. Defaults to 3.
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

    Source: Khor et al., FG 2018 (arXiv 1805.08417), and its published code.
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
        _streams: dict[str, int],
        **kwargs,
    ):
        check_multiple(32, size=size)
        check_at_least(1, frames=frames, filters=filters, dense_units=dense_units, lstm_units=lstm_units)
        check_one_of(STAGES, stage=stage)

        seeds = Seeds(seed)
        training = {
            "train_convolutions": not freeze_convolutions and stage != "temporal",
            "train_dense": stage != "temporal",
        }
        inputs = {name: keras.Input((frames, size, size, count), name=name) for name, count in _streams.items()}
        features = [
            # Of a single VGG-16 the layers are called as Keras calls them.
            vgg16_features(
                clip, filters, dense_units, dropout, seeds, f"{name}_" if len(inputs) > 1 else "", **training
            )
            for name, clip in inputs.items()
        ]
        x = keras.layers.Concatenate(name="join")(features) if len(features) > 1 else features[0]
        outputs = elrcn_head(x, num_classes, frames, lstm_units, sigmoid, stage, seeds)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
