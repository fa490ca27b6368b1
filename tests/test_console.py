"""Silence, tables and progress."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import pathlib
import pty
import subprocess
import sys
import textwrap
import threading

import pytest

from mer_tf import console
from mer_tf.console import Console, Progress, announce, one_line, printable, table


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


@pytest.mark.parametrize("error", ["ValueError('the loss is nan')", "KeyboardInterrupt"])
def test_what_ends_the_work_is_noted_in_the_log(tmp_path, error):
    process, log = run_quiet(tmp_path, f"raise {error}")
    assert process.returncode != 0
    assert log.splitlines()[-1].partition(" ended by ")[2].startswith(error.partition("(")[0])
    assert "the loss is nan" in log or error == "KeyboardInterrupt"


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


class Terminal(io.StringIO):
    def isatty(self):
        return True

    @property
    def last(self) -> str:
        """What stands on the line now."""
        return self.getvalue().rsplit("\r\x1b[K", 1)[-1]


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self):
        return self.now


def test_progress_leaves_lines_half_a_minute_apart_where_there_is_no_terminal():
    stream, clock = io.StringIO(), Clock()
    update = Progress(stream, "clips", clock=clock)
    for second in range(0, 101):
        clock.now = 1000.0 + second
        update(second, 100)
    assert stream.getvalue().splitlines() == [
        "clips: 30/100 (30 %), 0:30, about 1:10 left",
        "clips: 60/100 (60 %), 1:00, about 0:40 left",
        "clips: 90/100 (90 %), 1:30, about 0:10 left",
        "clips: 100/100 (100 %), 1:40",
    ]


def test_short_work_leaves_no_line():
    stream, clock = io.StringIO(), Clock()
    update = Progress(stream, "clips", clock=clock)
    for second in range(30):
        clock.now = 1000.0 + second
        update(second, 30)
    clock.now += 600
    update(30, 30)  # the end alone says nothing that the result does not
    assert stream.getvalue() == ""


def test_the_time_left_is_of_what_was_done_in_this_run():
    stream, clock = io.StringIO(), Clock()
    update = Progress(stream, "folds", clock=clock)
    update(60, 100)  # taken from an earlier run
    clock.now += 7200
    update(80.5, 100)  # a part of a fold counts
    assert stream.getvalue() == "folds: 80/100 (80 %), 2:00:00, about 1:54:09 left\n"  # 7200 s * 19.5 / 20.5


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream, clock = Terminal(), Clock()
    update = Progress(stream, "folds", clock=clock)
    assert stream.getvalue() == ""  # no bar of nothing
    update(0, 4)
    assert stream.last == "folds: 0/4 (0 %), 0:00 [....................]"
    clock.now += 0.05
    update(0.5, 4)
    assert "12 %" not in stream.getvalue()  # drawn too short a time ago
    clock.now += 29.95
    update(1.0, 4)
    assert stream.last == "folds: 1/4 (25 %), 0:30, about 1:30 left [#####...............]"
    update(4, 4)
    update(4, 4)
    assert stream.last == "" and stream.getvalue().count("100 %") == 1


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_there_is_no_bar_under_ci(monkeypatch, name, value):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv(name, value)
    stream, clock = Terminal(), Clock()
    update = Progress(stream, "folds", clock=clock)
    update(0, 2)
    clock.now += 40
    update(1, 2)
    assert stream.getvalue() == "folds: 1/2 (50 %), 0:40, about 0:40 left\n"


def test_a_bar_fits_a_narrow_terminal_and_is_gone_at_the_end(tmp_path):
    code = """
    import fcntl, struct, sys, termios
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    from mer_tf.console import announce, quiet
    with quiet(sys.argv[1]) as console:
        with console.following("trainings", "folds", 8):
            announce("trainings", 3)
            announce("epochs", 1)
        console.note("after")
    """
    try:
        master, slave = pty.openpty()
    except OSError:
        pytest.skip("this machine has no pseudo-terminals")
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm"}
    words = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "mer.log")]
    process = subprocess.Popen(words, stderr=slave, env=environment)
    os.close(slave)
    seen = b""
    with contextlib.suppress(OSError):  # the end of a terminal that everybody has left
        while part := os.read(master, 1 << 16):
            seen += part
    os.close(master)
    assert process.wait() == 0
    assert seen.decode() == "\r\x1b[Kfolds: 3/8 (37 %), 0:00 [#######.......\r\x1b[Kafter\r\n"


def test_following_adds_up_what_is_told_from_anywhere():
    stream = Terminal()
    with Console(err=stream).following("trainings", "folds"):
        announce("trainings", 1)  # nobody knows yet of how many
        assert stream.getvalue() == ""
        announce("trainings", 1, 4)
        thread = threading.Thread(target=announce, args=("features",))
        thread.start()
        thread.join()
    announce("trainings", 1)
    assert "folds: 2/4" in stream.getvalue() and stream.getvalue().count("folds") == 1


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sub\x1b[2J01", r"sub\x1b[2J01"),
        ("a\rb\x9b1mc", r"a\rb\x9b1mc"),
        ("eva\u202egnp.exe", r"eva\u202egnp.exe"),
        ("lat\udce9in", r"lat\udce9in"),
        ("plain über 微表情\tand\nlines", "plain über 微表情\tand\nlines"),
    ],
)
def test_nothing_that_a_terminal_acts_on_is_printed(text, shown):
    assert printable(text) == shown
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)
    console.result(text), console.note(text)
    assert out.getvalue() == err.getvalue() == f"{shown}\n"
    line = one_line(f"{text} {'1' * 10_000}")
    assert line.isprintable() and line.endswith(f" {'1' * 100}... (10000 characters)")


def test_verbs_print_through_the_console():
    """A bare ``print`` in a verb would let the names of clips and files move the cursor."""
    root = pathlib.Path(__file__).parents[1]
    verbs = [*(root / "mer_tf/commands").glob("*.py"), root / "serving/cli.py"]
    found = []
    for path in verbs:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
                found.append(f"{path.name}:{node.lineno}")
    assert len(verbs) > 15 and found == []


def test_log_records_are_printable(tmp_path):
    _, log = run_quiet(
        tmp_path,
        r"""
        import logging
        from mer_tf.console import setup_logging
        setup_logging()
        logging.getLogger("mer_tf").warning("clip %s", "a\x1b]0;title\x07b")
        """,
    )
    assert r"clip a\x1b]0;title\x07b" in log and "\x1b" not in log
