from __future__ import annotations

from typing import ClassVar

import pytest
from model_case import ModelCase

from mer_tf.systems.kfc_mer.kfc_mer import KFCMER


class TestKFCMER(ModelCase):
    # One stream; convolutions of stem and bottlenecks without bias, each with gamma and beta.
    #   stem: 27*32+64 + 288*32+64 + 288*64+128                                                        = 28 768
    #   conditions: 160*64+64 + 3*(64*64+64) + 64*32+32 = 10 304 + 12 480 + 2 080                       = 24 864
    #   SFT: 2 * (32*32+32 + 32*64+64)                                                                  = 6 336
    #   bottleneck(C, w): C*w+2w; split: 9*w*w+4w + (w+1)*h+2h + (h+1)*2w, h = max(w/2, 32); 4w*w+8w; with
    #   projection C*4w+8w more
    #     (64, 64) projected:   4 224 + 37 120+2 144+4 224 + 16 896 + 16 896                            = 81 504
    #     (256, 64):           16 512 + 43 488 + 16 896                                                 = 76 896
    #     (256, 128) projected: 33 024 + 147 968+8 384+16 640 + 66 560 + 132 096                        = 404 672
    #     (512, 128):          65 792 + 172 992 + 66 560                                                = 305 344
    # two streams 2 * 928 384 = 1 856 768
    # head on 14*14*1024 = 200 704: 200704*256 + 256 = 51 380 480; 256*3 + 3 = 771; sum 53 238 019
    name = "kfc_mer"
    golden = 53_238_019
    inputs: ClassVar = {"flow": (224, 224, 3), "strain": (224, 224, 3), "parsing": (224, 224, 10)}
    overfit_rate = 1e-2

    def test_maps(self, full):
        assert full.get_layer("flow_pool").output.shape[1:] == (56, 56, 64)
        assert full.get_layer("flow_condition5").output.shape[1:] == (56, 56, 32)
        assert full.get_layer("strain_layer1_1_relu").output.shape[1:] == (56, 56, 256)
        assert full.get_layer("strain_layer2_1_relu").output.shape[1:] == (28, 28, 512)
        assert full.get_layer("join").output.shape[1:] == (14, 14, 1024)


@pytest.mark.parametrize("options", [{"size": 100}, {"width": 3}, {"hidden": 0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        KFCMER(**options)
