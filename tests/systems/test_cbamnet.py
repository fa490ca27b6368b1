from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import pytest
from model_case import ModelCase, ModelFacts, trainable_weights, without_weights

from mer_tf.layers import BatchNorm
from mer_tf.systems.cbamnet.basic_network import BasicNetwork
from mer_tf.systems.cbamnet.cbamnet import CBAMNet
from mer_tf.systems.cbamnet.resnet3d18 import ResNet3D18
from mer_tf.systems.cbamnet.sub_network import SubNetwork
from mer_tf.systems.registry import build_model, get_model_card

CLIP = {"frames": (16, 64, 64, 3)}
SMALL = get_model_card("basic_network").small


class CBAMNetCase(ModelCase):
    # The paper's moving statistics follow too slowly for a run of few steps.
    overfit_options: ClassVar = {"momentum": 0.9}


class TestBasicNetwork(CBAMNetCase):
    # Convolution 27*in*out + out, gamma and beta 2*out:
    #   3->32: 2 592 + 96 = 2 688; 32->32 twice: 27 648 + 96 = 27 744; 32->64: 55 296 + 192 = 55 488;
    #   64->64 twice: 110 592 + 192 = 110 784
    #   2 688 + 2*27 744 + 55 488 + 2*110 784 = 335 232; head 1*4*4*64*3 + 3 = 3 075
    name = "basic_network"
    golden = 338_307
    inputs: ClassVar = CLIP
    overfit_rate: ClassVar = 5e-3

    def test_sizes_are_those_of_the_table(self, full):
        sizes = [tuple(full.get_layer(f"pool{number}").output.shape[1:]) for number in range(1, 7)]
        assert sizes == [
            (16, 64, 64, 32),
            (8, 32, 32, 32),
            (4, 16, 16, 32),
            (4, 16, 16, 64),
            (2, 8, 8, 64),
            (1, 4, 4, 64),
        ]


class TestSubNetwork1(CBAMNetCase):
    # conv1, conv2: 2 688 + 27 744; head 8*32*32*32*3 + 3 = 786 435
    name = "sub_network_1"
    golden = 816_867
    inputs: ClassVar = CLIP


class TestSubNetwork2(ModelFacts):
    # 2 688 + 2*27 744; head 4*16*16*32*3 + 3 = 98 307
    name = "sub_network_2"
    golden = 156_483
    inputs: ClassVar = CLIP


class TestSubNetwork3(ModelFacts):
    # 2 688 + 2*27 744 + 55 488; head 4*16*16*64*3 + 3 = 196 611
    name = "sub_network_3"
    golden = 310_275
    inputs: ClassVar = CLIP


class TestSubNetwork4(ModelFacts):
    # 2 688 + 2*27 744 + 55 488 + 110 784; head 2*8*8*64*3 + 3 = 24 579
    name = "sub_network_4"
    golden = 249_027
    inputs: ClassVar = CLIP
    overfit_rate: ClassVar = 5e-3


@pytest.mark.parametrize(
    ("number", "last", "weights", "gap"),
    [
        (1, (8, 32, 32, 32), 816_867, 30_531),
        (2, (4, 16, 16, 32), 156_483, 58_275),
        (3, (4, 16, 16, 64), 310_275, 113_859),
        (4, (2, 8, 8, 64), 249_027, 224_643),
    ],
)
def test_sub_networks(number, last, weights, gap):
    name = f"sub_network_{number}"
    model = without_weights(lambda: build_model(name))
    assert model.name == name
    assert trainable_weights(model) == weights == get_model_card(name).parameters
    assert tuple(model.get_layer(f"pool{number + 1}").output.shape[1:]) == last
    assert trainable_weights(without_weights(lambda: build_model(name, head="gap"))) == gap


class TestCBAMNet(CBAMNetCase):
    # BasicNetwork and CBAM(64): 2*64*4 + 4 + 64 + 2*49 = 678
    name = "cbamnet"
    golden = 338_985
    inputs: ClassVar = CLIP
    overfit_rate: ClassVar = 5e-3


class TestResNet3D18(CBAMNetCase):
    # tests/layers/test_residual.py derives the backbone: 33 203 904; head 512*3 + 3
    name = "resnet3d_18"
    golden = 33_205_443
    inputs: ClassVar = CLIP

    def test_sizes_are_those_of_the_table(self, full):
        sizes = [tuple(full.get_layer(f"layer{number}_1_relu2").output.shape[1:]) for number in range(1, 5)]
        assert sizes == [(8, 16, 16, 64), (4, 8, 8, 128), (2, 4, 4, 256), (1, 2, 2, 512)]


