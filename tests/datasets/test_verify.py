"""Opening every picture of a table: damage inside a picture leaves its clip out, by name."""

from __future__ import annotations

import os
import pathlib

import cv2
import numpy as np
import pytest

from mer_tf.datasets.verify import check_images
from mer_tf.errors import EmptySplitError, ImageError
from mer_tf.types import Clip, ClipTable

PICTURE = cv2.resize(np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8), (96, 72))


@pytest.fixture
def table(tmp_path):
    clips = []
    for name in ("a", "b", "c"):
        frames = []
        for number in (1, 2, 3):
            path = tmp_path / name / f"img{number}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(cv2.imencode(".jpg", PICTURE)[1].tobytes())
            frames.append(str(path))
        clips.append(Clip("d", "s", name, 1, 2, 3, 200.0, "x", "", 0, "m", tuple(frames), (1, 2, 3)))
    return ClipTable("d", "m", ("x",), tuple(clips))


def cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10] + b"\xff\xd9")


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def endless(path):
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(cut, "file 'img2.jpg': the JPEG file is damaged"), (pipe, "is a pipe"), (endless, "is a device")],
)
def test_the_clip_is_left_out_by_name_and_the_others_stay(table, spoil, said):
    assert check_images(table) == table
    spoil(pathlib.Path(table.clips[1].frames[1]))
    found = check_images(table)
    assert [clip.clip for clip in found.clips] == ["a", "c"]
    assert found.partial
    (problem,) = found.problems
    assert problem.dropped
    assert problem.message.startswith("d/s/b frame 2: ") and said in problem.message
    with pytest.raises(ImageError):
        check_images(table, strict=True)


def test_no_clip_left(table):
    for clip in table.clips:
        cut(pathlib.Path(clip.frames[0]))
    with pytest.raises(EmptySplitError, match="no clip has readable pictures"):
        check_images(table)
