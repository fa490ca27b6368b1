"""Motion records: one ``tf.train.Example`` per clip, features as ``mer_tf.features`` names them.

Files are gzip-compressed TFRecords. Tensors are float lists, row-major.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from mer_tf import features
from mer_tf.errors import ConfigError, EmptySplitError, MissingFileError
from mer_tf.files import check_regular
from mer_tf.recipes import Recipe, same_recipe
from mer_tf.types import Clip

MISSING_APEX = -1  # An int64 feature cannot be None; frame numbers are never negative.
_BATCH = 64


def encode_facts(clip: Clip) -> dict[str, tf.train.Feature]:
    """The facts of a clip as features, by the names of ``mer_tf.features``; its label must not be None."""
    facts = {name: _bytes(getattr(clip, name).encode()) for name in features.FACTS_BYTES}
    for name in features.FACTS_INT:
        value = getattr(clip, name)
        facts[name] = _int(MISSING_APEX if name == features.APEX and value is None else value)
    for name in features.FACTS_FLOAT:
        facts[name] = _floats([getattr(clip, name)])
    return facts


def to_example(clip: Clip, tensors: Mapping[str, np.ndarray], recipe: Recipe, provenance: Mapping | None = None):
    """One motion record.

    Args:
        clip: Facts of the clip; the label must not be None.
        tensors: Per entry of ``recipe.inputs`` a finite float32 array of that shape.
        recipe: Recipe that made the tensors.
        provenance: JSON-able account of how they were made.

    Returns:
        ``tf.train.Example``.

    Raises:
        ConfigError: A tensor is absent, has another shape or is not finite, or the label is None.
    """
    if clip.label is None:
        raise ConfigError(f"{clip.key} has no label under mapping {clip.mapping!r}; it cannot become a motion record")
    feature = encode_facts(clip)
    feature[features.RECIPE] = _bytes(recipe.name.encode())
    feature[features.RECIPE_HASH] = _bytes(recipe.hash.encode())
    feature[features.PROVENANCE] = _bytes(json.dumps(dict(provenance or {}), sort_keys=True).encode())
    for name, shape in recipe.inputs.items():
        if name not in tensors:
            raise ConfigError(f"{clip.key}: recipe {recipe.name!r} needs tensor {name!r}; got {sorted(tensors)}")
        array = np.asarray(tensors[name], np.float32)
        if array.shape != shape:
            raise ConfigError(f"{clip.key}: tensor {name!r} must have shape {shape}. Received: {array.shape}")
        if not np.isfinite(array).all():
            raise ConfigError(f"{clip.key}: tensor {name!r} holds values that are not finite")
        feature[name] = _floats(array.ravel())
    return tf.train.Example(features=tf.train.Features(feature=feature))


def encode_motion(clip: Clip, preprocessed, recipe: Recipe) -> bytes:
    """Serialized motion record of a ``mer_tf.preprocessing.Preprocessed``; same input, same bytes."""
    example = to_example(clip, preprocessed.tensors, recipe, preprocessed.provenance)
    return example.SerializeToString(deterministic=True)


def write_motion_records(path: str | os.PathLike, records: Iterable[bytes | tf.train.Example]) -> int:
    """Writes one gzip-compressed TFRecord file, whole or not at all.

    Returns:
        Number of records.
    """
    path = os.fspath(path)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.{os.getpid()}.writing"
    count = 0
    try:
        with tf.io.TFRecordWriter(temporary, options="GZIP") as writer:
            for record in records:
                writer.write(record if isinstance(record, bytes) else record.SerializeToString(deterministic=True))
                count += 1
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    return count


def record_files(paths: str | os.PathLike | Iterable[str | os.PathLike]) -> list[str]:
    """Files of the paths in order; a folder stands for its ``*.gz`` files.

    Raises:
        MissingFileError: A path is not there, or a folder holds no such file.
        BadInputError: A file is no regular one.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    files = []
    for path in map(os.fspath, paths):
        if os.path.isdir(path):
            inside = sorted(name for name in os.listdir(path) if name.endswith(".gz"))
            if not inside:
                raise MissingFileError(f"{path}: the folder holds no record file (*.gz)")
            files += [os.path.join(path, name) for name in inside]
        else:
            files.append(path)
    for path in files:
        check_regular(path, "record file")  # TensorFlow would wait for a pipe and never come back
    return files


