"""Motion of many clips as arrays, with the facts that splitting needs."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mer_tf import numerics
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.protocols import loso_folds
from mer_tf.recipes import Recipe, same_recipe
from mer_tf.run_files import CLIPS_FILE
from mer_tf.training.config import TrainConfig
from mer_tf.types import Fold

if TYPE_CHECKING:
    from mer_tf.datasets.flow_images import FlowImages

_BATCH = 64
numerics.claim_one_thread()  # before reading records starts TensorFlow


@dataclasses.dataclass(frozen=True, eq=False)
class MotionData:
    """Clips as arrays, one row per clip.

    Attributes:
        tensors: Name -> float32 (clips, height, width, channels): the recipe's ``inputs`` (flow in pixels), or its
            ``network_inputs`` where ``network`` is True.
        labels: int64 (clips,).
        datasets: Dataset of each clip.
        subjects: Subject id of each clip, unique only within its dataset.
        clips: Name of each clip, unique only within its subject.
        recipe: Recipe of the tensors.
        network: Whether the tensors are what the network takes.
        mapping: Name of the label mapping, or ``""``.
        synthetic: Whether the clips are drawn, not recorded.
        partial: Whether clips that belong to the set are absent.

    Raises:
        EmptySplitError: No clip.
        ConfigError: Shapes do not fit the recipe, a value is not finite, a clip stands twice or has no name.
    """

    tensors: dict[str, np.ndarray]
    labels: np.ndarray
    datasets: tuple[str, ...]
    subjects: tuple[str, ...]
    clips: tuple[str, ...]
    recipe: Recipe
    network: bool = False
    mapping: str = ""
    synthetic: bool = False
    partial: bool = False

    def __post_init__(self):
        labels = np.asarray(self.labels)
        count = len(labels)
        if labels.ndim != 1 or (count and not np.issubdtype(labels.dtype, np.integer)):
            raise ConfigError(f"labels must be integers, one per clip. Received: {labels.dtype} {labels.shape}")
        object.__setattr__(self, "labels", labels.astype(np.int64))
        for name in ("datasets", "subjects", "clips"):
            values = tuple(str(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != count:
                raise ConfigError(f"{name} must have one entry per clip. Received: {len(values)} for {count} clips")
            if not all(values):
                raise ConfigError(f"clip number {values.index('')} has no {name[:-1]}")
        if not count:
            raise EmptySplitError("there are no clips; check the data folder and the label mapping")
        expected = self.recipe.network_inputs if self.network else self.recipe.inputs
        if set(self.tensors) != set(expected):
            raise ConfigError(
                f"recipe {self.recipe.name!r} gives the tensors {', '.join(expected)}. "
                f"Received: {', '.join(self.tensors) or 'none'}"
            )
        for name, shape in expected.items():
            array = np.asarray(self.tensors[name])
            if array.shape != (count, *shape):
                raise ConfigError(f"tensor {name!r} must have shape {(count, *shape)}. Received: {array.shape}")
            finite = np.isfinite(array).reshape(count, -1).all(axis=1)
            if not finite.all():
                raise ConfigError(f"{self.keys[int(np.argmin(finite))]}: tensor {name!r} is not finite")
        seen = set()
        for key in self.keys:
            if key in seen:
                raise ConfigError(f"clip {key} stands twice in the data")
            seen.add(key)

    def __len__(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def keys(self) -> tuple[str, ...]:
        """``dataset/subject/clip`` of each clip."""
        return tuple("/".join(parts) for parts in zip(self.datasets, self.subjects, self.clips))

    @functools.cached_property
    def subject_keys(self) -> tuple[str, ...]:
        """``dataset/subject`` of each clip."""
        return tuple("/".join(parts) for parts in zip(self.datasets, self.subjects))

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, labels, tensors and recipe; the order of the clips does not matter."""
        digests = []
        for row, key in enumerate(self.keys):
            digest = hashlib.sha256(f"{key}\n{self.labels[row]}\n".encode(errors="surrogateescape"))
            for name in sorted(self.tensors):
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(self.tensors[name][row], np.float32).tobytes())
            digests.append(digest.hexdigest())
        text = "\n".join([self.recipe.hash, str(self.network), *sorted(digests)])
        return hashlib.sha256(text.encode()).hexdigest()

    def take(self, rows: Sequence[int]) -> MotionData:
        """The clips of those rows, in that order."""
        rows = list(rows)
        return dataclasses.replace(
            self,
            tensors={name: array[rows] for name, array in self.tensors.items()},
            labels=self.labels[rows],
            datasets=tuple(self.datasets[row] for row in rows),
            subjects=tuple(self.subjects[row] for row in rows),
            clips=tuple(self.clips[row] for row in rows),
        )

    def as_network(self) -> MotionData:
        """The same clips with the network's inputs; computed once."""
        return self if self.network else self._as_network

    @functools.cached_property
    def _as_network(self) -> MotionData:
        from mer_tf.preprocessing import network_input

        parts: dict[str, list[np.ndarray]] = {name: [] for name in self.recipe.network_inputs}
        for start in range(0, len(self), _BATCH):
            batch = {name: array[start : start + _BATCH] for name, array in self.tensors.items()}
            for name, tensor in network_input(batch, self.recipe).items():
                parts[name].append(np.asarray(tensor))
        tensors = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        return dataclasses.replace(self, tensors=tensors, network=True)

    def network_inputs(self, recipe: Recipe | None = None) -> dict[str, np.ndarray]:
        """Arrays by the names of the network's inputs, float32.

        Args:
            recipe: Recipe asked for; must be the data's. None takes the data's.

        Raises:
            ConfigError: The data was made with another recipe.
        """
        if recipe is not None and not same_recipe(recipe.hash, self.recipe.hash):
            raise ConfigError(
                f"the data was made with recipe {self.recipe.name!r} ({self.recipe.hash}), "
                f"not {recipe.name!r} ({recipe.hash}); prepare it again"
            )
        return self.as_network().tensors

    def loso_folds(self, num_classes: int | None = None, classes: Sequence[str] | None = None) -> list[Fold]:
        """Folds of leave-one-subject-out over these clips; see ``mer_tf.protocols.loso_folds``."""
        return loso_folds(self.subject_keys, self.labels.tolist(), num_classes=num_classes, classes=classes)


