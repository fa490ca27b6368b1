from __future__ import annotations

import math
import re

import numpy as np
import pytest
from mirrored import mirror_landmarks

from mer_tf.errors import CropError, LandmarkError
from mer_tf.preprocessing.align import (
    Box,
    check_landmarks,
    eye_angle,
    face_box,
    levelling_matrix,
    transform_points,
    warp,
)
from mer_tf.preprocessing.augment import MIRROR_68
from mer_tf.preprocessing.hars import hars_boxes, hars_edges, puzzle
from mer_tf.recipes.schema import PUZZLE_PARTS

HEIGHT, WIDTH = 300, 590


def turned(points, degrees, centre=(294.5, 120.0)):
    angle = math.radians(degrees)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return (points - centre) @ rotation.T + centre


@pytest.mark.parametrize("degrees", [-25, -3.7, 0, 10, 40])
def test_levelling_makes_the_eye_line_horizontal(upright_landmarks, degrees):
    points = turned(upright_landmarks, degrees)
    assert eye_angle(points) == pytest.approx(degrees, abs=1e-9)
    level = transform_points(points, levelling_matrix(points))
    assert abs(level[36, 1] - level[45, 1]) < 1e-6
    np.testing.assert_allclose((level[36] + level[45]) / 2, (points[36] + points[45]) / 2, atol=1e-9)
    assert np.linalg.norm(level[45] - level[36]) == pytest.approx(np.linalg.norm(points[45] - points[36]))


def test_pixels_move_with_the_points(upright_landmarks):
    points = turned(upright_landmarks, 12)
    image = np.zeros((HEIGHT, WIDTH), np.float32)
    x, y = np.rint(points[54]).astype(int)
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    matrix = levelling_matrix(points)
    level = warp(image, matrix)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    found = np.array([(columns * level).sum(), (rows * level).sum()]) / level.sum()
    np.testing.assert_allclose(found, transform_points(np.array([[x, y]], float), matrix)[0], atol=0.1)


def test_face_box_by_hand(upright_landmarks):
    # brow-eye distance: ((y38 - y20) + (y43 - y23)) / 2 = ((92 - 83) + (92 - 83)) / 2 = 9; top 82 - 9 = 73
    box = face_box(upright_landmarks, HEIGHT, WIDTH)
    assert box.y0 == 73
    assert box.y1 == 175
    assert box.x0 == math.floor(upright_landmarks[1, 0])
    assert box.x1 == math.ceil(upright_landmarks[15, 0])


def test_face_box_is_clipped_and_refused(upright_landmarks):
    box = face_box(upright_landmarks, 170, WIDTH)
    assert box.y1 == 170
    with pytest.raises(CropError, match="% outside the 590x140 frame") as caught:
        face_box(upright_landmarks, 140, WIDTH, clip="casme2/sub01/x", frame=3)
    assert str(caught.value).startswith("casme2/sub01/x frame 3: ")
    with pytest.raises(CropError, match="under 16 px"):
        face_box(upright_landmarks * 0.1, HEIGHT, WIDTH)
    with pytest.raises(CropError):
        face_box(upright_landmarks + [5000, 0], HEIGHT, WIDTH)


def test_brows_under_the_eyes_are_refused(upright_landmarks):
    points = upright_landmarks.copy()
    points[[20, 23], 1] += 20
    with pytest.raises(LandmarkError, match="brow-eye distance"):
        face_box(points, HEIGHT, WIDTH)


def test_implausible_landmarks(upright_landmarks):
    assert check_landmarks(upright_landmarks).dtype == np.float64
    upside_down = upright_landmarks.copy()
    upside_down[8, 1] = 10
    swapped = mirror_landmarks(upright_landmarks, WIDTH)[list(MIRROR_68)]
    broken = upright_landmarks.copy()
    broken[3, 0] = np.nan
    for points, said in (
        (upside_down, "chin"),
        (swapped, "swapped"),
        (broken, "not finite"),
        (upright_landmarks * 0.1, "7.1 px apart"),
    ):
        with pytest.raises(LandmarkError, match=said):
            check_landmarks(points, "casme2/sub01/x")
    with pytest.raises(ValueError, match=r"\(66, 2\)"):
        check_landmarks(upright_landmarks[:66])


