from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.off_apexnet.off_apexnet import OFFApexNet


class TestOFFApexNet(ModelCase):
    # One stream: 5*5*6 + 6 = 156; 5*5*6*16 + 16 = 2 416; two streams 5 144
    # 2*7*7*16 = 1568: 1568*1024 + 1024 = 1 606 656; 1024*1024 + 1024 = 1 049 600; 1024*3 + 3 = 3 075
    name = "off_apexnet"
    golden = 2_664_475
    inputs: ClassVar = {"u": (28, 28, 1), "v": (28, 28, 1)}
    low: ClassVar = 0.0
    overfit_rate: ClassVar = 5e-3


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"activation": "none"}, 2_664_475),
        # 3*3*2*6 + 6 = 114; 3*3*6*16 + 16 = 880; 784*1024 + 1024 = 803 840; 3 075
        ({"meb": True}, 807_909),
        ({"num_classes": 5}, 2_664_475 + 2 * 1025),
    ],
)
def test_options(options, weights):
    assert trainable_weights(without_weights(lambda: OFFApexNet(**options))) == weights


def test_without_activation_the_convolutions_are_linear():
    model = OFFApexNet(activation="none", units=8, seed=0)
    model.get_layer("u_conv1").set_weights([-np.ones((5, 5, 1, 6)), np.zeros(6)])
    out = np.asarray(model.get_layer("u_conv1")(np.ones((1, 28, 28, 1), "float32")))
    assert out.max() < 0
    assert np.asarray(OFFApexNet(units=8, seed=0).get_layer("u_conv1")(-out[..., :1])).min() >= 0


@pytest.mark.parametrize("options", [{"activation": "tanh"}, {"size": 30}, {"units": 0}, {"dropout": 1.0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        OFFApexNet(**options)
