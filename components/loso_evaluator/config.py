"""Configuration of the stock Evaluator for prediction records."""

from __future__ import annotations

import json

from tensorflow_model_analysis.proto import config_pb2

from mer_tf import features
from mer_tf.components.loso_evaluator import metrics
from mer_tf.errors import ConfigError


def eval_config(*, num_classes: int, min_uf1: float) -> config_pb2.EvalConfig:
    """Metrics, slices and the threshold that decides the blessing.

    Args:
        num_classes: Number of classes, at least 2.
        min_uf1: Smallest pooled UF1 (all clips together) that is blessed, 0 to 1; slices do not gate.

    Returns:
        Configuration for records that carry ``label`` (class index) and ``probabilities``.

    Raises:
        ConfigError: For values out of range.
    """
    if num_classes < 2:
        raise ConfigError(f"num_classes must be at least 2. Received: {num_classes}")
    if not 0 <= min_uf1 <= 1:
        raise ConfigError(f"eval_threshold_uf1 must lie in 0..1. Received: {min_uf1}")
    overall = config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()],
        threshold=config_pb2.MetricThreshold(
            value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": min_uf1})
        ),
    )
    configured = []
    for name in metrics.NAMES:
        metric = config_pb2.MetricConfig(
            class_name=name, module=metrics.__name__, config=json.dumps({"num_classes": num_classes})
        )
        if name == "UF1":
            # A plain threshold would gate every subject as well, where most classes are absent.
            metric.per_slice_thresholds.append(overall)
        configured.append(metric)
    configured.append(config_pb2.MetricConfig(class_name="ExampleCount"))
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key=features.LABEL, prediction_key=features.PROBABILITIES)],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=[features.DATASET]),
            config_pb2.SlicingSpec(feature_keys=[features.DATASET, features.SUBJECT]),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=configured)],
    )
