from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from mer_tf.records import _floats  # noqa: E402


@pytest.mark.parametrize("count", [0, 1, 31, 32, 127, 128, 4096, 5000, 600_000])
def test_a_float_list_of_any_length_is_what_protobuf_makes(count):
    values = np.random.default_rng(count).normal(size=count).astype(np.float32)
    expected = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    made = _floats(values)
    assert made == expected
    assert made.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


def test_other_dtypes_and_strides():
    values = np.arange(12, dtype=np.float64).reshape(3, 4)[:, ::2].ravel()
    assert list(_floats(values).float_list.value) == [0, 2, 4, 6, 8, 10]
    assert list(_floats([25.0]).float_list.value) == [25.0]
