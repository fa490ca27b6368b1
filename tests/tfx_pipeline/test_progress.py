"""Folds counted on a terminal while LosoTrainer works."""

from __future__ import annotations

import io
import os
import time

from tfx_pipeline.cli import FoldProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def finish(folder, name):
    path = folder / "folds" / "casme2" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_counts_the_run_that_wrote_last(tmp_path):
    progress = FoldProgress(str(tmp_path), 3, Terminal())
    assert FoldProgress(str(tmp_path / "nowhere"), 3, Terminal()).done() == 0
    assert progress.done() == 0
    for name in ("a", "b", "c"):
        os.utime(finish(tmp_path / "old", name), (1000, 1000))
    assert progress.done() == 3
    assert progress.done(since=2000) == 0
    finish(tmp_path / "new", "a")
    (tmp_path / "new" / "folds" / "casme2" / "b.json.writing").write_text("")
    assert progress.done() == progress.done(since=2000) == 1


def test_says_it_on_a_terminal_until_stopped(tmp_path):
    terminal = Terminal()
    progress = FoldProgress(str(tmp_path), 5, terminal, interval=0.01)
    progress.start("LosoTrainer ...")
    finish(tmp_path / "run", "a")
    deadline = time.monotonic() + 10
    while "LosoTrainer ... 1/5 folds\r" not in terminal.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    progress.stop()
    assert "LosoTrainer ... 1/5 folds\r" in terminal.getvalue()
    said = terminal.getvalue()
    time.sleep(0.05)
    assert terminal.getvalue() == said


def test_says_nothing_elsewhere(tmp_path):
    stream = io.StringIO()
    progress = FoldProgress(str(tmp_path), 5, stream, interval=0.01)
    progress.start("LosoTrainer ...")
    time.sleep(0.05)
    progress.stop()
    assert stream.getvalue() == ""
