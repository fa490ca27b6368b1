from __future__ import annotations

import numpy as np
from mirrored import mirror, mirror_landmarks

from mer_tf.preprocessing.augment import MIRROR_68


def test_permutation_is_its_own_inverse():
    assert sorted(MIRROR_68) == list(range(68))
    assert all(MIRROR_68[MIRROR_68[index]] == index for index in range(68))
    assert [index for index in range(68) if MIRROR_68[index] == index] == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
    for left, right in ((0, 16), (17, 26), (31, 35), (36, 45), (40, 47), (48, 54), (55, 59), (60, 64), (65, 67)):
        assert MIRROR_68[left] == right


def test_symmetric_face_is_its_own_mirror(upright_landmarks):
    # the nose base and the mouth are drawn symmetric to a tenth of a pixel or better
    np.testing.assert_allclose(mirror_landmarks(upright_landmarks, 590), upright_landmarks, atol=0.01)
    moved = upright_landmarks + np.random.default_rng(0).normal(size=(68, 2))
    np.testing.assert_allclose(mirror_landmarks(mirror_landmarks(moved, 590), 590), moved, atol=1e-9)


def test_mirror_of_motion():
    motion = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32)
    kept = motion.copy()
    mirrored = mirror(motion, "motion")
    np.testing.assert_array_equal(motion, kept)
    np.testing.assert_array_equal(mirrored[..., 0], -motion[:, :, ::-1, 0])
    np.testing.assert_array_equal(mirrored[..., 1:], motion[:, :, ::-1, 1:])
    np.testing.assert_array_equal(mirror(mirrored, "motion"), motion)
