from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from mirrored import mirror_motion

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.preprocessing.augment import AugmentConfig
from mer_tf.recipes import FramesConfig, Recipe, View, get_recipe
from mer_tf.training import MotionData, TrainConfig
from mer_tf.training.fold import predict_sub_clips
from mer_tf.training.samples import Samples
from mer_tf.types import Fold

RECIPE = get_recipe("onset_apex_28")
CLIP = Recipe(
    "clip",
    "test",
    frames=FramesConfig("onset_to_offset", 9, "linear"),
    arrays=("frames",),
    crop_size=32,
    views=(View("frames", "frames", "image", frames=3),),
)
LABELS = np.array([0, 0, 0, 1, 1, 2])
KEYS = [f"set/s{k}/c{k}" for k in range(6)]


def samples(augment=None, labels=LABELS, resample="none", seed=0):
    config = AugmentConfig(**(augment or {}))
    return Samples(labels, KEYS[: len(labels)], seed=seed, augment=config, resample=resample, num_classes=3)


def test_plainly_every_clip_once():
    rows, copies = samples().epoch(3)
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert len(set(copies.tolist())) == 1  # the number of the epoch decides what is drawn


def test_each_epoch_draws_anew_and_each_run_the_same():
    one = samples({"rotation": 10.0}, resample="largest")
    seen = {number for epoch in range(3) for number in zip(*map(np.ndarray.tolist, one.epoch(epoch)))}
    assert len(seen) == 3 * len(one)  # no (clip, copy) twice
    for a, b in zip(one.epoch(2), samples({"rotation": 10.0}, resample="largest").epoch(2)):
        np.testing.assert_array_equal(a, b)


def test_the_largest_class_decides():
    rows, _ = samples(resample="largest").epoch(0)
    assert np.bincount(LABELS[rows]).tolist() == [3, 3, 3]
    assert set(rows.tolist()) == set(range(6))


def test_a_class_without_clips_cannot_be_filled():
    with pytest.raises(EmptySplitError, match="cannot be balanced"):
        samples(resample="largest", labels=np.array([0, 0, 1]))


def test_twenty_fixed_versions_of_each():
    made = samples({"mirror": True, "rotation": 10.0, "crop": 0.9, "copies": 20})
    for epoch in (0, 1):
        rows, copies = made.epoch(epoch)
        assert len(rows) == 120
        assert all(sorted(copies[rows == row].tolist()) == list(range(20)) for row in range(6))


def test_sub_sequences_up_to_a_target():
    made = samples({"subsequences": 10})
    rows, copies = made.epoch(0)
    assert np.bincount(LABELS[rows]).tolist() == [10, 10, 10]
    assert sorted(rows[copies == 0].tolist()) == list(range(6))  # each clip once whole
    clip = np.arange(9, dtype=np.float32).reshape(1, 9, 1, 1, 1) * np.ones((6, 9, 32, 32, 1), np.float32)
    arrays = made.arrays({"frames": clip}, np.arange(6), rows, copies, CLIP)["frames"][..., 0, 0, 0]
    np.testing.assert_allclose(arrays[copies == 0], np.tile(np.arange(9), (6, 1)))
    for run in arrays[copies > 0]:
        step = np.diff(run)
        np.testing.assert_allclose(step, step[0], atol=1e-5)  # contiguous and evenly sampled
        assert 4 / 8 <= step[0] <= 1 and run[0] >= 0 and run[-1] <= 8  # at least five of nine frames
    assert len({tuple(run) for run in arrays.tolist()}) > 8


def test_arrays_are_those_of_the_training_clips_and_deterministic(make_data):
    data = make_data(network=False, recipe=RECIPE)
    clips = np.array([4, 2, 7, 1, 3, 5])
    made = samples({"mirror": True})
    rows, copies = made.epoch(0)
    arrays = made.arrays(data.tensors, clips, rows, copies, RECIPE)["face"]
    kept, turned = data.tensors["face"][clips], mirror_motion(data.tensors["face"][clips])
    mirrored = [np.allclose(array, other, atol=1e-6) for array, other in zip(arrays, turned)]
    assert 0 < sum(mirrored) < len(mirrored)
    np.testing.assert_allclose(arrays, np.where(np.reshape(mirrored, (-1, 1, 1, 1)), turned, kept), atol=1e-6)
    turned = samples({"rotation": 30.0})
    one, again = (turned.arrays(data.tensors, clips, rows, copies, RECIPE)["face"] for _ in range(2))
    np.testing.assert_array_equal(one, again)
    other = samples({"rotation": 30.0}, seed=1).arrays(data.tensors, clips, rows, copies, RECIPE)["face"]
    assert (one != other).any()


def test_when_arrays_are_needed():
    plain = TrainConfig("dual_atme")
    hars, wheel = get_recipe("onset_apex_28_hars"), get_recipe("flow_10x224_classic")
    assert not plain.needs_arrays(hars)
    mirrored = dataclasses.replace(plain, mirror=True)
    assert not mirrored.needs_arrays(hars)  # u is negated in the network's tensors
    assert mirrored.needs_arrays(wheel)  # colours are not
    assert dataclasses.replace(plain, augment={"rotation": 5.0}).needs_arrays(hars)
    assert dataclasses.replace(plain, augment={"mirror": True, "copies": 2}).needs_arrays(hars)
    assert dataclasses.replace(plain, augment={"subsequences": 50}).needs_arrays(get_recipe("evm_16x64"))
    with pytest.raises(ConfigError, match="rotate"):
        dataclasses.replace(plain, augment={"rotate": 5.0})


class SeesTheFirstFrame:
    """A trainer that gives the value of a clip's first frame as the probability of class 1."""

    def predict(self, tensors):
        first = tensors["frames"][:, 0, 0, 0, 0] / 10
        return np.stack([1 - first, first, 0 * first], axis=1)


def test_sub_clips_of_held_out_clips_fill_their_class():
    clip = np.arange(9, dtype=np.float32).reshape(1, 9, 1, 1, 1) * np.ones((6, 9, 32, 32, 1), np.float32)
    data = MotionData(
        {"frames": clip}, LABELS, ["casme2"] * 6, [f"s{k}" for k in range(6)], [f"c{k}" for k in range(6)], CLIP
    )
    config = TrainConfig("cbamnet", augment={"subsequences": 10})
    fold = Fold("s0", (1, 2, 3, 4), (0, 5))
    found = predict_sub_clips(data, fold, config, SeesTheFirstFrame())
    # Ten of each class in all folds: a third of class 0's, rounded up, and all of class 2's single clip.
    assert [p.clip for p in found] == [*(f"c0#{k}" for k in range(4)), *(f"c5#{k}" for k in range(10))]
    assert {p.subject: p.label for p in found} == {"s0": 0, "s5": 2} and {p.fold for p in found} == {"s0"}
    starts = [p.probabilities[1] for p in found]
    assert starts[0] == starts[4] == 0 and len(set(starts)) > 3  # number 0 is the clip itself
    assert found == predict_sub_clips(data, fold, config, SeesTheFirstFrame())
