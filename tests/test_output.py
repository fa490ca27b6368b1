"""Folders and files are looked at before the work and held while it lasts; errors of the system are told in words."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from mer_tf import output
from mer_tf.cli import main
from mer_tf.errors import BadInputError, ConfigError, OutputError

HOLD = """
import sys, time
from mer_tf import output
with output.locked(sys.argv[1]):
    {work}
    print("held", flush=True)
    time.sleep(600)
"""


def holder(folder, work="pass"):
    code = HOLD.format(work=work)
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


class TestHeldFolders:
    def test_a_second_run_is_refused_and_a_kill_lets_go(self, tmp_path):
        process = holder(tmp_path)
        try:
            for attempt in (output.check_folder, lambda path: output.locked(path).__enter__()):
                with pytest.raises(ConfigError, match="another run writes to"):
                    attempt(tmp_path)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        with output.locked(tmp_path):
            assert os.listdir(tmp_path) == []  # nothing is left, not even by the one that was killed

    @pytest.mark.parametrize(
        "work",
        [
            'import subprocess; subprocess.Popen(["sleep", "20"], close_fds=False)',
            # The child is awaited: it closes what it inherited when it runs, which may be after the print.
            "import os\n    ready, tell = os.pipe()\n"
            "    if not os.fork(): os.write(tell, b'x'); time.sleep(20); os._exit(0)\n"
            "    os.read(ready, 1)",
        ],
        ids=["program", "fork"],
    )
    def test_workers_that_outlive_the_run_do_not_hold_its_folder(self, tmp_path, work):
        process = holder(tmp_path, work)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with output.locked(tmp_path):
            pass

    def test_the_run_itself_may_ask_again(self, tmp_path):
        with output.locked(tmp_path):
            with output.locked(tmp_path):
                output.check_folder(tmp_path)
            with pytest.raises(subprocess.CalledProcessError):
                code = f"from mer_tf import output\nwith output.locked({str(tmp_path)!r}): pass"
                subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)

    def test_without_locks_it_is_said_and_the_work_goes_on(self, tmp_path, monkeypatch, caplog):
        def no_locks(number, operation):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(output.fcntl, "flock", no_locks)
        with output.locked(tmp_path):
            pass
        assert "file system without locks" in caplog.text

    def test_a_file_is_held_too_and_its_lock_goes(self, tmp_path):
        path = tmp_path / "weights.npz"
        with output.locked_file(path):
            with pytest.raises(ConfigError, match="another run writes to"), output.locked_file(path):
                pass
        assert os.listdir(tmp_path) == []
        with output.locked_file(path):
            pass


class TestBeforeTheWork:
    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("file/x.md", "a file stands where a folder is needed"),
            ("folder", "is a folder"),
            ("", "names no file"),
            ("new/", "names no file"),
            ("n" * 300, "too long"),
            ("absent/" + "n" * 300 + "/x", "too long"),
            ("/proc/absent/x.md", "choose another place"),
            ("circle", "circle"),
        ],
    )
    def test_a_file_that_cannot_be_written(self, tmp_path, monkeypatch, path, message):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").write_text("x")
        (tmp_path / "folder").mkdir()
        (tmp_path / "circle").symlink_to("circle")
        before = sorted(os.listdir(tmp_path))
        with pytest.raises(OutputError, match=message) as caught:
            output.check_file(path, "--write-log")
        assert str(caught.value).startswith("--write-log") and caught.value.exit_code == 2
        assert sorted(os.listdir(tmp_path)) == before

    def test_a_file_that_can(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "link").symlink_to("absent")
        for path in ("x", "a/b/x", "/dev/null", "/dev/stdout", "link"):
            output.check_file(path)
        assert os.listdir(tmp_path) == ["link"]

    def test_a_folder(self, tmp_path):
        (tmp_path / "file").write_text("x")
        for path in ("file", "file/below"):
            with pytest.raises(OutputError, match="file"):
                output.check_folder(tmp_path / path)
        output.check_folder(tmp_path / "a" / "b")
        assert os.listdir(tmp_path) == ["file"]

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
    def test_a_disk_that_takes_no_more(self, tmp_path, monkeypatch, number):
        def full(*arguments):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(output.os, "write", full)
        for check in (output.check_file, output.check_folder):
            with pytest.raises(OutputError, match=r"new: .*(place|space)"):
                check(tmp_path / "new")
        assert os.listdir(tmp_path) == []

    def test_patterns_are_refused_where_a_library_makes_them(self, tmp_path):
        output.check_plain_name(tmp_path / "run 1, äß%20#", "TFX")
        for name in ("out[1]", "a*", "b?", os.fsdecode(b"M\xfcller")):
            with pytest.raises(OutputError, match="TFX"):
                output.check_plain_name(tmp_path / name / "x", "TFX")


class TestErrorsOfTheSystem:
    def test_a_file_of_the_run_is_told_by_the_path_that_was_given(self):
        error = OSError(errno.ENOSPC, "No space left on device", os.path.abspath("run/folds/.writing-x"))
        assert output.explain(error, "run").startswith("run: the disk is full")
        assert output.explain(OSError(errno.ENOSPC, "x"), "run").startswith("run: the disk is full")
        assert output.explain(PermissionError(errno.EACCES, "x", "/else"), "run").startswith("/else: not permitted")

    def test_text_of_beam_and_tensorflow_counts(self):
        inner = RuntimeError("OSError: [Errno 28] No space left on device: '/run/x.gz' [while running 'Write']")
        assert output.explain(inner).startswith("/run/x.gz: the disk is full")
        outer = RuntimeError("a bundle failed")
        outer.__cause__ = RuntimeError("/run/logs/events; No space left on device")
        assert output.explain(outer, "run").startswith("run: the disk is full")

    def test_other_errors_are_left_alone(self):
        for error in (ValueError("x"), FileNotFoundError(errno.ENOENT, "x", "y"), BadInputError("Permission denied")):
            assert output.explain(error, "run") is None

    def test_the_command_tells_them_in_one_line(self, tmp_path, capsys, monkeypatch):
        def full(arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("mer_tf.commands.recipes.run", full)
        assert main(["recipes"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("mer: error: ") and "disk is full" in said and "Errno" not in said


class TestOtherSettings:
    def test_what_differs_is_listed(self):
        old = {"config": {"seed": 1, "loss": "focal"}, "data": "ab" * 32}
        new = {"config": {"seed": 2, "loss": "focal"}, "data": "cd" * 32}
        assert not output.check_settings("run", old, dict(old), force=False)
        with pytest.raises(ConfigError, match=r"run holds .*config\.seed \(1 there, 2 here\); data \(ab.*--force"):
            output.check_settings("run", old, new, force=False)
        assert output.check_settings("run", old, new, force=True)
        with pytest.raises(ConfigError, match="not recorded"):
            output.check_settings("run", None, new, force=False)

    def test_tuples_and_lists_are_the_same(self, tmp_path):
        output.write_settings(tmp_path, {"settings": {"a": (1, 2)}})
        assert not output.check_settings("x", output.read_settings(tmp_path)["settings"], {"a": (1, 2)}, force=False)


def predictions(path):
    rows = [f"d,s{s},c{i},d/s{s},{i},{i}\n" for s in (1, 2) for i in range(3)]
    path.write_text("dataset,subject,clip,fold,label,prediction\n" + "".join(rows))
    return str(path)


@pytest.mark.parametrize("target", ["file/x.md", "folder", "/proc/absent/x.md", "/dev/full"])
def test_evaluate_where_nothing_can_be_written(tmp_path, monkeypatch, capsys, target):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    assert main(["evaluate", predictions(tmp_path / "p.csv"), "--draws", "0", "--write-log", target]) == 2
    said = capsys.readouterr()
    assert target in said.err and "Errno" not in said.err and said.err.count("\n") == 1 and not said.out


def test_names_of_any_bytes_in_a_prediction_file(tmp_path):
    path = tmp_path / "p.csv"
    predictions(path)
    path.write_bytes(path.read_bytes().replace(b"s1", b"M\xfcller"))
    log = os.fsencode(tmp_path) + b"/\xfc.log"
    words = [sys.executable, "-m", "mer_tf.cli", "evaluate", path, "--draws", "0", "--json", "--write-log", log]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    with open(log, "rb") as file:
        assert b"d M\xfcller\n" in file.read()
    assert json.loads(done.stdout)["full"]["uf1"] == 1.0


def test_a_full_standard_output_is_told(tmp_path):
    words = [sys.executable, "-m", "mer_tf.cli", "evaluate", predictions(tmp_path / "p.csv"), "--draws", "0"]
    with open("/dev/full", "w") as full:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert done.returncode == 2 and done.stderr.startswith("mer: error: /dev/stdout: the disk is full")
    assert done.stderr.count("\n") == 1
