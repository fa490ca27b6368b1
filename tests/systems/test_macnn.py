from __future__ import annotations

from typing import ClassVar

import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.macnn.macnn import MACNN

# Block c from b: 3x3 b->c, 3x3 c->c, 1x1 b->c with biases:
#   32 from 3: 896 + 9 248 + 128; 64 from 32: 18 496 + 36 928 + 2 112; 128 from 64: 73 856 + 147 584 + 8 320;
#   256 from 128: 295 168 + 590 080 + 33 024: 10 272 + 57 536 + 229 760 + 918 272 = 1 215 840
# two dilated 3x3 256->256: 1 180 160
# head on s*s*256: two dense layers of 4096, then the classes
BODY = 1_215_840 + 1_180_160


def head(side):
    return (side * side * 256 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 3


class TestMACNN(ModelCase):
    name = "macnn"
    golden = BODY + head(8)
    inputs: ClassVar = {"face": (128, 128, 3)}
    overfit_rate = 3e-3
    overfit_steps = 150

    def test_published_sizes(self):
        assert self.golden == 86_302_563
        assert trainable_weights(without_weights(lambda: MACNN(size=112))) == 70_573_923 == BODY + head(7)

    def test_dilated_convolutions(self, full):
        layers = {layer.name: layer for layer in full.layers}
        assert [layers[f"dilated{rate}"].dilation_rate for rate in (4, 2)] == [(4, 4), (2, 2)]
        assert layers["dilated2"].output.shape[1:] == (8, 8, 256)


@pytest.mark.parametrize("options", [{"size": 100}, {"width": 0}, {"dense_units": 0}, {"dropout": 1}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        MACNN(**options)
