from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.elrcn.elrcn_se import ELRCNSE
from mer_tf.systems.elrcn.elrcn_te import ELRCNTE
from mer_tf.systems.elrcn.vgg16 import parameters

# VGG-16 without its first convolution: 64->64, 64->128, 128->128, 128->256, 2 of 256->256, 256->512, 5 of 512->512,
# each 9 * in * out + out: 36 928 + 73 856 + 147 584 + 295 168 + 2 * 590 080 + 1 180 160 + 5 * 2 359 808 = 14 712 896
# fc6 25 088 * 4096 + 4096 = 102 764 544; fc7 4096 * 4096 + 4096 = 16 781 312
REST = 14_712_896 + 102_764_544 + 16_781_312


def vgg(channels):
    return 9 * channels * 64 + 64 + REST


def head(width, classes, lstm=3000):
    return 4 * lstm * (width + lstm + 1) + (lstm + 1) * 128 + (128 + 1) * classes


def test_parts_as_published():
    assert [vgg(channels) for channels in (3, 4, 5)] == [134_260_544, 134_261_120, 134_261_696]
    assert [head(width, 5) for width in (4096, 8192, 12_288)] == [85_548_773, 134_700_773, 183_852_773]


class ELRCNCase(ModelCase):
    low, high = 0.0, 1.0
    overfit_rate = 3e-3
    streams: tuple

    @pytest.mark.parametrize(
        "sizes",
        [
            {"size": 32, "filters": 1, "dense_units": 8, "lstm_units": 4},
            {"size": 64, "filters": 2, "dense_units": 5, "lstm_units": 7},
        ],
    )
    def test_formula_counts_what_is_built(self, sizes):
        built = self.build(**sizes)
        assert trainable_weights(built) == parameters(self.streams, 3, **sizes)
        assert parameters(self.streams, 3) == self.golden

    def test_small_lstm(self):
        small = without_weights(lambda: self.build_class(self.name)(lstm_units=512))
        width = 4096 * len(self.streams)
        assert self.golden - trainable_weights(small) == head(width, 3) - head(width, 3, lstm=512)

    def test_order_of_the_frames_matters(self, model):
        batch = self.batch()
        backwards = {name: value[:, ::-1] for name, value in batch.items()}
        assert np.abs(np.asarray(model(batch)) - np.asarray(model(backwards))).max() > 1e-7

    def test_stages_share_layers_by_name_and_train_their_own(self):
        spatial, temporal = (self.build(stage=stage, seed=0) for stage in ("spatial", "temporal"))
        convolutions = [layer.name for layer in spatial.layers if "conv" in layer.name]
        assert len(convolutions) == 13 * len(self.streams)
        assert {tuple(spatial.get_layer(name).kernel.shape) for name in convolutions} == {
            tuple(temporal.get_layer(name).kernel.shape) for name in convolutions
        }
        assert not any(layer.name == "lstm" for layer in spatial.layers)
        options = {key: value for key, value in self.small_options.items() if key != "frames"}
        width = 16 * len(self.streams)
        vggs = parameters(self.streams, 3, **options) - head(width, 3, lstm=8)
        assert trainable_weights(spatial) == vggs + (width + 1) * 3
        assert trainable_weights(temporal) == head(width, 3, lstm=8)
        np.testing.assert_allclose(np.asarray(spatial(self.batch())).sum(1), 1, rtol=1e-5)

    def test_frozen_convolutions_stay(self):
        frozen = self.build(freeze_convolutions=True, seed=0)
        free = self.build(seed=0)
        convolutions = sum(layer.count_params() for layer in free.layers if "conv" in layer.name)
        assert trainable_weights(free) - trainable_weights(frozen) == convolutions > 0

    def test_sigmoid_option_is_not_a_distribution(self):
        out = np.asarray(self.build(sigmoid=True, seed=0)(self.batch()))
        assert ((out > 0) & (out < 1)).all() and np.abs(out.sum(1) - 1).min() > 0.05


class TestELRCNSE(ELRCNCase):
    name = "elrcn_se"
    golden = vgg(4) + head(4096, 3)
    inputs: ClassVar = {"flow_strain": (9, 224, 224, 4)}
    streams = (4,)

    def test_channels_with_the_gray_frame(self):
        assert trainable_weights(without_weights(lambda: ELRCNSE(channels=5))) == vgg(5) + head(4096, 3)


class TestELRCNTE(ELRCNCase):
    name = "elrcn_te"
    golden = 2 * vgg(3) + head(8192, 3)
    inputs: ClassVar = {"flow": (9, 224, 224, 3), "strain": (9, 224, 224, 3)}
    streams = (3, 3)
    # At 1e-3 one run in eight stays where it started: two plain VGG-16 side by side, without normalisation.
    overfit_rate = 3e-4
    overfit_steps = 150

    def test_three_streams_exceed_half_a_billion(self):
        assert trainable_weights(without_weights(lambda: ELRCNTE(5, streams=3))) == 586_634_405
        assert 3 * vgg(3) + head(12_288, 5) == parameters((3, 3, 3), 5) == 586_634_405


@pytest.mark.parametrize(
    ("builder", "options"),
    [
        (ELRCNSE, {"channels": 3}),
        (ELRCNTE, {"streams": 1}),
        (ELRCNSE, {"stage": "both"}),
        (ELRCNSE, {"size": 100}),
        (ELRCNSE, {"frames": 0}),
        (ELRCNTE, {"lstm_units": 0}),
        (ELRCNTE, {"dropout": 1.0}),
    ],
)
def test_bad_arguments(builder, options):
    with pytest.raises(ValueError, match="Received"):
        builder(**options)
