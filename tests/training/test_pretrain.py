"""Pre-training on pictures of macro-expressions: who is held out, what is refused, and the way to ``mer loso``."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mer_tf.cli import main
from mer_tf.commands.options import parse_options
from mer_tf.datasets import CARDS, read_casme2, read_jaffe
from mer_tf.datasets.macro import pictures
from mer_tf.errors import ClipError, ConfigError, EmptySplitError, LeakageError, MissingFileError, UnknownNameError
from mer_tf.preprocessing.pictures import DATA_FILE, INDEX_FILE, Source, check_picture_recipe, make_pictures
from mer_tf.recipes import get_recipe
from mer_tf.synthetic import write_synthetic_dataset
from mer_tf.systems.registry import MODELS
from mer_tf.systems.transfer import named_weights, read_named_weights, write_named_weights
from mer_tf.training import FoldTrainer, TrainConfig
from mer_tf.training.pretrain import pretrain, split_subjects
from mer_tf.training.pretrain_clips import DRAWN_STAGE, pretrain_clips

pytestmark = pytest.mark.slow  # pictures, records and trainings, again and again

ROOT = pathlib.Path(__file__).parents[2]

RECIPE = get_recipe("apex_224_gray")
WIDTH = 16


def config(**overrides) -> TrainConfig:
    overrides = {"epochs": 1, "model_options": {"width": WIDTH}, **overrides}
    return TrainConfig.from_preset("residual_network", "macro", **overrides)


@pytest.fixture(scope="module")
def jaffe(tmp_path_factory):
    root = tmp_path_factory.mktemp("jaffe")
    write_synthetic_dataset(root, layout="jaffe", subjects=3, clips_per_subject=7, workers=1)
    return root


# --- The held-out tenth


def keys_of(**people) -> list[str]:
    """Keys of sets: name -> pictures of each person."""
    return [
        f"{name}/s{k:02}" for name, counts in people.items() for k, count in enumerate(counts) for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_tenth_of_each_set_is_held_out_by_people(seed):
    keys = keys_of(ckplus=[9] * 40, jaffe=[15] * 10, mug=[40, 120, 80, 160] * 12)
    fold = split_subjects(keys, seed=seed)
    train, test = {keys[row] for row in fold.train}, {keys[row] for row in fold.test}
    assert not train & test
    assert sorted(fold.train + fold.test) == list(range(len(keys)))
    for name, largest in (("ckplus", 9), ("jaffe", 15), ("mug", 160)):
        rows = [row for row, key in enumerate(keys) if key.startswith(name)]
        held = len(set(rows) & set(fold.test))
        assert abs(held - 0.1 * len(rows)) <= largest / 2


def test_the_tenth_depends_on_the_seed_and_not_on_other_sets():
    keys = keys_of(jaffe=[15] * 10)
    held = [{keys[row] for row in split_subjects(keys, seed=seed).test} for seed in range(8)]
    assert len({min(people) for people in held}) > 1
    both = keys + keys_of(ckplus=[9] * 30)
    assert {both[row] for row in split_subjects(both, seed=0).test if both[row].startswith("jaffe")} == held[0]
    assert split_subjects(keys[::-1], seed=0).test == tuple(sorted(149 - row for row in split_subjects(keys).test))


def test_few_people():
    fold = split_subjects(keys_of(jaffe=[15, 15]))
    assert len(fold.train) == len(fold.test) == 15
    with pytest.raises(EmptySplitError, match="there are 1"):
        split_subjects(keys_of(jaffe=[15]))
    with pytest.raises(EmptySplitError, match="there are 0"):
        split_subjects([])
    with pytest.raises(ConfigError, match="share"):
        split_subjects(keys_of(jaffe=[15, 15]), share=0.0)


# --- What is refused before any picture is read


@pytest.mark.parametrize(
    ("roots", "error", "message"),
    [
        ({}, ConfigError, "at least one set"),
        ({"casme2": "x"}, UnknownNameError, "set of macro-expressions 'casme2'"),
        ({"ckplus": "x", "ck48": "y"}, ConfigError, "leave ck48 out"),
    ],
)
def test_sets_that_do_not_go(roots, error, message, tmp_path):
    with pytest.raises(error, match=message):
        pretrain(roots, config(), tmp_path)


def test_a_model_of_motion_cannot_be_pre_trained_on_pictures(tmp_path):
    with pytest.raises(ConfigError, match="single pictures need a recipe of one frame"):
        pretrain({"jaffe": "x"}, TrainConfig.from_preset("atscnn"), tmp_path)


def test_each_trunk_is_trained_on_pictures():
    trunks = {card.trunk: card for card in MODELS.values() if card.trunk}
    assert set(trunks) == {"residual_network", "resnet18"} and MODELS["astnet_cbam_1"].trunk == "resnet18"
    for name in trunks:
        card = MODELS[name]
        assert "macro" in card.presets and not card.trunk
        recipe = get_recipe(card.pictures or card.recipe)
        check_picture_recipe(recipe)
        assert recipe.network_inputs == get_recipe(card.recipe).network_inputs


def test_the_command_trains_the_part_that_sees_pictures(tmp_path, monkeypatch, capfd):
    def pretrained(roots, config, out, **options):
        raise ConfigError(f"would train {config.model} by {config.preset}")

    monkeypatch.setattr("mer_tf.training.pretrain.pretrain", pretrained)
    assert main(["pretrain", "--model", "astnet", "--root", f"ckplus={tmp_path}", "--out", str(tmp_path / "out")]) == 2
    said = capfd.readouterr()
    assert (
        "would train resnet18 by macro" in said.err and "the part of astnet that sees pictures" in said.out + said.err
    )


def test_wrong_initial_weights(tmp_path, jaffe):
    absent = config(initial_weights=str(tmp_path / "absent.npz"))
    with pytest.raises(MissingFileError, match="absent.npz"):
        pretrain({"jaffe": jaffe}, absent, tmp_path / "run")
    np.savez(tmp_path / "other.npz", **{"dense/kernel": np.zeros((2, 2), np.float32)})
    with pytest.raises(ConfigError, match="none of the weights is of a layer of 'residual_network'"):
        pretrain({"jaffe": jaffe}, config(initial_weights=str(tmp_path / "other.npz")), tmp_path / "run")
    (tmp_path / "text.npz").write_text("no weights")
    with pytest.raises(ConfigError, match="cannot be read as weights"):
        pretrain({"jaffe": jaffe}, config(initial_weights=str(tmp_path / "text.npz")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_picture_under_two_people(jaffe, tmp_path):
    shutil.copytree(jaffe, tmp_path / "set")
    folder = next((tmp_path / "set").rglob("*.tiff")).parent
    first = sorted(folder.glob("*.HA*.tiff"))[0]
    shutil.copy(first, sorted(folder.glob("*.HA*.tiff"))[-1])
    with pytest.raises(LeakageError, match=r"jaffe/\w+/.*HA.* and jaffe/.* are one picture under two people"):
        pretrain({"jaffe": tmp_path / "set"}, config(), tmp_path / "run")


def test_an_absent_class(jaffe, tmp_path):
    shutil.copytree(jaffe, tmp_path / "set")
    for path in (tmp_path / "set").rglob("*.SA*.tiff"):
        path.unlink()
    with pytest.raises(EmptySplitError, match="class 'sadness' has no picture to train on"):
        pretrain({"jaffe": tmp_path / "set"}, config(), tmp_path / "run")


def test_options_of_the_command():
    assert parse_options(["width=16", "sigmoid=false", "kind=plain"]) == {
        "width": 16,
        "sigmoid": False,
        "kind": "plain",
    }
    for texts in (["width"], ["=1"], ["width=1", "width=2"]):
        with pytest.raises(ConfigError, match="--option"):
            parse_options(texts)


def test_published_numbers_of_pictures():
    assert sum(card.pictures or 0 for card in CARDS.values()) == 10431  # 852 + 1200 + 151 + 8228


# --- Pictures on disk


@pytest.fixture(scope="module")
def sources(jaffe):
    pytest.importorskip("dlib")
    table = read_jaffe(jaffe)
    found = pictures(table)
    assert len(found) == 15 and {picture.key for picture in found} == {f"{c.key}/{c.onset}" for c in table.clips}
    return [Source(picture.path, picture.clip.key, picture.number) for picture in found[:4]]


@pytest.mark.dlib
def test_pictures_are_taken_over_and_a_cut_file_is_mended(sources, tmp_path):
    made = make_pictures(sources[:3], RECIPE, tmp_path)
    assert made.images.shape == (3, 240, 240, 1) and made.images.dtype == np.uint8
    assert made.rows.tolist() == [0, 1, 2] and not made.faults and made.reused == 0
    assert made.images.std() > 10 and not np.array_equal(made.images[0], made.images[1])
    before = made.images.copy()

    # Killed while the third picture was written, its line not yet there.
    lines = (tmp_path / INDEX_FILE).read_text().splitlines(keepends=True)
    (tmp_path / INDEX_FILE).write_text("".join(lines[:3]) + lines[3][:20])
    told = []
    again = make_pictures(sources, RECIPE, tmp_path, progress=lambda done, total: told.append((done, total)))
    assert again.reused == 2 and told == [(2, 4), (3, 4), (4, 4)]
    np.testing.assert_array_equal(again.images[again.rows[:3]], before)
    assert (tmp_path / DATA_FILE).stat().st_size == 4 * 240 * 240

    # A line whose picture is not whole.
    with open(tmp_path / DATA_FILE, "r+b") as file:
        file.truncate(4 * 240 * 240 - 1)
    assert make_pictures(sources, RECIPE, tmp_path).reused == 3
    assert make_pictures(sources, RECIPE, tmp_path).reused == 4


@pytest.mark.dlib
def test_pictures_of_another_recipe_are_made_again(sources, tmp_path):
    make_pictures(sources[:1], RECIPE, tmp_path)
    other = dataclasses.replace(RECIPE, crop_size=100)
    made = make_pictures(sources[:1], other, tmp_path)
    assert made.reused == 0 and made.images.shape == (1, 100, 100, 1)


@pytest.mark.dlib
def test_pictures_of_another_landmark_model_are_made_again(sources, tmp_path, monkeypatch):
    from mer_tf.preprocessing import find_landmark_model

    model = tmp_path / "landmarks.dat"
    shutil.copy(find_landmark_model(), model)
    monkeypatch.setenv("MER_LANDMARK_MODEL", str(model))
    make_pictures(sources[:1], RECIPE, tmp_path / "out")
    assert make_pictures(sources[:1], RECIPE, tmp_path / "out", landmark_model=model).reused == 1  # the same content
    with open(model, "ab") as file:
        file.write(b"another")  # dlib reads what it needs
    assert make_pictures(sources[:1], RECIPE, tmp_path / "out").reused == 0
    monkeypatch.setenv("MER_LANDMARK_MODEL", str(tmp_path / "absent.dat"))
    with pytest.raises(MissingFileError, match=r"absent\.dat"):
        make_pictures(sources[:1], RECIPE, tmp_path / "out")
    monkeypatch.setenv("MER_LANDMARK_MODEL", str(model))
    assert make_pictures(sources[:1], RECIPE, tmp_path / "out").reused == 1  # a mistake throws nothing away


@pytest.mark.dlib
def test_processes_make_the_same_pictures(sources, tmp_path):
    one = make_pictures(sources, RECIPE, tmp_path / "one")
    two = make_pictures(sources, RECIPE, tmp_path / "two", workers=2)
    np.testing.assert_array_equal(two.images[two.rows], one.images[one.rows])


@pytest.mark.dlib
def test_faults_are_counted_and_named(sources, tmp_path):
    (tmp_path / "empty.png").touch()
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((200, 200), 128, np.uint8))
    bad = [
        Source(str(tmp_path / "empty.png"), "jaffe/KA/one", 1),
        Source(str(tmp_path / "absent.png"), "jaffe/KA/two", 2),
        Source(str(tmp_path / "blank.png"), "jaffe/KA/three", 3),
    ]
    made = make_pictures([bad[0], sources[0], *bad[1:]], RECIPE, tmp_path / "out")
    assert made.rows.tolist() == [-1, 0, -1, -1] and sorted(made.faults) == [0, 2, 3]
    for index, name in ((0, "one frame 1"), (2, "two frame 2"), (3, "three frame 3")):
        assert str(made.faults[index]).startswith(f"jaffe/KA/{name}: ")
    for source in bad:
        with pytest.raises(ClipError, match=source.clip):
            make_pictures([source], RECIPE, tmp_path / "strict", strict=True)


@pytest.mark.dlib
def test_a_folder_belongs_to_one_run_at_a_time(sources, tmp_path):
    code = "import sys; from mer_tf import output\nwith output.locked(sys.argv[1]): print(flush=True), input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as other:
        other.stdout.readline()
        with pytest.raises(ConfigError, match="another run writes"):
            make_pictures(sources[:1], RECIPE, tmp_path)
        other.communicate(b"\n")
    assert make_pictures(sources[:1], RECIPE, tmp_path).rows.tolist() == [0]


@pytest.mark.slow
def test_8_bit_pictures_train_as_floats_do():
    rng = np.random.default_rng(0)
    name = next(iter(RECIPE.inputs))
    images = rng.integers(0, 256, (5, 240, 240, 1), dtype=np.uint8)
    predictions = []
    for dtype in (np.uint8, np.float32):
        trainer = FoldTrainer(config(num_classes=5), RECIPE, arrays=True)
        trainer.fit({name: images.astype(dtype)}, np.arange(5), seed=3)
        predictions.append(trainer.predict({name: images.astype(dtype)}))
    np.testing.assert_allclose(*predictions, atol=1e-5)


# --- From macro-expressions to micro-expressions


@pytest.fixture(scope="module")
def run(jaffe, tmp_path_factory):
    """A pre-training on the command line; one of its pictures is broken."""
    pytest.importorskip("dlib")
    root = tmp_path_factory.mktemp("run")
    shutil.copytree(jaffe, root / "jaffe")
    sorted((root / "jaffe").rglob("*.HA*.tiff"))[0].write_bytes(b"broken")
    write_synthetic_dataset(root / "oulu", layout="oulu_casia", subjects=2, clips_per_subject=6, workers=1)
    start = FoldTrainer(config(num_classes=5, seed=8)).model
    write_named_weights(start, root / "imagenet.npz")
    arguments = ["--root", f"jaffe={root / 'jaffe'}", "--root", f"oulu_casia={root / 'oulu'}"]
    arguments += ["--initial-weights", root / "imagenet.npz", "--out", root / "out", "--option", f"width={WIDTH}"]
    arguments += ["--epochs", 1, "--workers", 1, "--json"]
    assert main(["pretrain", *map(str, arguments)]) == 0
    return root, json.loads((root / "out" / "pretrain.json").read_text()), arguments


@pytest.mark.dlib
def test_the_passport_of_a_pre_training(run):
    root, passport, _ = run
    assert passport["model"] == "residual_network" and passport["synthetic"] and passport["partial"]
    assert passport["classes"] == ["happiness", "surprise", "anger", "disgust", "sadness"]
    sets = passport["sets"]
    assert (sets["jaffe"]["expected"], sets["jaffe"]["found"], sets["jaffe"]["used"]) == (151, 15, 14)
    assert (sets["oulu_casia"]["expected"], sets["oulu_casia"]["found"], sets["oulu_casia"]["clips"]) == (1200, 30, 10)
    assert sets["jaffe"]["classes"]["happiness"] == 2
    assert len(passport["faults"]) == 1 and "HA" in passport["faults"][0]
    split, test = passport["split"], passport["test"]
    assert split["train"] + split["test"] == passport["pictures"] == 44
    assert len(split["held_out_subjects"]) == 1 and split["by"] == "subject"
    assert test["pictures"] == split["test"] and 0 <= test["accuracy"] <= 1
    assert np.sum(test["confusion"]) == split["test"]
    assert passport["config"]["batch_size"] == 50 and passport["config"]["learning_rate"] == 0.01
    assert passport["config"]["augment"]["colour_shift"] == 20 and passport["config"]["num_classes"] == 5
    assert passport["initial_weights"]["new"] == ["probabilities/kernel", "probabilities/bias"]
    assert list((root / "out" / "logs" / "pretrain").glob("events.out.tfevents.*"))


@pytest.mark.dlib
def test_weights_left_their_start(run):
    root, passport, _ = run
    before, after = (read_named_weights(path) for path in (root / "imagenet.npz", root / "out" / "weights.npz"))
    assert set(before) == set(after) and after["probabilities/kernel"].shape == (WIDTH * 8, 5)
    assert not np.array_equal(before["block512_conv2/kernel"], after["block512_conv2/kernel"])
    assert all(np.isfinite(value).all() for value in after.values())


@pytest.mark.dlib
@pytest.mark.slow
def test_pictures_of_held_out_people_change_no_weight(run, tmp_path):
    """The held-out people's files are replaced by other pictures: the weights stay what they were."""
    root, passport, arguments = run
    (held,) = passport["split"]["held_out_subjects"]
    dataset, subject = held.split("/")
    folder = {"jaffe": "jaffe", "oulu_casia": "oulu"}[dataset]
    for name in ("jaffe", "oulu"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copytree(root / "out" / "pictures", tmp_path / "pictures")
    pattern = f"{subject}.*.tiff" if dataset == "jaffe" else f"{subject}/*/*.jpeg"
    changed = 0
    for path in (tmp_path / folder).rglob(pattern):
        image = cv2.imread(str(path))
        if image is not None:
            changed += cv2.imwrite(str(path), cv2.GaussianBlur(image, (3, 3), 0))
    assert changed >= 5
    roots = {"jaffe": tmp_path / "jaffe", "oulu_casia": tmp_path / "oulu"}
    start = config(initial_weights=str(root / "imagenet.npz"))
    again = pretrain(roots, start, tmp_path / "out", pictures_dir=tmp_path / "pictures")
    assert again["split"] == passport["split"] and again["data_fingerprint"] != passport["data_fingerprint"]
    one, two = (read_named_weights(path / "out" / "weights.npz") for path in (root, tmp_path))
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.dlib
def test_micro_attention_goes_on_from_the_weights(run, tmp_path, capfd):
    from mer_tf.preprocessing import ClipPreprocessor
    from mer_tf.records import encode_motion, write_motion_records

    root, passport, _ = run
    write_synthetic_dataset(tmp_path / "casme2", subjects=2, clips_per_subject=6, frames_per_clip=12, workers=1)
    table = read_casme2(tmp_path / "casme2")
    with ClipPreprocessor(RECIPE) as preprocessor:
        records = []
        for clip in table.clips:
            with open(clip.frame_path(clip.apex), "rb") as file:
                records.append(encode_motion(clip, preprocessor.process_clip(clip, {clip.apex: file.read()}), RECIPE))
    write_motion_records(tmp_path / "data" / "clips.gz", records)
    facts = {"synthetic": True, "partial": False, "done": len(records)}
    (tmp_path / "data" / "clips.json").write_text(json.dumps(facts))
    arguments = ["--data", tmp_path / "data", "--preset", "loso", "--epochs", 1, "--option", f"width={WIDTH}"]

    def loso(weights, *more):
        capfd.readouterr()
        command = ["loso", "--workers", 1, "--model", "micro_attention", "--out", tmp_path / "run", *arguments]
        status = main([*map(str, [*command, "--initial-weights", weights, *more])])
        return status, "".join(capfd.readouterr())

    weights = root / "out" / "weights.npz"
    assert loso(weights)[0] == 0
    fine = json.loads((tmp_path / "run" / "passport.json").read_text())
    assert fine["initial_weights"]["sha256"] == passport["weights"]["sha256"]
    assert fine["initial_weights"]["file"] == fine["config"]["initial_weights"] == str(weights)
    assert {name.split("/")[0] for name in fine["initial_weights"]["new"]} == {
        *(f"block{width}_attention" for width in (64, 128, 256, 512)),
        "probabilities",
    }
    assert fine["config"]["batch_size"] == 10 and fine["config"]["weight_decay"] == 5e-4

    # The same weights at another place use the folds again; other weights at the same place do not.
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "folds").rglob("*.json")}
    assert len(times) == 2
    moved = shutil.copy(weights, tmp_path / "moved.npz")
    assert loso(moved)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    values = read_named_weights(moved)
    np.savez(moved, **{name: value * np.float32(1.01) for name, value in values.items()})
    status, said = loso(moved)
    assert status == 2 and "config.initial_weights (" in said and "--force" in said
    assert loso(moved, "--force")[0] == 0
    assert not any(path.stat().st_mtime_ns == times[path] for path in times)

    status, said = loso(tmp_path / "absent.npz")
    assert status == 2 and "is missing" in said and "absent.npz" in said
    model = FoldTrainer(TrainConfig.from_preset("residual_network", "macro")).model
    np.savez(tmp_path / "wide.npz", **named_weights(model))
    status, said = loso(tmp_path / "wide.npz")
    assert status == 2 and "conv1/kernel is (7, 7, 1, 64), the model has (7, 7, 1, 16)" in said


