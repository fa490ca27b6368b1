"""Flow computed elsewhere, from the commands: what is written is read again, and a run tells what it ran on."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from records_helper import write_records

from mer_tf.cli import main
from mer_tf.metrics.predictions import read_predictions
from mer_tf.recipes import get_recipe
from mer_tf.report import read_run

pytest.importorskip("tensorflow")


def mer(*arguments) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Records, what is written of them, and a cross-validation of each."""
    root = tmp_path_factory.mktemp("flow")
    write_records(root / "records", get_recipe("onset_apex_28_minmax"))
    assert mer("flow-images", "--records", root / "records", "--out", root / "pictures", "--layout", "subjects") == 0
    assert (
        mer("flow-images", "--records", root / "records", "--out", root / "arrays", "--format", "flo", "--size", 0) == 0
    )
    fixed = ("loso", "--model", "ststnet", "--epochs", 2, "--workers", 1)
    assert mer(*fixed, "--data", root / "records", "--out", root / "run-records") == 0
    for name, flag in (("pictures", "--flow-images"), ("arrays", "--flow-arrays")):
        source = (flag, root / name / "flow", "--labels", root / name / "labels.csv")
        assert mer(*fixed, *source, "--out", root / f"run-{name}") == 0
    return root


def passport(work, name):
    return json.loads((work / f"run-{name}" / "passport.json").read_text())


def test_pictures_and_arrays_give_what_the_records_give(work):
    def found(name):
        return np.array([p.probabilities for p in read_predictions(work / f"run-{name}" / "predictions.csv", 3)])

    np.testing.assert_array_equal(found("arrays"), found("records"))
    np.testing.assert_allclose(found("pictures"), found("records"), atol=0.02)  # of steps of 1/255
    assert (found("pictures") != found("records")).any()


def test_the_passport_claims_nothing_that_was_not_run(work):
    told = passport(work, "pictures")
    assert set(told["recipe"]) == {"name", "source", "views"} and told["recipe"]["source"].startswith(
        "pictures from out"
    )
    flow = told["flow_images"]
    assert flow["source"] == "pictures from outside" and flow["values"] == "recipe" and "no pixels" in flow["lost"]
    assert flow["values_by_input"] == {"face": "0..1"} and flow["sizes"] == {"face": {"28": 6}}
    assert flow["resized"] == {} and not {"detector", "tvl1"} & set(json.dumps(told["recipe"]).split('"'))
    arrays = passport(work, "arrays")["flow_images"]
    assert (
        arrays["source"] == "arrays from outside" and arrays["lost"] == "" and arrays["sizes"] == {"face": {"112": 6}}
    )
    assert "flow_images" not in passport(work, "records") and "flow" in passport(work, "records")["recipe"]


def test_the_report_says_so_too(work, tmp_path):
    assert read_run(work / "run-arrays").made_elsewhere == "flow arrays made elsewhere"
    for name in ("pictures", "arrays"):
        assert mer("report", work / f"run-{name}", "--out", tmp_path / f"{name}.md") == 0
        text = (tmp_path / f"{name}.md").read_text()
        assert f"flow {name} made elsewhere: face" in text and "values in the network" in text
        assert ("no pixels" in text) == (name == "pictures") and "tvl1" not in text


def test_values_are_another_run(work, tmp_path, capfd):
    source = ("--flow-images", work / "pictures" / "flow", "--labels", work / "pictures" / "labels.csv")
    fixed = ("loso", "--model", "ststnet", "--epochs", 1, "--workers", 1, *source, "--values", "zero-centred")
    assert mer(*fixed, "--out", work / "run-pictures") == 2
    assert "recipe" in capfd.readouterr().err
    assert mer(*fixed, "--out", tmp_path / "run") == 0
    assert "face: 0..255 less the mean of the training clips" in capfd.readouterr().err
    told = json.loads((tmp_path / "run" / "passport.json").read_text())["flow_images"]
    assert told["values"] == "zero-centred"
    assert mer("train", "--model", "ststnet", *source, "--values", "zero-centred", "--out", tmp_path / "m") == 2
    assert "--values zero-centred is for 'mer loso'" in capfd.readouterr().err
    mirrored = ("loso", "--model", "dual_atme_aars", *source, "--values", "zero-centred", "--out", tmp_path / "other")
    assert mer(*mirrored) == 2
    assert "--set mirror=false" in capfd.readouterr().err


