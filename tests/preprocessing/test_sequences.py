"""Recipes that read more than onset and apex, from the frames of a synthetic clip."""

from __future__ import annotations

import dataclasses
import json
import weakref

import cv2
import numpy as np
import pytest
from test_clip_preprocessor import invented, needs_dlib

from mer_tf.errors import ConfigError, FaceNotFoundError, FrameOrderError, ImageError, MissingFileError
from mer_tf.preprocessing import ClipPreprocessor, select_frames
from mer_tf.preprocessing import clip as clip_module
from mer_tf.preprocessing.flow import DISConfig
from mer_tf.preprocessing.images import decode_image
from mer_tf.preprocessing.magnify import LearnedConfig, NoMagnification
from mer_tf.preprocessing.temporal import interpolate_linear
from mer_tf.recipes import RECIPES, FramesConfig, Recipe, View, get_recipe

QUICK = DISConfig()


def small(name, **changes):
    """The recipe at 64 px with a quick flow method."""
    return dataclasses.replace(get_recipe(name), crop_size=64, flow=dataclasses.replace(QUICK), **changes)


def spotting(method):
    return Recipe("spotted", "test", frames=FramesConfig(apex=method), crop_size=64, flow=QUICK)


@pytest.fixture(scope="module")
def frames(clip):
    def read(number):
        with open(clip.frame_path(number), "rb") as file:
            return file.read()

    return {number: read(number) for number in clip.frame_numbers if clip.onset <= number <= clip.offset}


class TestSelection:
    def test_spans(self):
        clip = invented()
        assert select_frames(clip, FramesConfig()).numbers == (10, 20)
        assert select_frames(clip, FramesConfig(span="apex")).numbers == (20,)
        to_apex = select_frames(clip, FramesConfig("onset_to_apex", 11, "linear"))
        assert to_apex.numbers == tuple(range(10, 21)) and (to_apex.onset, to_apex.apex) == (0, 10)
        whole = select_frames(clip, FramesConfig("onset_to_offset", 10, "tim"))
        assert whole.numbers == tuple(range(10, 32)) and whole.apex == 10 and whole.rule == "annotated"

    def test_an_apex_that_is_not_annotated(self):
        clip = dataclasses.replace(invented(), apex=None)
        middle = select_frames(clip, FramesConfig("onset_to_apex", 11, "linear"))
        assert middle.numbers[-1] == 20 and middle.rule == "middle"
        spotted = select_frames(clip, FramesConfig(apex="divide_strain"))
        assert spotted.numbers == tuple(range(10, 32)) and spotted.apex is None and spotted.rule == "spotted"

    def test_frames_that_have_no_file_are_passed_over(self):
        clip = invented(numbers=[n for n in range(1, 41) if n not in (10, 14, 15)])
        selection = select_frames(clip, FramesConfig("onset_to_apex", 11, "linear"))
        assert selection.numbers == (9, 11, 12, 13, 16, 17, 18, 19, 20)
        assert selection.rule == "annotated, nearest frame"

    @pytest.mark.parametrize("name", RECIPES)
    @pytest.mark.parametrize("apex", [20, None])
    def test_a_clip_of_the_selected_frames_alone_gives_the_same_selection(self, name, apex):
        # What a record holds: the worker selects again from it.
        numbers = [number for number in range(1, 41) if number != 14]
        clip = dataclasses.replace(invented(numbers=numbers), apex=apex)
        first = select_frames(clip, RECIPES[name].frames)
        kept = dataclasses.replace(clip, frames=("",) * len(first.numbers), frame_numbers=first.numbers)
        assert select_frames(kept, RECIPES[name].frames) == first

    def test_an_apex_on_the_onset_matters_only_where_it_is_used(self):
        clip = dataclasses.replace(invented(), apex=10)
        assert len(select_frames(clip, FramesConfig("onset_to_offset", 10, "tim")).numbers) == 22
        with pytest.raises(FrameOrderError, match="does not hold; correct them in the annotation sheet, or wherever"):
            select_frames(clip, FramesConfig("onset_to_apex", 11, "linear"))

    def test_two_frames_have_none_between_them(self):
        """A folder of two frames has no annotation sheet to correct."""
        clip = dataclasses.replace(invented(numbers=(1, 2)), onset=1, apex=None, offset=2)
        with pytest.raises(FrameOrderError, match="give the apex, or a clip of three frames") as caught:
            select_frames(clip, FramesConfig("onset_apex"))
        assert "sheet" not in str(caught.value)


