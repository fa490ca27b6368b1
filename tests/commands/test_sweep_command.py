"""``mer sweep`` as a user meets it: combinations, checks before work, resumption, the table, ensembles, nesting."""

from __future__ import annotations

import csv
import json
import re
import shutil

import pytest
from test_loso_command import SUBJECTS, write_pictures

from mer_tf import console
from mer_tf.cli import main
from mer_tf.commands.options import parse_seeds, split_values
from mer_tf.errors import ConfigError, MerError
from mer_tf.metrics import bootstrap_interval
from mer_tf.metrics.comparison import over_seeds
from mer_tf.metrics.predictions import read_predictions
from mer_tf.report import read_run

pytest.importorskip("tensorflow")

C = 'logistic={"c":[0.001]},{"c":[1]}'
MODELS = ("--model", "linear_flow", "--option", C)


def sweep(out, *arguments):
    return main(["sweep", "--out", str(out), "--workers", "1", *map(str, arguments)])


def rows_of(out):
    with open(out / "sweep.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def written(out):
    """Every file of finished runs and folds, and when it was written."""
    return {
        path: path.stat().st_mtime_ns
        for path in out.rglob("*")
        if path.name in ("passport.json", "predictions.csv") or path.parent.parent.name == "folds"
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"), SUBJECTS)


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "out"
    assert sweep(out, *pictures, *MODELS, "--seeds", "0-1") == 0
    return out


@pytest.fixture
def copied(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"


class TestValues:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("1e-3,1e-4", ["1e-3", "1e-4"]),
            ("focal", ["focal"]),
            ('{"copies":2,"angle":5}', ['{"copies":2,"angle":5}']),
            ('{"copies":2},{"copies":4}', ['{"copies":2}', '{"copies":4}']),
            ("[1,[2,3]],4", ["[1,[2,3]]", "4"]),
            ('"a,b",c', ['"a,b"', "c"]),
            ('{"name":"a],b"},2', ['{"name":"a],b"}', "2"]),
        ],
    )
    def test_commas_part_values_but_not_inside_json(self, text, values):
        assert split_values(text) == values

    @pytest.mark.parametrize("text", ["", "1,", ",1", "1,,2", "[1,2", '"a,b', "{"])
    def test_what_is_no_list(self, text):
        with pytest.raises(ConfigError, match="no list of values"):
            split_values(text)

    def test_seeds(self):
        assert parse_seeds("0-2,7") == [0, 1, 2, 7] and parse_seeds("5") == [5]
        for text in ("", "a", "2-1", "0-5000", "-1", "0,0", "0-2,1", "1.5"):
            with pytest.raises(ConfigError):
                parse_seeds(text)


def test_every_combination_is_an_ordinary_run(finished):
    names = {f"linear_flow,plain,{c}" for c in ("logistic.c=[0.001]", "logistic.c=[1]")}
    assert names == {path.name for path in finished.iterdir() if path.is_dir()}
    for name in names:
        for seed in (0, 1):
            run = read_run(finished / name / f"seed{seed}")
            assert run.seed == seed and len(run.predictions) == 12
            assert f"{run.passport['config']['model_options']['logistic']['c']}" in name


def test_the_table_holds_means_spread_and_intervals(finished):
    rows = rows_of(finished)
    assert len(rows) == 2
    assert [float(row["uf1_mean"]) for row in rows] == sorted((float(row["uf1_mean"]) for row in rows), reverse=True)
    for row in rows:
        runs = [read_predictions(finished / row["folder"] / f"seed{seed}" / "predictions.csv", 3) for seed in (0, 1)]
        found = over_seeds(runs, 3)["uf1"]
        assert [float(row[f"uf1_{part}"]) for part in ("mean", "sd", "low", "high")] == pytest.approx(
            [found["mean"], found["sd"], *found["interval"]]
        )
        assert row["seeds"] == "0 1" and row["clips"] == "12" and row["subjects"] == "4" and row["logistic"] in C


def test_of_one_run_the_interval_is_that_of_its_passport(finished):
    predictions = read_predictions(finished / "linear_flow,plain,logistic.c=[1]" / "seed0" / "predictions.csv", 3)
    interval = bootstrap_interval(predictions, 3)
    found = over_seeds([predictions], 3)
    for name in ("uf1", "uar", "accuracy"):
        assert found[name]["interval"] == pytest.approx(interval[name]) and found[name]["sd"] is None
        assert over_seeds([predictions], 3, against=[predictions])[name]["interval"] == [0.0, 0.0]


def test_the_same_command_again_keeps_everything(copied, pictures, capfd):
    before = written(copied)
    assert len(before) == 4 * (2 + 4)
    assert sweep(copied, *pictures, *MODELS, "--seeds", "0-1", "--json") == 0
    assert written(copied) == before
    told = json.loads(capfd.readouterr().out)
    assert [row["kind"] for row in told["rows"]] == ["runs", "runs"]
    assert told["rows"][0]["scores"]["uf1"]["mean"] == float(rows_of(copied)[0]["uf1_mean"])


def test_a_command_that_adds_keeps_what_is_there(copied, pictures):
    before = written(copied)
    more = C + ',{"c":[10]}'
    assert (
        sweep(copied, *pictures, "--model", "linear_flow", "--option", more, "--model", "majority", "--seeds", "0-2")
        != 0
    )
    # 'majority' has no option 'logistic': told before any work. It may stand beside networks only.
    assert written(copied) == before
    assert sweep(copied, *pictures, "--model", "linear_flow", "--option", more, "--seeds", "0-2") == 0
    after = written(copied)
    assert before.items() <= after.items() and len(after) == 9 * 6
    assert {row["seeds"] for row in rows_of(copied)} == {"0 1 2"}


def test_a_killed_sweep_goes_on(copied, pictures, monkeypatch):
    """Two folds of one run are there, and nothing of another."""
    names = sorted(path for path in copied.iterdir() if path.is_dir())
    wanted = {path: path.read_bytes() for path in copied.rglob("predictions.csv")}
    shutil.rmtree(names[0] / "seed1")
    for name in ("passport.json", "predictions.csv", "folds/casme2/sub02.json", "folds/casme2/sub04.json"):
        (names[1] / "seed0" / name).unlink()
    kept = written(copied)
    told = []
    with console.hearing(lambda *said: told.append(said)):
        assert sweep(copied, *pictures, *MODELS, "--seeds", "0-1") == 0
    assert {path: path.read_bytes() for path in copied.rglob("predictions.csv")} == wanted
    assert kept.items() <= written(copied).items()
    # One count over all folds of all runs, which begins with those that were there.
    from mer_tf.training.sweep import SWEPT

    counts = [(amount, total) for what, amount, total in told if what == SWEPT]
    assert counts[0] == (10, 16) and sum(amount for amount, _ in counts) == 16


def test_other_clips_are_refused_with_what_differs(copied, tmp_path, capfd):
    other = write_pictures(tmp_path, SUBJECTS, seed=1)
    before = written(copied)
    assert sweep(copied, *other, *MODELS) == 2
    assert re.search(r"holds a run with other settings: data\.\w+ \(\w+ there, \w+ here\)", capfd.readouterr().err)
    assert written(copied) == before
    assert sweep(copied, *other, "--protocol", "tenfold_numbering", *MODELS) == 2
    assert "protocol (loso there, tenfold_numbering here)" in capfd.readouterr().err
    assert sweep(copied, *other, *MODELS, "--force") == 0
    assert sweep(copied, *other, *MODELS, "--seeds", "0-1") == 2  # seed 1 is still of the first clips
    assert "seed1 holds a run with other settings" in capfd.readouterr().err


def test_folders_of_single_runs_and_of_sweeps_are_kept_apart(copied, pictures, capfd):
    run = next(copied.glob("*/seed0"))
    assert sweep(run, *pictures, *MODELS) == 2
    assert "is the folder of a single run" in capfd.readouterr().err
    assert main(["loso", "--model", "majority", *map(str, pictures), "--out", str(copied)]) == 2
    assert "holds a run with other settings" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "ststnet", "--set", "lerning_rate=1,2"], "Did you mean 'learning_rate'"),
        (["--model", "ststnet", "--set", "epochs=2,x"], "epochs takes a whole number"),
        (["--model", "ststnet", "--set", "epochs=2,0"], "train.epochs must be at least 1"),
        (["--model", "ststnet", "--epochs", "1,2", "--set", "epochs=3"], "epochs=3 stands twice"),
        (["--model", "ststnet", "--set", "epochs=2,2"], "a value stands twice"),
        (["--model", "ststnet", "--preset", "papers"], "Did you mean 'paper'"),
        (["--model", "ststnet", "--preset", "paper", "--preset", "paper"], "--preset names one twice"),
        (["--model", "stsnet"], "Did you mean 'ststnet'"),
        (["--model", "ststnet", "--model", "ststnet"], "names a system twice"),
        (["--model", "ststnet", "--seeds", "0-x"], "--seeds takes numbers"),
        (["--model", "ststnet", "--protocol", "losso"], "Did you mean 'loso'"),
        (["--model", "ststnet", "--inner", "5"], "--inner goes with --nested"),
        (["--model", "ststnet", "--nested", "--inner", "1"], "--inner must be at least 2"),
        (["--model", "ststnet", "--nested", "--ensemble"], "give one of them"),
        (["--model", "majority", "--save-models"], "have no weights"),
        (["--model", "ststnet", "--workers", "0"], "--workers must be at least 1"),
        (["--model", "atscnn_gray"], "takes the onset frame and the apex"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(tmp_path, capsys, arguments, said):
    source = ["--flow-images", tmp_path / "nowhere", "--labels", tmp_path / "nowhere.csv"]
    assert sweep(tmp_path / "out", *source, *arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error, error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--option", 'logistic={"c":[1]},{"d":1}'], "unknown.*'d'"),
        (["--option", 'logistic={"c":[1]},{"c":[1.0]}', "--option", "grid=1"], "unknown option .* 'grid'"),
        (["--option", 'logistic={"c":[1]},{"c":[ 1]}'], "two combinations of the sweep are the same"),
        (["--ensemble", "linear_flow,majority"], "give majority with --model too"),
        (["--ensemble"], "over seeds of networks"),
        (["--nested"], "no system here has more than one combination"),
    ],
)
def test_every_combination_is_checked_before_the_first_is_trained(tmp_path, pictures, capfd, arguments, said):
    assert sweep(tmp_path / "out", *pictures, "--model", "linear_flow", *arguments) == 2
    assert re.search(said, capfd.readouterr().err)
    assert not list((tmp_path / "out").rglob("*.json"))


