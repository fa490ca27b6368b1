"""Remarks on the faces of onset and apex; a stand-in for the finder knows where they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mer_tf.errors import FaceNotFoundError
from mer_tf.preprocessing.remarks import clip_remarks, likeness
from mer_tf.preprocessing.template import neutral_template

SIZE = 320


def face(seed, at=(60, 60), width=160, noise=0):
    """A smooth picture in place of a face, its grain if wanted, and the template's points on it."""
    random = np.random.default_rng(seed)
    points = neutral_template()
    low, high = points.min(axis=0), points.max(axis=0)
    points = (points - low) / (high - low).max() * width + at
    picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
    patch = cv2.resize(random.integers(0, 256, (6, 6, 3), np.uint8), (width, width), interpolation=cv2.INTER_CUBIC)
    picture[at[1] : at[1] + width, at[0] : at[0] + width] = patch
    grain = random.normal(0, noise, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8), points


class Finder:
    """Gives the points of each picture in turn; None stands for a picture without a face."""

    def __init__(self, *points, finds_again=True):
        self._points, self.finds_again = list(points), finds_again

    def detect(self, gray, clip="", frame=None):
        points = self._points.pop(0)
        if points is None:
            raise FaceNotFoundError("no face found", clip, frame)
        return points

    def landmarks(self, gray, detection, clip="", frame=None):
        return detection


def remarks(first, second, **options):
    finder = Finder(first[1], second[1], **options)
    return clip_remarks(first[0], second[0], finder, "clip", (1, 9))


def names(found):
    return [remark.split(":")[0] for remark in found]


def test_a_sound_clip_has_none():
    assert remarks(face(0), face(0)) == []
    assert remarks(face(0), face(0, at=(66, 62), noise=4)) == []


def test_an_apex_without_a_face():
    (remark,) = remarks(face(0), (np.zeros((SIZE, SIZE, 3), np.uint8), None))
    assert remark == "apex_face: in frame 9: no face found"
    assert remarks(face(0), (face(0)[0], None), finds_again=False) == []  # a file that holds the onset's points alone


def test_a_head_that_moves():
    (remark,) = remarks(face(0), face(0, at=(100, 60)))
    assert remark.startswith("face_moved: the head moves by 40 px from frame 1 to frame 9")


def test_another_person():
    assert names(remarks(face(0), face(1))) == ["other_face"]


@pytest.mark.parametrize(("width", "told"), [(30, ["small_face"]), (79, ["small_face"]), (90, [])])
def test_a_small_face(width, told):
    assert names(remarks(face(0, width=width), face(0, width=width))) == told


def test_likeness():
    one, other = face(0), face(0, at=(90, 100), width=120)
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image, _ in (one, other)]
    assert likeness(gray[0], one[1], gray[1], other[1]) > 0.98  # place and size do not matter
    assert likeness(gray[0], one[1], gray[0] * 0, one[1]) == 0.0
