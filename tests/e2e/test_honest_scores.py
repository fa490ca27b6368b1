"""What the scores on the demo's clips are worth: well above chance with true labels, at chance with shuffled ones."""

from __future__ import annotations

import importlib.util
import pathlib

import numpy as np
import pytest

from mer_tf import metrics
from mer_tf.datasets import read_casme2
from mer_tf.recipes import get_recipe
from mer_tf.synthetic import write_synthetic_dataset

ROOT = pathlib.Path(__file__).parents[2]
MODEL = "dual_atme"
FOLDS = 5  # of the chance test

pytestmark = [pytest.mark.e2e, pytest.mark.dlib, pytest.mark.slow, pytest.mark.trains]


@pytest.fixture(scope="module")
def demo():
    """The demo as a module: its numbers of subjects and clips are the ones tested here."""
    specification = importlib.util.spec_from_file_location("demo", ROOT / "examples" / "demo.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(demo, tmp_path_factory):
    """The demo's clips at the default seed, preprocessed."""
    pytest.importorskip("dlib")
    pytest.importorskip("apache_beam")
    from mer_tf.preparation.prepare import prepare
    from mer_tf.training import read_motion_records

    folder = tmp_path_factory.mktemp("demo clips")
    write_synthetic_dataset(
        folder / "clips", subjects=demo.SUBJECTS, clips_per_subject=demo.CLIPS_PER_SUBJECT, seed=0, workers=2
    )
    recipe = get_recipe("onset_apex_28_hars")
    prepare(read_casme2(folder / "clips"), recipe, folder / "motion", workers=2)
    return read_motion_records(folder / "motion", recipe)


@pytest.fixture(scope="module")
def predictions(data, tmp_path_factory, training_seed):
    """The demo's cross-validation with true labels."""
    return run(data, tmp_path_factory.mktemp("true labels"), seed=training_seed)


def confusion_of(predictions) -> np.ndarray:
    return metrics.confusion_matrix([p.label for p in predictions], [p.prediction for p in predictions], 3)


def chance_uf1(predictions, quantile: float, draws: int = 4000) -> float:
    """Quantile of UF1 when the same predictions meet labels in random order."""
    rng = np.random.default_rng(0)
    labels = np.array([p.label for p in predictions])
    predicted = np.array([p.prediction for p in predictions])
    scores = [metrics.uf1(metrics.confusion_matrix(rng.permutation(labels), predicted, 3)) for _ in range(draws)]
    return float(np.quantile(scores, quantile))


def run(data, out, folds=None, **overrides):
    from mer_tf.training import TrainConfig, run_loso

    return run_loso(data, TrainConfig.from_preset(MODEL, "demo", **overrides), out, folds=folds, workers=2)


def test_the_demo_reaches_its_figure_honestly(data, predictions, within):
    """UF1 was 0.779 to 0.845 in 15 runs (three sets of kernels, five seeds): at least 0.15 from a bound."""
    assert sorted(f"{p.dataset}/{p.subject}/{p.clip}" for p in predictions) == sorted(data.keys)
    # Neither hopeless nor trivial; the threshold is the one the demo promises.
    within("UF1", metrics.uf1(confusion_of(predictions)), 0.60, 0.999)


def test_labels_shuffled_inside_the_training_folds_score_at_chance(data, predictions, tmp_path, training_seed, within):
    """In 15 runs (three sets of kernels, five seeds) shuffled labels were at least 0.179 below the bound, and true ones
    at least 0.170 above it."""
    folds = data.loso_folds(3)[:FOLDS]
    shuffled = run(data, tmp_path, folds, shuffle_labels=True, seed=training_seed)
    within(
        "shuffled labels: UF1 less the bound", metrics.uf1(confusion_of(shuffled)) - chance_uf1(shuffled, 0.999), high=0
    )
    # The control: on the same clips, the same bound tells true labels from shuffled ones.
    names = {fold.name for fold in folds}
    true = [p for p in predictions if p.fold in names]
    assert len(true) == len(shuffled)
    within("true labels: UF1 less the bound", metrics.uf1(confusion_of(true)) - chance_uf1(true, 0.999), low=0)
