"""``mer magnify``: training writes weights that the other action uses; refusals are one line."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from mer_tf.cli import main
from mer_tf.preprocessing.magnify.eulerian import magnify_eulerian

SMALL = ("--steps", "2", "--size", "16", "--batch", "1", "--width", "4", "--decoder-blocks", "1", "--max-motion", "2")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    rng = np.random.default_rng(0)
    still = cv2.resize(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8), (40, 32), interpolation=cv2.INTER_CUBIC)
    for number in (9, 10, 11):  # numeric order is not that of the names
        cv2.imwrite(str(folder / f"img{number}.png"), np.roll(still, number - 9, axis=1))
    (folder / "notes.txt").write_text("not a frame")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.npz"
    assert main(["magnify", "train", "--out", str(path), *SMALL]) == 0
    return path


def read(folder):
    return {path.name: cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())}


def run(*arguments) -> int:
    return main(["magnify", *map(str, arguments)])


def refused(capsys, *arguments) -> str:
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    return line


def test_weights_of_other_settings_need_force(weights, tmp_path, capsys):
    before, other = weights.read_bytes(), tmp_path / "other.npz"
    assert "seed (0 there, 5 here); give --force" in refused(capsys, "train", "--out", weights, *SMALL, "--seed", 5)
    other.write_bytes(b"of somebody else")
    assert "not recorded" in refused(capsys, "train", "--out", other, *SMALL)
    assert weights.read_bytes() == before and other.read_bytes() == b"of somebody else"
    assert main(["flow", "train", "--out", str(other), "--steps", "1"]) == 2
    assert "give --force" in capsys.readouterr().err and other.read_bytes() == b"of somebody else"


@pytest.mark.slow
def test_train_reports_and_goes_on(weights, tmp_path, capsys):
    out = tmp_path / "new" / "more.npz"
    assert run("train", "--out", out, *SMALL, "--start", weights, "--save-every", 1, "--json") == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert captured.err == ""  # a bar on a terminal only
    assert facts["steps"] == 2
    assert facts["parameters"] > 0
    assert set(facts["motion_ratios"]) == {"2", "3", "4"}
    assert out.read_bytes() != weights.read_bytes()
    with np.load(out) as archive:
        assert str(tmp_path) not in str(archive["settings"])  # no folders of the machine


def test_apply_eulerian(clip, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("apply", clip, "--out", out, "--fps", 100, "--factor", 6, "--chroma", 0.5, "--json") == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 3
    made = read(out)
    assert list(made) == ["img10.png", "img11.png", "img9.png"]
    frames = [cv2.imread(str(clip / f"img{number}.png"))[..., ::-1] for number in (9, 10, 11)]
    expected = magnify_eulerian(frames, fps=100.0, factor=6.0, chroma=0.5)
    for number, frame in zip((9, 10, 11), expected):
        np.testing.assert_array_equal(made[f"img{number}.png"], frame)


def test_apply_leaves_copies_out_and_names_them(clip, tmp_path, capsys):
    folder = shutil.copytree(clip, tmp_path / "clip")
    shutil.copy(folder / "img11.png", folder / "img9 (1).png")
    assert run("apply", folder, "--out", tmp_path / "out", "--fps", 100) == 0
    assert "warning: 1 picture is not named like the frames and left out: 'img9 (1).png'" in capsys.readouterr().err
    assert sorted(read(tmp_path / "out")) == ["img10.png", "img11.png", "img9.png"]
    shutil.copy(folder / "img11.png", folder / "img09.png")
    line = refused(capsys, "apply", folder, "--out", tmp_path / "again", "--fps", 100)
    assert "'img09.png' and 'img9.png' are both frame 9" in line


def test_apply_learned(clip, weights, tmp_path, capsys):
    from mer_tf.preprocessing.magnify.learned import LearnedMagnifier

    out = tmp_path / "out"
    assert run("apply", clip, "--out", out, "--method", "learned", "--weights", weights, "--mode", "dynamic") == 0
    assert "3 frames, learned, factor 3" in capsys.readouterr().out
    frames = [cv2.imread(str(clip / f"img{number}.png"))[..., ::-1] for number in (9, 10, 11)]
    expected = list(LearnedMagnifier(weights)(frames, factor=3.0, mode="dynamic"))
    np.testing.assert_array_equal(read(out)["img11.png"], expected[2])


def test_apply_needs_what_its_method_needs(clip, weights, tmp_path, capsys):
    out = ("--out", tmp_path / "out")
    assert "mer magnify train --out" in refused(capsys, "apply", clip, *out, "--method", "learned")
    absent = tmp_path / "absent.npz"
    line = refused(capsys, "apply", clip, *out, "--method", "learned", "--weights", absent)
    assert f"mer magnify train --out {absent}" in line
    assert "needs --fps" in refused(capsys, "apply", clip, *out)
    assert "--weights goes with" in refused(capsys, "apply", clip, *out, "--fps", 100, "--weights", weights)
    line = refused(capsys, "apply", clip, *out, "--method", "learned", "--weights", weights, "--chroma", 1)
    assert "--chroma goes with --method eulerian" in line
    assert "f_high must be below half the frame rate" in refused(capsys, "apply", clip, *out, "--fps", 20)
    assert "factor must be at least 1" in refused(capsys, "apply", clip, *out, "--fps", 100, "--factor", 0.5)
    assert not (tmp_path / "out").exists()


def test_apply_refuses_folders(clip, tmp_path, capsys):
    assert "does not exist" in refused(capsys, "apply", tmp_path / "absent", "--out", tmp_path / "o", "--fps", 100)
    assert "no frames in" in refused(capsys, "apply", tmp_path, "--out", tmp_path / "o", "--fps", 100)
    assert "holds files" in refused(capsys, "apply", clip, "--out", clip, "--fps", 100)


def test_apply_names_the_damaged_frame(clip, tmp_path, capsys):
    for number in (1, 2):
        (tmp_path / f"img{number}.png").write_bytes((clip / "img9.png").read_bytes()[: 10**6 if number == 1 else 60])
    assert run("apply", tmp_path, "--out", tmp_path / "out", "--fps", 100) == 1
    assert "frame 2" in capsys.readouterr().err


def test_frames_of_two_sizes(clip, tmp_path, capsys):
    (tmp_path / "img1.png").write_bytes((clip / "img9.png").read_bytes())
    cv2.imwrite(str(tmp_path / "img2.png"), np.zeros((20, 20, 3), np.uint8))
    assert "frame 1 must be as the first one" in refused(
        capsys, "apply", tmp_path, "--out", tmp_path / "o", "--fps", 100
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "18"), "size must be a multiple of 4"),
        (("--steps", "0"), "steps must be a whole number of at least 1"),
        (("--seed", "-1"), "seed must be a whole number of at least 0"),
        (("--width", "3"), "`width` must be a positive multiple of 2"),
        (("--learning-rate", "0"), "learning_rate must be positive"),
        (("--images", "absent-folder"), "cannot be read"),
        (("--start", "absent.npz"), "absent.npz"),
        (("--save-every", "-1"), "--save-every"),
    ],
)
def test_bad_training_settings(options, message, tmp_path, capsys):
    assert message in refused(capsys, "train", "--out", tmp_path / "w.npz", *options)
    assert list(tmp_path.iterdir()) == []


def test_training_out_is_a_folder(tmp_path, capsys):
    assert "--out is a folder" in refused(capsys, "train", "--out", tmp_path)


@pytest.mark.slow
def test_pictures_are_read_from_a_folder(clip, tmp_path):
    out = tmp_path / "w.npz"
    assert run("train", "--out", out, *SMALL, "--steps", 1, "--images", clip) == 0
    assert out.stat().st_size > 0
