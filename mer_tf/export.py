"""SavedModel export: one model, its recipe and its class names, as TensorFlow Serving reads them.

Three signatures are written. ``serving_default`` takes the tensors that ``ClipPreprocessor`` yields,
``examples`` takes serialized motion records (``mer_tf.features``), and ``describe`` answers with a JSON text that
says how to make those inputs and what the model was trained on, so that a client needs no file beside the server. The
second half of the recipe (``network_input``) runs inside the graph, hence training and serving cannot drift apart; so
does the motion gate, on the arrays before any normalisation: a still face is answered ``no_motion``.

Every output has the batch as first dimension, because TensorFlow Serving's batching splits all of them along it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping

import tensorflow as tf

import mer_tf
from mer_tf import served
from mer_tf.errors import BadInputError, ConfigError
from mer_tf.preprocessing import network_input
from mer_tf.preprocessing.gate import motion_magnitude, motion_unit
from mer_tf.recipes import Recipe

LOGGER = logging.getLogger(__name__)

NO_GATE = {"floor": None, "reason": "nothing was told of the training when the model was exported"}


def export_saved_model(
    model,
    recipe: Recipe,
    classes,
    path,
    *,
    model_name: str,
    transform=None,
    feature_spec=None,
    training: Mapping | None = None,
) -> dict:
    """Writes a SavedModel with the signatures ``serving_default``, ``examples`` and ``describe``.

    Args:
        model: Keras model that takes a dict keyed by ``recipe.network_inputs`` (float32, batch first) and returns
            probabilities of shape (batch, classes), float, each row summing to 1.
        recipe: The recipe the model was trained on.
        classes: Class names by index.
        path: Folder to write; must be absent or empty. For TensorFlow Serving its last part is the version number.
        model_name: Registry name of the model, told to clients by ``describe``.
        transform: Optional callable from parsed features (dict, batch first) to the network's inputs, used for
            ``examples`` instead of ``network_input``; a TFT ``transform_features_layer`` travels this way. Outputs
            beyond the network's inputs are ignored.
        feature_spec: Optional ``tf.io`` specification that ``transform`` wants the examples parsed with. The
            default parses one float feature per entry of ``recipe.inputs``, of its shape.
        training: What ``mer_tf.training.training_description`` returns. Without it the model has no gate and does not
            know what it was trained on, which its clients then say.

    Returns:
        The description that ``describe`` answers with and ``assets.extra/mer.json`` holds.

    Raises:
        ConfigError: Where model, recipe and classes do not fit together.
        BadInputError: Where ``path`` holds something already.
    """
    path = str(path)
    classes = tuple(str(name) for name in classes)
    _check_model(model, recipe, classes)
    if tf.io.gfile.exists(path) and (not tf.io.gfile.isdir(path) or tf.io.gfile.listdir(path)):
        raise BadInputError(f"{path} exists and is not an empty folder; give another --out or version number")
    description = {
        "format": served.FORMAT,
        served.MODEL: model_name,
        served.CLASSES: list(classes),
        served.RECIPE: recipe.to_json(),
        served.RECIPE_HASH: recipe.hash,
        served.INPUTS: {name: list(shape) for name, shape in recipe.inputs.items()},
        served.MER_TF: mer_tf.__version__,
        served.VERSIONS: dict((training or {}).get(served.VERSIONS) or {}),
        served.GATE: dict((training or {}).get(served.GATE) or NO_GATE),
        served.TRAINED_ON: (training or {}).get(served.TRAINED_ON),
    }
    floor = description[served.GATE]["floor"]
    if floor is not None and not motion_unit(recipe):
        raise ConfigError(f"the arrays of recipe {recipe.name!r} show no motion; it takes no floor")
    text = json.dumps(description, sort_keys=True)
    module = _ServedModel(model, recipe, classes, text, transform, feature_spec, floor)
    tf.saved_model.save(module, path, signatures=module.signatures())
    extra = tf.io.gfile.join(path, served.EXTRA_FOLDER)
    tf.io.gfile.makedirs(extra)
    with tf.io.gfile.GFile(tf.io.gfile.join(extra, served.DESCRIPTION_FILE), "w") as file:
        file.write(json.dumps(description, sort_keys=True, indent=2) + "\n")
    LOGGER.info("exported %s (recipe %s, %s) to %s", model_name, recipe.name, recipe.hash, path)
    return description


def newest_version(folder: str | os.PathLike) -> int | None:
    """The highest version that a folder has, whole or not, since servers look at the numbers; None without any."""
    if not tf.io.gfile.isdir(os.fspath(folder)):
        return None
    numbers = [served.version_number(name.rstrip("/")) for name in tf.io.gfile.listdir(os.fspath(folder))]
    return max((number for number in numbers if number is not None), default=None)


def next_version(folder: str | os.PathLike) -> int:
    """Seconds since 1970, or one more than the highest version of the folder where that is greater.

    Servers take the largest number, so a version of today must be above one that a clock ahead of ours once gave.

    Raises:
        ConfigError: There is no greater number.
    """
    newest = newest_version(folder)
    if newest is not None and newest >= served.MAX_VERSION:
        raise ConfigError(
            f"{os.fspath(folder)} has version {newest}, the highest number there is, so that no server would take "
            "another; rename or remove it"
        )
    return max(int(time.time()), 0 if newest is None else newest + 1)


def read_description(path) -> dict:
    """The description of an exported SavedModel, read from ``assets.extra/mer.json``.

    Raises:
        BadInputError: Where the file is absent or no JSON object.
    """
    file_name = tf.io.gfile.join(str(path), served.EXTRA_FOLDER, served.DESCRIPTION_FILE)
    try:
        with tf.io.gfile.GFile(file_name) as file:
            description = json.loads(file.read())
    except (tf.errors.OpError, UnicodeDecodeError, ValueError) as error:
        raise BadInputError(f"{file_name} cannot be read; export the model again with mer-tf") from error
    if not isinstance(description, dict):
        raise BadInputError(f"{file_name} must hold a JSON object; export the model again with mer-tf")
    return description


class _ServedModel(tf.Module):
    """What is saved: the variables, the transform where there is one, and nothing of Keras.

    Keras' own traces of each layer are left out on purpose (the model itself is not an attribute): they are
    never called when serving and cost most of the export's time and size.
    """

    def __init__(self, model, recipe, classes, description, transform, feature_spec, floor):
        super().__init__(name="mer")
        # Keras 3 wraps its variables; SavedModel tracks the TensorFlow variable inside.
        self.model_variables = [
            variable if isinstance(variable, tf.Variable) else variable.value for variable in model.variables
        ]
        if transform is not None:
            self.transform = transform  # tracked, so that vocabularies and other resources are saved
        self._recipe = recipe

        def answer(network, arrays):
            missing = sorted(set(recipe.network_inputs) - set(network))
            if missing:
                raise ConfigError(
                    f"the transform yields {sorted(network)} but the network of recipe {recipe.name!r} needs {missing}"
                )
            inputs = {
                name: tf.ensure_shape(network[name], (None, *shape)) for name, shape in recipe.network_inputs.items()
            }
            probabilities = tf.cast(model(inputs, training=False), tf.float32)
            label = tf.argmax(probabilities, axis=-1, output_type=tf.int64)
            outputs = {
                served.PROBABILITIES: probabilities,
                served.LABEL: label,
                served.CLASS: tf.gather(tf.constant(classes), label),
                served.RECIPE_HASH: tf.fill(tf.shape(label), tf.constant(recipe.hash)),
            }
            return outputs if floor is None else gated(outputs, arrays)

        def gated(outputs, arrays):
            # A transform's own specification may parse the arrays flat.
            arrays = {name: tf.reshape(arrays[name], (-1, *shape)) for name, shape in recipe.inputs.items()}
            motion = motion_magnitude(arrays, recipe)
            still = motion < floor
            named = tf.where(still, tf.constant(served.NO_MOTION), outputs[served.CLASS])
            return {**outputs, served.CLASS: named, served.MOTION: motion, served.NO_MOTION: still}

        def motion(tensors):
            tensors = {name: _finite(tensors[name], name) for name in recipe.inputs}
            return answer(network_input(tensors, recipe), tensors)

        specs = {name: tf.TensorSpec((None, *shape), tf.float32, name=name) for name, shape in recipe.inputs.items()}

        # A signature's inputs are the function's keyword arguments, one per motion tensor.
        @tf.function(input_signature=[specs])
        def by_tensors(tensors):
            return motion(tensors)

        default_spec = {name: tf.io.FixedLenFeature(shape, tf.float32) for name, shape in recipe.inputs.items()}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=served.EXAMPLES_INPUT)])
        def by_examples(examples):
            if transform is None:
                return motion(tf.io.parse_example(examples, default_spec))
            parsed = tf.io.parse_example(examples, feature_spec or default_spec)
            parsed = {
                name: _finite(value, name) if name in recipe.inputs and isinstance(value, tf.Tensor) else value
                for name, value in parsed.items()
            }
            return answer(transform(parsed), parsed)

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, name=served.DESCRIBE_INPUT)])
        def describe(unused):
            return {served.DESCRIPTION: tf.fill(tf.shape(unused), tf.constant(description))}

        self.by_tensors = by_tensors
        self.by_examples = by_examples
        self.describe = describe

    def signatures(self) -> dict:
        return {
            served.BY_TENSORS: self.by_tensors,
            served.BY_EXAMPLES: self.by_examples,
            served.DESCRIBE: self.describe,
        }


def _finite(tensor, name: str):
    # A NaN would come out as a class name with NaN probabilities: refuse it where every server runs it.
    return tf.debugging.check_numerics(tensor, f"motion tensor {name!r} must be finite")


def _check_model(model, recipe: Recipe, classes) -> None:
    if len(classes) < 2 or len(set(classes)) != len(classes) or served.NO_MOTION in classes:
        raise ConfigError(
            f"classes must be at least two different names, none of them {served.NO_MOTION!r}. "
            f"Received: {list(classes)}"
        )
    wanted = {name: tuple(shape) for name, shape in recipe.network_inputs.items()}
    received = {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}
    if wanted != received:
        raise ConfigError(
            f"the model takes {received} but recipe {recipe.name!r} yields {wanted}; "
            "train the model on this recipe, or export it with its own"
        )
    outputs = model.output_shape
    if not isinstance(outputs, tuple | list) or len(outputs) != 2 or outputs[-1] != len(classes):
        raise ConfigError(
            f"the model's output must have shape (batch, {len(classes)}) for classes {list(classes)}. "
            f"Received: {outputs}"
        )
