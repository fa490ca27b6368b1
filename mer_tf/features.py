"""Names and shapes of every feature in the package's TFRecords, in one place.

Three kinds of record are written:

* clip records (``SequenceExample``, by ClipExampleGen): the facts of ``FACTS`` in the context, and the encoded
  frames the recipe needs in the feature list ``FRAME`` with their numbers in ``FRAME_NUMBER``;
* motion records (``Example``, by MotionTransform): the facts, the recipe and its hash, and one float tensor per
  input of the recipe (row-major, shape as the recipe says);
* prediction records (``Example``, by LosoTrainer): the facts that slices need, label, prediction, probabilities.
"""

from __future__ import annotations

DATASET = "dataset"
SUBJECT = "subject"  # id within the dataset
CLIP = "clip"
ONSET = "onset"
APEX = "apex"
OFFSET = "offset"
FPS = "fps"
EMOTION = "emotion"
AUS = "aus"
LABEL = "label"
MAPPING = "mapping"

FACTS_BYTES = (DATASET, SUBJECT, CLIP, EMOTION, AUS, MAPPING)
FACTS_INT = (ONSET, APEX, OFFSET, LABEL)
FACTS_FLOAT = (FPS,)
FACTS = FACTS_BYTES + FACTS_INT + FACTS_FLOAT

FRAME = "frame"
FRAME_NUMBER = "frame_number"

RECIPE = "recipe"
RECIPE_HASH = "recipe_hash"
PROVENANCE = "provenance"  # JSON: how the clip was preprocessed (apex rule, upsampling, warnings)

MOTION_MAGNITUDE = "motion_magnitude"  # by Transform: how much the clip moves, see mer_tf.preprocessing.gate

FOLD = "fold"
PREDICTION = "prediction"
PROBABILITIES = "probabilities"
