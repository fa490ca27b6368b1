"""Every network of the registry runs a real leave-one-subject-out on a few synthetic clips and lands in the report.

Recipes and networks are reduced in size, not in kind: each network takes what its own recipe makes of the frames, and
is trained with its published settings for one epoch. Landmarks are those the clips were drawn with, so that the time
goes into what differs between the systems.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import numpy as np
import pytest

from mer_tf.datasets import read_casme2
from mer_tf.passport import write_passport
from mer_tf.preprocessing import ClipPreprocessor, select_frames
from mer_tf.preprocessing.flow import DISConfig
from mer_tf.recipes import Recipe, get_recipe
from mer_tf.report import build_report, read_run, to_markdown
from mer_tf.synthetic import read_truth, write_synthetic_dataset
from mer_tf.systems.registry import MODELS
from mer_tf.training import MotionData, TrainConfig, run_loso

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SUBJECTS = 3
CLASSES = ("negative", "positive", "surprise")
NETWORKS = sorted(name for name, card in MODELS.items() if card.is_network)
# Recipes that need weights somebody must train first, and the like of them that do not.
CLASSIC = {"magnified_flow_10x224": "magnified_flow_10x224_classic", "flow_10x224": "flow_10x224_classic"}

# Tracing these takes several seconds each, running a few steps of them less than one. Traced they are marked large.
UNTRACED = {
    "ASTNet", "ATSCNN", "DualATME", "GEME", "KFCMER", "MMNet", "OffTANet", "ResNet18", "ResNet3D18",
}  # fmt: skip


def class_of(name: str) -> str:
    return MODELS[name].builder.rpartition(":")[2]


def one_of_each_class() -> list[str]:
    """The first system of each class by registry order; the plain one where it has no options of its own."""
    chosen: dict[str, str] = {}
    for name in sorted(NETWORKS, key=lambda name: (len(MODELS[name].options), name)):
        chosen.setdefault(class_of(name), name)
    return sorted(chosen.values())


DEFAULT = one_of_each_class()
CASES = [name if name in DEFAULT else pytest.param(name, marks=pytest.mark.large) for name in NETWORKS]


def reduced(name: str) -> Recipe:
    """The recipe of the system in its small size; sequences with a quicker flow."""
    small = MODELS[name].small
    side, frames = small.get("size", 0), small.get("frames", 0)
    recipe = get_recipe(CLASSIC.get(MODELS[name].recipe, MODELS[name].recipe))
    changes: dict = {"crop_size": max(32, side) if side else 64}
    if "size" in MODELS[name].options:  # the system is the one of that size
        side, changes = 0, {}
    if recipe.puzzle_size:
        changes["puzzle_size"] = 64
    if side:
        changes["views"] = tuple(
            dataclasses.replace(view, size=0 if side == changes["crop_size"] else side) for view in recipe.views
        )
    if frames:
        changes["frames"] = dataclasses.replace(recipe.frames, count=frames + 1)  # flow lies between two
    if "flow" in recipe.arrays:
        changes["flow"] = DISConfig(pairs=recipe.flow.pairs)
    return dataclasses.replace(recipe, face=dataclasses.replace(recipe.face, detector="file"), **changes)


def settings(name: str) -> TrainConfig:
    """The published settings for one epoch; what multiplies the clips is cut down, not left out."""
    preset = MODELS[name].default_preset
    augment = dict(MODELS[name].presets[preset].get("augment", {}))
    for key, few in (("copies", 2), ("subsequences", 3)):
        if key in augment:
            augment[key] = few
    options = {key: value for key, value in MODELS[name].small.items() if key not in MODELS[name].options}
    return TrainConfig.from_preset(name, preset, epochs=1, batch_size=16, augment=augment, model_options=options)


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """The clips, and a folder with the landmarks of every frame."""
    folder = tmp_path_factory.mktemp("zoo clips")
    # With this seed every two subjects show all three classes.
    write_synthetic_dataset(
        folder / "set", subjects=SUBJECTS, clips_per_subject=3, frames_per_clip=12, seed=1, workers=1
    )
    table = read_casme2(folder / "set")
    for clip in table.clips:
        truth = read_truth(folder / "set" / "truth" / f"{clip.subject}_{clip.clip}.npz")
        points = np.full((int(truth.numbers.max()), 68, 2), np.nan)
        points[truth.numbers - 1] = truth.points  # row k holds frame k + 1
        path = folder / "landmarks" / f"{clip.key}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, points)
    return table.clips, folder / "landmarks"


@pytest.fixture(scope="session")
def data_of(clips):
    """A function: recipe -> the clips preprocessed by it, once."""
    table, landmarks = clips

    @functools.cache
    def make(recipe: Recipe) -> MotionData:
        tensors = {name: [] for name in recipe.inputs}
        with ClipPreprocessor(recipe, landmark_model=landmarks) as preprocessor:
            for clip in table:
                numbers = select_frames(clip, recipe.frames).numbers
                frames = {number: pathlib.Path(clip.frame_path(number)).read_bytes() for number in numbers}
                for name, array in preprocessor.process_clip(clip, frames).tensors.items():
                    tensors[name].append(array)
        return MotionData(
            tensors={name: np.stack(arrays) for name, arrays in tensors.items()},
            labels=np.array([clip.label for clip in table]),
            datasets=tuple(clip.dataset for clip in table),
            subjects=tuple(clip.subject for clip in table),
            clips=tuple(clip.clip for clip in table),
            recipe=recipe,
            mapping="megc2019",
            synthetic=True,
        )

    return make


@pytest.fixture(scope="session")
def run_of(data_of, tmp_path_factory):
    """A function: name of a system, whether its steps are traced -> folder of its finished run, made once."""
    tf = pytest.importorskip("tensorflow")
    root = tmp_path_factory.mktemp("zoo runs")

    @functools.cache
    def run(name: str, traced: bool) -> pathlib.Path:
        data, config = data_of(reduced(name)), settings(name)
        out = root / str(traced) / name
        tf.config.run_functions_eagerly(not traced)
        try:
            predictions = run_loso(data, config, out)
        finally:
            tf.config.run_functions_eagerly(False)
        write_passport(
            out,
            predictions=predictions,
            classes=CLASSES,
            config=config.to_json(),
            recipe=data.recipe,
            data_fingerprint=data.fingerprint,
            protocol="loso",
            wall_seconds=0.0,
            mapping=data.mapping,
            draws=20,
            synthetic=True,
        )
        return out

    return lambda name, traced=None: run(name, class_of(name) not in UNTRACED if traced is None else traced)


@pytest.mark.parametrize("name", CASES)
def test_leave_one_subject_out(name, run_of, clips):
    run = read_run(run_of(name))
    assert run.passport["model"] == name
    assert run.passport["folds"] == SUBJECTS
    assert sorted(f"{p.dataset}/{p.subject}/{p.clip}" for p in run.predictions) == sorted(clip.key for clip in clips[0])
    for prediction in run.predictions:
        assert prediction.fold == f"{prediction.dataset}/{prediction.subject}"
        assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-5)


def test_every_run_has_its_row_in_the_report(run_of):
    report = build_report([read_run(run_of(name)) for name in DEFAULT])
    assert report.sections[0].title == "Results"
    rows = [row[0] for row in report.sections[0].blocks[0].rows]
    told = {name: f"{name} ({MODELS[name].default_preset} with " for name in DEFAULT}  # what was cut down
    assert [name for name, row in zip(DEFAULT, rows) if not row.startswith(told[name])] == [] and len(rows) == len(told)
    text = to_markdown(report).replace("\\", "")
    assert [name for name in DEFAULT if f"| **{told[name]}" not in text] == []


@pytest.mark.large
@pytest.mark.parametrize("name", [name for name in DEFAULT if class_of(name) in UNTRACED])
def test_tracing_changes_nothing(name, run_of):
    traced, untraced = (read_run(run_of(name, how)).predictions for how in (True, False))
    for one, other in zip(traced, untraced):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=2e-2)
