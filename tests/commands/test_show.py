"""``mer show``: what stands on the sheet is what the preprocessor made; refusals are one line."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil

import cv2
import numpy as np
import pytest

from mer_tf.cli import main
from mer_tf.datasets import read_casme2
from mer_tf.errors import MissingFileError
from mer_tf.preprocessing import ClipPreprocessor, find_landmark_model
from mer_tf.preprocessing.align import transform_points
from mer_tf.preprocessing.face import FaceFinder
from mer_tf.preprocessing.flow import DISConfig
from mer_tf.preprocessing.images import decode_image, gray8
from mer_tf.preprocessing.magnify import EulerianConfig
from mer_tf.recipes import FaceConfig, FramesConfig, Recipe, View, get_recipe
from mer_tf.show.contact_sheet import draw
from mer_tf.show.examine import SPOTTERS, examine
from mer_tf.synthetic import write_synthetic_dataset

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.dlib


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two drawn subjects with a clip of 12 frames each."""
    pytest.importorskip("dlib")
    try:
        find_landmark_model()
    except MissingFileError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("clips")
    write_synthetic_dataset(folder, subjects=2, clips_per_subject=1, frames_per_clip=(12, 12), seed=0, workers=1)
    return folder


@pytest.fixture(scope="module")
def clip(root):
    return read_casme2(root).clips[0]


def reader(clip):
    return lambda number: pathlib.Path(clip.frame_path(number)).read_bytes()


