"""Clip records: the facts of a clip and its encoded frames as a ``SequenceExample``."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from mer_tf import features
from mer_tf.errors import AnnotationError
from mer_tf.preprocessing.clip_files import MAX_FRAMES
from mer_tf.records import MISSING_APEX, bytes_feature, encode_facts, int_feature
from mer_tf.types import Clip


def encode_clip(clip: Clip, frames: Mapping[int, bytes]) -> tf.train.SequenceExample:
    """One clip with the frames it needs.

    Args:
        clip: The clip; its label must not be None.
        frames: Encoded image by frame number; the order is kept.

    Returns:
        The record, features as ``mer_tf.features`` names them.
    """
    lists = {
        features.FRAME: tf.train.FeatureList(feature=[bytes_feature(data) for data in frames.values()]),
        features.FRAME_NUMBER: tf.train.FeatureList(feature=[int_feature(number) for number in frames]),
    }
    return tf.train.SequenceExample(
        context=tf.train.Features(feature=encode_facts(clip)), feature_lists=tf.train.FeatureLists(feature_list=lists)
    )


def decode_clip(record: bytes) -> tuple[Clip, dict[int, bytes]]:
    """The clip and its frames, as ``encode_clip`` wrote them.

    The clip's ``frames`` are empty names: the images are in the record, not in files.

    Raises:
        AnnotationError: Where the bytes are not such a record.
    """
    try:
        example = tf.train.SequenceExample.FromString(record)
        context = example.context.feature
        facts = {
            name: context[name].bytes_list.value[0].decode(errors="surrogateescape") for name in features.FACTS_BYTES
        }
        facts |= {name: int(context[name].int64_list.value[0]) for name in features.FACTS_INT}
        facts |= {name: float(context[name].float_list.value[0]) for name in features.FACTS_FLOAT}
        lists = example.feature_lists.feature_list
        images = [feature.bytes_list.value[0] for feature in lists[features.FRAME].feature]
        numbers = [int(feature.int64_list.value[0]) for feature in lists[features.FRAME_NUMBER].feature]
    except Exception as error:  # protobuf's own error, or a feature that is not there
        raise AnnotationError(
            f"not a clip record ({type(error).__name__}); was it written by ClipExampleGen?"
        ) from error
    if len(images) != len(numbers) or not 0 < len(images) <= MAX_FRAMES:
        raise AnnotationError(
            f"clip record {facts[features.CLIP]!r}: {len(images)} frames with {len(numbers)} numbers; "
            f"expected as many numbers as frames, 1 to {MAX_FRAMES}"
        )
    if facts[features.APEX] == MISSING_APEX:
        facts[features.APEX] = None
    clip = Clip(**facts, frames=tuple("" for _ in numbers), frame_numbers=tuple(numbers))
    return clip, dict(zip(numbers, images))
