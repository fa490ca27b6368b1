"""``--recipe``: a model's input by another way that yields the same, such as one without trained weights; options."""

from __future__ import annotations

import pytest

from mer_tf.cli import main

pytest.importorskip("kfp")
pytestmark = pytest.mark.tfx


def compile_(tmp_path, *arguments):
    return main(["pipeline", "compile", "--output", str(tmp_path / "pipeline.yaml"), *arguments])


@pytest.mark.parametrize(
    ("given", "used"),
    [([], "magnified_flow_10x224"), (["--recipe", "magnified_flow_10x224_classic"], "magnified_flow_10x224_classic")],
)
def test_the_recipe_reaches_the_components(tmp_path, given, used):
    assert compile_(tmp_path, "--model", "astnet", *given) == 0
    text = (tmp_path / "pipeline.yaml").read_text().replace("\\", "")
    assert f'"name": "{used}"' in text


def test_the_choice_of_faces_reaches_the_components(tmp_path):
    assert compile_(tmp_path, "--model", "dual_atme", "--faces", "largest") == 0
    text = (tmp_path / "pipeline.yaml").read_text().replace("\\", "")
    assert '"several_faces": "largest"' in text and '"several_faces": "error"' not in text


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("onset_apex_28", "model 'astnet' takes flow 10x224x224x3"),
        ("flow_10x225", "unknown recipe 'flow_10x225'"),
    ],
)
def test_one_that_does_not_fit_stops_before_anything_is_written(tmp_path, capsys, recipe, said):
    assert compile_(tmp_path, "--model", "astnet", "--recipe", recipe) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "pipeline.yaml").exists()


def test_training_flags_reach_the_components(tmp_path):
    flags = ["--option", "consistency=0.5", "--set", "loss=focal", "--protocol", "megc2019", "--workers", "3"]
    assert compile_(tmp_path, *flags) == 0
    text = (tmp_path / "pipeline.yaml").read_text().replace("\\", "")
    for part in ('"model_options": {"consistency": 0.5}', '"loss": "focal"', "megc2019"):
        assert part in text


def test_an_option_that_the_model_lacks_stops_before_anything_is_written(tmp_path, capfd):
    assert compile_(tmp_path, "--option", "consistensy=0.5") == 2
    assert "Did you mean 'consistency'" in capfd.readouterr().err
    assert not (tmp_path / "pipeline.yaml").exists()


def test_a_flag_of_the_release_before_stops_no_script(tmp_path, capfd):
    assert compile_(tmp_path, "--workers", "3", "--fold-workers", "1") == 0
    assert "--fold-workers is gone" in capfd.readouterr().err


def test_a_folder_that_beam_takes_for_a_pattern_is_refused_before_anything_is_read(tmp_path, capsys):
    out = tmp_path / "out[1]"
    assert main(["pipeline", "run", "--data", str(tmp_path), "--out", str(out)]) == 2
    assert "TFX takes [ ] in a path for a pattern" in capsys.readouterr().err and not out.exists()
