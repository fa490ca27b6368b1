"""LiteFlowNet: counts, parity with a plain reference, weight files, training, bad input."""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import cv2
import keras
import liteflownet_reference as reference
import numpy as np
import pytest

from mer_tf.cli import main
from mer_tf.errors import BadInputError, ConfigError, MissingFileError
from mer_tf.preprocessing.flow import liteflownet_weights as files
from mer_tf.preprocessing.flow.liteflownet import LiteFlowNet, LiteFlowNetFlow, get_weights
from mer_tf.preprocessing.flow.liteflownet_layers import CostVolume, GroupedUpsample, Warp
from mer_tf.preprocessing.flow.liteflownet_train import FlowTrainConfig, endpoint_loss, sample


@pytest.fixture(scope="module")
def state():
    """Random weights by the published names, of a size that gives flow of some pixels at every level."""
    rng = np.random.default_rng(0)
    names = {published: shape for published, _, shape in files._table()}
    arrays = {}
    for name, shape in names.items():
        if name.endswith("bias"):
            values = rng.normal(0, 0.05, shape)
        elif "Scale" in name:
            values = rng.uniform(0.8, 1.2, shape)
        elif "Up" in name:
            values = rng.uniform(0.1, 0.5, shape)
        else:
            values = rng.normal(0, 1, shape) * np.sqrt(1.3 / np.prod(shape[1:]))
        arrays[name] = values.astype(np.float32)
    return arrays


@pytest.fixture(scope="module")
def weights_path(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights ü") / "liteflownet.npz"
    files.write_weights(path, files.from_state_dict(state))
    return path


@pytest.fixture(scope="module")
def flow(weights_path):
    return LiteFlowNetFlow(weights_path, batch_size=2)


@pytest.fixture(scope="module")
def network():
    return LiteFlowNet(all_levels=True, seed=3)


@pytest.fixture(scope="module")
def pair():
    first, second, _ = sample(FlowTrainConfig(size=64), np.random.default_rng(7))
    return first, second


# --- the network ------------------------------------------------------------------------------------------------


def test_parameter_count(network):
    assert network.count_params() == 5_381_969
    assert sum(np.prod(weight.shape) for weight in network.trainable_weights) == 5_381_969


# By hand for one: matching at level 6 is 3x3 49->128 (56,576), 128->64 (73,792), 64->32 (18,464), 32->2 (578).
@pytest.mark.parametrize(
    ("part", "counts"),
    [
        ("features", (558_432,)),
        ("matching", (154_898, 151_250, 150_466, 149_442, 149_410)),
        ("subpixel", (247_394, 243_746, 317_474, 390_178, 537_634)),
        ("regularisation", (469_261, 452_603, 456_699, 439_677, 513_405)),
    ],
)
def test_parameter_counts_of_the_parts(network, part, counts):
    prefixes = [part] if part == "features" else [f"{part}_{level}" for level in range(2, 7)]
    found = [
        sum(layer.count_params() for layer in network.layers if layer.name.startswith(f"{prefix}_"))
        for prefix in prefixes
    ]
    assert tuple(found) == counts


def test_weight_table_is_that_of_the_network(network):
    assert {name: array.shape for name, array in get_weights(network).items()} == files.weight_shapes()


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (50, 40)])
@pytest.mark.slow
def test_parity_with_the_reference(flow, state, pair, rows, columns):
    first, second = (frame[:rows, :columns] for frame in pair)
    expected = reference.estimate(state, first, second)
    assert np.abs(expected).mean() > 1  # else the warps would do nothing
    found = flow(first, second)
    assert found.shape == (rows, columns, 2) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_frames_are_not_changed_and_channels_matter(flow, pair):
    first, second = (frame.copy() for frame in pair)
    found = flow(first, second)
    np.testing.assert_array_equal(first, pair[0])
    np.testing.assert_array_equal(second, pair[1])
    swapped = flow(first[..., ::-1].copy(), second[..., ::-1].copy())
    assert np.abs(found - swapped).max() > 1e-3


