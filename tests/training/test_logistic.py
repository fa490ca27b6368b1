"""The classifiers of the floors against scikit-learn's own pipeline and against counting."""

import numpy as np
import pytest

from mer_tf import metrics
from mer_tf.training.logistic import LogisticConfig, MajorityConfig, fit_logistic, fit_majority
from mer_tf.training.svm import inner_folds

sklearn = pytest.importorskip("sklearn")


@pytest.fixture
def blobs(rng):
    labels = np.repeat([0, 1, 2], [20, 10, 6])
    features = rng.standard_normal((36, 5)) * [1, 10, 0.1, 1, 0] + 0.9 * labels[:, None]
    features[:, 4] = 3.0  # constant
    return features, labels, [f"s{k % 6}" for k in range(36)]


@pytest.mark.parametrize("balanced", [True, False])
def test_equals_scaling_and_regression_of_the_library(blobs, balanced):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, labels, _ = blobs
    weights = "balanced" if balanced else None
    wanted = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight=weights, max_iter=1000))
    wanted.fit(features, labels)
    found = fit_logistic(features, labels, None, LogisticConfig(c=0.1, balanced=balanced))
    other = features[::-1] + 0.3
    np.testing.assert_allclose(found.probabilities(other, 3), wanted.predict_proba(other), atol=1e-6)
    assert found.facts() == {"c": 0.1}


@pytest.mark.parametrize("inner", ["kfold", "loso"])
def test_c_is_chosen_by_unweighted_f1_of_inner_folds_that_keep_subjects_apart(blobs, inner):
    features, labels, subjects = blobs
    config = LogisticConfig(c=(0.001, 0.1, 10), inner=inner)
    scores = []
    for c in config.c:
        guess = np.zeros_like(labels)
        for held in inner_folds(np.array(subjects), inner):
            assert not {s for s, h in zip(subjects, held) if h} & {s for s, h in zip(subjects, held) if not h}
            part = fit_logistic(features[~held], labels[~held], None, LogisticConfig(c=c))
            guess[held] = part.probabilities(features[held], 3).argmax(axis=1)
        scores.append(metrics.uf1(metrics.confusion_matrix(labels, guess, 3)))
    found = fit_logistic(features, labels, subjects, config)
    assert found.c == config.c[int(np.argmax(scores))] and found.inner_uf1 == max(scores)
    assert len(set(scores)) > 1


def test_a_class_without_training_clips_has_no_probability(blobs):
    features, labels, _ = blobs
    found = fit_logistic(features, np.where(labels == 1, 3, labels), None, LogisticConfig(c=1)).probabilities(
        features, 5
    )
    assert found.shape == (36, 5) and found.dtype == np.float32
    assert not found[:, [1, 4]].any() and (found[:, [0, 2, 3]] > 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_an_inner_fold_of_one_class_predicts_it():
    labels, subjects = np.array([0, 0, 0, 1]), ["a", "a", "b", "c"]
    # Without c's clip all are of one class, of which the library could fit nothing.
    features = np.array([[0.0, 0.0], [0.0, 0.1], [0.1, 0.0], [9.0, 9.0]])
    found = fit_logistic(features, labels, subjects, LogisticConfig(c=(1, 2), inner="loso"))
    wanted = metrics.uf1(metrics.confusion_matrix(labels, [0, 0, 0, 0], 2))
    assert found.inner_uf1 == pytest.approx(wanted)


def test_clips_of_one_subject_take_the_first_candidate(blobs):
    features, labels, _ = blobs
    found = fit_logistic(features, labels, ["a"] * 36, LogisticConfig(c=(7, 8)))
    assert (found.c, found.inner_uf1) == (7, None)


def test_majority_counts_and_looks_at_nothing(blobs):
    features, labels, _ = blobs
    found = fit_majority(features, labels, None, MajorityConfig())
    np.testing.assert_allclose(found.probabilities(features * np.nan, 4), [[20 / 36, 10 / 36, 6 / 36, 0]] * 36)


@pytest.mark.parametrize("fit", [fit_logistic, fit_majority])
def test_one_class_or_other_labels_are_refused(blobs, fit):
    features, labels, subjects = blobs
    with pytest.raises(ValueError, match="all of one class"):
        fit(features, labels * 0, subjects)
    with pytest.raises(ValueError, match="36 integers"):
        fit(features, labels[:5], subjects)


@pytest.mark.parametrize("settings", [{"c": ()}, {"c": (1, 0)}, {"c": "1"}, {"inner": "ten"}])
def test_bad_settings(settings):
    with pytest.raises(ValueError):
        LogisticConfig(**settings)


def test_choice_needs_subjects(blobs):
    features, labels, _ = blobs
    with pytest.raises(ValueError, match="one subject per training clip"):
        fit_logistic(features, labels)
