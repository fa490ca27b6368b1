from __future__ import annotations

import numpy as np
import pytest

from mer_tf.systems.fdm.fdm import FdmConfig, fdm, feature_dim, principal_directions, translation

PLAIN = FdmConfig(cuboids=(4, 4, 2), align="none")


@pytest.fixture
def flow(rng):
    return rng.standard_normal((5, 24, 32, 2)) + (0.3, 0.1)


@pytest.mark.parametrize("align", ["mode", "median"])
def test_the_faces_translation_leaves_nothing(align):
    still = np.zeros((4, 16, 16, 2)) + (1.234, -0.77)
    np.testing.assert_allclose(fdm(still, FdmConfig(align=align)), 0, atol=1e-12)


def test_the_mode_is_the_translation_of_most():
    field = np.zeros((20, 20, 2)) + (2.0, 0.5)
    field[5:9] = (5.0, 5.0)
    np.testing.assert_allclose(translation(field, "mode"), (2.0, 0.5))
    np.testing.assert_allclose(translation(field, "median"), (2.0, 0.5))
    assert translation(field, "none").tolist() == [0, 0]
    field[..., 0] += np.linspace(0, 0.02, 20)  # within one cell: their mean
    assert translation(field, "mode")[0] == pytest.approx(2.01)


@pytest.mark.parametrize(("cuboids", "length"), [((8, 8, 4), 512), ((5, 4, 1), 40)])
def test_length(flow, cuboids, length):
    config = FdmConfig(cuboids=cuboids)
    assert feature_dim(config) == length == len(fdm(flow, config))


def test_equal_vectors_return_themselves(rng):
    block = np.repeat(np.arange(10), 5)
    each = rng.standard_normal((10, 2))
    np.testing.assert_allclose(principal_directions(each[block], block, 10), each)
    flow = np.zeros((2, 8, 8, 2)) + (3, -4)
    np.testing.assert_allclose(fdm(flow, PLAIN).reshape(-1, 2), [(3, -4)] * 32)


def test_a_minority_of_opposite_vectors_does_not_turn_the_direction():
    vectors = np.array([(2.0, 1.0)] * 7 + [(-2.0, -1.0)] * 3)
    np.testing.assert_allclose(principal_directions(vectors, np.zeros(10, int), 1), [(2, 1)])


def plain(vectors):
    """The iteration of one cuboid, step by step; also the objective after every step."""
    kept, values = vectors, []
    for _ in range(50):
        total = kept.sum(axis=0)
        if not np.linalg.norm(total):
            return np.zeros(2), values
        e = total / np.linalg.norm(total)
        values.append(np.maximum(vectors @ e, 0).sum())
        found = vectors[vectors @ e > 0]
        if len(found) == len(kept) and (found == kept).all():
            break
        kept = found
    return e * (found @ e).mean(), values


def test_equals_the_step_by_step_form_whose_objective_never_falls(rng):
    vectors = rng.standard_normal((300, 60, 2))
    expected, objectives = zip(*(plain(one) for one in vectors))
    found = principal_directions(vectors.reshape(-1, 2), np.repeat(np.arange(300), 60), 300)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert min(np.diff(values).min(initial=0) for values in objectives) >= -1e-9


def test_nothing_and_exact_opposites_give_zero():
    vectors = np.array([(0.0, 0.0), (0, 0), (1, 1), (-1, -1)])
    assert (principal_directions(vectors, np.array([0, 0, 1, 1]), 3) == 0).all()


def test_scale(flow):
    for config in (PLAIN, FdmConfig(align="median")):
        np.testing.assert_allclose(fdm(3.5 * flow, config), 3.5 * fdm(flow, config), atol=1e-12)


def test_mirror(flow):
    for align in ("none", "median"):
        config = FdmConfig(cuboids=(4, 4, 2), align=align)
        straight = fdm(flow, config).reshape(2, 4, 4, 2)
        turned = fdm(flow[:, :, ::-1] * (-1, 1), config).reshape(2, 4, 4, 2)
        np.testing.assert_allclose(turned, straight[:, :, ::-1] * (-1, 1), atol=1e-12)


def test_order_of_cuboids():
    flow = np.zeros((4, 8, 8, 2))
    flow[2:, :2, 6:] = (0, 2)
    found = fdm(flow, PLAIN).reshape(2, 4, 4, 2)
    assert found[1, 0, 3].tolist() == [0, 2] and np.abs(found).sum() == 2


def test_bad_input(flow):
    with pytest.raises(ValueError, match="at least 4 fields"):
        fdm(flow[:3])
    with pytest.raises(ValueError, match="blocks along a side of 24"):
        fdm(flow, FdmConfig(cuboids=(25, 1, 1)))
    with pytest.raises(ValueError, match="flow must be"):
        fdm(flow[..., :1])
    for settings in ({"align": "mean"}, {"cuboids": (8, 8)}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            FdmConfig(**settings)
