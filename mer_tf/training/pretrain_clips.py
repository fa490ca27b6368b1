"""Pre-training of networks of clips and of flow: on clips of macro-expressions, and on drawn motion."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping

import numpy as np

from mer_tf.board.events import remove_logs
from mer_tf.datasets import get_mapping
from mer_tf.datasets.registry import MACRO
from mer_tf.errors import ConfigError
from mer_tf.protocols import check_no_leakage
from mer_tf.recipes import Recipe
from mer_tf.run_files import LOGS, NETWORK_FILE
from mer_tf.synthetic.drawn_flow import FlowDomain, draw_flow
from mer_tf.synthetic.motion import EMOTIONS
from mer_tf.systems.registry import check_recipe, recipe_of_model
from mer_tf.training.config import TrainConfig, fold_seed
from mer_tf.training.data import MotionData
from mer_tf.training.fold import save_weights, trainer_tensors
from mer_tf.training.fold_checks import check_classes
from mer_tf.training.initial import weights_hash
from mer_tf.training.pretrain import FOLD, MAPPING, STAGE, Watch, begin, scores, split_facts, split_subjects, write
from mer_tf.training.trainer import FoldTrainer

DRAWN_STAGE = "pre-training on drawn motion"
_LEAST_CLIPS = 100


def pretrain_clips(
    data: MotionData,
    config: TrainConfig,
    out_dir: str | os.PathLike,
    *,
    force: bool = False,
    on_epoch: Callable[[int, int], None] | None = None,
) -> dict:
    """Trains a network on prepared clips of macro-expression sets and writes its weights by layer name.

    What ``pretrain`` does for networks of single pictures, for those of clips and of flow. The same files are written.

    Args:
        data: Clips of macro-expression sets, by the mapping ``macro5``.
        config: Settings; the number of classes is set to the mapping's five.
        out_dir: Folder of the run; made if absent.
        force: As ``pretrain``.
        on_epoch: Called after each epoch with (epochs done, epochs in all).

    Returns:
        The passport as written to ``pretrain.json``.

    Raises:
        ConfigError: A clip is of another set or mapping, or the folder holds a run with other settings.
        EmptySplitError: As ``pretrain``.

    Source: CBAMNet paper, section 4.7, which proposes it for networks of clips.

    Assumption: the settings are those that the network's preset gives for micro-expressions; no source states others.
    """
    others = sorted(set(data.datasets) - set(MACRO))
    if others or data.mapping != MAPPING:
        raise ConfigError(
            f"pre-training takes clips of macro-expressions ({', '.join(MACRO)}) by mapping {MAPPING}, so that nobody "
            f"tested later is among them. Received: {', '.join(others or sorted(set(data.datasets)))} by mapping "
            f"{data.mapping or 'unknown'}"
        )
    return _pretrain_on(data, config, out_dir, STAGE, force=force, on_epoch=on_epoch)


def pretrain_flow(
    config: TrainConfig,
    out_dir: str | os.PathLike,
    *,
    clips: int,
    mapping: str = "megc2019",
    domain: FlowDomain | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> dict:
    """Trains a network on drawn motion and writes its weights by layer name; see ``mer_tf.synthetic.drawn_flow``.

    Nobody who is tested later is among the people, who are drawn. The same files as of ``pretrain`` are written, and
    ``network.weights.h5``, in which the last layer goes along.

    Args:
        config: Settings; the seed decides the clips too.
        out_dir: Folder of the run; made if absent.
        clips: Number of clips, at least 100.
        mapping: Label mapping; each of its classes must have an emotion that is drawn.
        domain: What varies between clips; the defaults when None.
        force: As ``pretrain``.
        watch: Told of the progress, of clips as of pictures.

    Returns:
        The passport as written to ``pretrain.json``; ``domain`` holds what varies.

    Raises:
        ConfigError: The network takes more than the motion of a face from onset to apex, a class has no emotion, or the
            folder holds a run with other settings.
    """
    if clips < _LEAST_CLIPS:
        raise ConfigError(f"pre-training draws at least {_LEAST_CLIPS} clips. Received: {clips}")
    watch = watch or Watch()
    domain = domain or FlowDomain()
    recipe = recipe_of_model(config.model)
    data = drawn_motion(recipe, clips, mapping=mapping, seed=config.seed, domain=domain, progress=watch.pictures)
    facts = {"domain": dataclasses.asdict(domain)}
    return _pretrain_on(data, config, out_dir, DRAWN_STAGE, facts, whole=True, force=force, on_epoch=watch.epochs)


def drawn_motion(
    recipe: Recipe,
    clips: int,
    *,
    mapping: str = "megc2019",
    seed: int = 0,
    domain: FlowDomain | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MotionData:
    """Drawn motion as data of a training.

    Args:
        recipe: One made of nothing but the motion of a face from onset to apex.
        clips: Number of clips.
        mapping: Label mapping; the emotions are those that CASME II has.
        seed: Seed of people and clips.
        domain: What varies; the defaults when None.
        progress: Called with (clips drawn, clips in all).

    Raises:
        ConfigError: As ``draw_flow``; a class without an emotion is named.
    """
    rule = get_mapping(mapping)
    emotions = [
        [emotion for emotion in EMOTIONS if rule.label("casme2", emotion) == label]
        for label in range(len(rule.classes))
    ]
    for name, found in zip(rule.classes, emotions):
        if not found:
            raise ConfigError(
                f"class {name!r} of mapping {mapping!r} has no emotion that is drawn: {', '.join(EMOTIONS)}"
            )
    tensors = {name: np.empty((clips, *shape), np.float32) for name, shape in recipe.inputs.items()}
    people, names = [], []
    for row, clip in enumerate(draw_flow(recipe, emotions, clips, seed=seed, domain=domain)):
        for name, array in clip.arrays.items():
            tensors[name][row] = array
        people.append(f"sub{clip.subject:04d}")
        names.append(f"EP{clip.clip + 1:02d}")
        if progress is not None:
            progress(row + 1, clips)
    return MotionData(
        tensors=tensors,
        labels=np.arange(clips) % len(emotions),
        datasets=("drawn",) * clips,
        subjects=tuple(people),
        clips=tuple(names),
        recipe=recipe,
        mapping=mapping,
        synthetic=True,
    )


def _pretrain_on(
    data: MotionData,
    config: TrainConfig,
    out_dir: str | os.PathLike,
    stage: str,
    further: Mapping | None = None,
    *,
    whole: bool = False,
    force: bool,
    on_epoch: Callable[[int, int], None] | None,
) -> dict:
    start = time.perf_counter()
    out_dir = os.fspath(out_dir)
    classes = get_mapping(data.mapping).classes
    config = dataclasses.replace(config, num_classes=len(classes))
    check_recipe(config.model, data.recipe, config.model_options)
    initial = weights_hash(config.initial_weights) if config.initial_weights else ""
    trainer = FoldTrainer(config, data.recipe)
    fold = split_subjects(data.subject_keys, seed=config.seed)
    check_no_leakage(fold, data.subject_keys, data.keys)
    check_classes(data.labels[list(fold.train)], config, "the training part")
    begin(out_dir, config, initial, data.recipe.hash, data.fingerprint, force)
    tensors, logs = trainer_tensors(data, trainer), os.path.join(out_dir, LOGS, FOLD)
    remove_logs(logs)
    train, test = list(fold.train), list(fold.test)
    trainer.fit(
        tensors,
        data.labels[train],
        seed=fold_seed(config.seed, FOLD),
        keys=[data.keys[row] for row in train],
        rows=train,
        log_dir=logs,
        on_epoch=None if on_epoch is None else lambda epoch: on_epoch(epoch, config.epochs),
    )
    predicted = trainer.predict(tensors, test).argmax(axis=1)
    names = sorted(set(data.datasets))
    rows = {name: [row for row, dataset in enumerate(data.datasets) if dataset == name] for name in names}
    facts = {
        "sets": {
            name: {
                "expected": None,
                "found": len(own),
                "used": len(own),
                "clips": len(own),
                "subjects": len({data.subjects[row] for row in own}),
                "classes": dict(zip(classes, np.bincount(data.labels[own], minlength=len(classes)).tolist())),
            }
            for name, own in rows.items()
        },
        "pictures": 0,
        "faults": [],
        "clips_left_out": [],
        "not_read": [],
        "split": split_facts(data.subject_keys, train, test),
        "test": scores(data.labels[test], predicted, [data.datasets[row] for row in test], len(classes)),
        "data_fingerprint": data.fingerprint,
        "synthetic": data.synthetic,
        "partial": data.partial,
        **(further or {}),
    }
    if whole:
        os.makedirs(out_dir, exist_ok=True)
        saved = save_weights(trainer, os.path.join(out_dir, NETWORK_FILE))
        facts["network"] = {"file": NETWORK_FILE, "sha256": saved.sha256}
    return write(out_dir, trainer, stage, data.mapping, initial, facts, start)
