"""A whole cross-validation: clips and settings in, predictions and passport out.

``mer loso`` trains the folds in one process or a few, the TFX component LosoTrainer spreads them through Beam. What
comes before (``plan_run``) and after (``Run.write``) is here for both, so that they leave the same files.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence

from mer_tf import metrics
from mer_tf.datasets.mappings import get_mapping
from mer_tf.passport import write_passport
from mer_tf.protocols import Split, make_split
from mer_tf.systems.registry import check_inputs, check_recipe, get_model_card, is_own
from mer_tf.training.config import TrainConfig
from mer_tf.training.data import MotionData
from mer_tf.training.fold_store import FoldStore, begin_run, run_settings
from mer_tf.training.initial import check_stage, initial_weights_facts, is_run
from mer_tf.training.interface import Trainer
from mer_tf.training.loso import Progress, run_loso
from mer_tf.training.run_logs import log_run
from mer_tf.types import Prediction


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A cross-validation that has been checked and can be trained.

    Attributes:
        data: The clips.
        config: Settings, with the number of classes of the data.
        classes: Class names by index.
        split: Folds of the protocol, checked for leaks.
        initial_weights: What the passport says of the initial weights (``initial_weights_facts``), or None.
    """

    data: MotionData
    config: TrainConfig
    classes: tuple[str, ...]
    split: Split
    initial_weights: dict | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before training starts."""
        notes = tuple(f"note: {note}" for note in self.split.notes)
        if self.initial_weights is None:
            return notes
        facts = self.initial_weights
        return (f"initial weights {facts['file']} ({facts['sha256'][:12]}): {facts['summary']}", *notes)

    def write(
        self,
        out_dir: str | os.PathLike,
        predictions: Sequence[Prediction],
        *,
        wall_seconds: float,
        data_fingerprint: str | None = None,
        config: Mapping | None = None,
        facts: Mapping | None = None,
    ) -> dict:
        """Writes predictions and passport.

        Args:
            out_dir: Folder of the run.
            predictions: Held-out predictions, one per clip.
            wall_seconds: Wall time of the run in seconds.
            data_fingerprint: Fingerprint of the clips, where it is not that of the arrays.
            config: What the passport says of the settings, where they were not the same in all folds.
            facts: Further top-level fields of the passport.

        Returns:
            The passport.

        Raises:
            EmptySplitError, ConfigError: The predictions cannot be scored.
        """
        data, split = self.data, self.split
        extra = self.split_facts(predictions)
        if self.initial_weights is not None:
            extra["initial_weights"] = self.initial_weights
        return write_passport(
            out_dir,
            predictions=predictions,
            classes=self.classes,
            config=self.config.to_json() if config is None else config,
            recipe=data.recipe,
            data_fingerprint=data_fingerprint or data.fingerprint,
            protocol=split.protocol.name,
            wall_seconds=wall_seconds,
            mapping=data.mapping,
            synthetic=data.synthetic,
            partial=self.partial,
            extra={**extra, **(facts or {})},
        )

    @property
    def partial(self) -> bool:
        """Whether clips that belong to the set are absent; drawn clips are no part of a published set."""
        data = self.data
        return data.partial or (not data.synthetic and any(note.startswith("partial") for note in self.split.notes))

    def split_facts(self, predictions: Sequence[Prediction]) -> dict:
        """What a passport says of the folds, and the scores of a protocol that has its own."""
        split, protocol = self.split, self.split.protocol
        extra: dict = {
            "split": {
                "protocol": protocol.name,
                "source": protocol.source,
                "scoring": protocol.scoring,
                "folds": split.class_counts,
                "straddling_subjects": list(split.straddling),
                "notes": list(split.notes),
            }
        }
        if protocol.scoring == "hold_out":
            extra["hold_out"] = metrics.hold_out_scores(predictions, len(self.classes))
        return extra


def plan_run(data: MotionData, config: TrainConfig, protocol: str = "loso") -> Run:
    """Checks that model, settings, data and protocol fit together, before anything is trained.

    Args:
        data: All clips.
        config: Settings; the number of classes is taken from the label mapping of the data.
        protocol: Name of the protocol.

    Raises:
        LeakageError, EmptySplitError, ConfigError: The protocol does not fit the clips, or the model the recipe.
        MissingFileError: The initial weights are not there.
    """
    classes = get_mapping(data.mapping).classes
    config = dataclasses.replace(config, num_classes=len(classes))
    split = make_split(
        protocol,
        data.subject_keys,
        data.labels.tolist(),
        data.keys,
        classes=classes,
        mapping=data.mapping,
        seed=config.seed,
    )
    split = dataclasses.replace(split, notes=(*split.notes, *config.protocol_notes(split.protocol)))
    check_recipe(config.model, data.recipe, config.model_options)
    if is_own(config.model):
        check_model(config, data.recipe, weights=False)
    if is_run(config.initial_weights):
        keys = data.keys
        check_stage(config.initial_weights, {fold.name: [keys[row] for row in fold.test] for fold in split.folds})
    return Run(data, config, classes, split, initial_weights_facts(config) if config.initial_weights else None)


def cross_validate(
    data: MotionData,
    config: TrainConfig,
    out_dir: str | os.PathLike,
    *,
    protocol: str = "loso",
    workers: int = 1,
    epoch_predictions: int = 0,
    sub_clips: bool = False,
    save_models: bool = False,
    force: bool = False,
    facts: Mapping | None = None,
    profile: bool = False,
    say: Callable[[str], None] = lambda text: None,
    progress: Progress | None = None,
    trainer: Trainer | None = None,
) -> dict:
    """Trains every fold of a protocol and writes ``predictions.csv`` and ``passport.json``; resumes.

    Args:
        data: All clips.
        config: Settings.
        out_dir: Folder of the run.
        protocol: Name of the protocol.
        workers: Processes that train folds side by side (``run_loso``).
        epoch_predictions: See ``run_loso``.
        sub_clips: See ``run_loso``.
        save_models: See ``run_loso``.
        force: Replace what a run with other settings left in the folder.
        facts: Further top-level fields of the passport.
        profile: See ``run_loso``.
        say: Called with each remark before training starts.
        progress: See ``run_loso``.
        trainer: See ``run_loso``.

    Returns:
        The passport.

    Raises:
        LeakageError, EmptySplitError, ConfigError, MissingFileError: Before any work; see ``plan_run``, and
            ``begin_run`` for a folder that holds another run.
        MerError: A fold diverged, or a worker process ended.
    """
    start = time.perf_counter()
    run = plan_run(data, config, protocol)
    settings = {**run_settings(data, run.config, epoch_predictions, sub_clips), "protocol": protocol}
    begin_run(out_dir, settings, run.split.folds, force=force)
    for note in run.notes:
        say(note)
    predictions = run_loso(
        data,
        run.config,
        out_dir,
        folds=run.split.folds,
        workers=workers,
        progress=progress,
        epoch_predictions=epoch_predictions,
        sub_clips=sub_clips,
        save_models=save_models,
        trainer=trainer,
        profile=profile,
    )
    wall_seconds = time.perf_counter() - start
    log_run(out_dir, run, predictions)  # before the passport, with which the run is finished
    store = FoldStore(os.fspath(out_dir), data, run.config, epoch_predictions, sub_clips)
    saved = store.saved_models(run.split.folds)
    facts = {**(facts or {}), **({"saved_models": saved} if saved else {})}
    return run.write(out_dir, predictions, wall_seconds=wall_seconds, facts=facts)


def check_model(config: TrainConfig, recipe, *, weights: bool = True) -> None:
    """Builds the network once, so that a mistake in its options or initial weights shows before any work.

    Args:
        config: Settings.
        recipe: Recipe of the inputs.
        weights: Whether the initial weights are read as well.

    Raises:
        UnknownNameError, ConfigError: The model has no such option, refuses its value, takes other inputs than the
            recipe yields, or cannot take the weights.
        MissingFileError: The initial weights are not there.
    """
    from mer_tf.training.trainer import initialised_model

    check_recipe(config.model, recipe, config.model_options)
    if get_model_card(config.model).is_network:
        config = config if weights else dataclasses.replace(config, initial_weights="")
        model, _ = initialised_model(config, recipe=recipe)
        check_inputs(config.model, model, recipe)
