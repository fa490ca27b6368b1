from __future__ import annotations

import itertools
from typing import ClassVar

import keras
import numpy as np
import pytest
from model_case import ModelCase

from mer_tf.systems.mmnet.mmnet import MMNet


class TestMMNet(ModelCase):
    # Convolutions of the motion branch without bias, each with gamma and beta.
    #   first: 27*180 + 360                                                                            = 5 220
    #   second: 9*180*128 + 256                                                                        = 207 616
    #   block(C, f): 9*C*f+2f + f*f+2f, shortcut C*f+2f unless C = f with stride 1, mask 2 + 2
    #     (128,128): 164 356; (128,128) strided: 180 996; (128,256): 295 424 + 66 048 + 33 280 + 4 = 394 756;
    #     (256,512): 1 180 672 + 263 168 + 132 096 + 4 = 1 575 940; sum                               = 2 316 048
    #   position: 3*512+512 + 196*512 + 3 * (4*(512*512+512) + 2048 + 2*512*1024 + 1024 + 512) + 1024  = 6 411 776
    #   head: 14*14*512*3 + 3                                                                          = 301 059
    # 5 220 + 207 616 + 2 316 048 + 6 411 776 + 301 059 = 9 241 719
    name = "mmnet"
    golden = 9_241_719
    inputs: ClassVar = {"onset": (224, 224, 3), "apex": (224, 224, 3)}
    overfit_rate = 1e-2

    def test_maps(self, full):
        assert full.get_layer("conv_act_relu").output.shape[1:] == (112, 112, 180)
        sides = [full.get_layer(f"block{n}_attend").output.shape[1:] for n in (1, 2, 3, 4)]
        assert sides == [(112, 112, 128), (56, 56, 128), (28, 28, 256), (14, 14, 512)]

    def test_masks_are_continued(self, model):
        masks = [model.get_layer("block1_mask"), *(model.get_layer(f"block{n}_continued") for n in (2, 3, 4))]
        part = keras.Model(model.inputs, [layer.output for layer in masks])
        values = [np.asarray(value) for value in part(self.batch())]
        for before, after in itertools.pairwise(values):
            assert after.max() <= before.max()  # each is the one before times something in 0..1

    def test_equal_frames_leave_the_position_alone(self, model):
        batch = self.batch()
        batch["apex"] = batch["onset"]
        part = keras.Model(model.inputs, model.get_layer("conv1_conv").output)
        np.testing.assert_array_equal(np.asarray(part(batch, training=False)), 0)


@pytest.mark.parametrize("options", [{"size": 100}, {"width": 6}, {"stem": 0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        MMNet(**options)