def test_settings_are_for_networks_where_there_are_some(pictures, tmp_path):
    """The floor may stand beside networks whose settings are swept."""
    from mer_tf.cli import build_parser
    from mer_tf.commands.sweep import check_arguments

    given = [
        "--model",
        "ststnet",
        "--model",
        "linear_flow",
        "--set",
        "epochs=1,2",
        "--batch-size",
        "8",
        "--seeds",
        "3-4",
    ]
    arguments = build_parser("sweep").parse_args(["sweep", "--out", "o", *map(str, pictures), *given])
    combinations, _ = check_arguments(arguments)
    assert [(c.model, c.epochs, c.batch_size, c.seed) for _, c, _ in combinations] == [
        *[("ststnet", epochs, 8, seed) for epochs in (1, 2) for seed in (3, 4)],
        *[("linear_flow", 20, 32, seed) for seed in (3, 4)],
    ]
    assert [point for _, _, point in combinations][::2] == [
        {"batch_size": "8", "epochs": "1"},
        {"batch_size": "8", "epochs": "2"},
        {},
    ]


def test_an_ensemble_of_named_systems_and_its_line(pictures, tmp_path, capfd):
    out = tmp_path / "out"
    given = ["--model", "linear_flow", "--model", "majority", "--seeds", "0-1", "--ensemble", "linear_flow,majority"]
    assert sweep(out, *pictures, *given) == 0
    shown = capfd.readouterr().out
    assert re.search(r"linear_flow \+ majority +ensemble +\d\.\d{3} +- ", shown)
    run = read_run(out / "ensembles" / "linear_flow+majority")
    assert [m["seed"] for m in run.members] == [0, 1, 0, 1]
    assert (row := next(row for row in rows_of(out) if row["kind"] == "ensemble"))["uf1_sd"] == ""
    assert float(row["uf1_mean"]) == run.passport["metrics"]["full"]["uf1"]


