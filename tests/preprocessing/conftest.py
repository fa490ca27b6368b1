"""Faces for the preprocessing tests: synthetic frames, rendered once."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mer_tf.datasets import read_casme2
from mer_tf.synthetic import write_synthetic_dataset


@pytest.fixture(scope="session")
def synthetic_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic faces ü")
    write_synthetic_dataset(root, subjects=2, clips_per_subject=3, seed=0, workers=1)
    return root


@pytest.fixture(scope="session")
def synthetic_table(synthetic_root):
    return read_casme2(synthetic_root)


@pytest.fixture(scope="session")
def clip(synthetic_table):
    return synthetic_table.clips[0]


@pytest.fixture(scope="session")
def onset_bytes(clip):
    with open(clip.frame_path(clip.onset), "rb") as file:
        return file.read()


@pytest.fixture(scope="session")
def apex_bytes(clip):
    with open(clip.frame_path(clip.apex), "rb") as file:
        return file.read()


@pytest.fixture(scope="session")
def face_image(onset_bytes):
    return cv2.imdecode(np.frombuffer(onset_bytes, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()


@pytest.fixture(scope="session")
def textured():
    """128x128 uint8, smooth random texture."""
    noise = np.random.default_rng(5).uniform(0, 255, (128, 128)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.rint(40 + 170 * smooth).astype(np.uint8)


@pytest.fixture(scope="session")
def upright_landmarks():
    """68 points of an upright face, symmetric about x = 294.5 in a frame 590 px wide."""
    points = np.zeros((68, 2))
    angles = np.linspace(np.pi, 0, 17)
    points[:17] = np.column_stack([294.5 + 65 * np.cos(angles), 100 + 75 * np.sin(angles)])
    points[17:22] = [(255, 86), (261, 83), (268, 82), (276, 83), (283, 86)]
    points[27:31] = [(294.5, 92), (294.5, 102), (294.5, 111), (294.5, 119)]
    points[31:36] = [(284, 123), (289, 124.5), (294.5, 125), (300, 124.5), (305, 123)]
    points[36:42] = [(259, 95), (265, 92), (272, 92), (279, 96), (272, 98), (265, 98)]
    points[48:60] = [
        (268, 140), (276, 137), (286, 135), (294.5, 136), (303, 135), (313, 137), (321, 140),
        (313, 145), (303, 147), (294.5, 148), (286, 147), (276, 145),
    ]  # fmt: skip
    points[60:68] = [
        (272, 140), (286, 139), (294.5, 139.5), (303, 139), (317, 140), (303, 142), (294.5, 142.5), (286, 142),
    ]  # fmt: skip
    for left, right in ((17, 26), (18, 25), (19, 24), (20, 23), (21, 22)):
        points[right] = (589 - points[left][0], points[left][1])
    for left, right in ((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)):
        points[right] = (589 - points[left][0], points[left][1])
    return points
