from __future__ import annotations

import pickle

import numpy as np
import pytest

from mer_tf.training.shared import shared


def test_clips_are_not_in_the_pickle_and_come_whole_and_unchangeable(make_data):
    data = make_data("ststnet", subjects=20, clips=5)
    data.as_network(), data.fingerprint  # what is computed on the way is not sent along
    assert len(pickle.dumps(data)) > data.tensors["face"].nbytes
    with shared(data) as sent:
        text = pickle.dumps(sent)
        assert len(text) < data.tensors["face"].nbytes / 20
        found = pickle.loads(text)
    # What was opened stays after the block.
    assert found.keys == data.keys and found.fingerprint == data.fingerprint
    np.testing.assert_array_equal(found.tensors["face"], data.tensors["face"])
    with pytest.raises(ValueError, match="read-only"):
        found.tensors["face"][0] = 0
    with pytest.raises(OSError):
        pickle.loads(text)
    assert isinstance(data.tensors["face"], np.ndarray)


def test_where_there_is_no_such_memory_the_clips_are_sent(make_data, monkeypatch):
    monkeypatch.delattr("os.memfd_create")
    data = make_data("ststnet")
    with shared(data) as sent:
        assert pickle.loads(pickle.dumps(sent)).fingerprint == data.fingerprint
