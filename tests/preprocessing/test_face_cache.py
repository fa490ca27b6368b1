"""Faces that were found before: the same results without looking again, and nothing stale."""

import os
from typing import ClassVar

import numpy as np
import pytest

from mer_tf.errors import FaceNotFoundError
from mer_tf.preprocessing import ClipPreprocessor
from mer_tf.preprocessing.detection import Detection
from mer_tf.preprocessing.face_cache import CachedFinder
from mer_tf.recipes import FaceConfig, get_recipe

GRAY = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)


class Finder:
    provenance: ClassVar = {"detector": "counted"}
    finds_again = True

    def __init__(self):
        self.looks = []

    def detect(self, gray, clip="", frame=None):
        self.looks.append("face")
        if not gray.any():
            raise FaceNotFoundError("no face", clip, frame)
        return Detection((1, 2, 18, 19), 0.1 + 0.2, 1, 2, np.array([[1 / 3, 2.0]]), "odd")

    def landmarks(self, gray, detection, clip="", frame=None):
        self.looks.append("points")
        return np.linspace(0, 1, 136).reshape(68, 2) + detection.box[0]


@pytest.fixture
def finder():
    return Finder()


@pytest.fixture
def cached(finder, tmp_path):
    return CachedFinder(finder, FaceConfig(), {"dlib": "1"}, tmp_path)


def entries(folder):
    return [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names]


def test_the_second_look_is_at_the_folder_and_the_same_to_the_bit(finder, cached, tmp_path):
    first = cached.detect(GRAY)
    points = cached.landmarks(GRAY, first)
    again = CachedFinder(finder, FaceConfig(), {"dlib": "1"}, tmp_path)
    second = again.detect(GRAY)
    assert finder.looks == ["face", "points"]
    assert (second.box, second.score, second.faces, second.note) == (first.box, first.score, first.faces, first.note)
    np.testing.assert_array_equal(second.anchors, first.anchors)
    np.testing.assert_array_equal(again.landmarks(GRAY, second), points)
    assert finder.looks == ["face", "points"]


@pytest.mark.parametrize(
    ("config", "versions", "gray"),
    [
        (FaceConfig(several_faces="largest"), {"dlib": "1"}, GRAY),
        (FaceConfig(upsample=0), {"dlib": "1"}, GRAY),
        (FaceConfig(), {"dlib": "2"}, GRAY),
        (FaceConfig(), {"dlib": "1"}, GRAY.reshape(30, 20)),
        (FaceConfig(), {"dlib": "1"}, GRAY[::-1]),
    ],
)
def test_other_pixels_settings_or_versions_are_looked_at(finder, cached, tmp_path, config, versions, gray):
    cached.detect(GRAY)
    CachedFinder(finder, config, versions, tmp_path).detect(gray)
    assert finder.looks == ["face", "face"]


def test_points_belong_to_one_face_of_the_picture(cached):
    left, right = Detection((1, 1, 9, 9), 1.0, 0, 2), Detection((9, 1, 19, 9), 1.0, 0, 2)
    assert cached.landmarks(GRAY, left)[0, 0] != cached.landmarks(GRAY, right)[0, 0]
    assert cached.landmarks(GRAY, right)[0, 0] == 9


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"box": [1], "anchors": null}', "[[1, 2]]", "\udcff"])
def test_a_damaged_entry_is_made_anew(cached, tmp_path, text):
    first = cached.detect(GRAY)
    points = cached.landmarks(GRAY, first)
    for path in entries(tmp_path):
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    assert cached.detect(GRAY).score == first.score
    np.testing.assert_array_equal(cached.landmarks(GRAY, first), points)


def test_a_picture_without_a_face_leaves_nothing(finder, cached, tmp_path):
    for _ in range(2):
        with pytest.raises(FaceNotFoundError):
            cached.detect(np.zeros((20, 30), np.uint8))
    assert finder.looks == ["face", "face"] and not entries(tmp_path)


def test_a_folder_that_takes_nothing_is_named(finder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        CachedFinder(finder, FaceConfig(), {}, tmp_path / "file").detect(GRAY)


def test_another_recipe_looks_at_no_face_again(clip, onset_bytes, apex_bytes, tmp_path, monkeypatch):
    pytest.importorskip("dlib")
    recipes = [get_recipe(name) for name in ("onset_apex_28", "onset_apex_28_uv3")]
    plain = [ClipPreprocessor(recipe).process(onset_bytes, apex_bytes, clip=clip.key) for recipe in recipes]
    with ClipPreprocessor(recipes[0], face_cache=tmp_path) as preprocessor:
        first = preprocessor.process(onset_bytes, apex_bytes, clip=clip.key)
    monkeypatch.setenv("MER_FACE_CACHE", str(tmp_path))
    with ClipPreprocessor(recipes[1]) as preprocessor:
        monkeypatch.setattr(preprocessor._finder._finder, "detect", None)
        second = preprocessor.process(onset_bytes, apex_bytes, clip=clip.key)
    for ours, theirs in zip((first, second), plain):
        assert ours.provenance == theirs.provenance
        for name, array in theirs.tensors.items():
            np.testing.assert_array_equal(ours.tensors[name], array)
