"""``mer prepare`` on drawn faces, and what its records tell ``mer loso``."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from mer_tf.cli import main
from mer_tf.errors import MissingFileError
from mer_tf.preprocessing import find_landmark_model
from mer_tf.recipes import get_recipe
from mer_tf.synthetic import write_synthetic_dataset
from mer_tf.training import read_motion_records

pytestmark = pytest.mark.dlib
ROOT = pathlib.Path(__file__).parents[2]
# A process in which nothing of the pipeline's packages, or of the folders beside the library, can be imported.
ALONE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("apache_beam", "tfx", "grpc", "components", "serving", "tfx_pipeline"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
if __name__ == "__main__":
    from mer_tf.cli import main
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def needs_faces():
    pytest.importorskip("dlib")
    try:
        find_landmark_model()
    except MissingFileError as error:
        pytest.skip(str(error))


def test_without_beam_and_tfx_the_records_are_made_in_processes(tmp_path):
    """Also into a folder whose name Beam would take for a pattern. Takes seconds: TensorFlow starts anew."""
    clips, out, script = tmp_path / "clips", tmp_path / "out[1]", tmp_path / "alone.py"
    write_synthetic_dataset(clips, subjects=2, clips_per_subject=1, frames_per_clip=(8, 8), seed=0, workers=1)
    broken = sorted(clips.rglob("*.jpg"))[0].parent
    for frame in broken.glob("*.jpg"):
        frame.write_bytes(b"")
    script.write_text(ALONE)
    words = ["prepare", "--recipe", "onset_apex_28", "--data", clips, "--out", out, "--workers", "2", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["clips"] == 1 and [fault["error"] for fault in report["skipped"]] == ["ImageError"]
    assert sorted(os.listdir(out)) == ["clips.json", "mer.log", "motion-00000-of-00001.gz"]
    assert len(read_motion_records(out, get_recipe("onset_apex_28"))) == 1


def test_drawn_clips_and_faults_are_said_with_the_records(tmp_path, capfd):
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
