from __future__ import annotations

from typing import ClassVar

import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.dual_inception.dual_inception import DualInception


class TestDualInception(ModelCase):
    # Block f on C channels: 4 1x1 convolutions of the input, 3x3 and 5x5 on f maps, with biases:
    #   4*(C+1)*f + (9*f+1)*f + (25*f+1)*f = 4*(C+1)*f + 34*f*f + 2*f
    #   C=3, f=6: 96 + 1224 + 12 = 1 332;  C=24, f=16: 1600 + 8704 + 32 = 10 336; two streams 2 * 11 668 = 23 336
    # head: 6272*1024 + 1024 = 6 423 552; 1024*3 + 3 = 3 075; 23 336 + 6 423 552 + 3 075 = 6 449 963
    name = "dual_inception"
    golden = 6_449_963
    inputs: ClassVar = {"u": (28, 28, 3), "v": (28, 28, 3)}
    low = 0.0
    overfit_rate = 1e-2

    def test_maps(self, full):
        assert full.get_layer("v_pool1").output.shape[1:] == (14, 14, 24)
        assert full.get_layer("u_pool2").output.shape[1:] == (7, 7, 64)
        assert full.get_layer("join").output.shape[1:] == (6272,)


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"channels": 1}, 6_449_867),  # 2 * 8*6 fewer
        ({"pool_activation": False}, 6_449_963),
        # 32*32*64*2 = 131072 in place of 6272: 124800*1024 more: 1.34e8 in ATSCNN 2024
        ({"channels": 1, "size": 128}, 134_245_067),
    ],
)
def test_options(options, weights):
    assert trainable_weights(without_weights(lambda: DualInception(**options))) == weights


@pytest.mark.parametrize(
    "options", [{"channels": 2}, {"filters": (6,)}, {"filters": (6, 0)}, {"hidden": 0}, {"size": 3}]
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        DualInception(**options)
