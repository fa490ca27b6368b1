from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from mer_tf.errors import ConfigError  # noqa: E402
from mer_tf.recipes import get_recipe  # noqa: E402
from mer_tf.records import _floats, read_examples, to_example, write_motion_records  # noqa: E402
from mer_tf.types import Clip  # noqa: E402


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


def test_records_with_the_hash_of_the_release_before_are_read(tmp_path, caplog):
    recipe = get_recipe("onset_apex_28")
    clip = Clip(
        dataset="casme2", subject="sub01", clip="a", onset=1, apex=2, offset=3, fps=200.0, emotion="disgust",
        aus="", label=0, mapping="megc2019", frames=("1", "2", "3"), frame_numbers=(1, 2, 3),
    )  # fmt: skip
    example = to_example(clip, {"face": np.ones(recipe.inputs["face"], np.float32)}, recipe)
    for found, said in (("74d8828f3cbd9d08", None), ("08fd0f38c6faeedf", "recipe hash 08fd0f38c6faeedf")):
        example.features.feature["recipe_hash"].bytes_list.value[0] = found.encode()
        path = tmp_path / f"{found}.gz"
        write_motion_records(path, [example])
        if said is None:
            with caplog.at_level("INFO"):
                assert len(read_examples(path, recipe, recipe.inputs)["label"]) == 1
            assert "'onset_apex_28'" in caplog.text
        else:
            with pytest.raises(ConfigError, match=said):
                read_examples(path, recipe, recipe.inputs)