def test_a_clip_is_its_pairs(flow, pair):
    frames = np.stack([pair[0], pair[1], pair[0], pair[0]])  # batches of two and one
    fields = flow.clip(frames)
    assert fields.shape == (3, 64, 64, 2) and fields.dtype == np.float32
    for index in range(3):
        np.testing.assert_allclose(fields[index], flow(frames[index], frames[index + 1]), atol=1e-4)


def test_a_new_network_says_nearly_nothing_moves(network, pair):
    frames = {"first": pair[0][None].astype("float32"), "second": pair[1][None].astype("float32")}
    outputs = network(frames, training=False)
    assert set(outputs) == {"flow", "level2", "level3", "level4", "level5", "level6"}
    assert tuple(outputs["level6"].shape) == (1, 2, 2, 2) and tuple(outputs["level2"].shape) == (1, 32, 32, 2)
    assert np.abs(np.asarray(outputs["flow"])).max() < 1


def test_config_round_trip(network):
    config = network.get_config()
    assert config == {"name": "liteflownet", "all_levels": True, "seed": 3}
    assert keras.saving.get_registered_object("mer_tf>LiteFlowNet") is LiteFlowNet
    with pytest.raises(ValueError, match="seed"):
        LiteFlowNet(seed=-1)


def test_pickled_without_its_graph(flow, pair):
    before = flow(*pair)
    copy = pickle.loads(pickle.dumps(flow))
    assert copy._estimate is None
    copy._estimate = flow._estimate  # the same graph: building it a second time would only cost time
    np.testing.assert_array_equal(copy(*pair), before)
    np.testing.assert_equal(copy._weights, flow._weights)


# --- its layers -------------------------------------------------------------------------------------------------


def test_warp_by_whole_pixels_moves_and_brings_in_zeros():
    features = np.arange(12, dtype="float32").reshape(1, 3, 4, 1)
    moved = np.asarray(Warp(0.5)([features, np.tile(np.float32([2, 0]), (1, 3, 4, 1))]))  # one pixel to the right
    np.testing.assert_array_equal(moved[0, :, :, 0], [[1, 2, 3, 0], [5, 6, 7, 0], [9, 10, 11, 0]])
    up = np.asarray(Warp()([features, np.tile(np.float32([0, -1.5]), (1, 3, 4, 1))]))[0, :, :, 0]
    np.testing.assert_allclose(up, [[0, 0, 0, 0], [0, 0.5, 1, 1.5], [2, 3, 4, 5]])
    far = np.asarray(Warp()([features, np.full((1, 3, 4, 2), 1e30, "float32")]))
    assert not far.any()