@pytest.mark.parametrize(
    ("build", "weights"),
    [
        (lambda: BasicNetwork(head="gap"), 335_427),
        (lambda: BasicNetwork(channels=1), 338_307 - 2 * 27 * 32),
        (lambda: BasicNetwork(pooling="halving"), 335_232 + 3 * 64 + 3),  # one place is left
        (lambda: BasicNetwork(dropout_place="relu"), 338_307),
        (lambda: BasicNetwork(num_classes=5), 338_307 + 2 * 1025),
        (lambda: CBAMNet(cbam="3d"), 338_985 + 588),
        (lambda: CBAMNet(reduction=8), 338_307 + 1194),
        (lambda: CBAMNet(order="spatial_first"), 338_985),
        (lambda: ResNet3D18(stem_frames=3), 33_167_811),
        (lambda: ResNet3D18(pool=3), 33_205_443),
    ],
)
def test_options(build, weights):
    assert trainable_weights(without_weights(build)) == weights


@pytest.mark.parametrize("build", [BasicNetwork, CBAMNet, SubNetwork, ResNet3D18])
def test_batch_normalisation_has_tensorflows_defaults(build):
    norms = [layer for layer in without_weights(build).layers if isinstance(layer, BatchNorm)]
    stock = keras.layers.BatchNormalization()
    assert norms and {(norm.momentum, norm.epsilon) for norm in norms} == {(stock.momentum, stock.epsilon)}


def test_the_first_pooling_of_resnet3d_is_the_papers():
    assert without_weights(ResNet3D18).get_layer("stem_pool").pool_size == (2, 2, 2)


def test_halving_leaves_one_place():
    assert without_weights(lambda: BasicNetwork(pooling="halving")).get_layer("pool6").output.shape[1:] == (1, 1, 1, 64)


def test_dropout_goes_where_it_is_told():
    head = [layer.name for layer in BasicNetwork(**SMALL).layers if layer.name.startswith("dropout")]
    relu = [layer.name for layer in BasicNetwork(dropout_place="relu", **SMALL).layers if "dropout" in layer.name]
    assert head == ["dropout"]
    assert relu == [f"dropout{number}" for number in range(1, 7)]
    assert (BasicNetwork(**SMALL).dropout, BasicNetwork(dropout_place="relu", **SMALL).dropout) == (0.5, 0.25)


def test_attention_over_time_is_idle_at_one_frame():
    flat, volume = CBAMNet(seed=1, **SMALL), CBAMNet(seed=1, cbam="3d", **SMALL)
    flat_kernel = flat.get_layer("cbam").conv.get_weights()[0]
    for one, other in zip(flat.layers, volume.layers):
        if one.name != "cbam":
            other.set_weights(one.get_weights())
    for part in ("squeeze", "excite"):
        getattr(volume.get_layer("cbam"), part).set_weights(getattr(flat.get_layer("cbam"), part).get_weights())
    kernel = np.ones((7, 7, 7, 2, 1), "float32")
    kernel[3] = flat_kernel
    volume.get_layer("cbam").conv.set_weights([kernel])
    batch = {"frames": np.random.default_rng(0).normal(size=(2, 16, 16, 16, 3)).astype("float32")}
    np.testing.assert_allclose(np.asarray(volume(batch)), np.asarray(flat(batch)), atol=1e-6)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (BasicNetwork, {"head": "max"}),
        (BasicNetwork, {"pooling": "none"}),
        (BasicNetwork, {"channels": 2}),
        (BasicNetwork, {"frames": 8}),
        (BasicNetwork, {"width": 0}),
        (BasicNetwork, {"dropout": 1.0}),
        (BasicNetwork, {"dropout_place": "nowhere"}),
        (BasicNetwork, {"seed": -1}),
        (SubNetwork, {"number": 5}),
        (CBAMNet, {"cbam": "4d"}),
        (CBAMNet, {"order": "both"}),
        (CBAMNet, {"reduction": 0}),
        (ResNet3D18, {"stem_frames": 4}),
        (ResNet3D18, {"pool": 4}),
        (ResNet3D18, {"channels": 2}),
        (ResNet3D18, {"size": 8}),
    ],
)
def test_bad_arguments(build, options):
    with pytest.raises(ValueError, match="Received"):
        build(**options)
