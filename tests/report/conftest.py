"""Small finished runs, as training writes them."""

from __future__ import annotations

import numpy as np
import pytest

from mer_tf.passport import write_passport
from mer_tf.recipes import get_recipe
from mer_tf.systems.registry import MODELS
from mer_tf.training import TrainConfig
from mer_tf.types import Prediction

MEGC2019 = {
    "smic_hs": (16, (70, 51, 43)),
    "casme2": (24, (88, 32, 25)),
    "samm": (28, (92, 26, 15)),
}


def draw(counts, subjects, dataset, right=0.7, seed=0, n=None):
    """Predictions of a dataset with those class counts."""
    rng = np.random.default_rng(seed)
    rows = []
    n = n or len(counts)
    for label, count in enumerate(counts):
        for k in range(count):
            guess = label if rng.random() < right else int(rng.integers(n))
            p = np.full(n, 0.1 / (n - 1))
            p[guess] = 0.9
            subject = f"s{(len(rows)) % subjects:02}"
            clip = f"c{label}_{k:03}"
            rows.append(Prediction(dataset, subject, clip, f"{dataset}/{subject}", label, guess, tuple(map(float, p))))
    return rows


@pytest.fixture(name="draw")
def draw_fixture():
    """The function ``draw``."""
    return draw


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a run and gives its folder."""

    def make(
        name="run",
        *,
        model="dual_atme",
        protocol="loso",
        dataset="casme2",
        mapping="megc2019",
        preset="paper",
        seed=0,
        right=0.7,
        rows=None,
        classes=("negative", "positive", "surprise"),
        extra=None,
        synthetic=False,
        partial=False,
        recipe="",
        **config,
    ):
        folder = tmp_path / name
        settings = {"model": model, "preset": preset, "seed": seed, **config}
        if model in MODELS:
            settings = TrainConfig.from_preset(model, preset, seed=seed, num_classes=len(classes), **config).to_json()
        if rows is None:
            rows = draw((12, 8, 6), 5, dataset, right, seed)
        write_passport(
            folder,
            predictions=rows,
            classes=classes,
            config=settings,
            recipe=get_recipe(recipe or (MODELS[model].recipe if model in MODELS else "onset_apex_28_hars")),
            data_fingerprint="ab" * 32,
            protocol=protocol,
            wall_seconds=12.5,
            mapping=mapping,
            draws=50,
            extra=extra,
            synthetic=synthetic,
            partial=partial,
        )
        return folder

    return make


@pytest.fixture
def megc_rows():
    """A function that gives predictions of the 442 clips of 68 subjects."""

    def rows(seed=0, right=0.7):
        return [
            p
            for k, (dataset, (subjects, counts)) in enumerate(MEGC2019.items())
            for p in draw(counts, subjects, dataset, right, seed + 100 * k)
        ]

    return rows
