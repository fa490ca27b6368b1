"""Warm-up requests: what a server runs before it takes traffic, so that no client pays for the first call.

TensorFlow Serving replays ``assets.extra/tf_serving_warmup_requests`` of a version when it loads it, and so does
the embedded server.

Use: ``python -m mer_tf.serving.warmup FOLDER`` with the folder of one version, for example ``serving_model/mer/1``.
"""

from __future__ import annotations

import json
import logging
import pathlib
import sys

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from mer_tf import served
from mer_tf.errors import BadInputError, MerError
from mer_tf.recipes import ARRAY_KINDS, MOTION
from mer_tf.serving.messages import to_tensor

LOGGER = logging.getLogger(__name__)

WARMUP_FILE = pathlib.PurePosixPath(served.EXTRA_FOLDER, served.WARMUP_FILE)
DESCRIPTION_FILE = pathlib.PurePosixPath(served.EXTRA_FOLDER, served.DESCRIPTION_FILE)
MAX_RECORDS = 1000  # TensorFlow Serving refuses a version with more


def write_warmup_requests(folder, *, model_name: str = "mer", batch_sizes=(1,), seed: int = 0) -> pathlib.Path:
    """Writes warm-up requests for ``serving_default`` into an exported version.

    The tensors are noise with the magnitudes of the real ones (flow up to about a pixel, images 0..255): values do
    not matter to the warm-up, shapes do.

    Args:
        folder: Folder of one version, written by ``mer_tf.export.export_saved_model``.
        model_name: Name the model is served by.
        batch_sizes: One request per entry; with batching on, give every ``allowed_batch_sizes``.
        seed: Seed of the noise.

    Returns:
        Path of the written file.

    Raises:
        BadInputError: Where the folder holds no description, or ``batch_sizes`` is out of range.
    """
    folder = pathlib.Path(folder)
    batch_sizes = tuple(batch_sizes)
    if not 1 <= len(batch_sizes) <= MAX_RECORDS or min(batch_sizes) < 1:
        raise BadInputError(f"batch_sizes must be 1 to {MAX_RECORDS} positive numbers. Received: {batch_sizes}")
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        inputs = {str(name): tuple(map(int, shape)) for name, shape in description[served.INPUTS].items()}
        kinds = {name: ARRAY_KINDS[name] for name in inputs}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"{folder / DESCRIPTION_FILE} cannot be read; export the model with mer-tf") from error
    random = np.random.default_rng(seed)
    path = folder / WARMUP_FILE
    with tf.io.TFRecordWriter(str(path)) as writer:
        for batch in batch_sizes:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model_name
            request.model_spec.signature_name = served.BY_TENSORS
            for name, shape in inputs.items():
                to_tensor(_noise(kinds[name], (batch, *shape), random), request.inputs[name])
            writer.write(log.SerializeToString())
    LOGGER.info("wrote %d warm-up requests to %s", len(batch_sizes), path)
    return path


def _noise(kind: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Noise in the range of an array of that kind, float32."""
    if kind in (MOTION, "flow"):
        noise = random.normal(0.0, 0.3, shape)
        if kind == MOTION:
            noise[..., 2] = np.abs(noise[..., 2])  # optical strain is a magnitude
    elif kind == "parsing":
        noise = random.integers(0, 2, shape)
    else:  # pixels, or points in pixels
        noise = random.uniform(0.0, 255.0, shape)
    return noise.astype(np.float32)


def read_warmup_requests(folder) -> list:
    """The ``PredictRequest`` of each warm-up record of a version; empty where there is none.

    Raises:
        BadInputError: Where the file is damaged.
    """
    path = pathlib.Path(folder) / WARMUP_FILE
    if not path.is_file():
        return []
    requests = []
    try:
        for record in tf.data.TFRecordDataset(str(path)).take(MAX_RECORDS):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            if log.WhichOneof("log_type") == "predict_log":
                requests.append(predict_pb2.PredictRequest.FromString(log.predict_log.request.SerializeToString()))
    except Exception as error:  # a damaged record raises TensorFlow's error, a damaged message protobuf's
        raise BadInputError(
            f"{path} is damaged; write it again with: python -m mer_tf.serving.warmup {folder}"
        ) from error
    return requests


def main(argv=None) -> int:
    """Entry point of ``python -m mer_tf.serving.warmup``; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) != 1 or argv[0].startswith("-"):
        print("use: python -m mer_tf.serving.warmup FOLDER   (the folder of one exported version)", file=sys.stderr)
        return 2
    try:
        print(write_warmup_requests(argv[0]))
    except MerError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
