"""The flags of ``mer watch`` for what a person sees: which go together, and what is made in the end."""

from __future__ import annotations

import argparse
import dataclasses
import io
import os

import pytest
from watch_results import play, small, watched

from mer_tf.console import Console
from mer_tf.errors import ConfigError
from mer_tf.watch import overlay, store, views, words
from mer_tf.watch.overlay import Overlay


def flags(*given: str, model=None, server=None, out: str | None = "out"):
    parser = argparse.ArgumentParser()
    views.add_flags(parser)
    return argparse.Namespace(**vars(parser.parse_args(given)), model=model, server=server, out=out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (flags("--emotion", model="m"), "goes with --preset classroom"),
        (flags("--preset", "classroom", model="m"), "infers no emotion"),
        (flags("--preset", "classroom", server="h:1"), "infers no emotion"),
        (flags("--preset", "classroom", "--emotion"), "needs a model"),
        (flags("--port", "1"), "goes with --live"),
        (flags("--live", "--port", "70000"), "between 0 and 65535"),
        (flags(out=None), "--out DIR"),
        (flags("--overlay", "--live", out=None), "needs a folder"),
        (flags("--blur"), "goes with --overlay or --live"),
    ],
)
def test_flags_that_do_not_go_together(arguments, said):
    with pytest.raises(ConfigError, match=said):
        views.check(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        flags(),
        flags(model="m"),
        flags("--live", out=None),
        flags("--preset", "classroom", "--emotion", model="m"),
        flags("--overlay", "--blur"),
    ],
)
def test_flags_that_go_together(arguments):
    views.check(arguments)


def stored(folder, seen) -> None:
    os.makedirs(folder, exist_ok=True)
    with store.Writer(folder) as writer:
        for row in (*seen.tracks, *seen.curves, *seen.result.events):
            writer.row(row)
        writer.summary(seen.result, None)


def play_all(shown: views.Views, seen, **how) -> None:
    for observer in shown.observers:
        play(observer, seen, **how)


def test_report_overlay_and_notice(tmp_path):
    """Everything that the classroom asks for is made, and the notice comes before anything else."""
    seen, said = small(6, 2), io.StringIO()
    arguments = flags("--preset", "classroom", "--overlay", "--blur", out=os.fspath(tmp_path / "new"))
    with views.views(arguments, Console(err=said)) as shown:
        assert words.NOTICE[0][:60] in said.getvalue()
        play_all(shown, seen, fps=5.0)
        stored(arguments.out, seen)
        shown.finish()
    assert {"report.html", "overlay.webm"} <= set(os.listdir(arguments.out))
    assert "overlay.webm" in said.getvalue() and "report.html" in said.getvalue()


def test_a_live_page_alone_needs_no_folder(tmp_path):
    said = io.StringIO()
    with views.views(flags("--live", "--port", "0", out=None), Console(err=said)) as shown:
        assert "open http://127.0.0.1:" in said.getvalue()
        play_all(shown, watched(3, 1), fps=2.0)
        shown.finish()  # nobody looks: it ends at once


def test_what_was_watched_before_has_no_overlay_now(tmp_path):
    arguments = flags("--overlay", out=os.fspath(tmp_path))
    stored(arguments.out, small(6, 1))
    with pytest.raises(ConfigError, match="add --force"), views.views(arguments, Console(err=io.StringIO())) as shown:
        shown.finish()


def test_an_overlay_that_failed_is_told_after_the_report_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(overlay, "_ROOM", 1 << 62)
    seen = small(6, 1)
    arguments = flags("--overlay", out=os.fspath(tmp_path))
    with pytest.raises(OSError, match="space"), views.views(arguments, Console(err=io.StringIO())) as shown:
        play_all(shown, seen, fps=5.0)
        stored(arguments.out, seen)
        shown.finish()
    assert "report.html" in os.listdir(tmp_path) and "overlay.webm" not in os.listdir(tmp_path)


def test_a_recording_gone_on_with_gets_an_overlay_of_its_own(tmp_path):
    """A stopped run left its own; the new one begins where the frames are read again."""
    seen = small(3)
    (tmp_path / "overlay.webm").write_bytes(b"of the stopped run")
    later = dataclasses.replace(seen.result, source=dataclasses.replace(seen.result.source, start_s=8.0))
    with Overlay(tmp_path) as made:
        play(made, dataclasses.replace(seen, result=later))
    made.check()
    assert made.path.endswith("overlay_from_8s.webm") and made.written and made.remarks
    assert (tmp_path / "overlay.webm").read_bytes() == b"of the stopped run"
    with Overlay(tmp_path, start_s=8.0) as made:
        play(made, dataclasses.replace(seen, result=later))
    assert made.path.endswith("overlay.webm") and made.written and not made.remarks
