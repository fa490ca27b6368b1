from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mer_tf.datasets.flow_images import FlowImages
from mer_tf.errors import ConfigError, EmptySplitError, MissingFileError
from mer_tf.preprocessing import mirror_network_input, network_input
from mer_tf.recipes import View, get_recipe
from mer_tf.training import from_flow_images
from mer_tf.training.data import _told
from mer_tf.types import Problem

FACE, BOTH = get_recipe("onset_apex_28"), get_recipe("onset_apex_28_hars")


def pictures(count=4, seed=0, **changes) -> FlowImages:
    images = np.random.default_rng(seed).integers(0, 256, (count, 28, 28, 3), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = 0, 255  # every channel spans the whole range, as the published ones do
    made = FlowImages(
        images=images,
        labels=np.arange(count) % 3,
        datasets=tuple(("smic", "CASME II", "SAMM")[k % 3] for k in range(count)),
        subjects=tuple(f"s{k:02}" for k in range(count)),
        clips=tuple(f"c{k}" for k in range(count)),
        classes=("negative", "positive", "surprise"),
    )
    return dataclasses.replace(made, **changes)


def test_pictures_become_minus_one_to_one_and_datasets_the_readers_names():
    data = from_flow_images({"face": pictures()}, FACE)
    assert data.network and data.mapping == "megc2019" and not data.partial
    assert data.keys == ("casme2/s01/c1", "samm/s02/c2", "smic_hs/s00/c0", "smic_hs/s03/c3")
    source = pictures()
    expected = (source.images[1] / 255 - 0.5) / 0.5
    np.testing.assert_allclose(data.tensors["face"][0], expected, atol=1e-6)
    assert data.labels.tolist() == [1, 2, 0, 0]
    assert (data.tensors["face"].min(), data.tensors["face"].max()) == (-1, 1)


def test_it_is_what_the_recipe_makes_of_the_flow_behind_the_picture():
    recipe = dataclasses.replace(FACE, crop_size=32, views=(View("face", "face", "motion", "pm1", 32),))
    flow = np.random.default_rng(3).normal(size=(2, 32, 32, 3)).astype(np.float32)
    low, high = flow.min(axis=(1, 2), keepdims=True), flow.max(axis=(1, 2), keepdims=True)
    images = np.round((flow - low) / (high - low) * 255).astype(np.uint8)
    made = from_flow_images({"face": pictures(2, images=images)}, recipe)
    rows = [made.keys.index(key) for key in ("smic_hs/s00/c0", "casme2/s01/c1")]
    np.testing.assert_allclose(made.tensors["face"][rows], network_input({"face": flow}, recipe)["face"], atol=1e-5)


def test_mirroring_negates_horizontal_flow():
    source = pictures()
    images = source.images[:, :, ::-1].copy()
    images[..., 0] = 255 - images[..., 0]  # the stretched picture of the negated flow
    mirrored = dataclasses.replace(source, images=images)
    tensors = from_flow_images({"face": source}, FACE).tensors
    expected = from_flow_images({"face": mirrored}, FACE).tensors["face"]
    np.testing.assert_allclose(mirror_network_input(tensors, FACE)["face"], expected, atol=1e-6)


def test_a_channel_without_motion_is_zero():
    images = pictures().images.copy()
    images[..., 0] = 77
    tensor = from_flow_images({"face": pictures(images=images)}, FACE).tensors["face"]
    assert (tensor[..., 0] == 0).all() and (tensor[..., 1] != 0).any()


def test_two_maps_are_joined_by_clip():
    face, puzzle = pictures(), pictures(3, seed=1)
    data = from_flow_images({"face": face, "puzzle": puzzle}, BOTH)
    assert len(data) == 3 and data.partial
    row = data.keys.index("smic_hs/s00/c0")
    np.testing.assert_allclose(data.tensors["puzzle"][row], puzzle.images[0] / 127.5 - 1, atol=1e-6)
    assert not from_flow_images({"face": face, "puzzle": pictures(seed=1)}, BOTH).partial


def test_flags():
    problem = Problem("warning", "missing", "a/b/c", "gone", dropped=True)
    assert from_flow_images({"face": pictures(problems=(problem,))}, FACE).partial
    data = from_flow_images({"face": pictures()}, FACE, synthetic=True)
    assert data.synthetic and data.take([0, 1]).synthetic


@pytest.mark.parametrize(
    ("maps", "recipe", "message"),
    [
        ({"face": pictures()}, BOTH, "face, puzzle. Received: face"),
        ({"face": pictures(images=np.zeros((4, 30, 40, 3), np.uint8))}, FACE, "40x30; the flow of a square"),
        ({"face": pictures()}, get_recipe("onset_apex_224_kfc"), "needs face, parsing, which flow does not hold"),
        (
            {"face": pictures(images=np.zeros((4, 30, 30, 3), np.float32))},
            FACE,
            "30x30, recipe 'onset_apex_28' takes 112",
        ),
        ({"face": pictures(), "puzzle": pictures(labels=np.array([0, 1, 2, 1]))}, BOTH, "smic_hs/s03/c3 has one label"),
        ({"face": pictures(labels=np.array([0, 1, 2, 3]))}, FACE, "label 3 is not one of mapping 'megc2019'"),
    ],
)
def test_what_does_not_fit(maps, recipe, message):
    with pytest.raises(ConfigError, match=message):
        from_flow_images(maps, recipe)


def test_no_clip_in_both_maps():
    other = pictures(clips=("w", "x", "y", "z"))
    with pytest.raises(EmptySplitError, match="face, puzzle"):
        from_flow_images({"face": pictures(), "puzzle": other}, BOTH)


def test_records_tell_what_they_are(tmp_path):
    for path in (tmp_path, tmp_path / "motion.gz"):
        with pytest.raises(MissingFileError, match=r"clips\.json' is missing; it says whether clips are drawn"):
            _told(path, 3)
    (tmp_path / "motion.gz").write_bytes(b"")
    facts = {"synthetic": True, "partial": False, "clips": 3, "done": 3}
    (tmp_path / "clips.json").write_text(json.dumps(facts))
    assert _told(tmp_path, 3) == {"synthetic": True, "partial": False}
    assert _told([tmp_path / "motion.gz", tmp_path], 2) == {"synthetic": True, "partial": True}
    with pytest.raises(ConfigError, match="3 records were written and 4 are there"):
        _told(tmp_path, 4)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "clips.json").write_text(json.dumps({**facts, "synthetic": False, "partial": True}))
    assert _told([tmp_path, tmp_path / "more"], 6) == {"synthetic": True, "partial": True}
    for text in ("[]", "{}", '{"synthetic": false}'):
        (tmp_path / "clips.json").write_text(text)
        with pytest.raises(ConfigError, match="prepare the data again"):
            _told(tmp_path, 3)
