"""Systems against the floor: which are marked, by what, and what is said where there is no floor."""

from __future__ import annotations

import dataclasses
import json

import pytest

from mer_tf.cli import main
from mer_tf.metrics.comparison import over_seeds, paired_bootstrap
from mer_tf.report import build_report, read_run, to_markdown
from mer_tf.report.experiments import group_runs
from mer_tf.report.floor import remark, verdict


def experiments_of(*folders):
    return group_runs([read_run(folder) for folder in folders])[0]


def verdicts(*folders):
    found = experiments_of(*folders)
    return {one.first.passport["model"]: " ".join(filter(None, verdict(one, found))) for one in found}


@pytest.fixture
def floor(make_run):
    return make_run("floor", model="linear_flow", preset="plain", right=0.35, seed=5)


def test_only_what_is_shown_to_beat_the_floor_is_said_to(make_run, floor):
    found = verdicts(
        floor,
        make_run("good", model="dual_atme", right=0.97),
        make_run("same", model="ststnet", right=0.4, seed=3),
        make_run("bad", model="rcn_a", rows=[dataclasses.replace(p, prediction=(p.label + 1) % 3, probabilities=())
                                            for p in read_run(floor).predictions]),
    )  # fmt: skip
    assert found["linear_flow"] == "the floor"
    assert found["dual_atme"].startswith("beats linear_flow +")
    assert found["ststnet"].startswith("is not shown to beat linear_flow ")
    assert found["rcn_a"].startswith("is below linear_flow -")


def test_the_interval_is_that_of_the_paired_bootstrap(make_run, floor):
    other = make_run("one", model="ststnet", right=0.6)
    a, b = read_run(other).predictions, read_run(floor).predictions
    found = over_seeds([a], 3, against=[b], draws=2000)["uf1"]
    known = paired_bootstrap(a, b, 3, draws=2000)["uf1"]
    assert found["mean"] == pytest.approx(known["difference"]) and found["interval"] == pytest.approx(known["interval"])
    low, high = known["interval"]
    assert verdicts(floor, other)["ststnet"].endswith(f"{known['difference']:+.3f} {low:+.3f} to {high:+.3f}")


def test_seeds_count_by_their_mean(make_run):
    """Two runs against one: by hand the difference of means; no seed is left out."""
    runs = [read_run(make_run(f"s{seed}", seed=seed, right=0.5 + 0.2 * seed)).predictions for seed in (0, 1)]
    below = [read_run(make_run("floor", model="majority", preset="plain", right=0.4, seed=9)).predictions]
    alone = [over_seeds([one], 3)["uf1"]["mean"] for one in (*runs, *below)]
    found = over_seeds(runs, 3, against=below)["uf1"]
    assert found["mean"] == pytest.approx((alone[0] + alone[1]) / 2 - alone[2])
    assert found["sd"] == pytest.approx(abs(alone[0] - alone[1]) / 2**0.5)
    assert found["interval"][0] < found["mean"] < found["interval"][1]


def test_majority_is_the_floor_where_there_is_no_other(make_run, floor):
    majority = make_run("majority", model="majority", preset="plain", right=0.3)
    network = make_run("one", right=0.97)
    assert verdicts(majority, network)["dual_atme"].startswith("beats majority")
    both = verdicts(majority, network, floor)
    assert both["dual_atme"].startswith("beats linear_flow") and "linear_flow" in both["majority"]


@pytest.mark.parametrize("change", ["clips", "protocol", "shuffled", "classes"])
def test_a_floor_on_other_clips_or_terms_is_none(make_run, change):
    options = {
        "clips": {"rows": read_run(make_run("less", model="linear_flow", preset="plain")).predictions[:-1]},
        "protocol": {"protocol": "tenfold_subject"},
        "shuffled": {"shuffle_labels": True},
        "classes": {"classes": ("a", "b", "c")},
    }[change]
    floor = make_run("floor", model="linear_flow", preset="plain", **options)
    assert verdicts(floor, make_run("one"))["dual_atme"] == ""


def test_without_a_floor_one_line_says_how_to_make_one(make_run, floor):
    network = make_run("one")
    text = to_markdown(build_report([read_run(network)])).replace("\\_", "_")
    said = "mer loso --model linear_flow --data PREPARED --protocol loso --out FOLDER"
    assert said in text and "above the floor" not in text
    text = to_markdown(build_report([read_run(network), read_run(floor)])).replace("\\_", "_")
    assert said not in text and "above the floor" in text
    pictures = make_run("pictures", extra={"flow_images": {"source": "pictures from outside", "maps": ["face"]}})
    assert "--flow-images DIR --labels CSV" in remark(experiments_of(pictures)).text


def test_the_command_of_the_remark_is_one_of_the_program(make_run):
    import re
    import shlex

    from mer_tf.cli import build_parser

    (command,) = re.findall(r"'(mer loso[^']*)'", remark(experiments_of(make_run("one"))).text)
    assert build_parser("loso").parse_args(shlex.split(command)[1:]).model == "linear_flow"


def test_the_page_shows_it(make_run, floor, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert main(["report", str(make_run("one", right=0.97)), str(floor), "--out", str(out), "--json"]) == 0
    page = out.read_text(encoding="utf-8")
    assert "beats linear_flow" in page and "paired bootstrap over subjects" in page
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 2
