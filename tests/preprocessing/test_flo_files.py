"""Flow files: exact bytes, exact round trips, and everything that can be wrong with one."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mer_tf.preprocessing.flow import read_flo, write_flo


def test_bytes_of_a_small_file(tmp_path):
    flow = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    write_flo(tmp_path / "a.flo", flow)
    data = (tmp_path / "a.flo").read_bytes()
    assert data == b"PIEH" + struct.pack("<ii", 3, 2) + struct.pack("<12f", *range(12))
    assert struct.unpack("<f", data[:4])[0] == 202021.25


@pytest.mark.parametrize("shape", [(1, 1, 2), (5, 7, 2), (240, 320, 2), (1, 99_999, 2)])
def test_round_trip_keeps_every_bit(tmp_path, shape):
    bits = np.random.default_rng(0).integers(0, 2**32, shape, dtype=np.uint32)  # NaN payloads and infinities too
    write_flo(tmp_path / "ü.flo", bits.view(np.float32))
    back = read_flo(tmp_path / "ü.flo")
    assert back.shape == shape
    assert back.dtype == np.float32
    assert back.flags.writeable
    np.testing.assert_array_equal(back.view(np.uint32), bits)


def test_views_and_byte_orders(tmp_path):
    flow = np.random.default_rng(1).normal(size=(6, 8, 2)).astype(np.float32)
    for view in (flow[::2, ::-1], flow.transpose(1, 0, 2), flow.astype(">f4")):
        write_flo(tmp_path / "v.flo", view)
        np.testing.assert_array_equal(read_flo(tmp_path / "v.flo"), view)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "0 bytes are too short"),
        (b"PIEH\x01", "5 bytes are too short"),
        (b"HEIP" + struct.pack("<ii2f", 1, 1, 0, 0), "not a flow file"),
        (struct.pack(">f", 202021.25) + struct.pack(">ii2f", 1, 1, 0, 0), "not a flow file"),
        (b"PIEH" + struct.pack("<ii", -1, 1), "-1x1; sides"),
        (b"PIEH" + struct.pack("<ii", 1, 0), "1x0; sides"),
        (b"PIEH" + struct.pack("<ii", 100_000, 1), "100000x1; sides"),
        (b"PIEH" + struct.pack("<ii", 99_999, 99_999), "12 bytes instead of 79998400020"),
        (b"PIEH" + struct.pack("<ii2f", 1, 1, 0, 0)[:-1], "19 bytes instead of 20"),
        (b"PIEH" + struct.pack("<ii2f", 1, 1, 0, 0) + b"\0", "21 bytes instead of 20"),
    ],
)
def test_damaged_files(tmp_path, data, said):
    path = tmp_path / "damaged.flo"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=said) as caught:
        read_flo(path)
    assert "damaged.flo" in str(caught.value)


def test_absent_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_flo(tmp_path / "none.flo")


@pytest.mark.parametrize(
    ("flow", "error"),
    [
        (np.zeros((2, 2, 2)), TypeError),
        ([[[0.0, 0.0]]], TypeError),
        (np.zeros((2, 2, 3), np.float32), ValueError),
        (np.zeros((2, 2), np.float32), ValueError),
        (np.zeros((0, 2, 2), np.float32), ValueError),
        (np.zeros((1, 100_000, 2), np.float32), ValueError),
    ],
)
def test_what_cannot_be_written(tmp_path, flow, error):
    with pytest.raises(error, match="flow must be"):
        write_flo(tmp_path / "a.flo", flow)
    assert not (tmp_path / "a.flo").exists()
