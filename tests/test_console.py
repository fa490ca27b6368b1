"""Silence, tables and progress."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap

import pytest

from mer_tf import console
from mer_tf.console import Console, table


def run_quiet(tmp_path, body: str) -> tuple[subprocess.CompletedProcess, str]:
    """Runs ``body`` inside ``quiet`` in a fresh interpreter; returns the process and the log's text."""
    log = tmp_path / "some folder" / "mer.log"
    code = "import os, sys\nfrom mer_tf.console import quiet\n"
    code += f"with quiet({str(log)!r}) as console:\n" + textwrap.indent(textwrap.dedent(body), "    ")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return process, log.read_text() if log.exists() else ""


def test_quiet_keeps_python_and_c_level_output_off_the_terminal(tmp_path):
    process, log = run_quiet(
        tmp_path,
        """
        print("from python")
        print("to stderr", file=sys.stderr)
        os.write(2, b"from below python\\n")
        os.system("echo from a child")
        console.result("the result")
        console.note("a remark")
        """,
    )
    assert process.stdout == "the result\n"
    assert process.stderr == "a remark\n"
    for text in ("from python", "to stderr", "from below python", "from a child"):
        assert text in log


def test_streams_come_back_after_quiet_even_after_an_error(tmp_path):
    code = f"""
    from mer_tf.console import quiet
    try:
        with quiet({str(tmp_path / "mer.log")!r}):
            raise ValueError("boom")
    except ValueError:
        print("back")
    """
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert process.stdout == "back\n"


def test_progress_is_silent_where_there_is_no_terminal():
    stream = io.StringIO()
    update = Console(err=stream).progress("clips")
    update(1, 2)
    update(2, 2)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0.70049, "0.700"), (4213815, "4,213,815"), ("x", "x"), (True, "True")]
)
def test_table_cells(value, shown):
    assert table(("a",), [(value,)]).splitlines()[-1].strip() == shown


def test_table_aligns_numbers_right_and_text_left_and_takes_no_rows():
    lines = table(("name", "n"), [("a", 1), ("bbbbbb", 1000)]).splitlines()
    assert lines == ["name        n", "------  -----", "a           1", "bbbbbb  1,000"]
    assert table(("name", "n"), []).splitlines() == ["name  n", "----  -"]


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A temporary folder that others write to as well."""
    monkeypatch.setattr(console.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_the_usual_log_lies_in_a_folder_of_its_own(shared):
    path = console.default_log("serve")
    assert os.path.dirname(path) == str(shared / f"mer-{os.getuid()}")
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert console.default_log("serve") == path


@pytest.mark.parametrize("planted", ["link", "file", "open folder"])
def test_what_somebody_planted_in_the_temporary_folder_is_not_followed(shared, planted):
    place = shared / f"mer-{os.getuid()}"
    (shared / "victim").mkdir()
    if planted == "link":
        place.symlink_to(shared / "victim")
    elif planted == "file":
        place.touch()
    else:
        place.mkdir()
        place.chmod(0o777)
        (place / "serve.log").symlink_to(shared / "victim" / "file")
    path = console.default_log("serve")
    with open(path, "a") as file:
        file.write("something")
    assert os.path.dirname(path) != str(place)
    assert not os.listdir(shared / "victim")


def test_the_usual_log_does_not_grow_for_ever(shared, monkeypatch):
    monkeypatch.setattr(console, "_MOST_LOG", 100)
    path = console.default_log("predict")
    for _ in range(5):
        with open(console.default_log("predict"), "a") as file:
            file.write("x" * 80)
    assert sum(entry.stat().st_size for entry in os.scandir(os.path.dirname(path))) <= 400
    assert sorted(os.listdir(os.path.dirname(path))) == ["predict.log", "predict.log.old"]