def read_motion_records(paths, recipe: Recipe) -> MotionData:
    """Reads motion records (``mer_tf.records``): flow in pixels, the recipe's ``inputs``.

    Args:
        paths: A gzip TFRecord file, a folder of them, or several of either. A folder's ``clips.json`` tells whether
            the clips are synthetic or the set partial.
        recipe: Recipe the records were made with.

    Returns:
        The clips in order of their keys, whatever the order of files and records.

    Raises:
        MissingFileError, EmptySplitError, ConfigError: See ``mer_tf.records.read_examples``; a clip that stands
            twice is a ``ConfigError``.
    """
    return _read(paths, recipe, network=False)


def read_network_records(paths, recipe: Recipe) -> MotionData:
    """Reads records whose tensors are already the network's inputs (as TFX Transform writes them).

    Args and errors as ``read_motion_records``; a recipe hash is checked where the records carry one.
    """
    return _read(paths, recipe, network=True)


def read_training_records(paths, recipe: Recipe, config: TrainConfig) -> MotionData:
    """Reads what that training takes: motion records where its augmentation needs them, else network records.

    Args and errors as ``read_motion_records``.
    """
    return _read(paths, recipe, network=not config.needs_arrays(recipe))


def _read(paths, recipe: Recipe, network: bool) -> MotionData:
    from mer_tf.datasets.registry import dataset_name
    from mer_tf.records import read_examples

    shapes = recipe.network_inputs if network else recipe.inputs
    arrays = read_examples(paths, recipe, shapes)
    arrays["dataset"] = np.array([dataset_name(name) for name in arrays["dataset"]], object)
    order = sorted(
        range(len(arrays["label"])), key=lambda k: (arrays["dataset"][k], arrays["subject"][k], arrays["clip"][k])
    )
    mappings = sorted(set(arrays["mapping"]))
    if len(mappings) > 1:
        raise ConfigError(
            f"the records were labelled with different mappings: {', '.join(mappings)}; prepare them again"
        )
    return MotionData(
        tensors={name: arrays[name][order] for name in shapes},
        labels=arrays["label"][order],
        datasets=tuple(arrays["dataset"][order]),
        subjects=tuple(arrays["subject"][order]),
        clips=tuple(arrays["clip"][order]),
        recipe=recipe,
        network=network,
        mapping=mappings[0],
        **_told(paths),
    )