def test_clips_of_micro_expressions_are_no_pre_training(make_data, tmp_path):
    data = make_data("ststnet")
    with pytest.raises(ConfigError, match=r"takes clips of macro-expressions .*Received: casme2 by mapping unknown"):
        pretrain_clips(data, TrainConfig.from_preset("ststnet"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_network_of_flow_goes_on_from_clips_of_macro_expressions(make_data, tmp_path):
    data = make_data("ststnet", subjects=6, clips=5)
    data = dataclasses.replace(data, datasets=["ckplus"] * 30, labels=np.arange(30) % 5, mapping="macro5")
    settings = TrainConfig.from_preset("ststnet", epochs=1)
    passport = pretrain_clips(data, settings, tmp_path / "macro")
    assert passport["sets"]["ckplus"]["used"] == 30 and passport["split"]["train"] == 25
    assert passport["split"]["held_out_subjects"] == sorted(set(passport["split"]["held_out_subjects"]))
    assert json.loads((tmp_path / "macro/pretrain.json").read_text()) == passport
    weights = tmp_path / "macro/weights.npz"
    start = named_weights(FoldTrainer(settings).model)
    trained = {name: value for name, value in read_named_weights(weights).items() if not name.startswith("probab")}
    assert any((start[name] != value).any() for name, value in trained.items())
    after = FoldTrainer(dataclasses.replace(settings, initial_weights=str(weights)))
    assert {name.split("/")[0] for name in after.transfer.new} == {"probabilities"}


def test_a_network_of_flow_goes_on_from_drawn_motion(make_data, tmp_path, capfd):
    words = ["pretrain", "--flow", "100", "--model", "ststnet", "--epochs", "1", "--out", str(tmp_path / "drawn")]
    assert main([*words]) == 0
    said = capfd.readouterr().out
    assert "ststnet:" in said and "clips to train on" in said and "(synthetic)" in said
    passport = json.loads((tmp_path / "drawn/pretrain.json").read_text())
    assert passport["stage"] == DRAWN_STAGE and passport["classes"] == ["negative", "positive", "surprise"]
    assert passport["synthetic"] and passport["domain"]["noise"] == [0.0, 0.1]
    assert passport["sets"]["drawn"]["classes"] == {"negative": 34, "positive": 33, "surprise": 33}
    held = passport["split"]["held_out_subjects"]
    assert held and passport["split"]["train"] + passport["split"]["test"] == 100

    weights = str(tmp_path / "drawn/weights.npz")
    begun = FoldTrainer(TrainConfig.from_preset("ststnet", initial_weights=weights))
    assert {name.split("/")[0] for name in begun.transfer.new} == {"probabilities"}
    named = named_weights(begun.model)
    for name in begun.transfer.taken:
        np.testing.assert_array_equal(named[name], read_named_weights(weights)[name])
    whole = FoldTrainer(TrainConfig.from_preset("ststnet", initial_weights=str(tmp_path / "drawn/network.weights.h5")))
    for name, value in named_weights(whole.model).items():
        if np.issubdtype(value.dtype, np.floating):  # the state of dropout is the fold's own
            np.testing.assert_array_equal(value, read_named_weights(weights)[name])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--flow", "99", "--model", "ststnet"], "at least 100 clips"),
        (["--flow", "200", "--model", "astnet"], "needs more than the motion of a levelled face"),
        (["--flow", "200", "--model", "ststnet", "--mapping", "macro5"], "unknown dataset of mapping 'macro5'"),
        (["--flow", "200", "--model", "ststnet", "--mapping", "native_casme2"], "has no emotion that is drawn"),
        (["--data", "x", "--model", "ststnet", "--mapping", "megc2019"], "--mapping goes with --flow"),
    ],
)
def test_drawn_motion_that_cannot_be(tmp_path, capfd, words, said):
    assert main(["pretrain", *words, "--out", str(tmp_path / "out")]) == 2
    assert said in " ".join(capfd.readouterr().err.split())
    assert not (tmp_path / "out" / "weights.npz").exists()
