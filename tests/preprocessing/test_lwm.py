from __future__ import annotations

import json
import logging

import cv2
import numpy as np
import pytest

from mer_tf.preprocessing.align import affine, interocular, transform_points
from mer_tf.preprocessing.crops import eye_distance_window
from mer_tf.preprocessing.lwm import LocalWeightedMean, remap, weight
from mer_tf.preprocessing.template import TEMPLATE_SIZE, neutral_template

TEMPLATE = neutral_template()


def hull_pixels():
    inside = np.zeros(TEMPLATE_SIZE, np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(TEMPLATE).astype(np.int32)), 1)
    rows, columns = np.nonzero(inside)
    return np.column_stack([columns, rows]).astype(np.float64)


PIXELS = hull_pixels()


def quadratic(places):
    x, y = ((places - 120) / 100).T
    return np.stack(
        [
            300 + 90 * x + 5 * y + 3 * x * x - 2 * x * y + y * y,
            200 - 6 * x + 88 * y + 2 * x * x + x * y - 3 * y * y,
        ],
        axis=1,
    )


def plain(points, template, n, place):
    """The transform at one place, written out term by term."""
    above, below = np.zeros(2), 0.0
    for centre in template:
        near = np.argsort(np.linalg.norm(template - centre, axis=1), kind="stable")[:n]
        radius = np.linalg.norm(template[near[-1]] - centre)
        ratio = np.linalg.norm(place - centre) / radius
        if ratio >= 1:
            continue

        def terms(xy, near=near, radius=radius):
            x, y = (xy - template[near].mean(0)) / radius
            return [1, x, y, x * x, x * y, y * y]

        fit = np.linalg.lstsq(np.array([terms(q) for q in template[near]]), points[near], rcond=None)[0]
        share = 1 - 3 * ratio**2 + 2 * ratio**3
        above += share * (np.array(terms(place)) @ fit)
        below += share
    return above / below


def test_weight():
    assert weight(np.array([0.0, 0.5, 1.0, 1.7])).tolist() == [1.0, 0.5, 0.0, 0.0]
    step = 1e-6
    slopes = (weight(np.array([step, 1.0])) - weight(np.array([0.0, 1.0 - step]))) / step
    np.testing.assert_allclose(slopes, 0, atol=1e-5)
    assert (np.diff(weight(np.linspace(0, 1, 50))) < 0).all()


@pytest.mark.parametrize("n", [12, 24, 68])
def test_one_global_quadratic_is_reproduced(n):
    transform = LocalWeightedMean(quadratic(TEMPLATE), TEMPLATE, n)
    assert transform.record["fallback"] is None
    np.testing.assert_allclose(transform(PIXELS), quadratic(PIXELS), atol=1e-6)


@pytest.mark.parametrize("n", [12, 24])
def test_identity(n):
    map_x, map_y = LocalWeightedMean(TEMPLATE, TEMPLATE, n).maps(*TEMPLATE_SIZE)
    assert map_x.shape == map_y.shape == TEMPLATE_SIZE
    assert map_x.dtype == map_y.dtype == np.float32
    columns, rows = PIXELS.astype(int).T
    np.testing.assert_allclose(map_x[rows, columns], columns, atol=1e-6)
    np.testing.assert_allclose(map_y[rows, columns], rows, atol=1e-6)
    image = np.random.default_rng(0).integers(0, 256, TEMPLATE_SIZE + (3,), dtype=np.uint8)
    np.testing.assert_array_equal(remap(image, (map_x, map_y))[rows, columns], image[rows, columns])


def test_affine_pairs_are_mapped_exactly_everywhere():
    matrix = np.array([[1.1, 0.08, 40.0], [-0.06, 0.95, 25.0]])
    places = np.random.default_rng(2).uniform(-500, 700, (400, 2))
    transform = LocalWeightedMean(transform_points(TEMPLATE, matrix), TEMPLATE)
    np.testing.assert_allclose(transform(places), transform_points(places, matrix), atol=1e-6)


