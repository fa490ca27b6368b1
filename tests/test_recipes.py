from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys

import pytest

from mer_tf import features
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.preprocessing import flow, magnify
from mer_tf.preprocessing.flow import DISConfig, FarnebackConfig, LiteFlowNetConfig, TVL1Config
from mer_tf.preprocessing.magnify import EulerianConfig, LearnedConfig, NoMagnification
from mer_tf.recipes import (
    ALIGNMENTS,
    ARRAY_KINDS,
    CONTENTS,
    CROPS,
    DETECTORS,
    FACES,
    MIRRORS,
    NORMALISATIONS,
    RECIPES,
    FaceConfig,
    FramesConfig,
    Recipe,
    View,
    get_recipe,
    recipe_of_hash,
    same_recipe,
)
from mer_tf.recipes.former import FORMER_HASHES

HASHES = {
    "onset_apex_28_hars": "98137efc793ef84e",
    "onset_apex_28": "53a764f230847dce",
    "onset_apex_28_puzzle": "646358a8ad761994",
    "onset_apex_28_brows_nose": "7e02ba557d6d8a54",
    "onset_apex_28_cheeks_nose": "aab3498312bcbe7c",
    "onset_apex_28_cheeks_mouth": "0d3a6937edb7d80a",
    "onset_apex_28_full_face": "bd1b46b52bd4e3e9",
    "onset_apex_224": "93e6cb5d7ad60dee",
    "onset_apex_128_streams": "b761d40140fa15a4",
    "onset_apex_128_uv": "6f5c824e86b64cca",
    "onset_apex_128_gray": "02076e0c27a3404a",
    "onset_apex_128": "22b33b5bcf7e1e8f",
    "apex_224_gray": "42a4a222b72dc33e",
    "evm_16x64": "e335cefb4cbccd45",
    "evm_16x64_gray": "df077456b1261ece",
    "apex_224_rgb": "c5bf8f767e73dfa3",
    "magnified_flow_10x224": "981b25c5fdd95074",
    "magnified_by_2_flow_10x224": "73fd18d242e575ac",
    "magnified_by_4_flow_10x224": "c781aa0e057944cb",
    "flow_10x224": "b2956791e6832570",
    "magnified_flow_10x224_classic": "0ae1a1b22438dd93",
    "magnified_by_2_flow_10x224_classic": "96b2ea099c4d04a7",
    "magnified_by_4_flow_10x224_classic": "7f8a8e94c17f0a53",
    "flow_10x224_classic": "f2b7fa1cc57877f8",
    "onset_apex_28_minmax": "ac2f3aa8c5ec870e",
    "onset_apex_28_uv": "833af2fe3e1c7bc4",
    "onset_apex_28_uv3": "817a89c32c9c1ea5",
    "onset_apex_112": "585a42ab2cb35a97",
    "onset_apex_128_phase": "02b9be12db428c52",
    "onset_apex_224_kfc": "4ac93159db42edb4",
    "onset_apex_224_rgb": "5dbcefa9a50f9c58",
    "onset_apex_227_dssn": "a9ca3ced47824d2a",
    "dynamic_image_224": "5417283f603de38e",
    "clip_18x64_gray": "b31d766a962d8bec",
    "flow_9x224_se": "b1bf365dabb42cb8",
    "flow_9x224_te": "c53a77c9e0e784e5",
    "flow_9x224_te_gray": "b93bf4914d28b16f",
    "clip_gray_128": "0673abd592554983",
    "flow_clip_128": "c7f28f3d946ea4ae",
    "flow_adjacent_128": "57294adee4765a7e",
}
# What stands for itself in a hash; a default may change only together with the method's version.
DEFAULTS = {
    ("tvl1", 1): TVL1Config(
        pairs="adjacent", backend="opencv", border="edge", tau=0.25, lambda_=0.15, theta=0.3, scales=5, scale_step=0.8,
        warps=5, epsilon=0.01, inner_iterations=30, outer_iterations=10, median=5, match_brightness=False,
    ),
    ("farneback", 1): FarnebackConfig(
        pairs="adjacent", pyr_scale=0.5, levels=3, window=15, iterations=3, poly_n=5, poly_sigma=1.2,
        match_brightness=False,
    ),
    ("dis", 1): DISConfig(pairs="adjacent", preset="medium", match_brightness=False),
    ("liteflownet", 1): LiteFlowNetConfig(pairs="adjacent"),
    ("none", 1): NoMagnification(),
    ("eulerian", 1): EulerianConfig(factor=1.0, f_low=0.5, f_high=10.0, lambda_c=16.0, chroma=0.1),
    ("learned", 1): LearnedConfig(factor=1.0, mode="static"),
}  # fmt: skip
FLOW_CLIP = Recipe(
    "flow",
    "test",
    frames=FramesConfig(span="onset_to_apex", count=11, interpolation="linear", apex="auto"),
    face=FaceConfig(align="none", crop="clip_box"),
    magnify=EulerianConfig(factor=3.0),
    flow=TVL1Config(),
    arrays=("flow", "landmarks"),
    colour=True,
    views=(View("flow", "flow", "uv", "fixed", scale=2.0), View("landmarks", "landmarks", "landmarks")),
)