def worked_landmarks():
    """Points that give the worked numbers of the specification (others do not matter)."""
    points = np.zeros((68, 2))
    for index, (x, y) in {
        17: (255, 0), 21: (283, 0), 19: (0, 82), 37: (0, 92),
        22: (301, 0), 26: (328, 0), 24: (0, 85), 44: (0, 94),
        48: (268, 0), 54: (310, 0), 33: (0, 124), 51: (0, 134), 57: (0, 144),
    }.items():  # fmt: skip
        points[index] = (x, y)
    return points


def test_hars_worked_numbers():
    edges = hars_edges(worked_landmarks())
    assert edges["left_brow"] == (79.5, 89.5, 248, 290)
    assert edges["right_brow"] == (82.75, 91.75, 294.25, 334.75)
    assert edges["mouth"] == (129, 149, 257.5, 320.5)
    boxes = hars_boxes(worked_landmarks(), 480, 640)
    assert boxes["left_brow"] == Box(79, 90, 248, 290)
    assert boxes["right_brow"] == Box(82, 92, 294, 335)
    assert boxes["mouth"] == Box(129, 149, 257, 321)


def test_mirrored_landmarks_give_mirrored_boxes(upright_landmarks):
    points = upright_landmarks + np.random.default_rng(1).normal(0, 2, (68, 2))
    edges, mirrored = (hars_edges(p, parts=PUZZLE_PARTS) for p in (points, mirror_landmarks(points, WIDTH)))
    for name in (region for regions in PUZZLE_PARTS.values() for region in regions):
        other = re.sub("left|right", lambda side: {"left": "right", "right": "left"}[side[0]], name)
        y0, y1, x0, x1 = edges[name]
        np.testing.assert_allclose(mirrored[other], (y0, y1, WIDTH - 1 - x1, WIDTH - 1 - x0))


def test_nose_and_cheeks_lie_between_eyes_jaw_and_mouth(upright_landmarks):
    edges = hars_edges(upright_landmarks, parts=("cheeks", "nose", "mouth"))
    assert list(edges) == ["left_cheek", "right_cheek", "nose", "mouth"]
    assert edges["nose"][1] == edges["mouth"][0]
    assert edges["left_cheek"][3] == edges["nose"][2] and edges["right_cheek"][2] == edges["nose"][3]
    for y0, y1, x0, x1 in edges.values():
        assert y1 - y0 >= 4 and x1 - x0 >= 4


def test_euclidean_distance_is_an_option(upright_landmarks):
    assert hars_edges(upright_landmarks, "euclidean") != hars_edges(upright_landmarks)
    with pytest.raises(ValueError, match="manhattan"):
        hars_edges(upright_landmarks, "manhattan")


def test_hars_boxes_are_clipped_and_refused(upright_landmarks):
    assert hars_boxes(upright_landmarks, HEIGHT, 320)["mouth"].x1 == 320
    with pytest.raises(CropError, match="right brow"):
        hars_boxes(upright_landmarks, HEIGHT, 300)
    with pytest.raises(ValueError, match="68, 2"):
        hars_boxes(upright_landmarks[:66], HEIGHT, WIDTH)


def test_puzzle_places():
    image = np.zeros((100, 100), np.float32)
    boxes = {"left_brow": Box(0, 10, 0, 30), "right_brow": Box(0, 12, 40, 70), "mouth": Box(50, 90, 10, 90)}
    for value, box in enumerate(boxes.values(), start=1):
        box.cut(image)[:] = value
    tile = puzzle(image, boxes, 32)
    assert tile.shape == (32, 32)
    np.testing.assert_allclose(tile[:16, :16], 1, rtol=1e-6)
    np.testing.assert_allclose(tile[:16, 16:], 2, rtol=1e-6)
    np.testing.assert_allclose(tile[16:], 3, rtol=1e-6)
    for size in (33, 30):
        with pytest.raises(ValueError, match="even"):
            puzzle(image, boxes, size)
    # Areas of one region each fill their halves; the order is that of the boxes.
    tile = puzzle(image, {"nose": boxes["left_brow"], "mouth": boxes["mouth"]}, 32)
    np.testing.assert_allclose(tile[:16], 1, rtol=1e-6)
    np.testing.assert_allclose(tile[16:], 3, rtol=1e-6)
