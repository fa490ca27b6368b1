from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.systems import transfer
from mer_tf.systems.micro_attention.complex_attention import ComplexAttention
from mer_tf.systems.micro_attention.micro_attention import MicroAttention
from mer_tf.systems.micro_attention.residual_network import ResidualNetwork
from mer_tf.systems.registry import build_model

SMALL = {"size": 32, "width": 4}
WIDTHS = (4, 8, 16, 32)


@pytest.fixture(scope="module")
def trained():
    """A residual network none of whose weights is at its start, as after pre-training on five classes."""
    model = ResidualNetwork(5, seed=1, **SMALL)
    rng = np.random.default_rng(0)
    model.set_weights([value + rng.uniform(0.1, 0.2, value.shape).astype("float32") for value in model.get_weights()])
    return model


@pytest.mark.parametrize("target", [MicroAttention, ComplexAttention])
def test_pre_trained_trunk_moves_and_attention_stays_new(trained, target):
    model = target(3, seed=2, **SMALL)
    before = transfer.named_weights(model)
    report = transfer.copy_weights(trained, model)
    after = transfer.named_weights(model)
    source = transfer.named_weights(trained)
    assert {name.split("/")[0] for name in report.new} == {
        *(f"block{width}_attention" for width in (64, 128, 256, 512)),
        "probabilities",
    }
    assert set(report.unused) == {"probabilities/kernel", "probabilities/bias"}
    assert sorted((*report.taken, *report.new)) == sorted(after)
    for name in report.taken:
        np.testing.assert_array_equal(after[name], source[name])
    for name in report.new:
        np.testing.assert_array_equal(after[name], before[name])
    assert "conv1/kernel" in report.taken and "tail_bn/moving_variance" in report.taken
    assert json.loads(json.dumps(report.to_json()))["new"] == list(report.new)
    assert "probabilities" in str(report)


def test_features_are_those_of_the_source(trained):
    model = ResidualNetwork(3, seed=2, **SMALL)
    transfer.copy_weights(trained, model)
    x = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 1)).astype("float32")
    maps = [keras.Model(net.inputs, net.get_layer("mean").output)({"apex": x}) for net in (trained, model)]
    np.testing.assert_array_equal(*(np.asarray(value) for value in maps))


def test_head_can_be_copied_when_the_classes_are_as_many(trained):
    model = ResidualNetwork(5, seed=2, **SMALL)
    report = transfer.copy_weights(trained, model, head="copy")
    assert report.new == report.unused == ()
    with pytest.raises(ConfigError, match=r"probabilities/kernel is \(32, 5\), the model has \(32, 3\)"):
        transfer.copy_weights(trained, ResidualNetwork(3, **SMALL), head="copy")


def test_mismatch_names_every_shape_and_changes_nothing(trained):
    wider = MicroAttention(3, size=32, width=8, seed=0)
    before = wider.get_weights()
    with pytest.raises(ConfigError) as caught:
        transfer.copy_weights(trained, wider)
    message = str(caught.value)
    assert "conv1/kernel is (7, 7, 1, 4), the model has (7, 7, 1, 8)" in message
    assert "block512_conv2/kernel" in message
    for one, two in zip(before, wider.get_weights()):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("suffix", [".npz", ".keras"])
