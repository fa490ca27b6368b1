from __future__ import annotations

import json
import os

import pytest

from mer_tf.errors import BadInputError, ConfigError, MissingFileError, PassportError
from mer_tf.metrics.predictions import write_epoch_predictions
from mer_tf.report import build_report, experiments, passports, read_run, to_markdown


def change(folder, **fields):
    path = folder / "passport.json"
    passport = json.loads(path.read_text())
    for name, value in fields.items():
        if value is None:
            del passport[name]
        else:
            passport[name] = value
    path.write_text(json.dumps(passport))


def test_folder_and_file_are_the_same_run(make_run):
    folder = make_run()
    run = read_run(folder)
    assert run == read_run(folder / "passport.json")
    assert run.classes == ("negative", "positive", "surprise") and run.seed == 0 and run.datasets == ("casme2",)
    assert not run.synthetic and not run.shuffled and run.by_epoch == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 99}, "passport format 99 is unknown, expected 1"),
        ({"format": True}, "format True is unknown"),
        ({"format": None}, "not a result passport"),
        ({"protocol": None}, "has no 'protocol'"),
        ({"config": "x"}, "'config' of the passport is text; expected an object"),
        ({"classes": ["one"]}, "at least two names"),
        ({"metrics": {}}, "no 'metrics.full'"),
        ({"predictions": "../../etc/passwd"}, "must be a file beside the passport"),
        ({"predictions": ".."}, "must be a file beside the passport"),
    ],
)
def test_unknown_formats_and_fields_are_named(make_run, fields, message):
    folder = make_run()
    change(folder, **fields)
    with pytest.raises(PassportError, match=message) as error:
        read_run(folder)
    assert "passport.json" in str(error.value) and error.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", "[" * 100000])
def test_not_a_passport(make_run, text):
    folder = make_run()
    (folder / "passport.json").write_text(text)
    with pytest.raises(PassportError, match="not JSON|not a result passport|more than 64 deep"):
        read_run(folder)


def test_absent_files(make_run, tmp_path):
    with pytest.raises(MissingFileError, match="is missing; give the folder of a finished run"):
        read_run(tmp_path / "nowhere")
    folder = make_run()
    (folder / "predictions.csv").unlink()
    with pytest.raises(MissingFileError, match=r"predictions\.csv"):
        read_run(folder)


def test_edited_predictions_are_noticed(make_run):
    folder = make_run()
    path = folder / "predictions.csv"
    lines = path.read_text().splitlines()
    row = lines[1].split(",")
    row[5] = str((int(row[5]) + 1) % 3)
    path.write_text("\n".join([lines[0], ",".join(row), *lines[2:]]) + "\n")
    with pytest.raises(PassportError, match="not the one its predictions give"):
        read_run(folder)
    path.write_text(lines[0] + "\nx\n")
    with pytest.raises(ConfigError, match="line 2"):
        read_run(folder)


def test_epochs_must_end_in_the_predictions(make_run):
    folder = make_run()
    run = read_run(folder)
    write_epoch_predictions(folder / "epochs.csv", {1: run.predictions[::-1], 2: run.predictions})
    assert sorted(read_run(folder).by_epoch) == [1, 2]
    write_epoch_predictions(folder / "epochs.csv", {1: run.predictions[:-1]})
    with pytest.raises(PassportError, match="last epoch is not"):
        read_run(folder)


def test_synthetic_data_is_known_three_ways(make_run):
    assert read_run(make_run(synthetic=True, name="a")).synthetic
    assert read_run(make_run(dataset="synthetic", name="b")).synthetic
    assert read_run(make_run(name="c"), synthetic=True).synthetic


ODD = (None, True, 2**63, "x", [[1]], {"a": {}})


@pytest.mark.slow
def test_wrong_types_anywhere_are_named_or_shown(make_run, monkeypatch):
    """Each field of a passport, and each field inside one, holds each odd value: never an error without a name."""
    monkeypatch.setattr(experiments, "DRAWS", 20)
    folder = make_run(extra={"flow_images": {"maps": ["face"]}})
    path = folder / "passport.json"
    passport = json.loads(path.read_text())
    predictions = read_run(folder).predictions
    monkeypatch.setattr(passports, "read_predictions", lambda *_: predictions)
    inner = [(name, key) for name in ("seeds", "config", "recipe", "metrics", "flow_images") for key in passport[name]]
    refused = []
    for name, key in [*((name, None) for name in passport), *inner]:
        for odd in ODD:
            damaged = json.loads(json.dumps(passport))
            (damaged if key is None else damaged[name])[key or name] = odd
            path.write_text(json.dumps(damaged))
            try:
                to_markdown(build_report([read_run(folder)]))
            except PassportError as error:
                refused.append((name, str(error)))
    assert len(refused) > 80
    changed = ("format", "metrics")  # told as an unknown format, or as a matrix that the predictions do not give
    assert all(str(path) in message and (name in message or name in changed) for name, message in refused)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"wall_seconds": ' + "1" * 10_000, "a whole number of 10000 digits"),
        ('"wall_seconds": NaN', "NaN is no number"),
        ('"wall_seconds": 1e400', "the number 1e400 is too large"),
        ('"seeds": {"global": {}}', "'seeds.global' of the passport is an object; expected a whole number"),
        ('"seeds": {}, "seeds": {}', "'seeds' stands twice in one object"),
        (f'"classes": {json.dumps([str(k) for k in range(60_000)])}', "at most 100"),
    ],
    ids=range(6),
)
def test_numbers_and_lists_without_bound_are_named(make_run, text, message):
    folder = make_run()
    path = folder / "passport.json"
    fields = json.loads(path.read_text())
    del fields[text.split('"')[1]]
    path.write_text("{" + text + ", " + json.dumps(fields)[1:])
    with pytest.raises(PassportError, match=message) as error:
        read_run(folder)
    assert len(str(error.value)) < 500


def test_a_passport_is_a_regular_file(make_run):
    folder = make_run()
    (folder / "passport.json").unlink()
    os.mkfifo(folder / "passport.json")
    with pytest.raises(BadInputError, match="is a pipe"):
        read_run(folder)
