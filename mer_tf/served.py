"""Names that a served model and its clients share: signatures, outputs, keys of the description, files.

The exporter, the pipeline's check, the server, its client and the warm-up requests all take them from here. Nothing
heavy is imported, so the client stays quick to start.
"""

from __future__ import annotations

# === Files of an exported version ===
SAVED_MODEL = "saved_model.pb"
EXTRA_FOLDER = "assets.extra"
DESCRIPTION_FILE = "mer.json"
WARMUP_FILE = "tf_serving_warmup_requests"
MAX_VERSION = 2**63 - 1  # of a version's folder, as TensorFlow Serving reads its name

# === Signatures ===
BY_TENSORS = "serving_default"
BY_EXAMPLES = "examples"
DESCRIBE = "describe"
SIGNATURES = (BY_TENSORS, BY_EXAMPLES, DESCRIBE)
EXAMPLES_INPUT = "examples"  # argument of ``BY_EXAMPLES``
DESCRIBE_INPUT = "unused"  # argument of ``DESCRIBE``
DESCRIPTION = "description"  # output of ``DESCRIBE``

# === Outputs of the two signatures that predict ===
PROBABILITIES = "probabilities"
LABEL = "label"
CLASS = "class"
RECIPE_HASH = "recipe_hash"
MOTION = "motion"  # only where the model has a gate
NO_MOTION = "no_motion"  # so too; also the class of a clip below the floor

# === Keys of the description ===
FORMAT = 2  # 1 had neither versions nor gate nor what the model was trained on
CLASSES = "classes"
RECIPE = "recipe"
MODEL = "model"
INPUTS = "inputs"
MER_TF = "mer_tf"
VERSIONS = "versions"
GATE = "gate"
TRAINED_ON = "trained_on"

# === What an answer may be flagged with; each flag is ``name: sentence`` ===
LONG_SPAN = "long_span"
GUESSED_APEX = "guessed_apex"
OTHER_PICTURES = "other_pictures"
UNKNOWN_FPS = "unknown_fps"
NO_GATE = "no_gate"
UNKNOWN_VERSIONS = "unknown_versions"
UNKNOWN_TRAINING = "unknown_training"
FEWER_BITS = "fewer_bits"
APEX_FACE = "apex_face"
SMALL_FACE = "small_face"
FACE_MOVED = "face_moved"
OTHER_FACE = "other_face"


def version_number(name: str) -> int | None:
    """The version that a folder's name stands for, as TensorFlow Serving reads it; None where it is no version."""
    number = int(name) if name.isascii() and name.isdigit() else None
    return None if number is None or number > MAX_VERSION else number