def test_through_a_file(trained, suffix, tmp_path):
    path = tmp_path / f"macro{suffix}"
    if suffix == ".npz":
        transfer.write_named_weights(trained, path)
    else:
        trained.save(path)
    direct, loaded = (MicroAttention(3, seed=2, **SMALL) for _ in range(2))
    assert transfer.initialise(loaded, path) == transfer.copy_weights(trained, direct)
    for one, two in zip(direct.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(one, two)
    assert list(tmp_path.iterdir()) == [path]


def torchvision(channels=3):
    """A ResNet-18 of reduced width under torchvision's names; normalisation follows each convolution."""
    rng = np.random.default_rng(3)

    def conv(out, into, side):
        return rng.normal(size=(out, into, side, side)).astype("float32")

    def norm(name, width):
        parts = ("weight", "bias", "running_mean", "running_var")
        values = {f"{name}.{part}": rng.uniform(1, 2, width).astype("float32") for part in parts}
        return {**values, f"{name}.num_batches_tracked": np.array(7)}

    weights = {"conv1.weight": conv(4, channels, 7), **norm("bn1", 4)}
    before = 4
    for stage, width in enumerate(WIDTHS, start=1):
        for unit in (0, 1):
            name = f"layer{stage}.{unit}"
            weights |= {f"{name}.conv1.weight": conv(width, before, 3), **norm(f"{name}.bn1", width)}
            weights |= {f"{name}.conv2.weight": conv(width, width, 3), **norm(f"{name}.bn2", width)}
            if before != width:
                weights |= {
                    f"{name}.downsample.0.weight": conv(width, before, 1),
                    **norm(f"{name}.downsample.1", width),
                }
            before = width
    return {**weights, "fc.weight": np.ones((1000, 32), "float32"), "fc.bias": np.ones(1000, "float32")}


def test_imagenet_weights_by_torchvision_names(tmp_path):
    weights = torchvision()
    np.savez(tmp_path / "resnet18.npz", **weights)
    model = ResidualNetwork(seed=0, **SMALL)
    report = transfer.initialise(model, tmp_path / "resnet18.npz")
    named = transfer.named_weights(model)
    np.testing.assert_allclose(named["conv1/kernel"][:, :, 0, 2], weights["conv1.weight"][2].sum(0), rtol=1e-5)
    np.testing.assert_array_equal(
        named["block128_conv1/kernel"], weights["layer2.0.conv1.weight"].transpose(2, 3, 1, 0)
    )
    np.testing.assert_array_equal(
        named["block512_shortcut/kernel"][0, 0].T, weights["layer4.0.downsample.0.weight"][..., 0, 0]
    )
    np.testing.assert_array_equal(named["block256_conv1_bn/moving_mean"], weights["layer3.0.bn1.running_mean"])
    np.testing.assert_array_equal(named["conv1_bn/gamma"], weights["bn1.weight"])
    # Post-activation networks normalise elsewhere: data, tail and the blocks' inputs are new, as is the head.
    assert {name.split("/")[0] for name in report.new} == {
        "data_bn",
        "tail_bn",
        "probabilities",
        *(f"block{width}_in_bn" for width in (128, 256, 512)),
        "conv1",
    }
    assert [name for name in report.new if name.startswith("conv1/")] == ["conv1/bias"]
    assert {"fc.weight", "layer1.1.conv1.weight", "layer2.0.bn2.weight"} <= set(report.unused)


def test_colour_models_keep_the_three_planes(tmp_path):
    weights = torchvision()
    np.savez(tmp_path / "resnet18.npz", **weights)
    model = ResidualNetwork(channels=3, seed=0, **SMALL)
    transfer.initialise(model, tmp_path / "resnet18.npz")
    np.testing.assert_array_equal(model.get_layer("conv1").kernel, np.transpose(weights["conv1.weight"], (2, 3, 1, 0)))


@pytest.mark.parametrize(
    ("name", "options", "trunks"),
    [
        ("astnet", {"size": 32, "filters": 2, "frames": 2}, [""]),
        ("resnet18", {"size": 28}, [""]),
        ("geme", {"size": 32}, ["expression_", "gender_"]),
    ],
)
def test_every_resnet18_takes_imagenet_weights(name, options, trunks, tmp_path):
    weights = torchvision()
    np.savez(tmp_path / "resnet18.npz", **weights)
    model = build_model(name, width=4, seed=0, **options)
    report = transfer.initialise(model, tmp_path / "resnet18.npz")
    named = transfer.named_weights(model)
    # 20 convolutions and 20 normalisations of four arrays; only the classifier and the counters are left out.
    assert len(report.taken) == 100 * len(trunks)
    assert all(source.startswith("fc.") or source.endswith("num_batches_tracked") for source in report.unused)
    for trunk in trunks:
        for ours, theirs in {
            "stem_conv/kernel": "conv1.weight",
            "stem_bn/moving_variance": "bn1.running_var",
            "layer1_1_conv2/kernel": "layer1.1.conv2.weight",
            "layer3_0_bn2/beta": "layer3.0.bn2.bias",
            "layer4_0_down_conv/kernel": "layer4.0.downsample.0.weight",
            "layer2_0_down_bn/gamma": "layer2.0.downsample.1.weight",
        }.items():
            value = weights[theirs]
            expected = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
            np.testing.assert_array_equal(named[trunk + ours], expected)
    new = {layer.split("/")[0] for layer in report.new}
    assert new and not any("layer" in layer or "stem" in layer for layer in new)


def preactivation():
    """A pre-activation ResNet-18 of reduced width under the names of its Keras version."""
    rng = np.random.default_rng(4)

    def norm(name, width):
        return {
            f"{name}/{part}": rng.uniform(1, 2, width).astype("float32")
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        }

    def conv(name, side, into, out):
        return {f"{name}/kernel": rng.normal(size=(side, side, into, out)).astype("float32")}

    weights = {**norm("bn_data", 3), **conv("conv0", 7, 3, 4), **norm("bn0", 4), **norm("bn1", 32)}
    before = 4
    for stage, width in enumerate(WIDTHS, start=1):
        for unit in (1, 2):
            name = f"stage{stage}_unit{unit}"
            weights |= {
                **norm(f"{name}_bn1", before),
                **conv(f"{name}_conv1", 3, before, width),
                **norm(f"{name}_bn2", width),
                **conv(f"{name}_conv2", 3, width, width),
            }
            if unit == 1:
                weights |= conv(f"{name}_sc", 1, before, width)
            before = width
    return {**weights, "fc1/kernel": np.ones((32, 1000), "float32"), "fc1/bias": np.ones(1000, "float32")}


def write_h5(path, weights, whole_model):
    """As Keras 2 writes weights by layer name."""
    import h5py

    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        layers = list(dict.fromkeys(name.split("/")[0] for name in weights))
        root.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            names = [name for name in weights if name.split("/")[0] == layer]
            group = root.create_group(layer)
            group.attrs["weight_names"] = [f"{name}:0".encode() for name in names]
            for name in names:
                group[f"{name}:0"] = weights[name]


@pytest.mark.parametrize("whole_model", [False, True])
def test_imagenet_weights_of_the_pre_activation_network(whole_model, tmp_path):
    weights = preactivation()
    write_h5(tmp_path / "resnet18.h5", weights, whole_model)
    model = MicroAttention(seed=0, **SMALL)
    report = transfer.initialise(model, tmp_path / "resnet18.h5")
    named = transfer.named_weights(model)
    np.testing.assert_allclose(
        named["conv1/kernel"], weights["conv0/kernel"].sum(2, keepdims=True), rtol=1e-5, atol=1e-6
    )
    for ours, theirs in {
        "conv1_bn/beta": "bn0/beta",
        "block64_conv1/kernel": "stage1_unit1_conv1/kernel",
        "block64_conv1_bn/gamma": "stage1_unit1_bn2/gamma",
        "block256_in_bn/moving_variance": "stage3_unit1_bn1/moving_variance",
        "block512_shortcut/kernel": "stage4_unit1_sc/kernel",
        "tail_bn/gamma": "bn1/gamma",
    }.items():
        np.testing.assert_array_equal(named[ours], weights[theirs])
    assert {name.split("/")[0] for name in report.new} == {
        "conv1",
        "data_bn",
        "probabilities",
        *(f"block{width}_attention" for width in (64, 128, 256, 512)),
    }
    assert "stage1_unit1_sc/kernel" in report.unused and "bn_data/gamma" in report.unused


def test_weights_of_another_model_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", **{"dense/kernel": np.ones((4, 2), "float32")})
    with pytest.raises(ConfigError, match=r"other.npz: none of the weights is of a layer of 'micro_attention'"):
        transfer.initialise(MicroAttention(**SMALL), tmp_path / "other.npz")


def test_a_head_alone_is_not_enough(tmp_path):
    np.savez(tmp_path / "head.npz", **{"probabilities/kernel": np.ones((32, 3), "float32")})
    with pytest.raises(ConfigError, match="none of the weights"):
        transfer.initialise(ResidualNetwork(**SMALL), tmp_path / "head.npz", head="copy")


def test_values_that_are_not_finite_are_refused(trained, tmp_path):
    weights = transfer.named_weights(trained)
    weights["conv1/bias"] = np.full(4, np.nan, "float32")
    np.savez(tmp_path / "nan.npz", **weights)
    with pytest.raises(ConfigError, match="not finite: conv1/bias"):
        transfer.initialise(ResidualNetwork(**SMALL), tmp_path / "nan.npz")


@pytest.mark.parametrize("name", ["weights.npz", "weights.h5", "weights.keras"])
def test_damaged_files(name, tmp_path):
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(ConfigError, match=f"{name} (cannot be read as weights|is not a saved Keras model)"):
        transfer.read_named_weights(tmp_path / name)


def test_files_of_other_kinds(trained, tmp_path):
    with pytest.raises(MissingFileError, match="no weight file"):
        transfer.read_named_weights(tmp_path / "absent.npz")
    (tmp_path / "weights.pth").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"file of PyTorch.*\.npz"):
        transfer.read_named_weights(tmp_path / "weights.pth")
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(ConfigError, match="no weights"):
        transfer.read_named_weights(tmp_path / "empty.npz")
    np.savez(tmp_path / "object.npz", **{"conv1/kernel": np.array([{}], dtype=object)})
    with pytest.raises(ConfigError, match="cannot be read"):
        transfer.read_named_weights(tmp_path / "object.npz")
    trained.save_weights(tmp_path / "new.weights.h5")
    with pytest.raises(ConfigError, match=r"does not name its layers.*write_named_weights"):
        transfer.read_named_weights(tmp_path / "new.weights.h5")
    with pytest.raises(ConfigError, match="npz"):
        transfer.write_named_weights(trained, tmp_path / "weights.h5")