def test_warp_against_the_reference():
    rng = np.random.default_rng(1)
    features, field = rng.normal(size=(1, 7, 9, 5)).astype("float32"), rng.normal(0, 3, (1, 7, 9, 2)).astype("float32")
    expected = reference.warp(features[0].transpose(2, 0, 1), 0.7 * field[0].transpose(2, 0, 1))
    np.testing.assert_allclose(np.asarray(Warp(0.7)([features, field]))[0].transpose(2, 0, 1), expected, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_cost_volume_against_the_reference(stride):
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 1, 7, 10, 6)).astype("float32")
    found = np.asarray(CostVolume(stride)([first, second]))
    expected = reference.correlation(first[0].transpose(2, 0, 1), second[0].transpose(2, 0, 1), stride)
    assert found.shape == (1, -(-7 // stride), -(-10 // stride), 49)
    np.testing.assert_allclose(found[0].transpose(2, 0, 1), expected, atol=1e-5)


def test_cost_volume_peaks_at_the_displacement():
    rng = np.random.default_rng(3)
    first = rng.normal(size=(1, 16, 16, 64)).astype("float32")
    second = np.roll(first, (2, -1), axis=(1, 2))  # two down, one to the left
    inner = np.asarray(CostVolume()([first, second]))[0, 4:-4, 4:-4]
    assert (inner.argmax(axis=-1) == 7 * (2 + 3) + (-1 + 3)).all()


def test_grouped_upsampling_begins_bilinear_and_keeps_channels_apart():
    values = np.zeros((1, 4, 4, 2), "float32")
    values[..., 0] = np.arange(4)
    result = np.asarray(GroupedUpsample()(values))
    assert result.shape == (1, 8, 8, 2) and not result[..., 1].any()
    np.testing.assert_allclose(result[0, 3, 1:-1, 0], [0.25, 0.75, 1.25, 1.75, 2.25, 2.75])


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [None, "absent.npz"])
def test_without_weights_the_error_says_how_to_get_them(path):
    with pytest.raises(MissingFileError, match="mer flow convert .*mer flow train"):
        LiteFlowNetFlow(path)


def test_bad_frames(flow):
    frame = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(TypeError, match="second must be a uint8"):
        flow(frame, frame.astype(np.float32))
    with pytest.raises(TypeError, match="list"):
        flow(frame.tolist(), frame)
    with pytest.raises(ValueError, match="RGB"):
        flow(frame[..., 0], frame[..., 0])
    with pytest.raises(ValueError, match="one shape"):
        flow(frame, frame[:20])
    with pytest.raises(ValueError, match="16 px"):
        flow(frame[:15], frame[:15])
    with pytest.raises(ValueError, match="two frames"):
        flow.clip(frame[None])
    with pytest.raises(ValueError, match="frames, height, width, 3"):
        flow.clip(frame)
    with pytest.raises(ValueError, match="batch_size"):
        LiteFlowNetFlow(None, batch_size=0)


# --- weight files -----------------------------------------------------------------------------------------------


class _Written:
    """A tensor to be written as ``torch.save`` writes it; PyTorch is not needed to know its format."""

    def __init__(self, key, array, offset=0, size=None):
        self.key, self.array, self.offset = key, np.ascontiguousarray(array, "<f4"), offset
        self.size = self.array.size if size is None else size

    def __reduce__(self):
        steps = tuple(step // 4 for step in self.array.strides)
        arguments = (_Pid(self), self.offset, self.array.shape, steps, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class _Pid:
    def __init__(self, tensor):
        self.tensor = tensor


class _Pickler(pickle.Pickler):
    legacy = False

    def persistent_id(self, value):
        if not isinstance(value, _Pid):
            return None
        tensor = value.tensor
        pid = ("storage", sys.modules["torch"].FloatStorage, tensor.key, "cpu", tensor.size)
        return (*pid, None) if self.legacy else pid


@pytest.fixture
def torch_names(monkeypatch):
    """Makes the names exist that a pickle of PyTorch mentions, for writing alone."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2():
        raise AssertionError

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    storage = type("FloatStorage", (), {"__module__": "torch"})
    torch.FloatStorage, utils._rebuild_tensor_v2, torch._utils = storage, _rebuild_tensor_v2, utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def _pickled(tensors, legacy):
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, protocol=2)
    pickler.legacy = legacy
    state = OrderedDict(tensors)
    state._metadata = OrderedDict({"": {"version": 1}})  # as state_dict() adds it
    pickler.dump(state)
    return buffer.getvalue()


def _write_torch(path, tensors, legacy):
    if legacy:
        facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
        parts = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, facts)]
        parts.append(_pickled(tensors, True))
        parts.append(pickle.dumps([tensor.key for tensor in tensors.values()], 2))
        parts += [struct.pack("<q", tensor.array.size) + tensor.array.tobytes() for tensor in tensors.values()]
        path.write_bytes(b"".join(parts))
        return
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", _pickled(tensors, False))
        archive.writestr("archive/byteorder", "little")
        for tensor in tensors.values():
            archive.writestr(f"archive/data/{tensor.key}", tensor.array.tobytes())
        archive.writestr("archive/version", "3\n")


def to_state_dict(weights):
    """The opposite of ``from_state_dict``, by the spelling ``netFeatures``."""
    state = {}
    for published, name, shape in files._table():
        grouped = shape[2:] == (4, 4)
        axes = range(len(shape)) if len(shape) == 1 else (2, 3, 0, 1) if grouped else (3, 2, 0, 1)
        state[published] = weights[name].transpose(tuple(axes))
    return state


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
def test_published_file_is_converted_without_torch(state, tmp_path, torch_names, capsys, legacy):
    # The published file spells the parts with "module" where the code of today says "net".
    tensors = {
        name.replace("net", "module"): _Written(str(number), array)
        for number, (name, array) in enumerate(state.items())
    }
    source, out = tmp_path / "network-default.pytorch", tmp_path / "new folder" / "liteflownet.npz"
    _write_torch(source, tensors, legacy)
    assert main(["flow", "convert", str(source), str(out)]) == 0
    assert "5,381,969 weights" in capsys.readouterr().out
    found = to_state_dict(files.read_weights(out))
    assert found.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(found[name], array)
    assert [path.name for path in out.parent.iterdir()] == ["liteflownet.npz"]  # nothing temporary stays


def test_exported_arrays_are_converted(state, tmp_path, capsys):
    source, out = tmp_path / "exported.npz", tmp_path / "liteflownet.npz"
    np.savez(source, **state)
    assert main(["flow", "convert", str(source), str(out), "--json"]) == 0
    assert '"weights": 5381969' in capsys.readouterr().out
    files.read_weights(out)
    with pytest.raises(BadInputError, match="convert it first"):
        files.read_weights(source)


def test_several_tensors_of_one_storage(tmp_path, torch_names):
    whole = np.arange(10, dtype="float32")
    first, second = _Written("0", whole), _Written("0", whole[4:7], offset=4, size=10)
    path = tmp_path / "shared.pytorch"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("shared/data.pkl", _pickled({"a": first, "b": second}, False))
        archive.writestr("shared/data/0", whole.tobytes())
    found = files.read_state_dict(path)
    np.testing.assert_array_equal(found["b"], [4, 5, 6])
    np.testing.assert_array_equal(found["a"], whole)


class _Command:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_code_is_refused(tmp_path, torch_names, legacy):
    path, proof = tmp_path / "evil.pytorch", tmp_path / "ran"
    evil = pickle.dumps({"x": _Command(proof)}, 2)
    if legacy:
        path.write_bytes(evil)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", evil)
    with pytest.raises(BadInputError, match="asks for .*open"):
        files.read_state_dict(path)
    assert not proof.exists()


def test_a_tensor_beyond_its_storage_is_refused(tmp_path, torch_names):
    path = tmp_path / "beyond.pytorch"
    tensor = _Written("0", np.zeros(4, "float32"), offset=3)
    _write_torch(path, {"x": tensor}, False)
    with pytest.raises(BadInputError, match="beyond its storage"):
        files.read_state_dict(path)
    tensor = _Written("0", np.zeros(4, "float32"), size=9)
    _write_torch(path, {"x": tensor}, False)
    with pytest.raises(BadInputError, match="16 bytes, expected 36"):
        files.read_state_dict(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02", b"GIF89a, not weights", pickle.dumps([1], 2)])
def test_files_that_are_no_weights(tmp_path, content):
    path = tmp_path / "file.pytorch"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"file\.pytorch cannot be read as a PyTorch state dictionary"):
        files.convert(path, tmp_path / "out.npz")
    with pytest.raises(BadInputError, match="not a readable .npz"):
        files.read_weights(path)
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_truncated_files(state, tmp_path, torch_names, legacy):
    tensors = {name: _Written(str(number), array) for number, (name, array) in enumerate(list(state.items())[:4])}
    path = tmp_path / "cut.pytorch"
    _write_torch(path, tensors, legacy)
    content = path.read_bytes()
    for share in (0.2, 0.6, 0.99):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(BadInputError, match="cut.pytorch"):
            files.read_state_dict(path)


def test_weights_of_another_network(state, tmp_path):
    name = "netMatching.0.netMain.0.weight"
    with pytest.raises(BadInputError, match=r"lacks 'netMatching\.0\.netMain\.0\.weight'"):
        files.from_state_dict({key: value for key, value in state.items() if key != name})
    with pytest.raises(BadInputError, match="unknown 'netExtra'"):
        files.from_state_dict({**state, "netExtra": np.zeros(3, "f4")})
    with pytest.raises(BadInputError, match="shape"):
        files.from_state_dict({**state, name: state[name][:-1]})
    with pytest.raises(BadInputError, match="floats"):
        files.from_state_dict({**state, name: state[name].astype(int)})
    with pytest.raises(BadInputError, match="not finite"):
        files.from_state_dict({**state, name: np.full_like(state[name], np.nan)})


def test_convert_reports_on_one_line(tmp_path, capsys):
    assert main(["flow", "convert", str(tmp_path / "absent"), str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mer: error: no weights file") and error.count("\n") == 1


# --- training ---------------------------------------------------------------------------------------------------


def test_generated_pairs_obey_their_flow():
    config = FlowTrainConfig(size=96)
    gains = []
    for number in range(6):
        first, second, field = sample(config, np.random.default_rng(number))
        assert first.dtype == second.dtype == np.uint8 and field.dtype == np.float32
        assert first.shape == second.shape == (96, 96, 3) and field.shape == (96, 96, 2)
        y, x = np.mgrid[:96, :96].astype(np.float32)
        back = cv2.remap(second, x + field[..., 0], y + field[..., 1], cv2.INTER_CUBIC).astype(float)
        inner = (slice(10, -10),) * 2
        before, after = (np.median(np.abs(frame - first.astype(float))[inner]) for frame in (second, back))
        gains.append(before - after)
        assert after < 9  # noise and gain remain
    assert max(gains) > 5


def test_generated_pairs_are_repeatable_and_bounded():
    config = FlowTrainConfig(size=64, max_motion=2)
    for one, two in zip(sample(config, np.random.default_rng(5)), sample(config, np.random.default_rng(5))):
        np.testing.assert_array_equal(one, two)
    lengths = [np.linalg.norm(sample(config, np.random.default_rng(n))[2], axis=-1).max() for n in range(20)]
    assert max(lengths) < 2 * 1.8 and min(lengths) < 1  # the shift, and at the corners the turn and growth


def test_endpoint_loss_of_the_truth_and_of_a_known_error():
    field = np.full((1, 64, 64, 2), 3.0, "float32")
    sides = {level: 64 // 2 ** (level - 1) for level in range(2, 7)}
    right = {f"level{level}": np.full((1, side, side, 2), 3 / 20, "float32") for level, side in sides.items()}
    assert float(endpoint_loss(right, field)) == pytest.approx(0, abs=2e-3)
    wrong = {name: value + np.float32([3 / 20, 4 / 20]) for name, value in right.items()}
    assert float(endpoint_loss(wrong, field)) == pytest.approx(5, rel=1e-4)


@pytest.mark.trains
@pytest.mark.slow
def test_a_few_steps_lower_the_loss(network, tmp_path, capsys, training_seed, within):
    # The same two pairs again and again: what is tested is that every part takes part in learning.
    out = tmp_path / "new folder" / "liteflownet.npz"
    arguments = "flow train --steps 28 --batch-size 2 --size 64 --max-motion 8 --learning-rate 2e-4"
    arguments += f" --seed {3 + training_seed}"
    assert main([*arguments.split(), "--distinct-batches", "1", "--save-every", "5", "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    within("loss, last over first", result["last_loss"] / result["first_loss"], high=0.8)
    assert result["endpoint_error"] > 0 and result["endpoint_error_of_zeros"] > 0
    before, after = get_weights(network), files.read_weights(out)
    assert not [name for name in before if np.array_equal(before[name], after[name])]
    assert [path.name for path in out.parent.iterdir()] == ["liteflownet.npz"]


@pytest.mark.parametrize(
    "setting",
    [
        {"steps": 0},
        {"size": 33},
        {"max_motion": 0},
        {"max_motion": 40.0},
        {"learning_rate": float("nan")},
        {"seed": -1},
    ],
)
def test_training_settings_are_checked(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        FlowTrainConfig(**setting)


def test_training_refuses_before_it_begins(tmp_path, capsys):
    assert main(["flow", "train", "--out", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
    assert main(["flow", "train", "--out", str(tmp_path / "x"), "--initial", str(tmp_path / "absent.npz")]) == 2
    assert "absent.npz" in capsys.readouterr().err
    assert main(["flow", "train", "--out", str(tmp_path / "x"), "--steps", "0"]) == 2
    assert not list(tmp_path.iterdir())
