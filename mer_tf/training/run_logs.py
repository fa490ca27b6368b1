"""What TensorBoard shows of a whole run, written when its last fold is done."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mer_tf import output
from mer_tf.board.events import POOLED
from mer_tf.board.pooled import Inputs, log_pooled, look_at
from mer_tf.metrics.predictions import read_epoch_predictions
from mer_tf.run_files import EPOCHS_FILE, LOGS
from mer_tf.systems.registry import get_model_card
from mer_tf.training.fold_store import read_curves
from mer_tf.types import Prediction

if TYPE_CHECKING:
    from mer_tf.training.cross_validation import Run

_SEEN: dict[tuple, Inputs] = {}  # at most one
_log = logging.getLogger(__name__)


def log_run(
    out_dir: str | os.PathLike,
    run: Run,
    predictions: Sequence[Prediction],
    *,
    ensemble: Mapping | None = None,
) -> None:
    """Writes ``logs/pooled`` from what the folds left; nothing of it is read again by a run.

    A fault in it costs no result: it is told in the log, and the run goes on. A full disk is no such fault.

    Args:
        out_dir: Folder of the run.
        run: The run as it was planned.
        predictions: Those of all folds.
        ensemble: What an ensemble is made of, shown in place of the settings; its folder holds no folds.

    Raises:
        OSError: The system does not let it be written.
    """
    out_dir = os.fspath(out_dir)
    epochs, folds = os.path.join(out_dir, EPOCHS_FILE), ensemble is None
    config = {"protocol": run.split.protocol.name, "recipe": run.data.recipe.name, **run.config.to_json()}
    try:
        log_pooled(
            os.path.join(out_dir, LOGS, POOLED),
            predictions,
            run.classes,
            curves=read_curves(out_dir, run.split.folds) if folds else None,
            by_epoch=read_epoch_predictions(epochs, len(run.classes)) if os.path.exists(epochs) else None,
            settings=config if folds else ensemble,
            inputs=_inputs(run),
            keep_graph=folds and get_model_card(run.config.model).is_network,
        )
    except Exception as error:
        if output.explain(error) is not None:
            raise
        _log.warning("the logs of the whole run for TensorBoard could not be written", exc_info=True)


def _inputs(run: Run) -> Inputs:
    """What the network is given, looked at once for all runs of a sweep on the same clips."""
    data, key = run.data, (run.data.fingerprint, run.classes)
    if key not in _SEEN:
        found = look_at(
            data.keys, data.labels.tolist(), run.classes, data.recipe, lambda rows: data.take(rows).network_inputs()
        )
        _SEEN.clear()
        _SEEN[key] = found
    return _SEEN[key]
