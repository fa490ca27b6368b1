"""Motion of many clips as arrays, with the facts that splitting needs."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np

from mer_tf import numerics
from mer_tf.datasets.people import clip_key, one_spelling
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.files import check_regular
from mer_tf.protocols import loso_folds
from mer_tf.recipes import Recipe
from mer_tf.run_files import CLIPS_FILE
from mer_tf.training.config import TrainConfig
from mer_tf.types import Fold

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
        subjects: Subject id of each clip, unique only within its dataset; a person given in several spellings gets one.
        clips: Name of each clip, unique only within its subject.
        recipe: Recipe of the tensors.
        network: Whether the tensors are what the network takes.
        mapping: Name of the label mapping, or ``""``.
        synthetic: Whether the clips are drawn, not recorded.
        zero_centred: Whether each fold takes the mean of its training clips off what the network gets.
        partial: Whether clips that belong to the set are absent.

    Raises:
        EmptySplitError: No clip.
        ConfigError: Shapes do not fit the recipe, a value is not finite, a clip stands twice or has no name, or two
            subjects may be one (``mer_tf.datasets.people``).
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
    zero_centred: bool = False

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
        people = one_spelling(tuple(zip(self.datasets, self.subjects)))
        object.__setattr__(self, "datasets", tuple(dataset for dataset, _ in people))
        object.__setattr__(self, "subjects", tuple(subject for _, subject in people))
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
        seen: dict[tuple, str] = {}
        for key, *parts in zip(self.keys, self.datasets, self.subjects, self.clips):
            other = seen.setdefault(clip_key(*parts), key)
            if other is not key:
                also = "" if other == key else f", as {other} too"
                raise ConfigError(f"clip {key} stands twice in the data{also}; remove one")

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
        centred = ["zero-centred"] if self.zero_centred else []
        text = "\n".join([self.recipe.hash, str(self.network), *centred, *sorted(digests)])
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

    def network_inputs(self) -> dict[str, np.ndarray]:
        """Arrays by the names of the network's inputs, float32."""
        return self.as_network().tensors

    def loso_folds(self, num_classes: int | None = None, classes: Sequence[str] | None = None) -> list[Fold]:
        """Folds of leave-one-subject-out over these clips; see ``mer_tf.protocols.loso_folds``."""
        return loso_folds(self.subject_keys, self.labels.tolist(), num_classes=num_classes, classes=classes)


def read_motion_records(paths, recipe: Recipe, *, flags: Mapping[str, bool] | None = None) -> MotionData:
    """Reads motion records (``mer_tf.records``): flow in pixels, the recipe's ``inputs``.

    Args:
        paths: A gzip TFRecord file, a folder of them, or several of either. The ``clips.json`` beside the records tells
            whether the clips are synthetic or the set partial; with fewer records than it counts, the set is partial.
        recipe: Recipe the records were made with.
        flags: ``synthetic`` and ``partial`` where the caller knows them; ``clips.json`` is not looked for then.

    Returns:
        The clips in order of their keys, whatever the order of files and records.

    Raises:
        MissingFileError, EmptySplitError, ConfigError: See ``mer_tf.records.read_examples``; a clip that stands
            twice is a ``ConfigError``, and so are more records than ``clips.json`` counts. Records without
            ``clips.json`` are a ``MissingFileError``: drawn or missing clips must not pass for a whole recorded set.
    """
    data = _read(paths, recipe, network=False)
    told = _told(paths, len(data)) if flags is None else flags
    return dataclasses.replace(data, synthetic=told.get("synthetic", False), partial=told.get("partial", False))


def read_training_records(paths, recipe: Recipe, config: TrainConfig) -> MotionData:
    """Reads what that training takes: motion records where its augmentation needs them, else network records.

    Network records are those whose tensors are already the network's inputs (as TFX Transform writes them). Args and
    errors as ``read_motion_records``; a recipe hash is checked where the records carry one. Whether the clips are
    synthetic or the set partial is for the caller to say.
    """
    return _read(paths, recipe, network=not config.needs_arrays(recipe))


def _read(paths, recipe: Recipe, network: bool) -> MotionData:
    from mer_tf.records import read_examples

    shapes = recipe.network_inputs if network else recipe.inputs
    arrays = read_examples(paths, recipe, shapes)
    people = one_spelling(list(zip(arrays["dataset"], arrays["subject"])))
    order = sorted(range(len(people)), key=lambda k: (*people[k], arrays["clip"][k]))
    mappings = sorted(set(arrays["mapping"]))
    if len(mappings) > 1:
        raise ConfigError(
            f"the records were labelled with different mappings: {', '.join(mappings)}; prepare them again"
        )
    return MotionData(
        tensors={name: arrays[name][order] for name in shapes},
        labels=arrays["label"][order],
        datasets=tuple(people[k][0] for k in order),
        subjects=tuple(people[k][1] for k in order),
        clips=tuple(arrays["clip"][order]),
        recipe=recipe,
        network=network,
        mapping=mappings[0],
    )


def _told(paths, count: int) -> dict[str, bool]:
    """What the folders of records, or of the files given, say of themselves; ``count`` records were read of them."""
    from mer_tf.records import set_file

    told = {"synthetic": False, "partial": False}
    folders = {}
    for path in map(os.fspath, [paths] if isinstance(paths, str | os.PathLike) else paths):
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        folders[os.path.realpath(folder)] = set_file(folder, CLIPS_FILE)
    done = 0
    for file in folders.values():
        check_regular(
            file,
            "the account of the records",
            "it says whether clips are drawn and whether some are absent: copy it from the folder that 'mer prepare' "
            "wrote, or prepare the data again",
        )
        try:
            with open(file, encoding="utf-8") as stream:
                facts = json.load(stream)
            for name in told:
                told[name] |= bool(facts[name])
            done += int(facts.get("done", 0))
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise ConfigError(f"{file} cannot be read ({error!r}); prepare the data again") from error
    if done and count > done:
        raise ConfigError(
            f"{', '.join(folders.values())}: {done} records were written and {count} are there; records of another "
            "preparation lie among them: remove these, or prepare the data again"
        )
    told["partial"] |= count < done
    return told