def _told(paths) -> dict[str, bool]:
    """What the folders of records, or of the files given, say of themselves."""
    from mer_tf.records import set_file

    told = {"synthetic": False, "partial": False}
    for path in [paths] if isinstance(paths, str | os.PathLike) else list(paths):
        path = os.fspath(path)
        file = set_file(os.path.dirname(path) if os.path.isfile(path) else path, CLIPS_FILE)
        if not os.path.isfile(file):
            continue
        try:
            with open(file, encoding="utf-8") as stream:
                facts = json.load(stream)
            for name in told:
                told[name] |= bool(facts.get(name, False))
        except (OSError, ValueError, AttributeError) as error:
            raise ConfigError(f"{file} cannot be read ({error}); prepare the data again") from error
    return told


def from_flow_images(
    maps: Mapping[str, FlowImages], recipe: Recipe, *, mapping: str = "megc2019", synthetic: bool = False
) -> MotionData:
    """Precomputed flow images as network inputs.

    Args:
        maps: Pictures by the name of the network's input (``"face"``, ``"puzzle"``). Where there are several, clips
            that one of them lacks are left out and the set is partial.
        recipe: Recipe whose network inputs they stand for; normalisation ``"pm1"``.
        mapping: Label mapping whose class indices the labels are.
        synthetic: Whether the pictures are of drawn clips.

    Returns:
        The clips in order of their keys. A picture's 0..255 become -1..1 (0..1, then (x - 0.5) / 0.5); a channel of
        one value only is no motion, all zeros, as under every recipe.

    Raises:
        ConfigError: Maps that are not the recipe's, another size or normalisation, labels that differ between maps,
            or a label that the mapping does not have.
        EmptySplitError: No clip is in all maps.

    Source: Zhou et al., Entropy 2023 (the Dual-ATME paper), whose authors publish such pictures.
    """
    from mer_tf.datasets.mappings import get_mapping

    wanted = recipe.network_inputs
    if set(maps) != set(wanted):
        raise ConfigError(
            f"recipe {recipe.name!r} takes flow images for {', '.join(wanted)}. Received: {', '.join(maps) or 'none'}"
        )
    if any((view.content, view.normalisation) != ("motion", "pm1") for view in recipe.views):
        raise ConfigError(
            f"flow images show u, v and strain scaled picture by picture, which recipe {recipe.name!r} does not; "
            "prepare the clips themselves"
        )
    for name, images in maps.items():
        side = wanted[name][0]
        if images.images.shape[1:] != wanted[name]:
            height, width = images.images.shape[1:3]
            raise ConfigError(
                f"the {name} pictures are {width}x{height}, the network takes {side}x{side}; resize them from the flow"
            )
    rows = {name: {key: row for row, key in enumerate(images.keys)} for name, images in maps.items()}
    first = next(iter(maps))
    common = [key for key in sorted(rows[first]) if all(key in found for found in rows.values())]
    if not common:
        raise EmptySplitError(f"no clip has a picture for each of {', '.join(maps)}")
    labels = {name: images.labels[[rows[name][key] for key in common]] for name, images in maps.items()}
    for name, values in labels.items():
        if (values != labels[first]).any():
            key = common[int(np.argmax(values != labels[first]))]
            raise ConfigError(f"clip {key} has one label among the {first} pictures and another among the {name} ones")
    classes = get_mapping(mapping).classes
    if labels[first].max() >= len(classes):
        raise ConfigError(f"label {labels[first].max()} is not one of mapping {mapping!r} ({', '.join(classes)})")
    images = maps[first]
    order = [rows[first][key] for key in common]
    return MotionData(
        tensors={name: _pm1(maps[name].images[[rows[name][key] for key in common]]) for name in wanted},
        labels=labels[first],
        datasets=tuple(images.datasets[row] for row in order),
        subjects=tuple(images.subjects[row] for row in order),
        clips=tuple(images.clips[row] for row in order),
        recipe=recipe,
        network=True,
        mapping=mapping,
        synthetic=synthetic,
        partial=any(one.partial or len(one) > len(common) for one in maps.values()),
    )


def _pm1(images: np.ndarray) -> np.ndarray:
    scaled = images.astype(np.float32) * np.float32(2 / 255) - 1
    flat = images.min(axis=(1, 2), keepdims=True) == images.max(axis=(1, 2), keepdims=True)
    return np.where(flat, np.float32(0), scaled)
