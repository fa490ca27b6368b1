"""UF1, UAR and accuracy for TensorFlow Model Analysis, from its multi-class confusion matrix.

TFMA's own route to a macro F1 (``binarize`` and macro averaging) thresholds every class at 0.5 instead of taking
the most probable one, which is another figure. These metrics count argmax decisions and hand the matrix to the
functions of ``mer_tf.metrics``, so that the blessing rests on the same arithmetic as every other table.

UF1 and UAR of a slice in which a class has no clip (most single subjects) are undefined and come out as NaN, as
``mer_tf.metrics`` gives None for such a part; a NaN is never blessed.
"""

from __future__ import annotations

import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util, multi_class_confusion_matrix_metrics

from mer_tf import metrics
from mer_tf.errors import EmptySplitError

NAMES = ("UF1", "UAR", "Accuracy")


def _compute(score, num_classes, name, eval_config, model_name, output_name, example_weighted):
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


def _uf1(num_classes, name, eval_config=None, model_name="", output_name="", example_weighted=False):
    return _compute(metrics.uf1, num_classes, name, eval_config, model_name, output_name, example_weighted)


def _uar(num_classes, name, eval_config=None, model_name="", output_name="", example_weighted=False):
    return _compute(metrics.uar, num_classes, name, eval_config, model_name, output_name, example_weighted)


def _accuracy(num_classes, name, eval_config=None, model_name="", output_name="", example_weighted=False):
    return _compute(metrics.accuracy, num_classes, name, eval_config, model_name, output_name, example_weighted)


class UF1(metric_types.Metric):
    """Unweighted F1 of the pooled counts.

    Args:
        num_classes: Number of classes.
        name: Name in the results.
    """

    def __init__(self, num_classes: int, name: str = "uf1"):
        super().__init__(metric_util.merge_per_key_computations(_uf1), num_classes=num_classes, name=name)


class UAR(metric_types.Metric):
    """Unweighted average recall of the pooled counts.

    Args:
        num_classes: Number of classes.
        name: Name in the results.
    """

    def __init__(self, num_classes: int, name: str = "uar"):
        super().__init__(metric_util.merge_per_key_computations(_uar), num_classes=num_classes, name=name)


class Accuracy(metric_types.Metric):
    """Share of clips whose most probable class is the true one.

    Args:
        num_classes: Number of classes.
        name: Name in the results.
    """

    def __init__(self, num_classes: int, name: str = "accuracy"):
        super().__init__(metric_util.merge_per_key_computations(_accuracy), num_classes=num_classes, name=name)


for _metric in (UF1, UAR, Accuracy):
    metric_types.register_metric(_metric)
