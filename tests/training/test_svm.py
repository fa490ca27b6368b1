from __future__ import annotations

import inspect

import numpy as np
import pytest

from mer_tf.training.svm import SvmConfig, fit_svm, inner_folds

svm = pytest.importorskip("sklearn.svm")


@pytest.fixture
def blobs(rng):
    """Sixty clips of three classes and ten subjects, twelve numbers: features, labels, subjects."""
    labels = np.arange(60) % 3
    centres = rng.standard_normal((3, 12))
    features = centres[labels] + 0.8 * rng.standard_normal((60, 12))
    return features, labels, [f"casme2/s{k // 6}" for k in range(60)]


@pytest.mark.parametrize(
    ("config", "machine"),
    [
        (SvmConfig("linear", c=(10000,)), svm.SVC(kernel="linear", C=10000)),
        (
            SvmConfig("poly", c=(1,), gamma=("scale",), degree=6, coef0=1.0),
            svm.SVC(kernel="poly", degree=6, coef0=1.0, gamma="scale", C=1),
        ),
        (SvmConfig("poly", c=(1,), gamma=("scale",)), svm.SVC(kernel="poly", degree=3, gamma="scale")),
        (SvmConfig("rbf", c=(28,), gamma=("scale",)), svm.SVC(kernel="rbf", C=28, gamma="scale")),
        (SvmConfig("rbf", c=(1,), gamma=("10/D",)), svm.SVC(kernel="rbf", C=1, gamma=10 / 12)),
        (SvmConfig("rbf", c=(1,), gamma=(0.05,), balanced=True), svm.SVC(gamma=0.05, class_weight="balanced")),
    ],
)
def test_equals_the_library_with_its_own_kernels(blobs, rng, config, machine):
    features, labels, _ = blobs
    new = rng.standard_normal((200, 12))
    machine.fit(features, labels)
    found = fit_svm(features, labels, config=config)
    np.testing.assert_array_equal(found.predict(new), machine.predict(new))
    assert found.inner_uf1 is None and found.predict(new[:0]).shape == (0,)


def test_scaling_is_that_of_the_training_clips(blobs):
    features, labels, _ = blobs
    features = np.c_[features * np.logspace(0, 6, 12) + 3, np.full(60, 7.0)]
    found = fit_svm(features, labels, config=SvmConfig(c=(1,), gamma=("scale",), scaling="standard"))
    np.testing.assert_allclose(found.centre, features.mean(axis=0))
    np.testing.assert_allclose(found.spread[:12], features.std(axis=0)[:12])
    assert found.spread[12] == 1 and (found.features[:, 12] == 0).all()  # a constant entry
    np.testing.assert_allclose(found.features[:, :12].std(axis=0), 1)
    far = np.full((3, 13), 1e12)  # what it predicts for does not move the scale
    found.predict(far)
    np.testing.assert_allclose(found.centre, features.mean(axis=0))


def testinner_folds_keep_subjects_whole(rng):
    subjects = np.array([f"s{k}" for k in rng.integers(0, 13, 200)])
    for inner, number in (("kfold", 5), ("loso", 13)):
        folds = inner_folds(subjects, inner)
        assert len(folds) == number and (np.sum(folds, axis=0) == 1).all()
        for held in folds:
            assert held.any() and not set(subjects[held]) & set(subjects[~held])


@pytest.mark.parametrize("inner", ["kfold", "loso"])
def test_the_choice_is_made_by_unweighted_f1_of_theinner_folds(blobs, inner):
    features, labels, subjects = blobs
    config = SvmConfig("rbf", c=(1e-3, 1, 100), gamma=("scale", 50.0), inner=inner)
    found = fit_svm(features, labels, subjects, config)
    from sklearn.metrics import f1_score

    scores = {}
    for c, gamma in config.candidates:
        guess = np.zeros(60, int)
        for held in inner_folds(np.array(subjects), config.inner):
            machine = svm.SVC(C=c, gamma=gamma).fit(features[~held], labels[~held])
            guess[held] = machine.predict(features[held])
        scores[c, gamma] = f1_score(labels, guess, average="macro", zero_division=0)
    assert found.inner_uf1 == pytest.approx(max(scores.values())) and found.inner_uf1 > 0.7
    assert (found.c, found.gamma) == max(scores, key=scores.get)


def test_nothing_of_a_held_out_clip_can_reach_the_choice():
    assert list(inspect.signature(fit_svm).parameters) == ["features", "labels", "subjects", "config"]


def test_one_subject_takes_the_first_candidate(blobs):
    features, labels, _ = blobs
    found = fit_svm(features, labels, ["s1"] * 60, SvmConfig("linear", c=(2, 5)))
    assert found.c == 2 and found.inner_uf1 is None


def test_an_inner_fold_of_one_class_predicts_it():
    features = np.array([[0.0], [0.1], [1.0], [1.1]])
    found = fit_svm(features, np.array([0, 0, 1, 1]), ["a", "a", "b", "b"], SvmConfig("linear", c=(1, 10)))
    assert found.inner_uf1 == 0.0 and found.predict(features).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(60, int)}, "all of one class"),
        ({"labels": np.zeros(59, int)}, "labels must be 60 integers"),
        ({"labels": np.zeros(60)}, "integers"),
        ({"features": np.full((60, 12), np.nan)}, "finite"),
        ({"features": np.zeros(60)}, r"features must be \(clips, length\)"),
        ({"subjects": None}, "subjects must name"),
        ({"subjects": ["a"]}, "subjects must name"),
    ],
)
def test_bad_input(blobs, change, message):
    features, labels, subjects = blobs
    with pytest.raises(ValueError, match=message):
        fit_svm(**{"features": features, "labels": labels, "subjects": subjects, **change})


def test_features_of_another_length(blobs):
    features, labels, _ = blobs
    with pytest.raises(ValueError, match="12 columns"):
        fit_svm(features, labels, config=SvmConfig(c=(1,), gamma=(1,))).predict(features[:, :5])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel": "sigmoid"}, "kernel must be one of"),
        ({"c": ()}, "c must list"),
        ({"c": (0,)}, "c must be positive"),
        ({"gamma": ("auto",)}, "gamma must be positive, 'scale' or like '0.1/D'"),
        ({"gamma": ("-1/D",)}, "gamma"),
        ({"gamma": ("x/D",)}, "gamma"),
        ({"gamma": (True,)}, "gamma"),
        ({"degree": 0}, "degree"),
        ({"coef0": -1.0}, "coef0"),
        ({"scaling": "minmax"}, "scaling"),
        ({"inner": "random"}, "inner"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        SvmConfig(**settings)
