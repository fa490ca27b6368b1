"""Motion records: one ``tf.train.Example`` per clip, features as ``mer_tf.features`` names them.

Files are gzip-compressed TFRecords. Tensors are float lists, row-major.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from mer_tf import atomic, features
from mer_tf.errors import ConfigError, EmptySplitError, MissingFileError
from mer_tf.files import check_regular, is_left_over
from mer_tf.recipes import Recipe, recipe_of_hash, same_recipe
from mer_tf.run_files import CLIPS_FILE
from mer_tf.types import Clip

MISSING_APEX = -1  # An int64 feature cannot be None; frame numbers are never negative.
RECORDS = "motion"  # how the names of the files of a prepared set begin
RECIPE = "recipe"  # key of clips.json: the recipe as a whole, which a file of the user may have given
_ARRIVING, _LIST = "arriving", "files.json"  # of a set that is about to take its place
_BATCH = 64


def encode_facts(clip: Clip) -> dict[str, tf.train.Feature]:
    """The facts of a clip as features, by the names of ``mer_tf.features``; its label must not be None."""
    facts = {name: bytes_feature(atomic.encoded(getattr(clip, name))) for name in features.FACTS_BYTES}
    for name in features.FACTS_INT:
        value = getattr(clip, name)
        facts[name] = int_feature(MISSING_APEX if name == features.APEX and value is None else value)
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
    feature[features.RECIPE] = bytes_feature(recipe.name.encode())
    feature[features.RECIPE_HASH] = bytes_feature(recipe.hash.encode())
    feature[features.PROVENANCE] = bytes_feature(json.dumps(dict(provenance or {}), sort_keys=True).encode())
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
    count = 0
    with atomic.whole(path) as temporary, tf.io.TFRecordWriter(os.fsencode(temporary), options="GZIP") as writer:
        for record in records:
            writer.write(record if isinstance(record, bytes) else record.SerializeToString(deterministic=True))
            count += 1
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
            listed = _arriving(path) or os.listdir(path)
            inside = sorted(name for name in listed if name.endswith(".gz") and not is_left_over(name))
            if not inside:
                raise MissingFileError(f"{path}: the folder holds no record file (*.gz)")
            files += [set_file(path, name) for name in inside]
        else:
            files.append(path)
    for path in files:
        check_regular(path, "record file")  # TensorFlow would wait for a pipe and never come back
    return files


def swap_set(folder: str | os.PathLike, made: str | os.PathLike) -> None:
    """Puts a set of records in place of the one in a folder, so that a reader finds the one or the other, whole.

    From the moment in which ``made`` gets its new name the new set is the one that counts: ``record_files`` and
    ``set_file`` take what has not come to its place yet from there, and ``finish_swap`` ends what a kill cut short.

    Args:
        folder: The folder; files that are not of a set stay.
        made: Folder inside it, with the new record files and ``clips.json`` and nothing else.
    """
    finish_swap(folder)
    listed = sorted(os.listdir(made))
    for name in listed:
        with open(os.path.join(made, name), "rb") as file:
            os.fsync(file.fileno())
    atomic.write_text(os.path.join(made, _LIST), json.dumps(listed) + "\n")
    os.rename(made, os.path.join(folder, _ARRIVING))
    finish_swap(folder)


def finish_swap(folder: str | os.PathLike) -> None:
    """Ends a swap of sets that was cut short; nothing happens where there is none."""
    arriving = os.path.join(folder, _ARRIVING)
    listed = _arriving(folder)
    if listed is not None:
        for name in listed:
            if os.path.exists(os.path.join(arriving, name)):
                os.replace(os.path.join(arriving, name), os.path.join(folder, name))
        for name in os.listdir(folder):
            if name.startswith(RECORDS) and name.endswith(".gz") and name not in listed:
                os.unlink(os.path.join(folder, name))
        os.unlink(os.path.join(arriving, _LIST))  # last: from here on the folder itself holds the new set alone
    if os.path.isdir(arriving) and not os.listdir(arriving):
        os.rmdir(arriving)


def set_file(folder: str | os.PathLike, name: str) -> str:
    """Path of a file of the set in a folder, such as ``clips.json``, also while sets are swapped."""
    arriving = os.path.join(folder, _ARRIVING, name)
    return arriving if _arriving(folder) is not None and os.path.exists(arriving) else os.path.join(folder, name)


def _arriving(folder) -> list[str] | None:
    """Files of the set that is about to take its place in the folder; None where there is none."""
    try:
        with open(os.path.join(folder, _ARRIVING, _LIST), encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None


def recorded_recipe(paths) -> tuple[str, str]:
    """Name and hash of the recipe that the first record was made with; ``""`` where no record can be read or says so.

    What is wrong with a file is for ``read_examples`` to tell.

    Raises:
        MissingFileError: As ``record_files``.
    """
    names = (features.RECIPE, features.RECIPE_HASH)
    spec = {name: tf.io.FixedLenFeature((), tf.string, default_value="") for name in names}
    try:
        files = list(map(os.fsencode, record_files(paths)))
        for record in tf.data.TFRecordDataset(files, compression_type="GZIP").take(1):
            found = tf.io.parse_single_example(record, spec)
            return _decode(found[names[0]].numpy()), _decode(found[names[1]].numpy())
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError, tf.errors.InvalidArgumentError, UnicodeDecodeError):
        pass
    return "", ""


def recipe_of_set(folder: str | os.PathLike) -> Recipe | None:
    """The recipe that made the records of a prepared set, registered or not; None where they do not say.

    Raises:
        MissingFileError: As ``record_files``.
    """
    name, recipe_hash = recorded_recipe(folder)
    known = recipe_of_hash(name, recipe_hash)
    if known is not None and same_recipe(known.hash, recipe_hash):
        return known
    try:
        with open(set_file(folder, CLIPS_FILE), encoding="utf-8") as file:
            written = Recipe.from_json(json.load(file)[RECIPE])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError):
        return known
    return written if written.hash == recipe_hash else known


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
            for batch in tf.data.TFRecordDataset(os.fsencode(file), compression_type="GZIP").batch(_BATCH):
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
    return value.decode("utf-8", errors="surrogateescape")


def bytes_feature(value: bytes) -> tf.train.Feature:
    """A feature of one byte string."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def int_feature(value: int) -> tf.train.Feature:
    """A feature of one whole number."""
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
