from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from mer_tf.errors import ConfigError, LeakageError
from mer_tf.protocols.near_duplicates import (
    check_no_near_duplicates,
    clip_thumbnails,
    find_near_duplicates,
    perceptual_hash,
    thumbnail,
)
from mer_tf.types import Clip


def picture(seed, size=(120, 160)):
    """A gray picture with structure at several scales on a flat background."""
    rng = np.random.default_rng(seed)
    image = np.full(size, 90, np.float32)
    for scale in (4, 8, 16):
        coarse = rng.normal(0, 25, (scale, scale)).astype(np.float32)
        image[10:-10, 30:-30] += cv2.resize(coarse, (size[1] - 60, size[0] - 20), interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 255).astype(np.uint8)


def jpeg(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_UNCHANGED)


def brighter(image):
    return np.clip(image * 1.15 + 12, 0, 255).astype(np.uint8)


def noisy(image):
    return np.clip(image + np.random.default_rng(0).normal(0, 6, image.shape), 0, 255).astype(np.uint8)


COPIES = {
    "same": lambda image: image,
    "jpeg": lambda image: jpeg(image, 60),
    "half": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR),
    "brighter": brighter,
    "noisy": noisy,
    "colour": lambda image: np.repeat(image[..., None], 3, axis=2),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_under_another_subject_is_found(change):
    frames = [picture(seed) for seed in range(20)] + [COPIES[change](picture(7))]
    subjects = [f"d/{k}" for k in range(20)] + ["e/0"]
    thumbnails = np.array([thumbnail(frame) for frame in frames])
    assert [pair[:2] for pair in find_near_duplicates(thumbnails, subjects)] == [(7, 20)]
    clips = [f"{subject}/clip" for subject in subjects]
    with pytest.raises(LeakageError, match="d/7/clip and e/0/clip"):
        check_no_near_duplicates(thumbnails, subjects, clips)


def test_frames_of_one_subject_may_be_alike():
    thumbnails = np.array([thumbnail(picture(k // 2)) for k in range(8)])
    subjects = [f"d/{k // 2}" for k in range(8)]
    check_no_near_duplicates(thumbnails, subjects, subjects)


def test_black_frames_resemble_nothing():
    thumbnails = np.array([thumbnail(np.full((40, 40), value, np.uint8)) for value in (0, 0, 255)])
    assert not perceptual_hash(thumbnails).any()
    assert find_near_duplicates(thumbnails, ["a", "b", "c"]) == []


def test_several_pairs_are_counted():
    thumbnails = np.array([thumbnail(picture(k % 3)) for k in range(6)])
    subjects = [f"d/{k}" for k in range(6)]
    with pytest.raises(LeakageError, match="and 2 more pairs of clips"):
        check_no_near_duplicates(thumbnails, subjects, subjects)


def test_nothing_one_and_bad_shapes():
    assert find_near_duplicates(np.empty((0, 16, 16)), []) == []
    assert find_near_duplicates(thumbnail(picture(0))[None], ["a"]) == []
    with pytest.raises(ConfigError, match="one subject key"):
        find_near_duplicates(thumbnail(picture(0))[None], [])
    with pytest.raises(ConfigError, match="thumbnails must have shape"):
        perceptual_hash(np.zeros((2, 8, 8)))
    for bad in (np.zeros((8, 8), np.uint8), np.zeros((40, 40, 4), np.uint8)):
        with pytest.raises(ConfigError, match="at least 16 x 16"):
            thumbnail(bad)


def test_onset_frames_of_clips(tmp_path):
    clips = []
    for k, seed in enumerate((1, 2, 1)):
        path = tmp_path / f"{k}.jpg"
        path.write_bytes(cv2.imencode(".jpg", picture(seed))[1].tobytes())
        clips.append(Clip("d", f"s{k}", "c", 5, 6, 7, 200.0, "x", "", 0, "m", (str(path),), (5,)))
    (tmp_path / "small.png").write_bytes(cv2.imencode(".png", picture(1)[:9, :9])[1].tobytes())
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("gone.jpg", "small.png", "pipe.jpg"):
        clips.append(Clip("d", "s9", name, 5, 6, 7, 200.0, "x", "", 0, "m", (str(tmp_path / name),), (5,)))
    seen = []
    thumbnails, subjects, keys = clip_thumbnails(clips, lambda done, total: seen.append((done, total)))
    assert keys == ["d/s0/c", "d/s1/c", "d/s2/c"] and seen[-1] == (6, 6)
    with pytest.raises(LeakageError, match="d/s0/c and d/s2/c"):
        check_no_near_duplicates(thumbnails, subjects, keys)