def recorded_recipe(paths) -> str:
    """Name of the recipe that the first record was made with; ``""`` where no record can be read or says so.

    What is wrong with a file is for ``read_examples`` to tell.

    Raises:
        MissingFileError: As ``record_files``.
    """
    spec = {features.RECIPE: tf.io.FixedLenFeature((), tf.string, default_value="")}
    try:
        for record in tf.data.TFRecordDataset(record_files(paths), compression_type="GZIP").take(1):
            return _decode(tf.io.parse_single_example(record, spec)[features.RECIPE].numpy())
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError, tf.errors.InvalidArgumentError, UnicodeDecodeError):
        pass
    return ""


def read_examples(paths, recipe: Recipe, shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """Reads records whose tensors have the given names and shapes.

    Args:
        paths: A file, a folder, or several.
        recipe: Recipe the records must come from; records that carry a recipe hash are checked against it.
        shapes: Tensor name -> shape without batch.

    Returns:
        Arrays with one row per record: the tensors float32, ``dataset``, ``subject``, ``clip``, ``mapping`` object
        arrays of str, ``label`` int64.

    Raises:
        MissingFileError: A file is not there.
        EmptySplitError: No record at all.
        ConfigError: A file is not a gzip TFRecord of such records, or the recipe hash differs.
    """
    text = (features.DATASET, features.SUBJECT, features.CLIP, features.MAPPING)
    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in text[:3]}
    spec[features.MAPPING] = tf.io.FixedLenFeature((), tf.string, default_value="")
    spec[features.LABEL] = tf.io.FixedLenFeature((), tf.int64)
    for name, shape in shapes.items():
        spec[name] = tf.io.FixedLenFeature(tuple(shape), tf.float32)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in spec}
    for file in record_files(paths):
        try:
            for batch in tf.data.TFRecordDataset(file, compression_type="GZIP").batch(_BATCH):
                _check_hash(batch, recipe, file)
                for name, value in tf.io.parse_example(batch, spec).items():
                    parts[name].append(value.numpy())
        except (tf.errors.DataLossError, tf.errors.OutOfRangeError) as error:
            raise ConfigError(
                f"{file}: not a gzip-compressed TFRecord file, or cut short; prepare the data again"
            ) from error
        except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:  # TensorFlow cannot quote all bytes
            raise ConfigError(
                f"{file}: a record does not hold the features of recipe {recipe.name!r} "
                f"({', '.join(shapes)} and the facts): {str(error).splitlines()[0][:200]}"
            ) from error
    if not parts[features.LABEL]:
        raise EmptySplitError(f"{', '.join(record_files(paths)) or 'no files given'}: there are no records")
    arrays = {name: np.concatenate(values) for name, values in parts.items()}
    for name in text:
        arrays[name] = np.array([_decode(value) for value in arrays[name]], dtype=object)
    return arrays


def _check_hash(batch: tf.Tensor, recipe: Recipe, file: str) -> None:
    spec = {features.RECIPE_HASH: tf.io.FixedLenFeature((), tf.string, default_value="")}
    for value in set(tf.io.parse_example(batch, spec)[features.RECIPE_HASH].numpy().tolist()):
        if value and not same_recipe(_decode(value), recipe.hash):
            raise ConfigError(
                f"{file}: the records were made with recipe hash {_decode(value)}, but recipe {recipe.name!r} has "
                f"{recipe.hash}; prepare the data again or use the recipe that made it"
            )


def _decode(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _floats(values) -> tf.train.Feature:
    # The field's own wire form, field 1 as one packed block: setting values one by one takes several times as long.
    data = np.ascontiguousarray(values, "<f4").tobytes()
    size, length = bytearray(), len(data)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    size.append(length)
    return tf.train.Feature(float_list=tf.train.FloatList.FromString(b"\x0a" + bytes(size) + data))
