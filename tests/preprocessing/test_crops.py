from __future__ import annotations

import math

import numpy as np
import pytest
from mirrored import mirror_landmarks

from mer_tf.errors import CropError, LandmarkError
from mer_tf.preprocessing.align import Box, face_box
from mer_tf.preprocessing.crops import (
    clip_boxes,
    eye_centres,
    eye_distance_box,
    eye_distance_window,
    square_box,
)
from mer_tf.preprocessing.hars import hars_boxes

HEIGHT, WIDTH = 300, 590
CLIP = "casme2/sub01/EP02_01f"


def eyes_at(left, right):
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = left, right
    return points


class TestEyeDistance:
    def test_by_hand(self):
        points = eyes_at((200, 150), (300, 150))
        assert eye_distance_window(points) == (160, 90, 180, pytest.approx(220))
        assert eye_distance_box(points, 480, 640) == Box(90, 310, 160, 340)

    def test_distance_is_euclidean(self):
        # 3-4-5: the eyes are 50 px apart
        assert eye_distance_window(eyes_at((200, 150), (230, 190))) == (180, 120, 90, pytest.approx(110))

    def test_centres_are_means_of_six(self, upright_landmarks):
        left, right = eye_centres(upright_landmarks)
        np.testing.assert_allclose(left, upright_landmarks[36:42].mean(0))
        np.testing.assert_allclose(right, upright_landmarks[42:48].mean(0))

    @pytest.mark.parametrize("apart", [0, 9.9, math.nan])
    def test_eyes_too_near(self, apart):
        with pytest.raises(LandmarkError, match="at least 10") as caught:
            eye_distance_window(eyes_at((200, 150), (200 + apart, 150)), CLIP, 4)
        assert str(caught.value).startswith(f"{CLIP} frame 4: ")

    def test_face_at_the_border(self):
        # box columns 160..340: 20 of 180 outside is clipped, 60 of 180 is refused
        points = eyes_at((200, 150), (300, 150))
        assert eye_distance_box(points, 480, 320) == Box(90, 310, 160, 320)
        with pytest.raises(CropError, match="33 % outside the 280x480 frame"):
            eye_distance_box(points, 480, 280)


class TestClipBoxes:
    def test_by_hand(self, upright_landmarks):
        # columns 229.5..359.5: 13 px a side; rows 82..175: 9.3 below; brow-eye distance 9: 5.4 above
        box = clip_boxes(upright_landmarks[None], HEIGHT, WIDTH)
        assert box == [Box(76, 185, 216, 373)]

    def test_one_box_for_the_clip_is_the_median(self, upright_landmarks):
        shifts = (0, 4, 90, -3, 2)
        clip = np.stack([upright_landmarks + (shift, 0) for shift in shifts])
        boxes = clip_boxes(clip, HEIGHT, WIDTH)
        assert boxes == clip_boxes((upright_landmarks + (2, 0))[None], HEIGHT, WIDTH) * 5

    def test_refuses(self, upright_landmarks):
        clip = np.stack([upright_landmarks] * 3)
        for wrong in (clip[:0], clip[0], clip[:, :66]):
            with pytest.raises(ValueError, match="frames >= 1"):
                clip_boxes(wrong, HEIGHT, WIDTH)
        broken = clip.copy()
        broken[1, 7, 0] = np.nan
        with pytest.raises(LandmarkError, match=r"sub01/x frame 12: .*not finite"):
            clip_boxes(broken, HEIGHT, WIDTH, clip="casme2/sub01/x", frames=(11, 12, 13))
        lowered = clip.copy()
        lowered[2, [20, 23], 1] += 30
        with pytest.raises(LandmarkError, match="brow-eye distance"):
            clip_boxes(lowered, HEIGHT, WIDTH)
        with pytest.raises(CropError, match="clip box"):
            clip_boxes(clip, 150, WIDTH)