def test_unknown_head(trained):
    with pytest.raises(ConfigError, match="head"):
        transfer.copy_weights(trained, ResidualNetwork(**SMALL), head="keep")


def test_a_file_of_pytorch_says_how_to_write_its_arrays(tmp_path):
    path = tmp_path / "resnet18.pth"
    path.write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"numpy\.savez\('resnet18\.npz', .*torch\.load\('resnet18\.pth'\)"):
        transfer.read_named_weights(path)


def test_a_trained_resnet18_moves_into_both_streams_of_geme(tmp_path):
    source = build_model("resnet18", 5, size=32, width=4, seed=1)
    transfer.write_named_weights(source, tmp_path / "macro.npz")
    geme = build_model("geme", size=32, width=4, seed=2)
    report = transfer.initialise(geme, tmp_path / "macro.npz")
    named, trained = transfer.named_weights(geme), transfer.named_weights(source)
    for stream in ("expression", "gender"):
        np.testing.assert_array_equal(named[f"{stream}_layer4_1_conv2/kernel"], trained["layer4_1_conv2/kernel"])
    assert {name.split("/")[0] for name in report.new} == {"expression", "gender_probabilities"}
    # Layers of the same names need no prefix.
    astnet = build_model("astnet", size=32, width=4, frames=2, filters=4, reduction=2, seed=2)
    report = transfer.initialise(astnet, tmp_path / "macro.npz")
    assert not [name for name in report.new if name.startswith(("stem", "layer"))]
