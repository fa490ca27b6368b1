"""The SavedModel against the model in memory, by both signatures."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.errors import BadInputError, ConfigError
from mer_tf.export import export_saved_model, read_description
from mer_tf.preprocessing import network_input
from mer_tf.recipes import Recipe, View, get_recipe
from mer_tf.systems.registry import MODELS, build_model, get_model_card

CLASSES = ("negative", "positive", "surprise")
PUZZLE = Recipe(
    "two",
    "test",
    crop_size=32,
    puzzle_size=48,
    arrays=("face", "puzzle"),
    views=(View("face", "face", "motion", "pm1", 16), View("puzzle", "puzzle", "motion", "pm1", 16)),
)
STREAMS = Recipe(
    "streams",
    "test",
    crop_size=40,
    views=tuple(View(name, "face", name, size=16) for name in ("u", "v", "strain")),
)


def make_model(recipe, classes=3, seed=0):
    keras.utils.set_random_seed(seed)
    inputs = {name: keras.Input(shape, name=name) for name, shape in recipe.network_inputs.items()}
    streams = [keras.layers.Conv2D(4, 3, strides=2, activation="selu")(value) for value in inputs.values()]
    joined = streams[0] if len(streams) == 1 else keras.layers.Concatenate()(streams)
    joined = keras.layers.BatchNormalization()(keras.layers.GlobalAveragePooling2D()(joined))
    outputs = keras.layers.Dense(classes, activation="softmax")(keras.layers.Dropout(0.5)(joined))
    return keras.Model(inputs, outputs)


def make_motion(recipe, batch, seed=0):
    random = np.random.default_rng(seed)
    return {name: random.normal(0, 0.5, (batch, *shape)).astype("float32") for name, shape in recipe.inputs.items()}


def make_examples(tensors):
    return [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    **{
                        name: tf.train.Feature(float_list=tf.train.FloatList(value=tensor[index].ravel()))
                        for name, tensor in tensors.items()
                    },
                    "subject": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"sub01"])),
                }
            )
        ).SerializeToString()
        for index in range(len(next(iter(tensors.values()))))
    ]


@pytest.fixture(scope="module", params=[PUZZLE, STREAMS], ids=lambda recipe: recipe.name)
def exported(request, tmp_path_factory):
    recipe = request.param
    model = make_model(recipe)
    path = tmp_path_factory.mktemp("export") / "with space" / "1"
    description = export_saved_model(model, recipe, CLASSES, path, model_name="toy")
    return recipe, model, path, description, tf.saved_model.load(str(path))


@pytest.mark.parametrize("batch", [1, 5])
def test_both_signatures_agree_with_the_model(exported, batch):
    recipe, model, _, _, loaded = exported
    tensors = make_motion(recipe, batch)
    expected = model(network_input(tensors, recipe), training=False).numpy()
    by_tensors = loaded.signatures["serving_default"](**{name: tf.constant(value) for name, value in tensors.items()})
    by_examples = loaded.signatures["examples"](examples=tf.constant(make_examples(tensors)))
    for answer in (by_tensors, by_examples):
        np.testing.assert_allclose(answer["probabilities"].numpy(), expected, atol=1e-6)
        np.testing.assert_array_equal(answer["label"].numpy(), expected.argmax(-1))
        assert [name.decode() for name in answer["class"].numpy()] == [CLASSES[i] for i in expected.argmax(-1)]
        assert list(answer["recipe_hash"].numpy()) == [recipe.hash.encode()] * batch
        assert answer["label"].dtype == tf.int64
    assert np.ptp(expected, axis=0).max() > 0 or batch == 1  # the network does look at its input


def test_every_output_has_the_batch_first(exported):
    # TensorFlow Serving's batching splits every output along it.
    recipe, _, _, _, loaded = exported
    tensors = {name: tf.constant(value) for name, value in make_motion(recipe, 4).items()}
    assert {tuple(value.shape)[:1] for value in loaded.signatures["serving_default"](**tensors).values()} == {(4,)}
    assert loaded.signatures["describe"](unused=tf.zeros(2, tf.int32))["description"].shape == (2,)


def test_description_travels_in_the_graph_and_beside_it(exported):
    recipe, _, path, description, loaded = exported
    text = loaded.signatures["describe"](unused=tf.zeros(1, tf.int32))["description"].numpy()[0]
    assert json.loads(text) == description == read_description(path)
    assert Recipe.from_json(description["recipe"]) == recipe
    assert description["recipe_hash"] == recipe.hash
    assert description["classes"] == list(CLASSES)
    assert description["model"] == "toy"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("signature", ["serving_default", "examples"])
def test_a_tensor_that_is_not_finite_is_refused_by_name(exported, value, signature):
    recipe, _, _, _, loaded = exported
    tensors = make_motion(recipe, 2)
    tensors["face"][1, 3, 3, 2] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match="'face' must be finite"):
        if signature == "examples":
            loaded.signatures["examples"](examples=tf.constant(make_examples(tensors)))
        else:
            loaded.signatures["serving_default"](**{name: tf.constant(value) for name, value in tensors.items()})


def test_still_faces_give_finite_probabilities(exported):
    recipe, _, _, _, loaded = exported
    tensors = {name: tf.zeros((1, *shape)) for name, shape in recipe.inputs.items()}
    probabilities = loaded.signatures["serving_default"](**tensors)["probabilities"].numpy()
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize("records", [[b"garbage"], [b""], [b"\x00" * 1000]])
def test_malformed_examples_raise(exported, records):
    with pytest.raises(tf.errors.InvalidArgumentError):
        exported[-1].signatures["examples"](examples=tf.constant(records))


def test_trained_batch_statistics_are_exported(tmp_path):
    model = make_model(STREAMS)
    normalisation = next(layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization))
    normalisation.set_weights([value + 0.7 for value in normalisation.get_weights()])
    export_saved_model(model, STREAMS, CLASSES, tmp_path / "1", model_name="toy")
    tensors = make_motion(STREAMS, 3)
    expected = model(network_input(tensors, STREAMS), training=False).numpy()
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    answer = loaded.signatures["serving_default"](**{name: tf.constant(value) for name, value in tensors.items()})
    np.testing.assert_allclose(answer["probabilities"].numpy(), expected, atol=1e-6)


def test_a_transform_travels_with_its_resources(tmp_path):
    class Transform(tf.Module):
        """Stands where TFT's layer stands: a graph with a resource of its own."""

        def __init__(self):
            super().__init__()
            self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["sub01"], [1.0]), -1.0)

        def __call__(self, parsed):
            factor = self.table.lookup(parsed["subject"])[:, None, None, None]
            tensors = {"face": tf.reshape(parsed["face"], (-1, 40, 40, 3)) * factor}
            return {**network_input(tensors, STREAMS), "label": tf.zeros(1)}

    model = make_model(STREAMS)
    spec = {"face": tf.io.FixedLenFeature((40 * 40 * 3,), tf.float32), "subject": tf.io.FixedLenFeature((), tf.string)}
    export_saved_model(
        model, STREAMS, CLASSES, tmp_path / "1", model_name="toy", transform=Transform(), feature_spec=spec
    )
    tensors = make_motion(STREAMS, 3)
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    by_tensors = loaded.signatures["serving_default"](face=tf.constant(tensors["face"]))["probabilities"]
    by_examples = loaded.signatures["examples"](examples=tf.constant(make_examples(tensors)))["probabilities"]
    np.testing.assert_allclose(by_examples, by_tensors, atol=1e-6)


