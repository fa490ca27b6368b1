"""Silence, tables and progress."""

from __future__ import annotations

import ast
import io
import pathlib
import subprocess
import sys
import textwrap

import pytest

from mer_tf.console import Console, one_line, printable, table


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
    verbs = [*(root / "mer_tf/commands").glob("*.py"), *(root / name / "cli.py" for name in ("components", "serving"))]
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
