"""What is said while components work, and afterwards of a run that was killed."""

from __future__ import annotations

import io
import json

import pytest

from mer_tf import processes
from mer_tf.console import Console, announce
from mer_tf.preparation.report import CLIPS
from mer_tf.tfx_pipeline import status
from mer_tf.tfx_pipeline.cli import Progress
from mer_tf.tfx_pipeline.local_runner import ComponentRun
from mer_tf.training.interface import TRAININGS


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def component(name, state, index):
    return ComponentRun(name, state, 1.5, index, 11)


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [
        ("ClipExampleGen", CLIPS, "  [2/11] ClipExampleGen, clips: 3/40 (7 %)"),
        ("MotionTransform", CLIPS, "  [2/11] MotionTransform, clips: 3/40 (7 %)"),
        ("LosoTrainer", TRAININGS, "  [2/11] LosoTrainer, folds: 3/5 (60 %)"),
    ],
)
def test_each_component_says_how_far_it_is(terminal, name, what, said):
    progress = Progress(Console(err=terminal), clips=40, folds=5)
    progress(component(name, "running", 2))
    announce(what, 3, 4)  # the folds of one batch: how many there are in all is known better here
    progress(component(name, "executed", 2))
    assert said in terminal.getvalue()
    assert terminal.getvalue().endswith(f"\r\x1b[K  [2/11] {name:<18} executed     1.5 s\n")
    before = terminal.getvalue()
    announce(what)
    assert terminal.getvalue() == before


def test_elsewhere_only_the_lines_of_ended_components_are_written():
    stream = io.StringIO()
    progress = Progress(Console(err=stream), clips=40, folds=5)
    progress(component("LosoTrainer", "running", 6))
    announce(TRAININGS, 3)
    progress(component("LosoTrainer", "cached", 6))
    assert stream.getvalue() == "  [6/11] LosoTrainer        cached       1.5 s\n"


def execution(number, state):
    return status.ExecutionInfo(number, "LosoTrainer", state, 1.0, 2.0, {}, {})


def test_only_a_process_that_lives_leaves_a_run_running(tmp_path, monkeypatch):
    mark = tmp_path / "running.json"
    assert status.is_running(mark) is False
    mark.write_text(json.dumps(processes.mark()))
    assert status.is_running(mark) is True
    mark.write_text(json.dumps({**processes.mark(), "started": "1"}))
    assert status.is_running(mark) is False
    mark.write_text("[]")
    assert status.is_running(mark) is False

    class Store:
        def get_contexts_by_type(self, name):
            return [type("Context", (), {"id": number}) for number in (1, 2)]

    states = {2: ("executed", "running"), 1: ("failed", "running")}
    monkeypatch.setattr(status, "open_store", lambda database: Store())
    monkeypatch.setattr(
        status,
        "_run",
        lambda store, context: status.RunInfo(
            "mer", str(context.id), tuple(execution(n, state) for n, state in enumerate(states[context.id]))
        ),
    )

    def seen(running):
        return [[one.state for one in run.executions] for run in status.pipeline_runs("", running=running)]

    assert seen(True) == seen(None) == [["executed", "running"], ["failed", "stopped"]]
    assert seen(False) == [["executed", "stopped"], ["failed", "stopped"]]
