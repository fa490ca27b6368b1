"""``mer prepare`` on drawn faces, and what its records tell ``mer loso``."""

from __future__ import annotations

import json

import pytest

from mer_tf.cli import main
from mer_tf.errors import MissingFileError
from mer_tf.preprocessing import find_landmark_model
from mer_tf.recipes import get_recipe
from mer_tf.synthetic import write_synthetic_dataset
from mer_tf.training import read_motion_records

pytestmark = pytest.mark.dlib


def test_drawn_clips_and_faults_are_said_with_the_records(tmp_path, capfd):
    pytest.importorskip("dlib")
    try:
        find_landmark_model()
    except MissingFileError as error:
        pytest.skip(str(error))
    clips, out = tmp_path / "clips", tmp_path / "motion"
    write_synthetic_dataset(clips, subjects=2, clips_per_subject=2, frames_per_clip=(8, 8), seed=0, workers=1)
    arguments = ["prepare", "--recipe", "onset_apex_28", "--data", str(clips), "--out", str(out), "--workers", "1"]
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["synthetic"], report["partial"], report["skipped"]) == (True, False, [])
    assert report["near_duplicates"]["clips"] == report["clips"] and report["near_duplicates"]["warning"] == ""
    data = read_motion_records(out, get_recipe("onset_apex_28"))
    assert data.synthetic and not data.partial and len(data) == report["clips"]

    broken = sorted(clips.rglob("*.jpg"))[0].parent
    for frame in broken.glob("*.jpg"):
        data = frame.read_bytes()
        frame.write_bytes(data[: len(data) * 7 // 10] + b"\xff\xd9")  # OpenCV fills the rest with gray
    assert main(arguments) == 0
    shown = capfd.readouterr().out
    assert "(synthetic) (partial)" in shown and "is damaged (Corrupt JPEG data" in " ".join(shown.split())
    data = read_motion_records(out, get_recipe("onset_apex_28"))
    assert data.synthetic and data.partial and len(data) == report["clips"] - 1
