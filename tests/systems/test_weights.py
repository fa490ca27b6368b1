from __future__ import annotations

import keras
import numpy as np
import pytest
from model_case import input_shapes, trainable_weights, without_weights

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.systems.atscnn.atscnn import ATSCNN
from mer_tf.systems.dual_atme.dual_atme import DualATME
from mer_tf.systems.weights import load_model_weights


@pytest.fixture(scope="module")
def model():
    return ATSCNN(size=16, literal_head=True, seed=1)


def zeros(model):
    again = type(model).from_config(model.get_config())
    again.set_weights([np.zeros_like(value) for value in again.get_weights()])
    return again


@pytest.mark.parametrize("name", ["file.keras", "file.weights.h5"])
def test_both_kinds_of_file(model, tmp_path, name):
    path = tmp_path / name
    model.save(path) if path.suffix == ".keras" else model.save_weights(path)
    again = zeros(model)
    load_model_weights(again, path)
    for one, two in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(one, two)


def test_saved_model_of_another_kind_is_named(model, tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(tmp_path / "other.keras")
    with pytest.raises(ConfigError, match="holds the weights of Functional, not of ATSCNN"):
        load_model_weights(model, tmp_path / "other.keras")


def test_saved_model_for_other_classes_is_named(model, tmp_path):
    ATSCNN(num_classes=5, size=16, literal_head=True).save(tmp_path / "five.keras")
    with pytest.raises(ConfigError, match="ATSCNN for 5 classes, but this model has 3"):
        load_model_weights(model, tmp_path / "five.keras")


def test_other_options_of_the_same_class_are_refused(tmp_path):
    model = DualATME(branches="puzzle")
    model.save_weights(tmp_path / "puzzle.weights.h5")
    with pytest.raises(ConfigError, match="do not fit"):
        load_model_weights(DualATME(branches="face"), tmp_path / "puzzle.weights.h5")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("file.keras", b"PK no zip", "not a saved Keras model"),
        ("file.weights.h5", b"no hdf5", "do not fit"),
        ("file.pth", b"", r"come from a \.keras or \.weights\.h5 file, or by layer name from an \.npz"),
    ],
)
def test_damaged_and_foreign_files(model, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_model_weights(model, tmp_path / name)


def test_absent_file(model, tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.keras"):
        load_model_weights(model, tmp_path / "none.keras")


def test_shapes_without_memory_equal_those_of_a_built_model():
    light, built = without_weights(ATSCNN), ATSCNN()
    assert trainable_weights(light) == trainable_weights(built)
    assert input_shapes(light) == input_shapes(built)