def test_hashes_of_what_was_prepared_before_do_not_change():
    assert {name: recipe.hash for name, recipe in RECIPES.items()} == HASHES


def test_defaults_are_what_their_version_says():
    methods = {**flow.METHODS, **magnify.METHODS}
    assert {(kind.method, kind.version): kind() for kind, _ in methods.values()} == DEFAULTS


def test_named_recipes_name_a_flow_method_exactly_where_they_measure_motion():
    for recipe in RECIPES.values():
        assert (recipe.flow.method != "none") == recipe.measures_motion, recipe.name


def test_words_and_unused_settings_change_no_hash():
    for name, change in (
        ("evm_16x64", {"name": "other", "source": "other", "assumptions": ("other",)}),
        ("evm_16x64", {"flow": DISConfig(preset="fast")}),
        ("evm_16x64", {"frames": FramesConfig("onset_to_offset", 61, "linear", apex="auto")}),
        ("onset_apex_28", {"face": FaceConfig(on_failure="skip")}),
        ("onset_apex_28", {"flow": TVL1Config(border="zero")}),
        ("onset_apex_28", {"flow": TVL1Config(pairs="onset")}),
        ("evm_16x64_gray", {"magnify": EulerianConfig(factor=11.0, chroma=0.5)}),
        ("onset_apex_28", {"views": (View("face", "face", "motion", "pm1", 28, scale=3.0),)}),
        ("onset_apex_28_hars", {"arrays": ("puzzle", "face")}),
    ):
        recipe = get_recipe(name)
        changed = dataclasses.replace(recipe, **change)
        assert changed != recipe and changed.hash == recipe.hash, change
    by_file = dataclasses.replace(get_recipe("onset_apex_28"), face=FaceConfig(detector="file"))
    other = FaceConfig(detector="file", upsample=2, several_faces="best")
    assert dataclasses.replace(by_file, face=other).hash == by_file.hash != get_recipe("onset_apex_28").hash


def test_what_to_do_with_several_faces_can_be_chosen():
    recipe = get_recipe("onset_apex_28")
    assert get_recipe("onset_apex_28", "one") == recipe
    largest = get_recipe("onset_apex_28", "largest")
    assert largest.face.several_faces == "largest"
    assert largest.hash not in (recipe.hash, get_recipe("onset_apex_28", "best").hash)
    assert Recipe.from_json(largest.to_json()) == largest
    with pytest.raises(UnknownNameError, match="choice of faces 'both'"):
        get_recipe("onset_apex_28", "both")


def test_records_tell_by_their_hash_which_choice_made_them():
    for faces in FACES:
        recipe = get_recipe("onset_apex_28", faces)
        assert recipe_of_hash("onset_apex_28", recipe.hash) == recipe
    assert recipe_of_hash("onset_apex_28", "other") == get_recipe("onset_apex_28")
    assert recipe_of_hash("own", "other") is None


