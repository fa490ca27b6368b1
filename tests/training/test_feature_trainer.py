"""Hand-crafted systems through the same cross-validation as the networks."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from mer_tf.errors import ConfigError, EmptySplitError, UnknownNameError
from mer_tf.preprocessing.strain import strain
from mer_tf.recipes import get_recipe
from mer_tf.systems.feature import Extractor, get_extractor
from mer_tf.systems.registry import MODELS, build_model, get_model_card
from mer_tf.training import MotionData, TrainConfig, make_trainer, run_loso, train_final
from mer_tf.training.feature_trainer import FeatureTrainer

pytest.importorskip("sklearn")

FLOORS = {"majority", "linear_flow"}  # tests/systems/test_floors_of_scores.py
NAMES = sorted(name for name, card in MODELS.items() if not card.is_network and name not in FLOORS)


@pytest.fixture(scope="module")
def make_data():
    """Clips whose pattern of motion or texture follows the label, three of each of three subjects."""

    def make(model, subjects=3, shuffled=False):
        recipe = get_recipe(get_model_card(model).recipe)
        rng = np.random.default_rng(0)
        count = 3 * subjects
        labels = np.arange(count) % 3
        tensors = {}
        for name, shape in recipe.network_inputs.items():
            side = shape[-2]
            y, x = np.mgrid[:side, :side].astype(np.float32)
            if name == "landmarks":
                array = np.repeat(rng.uniform(8, 120, (1, 68, 2)), count, axis=0)
            elif shape[-1] == 1:  # gray: stripes of another direction for each class
                stripes = np.stack([np.sin((x, y, x + y)[label] / 4) for label in labels])
                array = 100 + 40 * stripes.reshape(count, *(1,) * (len(shape) - 3), side, side, 1)
                array = array + 0.2 * rng.standard_normal((count, *shape))
            else:  # flow: one spot moves, elsewhere and another way for each class
                array = 0.02 * rng.standard_normal((count, *shape))
                for row, label in enumerate(labels):
                    spot = np.exp(-((x - 30 - 34 * label) ** 2 + (y - 64) ** 2) / 200)
                    array[row, ..., 0] += 3 * spot * np.cos(2 * label + 0.5)
                    array[row, ..., 1] += 3 * spot * np.sin(2 * label + 0.5)
                if name == "face":
                    array[..., 2] = strain(array[..., :2])
            tensors[name] = np.asarray(array, np.float32)
        return MotionData(
            tensors=tensors,
            labels=labels,
            datasets=["casme2"] * count,
            subjects=[f"sub{k // 3:02}" for k in range(count)],
            clips=[f"EP{k % 3:02}" for k in range(count)],
            recipe=recipe,
            network=True,
            mapping="megc2019",
        )

    return make


def test_all_features_are_registered():
    assert set(NAMES) == {
        *("bi_woof", "bi_woof_phase", "fdm", "higo_top", "hog3d", "hog_top", "hoof", "lbp_sip", "lbp_top"),
        *("lbp_top_cbamnet_setup", "mdmo", "sparse_mdmo"),
    }
    for name in NAMES:
        card = get_model_card(name)
        assert card.parameters is None and card.trainable_parameters is None
        assert isinstance(get_extractor(card.builder), Extractor)


@pytest.mark.parametrize(("model", "preset"), [(name, preset) for name in NAMES for preset in MODELS[name].presets])
def test_every_preset_is_accepted(model, preset):
    trainer = make_trainer(TrainConfig.from_preset(model, preset))
    assert isinstance(trainer, FeatureTrainer) and not trainer.takes_arrays
    assert trainer.serves(dataclasses.replace(trainer.config, seed=9, shuffle_labels=True), trainer.recipe)
    assert not trainer.serves(dataclasses.replace(trainer.config, num_classes=2), trainer.recipe)


@pytest.mark.parametrize("model", ["lbp_top", "bi_woof"])
def test_leave_one_subject_out(model, make_data, tmp_path):
    data, config = make_data(model), TrainConfig.from_preset(model, "paper")
    predictions = run_loso(data, config, tmp_path)
    assert ["/".join((p.dataset, p.subject, p.clip)) for p in predictions] == list(data.keys)
    assert [p.prediction for p in predictions] == data.labels.tolist()  # the classes are easy to tell apart
    assert all(sorted(p.probabilities) == [0, 0, 1] for p in predictions)
    # a finished run is read back
    calls = []
    again = run_loso(data, config, tmp_path, progress=lambda *call: calls.append(call))
    assert again == predictions and all(call[4] for call in calls)


@pytest.mark.parametrize("model", sorted(set(NAMES) - {"lbp_top", "bi_woof", "lbp_sip", "hog_top", "sparse_mdmo"}))
def test_fit_and_predict(model, make_data):
    data = make_data(model, subjects=2)
    trainer = FeatureTrainer(TrainConfig.from_preset(model, "paper"))
    rows = list(range(6))
    trainer.fit(data.tensors, data.labels, seed=0, keys=data.keys)
    found = trainer.predict(data.tensors, rows)
    assert found.dtype == np.float32 and found.shape == (6, 3) and (found.sum(axis=1) == 1).all()
    assert trainer.history[0]["accuracy"] == np.mean(found.argmax(axis=1) == data.labels) == 1


def test_the_dictionary_is_fitted_on_training_clips_only(make_data):
    data = make_data("sparse_mdmo", subjects=2)
    options = {"feature": {"atoms": 6, "rounds": 3}, "svm": {"kernel": "linear", "c": [1]}}
    trainer = FeatureTrainer(TrainConfig("sparse_mdmo", model_options=options))
    rows = [0, 1, 2]
    trainer.fit(data.tensors, data.labels[:3], seed=1, keys=data.keys[:3], rows=rows)
    before = trainer._fitted.dictionary.copy()
    trainer.predict(data.tensors, [3, 4, 5])
    np.testing.assert_array_equal(trainer._fitted.dictionary, before)
    alone = {name: array[:3] for name, array in data.tensors.items()}
    other = FeatureTrainer(trainer.config)
    other.fit(alone, data.labels[:3], seed=1, keys=data.keys[:3])
    np.testing.assert_array_equal(other._fitted.dictionary, before)


def test_features_are_taken_once_and_other_rows_are_not_read(make_data):
    data = make_data("lbp_top", subjects=2)
    tensors = {name: array.copy() for name, array in data.tensors.items()}
    tensors["frames"][5] = np.nan
    trainer = FeatureTrainer(TrainConfig.from_preset("lbp_top", "paper"))
    trainer.fit(tensors, data.labels[:5], seed=0, keys=data.keys[:5], rows=range(5))
    first = trainer._arrays(tensors, [0])[0]
    assert trainer._arrays(tensors, [0])[0] is first
    with pytest.raises(ConfigError, match="not finite"):
        trainer.predict(tensors, [5])
    assert trainer._arrays({"frames": tensors["frames"].copy()}, [0])[0] is not first  # other arrays, other clips


def test_processes_give_the_same_features(make_data):
    data = make_data("bi_woof")
    config = TrainConfig.from_preset("bi_woof", "paper")
    alone, together = FeatureTrainer(config), FeatureTrainer(config, workers=2)
    for one, other in zip(alone._arrays(data.tensors, None), together._arrays(data.tensors, None)):
        np.testing.assert_array_equal(one, other)


def test_what_could_not_be_measured_is_counted(make_data, caplog):
    data = make_data("bi_woof", subjects=2)
    tensors = {"face": data.tensors["face"].copy()}
    tensors["face"][2:4] = 0
    trainer = FeatureTrainer(TrainConfig.from_preset("bi_woof", "paper"))
    trainer.fit(tensors, data.labels, seed=0, keys=data.keys)
    trainer.predict(tensors)
    assert list(trainer.warnings.values()) == [2]
    assert [record for record in caplog.messages if "nothing deforms" in record and "(2 clips)" in record]


def test_settings_that_make_no_sense():
    def make(model="lbp_top", **settings):
        return FeatureTrainer(TrainConfig(model, **settings))

    with pytest.raises(ConfigError, match=r"train\.epochs is for networks"):
        make(epochs=5)
    with pytest.raises(ConfigError, match=r"train\.mirror is for networks"):
        make(mirror=True)
    with pytest.raises(UnknownNameError, match="option of model 'lbp_top' 'kernel'"):
        make(model_options={"kernel": "rbf"})
    with pytest.raises(UnknownNameError, match=r"model_options\.feature key 'radius'. Did you mean 'radii'"):
        make(model_options={"feature": {"radius": [1, 1, 1]}})
    with pytest.raises(UnknownNameError, match=r"model_options\.svm key 'C'"):
        make(model_options={"svm": {"C": 1}})
    with pytest.raises(ConfigError, match=r"model_options\.feature: radii must be"):
        make(model_options={"feature": {"radii": [0, 1, 1]}})
    with pytest.raises(ConfigError, match=r"model_options\.svm must be an object"):
        make(model_options={"svm": [1]})
    with pytest.raises(ConfigError, match="'higo_top' is the one with weights 'count'"):
        make("higo_top", model_options={"feature": {"weights": "magnitude"}})
    with pytest.raises(ConfigError, match="is a network"):
        make("atscnn")
    with pytest.raises(ConfigError, match="prepare the clips with --recipe clip_gray_128"):
        FeatureTrainer(TrainConfig.from_preset("lbp_top", "paper"), get_recipe("onset_apex_128"))


def test_bad_fits(make_data):
    data = make_data("bi_woof", subjects=2)
    trainer = FeatureTrainer(TrainConfig.from_preset("bi_woof", "paper"))
    with pytest.raises(ConfigError, match="nothing was fitted"):
        trainer.predict(data.tensors)
    with pytest.raises(EmptySplitError, match="no training clips"):
        trainer.fit(data.tensors, np.zeros(0, int), seed=0, rows=[])
    with pytest.raises(EmptySplitError, match="all of class 1"):
        trainer.fit(data.tensors, np.ones(6, int), seed=0)
    with pytest.raises(ConfigError, match=r"labels must lie in 0\.\.2"):
        trainer.fit(data.tensors, np.arange(6), seed=0)
    with pytest.raises(ConfigError, match="labels must be 6 integers"):
        trainer.fit(data.tensors, np.zeros(5, int), seed=0)
    with pytest.raises(ConfigError, match="takes the tensors face"):
        trainer.fit({"flow": data.tensors["face"]}, data.labels, seed=0)
    with pytest.raises(ConfigError, match="tensor 'face' must be"):
        trainer.fit({"face": data.tensors["face"][:, :64]}, data.labels, seed=0)
    with pytest.raises(ConfigError, match="no epochs"):
        trainer.fit(data.tensors, data.labels, seed=0, on_epoch=print)
    choosing = FeatureTrainer(TrainConfig("bi_woof", model_options={"svm": {"kernel": "linear", "c": [1, 2]}}))
    with pytest.raises(ConfigError, match="subjects must name"):
        choosing.fit(data.tensors, data.labels, seed=0)


def test_it_is_no_network(make_data, tmp_path):
    data, config = make_data("bi_woof", subjects=2), TrainConfig.from_preset("bi_woof", "paper")
    for attempt in (lambda: build_model("bi_woof"), lambda: train_final(data, config)):
        with pytest.raises(ConfigError, match="'bi_woof' is not a network; run it with 'mer loso'"):
            attempt()
    with pytest.raises(ConfigError, match="has no epochs"):
        run_loso(data, config, tmp_path, epoch_predictions=1)
    assert not list(tmp_path.iterdir())


def test_pipeline_refuses_before_any_work(tmp_path, capsys):
    from mer_tf.cli import main

    data = tmp_path / "absent"  # the model is looked at first
    out = ["--out", str(tmp_path / "out")]
    code = main(["pipeline", "run", "--data", str(data), "--model", "lbp_top", "--preset", "paper", *out])
    assert code == 2 and "'lbp_top' is not a network; run it with 'mer loso'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_models_lists_them_without_parameters(capsys):
    from mer_tf.cli import main

    assert main(["models", "--wide"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("lbp_top "))
    assert " - " in row and "clip_gray_128" in row
    assert main(["models", "--json", "fdm"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert card["parameters"] is None and card["trainable_parameters"] is None


def test_command_writes_passport_and_lands_in_the_report(make_data, tmp_path, capsys):
    from mer_tf.cli import main
    from mer_tf.records import to_example, write_motion_records
    from mer_tf.types import Clip

    data = make_data("lbp_top")
    root = tmp_path / "data"
    root.mkdir()
    facts = {"onset": 1, "apex": 5, "offset": 9, "fps": 200.0, "emotion": "others", "aus": "", "mapping": "megc2019"}
    examples = []
    for row, label in enumerate(data.labels):
        names = data.datasets[row], data.subjects[row], data.clips[row]
        clip = Clip(*names, **facts, label=int(label), frames=(), frame_numbers=())
        examples.append(to_example(clip, {"frames": data.tensors["frames"][row]}, data.recipe))
    write_motion_records(root / "clips.tfrecord.gz", examples)
    (root / "clips.json").write_text('{"synthetic": false, "partial": false, "done": 9}')
    out = tmp_path / "run"
    assert (
        main(
            [
                "loso",
                "--model",
                "lbp_top",
                "--data",
                str(root),
                "--preset",
                "paper",
                "--workers",
                "1",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    capsys.readouterr()
    passport = json.loads((out / "passport.json").read_text())
    assert passport["model"] == "lbp_top" and passport["clips"] == 9 and passport["folds"] == 3
    assert passport["metrics"]["full"]["uf1"] == 1.0
    assert passport["config"]["model_options"]["svm"]["degree"] == 6
    assert (out / "predictions.csv").exists()
    report = tmp_path / "report.html"
    assert main(["report", str(out), "--out", str(report)]) == 0
    assert "lbp_top" in report.read_text()


def test_no_tensorflow():
    code = "import sys, mer_tf.training.feature_trainer; sys.exit(bool({'tensorflow', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
