from __future__ import annotations

from typing import ClassVar

import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.mini_aorcnn.mini_aorcnn import MiniAORCNN
from mer_tf.systems.registry import get_model_card

# stem 1 200; block1: two 3x3 8->8 584 + BN 16, 1x1 8->18 162 = 1 362
# block2: two 18->18 2 934 + 36, 1x1 18->28 532 = 6 472
# last block: 1x1 28->8 232; self-attentions 3 * 29 * 8 = 696 and 3 * 9 * 8 = 216
# head as Off-TANet's: 29 507 at 112, 37 187 at 128
BODY = 1_200 + 1_362 + 6_472


class TestMiniAORCNN(ModelCase):
    name = "mini_aorcnn"
    golden = BODY + 232 + 696 + 216 + 29_507
    inputs: ClassVar = {"face": (112, 112, 3)}
    overfit_rate = 1e-2

    def test_counts_of_the_code(self):
        assert self.golden == 39_685
        assert trainable_weights(without_weights(lambda: MiniAORCNN(size=128))) == 47_365
        assert get_model_card("mini_aorcnn_atscnn_setup").parameters == 47_365

    def test_residual_variant(self):
        # two 3x3 28->28 7 084 + 56, 1x1 28->8 232
        model = without_weights(lambda: MiniAORCNN(variant="res", size=112))
        assert trainable_weights(model) == BODY + 2 * 7_140 + 232 + 29_507


@pytest.mark.parametrize("options", [{"variant": "sa"}, {"size": 100}, {"dropout": 1}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        MiniAORCNN(**options)