def test_a_new_option_changes_no_hash(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Grown(TVL1Config):
        gamma: float = 0.0

    recipe = get_recipe("onset_apex_28")
    assert dataclasses.replace(recipe, flow=Grown()).hash == recipe.hash
    assert dataclasses.replace(recipe, flow=Grown(gamma=0.1)).hash != recipe.hash
    monkeypatch.setattr(TVL1Config, "version", 2)
    assert recipe.hash != HASHES["onset_apex_28"]
    assert get_recipe("evm_16x64").hash == HASHES["evm_16x64"]


CHANGES = [
    *(("frames", change) for change in (
        {"span": "onset_to_offset"}, {"count": 7}, {"interpolation": "tim"}, {"apex": "frequency"})),
    *(("face", change) for change in (
        {"detector": "haar"}, {"upsample": 2}, {"max_upsample": 2}, {"several_faces": "best"}, {"crop": "square"},
        {"align": "level", "crop": "face"}, {"on_failure": "skip"})),
    *(("magnify", {name: value}) for name, value in (
        ("factor", 4.0), ("f_low", 1.0), ("f_high", 8.0), ("lambda_c", 8.0), ("chroma", 0.2))),
    *(("flow", {name: value}) for name, value in (
        ("pairs", "onset"), ("backend", "tensorflow"), ("tau", 0.1), ("lambda_", 0.1), ("theta", 0.2), ("scales", 3),
        ("scale_step", 0.5), ("warps", 3), ("epsilon", 0.02), ("inner_iterations", 10), ("outer_iterations", 3),
        ("median", 3), ("match_brightness", True))),
]  # fmt: skip


@pytest.mark.parametrize(("part", "change"), CHANGES)
def test_every_used_setting_changes_the_hash(part, change):
    other = dataclasses.replace(getattr(FLOW_CLIP, part), **change)
    assert dataclasses.replace(FLOW_CLIP, **{part: other}).hash != FLOW_CLIP.hash


def test_no_setting_is_left_out_above():
    for part in ("frames", "face", "magnify", "flow"):
        names = {field.name for field in dataclasses.fields(getattr(FLOW_CLIP, part))}
        # The border is one of the TensorFlow backend alone: below.
        assert names - {"border"} == {name for where, change in CHANGES if where == part for name in change}


def test_settings_of_other_methods_and_of_the_recipe_change_the_hash():
    view = View("flow", "flow", "uv", "fixed", scale=2.0)
    points = FLOW_CLIP.views[1]
    tensorflow = TVL1Config(backend="tensorflow")
    changes = [
        {},
        {"flow": tensorflow},
        {"flow": dataclasses.replace(tensorflow, border="zero")},
        {"flow": LiteFlowNetConfig()},
        {"flow": DISConfig()},
        {"flow": DISConfig(preset="fast")},
        {"flow": DISConfig(match_brightness=True)},
        {"flow": FarnebackConfig()},
        *({"flow": FarnebackConfig(**{field.name: getattr(FarnebackConfig(), field.name) / 2})}
          for field in dataclasses.fields(FarnebackConfig) if field.type == "float"),
        *({"flow": FarnebackConfig(**{field.name: getattr(FarnebackConfig(), field.name) + 2})}
          for field in dataclasses.fields(FarnebackConfig) if field.type == "int"),
        {"magnify": NoMagnification()},
        {"magnify": LearnedConfig(factor=3.0)},
        {"magnify": LearnedConfig(factor=4.0)},
        {"magnify": LearnedConfig(factor=3.0, mode="dynamic")},
        {"colour": False},
        {"crop_size": 64},
        {"arrays": ("flow", "landmarks", "frames")},
        *({"views": (dataclasses.replace(view, **change), points)} for change in (
            {"name": "u"}, {"content": "wheel"}, {"normalisation": "none"}, {"size": 28}, {"frames": 4}, {"scale": 3.0},
            {"content": "strain"}, {"content": "strain", "repeat": 3})),
    ]  # fmt: skip
    hashes = [dataclasses.replace(FLOW_CLIP, **change).hash for change in changes]
    assert len(set(hashes)) == len(hashes)
    hars = get_recipe("onset_apex_28_hars")
    assert len({hars.hash, *(dataclasses.replace(hars, **change).hash for change in (
        {"puzzle_size": 56}, {"puzzle_per_roi": True}, {"puzzle_parts": ("nose", "mouth")}))}) == 4  # fmt: skip


def test_hashes_and_layout_of_the_release_before_are_accepted(caplog):
    assert set(FORMER_HASHES.values()) <= set(RECIPES) and len(set(FORMER_HASHES.values())) == len(FORMER_HASHES)
    for former, name in FORMER_HASHES.items():
        with caplog.at_level("INFO"):
            caplog.clear()
            assert same_recipe(former, RECIPES[name].hash) and same_recipe(RECIPES[name].hash, former)
        assert len(caplog.records) == 2 and name in caplog.text
    assert not same_recipe("08fd0f38c6faeedf", get_recipe("onset_apex_28").hash)
    assert not same_recipe("08fd0f38c6faeedf", "74d8828f3cbd9d08")
    assert not same_recipe("0" * 16, get_recipe("onset_apex_28").hash)


@pytest.mark.parametrize("name", FORMER_HASHES.values())
def test_the_former_layout_is_read_and_gives_the_former_hash(name):
    recipe = get_recipe(name)
    flat = {
        "flow": {
            "method": recipe.flow.method if recipe.measures_motion else "tvl1",
            **dataclasses.asdict(TVL1Config()),
            "dis_preset": "medium",
            **{f"farneback_{key}": value for key, value in dataclasses.asdict(FarnebackConfig()).items()
               if key not in ("pairs", "match_brightness")},
            "pairs": recipe.flow.pairs,
        },
        "magnify": {**dataclasses.asdict(EulerianConfig()), "mode": "static", **recipe.magnify.to_json()},
    }  # fmt: skip
    old = {**recipe.to_json(), **flat}
    del old["assumptions"], old["puzzle_parts"]
    assert dataclasses.replace(Recipe.from_json(old), assumptions=recipe.assumptions) == recipe
    del old["source"]
    digest = hashlib.sha256(json.dumps(old, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]
    assert FORMER_HASHES[digest] == name


def test_recipes_are_read_without_opencv_and_tensorflow():
    code = "import sys, mer_tf.recipes; sys.exit(bool({'cv2', 'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_dictionaries_of_methods_are_what_recipes_may_name():
    from mer_tf.preprocessing import face, geometry, normalise

    assert set(face.DETECTORS) == set(DETECTORS)
    assert set(geometry.ALIGNMENTS) == set(ALIGNMENTS)
    assert {*geometry.CROPS, "clip_box"} == set(CROPS)
    assert set(normalise.METHODS) == set(NORMALISATIONS)
    assert set(MIRRORS) == set(CONTENTS)


def test_every_recipe_has_its_own_hash_and_comes_back_from_json():
    assert len({recipe.hash for recipe in RECIPES.values()}) == len(RECIPES)
    for recipe in RECIPES.values():
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_what_goes_with_nothing():
    for settings, said in (
        ({"arrays": ()}, "arrays"),
        ({"arrays": ("face", "face")}, "arrays"),
        ({"arrays": ("puzzle",)}, "puzzle_size"),
        ({"arrays": ("frames",), "views": (View("frames", "frames", "image"),)}, "span"),
        ({"views": (View("frames", "frames", "image"),)}, "does not make"),
        ({"views": (View("a", "face", "u"), View("a", "face", "v"))}, "different names"),
        ({"frames": FramesConfig(span="apex")}, "onset"),
        ({"magnify": EulerianConfig(factor=3.0)}, "magnification"),
        ({"crop_size": 16}, "crop_size"),
        ({"puzzle_parts": ("nose",)}, "two different areas"),
        ({"puzzle_parts": ("nose", "chin")}, "puzzle_parts"),
        ({"face": FaceConfig(crop="clip_box")}, "clip_box"),
    ):
        with pytest.raises(ConfigError, match=said):
            Recipe("a", "b", **settings)
    for build in (
        lambda: View("a", "face", "image"),
        lambda: View("a", "face", "motion", "median"),
        lambda: View("a", "face", "motion", repeat=3),
        lambda: FramesConfig(span="onset_to_apex"),
        lambda: FramesConfig(count=5),
        lambda: EulerianConfig(factor=0.5),
        lambda: TVL1Config(scale_step=1.0),
        lambda: TVL1Config(warps=0),
        lambda: DISConfig(pairs="all"),
        lambda: Recipe("a", "b", flow="tvl1"),
        lambda: FaceConfig(detector="mtcnn"),
    ):
        with pytest.raises(ConfigError):
            build()


def test_unknown_keys_are_refused_at_every_level():
    settings = get_recipe("evm_16x64").to_json()
    for key in ("frames", "face", "magnify", "flow"):
        with pytest.raises(UnknownNameError, match="sise"):
            Recipe.from_json({**settings, key: {**settings[key], "sise": 1}})
    with pytest.raises(UnknownNameError, match="sise"):
        Recipe.from_json({**settings, "sise": 1})
    with pytest.raises(ConfigError, match="object"):
        Recipe.from_json([])


def test_one_map_of_the_two():
    assert set(get_recipe("onset_apex_28").inputs) == {"face"}
    assert set(get_recipe("onset_apex_28_puzzle").inputs) == {"puzzle"}
    assert get_recipe("onset_apex_28_puzzle").network_inputs == {"puzzle": (28, 28, 3)}


def test_no_tensor_is_called_as_a_fact_of_a_record():
    facts = {*features.FACTS, features.RECIPE, features.RECIPE_HASH, features.PROVENANCE}
    assert not facts & set(ARRAY_KINDS)
    # The network's inputs stand beside the facts that Transform passes on.
    passed_on = {"dataset", "subject", "clip", "mapping", "label", "recipe_hash"}
    assert not any(passed_on & set(recipe.network_inputs) for recipe in RECIPES.values())
