"""Pre-training on pictures of macro-expressions: the first of the two trainings of the Micro-Attention paper.

Source: Wang et al., Micro-Attention for Micro-Expression Recognition, section 4.2: pictures around the apex of CK+,
Oulu-CASIA, JAFFE and MUG, five classes, nine tenths to train on.
Assumption: the paper does not say whether its tenth is of pictures or of people; here it is cut between people, set by
set, and no epoch or setting is chosen on it.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mer_tf import atomic, metrics, output
from mer_tf.board.events import PRETRAIN, log_graph, log_scalars, remove_logs
from mer_tf.datasets import get_card, get_mapping, get_reader
from mer_tf.datasets.macro import Picture, pictures
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.datasets.registry import MACRO
from mer_tf.errors import ConfigError, EmptySplitError, LeakageError, UnknownNameError
from mer_tf.passport import git_commit, versions
from mer_tf.preprocessing.pictures import Pictures, Source, check_picture_recipe, hash_files, make_pictures
from mer_tf.protocols import check_no_leakage
from mer_tf.recipes import get_recipe
from mer_tf.run_files import LOGS, NETWORK_FILE, PRETRAINED_FILE, PRETRAINED_FORMAT, WEIGHTS_FILE
from mer_tf.systems.registry import get_model_card
from mer_tf.systems.transfer import write_named_weights
from mer_tf.training.config import TrainConfig, fold_seed
from mer_tf.training.initial import weights_facts, weights_hash
from mer_tf.training.trainer import FoldTrainer
from mer_tf.types import ClipTable, Fold

MAPPING = "macro5"
STAGE = "macro-expression pre-training"
HELD_OUT = 0.1
FOLD = PRETRAIN  # stands for the fold's name in the seed
PICTURES_FOLDER = "pictures"


@dataclasses.dataclass(frozen=True)
class Watch:
    """Functions called while it runs, each with (done, total).

    Attributes:
        pictures: After each picture.
        epochs: After each epoch.
    """

    pictures: Callable[[int, int], None] | None = None
    epochs: Callable[[int, int], None] | None = None


def pretrain(
    roots: Mapping[str, str | os.PathLike],
    config: TrainConfig,
    out_dir: str | os.PathLike,
    *,
    pictures_dir: str | os.PathLike | None = None,
    workers: int = 1,
    landmark_model: str | os.PathLike | None = None,
    strict: bool = False,
    force: bool = False,
    watch: Watch | None = None,
) -> dict:
    """Trains a network on the pictures of macro-expression sets and writes its weights by layer name.

    Writes ``weights.npz`` and ``pretrain.json`` (both when training is done), TensorBoard logs under ``logs/pretrain``,
    and the 8-bit pictures under ``pictures``, which a later run on the same files takes over.

    Args:
        roots: Folder of each set by name: ``ckplus``, ``oulu_casia``, ``jaffe``, ``mug``; or ``ck48`` in place of
            ``ckplus``.
        config: Settings; the number of classes is set to the mapping's five. ``initial_weights`` is the ImageNet
            network to start from.
        out_dir: Folder of the run; made if absent.
        pictures_dir: Folder of the pictures. Defaults to ``out_dir/pictures``.
        workers: Processes that make pictures.
        landmark_model: Path of dlib's 68-point model, or None to look for it.
        strict: Stop at the first fault of a clip or picture instead of leaving it out.
        force: Replace what a run with other settings left in the folder.
        watch: Told of the progress.

    Returns:
        The passport as written to ``pretrain.json``.

    Raises:
        ConfigError: Sets that do not go together, a model that does not take single pictures, or initial weights
            that do not fit; before any picture is read. The folder holds a run with other settings, finished or not,
            and ``force`` is not given.
        EmptySplitError: A side of the split has no picture, or a class has none to train on.
        LeakageError: The same picture stands under two people.
        ClipError: Under ``strict``.
        MerError: Training diverged, or a process ended early.
    """
    start = time.perf_counter()
    watch = watch or Watch()
    out_dir = os.fspath(out_dir)
    classes = get_mapping(MAPPING).classes
    config = dataclasses.replace(config, num_classes=len(classes))
    card = get_model_card(config.model)
    recipe = get_recipe(card.pictures or card.recipe)
    check_picture_recipe(recipe)
    _check_sets(roots)
    initial = weights_hash(config.initial_weights) if config.initial_weights else ""
    trainer = FoldTrainer(config, recipe, arrays=True)

    # === Pictures ===
    tables = [get_reader(name)(root, mapping=MAPPING, strict=strict) for name, root in roots.items()]
    found = [picture for table in tables for picture in pictures(table)]
    subjects = [picture.clip.subject_key for picture in found]
    fold = split_subjects(subjects, seed=config.seed)
    _check_classes([found[row] for row in fold.train], classes)
    sources = [Source(picture.path, picture.clip.key, picture.number) for picture in found]
    hashes, _ = hash_files(sources)
    _check_copies(found, hashes)
    begin(out_dir, config, initial, recipe.hash, _fingerprint(found, hashes, range(len(found)), recipe.hash), force)
    made = make_pictures(
        sources,
        recipe,
        pictures_dir or os.path.join(out_dir, PICTURES_FOLDER),
        hashes=hashes,
        workers=workers,
        landmark_model=landmark_model,
        strict=strict,
        progress=watch.pictures,
    )
    # The split was made before anything could fail, so that it does not depend on what did.
    train = [row for row in fold.train if made.rows[row] >= 0]
    test = [row for row in fold.test if made.rows[row] >= 0]
    check_no_leakage(Fold(FOLD, tuple(train), tuple(test)), subjects, [picture.key for picture in found])
    _check_classes([found[row] for row in train], classes)

    # === Training ===
    logs = os.path.join(out_dir, LOGS, FOLD)
    remove_logs(logs)
    name = next(iter(recipe.inputs))
    labels = np.array([picture.clip.label for picture in found], np.int64)
    on_epoch = watch.epochs
    trainer.fit(
        {name: made.images},
        labels[train],
        seed=fold_seed(config.seed, FOLD),
        keys=[found[row].key for row in train],
        rows=made.rows[train].tolist(),
        log_dir=logs,
        on_epoch=None if on_epoch is None else lambda epoch: on_epoch(epoch, config.epochs),
    )
    probabilities = trainer.predict({name: made.images}, made.rows[test].tolist())
    sets = [found[row].clip.dataset for row in test]
    found_scores = scores(labels[test], probabilities.argmax(axis=1), sets, len(classes))
    problems = [problem for table in tables for problem in table.problems]
    facts = {
        "sets": _sets(tables, found, made, classes),
        "pictures": len(train) + len(test),
        "faults": [str(made.faults[index]) for index in sorted(made.faults)],
        "clips_left_out": [problem.message for problem in problems if problem.dropped],
        "not_read": [problem.message for problem in problems if problem.kind == "extra" and not problem.dropped],
        "split": split_facts(subjects, train, test),
        "test": found_scores,
        "data_fingerprint": _fingerprint(found, hashes, [*train, *test], recipe.hash),
        "synthetic": any(map(is_synthetic_table, tables)),
        "partial": bool(made.faults) or any(table.partial for table in tables),
    }
    return write(out_dir, trainer, STAGE, MAPPING, initial, facts, start)


def write(
    out_dir: str, trainer: FoldTrainer, stage: str, mapping: str, initial: str, facts: Mapping, start: float
) -> dict:
    """Writes the weights, the score of the held-out tenth and the passport, and gives the passport."""
    config, recipe = trainer.config, trainer.recipe
    logs = os.path.join(out_dir, LOGS, FOLD)
    log_scalars(logs, len(trainer.history), {"test/accuracy": facts["test"]["accuracy"]}, ".test")
    log_graph(logs, trainer.graph())
    os.makedirs(out_dir, exist_ok=True)
    weights = os.path.join(out_dir, WEIGHTS_FILE)
    write_named_weights(trainer.model, weights)
    passport = {
        "format": PRETRAINED_FORMAT,
        "stage": stage,
        "model": config.model,
        "classes": list(get_mapping(mapping).classes),
        "mapping": mapping,
        "config": config.to_json(),
        "recipe": recipe.to_json(),
        "recipe_hash": recipe.hash,
        **facts,
        "initial_weights": weights_facts(config, initial, trainer.transfer) if initial else None,
        "training": {"epochs": len(trainer.history), **(trainer.history[-1] if trainer.history else {})},
        "weights": {"file": WEIGHTS_FILE, "sha256": weights_hash(weights)},
        "seeds": {"global": config.seed, "fold": f"first 31 bits of sha256('<global seed>:{FOLD}')"},
        "wall_seconds": round(time.perf_counter() - start, 3),
        "versions": versions(),
        "commit": git_commit(),
        "platform": platform.platform(),
    }
    atomic.write_text(os.path.join(out_dir, PRETRAINED_FILE), json.dumps(passport, indent=2, allow_nan=False) + "\n")
    return passport


def split_subjects(subject_keys: Sequence[str], *, share: float = HELD_OUT, seed: int = 0) -> Fold:
    """About a tenth of each set's pictures held out, all pictures of a person on one side.

    Args:
        subject_keys: ``dataset/subject`` of each picture.
        share: Part of the pictures of each set that is held out, in (0, 1).
        seed: Decides who is held out. People of one set do not depend on the other sets.

    Returns:
        The split. A set whose people have more pictures than can be spared is held out by no one; if that is so for
        all, one person of the set with the most people is.

    Raises:
        EmptySplitError: There are fewer than two people.
    """
    if not 0 < share < 1:
        raise ConfigError(f"share must lie in (0, 1). Received: {share!r}")
    counts = collections.Counter(subject_keys)
    people: dict[str, list[str]] = {}
    for key in sorted(counts):
        people.setdefault(key.split("/")[0], []).append(key)
    if len(counts) < 2:
        raise EmptySplitError(f"pre-training holds people out and there are {len(counts)}; give sets with more")
    held: set[str] = set()
    drawn = {}
    for dataset, keys in people.items():
        rng = np.random.default_rng(fold_seed(seed, f"{FOLD}/{dataset}"))
        drawn[dataset] = [keys[k] for k in rng.permutation(len(keys))]
        target, taken = share * sum(counts[key] for key in keys), 0
        for key in drawn[dataset]:
            # Someone is held out while that comes nearer to the share.
            if abs(taken + counts[key] - target) < abs(taken - target):
                held.add(key)
                taken += counts[key]
    if not held:
        held.add(drawn[max(drawn, key=lambda dataset: len(drawn[dataset]))][0])
    rows = range(len(subject_keys))
    return Fold(
        FOLD,
        tuple(row for row in rows if subject_keys[row] not in held),
        tuple(row for row in rows if subject_keys[row] in held),
    )


def _check_sets(roots: Mapping[str, str | os.PathLike]) -> None:
    if not roots:
        raise ConfigError(f"give at least one set of macro-expressions: {', '.join(MACRO)}")
    for name in roots:
        if name not in MACRO:
            raise UnknownNameError("set of macro-expressions", name, MACRO)
    if {"ckplus", "ck48"} <= set(roots):
        raise ConfigError("ck48 is a re-pack of ckplus, with the same people and frames; leave ck48 out")


def _check_classes(found: Sequence[Picture], classes: Sequence[str]) -> None:
    there = {picture.clip.label for picture in found}
    missing = [name for label, name in enumerate(classes) if label not in there]
    if missing:
        raise EmptySplitError(f"class {missing[0]!r} has no picture to train on; add people or another set")


def _check_copies(found: Sequence[Picture], hashes: Sequence[str]) -> None:
    first: dict[str, Picture] = {}
    for picture, sha in zip(found, hashes):
        other = first.setdefault(sha, picture)
        if sha and other.clip.subject_key != picture.clip.subject_key:
            raise LeakageError(
                f"{other.key} and {picture.key} are one picture under two people; remove one of the files, or "
                "the split between people would not hold"
            )


def scores(labels: np.ndarray, predictions: np.ndarray, datasets: Sequence[str], num_classes: int) -> dict:
    sets = np.array(datasets)
    cm = metrics.confusion_matrix(labels.tolist(), predictions.tolist(), num_classes)
    hits = labels == predictions
    return {
        "pictures": len(labels),
        "accuracy": float(metrics.accuracy(cm)),
        "uar": float(metrics.uar(cm)) if (cm.sum(axis=1) > 0).all() else None,  # a class may be absent from so few
        "confusion": cm.tolist(),
        "accuracy_by_set": {name: float(hits[sets == name].mean()) for name in sorted(set(sets.tolist()))},
    }


def _sets(tables: Sequence[ClipTable], found: Sequence[Picture], made: Pictures, classes: Sequence[str]) -> dict:
    facts = {}
    for table in tables:
        rows = [row for row, picture in enumerate(found) if picture.clip.dataset == table.dataset]
        good = [found[row] for row in rows if made.rows[row] >= 0]
        counts = collections.Counter(picture.clip.label for picture in good)
        facts[table.dataset] = {
            "expected": get_card(table.dataset).pictures,
            "found": len(rows),
            "used": len(good),
            "clips": len(table.clips),
            "subjects": len(table.subjects),
            "classes": {name: counts[label] for label, name in enumerate(classes)},
        }
    return facts


def split_facts(subjects: Sequence[str], train: Sequence[int], test: Sequence[int]) -> dict:
    held = sorted({subjects[row] for row in test})
    return {
        "share": HELD_OUT,
        "by": "subject",
        "train": len(train),
        "test": len(test),
        "held_out_subjects": held,
    }


def begin(out_dir: str, config: TrainConfig, initial: str, recipe_hash: str, data: str, force: bool) -> None:
    """Refuses, or removes where that is forced, what a run with other settings left; writes down those of this one."""
    # Of the initial weights the content counts, not the place.
    settings = {"config": {**config.to_json(), "initial_weights": initial}, "recipe": recipe_hash, "data": data}
    earlier = output.read_settings(out_dir)
    old: Mapping | None = settings if earlier is None else earlier.get("settings")
    try:
        with open(os.path.join(out_dir, PRETRAINED_FILE), encoding="utf-8") as file:
            passport = json.load(file)
        if earlier is None:  # of an earlier version
            began = {"initial_weights": (passport["initial_weights"] or {}).get("sha256", "")}
            old = {**settings, "config": {**passport["config"], **began}, "recipe": passport["recipe_hash"]}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        old = None
    if output.check_settings(out_dir, old, settings, force=force):
        for name in (WEIGHTS_FILE, NETWORK_FILE, PRETRAINED_FILE):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(out_dir, name))
    output.write_settings(out_dir, {"settings": settings})


def _fingerprint(found: Sequence[Picture], hashes: Sequence[str], rows: Sequence[int], recipe_hash: str) -> str:
    lines = sorted(f"{found[row].key}\n{found[row].clip.label}\n{hashes[row]}" for row in rows)
    return hashlib.sha256(atomic.encoded("\n".join([recipe_hash, *lines]))).hexdigest()
