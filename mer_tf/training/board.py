"""TensorBoard logs of a run."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mer_tf import metrics
from mer_tf.types import Prediction


def log_test_accuracy(folder: str | os.PathLike, predictions: Sequence[Prediction], step: int) -> None:
    """Writes ``test/accuracy`` of one fold's predictions."""
    writer = tf.summary.create_file_writer(os.fsencode(folder), filename_suffix=".test")
    with writer.as_default(step=step):
        tf.summary.scalar("test/accuracy", np.mean([p.label == p.prediction for p in predictions]))
    writer.close()


def log_pooled(folder: str, predictions: Sequence[Prediction], num_classes: int) -> None:
    """Writes scores and confusion matrix of all folds' predictions in place of the folder's earlier logs."""
    remove_logs(folder)
    cm = metrics.confusion_matrix([p.label for p in predictions], [p.prediction for p in predictions], num_classes)
    writer = tf.summary.create_file_writer(os.fsencode(folder))
    with writer.as_default(step=0):
        tf.summary.scalar("pooled/accuracy", metrics.accuracy(cm))
        if (cm.sum(axis=1) > 0).all():  # not so when only some folds were asked for
            tf.summary.scalar("pooled/uf1", metrics.uf1(cm))
            tf.summary.scalar("pooled/uar", metrics.uar(cm))
        header = "| true \\ predicted | " + " | ".join(map(str, range(num_classes))) + " |\n"
        rows = "".join(f"| {k} | " + " | ".join(map(str, row)) + " |\n" for k, row in enumerate(cm.tolist()))
        tf.summary.text("pooled/confusion", header + "|---" * (num_classes + 1) + "|\n" + rows)
        tf.summary.image("pooled/confusion_rows_true", confusion_picture(cm)[np.newaxis])
    writer.close()


def remove_logs(folder: str) -> None:
    """Removes the logs of an earlier run, where there are any."""
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.startswith("events.out.tfevents."):
                os.unlink(os.path.join(folder, name))


def confusion_picture(cm: np.ndarray, cell: int = 48) -> np.ndarray:
    """Shares of each row as gray cells with a one-pixel grid, white for 0.

    Args:
        cm: int (classes, classes), rows true.
        cell: Side of a cell in pixels.

    Returns:
        uint8 (classes * cell, classes * cell, 1).
    """
    share = cm / np.maximum(cm.sum(axis=1, keepdims=True), 1)
    image = np.kron(255 - np.round(255 * share), np.ones((cell, cell)))
    image[::cell, :] = image[:, ::cell] = 128
    return image.astype(np.uint8)[..., np.newaxis]
