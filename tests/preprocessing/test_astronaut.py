"""A real photograph, scikit-image's public-domain astronaut, through detection, alignment and flow of a known warp."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("skimage")
pytest.importorskip("dlib")

from skimage import data

from mer_tf.errors import MissingFileError, MissingPackageError
from mer_tf.preprocessing.align import eye_angle, face_box, interocular, level, transform_points
from mer_tf.preprocessing.crops import clip_boxes, eye_distance_box, eye_distance_window, square_box
from mer_tf.preprocessing.face import make_finder
from mer_tf.preprocessing.flow import tvl1_flow
from mer_tf.preprocessing.hars import hars_boxes, puzzle
from mer_tf.preprocessing.images import resize, to_gray, to_uint8
from mer_tf.preprocessing.lwm import LocalWeightedMean, remap
from mer_tf.preprocessing.parsing import PARSING_CLASSES, parsing_maps
from mer_tf.preprocessing.template import neutral_template
from mer_tf.recipes import FaceConfig

# Read off the picture, enlarged eight times, by eye: about 1 px.
PUPILS = np.array([[202.0, 100.5], [246.0, 103.0]])
MOUTH_CORNERS = np.array([[202.0, 139.0], [247.0, 138.0]])
MOUTH = np.array([223.0, 146.0])
CHIN = np.array([223.0, 178.0])


@pytest.fixture(scope="module")
def photograph():
    return data.astronaut()


@pytest.fixture(scope="module")
def gray(photograph):
    return to_gray(photograph)


@pytest.fixture(scope="module")
def finder():
    try:
        return make_finder()
    except (MissingFileError, MissingPackageError) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def find(finder):
    return lambda image: finder.landmarks(image, finder.detect(image))


@pytest.fixture(scope="module")
def points(gray, find):
    return find(to_uint8(gray))


@pytest.fixture(scope="module")
def levelled(gray, points, find):
    return level(gray, points, find)


def test_detection(gray, finder):
    found = finder.detect(to_uint8(gray))
    assert found.faces == 1
    assert found.score > 0.5
    left, top, right, bottom = found.box
    assert left < PUPILS[0, 0] < PUPILS[1, 0] < right
    assert top < PUPILS[0, 1] < MOUTH[1] < bottom


def test_landmarks(points):
    assert np.linalg.norm(points[36:42].mean(0) - PUPILS[0]) < 3
    assert np.linalg.norm(points[42:48].mean(0) - PUPILS[1]) < 3
    assert np.linalg.norm(points[[48, 54]] - MOUTH_CORNERS, axis=1).max() < 5
    assert np.linalg.norm(points[48:60].mean(0) - MOUTH) < 4
    assert np.linalg.norm(points[8] - CHIN) < 6


def test_levelling(points, levelled):
    assert levelled.found_again
    assert not levelled.warnings
    assert abs(eye_angle(levelled.landmarks)) < 2
    assert abs(eye_angle(transform_points(points, levelled.matrix))) < 2
    assert levelled.shift < 0.05


@pytest.mark.parametrize("degrees", [-25, 40])
def test_levelling_of_the_turned_photograph(gray, find, degrees):
    turn = cv2.getRotationMatrix2D((222, 120), -degrees, 1)
    turned = cv2.warpAffine(gray, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    result = level(turned, find(to_uint8(turned)), find)
    eyes = transform_points(transform_points(PUPILS, turn), result.matrix)
    assert np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])) == pytest.approx(0, abs=3)
    assert np.linalg.norm(result.landmarks[36:42].mean(0) - eyes[0]) < 3
    assert np.linalg.norm(result.landmarks[42:48].mean(0) - eyes[1]) < 3


def test_crops(levelled):
    landmarks = levelled.landmarks
    boxes = [
        face_box(landmarks, 512, 512),
        eye_distance_box(landmarks, 512, 512),
        square_box(landmarks, 512, 512),
        clip_boxes(landmarks[None], 512, 512)[0],
    ]
    for box in boxes:
        for x, y in (*landmarks[36:48], *landmarks[48:60]):
            assert box.x0 <= x < box.x1
            assert box.y0 <= y < box.y1
        assert 70 < box.width < 180
    assert boxes[2].width == boxes[2].height


def test_hars(gray, levelled):
    boxes = hars_boxes(levelled.landmarks, 512, 512)
    mouth = boxes["mouth"]
    assert mouth.x0 < MOUTH[0] < mouth.x1
    assert mouth.y0 < MOUTH[1] < mouth.y1
    assert boxes["left_brow"].x1 <= boxes["right_brow"].x0 + 10
    tile = puzzle(gray, boxes, 112)
    assert tile.shape == (112, 112)
    # teeth between lips
    assert tile[56:].std() > 10


def test_local_weighted_mean(photograph, points):
    template = neutral_template()
    transform = LocalWeightedMean(points, template)
    assert transform.record["fallback"] is None
    # the map takes the template's points near the face's own (it smooths: not through them)
    error = np.linalg.norm(transform(template) - points, axis=1)
    assert error.mean() < 0.03 * interocular(points)
    window = eye_distance_window(template)
    aligned = remap(photograph, transform.maps(224, 184, window))
    assert aligned.shape == (224, 184, 3)
    assert aligned.std() > 20


def test_found_again_on_the_warped_photograph(photograph, points, find):
    template = neutral_template()
    aligned = remap(photograph, LocalWeightedMean(points, template).maps(240, 240))
    again = find(to_uint8(to_gray(aligned)))
    assert np.linalg.norm(again - template, axis=1).mean() < 0.06 * interocular(template)


def test_parsing(levelled):
    box = face_box(levelled.landmarks, 512, 512)
    maps = parsing_maps(levelled.landmarks - (box.x0, box.y0), box.height, box.width, 112)
    assert maps.shape == (112, 112, len(PARSING_CLASSES))
    assert maps[..., 0].mean() > 0.4
    assert maps.sum(axis=2).max() <= 1 + 1e-5


def test_cascades_agree_with_dlib(gray, points):
    try:
        finder = make_finder(FaceConfig(detector="haar"))
    except MissingFileError as error:
        pytest.skip(str(error))
    image = to_uint8(gray)
    template_points = finder.landmarks(image, finder.detect(image))
    error = np.linalg.norm(template_points - points, axis=1) / interocular(points)
    assert error[36:48].mean() < 0.05
    assert error.mean() < 0.10
    assert abs(eye_angle(template_points) - eye_angle(points)) < 3


def test_flow_of_a_known_warp(gray, levelled):
    """Two smooth bumps of 1.2 and 0.8 px at mouth and brow of the 128 px face: mean endpoint error."""
    box = face_box(levelled.landmarks, 512, 512)
    face = resize(box.cut(gray), 128, 128)
    y, x = np.mgrid[0:128, 0:128].astype(np.float32)
    true = np.zeros((128, 128, 2), np.float32)
    for column, row, u, v in ((64, 95, 1.2, 0.4), (38, 35, 0.0, -0.8)):
        bump = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 14**2))
        true += bump[..., None] * np.float32([u, v])
    # second(p + w(p)) = first(p): sampled at q - w(q), with w at the fixed point
    back = true.copy()
    for _ in range(10):
        back = cv2.remap(true, x - back[..., 0], y - back[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    moved = cv2.remap(face, x - back[..., 0], y - back[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    flow = tvl1_flow(to_uint8(face), to_uint8(moved))
    error = np.linalg.norm(flow - true, axis=2)
    still = np.linalg.norm(true, axis=2)
    assert error.mean() < 0.05
    assert error.mean() < 0.3 * still.mean()
    moving = still > 0.5
    assert error[moving].mean() < 0.15