def refused(capsys, *arguments) -> str:
    assert main(["show", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    return line


def test_a_clip_of_a_dataset(root, clip, tmp_path, capsys):
    out = tmp_path / "sheets" / "one.png"
    assert main(["show", clip.key, "--data", str(root), "--out", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    recipe = get_recipe("onset_apex_28_hars")
    assert (facts["clip"], facts["out"], facts["apex"]) == (clip.key, str(out), clip.apex)
    assert facts["provenance"]["recipe_hash"] == recipe.hash
    assert set(facts["provenance"]["boxes"]) == {"face", "left_brow", "right_brow", "mouth"}
    assert set(facts["spotting"]) == set(SPOTTERS)
    for found in facts["spotting"].values():
        assert clip.onset <= found["frame"] <= clip.offset and 0 <= found["score"] <= 1
    picture = cv2.imread(str(out))
    assert picture.shape[1] == 1500 and picture.shape[0] > 1000 and len(np.unique(picture)) > 200


def test_a_folder_of_frames(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = pathlib.Path(clip.frames[0]).parent
    numbers = ["--onset", clip.onset, "--apex", clip.apex, "--offset", clip.offset, "--fps", 200]
    assert main(["show", str(folder), "--recipe", "onset_apex_28", *map(str, numbers)]) == 0
    said = capsys.readouterr().out
    assert f"apex {clip.apex}" in said and "spotted by frequency: frame" in said
    (made,) = tmp_path.iterdir()
    assert made.name == f"clip_folder_{folder.name}_onset_apex_28.png"
    # Without numbers and rate: first and last frame, the middle as apex, and one spotting method less.
    copy = shutil.copytree(folder, tmp_path / "copy")
    shutil.copy(clip.frames[-1], copy / f"{pathlib.Path(clip.frames[0]).stem} (1).jpg")
    shutil.copy(clip.frames[-1], copy / "face_crop_00.jpg")
    assert main(["show", str(copy), "--recipe", "onset_apex_28", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["provenance"]["apex_rule"] == "middle"
    assert "fps" in facts["spotting"]["frequency"]["error"]
    assert facts["annotated"] == {"onset": clip.frame_numbers[0], "apex": None, "offset": clip.frame_numbers[-1]}
    assert facts["left_out"].startswith("2 pictures are not named like the frames and left out: 'face_crop_00.jpg'")


_SMALL = {
    "level": get_recipe("onset_apex_28_hars"),
    "apex": dataclasses.replace(get_recipe("apex_224_gray"), crop_size=64),
    "colour": dataclasses.replace(get_recipe("onset_apex_224_rgb"), crop_size=64),
    "masks": dataclasses.replace(get_recipe("onset_apex_224_kfc"), crop_size=64),
    "dynamic": dataclasses.replace(get_recipe("dynamic_image_224"), crop_size=64),
    "sequence": Recipe(
        name="small",
        source="for this test",
        frames=FramesConfig(span="onset_to_apex", count=4, interpolation="linear"),
        face=FaceConfig(align="lwm", crop="eyes"),
        magnify=EulerianConfig(factor=3.0),
        flow=DISConfig(),
        arrays=("flow", "landmarks"),
        crop_size=64,
        colour=True,
        views=(View("flow", "flow", "wheel", "imagenet"),),
    ),
}


@pytest.mark.parametrize("name", _SMALL)
def test_the_sheet_shows_what_the_preprocessor_makes(clip, name):
    recipe = _SMALL[name]
    examined = examine(clip, recipe, reader(clip))
    with ClipPreprocessor(recipe) as preprocessor:
        expected = preprocessor.process_clip(
            clip, {number: reader(clip)(number) for number in range(clip.onset, clip.offset + 1)}
        )
    assert list(examined.result.tensors) == list(expected.tensors)
    for array, wanted in zip(examined.result.tensors.values(), expected.tensors.values()):
        np.testing.assert_array_equal(array, wanted)
    assert examined.result.provenance["recipe_hash"] == expected.provenance["recipe_hash"] == recipe.hash
    for index, kind in enumerate(("onset_image", "apex_image")):
        if kind in expected.tensors:  # the crops on the sheet are those of the arrays
            crop = examined.crops[index if "onset_image" in expected.tensors else 0].reshape(
                expected.tensors[kind].shape
            )
            np.testing.assert_array_equal(crop, expected.tensors[kind])
    picture = draw(examined)
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape[1] == 1500


def test_no_line_runs_over_the_edge(clip):
    examined = examine(dataclasses.replace(clip, apex=None, fps=0.0), _SMALL["level"], reader(clip))
    examined.result.provenance["warnings"].append("a warning with many words " * 5)
    picture = cv2.imdecode(np.frombuffer(draw(examined), np.uint8), cv2.IMREAD_COLOR)
    assert (picture[:, -5:] == 255).all() and (picture[:, :5] == 255).all()


def test_same_clip_same_file(clip):
    examined = examine(clip, _SMALL["apex"], reader(clip))
    assert draw(examined) == draw(examined)


@pytest.mark.parametrize("name", ["level", "sequence"])
def test_points_and_boxes_lie_on_the_face_of_the_frame(clip, name):
    tilt = cv2.getRotationMatrix2D((320, 240), 12, 1.0)
    pictures = {
        number: cv2.warpAffine(decode_image(reader(clip)(number)), tilt, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        for number in range(clip.onset, clip.offset + 1)
    }
    examined = examine(
        clip, _SMALL[name], lambda number: cv2.imencode(".png", pictures[number][..., ::-1])[1].tobytes()
    )
    finder, gray = FaceFinder(), gray8(decode_image(reader(clip)(clip.onset)))
    upright = finder.landmarks(gray, finder.detect(gray))
    expected = transform_points(upright, tilt)
    seen = np.isfinite(examined.points).all(axis=1)
    assert seen.mean() > 0.6  # the warped crop leaves out the jaw
    assert np.linalg.norm(examined.points - expected, axis=1)[seen].mean() < 4
    inner = expected[27:68].astype(np.float32)  # nose, eyes, mouth
    outline = examined.outlines["face"].astype(np.float32)
    assert all(cv2.pointPolygonTest(outline, tuple(map(float, point)), False) > 0 for point in inner)


def test_magnification_stands_before_and_after(clip):
    examined = examine(clip, _SMALL["sequence"], reader(clip))
    change_before, change_after = (np.abs(x[-1] - x[0]).mean() for x in (examined.before, examined.after))
    assert examined.before.shape == examined.after.shape == (4, 64, 64, 3)
    np.testing.assert_allclose(examined.before[0], examined.after[0], atol=3)
    assert change_after > change_before


def test_a_wrong_key_names_near_ones(root, clip, tmp_path, capsys):
    line = refused(capsys, f"{clip.subject}/{clip.clip}x", "--data", root, "--out", tmp_path / "a.png")
    assert f"among the 2 of {root}" in line and clip.key in line
    assert "--apex goes with a folder" in refused(capsys, clip.key, "--data", root, "--apex", 3)
    assert list(tmp_path.iterdir()) == []


def test_bad_places(clip, tmp_path, capsys):
    folder = pathlib.Path(clip.frames[0]).parent
    assert "does not exist" in refused(capsys, tmp_path / "absent")
    assert "is a file" in refused(capsys, clip.frames[0])
    assert "no frames in" in refused(capsys, tmp_path)
    assert "--dataset goes with --data" in refused(capsys, folder, "--dataset", "casme2")
    assert "--apex 99999 is no frame" in refused(capsys, folder, "--apex", 99999)
    assert "--fps must be positive" in refused(capsys, folder, "--fps", "nan")
    assert "give --fps" in refused(capsys, folder, "--recipe", "evm_16x64")
    assert "unknown recipe" in refused(capsys, folder, "--recipe", "onset_apex_29")
    assert "must end in .png" in refused(capsys, folder, "--out", tmp_path / "a.jpg")
    assert "nowhere.dat" in refused(
        capsys, folder, "--landmark-model", tmp_path / "nowhere.dat", "--out", tmp_path / "a.png"
    )
    line = refused(capsys, folder, "--recipe", "magnified_flow_10x224", "--out", tmp_path / "a.png")
    assert "weights" in line
    assert list(tmp_path.iterdir()) == []


def test_a_clip_without_a_face_or_with_a_damaged_frame(clip, tmp_path, capsys):
    folder = tmp_path / "black"
    folder.mkdir()
    for number in (1, 2, 3):
        cv2.imwrite(str(folder / f"img{number}.png"), np.zeros((120, 160, 3), np.uint8))
    assert "clip/folder/black frame 1: no face found" in refused(capsys, folder, "--out", tmp_path / "a.png")
    shutil.copyfile(clip.frames[0], folder / "img1.jpg")
    (folder / "img1.png").unlink()
    (folder / "img2.png").write_bytes(b"not a picture")
    line = refused(capsys, folder, "--out", tmp_path / "a.png")
    assert "frame 2" in line and "not a JPEG" in line
    assert not (tmp_path / "a.png").exists()


def test_a_frame_that_is_no_file_is_named_and_not_opened(clip, tmp_path, capsys):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(1, 6):
        shutil.copyfile(clip.frames[0], folder / f"img{number}.jpg")
    (folder / "img5.jpg").unlink()
    os.mkfifo(folder / "img5.jpg")
    assert "img5.jpg' is a pipe" in refused(capsys, folder, "--out", tmp_path / "a.png")
    (folder / "img5.jpg").unlink()
    (folder / "img5.jpg").symlink_to("/dev/zero")
    assert "img5.jpg' is a device" in refused(capsys, folder, "--out", tmp_path / "a.png")


def test_an_apex_without_a_face_and_a_choice_of_faces_are_told(clip, tmp_path, capsys):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in (1, 2, 3):
        shutil.copyfile(clip.frames[0], folder / f"img{number}.jpg")
    (folder / "img2.jpg").unlink()
    cv2.imwrite(str(folder / "img2.png"), cv2.imread(clip.frames[0]) * 0)
    shown = ["show", str(folder), "--recipe", "onset_apex_28", "--faces", "largest", "--out", str(tmp_path / "a.png")]
    assert main([*shown, "--json"]) == 0
    provenance = json.loads(capsys.readouterr().out)["provenance"]
    assert any(warning.startswith("apex_face: in frame 2: no face found") for warning in provenance["warnings"])
    assert provenance["recipe_hash"] == get_recipe("onset_apex_28", "largest").hash
