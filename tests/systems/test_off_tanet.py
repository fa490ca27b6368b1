from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.off_tanet.dual_inception_atscnn_setup import DualInceptionAtscnnSetup
from mer_tf.systems.off_tanet.micro_attention_atscnn_setup import MicroAttentionAtscnnSetup
from mer_tf.systems.off_tanet.off_tanet import OffTANet
from mer_tf.systems.off_tanet.ststnet_atscnn_setup import STSTNetAtscnnSetup

# Convolutions have biases; BN counts gamma and beta.
#   stem 7*7*3*8 + 8 + 16 = 1 200
#   block1: 3x3 8->18 1 314 + 36, 18->18 2 934 + 36, 1x1 162 = 4 482
#   block2: 3x3 18->28 4 564 + 56, 28->28 7 084 + 56, 1x1 532 = 12 292
#   head at side s: s*s*8 * 64 + 64 + 64*64 + 64 + 64*3 + 3; s = 7 at 112: 29 507, s = 8 at 128: 37 187
BODY = 1_200 + 4_482 + 12_292
HEAD = {112: 29_507, 128: 37_187}
# Last block: 1x1 28->8 232 beside
#   first 3x3 28->28 7 084 + 56; channel 28-1-28 56; spatial 2*9 = 18; self-attention 3 * 29 * 28 = 2 436;
#   second 3x3 28->8 2 024 + 16
LAST = {
    "ta": 232 + 7_140 + 56 + 18 + 2_436 + 2_040,
    "sa": 232 + 7_140 + 3 * 29 * 8,  # the code counts 2 040 more for a convolution that it never uses
    "cbam": 232 + 7_140 + 56 + 18 + 2_040,
    "res": 232 + 2_040 + 3 * 3 * 8 * 8 + 8 + 16,
    "bot": 232 + 3 * 29 * 8 + 3 * 9 * 8,
}


class TestOffTANet(ModelCase):
    name = "off_tanet"
    golden = 67_083
    inputs: ClassVar = {"face": (128, 128, 3)}
    overfit_rate = 1e-2

    def test_maps_before_the_head(self, full):
        assert full.get_layer("block3_attention").output.shape[1:] == (16, 16, 28)
        assert full.get_layer("block3_pool").output.shape[1:] == (8, 8, 8)


@pytest.mark.parametrize("size", [112, 128])
@pytest.mark.parametrize("variant", LAST)
def test_variants(variant, size):
    model = without_weights(lambda: OffTANet(variant=variant, size=size))
    assert trainable_weights(model) == BODY + LAST[variant] + HEAD[size]


def test_counts_of_the_published_code():
    unused = {"sa": 2_040}
    counted = {variant: BODY + LAST[variant] + HEAD[112] + unused.get(variant, 0) for variant in LAST}
    assert counted == {"ta": 59_403, "sa": 57_589, "cbam": 56_967, "res": 50_353, "bot": 48_625}


@pytest.mark.parametrize("variant", LAST)
def test_every_variant_gives_probabilities(variant):
    out = np.asarray(OffTANet(variant=variant, size=16, seed=0)({"face": np.ones((2, 16, 16, 3), "float32")}))
    np.testing.assert_allclose(out.sum(1), 1, rtol=1e-5)


class TestMicroAttentionAtscnnSetup(ModelCase):
    # conv1 7*7*3*32 + 32 = 4 736
    # block c from b: 3x3 b->c and c->c with biases and BN, 1x1 b->c, 1x1 3c->3c:
    #   64 from 32: 18 496 + 36 928 + 256 + 2 112 + 37 056 = 94 848
    #   128 from 64: 73 856 + 147 584 + 512 + 8 320 + 147 840 = 378 112
    #   256 from 128: 295 168 + 590 080 + 1 024 + 33 024 + 590 592 = 1 509 888
    # head at side s: s*s*256*4096 + 4096 + 4096*3 + 3; s = 4 at 128: 16 793 603; s = 7 at 224: 51 396 611
    name = "micro_attention_atscnn_setup"
    golden = 4_736 + 94_848 + 378_112 + 1_509_888 + 16_793_603
    inputs: ClassVar = {"face": (128, 128, 3)}
    overfit_rate = 1e-2

    def test_published_sizes(self):
        assert trainable_weights(without_weights(lambda: MicroAttentionAtscnnSetup(size=224))) == 53_384_195
        assert f"{self.golden:.2e}" == "1.88e+07"


class TestSTSTNetAtscnnSetup(ModelCase):
    # 3x3 from 3 channels to 3, 5 and 8: 84 + 140 + 224 = 448; 128 -> 43 -> 21, 21*21*16 = 7 056 units:
    # 7056*7056 + 7056 + 7056*3 + 3 = 49 815 363
    name = "ststnet_atscnn_setup"
    golden = 448 + 49_815_363
    inputs: ClassVar = {"face": (128, 128, 3)}

    def test_published_sizes(self):
        assert trainable_weights(without_weights(lambda: STSTNetAtscnnSetup(size=28))) == 448 + 400 * 401 + 400 * 3 + 3
        assert 4.98e7 <= self.golden < 4.99e7  # printed with the further digits cut off


class TestDualInceptionAtscnnSetup(ModelCase):
    # Inception(b, f): 1x1 b->f three times and 1x1 with ReLU ..., 5x5 f->f, 3x3 f->f:
    #   4 * (b + 1) * f + (25 * f + 1) * f + (9 * f + 1) * f
    #   (1, 6): 48 + 906 + 330 = 1 284; (24, 16): 1 600 + 6 416 + 2 320 = 10 336
    # head: 2 * 32*32*64 * 1024 + 1024 + 1024*3 + 3 = 134 221 827
    name = "dual_inception_atscnn_setup"
    golden = 2 * (1_284 + 10_336) + 134_221_827
    inputs: ClassVar = {"u": (128, 128, 1), "v": (128, 128, 1)}

    def test_published_sizes(self):
        # The Dual-ATME paper's count of the same network at 28.
        assert trainable_weights(without_weights(lambda: DualInceptionAtscnnSetup(size=28))) == 6_449_867
        assert f"{self.golden:.2e}" == "1.34e+08"


@pytest.mark.parametrize(
    ("builder", "options"),
    [
        (OffTANet, {"variant": "all"}),
        (OffTANet, {"size": 100}),
        (OffTANet, {"dropout": -0.1}),
        (MicroAttentionAtscnnSetup, {"size": 48}),
        (MicroAttentionAtscnnSetup, {"width": 0}),
        (STSTNetAtscnnSetup, {"size": 30}),
        (DualInceptionAtscnnSetup, {"dense_units": 0}),
    ],
)
def test_bad_arguments(builder, options):
    with pytest.raises(ValueError, match="Received"):
        builder(**options)