def test_a_nested_choice_and_its_line(pictures, tmp_path, capfd):
    out = tmp_path / "out"
    assert sweep(out, *pictures, *MODELS, "--nested", "--inner", "2", "--seeds", "0-1") == 0
    shown = capfd.readouterr().out
    assert "picked inside" not in shown and "optimistic" not in shown  # one line: what all share is not a column
    assert [row["logistic"] for row in rows_of(out)] == ["picked"]
    assert read_run(out / "nested" / "linear_flow" / "seed1").picked["inner_folds"] == 2
    before = written(out)
    assert sweep(out, *pictures, *MODELS, "--nested", "--inner", "2", "--seeds", "0-1") == 0
    assert set(written(out)) == set(before)


@pytest.mark.parametrize("columns", ["80", "100"])
def test_the_table_fits_the_terminal(finished, pictures, monkeypatch, capfd, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert sweep(finished, *pictures, *MODELS, "--seeds", "0-1") == 0
    shown = capfd.readouterr().out
    assert all(len(line) <= int(columns) for line in shown.splitlines() if str(finished) not in line)
    assert "its score is\n" in shown or "optimistic" in shown
    assert '{"c":[0.001]}' in shown and "--nested" in shown


def test_a_run_that_fails_is_told_and_the_others_go_on(pictures, tmp_path, monkeypatch, capfd):
    from mer_tf.training import sweep as module

    whole = module.cross_validate

    def diverging(data, config, *args, **kwargs):
        if config.model_options["logistic"]["c"] == [1]:
            raise MerError("training diverged: the loss is nan")
        return whole(data, config, *args, **kwargs)

    monkeypatch.setattr(module, "cross_validate", diverging)
    assert sweep(tmp_path / "out", *pictures, *MODELS) == 1
    shown = capfd.readouterr()
    assert "logistic.c=[1]/seed0: training diverged: the loss is nan" in shown.err and "failed" in shown.out
    good, bad = rows_of(tmp_path / "out")
    assert good["uf1_mean"] and not good["failed"] and not bad["uf1_mean"] and "nan" in bad["failed"]


def test_features_are_taken_once_for_all_seeds(pictures, tmp_path, monkeypatch):
    from mer_tf.training import feature_trainer

    taken = []
    extract = feature_trainer.extract_clips
    monkeypatch.setattr(feature_trainer, "extract_clips", lambda *a: (taken.append(len(a[2])), extract(*a))[1])
    assert sweep(tmp_path / "out", *pictures, *MODELS, "--seeds", "0-2") == 0
    assert sum(taken) == 2 * 12  # two combinations


def test_a_second_sweep_in_the_folder_is_refused(pictures, tmp_path, capfd):
    from mer_tf import output

    with output.locked(tmp_path):
        import subprocess
        import sys

        done = subprocess.run(
            [sys.executable, "-m", "mer_tf.cli", "sweep", "--out", str(tmp_path), *map(str, pictures), *MODELS],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2 and "another run writes to" in done.stderr


@pytest.mark.slow
def test_networks_their_ensemble_and_weights(pictures, tmp_path):
    out = tmp_path / "out"
    given = ["--model", "ststnet", "--model", "linear_flow", "--epochs", "1", "--seeds", "0-1", "--ensemble"]
    assert sweep(out, *pictures, *given, "--ensemble", "ststnet,linear_flow", "--save-models") == 0
    run = read_run(out / "ensembles" / "ststnet,paper,epochs=1")
    members = [read_predictions(out / "ststnet,paper,epochs=1" / f"seed{k}" / "predictions.csv", 3) for k in (0, 1)]
    for p, a, b in zip(run.predictions, *members):
        assert p.probabilities == pytest.approx([(x + y) / 2 for x, y in zip(a.probabilities, b.probabilities)])
    assert len(list(out.rglob("*.weights.h5"))) == 8
    single = ["--model", "ststnet", "--epochs", "1", "--seed", "1", "--workers", "1", "--out", str(tmp_path / "single")]
    assert main(["loso", *map(str, pictures), *single]) == 0
    files = [folder / "predictions.csv" for folder in (tmp_path / "single", out / "ststnet,paper,epochs=1" / "seed1")]
    assert files[0].read_bytes() == files[1].read_bytes()
    before = written(out)
    assert sweep(out, *pictures, *given, "--save-models") == 0
    runs = {path for path in before if "ensembles" not in path.parts}
    assert {path: when for path, when in written(out).items() if path in runs} == {p: before[p] for p in runs}