@needs_dlib
class TestWithFaces:
    @pytest.mark.parametrize(
        "name",
        [
            "magnified_flow_10x224_classic",
            "flow_9x224_te_gray",
            "dynamic_image_224",
            "clip_18x64_gray",
            "flow_clip_128",
            "apex_224_gray",
            "onset_apex_224_kfc",
        ],
    )
    def test_shapes_ranges_and_provenance(self, name, clip, frames):
        recipe = small(name)
        result = ClipPreprocessor(recipe).process_clip(clip, frames)
        assert {key: array.shape for key, array in result.tensors.items()} == recipe.inputs
        for key, array in result.tensors.items():
            assert array.dtype == np.float32 and np.isfinite(array).all()
            if recipe.kinds[key] == "image":
                assert array.min() >= 0 and 100 < array.max() <= 255
        assert json.loads(json.dumps(result.provenance)) == result.provenance
        assert result.provenance["apex_rule"] == "annotated"
        assert result.provenance["opencv"]

    def test_one_frame_is_decoded_once_and_let_go(self, clip, frames, monkeypatch):
        decoded, alive, most = [], weakref.WeakSet(), 0

        class Frame(np.ndarray):
            pass

        def counting(data, **names):
            nonlocal most
            most = max(most, len(alive))
            decoded.append(names["frame"])
            image = decode_image(data, **names).view(Frame)
            alive.add(image)
            return image

        monkeypatch.setattr(Frame, "__hash__", object.__hash__, raising=False)
        monkeypatch.setattr(clip_module, "decode_image", counting)
        ClipPreprocessor(small("clip_gray_128")).process_clip(clip, frames)
        assert decoded == sorted(frames) and len(decoded) >= 20
        assert most <= 2  # the crops are kept, not the frames

    @pytest.mark.slow
    def test_the_stored_frames_hold_the_linear_interpolation_to_16(self, clip, frames):
        recipe = dataclasses.replace(small("evm_16x64"), magnify=NoMagnification())
        stored = ClipPreprocessor(recipe).process_clip(clip, frames).tensors["frames"]
        direct = dataclasses.replace(
            recipe, frames=dataclasses.replace(recipe.frames, count=16), views=(View("frames", "frames", "image"),)
        )
        sixteen = ClipPreprocessor(direct).process_clip(clip, frames).tensors["frames"]
        np.testing.assert_allclose(interpolate_linear(stored, 16), sixteen, atol=1e-2)

    @pytest.mark.slow
    def test_magnification_needs_frames_per_second(self, clip, frames):
        recipe = small("evm_16x64_gray")
        slow = dataclasses.replace(clip, fps=15.0)
        with pytest.raises(ImageError, match="15"):
            ClipPreprocessor(recipe).process_clip(slow, frames)
        plain = ClipPreprocessor(dataclasses.replace(recipe, magnify=NoMagnification())).process_clip(clip, frames)
        magnified = ClipPreprocessor(recipe).process_clip(clip, frames)
        change = [np.abs(np.diff(r.tensors["frames"], axis=0)).mean() for r in (plain, magnified)]
        assert change[1] > 1.5 * change[0]

    def test_learned_methods_ask_for_their_weights(self, clip, frames, monkeypatch, tmp_path):
        for variable in ("MER_MAGNIFIER_WEIGHTS", "MER_LITEFLOWNET_WEIGHTS"):
            monkeypatch.delenv(variable, raising=False)
        with pytest.raises(MissingFileError, match="mer flow train"):
            ClipPreprocessor(get_recipe("flow_10x224")).process_clip(clip, frames)
        learned = small("flow_10x224_classic", magnify=LearnedConfig(factor=3.0))
        with pytest.raises(MissingFileError, match="mer magnify train"):
            ClipPreprocessor(learned).process_clip(clip, frames)
        with pytest.raises(MissingFileError, match=r"none\.npz"):
            ClipPreprocessor(learned, magnifier_weights=tmp_path / "none.npz").open()

    @pytest.mark.parametrize("method", ["divide_strain", "divide_lbp", "auto"])
    def test_a_spotted_apex(self, method, clip, frames):
        unknown = dataclasses.replace(clip, apex=None)
        result = ClipPreprocessor(spotting(method)).process_clip(unknown, frames)
        found = result.provenance["spotting"]
        assert result.provenance["apex_rule"] == f"spotted, {method}"
        assert 0 < found["index"] < len(frames) and 0 <= found["score"] <= 1
        # The array is what the same recipe makes of the frame that was found.
        apex = sorted(frames)[found["index"]]
        given = dataclasses.replace(clip, apex=apex)
        again = ClipPreprocessor(spotting("middle")).process_clip(given, frames)
        np.testing.assert_array_equal(result.tensors["face"], again.tensors["face"])

    def test_the_middle_frame_stands_in_for_the_apex_of_a_whole_clip(self, frames):
        recipe = dataclasses.replace(
            get_recipe("apex_224_gray"), crop_size=64, frames=FramesConfig("onset_to_offset", 4, "linear")
        )
        some = [frames[number] for number in sorted(frames)[:8]]
        with ClipPreprocessor(recipe) as preprocessor:
            found = preprocessor.process(*some).tensors["apex_image"]
            each = [preprocessor.process(*some, apex=index).tensors["apex_image"] for index in range(8)]
        assert [bool((found == one).all()) for one in each] == [index == 3 for index in range(8)]  # (8 - 1) // 2

    def test_a_clip_that_stands_still_is_flagged(self, clip, frames):
        still = dict.fromkeys(frames, frames[clip.onset])
        unknown = dataclasses.replace(clip, apex=None)
        result = ClipPreprocessor(spotting("divide_strain")).process_clip(unknown, still)
        found = result.provenance["spotting"]
        assert any("flat" in flag for flag in found["flags"]) and found["score"] == 0
        assert found["index"] == (len(frames) - 1) // 2
        assert not result.tensors["face"].any()

    @pytest.mark.parametrize("policy", ["raise", "skip", "previous"])
    def test_a_frame_without_a_face_in_the_middle(self, policy, clip, frames):
        recipe = small("clip_18x64_gray")
        recipe = dataclasses.replace(recipe, face=dataclasses.replace(recipe.face, on_failure=policy, max_upsample=1))
        images = [decode_image(frames[number]) for number in sorted(frames)[:4]]
        images[2] = np.full_like(images[2], 90)
        if policy == "raise":
            with pytest.raises(FaceNotFoundError, match="frame 7"):
                ClipPreprocessor(recipe).process_images(*images, clip="a/b/c", numbers=(5, 6, 7, 8))
            return
        result = ClipPreprocessor(recipe).process_images(*images, numbers=(5, 6, 7, 8))
        assert result.tensors["frames"].shape == (18, 64, 64, 1)
        assert any("frame 7" in warning and policy in warning for warning in result.provenance["warnings"])
        gray_shown = bool((np.abs(result.tensors["frames"] - 90).max(axis=(1, 2, 3)) < 30).any())
        assert gray_shown == (policy == "previous")

    def test_regions_measured_one_by_one(self, clip, frames):
        recipe = dataclasses.replace(get_recipe("onset_apex_28_hars"), flow=QUICK)
        apart = dataclasses.replace(recipe, puzzle_per_roi=True)
        together, single = (ClipPreprocessor(r).process_clip(clip, frames).tensors["puzzle"] for r in (recipe, apart))
        assert single.shape == together.shape and (single != together).any()
        assert recipe.hash != apart.hash

    def test_the_wrong_number_of_frames(self, clip, frames):
        images = list(frames.values())
        with pytest.raises(ConfigError, match="takes 2 frames"):
            ClipPreprocessor(get_recipe("onset_apex_28")).process(*images[:3])
        with pytest.raises(ConfigError, match="takes 1 frame"):
            ClipPreprocessor(get_recipe("apex_224_gray")).process(*images[:2])
        with pytest.raises(ConfigError, match="at least 2"):
            ClipPreprocessor(get_recipe("clip_gray_128")).process(images[0])
        with pytest.raises(ConfigError, match="index of a frame"):
            ClipPreprocessor(get_recipe("clip_gray_128")).process(*images[:3], apex=3)
        with pytest.raises(FrameOrderError, match="was not read"):
            ClipPreprocessor(get_recipe("onset_apex_28")).process_clip(clip, {clip.onset: images[0]})