@pytest.mark.tfx
def test_tft_layer_and_network_input_agree(tmp_path):
    """Both signatures give the same answer for the same clip where TFT's graph is in ``examples``."""
    tft = pytest.importorskip("tensorflow_transform")
    from tensorflow_transform import beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

    def preprocessing_fn(inputs):
        return network_input({"face": inputs["face"]}, STREAMS)

    spec = {"face": tf.io.FixedLenFeature((40, 40, 3), tf.float32)}
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    tensors = make_motion(STREAMS, 3)
    rows = [{"face": face} for face in tensors["face"]]
    with tft_beam.Context(temp_dir=str(tmp_path / "tmp")):
        (_, _), transform_fn = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn)
        transform_fn | tft_beam.WriteTransformFn(str(tmp_path / "transform"))
    layer = tft.TFTransformOutput(str(tmp_path / "transform")).transform_features_layer()
    export_saved_model(
        make_model(STREAMS), STREAMS, CLASSES, tmp_path / "1", model_name="toy", transform=layer, feature_spec=spec
    )
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    by_tensors = loaded.signatures["serving_default"](face=tf.constant(tensors["face"]))["probabilities"]
    by_examples = loaded.signatures["examples"](examples=tf.constant(make_examples(tensors)))["probabilities"]
    np.testing.assert_allclose(by_examples, by_tensors, atol=1e-6)


