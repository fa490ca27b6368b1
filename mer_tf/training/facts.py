"""What a model says of its training: clips, versions, and the motion below which it names no class.

The motion gate: a network of three classes names one of them for a still face as well, and with confidence. The floor
is measured where the model is trained, on two kinds of clips put through the model's own recipe: the training clips,
and drawn faces that do not move, seen by a camera with noise.

Assumption: no source gives a floor. With noise of 2 gray levels, on ``onset_apex_28_hars``, still faces move 0.13 to
0.20 px (13 clips), and 30 drawn clips of the demo's kind 0.35 to 2.2 px, of which 5 % lie below 0.68: one and a half
times the largest of the noise clips, 0.29 px, gates every still face and none of the 30. On ``onset_apex_224_rgb``
still faces show at most 0.8 gray levels and six drawn clips at least 7.2. The 5 % quantile of the training clips caps
the floor, so that a noisy recipe gates few real clips.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mer_tf import features, passport
from mer_tf.datasets.people import person
from mer_tf.datasets.registry import dataset_name
from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.preprocessing.gate import motion_magnitude, motion_unit
from mer_tf.preprocessing.versions import common_versions
from mer_tf.recipes import Recipe
from mer_tf.records import record_files
from mer_tf.training.config import TrainConfig
from mer_tf.training.data import MotionData

NOISE_SD = 2.0  # gray levels; what a laboratory camera shows in dim light
NOISE_CLIPS = 3
NOISE_MARGIN = 1.5
LOW_QUANTILE = 0.05
_NOISE_FPS = 200.0
_BATCH = 8


@dataclasses.dataclass(frozen=True)
class ClipFacts:
    """What a record says of its clip beside the tensors.

    Attributes:
        dataset: Dataset of the clip.
        subject: Subject within the dataset.
        frames: Frames from onset to offset, both counted; 0 where the record does not say.
        fps: Frames per second; 0 where unknown.
        motion: ``mer_tf.preprocessing.gate.motion_magnitude``; None where the recipe shows no motion, or the record
            neither holds the arrays nor says.
        provenance: How the clip was preprocessed.
    """

    dataset: str
    subject: str
    frames: int
    fps: float
    motion: float | None
    provenance: dict


def read_clip_facts(paths, recipe: Recipe) -> list[ClipFacts]:
    """Facts of motion records, or of what Transform made of them.

    Args:
        paths: As ``mer_tf.records.read_examples``.
        recipe: Recipe of the records.

    Raises:
        MissingFileError: A file is not there.
        ConfigError: A record cannot be read.
    """
    optional = {
        features.DATASET: (tf.string, ""),
        features.SUBJECT: (tf.string, ""),
        features.PROVENANCE: (tf.string, "{}"),
        features.ONSET: (tf.int64, 0),
        features.OFFSET: (tf.int64, -1),
        features.FPS: (tf.float32, 0.0),
        features.MOTION_MAGNITUDE: (tf.float32, -1.0),
    }
    spec = {name: tf.io.FixedLenFeature((), kind, default) for name, (kind, default) in optional.items()}
    # Ragged, since what Transform wrote holds the network's tensors under some of these names, of other sizes.
    arrays = {name: tf.io.RaggedFeature(tf.float32) for name in recipe.inputs}
    found = []
    for file in record_files(paths):
        try:
            for batch in tf.data.TFRecordDataset(os.fsencode(file), compression_type="GZIP").batch(_BATCH):
                parsed = tf.io.parse_example(batch, {**spec, **arrays})
                motion = _motion(parsed, recipe)
                rows = {name: parsed[name].numpy() for name in spec}
                for row in range(len(motion)):
                    first, last = int(rows[features.ONSET][row]), int(rows[features.OFFSET][row])
                    found.append(
                        ClipFacts(
                            rows[features.DATASET][row].decode(errors="surrogateescape"),
                            rows[features.SUBJECT][row].decode(errors="surrogateescape"),
                            max(last - first + 1, 0),
                            float(rows[features.FPS][row]),
                            motion[row],
                            json.loads(rows[features.PROVENANCE][row]),
                        )
                    )
        except (tf.errors.OpError, ValueError) as error:
            raise ConfigError(f"{file}: a record's facts cannot be read; prepare the data again") from error
    return found


def _motion(parsed: dict, recipe: Recipe) -> list[float | None]:
    told = parsed[features.MOTION_MAGNITUDE].numpy().tolist()
    if min(told) >= 0 or not motion_unit(recipe):
        return [value if value >= 0 else None for value in told]
    count = len(told)
    for name, shape in recipe.inputs.items():
        if (parsed[name].row_lengths().numpy() != np.prod(shape)).any():
            return [None] * count  # the records hold the network's tensors alone
    tensors = {name: tf.reshape(parsed[name].flat_values, (count, *shape)) for name, shape in recipe.inputs.items()}
    return motion_magnitude(tensors, recipe).numpy().tolist()


def measure_gate(recipe: Recipe, motions: Sequence[float]) -> dict:
    """The floor of motion below which a clip is answered ``no_motion``; see the module's text for how it is chosen.

    Args:
        recipe: Recipe of the model.
        motions: ``motion_magnitude`` of each training clip; of nothing but training clips.

    Returns:
        JSON-able: ``floor`` (None where there is no gate, with ``reason``), ``unit``, ``noise`` (motion of each still
        drawn face; empty, with ``noise_reason``, where it could not be measured), ``training`` (``clips``, ``least``,
        ``low``, ``median``, ``gated``).
    """
    unit = motion_unit(recipe)
    if not unit:
        return {"floor": None, "reason": "the recipe's arrays show no motion from one frame to another"}
    if not len(motions):
        return {"floor": None, "reason": "the training records do not tell their motion; prepare them again"}
    gate: dict = {"unit": unit, "noise": []}
    low = float(np.quantile(motions, LOW_QUANTILE))
    try:
        gate["noise"] = still_motion(recipe)
        floor = min(NOISE_MARGIN * max(gate["noise"]), low)
    except MissingFileError as error:
        gate["noise_reason"] = str(error)
        floor = low / 2  # assumption: half of what all but 5 % of the training clips reach
    gate["floor"] = floor
    gate["training"] = {
        "clips": len(motions),
        "least": float(np.min(motions)),
        "low": low,
        "median": float(np.median(motions)),
        "gated": int(np.sum(np.asarray(motions) < floor)),
    }
    return gate


def still_motion(recipe: Recipe) -> list[float]:
    """Motion that a recipe sees in ``NOISE_CLIPS`` drawn faces that do not move, under camera noise.

    Args:
        recipe: Recipe whose ``motion_unit`` is not empty.

    Raises:
        MissingFileError: The recipe needs weights that are not there.
    """
    from mer_tf.preprocessing import ClipPreprocessor

    # The true points of the drawing stand in for a detector, which need not be installed where models are trained.
    recipe = dataclasses.replace(recipe, face=dataclasses.replace(recipe.face, detector="file"))
    found = []
    with tempfile.TemporaryDirectory() as folder, ClipPreprocessor(recipe, landmark_model=folder) as preprocessor:
        for number in range(1, NOISE_CLIPS + 1):
            images, points = still_clip(number, max(recipe.frames.count, 2))
            made = preprocessor.process_images(*images, landmarks=points, apex=len(images) - 1, fps=_NOISE_FPS)
            batch = {name: array[None] for name, array in made.tensors.items()}
            found.append(float(motion_magnitude(batch, recipe)[0]))
    return found


def still_clip(number: int, frames: int = 2) -> tuple[list[np.ndarray], np.ndarray]:
    """A drawn face that does not move, as a camera with noise of ``NOISE_SD`` gray levels sees it.

    Args:
        number: Subject number of the drawing, from 1.
        frames: Number of frames.

    Returns:
        (height, width, 3) uint8 RGB frames, and the true points (68, 2).
    """
    from mer_tf.synthetic import SyntheticSubject

    subject = SyntheticSubject(seed=0, number=number)
    plan = subject.plan(0)
    onset = plan.onset - plan.first
    (face,) = subject.render(plan, frames=range(onset, onset + 1))
    random = np.random.default_rng(number)
    face = face[..., ::-1].astype(np.float64)
    images = [
        np.clip(np.rint(face + random.normal(0, NOISE_SD, face.shape)), 0, 255).astype(np.uint8) for _ in range(frames)
    ]
    return images, subject.points(plan, onset)


def training_description(
    paths, recipe: Recipe, config: TrainConfig, fingerprint: str, loso: str | os.PathLike | None = None
) -> dict:
    """What the served model says of its training; keys of ``mer_tf.served``.

    Args:
        paths: Files of the training clips, and of nothing else.
        recipe: Recipe of the clips.
        config: Settings of the training.
        fingerprint: Fingerprint of the training data where no passport tells one.
        loso: Passport of a cross-validation of the same settings on the same clips, or None.

    Returns:
        ``{"versions", "gate", "trained_on"}``, JSON-able.

    Raises:
        ConfigError: The clips were prepared with versions that do not agree, or the passport cannot be read.
    """
    return describe_training(read_clip_facts(paths, recipe), recipe, config, fingerprint, loso)


def array_facts(data: MotionData) -> list[ClipFacts]:
    """Facts of clips that are there as arrays, or as the network's tensors, which do not tell their motion."""
    motions: list[float | None] = [None] * len(data)
    if motion_unit(data.recipe) and not data.network:
        motions = motion_magnitude(data.tensors, data.recipe).numpy().tolist()
    return [
        ClipFacts(dataset, subject, 0, 0.0, motion, {})
        for dataset, subject, motion in zip(data.datasets, data.subjects, motions)
    ]


