from __future__ import annotations

import numpy as np
import pytest
from mirrored import mirror_landmarks

from mer_tf.preprocessing.parsing import PARSING_CLASSES, parsing_maps
from mer_tf.preprocessing.template import TEMPLATE_SIZE, neutral_template

NAMES = list(PARSING_CLASSES)
TEMPLATE = neutral_template()


@pytest.fixture(scope="module")
def maps():
    return parsing_maps(TEMPLATE, *TEMPLATE_SIZE, size=224)


def at(maps, name, place):
    column, row = np.rint((np.asarray(place) + 0.5) * 224 / 240 - 0.5).astype(int)
    return maps[row, column, NAMES.index(name)]


def test_classes_are_those_of_the_paper():
    assert list(PARSING_CLASSES.values()) == [1, 2, 3, 4, 5, 6, 10, 11, 12, 13]


def test_range_and_sum(maps):
    assert maps.shape == (224, 224, 10)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max() <= 1
    assert maps.sum(axis=2).max() <= 1 + 1e-5
    assert not maps[..., NAMES.index("glasses")].any()
    assert not maps[0].any()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("skin", (TEMPLATE[2] + TEMPLATE[31]) / 2),
        ("skin", TEMPLATE[27] - (0, 40)),
        ("skin", TEMPLATE[8] - (0, 12)),
        ("left_brow", TEMPLATE[19] + (0, 3)),
        ("right_brow", TEMPLATE[24] + (0, 3)),
        ("left_eye", TEMPLATE[36:42].mean(0)),
        ("right_eye", TEMPLATE[42:48].mean(0)),
        ("nose", TEMPLATE[30]),
        ("upper_lip", (TEMPLATE[51] + TEMPLATE[62]) / 2),
        ("lower_lip", (TEMPLATE[57] + TEMPLATE[66]) / 2),
    ],
)
def test_each_part_is_where_its_landmarks_are(maps, name, place):
    assert at(maps, name, place) > 0.5
    others = [other for other in NAMES if other != name]
    assert sum(at(maps, other, place) for other in others) < 0.5


def test_open_mouth_shows_its_inside():
    gaping = TEMPLATE.copy()
    gaping[[65, 66, 67, 55, 56, 57, 58, 59], 1] += 20
    maps = parsing_maps(gaping, *TEMPLATE_SIZE)
    assert at(maps, "mouth", gaping[[62, 66]].mean(0)) > 0.9


def test_area_of_an_eye(maps):
    x, y = TEMPLATE[36:42].T
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) * (224 / 240) ** 2
    assert maps[..., NAMES.index("left_eye")].sum() == pytest.approx(area, rel=0.1)


def test_mirrored_landmarks_give_mirrored_maps():
    points = TEMPLATE + np.random.default_rng(0).normal(0, 2, (68, 2))
    maps = parsing_maps(points, *TEMPLATE_SIZE, size=120)
    other = parsing_maps(mirror_landmarks(points, TEMPLATE_SIZE[1]), *TEMPLATE_SIZE, size=120)
    swap = [0, 2, 1, 4, 3, 5, 6, 7, 8, 9]
    difference = np.abs(other[:, ::-1][..., swap] - maps)
    assert difference.mean() < 1e-3
    assert difference.max() < 0.2
    assert np.abs(other[:, ::-1] - maps).max() > 0.5  # the swap is needed


def test_picture_of_another_shape():
    wide = parsing_maps(TEMPLATE * (2, 1) + (0.5, 0), 240, 480, size=64)
    np.testing.assert_allclose(wide, parsing_maps(TEMPLATE, 240, 240, size=64), atol=0.12)


def test_face_partly_outside():
    maps = parsing_maps(TEMPLATE - (120, 0), *TEMPLATE_SIZE, size=64)
    assert not maps[..., NAMES.index("left_eye")].any()
    assert maps[..., NAMES.index("right_eye")].max() > 0.5
    assert not parsing_maps(TEMPLATE + 1e7, *TEMPLATE_SIZE, size=64).any()


def test_contract():
    with pytest.raises(ValueError, match="inner mouth corners"):
        parsing_maps(TEMPLATE[:66], 240, 240)
    broken = TEMPLATE.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        parsing_maps(broken, 240, 240)
    with pytest.raises(ValueError, match="height"):
        parsing_maps(TEMPLATE, 0, 240)
    with pytest.raises(ValueError, match="size"):
        parsing_maps(TEMPLATE, 240, 240, size=4)
