from __future__ import annotations

import numpy as np
import pytest

from mer_tf.systems.mdmo.sparse_mdmo import SparseCoder, SparseMdmoConfig, feature_dim, graph_laplacian


@pytest.fixture
def frames(rng):
    """Six clips of five frames with ten numbers of rank four."""
    basis = rng.standard_normal((4, 10))
    return [rng.standard_normal((5, 4)) @ basis for _ in range(6)]


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1), (0.0, 0.5), (2.0, 0.0)])
def test_the_objective_never_rises_and_atoms_stay_in_the_unit_ball(frames, a, b):
    coder = SparseCoder(SparseMdmoConfig(atoms=12, smoothness=a, sparsity=b, tolerance=0)).fit(frames)
    assert len(coder.objective) > 10 and coder.objective[-1] < 0.5 * coder.objective[0]
    steps = np.diff(coder.objective)
    assert steps.max() <= 1e-9 * coder.objective[0]
    assert np.linalg.norm(coder.dictionary, axis=0).max() <= 1 + 1e-6
    # its last value by the definition, entry by entry
    x = np.concatenate(frames).T
    laplacian = graph_laplacian(x.T).toarray() if a else np.zeros((30, 30))
    value = ((x - coder.dictionary @ coder.codes) ** 2).sum() + b * np.abs(coder.codes).sum()
    value += a * np.trace(coder.codes @ laplacian @ coder.codes.T)
    assert coder.objective[-1] == pytest.approx(value)


def test_a_heavy_penalty_leaves_no_code(frames):
    coder = SparseCoder(SparseMdmoConfig(atoms=12, sparsity=1e6)).fit(frames)
    assert (coder.codes == 0).all() and (coder.transform(frames) == 0).all()


def test_without_penalties_the_samples_are_reproduced(frames):
    config = SparseMdmoConfig(atoms=12, smoothness=0, sparsity=0, tolerance=0)
    coder = SparseCoder(config).fit(frames)
    x = np.concatenate(frames).T
    assert np.linalg.norm(x - coder.dictionary @ coder.codes) < 1e-3 * np.linalg.norm(x)


def test_smoothness_brings_neighbours_together(frames):
    x = np.concatenate(frames).T
    laplacian = graph_laplacian(x.T)

    def roughness(a):
        codes = SparseCoder(SparseMdmoConfig(atoms=12, smoothness=a)).fit(frames).codes
        return (codes * (laplacian @ codes.T).T).sum() / (codes**2).sum()

    assert roughness(5.0) < 0.7 * roughness(0.0)


@pytest.mark.parametrize("count", [1, 2, 4, 30])
def test_laplacian(rng, count):
    laplacian = graph_laplacian(rng.standard_normal((count, 3))).toarray()
    np.testing.assert_allclose(laplacian.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(laplacian, laplacian.T)
    assert np.linalg.eigvalsh(laplacian).min() > -1e-9
    assert ((laplacian < 0).sum(axis=1) >= min(5, count - 1)).all()
    same = graph_laplacian(np.zeros((count, 3))).toarray()
    assert np.isfinite(same).all()


def test_features(frames):
    for pool, reduce in (("mean", np.mean), ("max", np.max)):
        config = SparseMdmoConfig(atoms=12, pool=pool)
        coder = SparseCoder(config, seed=4).fit(frames)
        found = coder.transform(frames)
        assert found.shape == (6, feature_dim(config)) and (found >= 0).all() and (found > 0).any()
        # a clip's code does not depend on the clips beside it
        np.testing.assert_allclose(coder.transform(frames[2:3])[0], found[2], atol=1e-5)
        alone = np.stack([coder.transform([frame[None]])[0] for frame in frames[2]])
        np.testing.assert_allclose(reduce(alone, axis=0), found[2], atol=1e-5)


def test_the_seed_decides(frames):
    one, again, other = (SparseCoder(SparseMdmoConfig(atoms=6), seed=s).fit(frames).dictionary for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)


def test_more_atoms_than_samples_and_still_frames(rng):
    frames = [np.zeros((3, 10)), rng.standard_normal((2, 10))]
    coder = SparseCoder(SparseMdmoConfig(atoms=20)).fit(frames)
    assert np.isfinite(coder.dictionary).all() and (coder.transform(frames)[0] == 0).all()


def test_bad_input(frames):
    coder = SparseCoder(SparseMdmoConfig(atoms=4))
    with pytest.raises(ValueError, match="not fitted"):
        coder.transform(frames)
    with pytest.raises(ValueError, match="at least one field"):
        coder.fit([])
    with pytest.raises(ValueError, match="at least one field"):
        coder.fit([np.zeros((0, 10))])
    with pytest.raises(ValueError, match="not finite"):
        coder.fit([np.full((2, 10), np.nan)])
    with pytest.raises(ValueError, match="10 features"):
        coder.fit(frames).transform([np.zeros((2, 9))])
    with pytest.raises(ValueError, match="atoms"):
        SparseMdmoConfig(atoms=0)
