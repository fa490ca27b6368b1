"""Flow written as files is read again as it was."""

from __future__ import annotations

import numpy as np
import pytest

from mer_tf.datasets.flow_images import read_flow_arrays, read_flow_images
from mer_tf.datasets.flow_writer import FlowFiles, file_names, picture_of, write_flow
from mer_tf.errors import ConfigError
from mer_tf.preprocessing.strain import motion

CLIPS = [("casme2", "sub01", "EP01_01f"), ("casme2", "sub02", "EP01_01f"), ("samm", "006", "006_1_2")]
CLASSES = ("negative", "positive", "surprise")
Y, X = np.mgrid[:32, :32] / 31
MOTION = np.stack(
    [motion(np.stack([np.sin(4 * X + k), (k + 1) * Y * X], axis=-1).astype(np.float32)) for k in range(3)]
)


def write(out, **settings):
    return write_flow(out, MOTION, [0, 1, 2], CLIPS, CLASSES, FlowFiles(**settings))


@pytest.mark.parametrize("layout", ["flat", "subjects"])
def test_pictures_are_read_again(tmp_path, layout):
    told = write(tmp_path, layout=layout)
    assert told["files"] == (3 if layout == "flat" else 9)
    data = read_flow_images(tmp_path / "flow", tmp_path / "labels.csv", strict=True)
    assert data.keys == ("casme2/sub01/EP01_01f", "casme2/sub02/EP01_01f", "samm/006/006_1_2")
    assert data.labels.tolist() == [0, 1, 2] and not data.problems and data.sizes == {32: 3}
    low, high = MOTION.min(axis=(1, 2), keepdims=True), MOTION.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(data.images / 255, (MOTION - low) / (high - low), atol=0.501 / 255)


@pytest.mark.parametrize("format", ["flo", "npy", "npz"])
@pytest.mark.parametrize("layout", ["flat", "subjects"])
def test_arrays_are_read_again_bit_by_bit(tmp_path, format, layout):
    write(tmp_path, format=format, layout=layout)
    data = read_flow_arrays(tmp_path / "flow", tmp_path / "labels.csv", 32, strict=True)
    np.testing.assert_array_equal(data.images, MOTION)


def test_sizes(tmp_path):
    write(tmp_path / "p", size=16)
    assert read_flow_images(tmp_path / "p" / "flow", tmp_path / "p" / "labels.csv").sizes == {16: 3}
    write(tmp_path / "a", size=16, format="npy")
    flow = np.load(tmp_path / "a" / "flow" / "sub01_EP01_01f.npy")
    blocks = MOTION[0, ..., :2].reshape(16, 2, 16, 2, 2).mean(axis=(1, 3)) / 2
    np.testing.assert_allclose(flow, blocks, atol=1e-6)


def test_scalings():
    one = np.zeros((4, 4, 3), np.float32)
    one[0, 0], one[3, 3] = (2.0, -1.0, 0.5), (-1.0, 0.5, 0.0)
    symmetric = picture_of(one, FlowFiles(scaling="symmetric"))
    assert symmetric[0, 0].tolist() == [255, 0, 255] and symmetric[1, 1].tolist() == [128, 128, 0]
    assert symmetric[3, 3].tolist() == [64, 191, 0]
    fixed = picture_of(one, FlowFiles(scaling="fixed", pixels=2.0))
    assert fixed[0, 0].tolist() == [255, 64, 128] and fixed[1, 1].tolist() == [128, 128, 0]
    stretched = picture_of(one, FlowFiles())
    assert stretched[0, 0].tolist() == [255, 0, 255] and stretched[1, 1].tolist() == [85, 170, 0]
    for scaling, still in (("stretched", [0, 0, 0]), ("symmetric", [128, 128, 0]), ("fixed", [128, 128, 0])):
        assert picture_of(np.zeros((4, 4, 3)), FlowFiles(scaling=scaling))[2, 2].tolist() == still


def test_names():
    assert file_names(CLIPS) == ["sub01_EP01_01f", "sub02_EP01_01f", "006_006_1_2"]
    assert file_names([("a", "s1", "x"), ("b", "s1", "x")]) == ["a/s1_x", "b/s1_x"]
    with pytest.raises(ConfigError, match=r"clip a/\.\./x cannot name a file"):
        file_names([("a", "..", "x")])
    with pytest.raises(ConfigError, match="two clips would be the file 'a/s_1_x'"):
        file_names([("a", "s", "1_x"), ("a", "s_1", "x")])


def test_one_name_in_two_sets(tmp_path):
    clips = [("casme2", "01", "x"), ("samm", "01", "x"), ("samm", "02", "y")]
    write_flow(tmp_path, MOTION, [0, 1, 2], clips, CLASSES, FlowFiles(format="npy"))
    data = read_flow_arrays(tmp_path / "flow", tmp_path / "labels.csv", 32, strict=True)
    np.testing.assert_array_equal(data.images, MOTION)
    with pytest.raises(ConfigError, match="one folder per subject cannot hold"):
        write_flow(tmp_path / "other", MOTION, [0, 1, 2], clips, CLASSES, FlowFiles(layout="subjects"))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("settings", [{"format": "gif"}, {"layout": "deep"}, {"size": 4}, {"pixels": 0.0}])
def test_settings_out_of_range(settings):
    with pytest.raises(ConfigError):
        FlowFiles(**settings)