def test_a_model_trained_on_flow_tells_it(work, tmp_path, capfd):
    from mer_tf.export import read_description

    for name, flag in (("pictures", "--flow-images"), ("arrays", "--flow-arrays")):
        source = (flag, work / name / "flow", "--labels", work / name / "labels.csv")
        assert mer("train", "--model", "ststnet", "--epochs", 2, *source, "--out", tmp_path / name,
                   "--loso", work / f"run-{name}") == 0  # fmt: skip
        assert "whether the flow was made by the like is not known" in capfd.readouterr().err.replace("\n  ", " ")
        (version,) = (path for path in (tmp_path / name).iterdir() if path.name.isdecimal())
        told = read_description(version)
        assert (
            told["trained_on"]["flow_images"]["source"] == f"{name} from outside" and told["trained_on"]["clips"] == 6
        )
        assert (told["gate"]["floor"] is None) == (name == "pictures")  # pictures hold no pixels


def test_what_flow_images_refuses(work, tmp_path, capfd):
    out = ("--out", tmp_path / "new")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("")
    for arguments, said in (
        (("--records", work / "records", "--out", tmp_path / "full"), "a folder that holds files"),
        (("--records", work / "records", *out, "--map", "puzzle"), "no onset-apex flow of the puzzle; those that do"),
        (("--records", work / "records", *out, "--recipe", "onset_apex_28"), "--recipe goes with clips"),
        (("--data", tmp_path, *out, "--recipe", "flow_10x224"), "no onset-apex flow of the face"),
        (("--records", work / "records", *out, "--size", "4"), "size must be 0 or at least 8"),
    ):
        assert mer("flow-images", *arguments) == 2
        assert said in capfd.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_look_at_a_folder(work, tmp_path, capsys):
    folder, labels = tmp_path / "flow", work / "pictures" / "labels.csv"
    assert mer("flow-images", "--records", work / "records", "--out", tmp_path / "whole") == 0
    (tmp_path / "whole" / "flow").rename(folder)
    (folder / "sub02_EP00.png").write_bytes((folder / "sub01_EP01.png").read_bytes())
    (folder / "sub01_EP02.png").write_bytes((folder / "sub01_EP00.png").read_bytes())
    near = cv2.imread(str(folder / "sub01_EP00.png")).astype(int)
    assert cv2.imwrite(str(folder / "sub02_EP01.png"), np.clip(near + 3, 0, 255).astype(np.uint8))
    near[..., 2] = 9
    assert cv2.imwrite(str(folder / "sub02_EP02.png"), near.astype(np.uint8))
    (folder / "sub01_EP01.png").unlink()
    capsys.readouterr()
    check = ("data", "check", "--flow-images", folder, "--labels", labels)
    assert mer(*check, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["clips"], facts["subjects"], facts["sizes"]) == (5, 2, {"28": 5})
    assert facts["classes"] == {"negative": 2, "positive": 1, "surprise": 2}
    assert len(facts["missing"]) == 1 and "sub01/EP01" in facts["missing"][0]
    assert facts["constant"] == {"casme2/sub02/EP02": ["u"]}
    assert facts["duplicates"] == [["casme2/sub01/EP00", "casme2/sub01/EP02"]] and facts["across_subjects"] == []
    assert ["casme2/sub01/EP00", "casme2/sub02/EP01"] in facts["near_duplicates"]
    assert mer(*check) == 0
    shown = capsys.readouterr().out
    assert "missing: casme2/sub01/EP01" in shown and "nearly the same flow under two subjects: " in shown
    assert "constant: casme2/sub02/EP02: u" in shown and "the same flow twice: " in shown
    assert mer("data", "check", "--flow-arrays", work / "arrays" / "flow", "--labels", labels) == 0
    assert "nothing is missing, constant or there twice" in capsys.readouterr().out
    assert mer("data", "check", "--flow-images", folder) == 2
    assert mer("data", "check", "--labels", labels, tmp_path) == 2
    assert "--labels goes with --flow-images" in capsys.readouterr().err
