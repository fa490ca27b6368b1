from __future__ import annotations

from typing import ClassVar

import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.resnet18.resnet18 import ResNet18


class TestResNet18(ModelCase):
    # Convolutions without bias, each with gamma and beta: stem 147*64 + 128 = 9 536
    #   layer1: 4 * (9*64*64 + 128) = 147 968
    #   layerN (C to f): 9*C*f + 3*9*f*f + C*f + 10*f: 525 568, 2 099 712, 8 393 728
    # head 512*3 + 3 = 1 539; sum 11 178 051
    name = "resnet18"
    golden = 11_178_051
    inputs: ClassVar = {"face": (224, 224, 3)}
    overfit_rate = 1e-2

    def test_maps(self, full):
        assert full.get_layer("layer4_1_relu2").output.shape[1:] == (7, 7, 512)


def test_small_maps_end_in_one_pixel():
    model = without_weights(lambda: ResNet18(size=28))
    assert model.get_layer("layer4_1_relu2").output.shape[1:] == (1, 1, 512)
    assert trainable_weights(model) == 11_178_051


def test_attention_of_the_public_code():
    # CBAM(512): 2*512*32 + 32 + 512 + 2*9 + 1 = 33 331
    assert trainable_weights(without_weights(lambda: ResNet18(cbam=True))) == 11_178_051 + 33_331


@pytest.mark.parametrize("options", [{"size": 16}, {"width": 0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        ResNet18(**options)
