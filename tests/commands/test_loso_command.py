"""``mer loso`` as a user meets it: flow images, protocols, flags in the passport, resumption."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from mer_tf.cli import main
from mer_tf.metrics.predictions import read_epoch_predictions, read_predictions
from mer_tf.report import read_run

pytest.importorskip("tensorflow")


def write_pictures(root, people, layout="flat", name="flow", seed=0, classes=3):
    """Noise with a blank before the extension, one per class and subject, and the CSV file of (dataset, subject)."""
    rng = np.random.default_rng(seed)
    rows = []
    for dataset, subject in people:
        for label in range(classes):
            clip = f"EP{label:02}_01f"
            rows.append((dataset, subject, clip, label))
            picture = rng.integers(0, 256, (28, 28, 3), dtype=np.uint8)
            picture[..., 2] //= 8
            picture[label * 5 : label * 5 + 5, :, 2] = 255
            folders = [root / name]
            if layout == "subjects":
                parts = [(who, "u_test" if who == subject else "u_train") for _, who in people]
                folders = [root / name / who / part / str(label) for who, part in parts]
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
                encoded = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
                (folder / f"{subject}_{clip} .png").write_bytes(encoded)
    with open(root / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("dataset", "sub", "filename_o", "label", "ignored"), *[(*r, 1) for r in rows]])
    return ["--flow-images", root / "flow", "--labels", root / "labels.csv"]


SUBJECTS = [("casme2", f"sub{k:02}") for k in range(1, 5)]
COMPOSITE = [("smic", "s01"), ("smic", "s02"), ("casme2", "sub01"), ("samm", "006")]


def loso(out, *arguments, model="dual_atme_aars"):
    return main(["loso", "--model", model, "--epochs", "1", "--workers", "1", "--out", str(out), *map(str, arguments)])


def passport_of(out) -> dict:
    return json.loads((out / "passport.json").read_text())


@pytest.fixture(scope="module")
def composite(tmp_path_factory):
    """A finished run under megc2019 on pictures in the layout of one folder per subject."""
    root = tmp_path_factory.mktemp("pictures")
    source = write_pictures(root, COMPOSITE, "subjects")
    out = root / "run"
    arguments = [*source, "--protocol", "megc2019", "--seed", 3, "--epoch-predictions"]
    assert loso(out, *arguments, "--epochs", 2) == 0
    return root, out, arguments


def test_a_folder_a_csv_and_one_command(composite):
    _, out, _ = composite
    passport, predictions = passport_of(out), read_predictions(out / "predictions.csv", 3)
    assert len(predictions) == passport["clips"] == 12
    assert passport["model"] == "dual_atme_aars" and passport["protocol"] == "megc2019"
    assert passport["config"]["seed"] == 3 and passport["config"]["epochs"] == 2
    assert {p.fold for p in predictions} == {"smic_hs/s01", "smic_hs/s02", "casme2/sub01", "samm/006"}
    assert set(passport["metrics"]["by_dataset"]) == {"smic_hs", "casme2", "samm"}
    assert passport["mapping"] == "megc2019" and passport["classes"] == ["negative", "positive", "surprise"]
    assert not passport["synthetic"]


def test_the_protocol_is_recorded(composite):
    split = passport_of(composite[1])["split"]
    assert [fold["fold"] for fold in split["folds"]] == ["casme2/sub01", "samm/006", "smic_hs/s01", "smic_hs/s02"]
    assert split["folds"][0] == {"fold": "casme2/sub01", "train": [3, 3, 3], "test": [1, 1, 1]}
    assert split["straddling_subjects"] == [] and "published are 442 of 68" in split["notes"][0]
    passport = passport_of(composite[1])
    assert passport["partial"] and passport["metrics"]["partial"]


def test_predictions_of_every_epoch_end_with_those_that_count(composite):
    _, out, _ = composite
    by_epoch = read_epoch_predictions(out / "epochs.csv", 3)
    assert sorted(by_epoch) == [1, 2]
    assert sorted(by_epoch[2], key=str) == sorted(read_predictions(out / "predictions.csv", 3), key=str)
    assert by_epoch[1] != by_epoch[2]
    assert sorted(read_run(out).by_epoch) == [1, 2]


def test_the_second_run_takes_every_fold_over(composite, capsys):
    root, out, arguments = composite
    before = {path: path.stat().st_mtime_ns for path in (out / "folds").rglob("*.json")}
    predictions = (out / "predictions.csv").read_text()
    assert len(before) == 4
    assert loso(out, *arguments, "--epochs", 2, "--json") == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "folds").rglob("*.json")} == before
    assert (out / "predictions.csv").read_text() == predictions


@pytest.mark.slow
def test_without_epoch_predictions_the_result_is_the_same_and_no_file_is_left(composite, tmp_path):
    _, out, arguments = composite
    other = tmp_path / "run"
    other.mkdir()
    (other / "epochs.csv").write_text("of an earlier run")
    assert loso(other, *arguments[:-1], "--epochs", 2) == 0
    assert not (other / "epochs.csv").exists()
    one, two = (read_predictions(folder / "predictions.csv", 3) for folder in (out, other))
    for p, q in zip(one, two):
        np.testing.assert_allclose(p.probabilities, q.probabilities, atol=1e-4)


def test_hold_out_gives_both_directions_and_their_mean(tmp_path, capfd):
    source = write_pictures(tmp_path, [("casme2", "sub01"), ("casme2", "sub02"), ("samm", "006")], classes=5)
    out = tmp_path / "run"
    assert loso(out, *source, "--protocol", "hde2018", "--mapping", "objective") == 0
    passport = passport_of(out)
    assert passport["folds"] == 2 and passport["config"]["num_classes"] == 5
    assert passport["classes"] == ["I", "II", "III", "IV", "V"]
    parts = passport["hold_out"]["by_test_dataset"]
    assert (parts["casme2"]["n"], parts["samm"]["n"]) == (10, 5)
    for name in ("war", "uar"):
        mean = (parts["casme2"][name] + parts["samm"][name]) / 2
        assert passport["hold_out"]["mean"][name] == pytest.approx(mean)
    assert "hold-out" in capfd.readouterr().out


def test_a_protocol_of_another_mapping(tmp_path, capfd):
    source = write_pictures(tmp_path, [("casme2", "sub01"), ("samm", "006")])
    assert loso(tmp_path / "run", *source, "--protocol", "hde2018") == 2
    assert "label mapping 'objective'" in capfd.readouterr().err


@pytest.mark.slow
def test_tenfold_numbering_says_how_many_subjects_straddle(tmp_path, capfd):
    source = write_pictures(tmp_path, SUBJECTS)
    (tmp_path / "synthetic.json").write_text("{}")
    assert loso(tmp_path / "run", *source, "--protocol", "tenfold_numbering") == 0
    shown = capfd.readouterr()
    assert "4 of 4 subjects are tested in more than one fold" in shown.err
    assert "(synthetic)" in shown.out
    passport = passport_of(tmp_path / "run")
    assert len(passport["split"]["straddling_subjects"]) == 4 and passport["folds"] == 10
    assert passport["synthetic"] and read_run(tmp_path / "run").synthetic
    assert not passport["partial"]


@pytest.mark.slow
def test_both_maps(tmp_path):
    source = write_pictures(tmp_path, SUBJECTS[:2], name="puzzle", seed=1)
    source = write_pictures(tmp_path, SUBJECTS[:2])
    (tmp_path / "puzzle" / "sub02_EP01_01f .png").unlink()
    out = tmp_path / "run"
    assert loso(out, *source, "--puzzle-images", tmp_path / "puzzle", model="dual_atme") == 2  # a class is short
    (tmp_path / "puzzle" / "sub02_EP01_01f .png").write_bytes((tmp_path / "flow" / "sub02_EP01_01f .png").read_bytes())
    assert loso(out, *source, "--puzzle-images", tmp_path / "puzzle", model="dual_atme") == 0
    pictures = passport_of(out)["flow_images"]
    assert (pictures["maps"], pictures["skipped"], pictures["used"]) == (["face", "puzzle"], [], ["views"])
    assert {"face", "flow", "frames"} <= set(pictures["not_run"])


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        ("dual_atme", ["--flow-images", "f", "--labels", "l"], "puzzle images.*--puzzle-images.*dual_atme_aars"),
        ("dual_atme", ["--puzzle-images", "f", "--labels", "l"], "face images.*--flow-images.*dual_atme_hars"),
        ("dual_atme_hars", ["--flow-images", "f", "--labels", "l"], "--puzzle-images DIR, and leave --flow-images"),
        ("dual_atme_aars", ["--flow-images", "f", "--puzzle-images", "p", "--labels", "l"], "no puzzle images"),
        ("dual_atme_aars", ["--flow-images", "f"], "--labels CSV"),
        ("dual_atme_aars", [], "--data DIR.*--flow-images"),
        ("dual_atme_aars", ["--data", "d", "--flow-images", "f"], "--flow-images does not go with --data"),
        ("dual_atme_aars", ["--data", "d", "--labels", "l"], "--labels does not go with --data"),
        (
            "atscnn_gray",
            ["--flow-images", "f", "--labels", "l"],
            "takes the onset frame and the apex.*onset_apex_128_gray",
        ),
        (
            "astnet",
            ["--flow-arrays", "f", "--labels", "l"],
            "flow arrays: it takes the flow of a sequence.*--recipe magn",
        ),
        ("dual_atme", ["--flow-arrays", "f", "--labels", "l"], "HARS puzzle, which arrays .* do not hold"),
        ("ststnet", ["--flow-arrays", "f", "--flow-images", "f", "--labels", "l"], "two ways to give the same"),
        ("ststnet", ["--data", "d", "--values", "0..1"], "--values does not go with --data"),
        ("dual_atme_aars", ["--data", "d", "--protocol", "losso"], "Did you mean 'loso'"),
        ("dual_atme_aars", ["--data", "d", "--epoch-predictions", "-1"], "--epoch-predictions"),
        ("lbp_top", ["--data", "d", "--epoch-predictions"], "'lbp_top' has no epochs"),
        ("dual_atme_aars", ["--data", "d", "--workers", "0"], "--workers must be at least 1"),
        ("dual_atme_aars", ["--data", "d", "--preset", "papers"], "Did you mean 'paper'"),
        ("dual_atme_aars", ["--data", "d", "--optimizer", "adan"], "Did you mean 'adam'"),
        ("dual_atme_aars", ["--data", "d", "--set", "lose=focal"], "Did you mean 'loss'"),
        ("dual_atme_aars", ["--data", "d", "--option", "sigmoid"], "is not NAME=VALUE"),
        ("dual_atme_aars", ["--data", "d", "--initial-weights", "nowhere.npz"], "weight file 'nowhere.npz' is missing"),
        ("dual_atme_aars", ["--flow-images", "f", "--labels", "l", "--mapping", "megc"], "Did you mean 'megc2019'"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_read(tmp_path, capsys, model, arguments, said):
    import re

    assert loso(tmp_path / "run", *arguments, model=model) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and re.search(said, error), error
    assert not (tmp_path / "run").exists()


def test_the_arguments_are_looked_at_before_the_data(tmp_path, capsys, monkeypatch):
    """Whatever is wrong with the arguments is said although the folder that they name is not there."""
    from mer_tf.datasets import flow_images

    read = []
    monkeypatch.setattr(flow_images, "read_flow_images", lambda *args, **kwargs: read.append(args))
    source = ["--flow-images", tmp_path / "nowhere", "--labels", tmp_path / "nowhere.csv"]
    for wrong in (["--protocol", "losso"], ["--set", "epochs=2"], ["--workers", 0], ["--epoch-predictions", -1]):
        assert loso(tmp_path / "run", *source, *wrong) == 2
        assert "nowhere" not in capsys.readouterr().err and not read
    assert loso(tmp_path / "run", "--data", tmp_path / "nowhere", "--seed", -1) == 2
    assert "train.seed" in capsys.readouterr().err
    assert loso(tmp_path / "run", *source) != 0 and len(read) == 1


def test_a_protocol_that_the_datasets_do_not_fit(tmp_path, capfd):
    source = write_pictures(tmp_path, SUBJECTS)
    assert loso(tmp_path / "run", *source, "--protocol", "megc2019") == 2
    assert "takes the datasets smic_hs, casme2, samm" in capfd.readouterr().err
    assert not (tmp_path / "run" / "folds").exists()
