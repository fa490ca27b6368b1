"""Prediction records: what the stock Evaluator reads."""

from __future__ import annotations

import tensorflow as tf

from mer_tf import atomic, features
from mer_tf.records import bytes_feature, int_feature
from mer_tf.types import Prediction


def encode_prediction(prediction: Prediction) -> bytes:
    """Serialized ``Example`` of one prediction; names as in ``mer_tf.features``."""
    text = (features.DATASET, features.SUBJECT, features.CLIP, features.FOLD)
    feature = {name: bytes_feature(atomic.encoded(getattr(prediction, name))) for name in text}
    feature |= {name: int_feature(getattr(prediction, name)) for name in (features.LABEL, features.PREDICTION)}
    feature[features.PROBABILITIES] = tf.train.Feature(float_list=tf.train.FloatList(value=prediction.probabilities))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)


def decode_prediction(record: bytes) -> Prediction:
    """The prediction of a record of ``encode_prediction``; probabilities come back in single precision."""
    feature = tf.train.Example.FromString(record).features.feature
    return Prediction(
        dataset=feature[features.DATASET].bytes_list.value[0].decode(errors="surrogateescape"),
        subject=feature[features.SUBJECT].bytes_list.value[0].decode(errors="surrogateescape"),
        clip=feature[features.CLIP].bytes_list.value[0].decode(errors="surrogateescape"),
        fold=feature[features.FOLD].bytes_list.value[0].decode(errors="surrogateescape"),
        label=feature[features.LABEL].int64_list.value[0],
        prediction=feature[features.PREDICTION].int64_list.value[0],
        probabilities=tuple(feature[features.PROBABILITIES].float_list.value),
    )
