"""Versions that change numbers: what is told, and what counts as a difference."""

from __future__ import annotations

import dataclasses
import os

import cv2
import pytest

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.preprocessing import ClipPreprocessor
from mer_tf.preprocessing.versions import common_versions, file_digest, version_differences
from mer_tf.recipes import FaceConfig, get_recipe

CASCADE = os.path.join(cv2.data.haarcascades, "haarcascade_frontalface_alt2.xml")


def recipe(detector):
    return dataclasses.replace(get_recipe("onset_apex_28"), face=FaceConfig(detector=detector))


def test_of_opencv_the_major_version_counts_and_of_the_rest_everything():
    trained = {"opencv": "4.10.0", "dlib": "19.24.6", "landmark_model": "aa"}
    assert version_differences(trained, {**trained, "opencv": "4.12.1"}) == []
    assert version_differences(trained, {**trained, "opencv": "5.0.0"}) == ["OpenCV is 5.0.0 here, 4.10.0 in training"]
    assert version_differences(trained, {**trained, "dlib": "20.0", "landmark_model": "bb"}) == [
        "dlib is 20.0 here, 19.24.6 in training",
        "68-point model is bb here, aa in training",
    ]


def test_only_what_both_sides_know_is_compared():
    assert version_differences({"opencv": "4.1", "dlib": "19"}, {"opencv": "4.2", "cascades": "x"}) == []
    assert version_differences({}, {"opencv": "4.2"}) == []


def test_a_recipe_tells_what_it_uses(tmp_path):
    assert ClipPreprocessor(recipe("file"), landmark_model=tmp_path).versions() == {"opencv": cv2.__version__}


@pytest.mark.skipif(not os.path.isfile(CASCADE), reason="this OpenCV ships no cascades")
def test_cascades_are_told():
    assert set(ClipPreprocessor(recipe("haar")).versions()) == {"opencv", "cascades"}


@pytest.mark.dlib
def test_dlib_tells_its_version_and_its_model(tmp_path):
    dlib = pytest.importorskip("dlib")
    model = tmp_path / "model.dat"
    model.write_bytes(b"points")
    found = ClipPreprocessor(recipe("dlib"), landmark_model=model).versions()
    assert found == {"opencv": cv2.__version__, "dlib": dlib.__version__, "landmark_model": file_digest(model)}
    model.write_bytes(b"other points")
    changed = ClipPreprocessor(recipe("dlib"), landmark_model=model).versions()
    assert changed["landmark_model"] != found["landmark_model"]
    with pytest.raises(MissingFileError, match="is missing; give the path"):
        ClipPreprocessor(recipe("dlib"), landmark_model=tmp_path / "absent").versions()


def test_records_of_one_set_must_agree():
    one = {"opencv": "4.10.0", "dlib": "19.24", "warnings": []}
    assert common_versions([one, {"opencv": "4.11.0", "dlib": "19.24"}]) == {"opencv": "4.10.0", "dlib": "19.24"}
    assert common_versions([one, {"opencv": "4.10.0"}]) == {"opencv": "4.10.0"}  # what one does not tell is not known
    assert common_versions([]) == {}
    with pytest.raises(ConfigError, match="different dlib: 19.24 and 20.0"):
        common_versions([one, {**one, "dlib": "20.0"}])