def test_against_the_formulas_term_by_term():
    points = TEMPLATE * 1.3 + np.random.default_rng(3).normal(0, 1.5, (68, 2))
    places = PIXELS[:: len(PIXELS) // 40]
    for n in (12, 24):
        transform = LocalWeightedMean(points, TEMPLATE, n, max_bend=None)
        expected = [plain(points, TEMPLATE, n, place) for place in places]
        np.testing.assert_allclose(transform(places), expected, atol=1e-7)


def test_where_no_weight_reaches_the_affine_fit_stands():
    points = quadratic(TEMPLATE)
    far = np.array([[-900.0, 30.0], [5000.0, 5000.0]])
    np.testing.assert_allclose(
        LocalWeightedMean(points, TEMPLATE)(far), transform_points(far, affine(TEMPLATE, points)), atol=1e-9
    )


def test_noise_moves_the_map_less_with_more_points():
    points = TEMPLATE + np.random.default_rng(0).normal(0, 1, (68, 2))
    worst = {}
    for n in (8, 12, 24, 68):
        moved = LocalWeightedMean(points, TEMPLATE, n, max_bend=None)(PIXELS) - PIXELS
        worst[n] = np.linalg.norm(moved, axis=1).max()
    assert worst[8] > worst[12] > worst[24] > worst[68]
    assert worst[24] < 3.2


def test_degenerate_neighbourhoods_take_more_points():
    # the jaw's ends on one line: 8 neighbours there determine no quadratic
    template = TEMPLATE.copy()
    template[:8] = np.column_stack([np.full(8, 20.0), np.linspace(80, 200, 8)])
    transform = LocalWeightedMean(quadratic(template), template, 6)
    assert transform.record["fitted_to"][0] == 6
    assert transform.record["fitted_to"][1] > 6
    np.testing.assert_allclose(transform(template), quadratic(template), atol=1e-5)


def test_points_on_one_line_fall_back_to_affine():
    template = np.column_stack([np.linspace(0, 200, 68), np.linspace(0, 100, 68)])
    transform = LocalWeightedMean(template * 2 + 5, template, max_bend=None)
    assert transform.record["affine_points"] == 68
    np.testing.assert_allclose(transform(template), template * 2 + 5, atol=1e-6)


def test_guard():
    points = TEMPLATE.copy()
    points[48:68] += (50, 0)  # a mouth half an inter-ocular distance to the side
    guarded = LocalWeightedMean(points, TEMPLATE)
    assert guarded.record["fallback"] == "affine"
    assert guarded.record["bend"] > 0.15
    json.dumps(guarded.record)
    np.testing.assert_allclose(guarded(PIXELS), transform_points(PIXELS, affine(TEMPLATE, points)), atol=1e-9)
    free = LocalWeightedMean(points, TEMPLATE, max_bend=None)
    assert free.record["fallback"] is None
    assert np.abs(free(PIXELS) - guarded(PIXELS)).max() > 0.1 * interocular(points)


def test_window_shows_a_part_of_the_template():
    points = quadratic(TEMPLATE)
    transform = LocalWeightedMean(points, TEMPLATE)
    x0, y0, width, height = window = eye_distance_window(TEMPLATE)
    map_x, map_y = transform.maps(56, 44, window)
    for row, column in ((0, 0), (55, 43), (20, 31)):
        place = [[x0 + (column + 0.5) * width / 44 - 0.5, y0 + (row + 0.5) * height / 56 - 0.5]]
        np.testing.assert_allclose([map_x[row, column], map_y[row, column]], transform(place)[0], rtol=1e-6)


def test_pixels_go_where_the_landmarks_say():
    points = quadratic(TEMPLATE)
    every = np.mgrid[0:400, 0:500]
    image = np.zeros((400, 500), np.float32)
    for x, y in points[[30, 36, 45, 57]]:
        image += np.exp(-((every[1] - x) ** 2 + (every[0] - y) ** 2) / 4).astype(np.float32)
    warped = remap(image, LocalWeightedMean(points, TEMPLATE).maps(*TEMPLATE_SIZE))
    for x, y in TEMPLATE[[30, 36, 45, 57]]:
        rows, columns = np.mgrid[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6]
        patch = warped[rows, columns]
        assert (columns * patch).sum() / patch.sum() == pytest.approx(x, abs=0.1)
        assert (rows * patch).sum() / patch.sum() == pytest.approx(y, abs=0.1)


def test_few_points_are_warned_about(caplog):
    with caplog.at_level(logging.WARNING):
        LocalWeightedMean(TEMPLATE, TEMPLATE, 12)
        assert not caplog.records
        LocalWeightedMean(TEMPLATE, TEMPLATE, 11)
    assert "n=11" in caplog.text


@pytest.mark.parametrize("n", [5, 69, 24.0, True])
def test_n_is_checked(n):
    with pytest.raises(ValueError, match="n must be"):
        LocalWeightedMean(TEMPLATE, TEMPLATE, n)


def test_contract():
    with pytest.raises(ValueError, match="inner mouth corners"):
        LocalWeightedMean(TEMPLATE[:66], TEMPLATE)
    broken = TEMPLATE.copy()
    broken[5] = np.inf
    with pytest.raises(ValueError, match="finite"):
        LocalWeightedMean(broken, TEMPLATE)
    with pytest.raises(ValueError, match="different points"):
        LocalWeightedMean(TEMPLATE, np.zeros((68, 2)))
    with pytest.raises(ValueError, match="positive"):
        LocalWeightedMean(TEMPLATE, TEMPLATE).maps(0, 5)
    with pytest.raises(ValueError, match="window"):
        LocalWeightedMean(TEMPLATE, TEMPLATE).maps(5, 5, (0, 0, -1, 4))
