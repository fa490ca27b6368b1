"""The folder that TensorBoard is shown: which runs, under which names, with which folds."""

from __future__ import annotations

import json
import os

import pytest

pytest.importorskip("tensorflow")

from mer_tf.board.events import is_event_file, log_scalars
from mer_tf.board.view import View, find_runs
from mer_tf.errors import BadInputError, ConfigError, MissingFileError, UnknownNameError

FOLDS = ("casme2/sub01", "casme2/sub02", "samm/006")


def make_run(folder, *, pooled=True, folds=FOLDS, seed=None, at="logs"):
    """The logs of a run, with one curve in each folder, and a passport where a seed is given."""
    for name in (*folds, *(["pooled"] if pooled else [])):
        log_scalars(folder / at / name, 1, {"epoch/loss": 1.0})
    if pooled:
        (folder / at / "pooled" / "projector_config.pbtxt").write_text("")
    if seed is not None:
        config = {"model": "ststnet", "seed": seed}
        facts = {"model": "ststnet", "protocol": "loso", "clips": 1, "seeds": {"global": seed}}
        (folder / "passport.json").write_text(json.dumps({**facts, "config": config, "metrics": {}}))
    return folder


def shown(folder):
    """Names of the runs that TensorBoard finds, by a walk of its own kind."""
    return sorted(
        os.path.relpath(base, folder)
        for base, _, files in os.walk(folder, followlinks=True)
        if any(map(is_event_file, files))
    )


def view(tmp_path, *runs, folds=()):
    made = View(find_runs(runs), tmp_path / "view", folds)
    made.update()
    return made


def test_pooled_logs_alone_unless_folds_are_asked_for(tmp_path):
    run = make_run(tmp_path / "run")
    assert view(tmp_path, run).left_out == 3
    assert shown(tmp_path / "view") == ["run"]
    assert (tmp_path / "view/run/projector_config.pbtxt").exists()
    some = View(find_runs([run]), tmp_path / "view", ["samm/006", "casme2/*1"])
    some.update()
    assert shown(tmp_path / "view") == ["run", "run/folds/casme2/sub01", "run/folds/samm/006"]
    assert some.left_out == 1
    view(tmp_path, run, folds=["all"])
    assert shown(tmp_path / "view") == ["run", *(f"run/folds/{name}" for name in FOLDS)]
    view(tmp_path, run)
    assert shown(tmp_path / "view") == ["run"]


def test_a_fold_that_no_run_has(tmp_path):
    runs = find_runs([make_run(tmp_path / "run")])
    with pytest.raises(UnknownNameError, match="unknown fold 'casme2/sub1'. Did you mean 'casme2/sub01'"):
        View(runs, tmp_path / "view", ["casme2/sub1"])
    assert not (tmp_path / "view").exists()


def test_runs_of_a_sweep_by_their_folders(tmp_path):
    for name in ("ststnet,loss=focal/seed0", "ststnet,loss=focal/seed1", "nested/ststnet/seed0"):
        make_run(tmp_path / "sweep" / name)
    (tmp_path / "sweep" / "nested/ststnet/seed0/inner/x/folds").mkdir(parents=True)
    names = [run.name for run in find_runs([tmp_path / "sweep"])]
    assert names == ["nested/ststnet/seed0", "ststnet,loss=focal/seed0", "ststnet,loss=focal/seed1"]
    view(tmp_path, tmp_path / "sweep")
    assert shown(tmp_path / "view") == names


def test_several_runs_under_names_that_differ(tmp_path):
    one, other = make_run(tmp_path / "a/run"), make_run(tmp_path / "b/run")
    third = make_run(tmp_path / "sweep/x/seed0")
    found = find_runs([one, other, tmp_path / "sweep", other / "passport.json", one / "logs"])
    assert [(run.name, run.folder) for run in found] == [
        ("a/run", str(one)),
        ("b/run", str(other)),
        ("sweep/x/seed0", str(third)),
    ]


def test_a_pipeline_and_a_pretraining(tmp_path):
    artifacts = tmp_path / "artifacts"
    make_run(artifacts, at="loso")
    log_scalars(artifacts / "model_run/train", 1, {"epoch/loss": 1.0})
    (tmp_path / "out/logs").mkdir(parents=True)
    os.symlink("../../artifacts/loso", tmp_path / "out/logs/loso")
    os.symlink("../../artifacts/model_run", tmp_path / "out/logs/final")
    log_scalars(tmp_path / "pre/logs/pretrain", 1, {"epoch/loss": 1.0})
    made = view(tmp_path, tmp_path / "out", tmp_path / "pre")
    assert shown(tmp_path / "view") == ["out", "out/final/train", "pre/pretrain"]
    assert made.left_out == 3 and made.unfinished == []


def test_an_unfinished_run_shows_its_folds_until_it_is_done(tmp_path):
    run = make_run(tmp_path / "run", pooled=False, folds=FOLDS[:1])
    made = view(tmp_path, run)
    assert made.unfinished == ["run"] and shown(tmp_path / "view") == ["run/folds/casme2/sub01"]
    log_scalars(run / "logs" / FOLDS[1], 1, {"epoch/loss": 1.0})
    made.update()
    assert shown(tmp_path / "view") == ["run/folds/casme2/sub01", "run/folds/casme2/sub02"]
    log_scalars(run / "logs" / "pooled", 1, {"epoch/loss": 1.0})
    made.update()
    assert shown(tmp_path / "view") == ["run"] and made.unfinished == []
    assert os.listdir(run / "logs/casme2/sub01")  # links go, what they lead to stays


def test_finished_runs_are_compared_two_or_more(tmp_path):
    one = make_run(tmp_path / "one", seed=0)
    view(tmp_path, one)
    assert not list((tmp_path / "view").rglob("*.hparams"))
    other = make_run(tmp_path / "other", seed=1)
    third = make_run(tmp_path / "third", pooled=False)
    made = view(tmp_path, one, other, third)
    made.update()
    assert sorted(path.parent.name for path in (tmp_path / "view").rglob("*.hparams")) == ["one", "other"]
    assert not list(one.rglob("*.hparams"))


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(MissingFileError, match="there is no run .*nowhere; give the folder"):
        find_runs([tmp_path / "nowhere"])
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="file is no folder"):
        find_runs([tmp_path / "file"])
    (tmp_path / "empty/sub").mkdir(parents=True)
    with pytest.raises(BadInputError, match="empty is no folder of a run, and none is in it"):
        find_runs([tmp_path / "empty"])
    (tmp_path / "old").mkdir()
    (tmp_path / "old/run_settings.json").write_text("{}")
    with pytest.raises(BadInputError, match="old: the run has left no logs"):
        find_runs([tmp_path / "old"])


def test_links_in_a_circle_end(tmp_path):
    run = make_run(tmp_path / "run")
    os.symlink("..", run / "logs/casme2/up")
    view(tmp_path, run, folds=["all"])
    assert shown(tmp_path / "view/run/folds/samm") == ["006"]


def test_a_folder_with_other_files_is_no_place_for_links(tmp_path):
    run = make_run(tmp_path / "run")
    (tmp_path / "view").mkdir()
    (tmp_path / "view/mine.txt").write_text("")
    with pytest.raises(ConfigError, match="view holds other files; give a folder"):
        View(find_runs([run]), tmp_path / "view")