def describe_training(
    facts: list[ClipFacts],
    recipe: Recipe,
    config: TrainConfig,
    fingerprint: str,
    loso: str | os.PathLike | None = None,
) -> dict:
    """``training_description`` from the facts of the clips; arguments and errors as there."""
    motions = [clip.motion for clip in facts if clip.motion is not None]
    return {
        "versions": common_versions(clip.provenance for clip in facts),
        "gate": measure_gate(recipe, motions),
        "trained_on": _trained_on(facts, config, fingerprint, loso),
    }


def _trained_on(facts: list[ClipFacts], config: TrainConfig, fingerprint: str, loso) -> dict:
    sets = collections.Counter(dataset_name(clip.dataset) for clip in facts)
    seconds = [clip.frames / clip.fps for clip in facts if clip.fps > 0 and clip.frames]
    run = _passport(loso) if loso else {}
    scores = run.get("metrics", {}).get("full", {})
    return {
        "clips": len(facts),
        "subjects": len({person(clip.dataset, clip.subject) for clip in facts}),
        "datasets": dict(sorted(sets.items())),
        "data_fingerprint": run.get("data_fingerprint") or fingerprint,
        "synthetic": run.get("synthetic"),
        "partial": run.get("partial"),
        "longest": {
            "frames": max((clip.frames for clip in facts), default=0) or None,
            "seconds": round(max(seconds), 4) if seconds else None,
        },
        "preset": config.preset,
        "changed": _changed(config),
        "seed": config.seed,
        "loso": {
            "uf1": scores.get("uf1"),
            "uar": scores.get("uar"),
            "interval": {name: run.get("bootstrap", {}).get(name) for name in ("uf1", "uar")},
            "clips": run.get("clips"),
            **({} if scores else {"reason": "no cross-validation was named when the model was trained"}),
        },
        "environment": passport.versions(),
        "commit": passport.git_commit(),
    }


def _passport(path) -> Mapping:
    try:
        with tf.io.gfile.GFile(os.fspath(path)) as file:
            run = json.loads(file.read())
    except (tf.errors.OpError, ValueError) as error:
        raise ConfigError(f"passport {os.fspath(path)} cannot be read ({error})") from error
    if not isinstance(run, dict):
        raise ConfigError(f"passport {os.fspath(path)} must hold a JSON object")
    return run


def _changed(config: TrainConfig) -> dict:
    """Settings that differ from those of the preset, or all that differ from the defaults where there is none."""
    start = (
        TrainConfig.from_preset(config.model, config.preset) if config.preset else TrainConfig(model=config.model)
    ).to_json()
    return {name: value for name, value in config.to_json().items() if name != "preset" and value != start[name]}