def test_misfits_are_refused_before_anything_is_written(tmp_path):
    model = make_model(STREAMS)
    path = tmp_path / "1"
    with pytest.raises(ConfigError, match=r"recipe 'two' yields"):
        export_saved_model(model, PUZZLE, CLASSES, path, model_name="toy")
    with pytest.raises(ConfigError, match=r"\(batch, 2\)"):
        export_saved_model(model, STREAMS, ("a", "b"), path, model_name="toy")
    with pytest.raises(ConfigError, match="different names"):
        export_saved_model(model, STREAMS, ("a", "a", "b"), path, model_name="toy")
    with pytest.raises(ConfigError, match="network of recipe 'streams' needs"):
        export_saved_model(
            model, STREAMS, CLASSES, path, model_name="toy", transform=lambda parsed: {"u": parsed["face"]}
        )
    assert not path.exists()


def test_an_existing_export_is_not_overwritten(exported, tmp_path):
    recipe, model, path, _, _ = exported
    with pytest.raises(BadInputError, match="exists"):
        export_saved_model(model, recipe, CLASSES, path, model_name="toy")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInputError, match="exists"):
        export_saved_model(model, recipe, CLASSES, tmp_path / "file", model_name="toy")


@pytest.mark.parametrize("text", ["{", "[1]", "\udcff"])
def test_a_damaged_description_is_named(tmp_path, text):
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "mer.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInputError, match=r"mer\.json"):
        read_description(tmp_path)
    with pytest.raises(BadInputError, match=r"mer\.json"):
        read_description(tmp_path / "absent")


# In full size, so one of each kind of input; the others are marked large.
EXPORTED = ("atscnn", "dual_atme", "off_apexnet", "ststnet")


@pytest.mark.parametrize(
    "name",
    [
        name if name in EXPORTED else pytest.param(name, marks=pytest.mark.large)
        for name, card in sorted(MODELS.items())
        if card.is_network
    ],
)
@pytest.mark.slow
def test_models_of_the_registry_agree_with_their_export(name, tmp_path):
    recipe = get_recipe(get_model_card(name).recipe)
    keras.utils.set_random_seed(1)
    model = build_model(name, num_classes=3)
    export_saved_model(model, recipe, CLASSES, tmp_path / "1", model_name=name)
    tensors = make_motion(recipe, 2)
    expected = model(network_input(tensors, recipe), training=False).numpy()
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    by_tensors = signatures["serving_default"](**{name: tf.constant(value) for name, value in tensors.items()})
    by_examples = signatures["examples"](examples=tf.constant(make_examples(tensors)))
    np.testing.assert_allclose(by_tensors["probabilities"], expected, atol=1e-6)
    np.testing.assert_allclose(by_examples["probabilities"], expected, atol=1e-6)
