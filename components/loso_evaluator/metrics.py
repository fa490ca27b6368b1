"""UF1, UAR and accuracy for TensorFlow Model Analysis, from its multi-class confusion matrix.

TFMA's own route to a macro F1 (``binarize`` and macro averaging) thresholds every class at 0.5 instead of taking
the most probable one, which is another figure. These metrics count argmax decisions and hand the matrix to the
functions of ``mer_tf.metrics``, so that the blessing rests on the same arithmetic as every other table.

UF1 and UAR of a slice in which a class has no clip (most single subjects) are undefined and come out as NaN, as
``mer_tf.metrics`` gives None for such a part; a NaN is never blessed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util, multi_class_confusion_matrix_metrics

from mer_tf import metrics
from mer_tf.errors import EmptySplitError

NAMES = ("UF1", "UAR", "Accuracy")


def _compute(score, num_classes, name, eval_config=None, model_name="", output_name="", example_weighted=False):
    matrices = multi_class_confusion_matrix_metrics.multi_class_confusion_matrices(
        thresholds=[0.0],  # below every probability: the largest one always decides
        eval_config=eval_config,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
    matrices_key = matrices[-1].keys[-1]
    key = metric_types.MetricKey(
        name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted
    )

    def result(values):
        confusion = np.zeros((num_classes, num_classes), np.int64)
        for entry, count in values[matrices_key][0.0].items():
            confusion[entry.actual_class_id, entry.predicted_class_id] = round(count)
        try:
            return {key: float(score(confusion))}
        except EmptySplitError:
            return {key: float("nan")}

    return [*matrices, metric_types.DerivedMetricComputation(keys=[key], result=result)]


class _Pooled(metric_types.Metric):
    """A score of the pooled counts.

    Args:
        num_classes: Number of classes.
        name: Name in the results. Defaults to that of the class, in lower case.
    """

    score: ClassVar[Callable[[np.ndarray], float]]

    def __init__(self, num_classes: int, name: str = ""):
        compute = metric_util.merge_per_key_computations(functools.partial(_compute, type(self).score))
        super().__init__(compute, num_classes=num_classes, name=name or type(self).__name__.lower())


class UF1(_Pooled):
    """Unweighted F1 of the pooled counts."""

    score = staticmethod(metrics.uf1)


class UAR(_Pooled):
    """Unweighted average recall of the pooled counts."""

    score = staticmethod(metrics.uar)


class Accuracy(_Pooled):
    """Share of clips whose most probable class is the true one."""

    score = staticmethod(metrics.accuracy)


for _metric in (UF1, UAR, Accuracy):
    metric_types.register_metric(_metric)