class TestSquareBox:
    def test_by_hand(self, upright_landmarks):
        # 130 wide, 93 high: side 1.2 * 130 = 156 about (294.5, 128.5)
        box = square_box(upright_landmarks, HEIGHT, WIDTH)
        assert box == Box(51, 207, 217, 373)

    def test_a_tall_face(self, upright_landmarks):
        tall = upright_landmarks * (0.5, 1)
        box = square_box(tall, HEIGHT, WIDTH)
        assert box.height == box.width == math.ceil(93 * 1.2)

    def test_slid_into_the_frame(self, upright_landmarks):
        points = upright_landmarks - (232, 0)  # box columns -15..141: 10 % outside
        assert square_box(points, HEIGHT, WIDTH) == Box(51, 207, 0, 156)
        assert square_box(mirror_landmarks(points, WIDTH), HEIGHT, WIDTH) == Box(51, 207, WIDTH - 156, WIDTH)

    def test_refuses(self, upright_landmarks):
        with pytest.raises(CropError, match="% outside"):
            square_box(upright_landmarks - (260, 0), HEIGHT, WIDTH)
        with pytest.raises(CropError, match="156 px, more than"):
            square_box(upright_landmarks - (0, 50), 155, WIDTH)
        with pytest.raises(CropError, match="under 16 px"):
            square_box(upright_landmarks * 0.05, HEIGHT, WIDTH)
        with pytest.raises(ValueError, match=r"\(68, 2\)"):
            square_box(upright_landmarks[:50], HEIGHT, WIDTH)
        broken = upright_landmarks.copy()
        broken[0] = np.nan
        with pytest.raises(LandmarkError, match="not finite"):
            square_box(broken, HEIGHT, WIDTH)


def test_66_points_are_refused_where_68_are_needed(upright_landmarks):
    points = np.delete(upright_landmarks, (60, 64), axis=0)
    for use in (
        lambda: eye_centres(points),
        lambda: eye_distance_box(points, HEIGHT, WIDTH),
        lambda: hars_boxes(points, HEIGHT, WIDTH),
    ):
        with pytest.raises(ValueError, match="inner mouth corners"):
            use()


def test_landmarks_that_are_not_finite_give_no_box(upright_landmarks):
    broken = upright_landmarks.copy()
    broken[[1, 17]] = np.nan
    with pytest.raises(LandmarkError, match="face box"):
        face_box(broken, HEIGHT, WIDTH)
    with pytest.raises(LandmarkError, match="left brow box"):
        hars_boxes(broken, HEIGHT, WIDTH)


def test_euclidean_boxes_by_hand():
    points = np.zeros((68, 2))
    for index, place in {
        17: (240, 100), 21: (280, 70), 19: (255, 82), 37: (258, 86),  # 50 and 5
        22: (310, 70), 26: (350, 100), 24: (335, 82), 44: (332, 86),
        48: (260, 140), 54: (320, 220), 33: (290, 120), 51: (293, 124), 57: (290, 160),  # 100 and 5
    }.items():  # fmt: skip
        points[index] = place
    boxes = hars_boxes(points, 480, 640, distance="euclidean")
    assert boxes["left_brow"] == Box(80, 85, 227, 293)  # 80.75..84.75, 227.5..292.5
    assert boxes["right_brow"] == Box(80, 85, 297, 363)
    assert boxes["mouth"] == Box(121, 163, 235, 345)  # 121.5..162.5, 235..345


def test_mirrored_landmarks_give_mirrored_pixel_boxes(upright_landmarks):
    points = upright_landmarks + np.random.default_rng(5).normal(0, 1, (68, 2))
    boxes = hars_boxes(points, HEIGHT, WIDTH)
    mirrored = hars_boxes(mirror_landmarks(points, WIDTH), HEIGHT, WIDTH)
    for name, other in (("left_brow", "right_brow"), ("right_brow", "left_brow"), ("mouth", "mouth")):
        assert boxes[name][:2] == mirrored[other][:2]
        # pixel centres mirror at W - 1 - x but half-open ends at W - x: off by at most one column
        assert abs(boxes[name].x0 - (WIDTH - mirrored[other].x1)) <= 1
        assert abs(boxes[name].x1 - (WIDTH - mirrored[other].x0)) <= 1