def test_only_the_published_learned_recipes_need_weights():
    learned = {name for name, recipe in RECIPES.items() if recipe.magnify.method == "learned"}
    flow = {name for name, recipe in RECIPES.items() if recipe.flow.method == "liteflownet"}
    factors = {f"magnified_by_{factor}_flow_10x224" for factor in (2, 4)}
    assert learned | flow == {"magnified_flow_10x224", "flow_10x224", *factors}


@needs_dlib
class TestDepth:
    def test_twelve_bits_in_sixteen_are_read_alike_in_all_frames(self, clip, frames):
        """The onset is dark: by itself it would pass for a file of fewer bits."""
        gray = {number: decode_image(frames[number])[..., 1] // 4 * 4 for number in (clip.onset, clip.apex)}
        gray[clip.onset] //= 4
        with ClipPreprocessor(small("onset_apex_28")) as preprocessor:
            points = preprocessor.process_clip(clip, frames).geometry.landmarks

            def process(shift, dtype):
                files = [
                    cv2.imencode(".png", image.astype(dtype) << shift)[1].tobytes() for _, image in sorted(gray.items())
                ]
                return preprocessor.process(*files, landmarks=points)

            eight, twelve, sixteen = process(0, np.uint8), process(4, np.uint16), process(8, np.uint16)
        assert "bits" not in eight.provenance and "bits" not in sixteen.provenance
        assert twelve.provenance["bits"] == 12
        assert any("read as 12 bits (assumed)" in warning for warning in twelve.provenance["warnings"])
        for other in (twelve, sixteen):
            assert np.abs(other.tensors["face"] - eight.tensors["face"]).mean() < 0.05
