"""Flow fields in files: what is read, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from mer_tf.datasets.flow_arrays import read_flow_array, sized_motion
from mer_tf.datasets.flow_images import read_flow_arrays, read_flow_images
from mer_tf.errors import DatasetNotFoundError, ImageError
from mer_tf.preprocessing.flow import write_flo
from mer_tf.preprocessing.strain import motion

FLOW = np.random.default_rng(0).normal(size=(12, 12, 2)).astype(np.float32)


def test_every_form_is_the_same_field(tmp_path):
    write_flo(tmp_path / "a.flo", FLOW)
    np.save(tmp_path / "a.npy", FLOW)
    np.save(tmp_path / "first.npy", np.moveaxis(FLOW, -1, 0))
    np.save(tmp_path / "strain.npy", motion(FLOW).astype(np.float64))
    np.savez(tmp_path / "uv.npz", u=FLOW[..., 0], v=FLOW[..., 1], other=np.zeros(3))
    np.savez_compressed(tmp_path / "flow.npz", flow=FLOW, more=np.zeros(3))
    np.savez(tmp_path / "one.npz", FLOW)
    for path in sorted(tmp_path.iterdir()):
        read = read_flow_array(path)
        assert read.dtype == np.float32, path
        np.testing.assert_array_equal(read, FLOW, err_msg=str(path))


def test_what_is_no_field_is_named(tmp_path):
    def said(array, name="a.npy"):
        np.save(tmp_path / name, array)
        with pytest.raises(ImageError) as caught:
            read_flow_array(tmp_path / name, "casme2/sub01/a")
        assert str(caught.value).startswith(f"casme2/sub01/a: file '{name}'")
        return str(caught.value)

    assert "it is 14x12; the field of a square face crop" in said(np.zeros((12, 14, 2)))
    assert "an array of (12, 12)" in said(np.zeros((12, 12)))
    assert "not finite" in said(np.full((12, 12, 2), np.nan))
    assert "no numbers" in said(np.full((12, 12, 2), "x"))
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': "
                                     b"(90000, 90000, 2), }".ljust(127) + b"\n")  # fmt: skip
    np.savez(tmp_path / "c.npz", a=FLOW, b=FLOW)
    np.save(tmp_path / "d.npy", np.array([{}], object))
    (tmp_path / "e.flo").write_bytes(b"PIEH")
    (tmp_path / "f.npz").write_bytes(b"PK")
    words = {
        "b.npy": "promises an array",
        "c.npz": "u and v, flow, or one array",
        "d.npy": "Object arrays",
        "e.flo": "too short",
    }
    for name, text in {**words, "f.npz": "zip file", "nowhere.flo": "is missing"}.items():
        with pytest.raises(ImageError, match=text):
            read_flow_array(tmp_path / name)


def test_pixels_change_with_the_size_and_strain_is_computed_there():
    steady = np.full((16, 16, 2), 2.0, np.float32)
    made = sized_motion(steady, 8)
    np.testing.assert_allclose(made, np.broadcast_to([1.0, 1.0, 0.0], (8, 8, 3)), atol=1e-6)
    y, x = np.mgrid[:16, :16].astype(np.float32)
    stretched = np.stack([0.1 * x, 0 * y], axis=-1)
    np.testing.assert_allclose(sized_motion(stretched, 8)[..., 2], 0.1, atol=1e-5)  # strain has no unit
    np.testing.assert_array_equal(sized_motion(FLOW, 12), motion(FLOW))


def test_a_folder_of_arrays_of_several_sizes(tmp_path):
    for name, side in (("sub01_a", 12), ("sub01_b", 24)):
        np.save(tmp_path / f"{name}.npy", np.full((side, side, 2), 1.0, np.float32))
    np.save(tmp_path / "sub02_c.npy", np.zeros((12, 14, 2)))
    labels = tmp_path / "labels.csv"
    labels.write_text("dataset,sub,filename_o,label\nx,sub01,a,0\nx,sub01,b,1\nx,sub02,c,2\n")
    data = read_flow_arrays(tmp_path, labels, 12)
    assert data.images.shape == (2, 12, 12, 3) and data.sizes == {12: 1, 24: 1} and data.partial
    assert [float(one[0, 0, 0]) for one in data.images] == [1.0, 0.5]
    with pytest.raises(
        DatasetNotFoundError, match=r"no \.png picture.*its 3 files such as 'sub01_a.npy' go with --flow-arr"
    ):
        read_flow_images(tmp_path, labels)
