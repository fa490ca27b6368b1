from __future__ import annotations

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from mer_tf.cli import main
from mer_tf.systems.counts import all_layers
from mer_tf.systems.registry import MODELS


def test_table_is_whole_and_without_tensorflow():
    code = (
        "import sys; from mer_tf.cli import main; status = main(['models', '--wide']); "
        "assert not {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules); sys.exit(status)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    header, _, *rows = process.stdout.splitlines()
    assert header.split() == (
        ["model", "paper", "study", "input", "recipe", "parameters", "trainable", "MFLOPs", "confidence", "published"]
    )
    assert [row.split()[0] for row in rows] == list(MODELS)
    (row,) = (row for row in rows if row.startswith("atscnn "))
    for part in ("Zhao et al.", "ATSCNN 2024", "4,213,815", "19.008", "fitted", "UF1 0.7205"):
        assert part in row


def test_one_system(capsys):
    assert main(["models", "dual_atme"]) == 0
    out = capsys.readouterr().out
    for part in (
        "Entropy 2023",
        "face_inception1",
        "4,833,193",
        "consistency",
        "Preset weighted_cross_entropy",
        "0.679",
    ):
        assert part in out


def test_json_keeps_its_keys_and_has_the_counts(capsys):
    assert main(["models", "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)}
    assert list(models) == list(MODELS)
    for model in models.values():
        assert {"seed", "paper", "input", "recipe", "parameters", "trainable_parameters", "presets"} <= set(model)
    assert models["atscnn"]["counts"]["flops"] == 19_008_064
    assert models["lbp_top"]["counts"] == {"dimension": {"paper": 11_328, "casme2": 4_425, "toolbox": 11_328}}
    assert main(["models", "atscnn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [models["atscnn"]]


@pytest.mark.parametrize("rest", [[], ["--json"], ["--plot", "x.svg"]])
def test_unknown_name(rest, capsys):
    assert main(["models", "dual_atmee", *rest]) == 2
    assert "unknown model 'dual_atmee'. Did you mean 'dual_atme'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "inside", "outside"),
    [
        (["--paper", "zhao"], "atscnn", "ststnet"),
        (["--paper", "003"], "astnet", "atscnn"),
        (["--input", "28x28x3"], "ststnet", "off_apexnet"),
        (["--input", "STRAIN"], "atscnn", "atscnn_no_strain"),
        (["--recipe", "onset_apex_28"], "dual_atme_aars", "dual_atme"),
        (["--takes", "flow-images"], "ststnet", "dual_atme"),
        (["--takes", "puzzle-images"], "dual_atme", "dual_atme_aars"),
        (["--takes", "frames"], "ststnet", "astnet"),
        (["--takes", "clips"], "astnet", "micro_attention"),
        (["--takes", "apex"], "micro_attention", "atscnn"),
    ],
)
def test_filters(flags, inside, outside, capsys):
    assert main(["models", "--json", *flags]) == 0
    names = {model["name"] for model in json.loads(capsys.readouterr().out)}
    assert inside in names and outside not in names
    assert main(["models", *flags]) == 0
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["model", "input", "recipe", "parameters"]
    assert {row.split()[0] for row in rows[:-2]} == names
    assert f"{len(names)} systems" in rows[-1] and "--wide adds" in rows[-1]


def test_most_networks_of_flow_run_on_pictures_and_arrays(capsys):
    assert main(["models", "--json", "--takes", "flow-images"]) == 0
    names = {model["name"] for model in json.loads(capsys.readouterr().out)}
    families = {
        "ststnet",
        "off_apexnet",
        "dual_inception",
        "rcn",
        "rcn_w",
        "dual_atme_aars",
        "atscnn",
        "resnet18",
        "dssn",
    }
    assert len(names) >= 25 and families <= names


def test_filters_narrow_each_other_and_may_leave_nothing(capsys):
    assert main(["models", "--paper", "003", "--takes", "puzzle-images"]) == 0
    assert capsys.readouterr().out == "no system fits; 'mer models' lists all\n"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["atscnn", "--takes", "clips"], "--takes chooses among all systems; leave the name out"),
        (["--recipe", "onset_apex_29"], "unknown recipe 'onset_apex_29'"),
    ],
)
def test_filters_that_cannot_be(flags, said, capsys):
    assert main(["models", *flags]) == 2
    assert said in capsys.readouterr().err


def test_drawing_as_svg(tmp_path, capsys):
    path = tmp_path / "new" / "net.svg"
    assert main(["models", "ststnet", "--plot", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    root = ElementTree.parse(path).getroot()
    names = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"ststnet", "face", "Input  28x28x3", "probabilities", "Dense  3"} <= names
    layers = len(all_layers()["ststnet"])
    # A box for each layer and for the input, and the paper; every layer has an arrow to it.
    assert len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) == layers + 2
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) >= layers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "x.svg"], "--plot draws one network: name it"),
        (["ststnet", "--plot", "x.bmp"], "a drawing ends in .svg. Received: 'x.bmp'"),
        (["lbp_top", "--plot", "x.svg"], "model 'lbp_top' is not a network"),
    ],
)
def test_what_cannot_be_drawn(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["models", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not os.listdir(tmp_path)
