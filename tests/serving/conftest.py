"""A real exported model and a real server on the loopback interface."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving")

CLASSES = ("negative", "positive", "surprise")


@pytest.fixture(scope="session")
def recipe():
    from mer_tf.preprocessing.flow import TVL1Config
    from mer_tf.recipes import Recipe, View

    return Recipe(
        "tiny",
        "test",
        flow=TVL1Config(),
        crop_size=32,
        puzzle_size=48,
        arrays=("face", "puzzle"),
        views=(View("face", "face", "motion", "pm1", 16), View("puzzle", "puzzle", "motion", "pm1", 16)),
    )


@pytest.fixture(scope="session")
def make_model(recipe):
    """Builds a small two-input network whose weights depend on the seed."""

    def make(seed=0, recipe=recipe, classes=3):
        import keras

        keras.utils.set_random_seed(seed)
        inputs = {name: keras.Input(shape, name=name) for name, shape in recipe.network_inputs.items()}
        streams = [keras.layers.Conv2D(4, 3, strides=2, activation="selu")(value) for value in inputs.values()]
        joined = streams[0] if len(streams) == 1 else keras.layers.Concatenate()(streams)
        joined = keras.layers.BatchNormalization()(keras.layers.GlobalAveragePooling2D()(joined))
        outputs = keras.layers.Dense(classes, activation="softmax")(keras.layers.Dropout(0.5)(joined))
        return keras.Model(inputs, outputs)

    return make


@pytest.fixture(scope="session")
def model(make_model):
    return make_model()


@pytest.fixture(scope="session")
def model_dir(model, recipe, tmp_path_factory):
    """A pushed model: versions 2 and 10 (so that the order of text and of numbers differ) and a stray folder."""
    from mer_tf.export import export_saved_model
    from mer_tf.serving.warmup import write_warmup_requests

    folder = tmp_path_factory.mktemp("pushed") / "a mer model"
    for version in (2, 10):
        export_saved_model(model, recipe, CLASSES, folder / str(version), model_name="tiny_net")
    write_warmup_requests(folder / "10", batch_sizes=(1, 3))
    (folder / "tmp-11").mkdir()
    (folder / "11").mkdir()  # a version still being copied has no saved_model.pb yet
    return folder


@pytest.fixture(scope="session")
def server(model_dir):
    from mer_tf.serving.server import MerServer

    with MerServer(model_dir) as server:
        yield server


@pytest.fixture
def client(server):
    from mer_tf.serving.client import PredictionClient

    with PredictionClient(server.address) as client:
        yield client


@pytest.fixture(scope="session")
def motion(recipe):
    """Random motion of a few clips, with the magnitudes of real flow."""

    def make(batch, seed=0):
        random = np.random.default_rng(seed)
        return {
            name: random.normal(0, 0.5, (batch, *shape)).astype(np.float32) for name, shape in recipe.inputs.items()
        }

    return make


@pytest.fixture(scope="session")
def to_examples():
    def make(tensors):
        import tensorflow as tf

        records = []
        for index in range(len(next(iter(tensors.values())))):
            feature = {
                name: tf.train.Feature(float_list=tf.train.FloatList(value=tensor[index].ravel()))
                for name, tensor in tensors.items()
            }
            records.append(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
        return records

    return make
