from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.micro_attention.complex_attention import ComplexAttention
from mer_tf.systems.micro_attention.micro_attention import MicroAttention
from mer_tf.systems.micro_attention.residual_network import ResidualNetwork
from mer_tf.systems.registry import get_model_card

# Convolutions of a block have no bias. BN counts gamma and beta.
#   data BN 2; conv1 7*7*64 + 64 + BN 128 = 3 328
#   block64:  2 * 9*64*64 + BN 128 = 73 856
#   block128: BN 128 + 9*64*128 + BN 256 + 9*128*128 + 64*128 = 229 760
#   block256: BN 256 + 9*128*256 + BN 512 + 9*256*256 + 128*256 = 918 272
#   block512: BN 512 + 9*256*512 + BN 1024 + 9*512*512 + 256*512 = 3 671 552
#   tail BN 1 024
TRUNK = 2 + 3_328 + 73_856 + 229_760 + 918_272 + 3_671_552 + 1_024
SQUARES = 64**2 + 128**2 + 256**2 + 512**2  # 348 160


class ResidualCase(ModelCase):
    inputs: ClassVar = {"apex": (224, 224, 1)}
    low, high = 0.0, 255.0
    overfit_rate = 1e-2

    def test_maps_shrink_as_published(self, full):
        assert full.get_layer("conv1").output.shape[1:] == (112, 112, 64)
        assert full.get_layer("pool").output.shape[1:] == (56, 56, 64)
        assert full.get_layer("tail_relu").output.shape[1:] == (7, 7, 512)

    def test_colour_option_adds_two_planes_to_the_first_convolution(self):
        builder = self.build_class(self.name)
        gray, colour = (without_weights(lambda c=channels: builder(channels=c)) for channels in (1, 3))
        # Two more planes of 7*7*64 and two more scales and offsets of the data: 6 272 + 4.
        assert trainable_weights(colour) - trainable_weights(gray) == 6_276

    def test_published_presets(self):
        presets = get_model_card(self.name).presets
        assert presets["paper"] == presets["loso"]
        found = {
            name: tuple(presets[name][key] for key in ("batch_size", "learning_rate", "weight_decay", "step_epochs"))
            for name in ("loso", "hde", "cde")
        }
        assert found == {"loso": (10, 1e-3, 5e-4, 10), "hde": (10, 1e-4, 3e-2, 10), "cde": (8, 1e-3, 5e-6, 10)}
        assert {presets[name]["resample"] for name in found} == {"largest"}
        assert presets["cde"]["augment"]["corner_crops"]


class TestResidualNetwork(ResidualCase):
    name = "residual_network"
    golden = TRUNK + 512 * 3 + 3

    def test_five_classes_as_published(self):
        assert trainable_weights(without_weights(lambda: ResidualNetwork(5))) == 4_900_359 == TRUNK + 512 * 5 + 5

    def test_pre_training_preset(self):
        macro = get_model_card("residual_network").presets["macro"]
        assert (macro["optimizer"], macro["momentum"], macro["batch_size"], macro["learning_rate"]) == (
            "sgd",
            0.9,
            50,
            0.01,
        )
        assert (macro["step_epochs"], macro["step_factor"]) == (20, 0.1)
        augment = macro["augment"]
        assert (augment["colour_shift"], augment["rotation"], augment["smoothing"], augment["probability"]) == (
            20,
            10,
            6,
            0.5,
        )


class TestComplexAttention(ResidualCase):
    name = "complex_attention"
    golden = TRUNK + 512 * 3 + 3 + 18 * SQUARES  # two 3x3 convolutions per block

    def test_five_classes_as_published(self):
        assert trainable_weights(without_weights(lambda: ComplexAttention(5))) == 11_167_239

    def test_mask_after_the_addition_has_as_many_weights_and_another_output(self, model):
        after = self.build(after_addition=True, seed=4)
        assert trainable_weights(after) == trainable_weights(model)
        batch = {name: value / 255 for name, value in self.batch().items()}
        assert np.abs(np.asarray(after(batch)) - np.asarray(model(batch))).max() > 1e-6


class TestMicroAttention(ResidualCase):
    name = "micro_attention"
    golden = TRUNK + 512 * 3 + 3 + 3 * SQUARES  # a 1x1 convolution 3C -> C per block
    fixed = 64 + 128 + 256 + 512

    def test_golden_parameter_count(self, full):
        assert trainable_weights(full) == self.golden
        fixed = [w for w in full.non_trainable_weights if "average" in getattr(w, "path", w.name)]
        assert sum(int(np.prod(w.shape)) for w in fixed) == self.fixed == 960
        card = get_model_card(self.name)
        assert (card.trainable_parameters, card.parameters) == (self.golden, self.golden + self.fixed)

    def test_five_classes_as_published(self):
        assert trainable_weights(without_weights(lambda: MicroAttention(5))) == 5_944_839

    def test_training_leaves_the_mean_alone(self):
        import keras

        model = self.build(seed=0)
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=True)
        batch, labels = self.separable(6)
        model.fit(batch, labels, verbose=0)
        np.testing.assert_array_equal(model.get_layer("block64_attention").average, np.full((8, 1), 0.125, "float32"))

    def test_without_sigmoid(self, model):
        plain = self.build(sigmoid=False, seed=4)
        assert trainable_weights(plain) == trainable_weights(model)
        batch = self.batch()
        assert np.abs(np.asarray(plain(batch)) - np.asarray(model(batch))).max() > 1e-6


@pytest.mark.parametrize("builder", [ResidualNetwork, ComplexAttention, MicroAttention])
@pytest.mark.parametrize("options", [{"channels": 2}, {"size": 16}, {"width": 0}, {"seed": -1}, {"num_classes": 1}])
def test_bad_arguments(builder, options):
    with pytest.raises(ValueError, match="Received"):
        builder(**options)
