"""``mer tensorboard`` as a user meets it: what it says, what it refuses, and the page that answers."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytest.importorskip("tensorflow")

from mer_tf.board.events import log_scalars
from mer_tf.cli import main
from mer_tf.commands import tensorboard as module
from mer_tf.commands.tensorboard import HOST


@pytest.fixture
def run(tmp_path):
    for name in ("pooled", "casme2/sub01", "casme2/sub02"):
        log_scalars(tmp_path / "my run/logs" / name, 1, {"epoch/loss": 1.0})
    return tmp_path / "my run"


def refused(capfd, *arguments) -> str:
    assert main(["tensorboard", *map(str, arguments)]) == 2
    out, err = capfd.readouterr()
    assert not out and err.count("\n") == 1
    return err


def test_a_view_for_another_tensorboard(run, tmp_path, capfd):
    assert main(["tensorboard", str(run), "--view", str(tmp_path / "the view"), "--folds", "casme2/sub02"]) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[:2] == ["my run", "folds not listed: 1; '--folds all' or '--folds NAME,NAME' shows them too"]
    assert shlex.split(lines[2]) == ["tensorboard", "--logdir", str(tmp_path / "the view"), "--host", HOST]
    assert (tmp_path / "the view/my run/folds/casme2/sub02").is_dir() and not err


def test_what_cannot_be_is_named(run, tmp_path, capfd):
    assert "there is no run" in refused(capfd, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path / 'empty'} is no folder of a run" in refused(capfd, tmp_path / "empty")
    assert "unknown fold 'sub09'" in refused(capfd, run, "--folds", "sub09", "--view", tmp_path / "view")
    assert "--port must lie in 0..65535. Received: 70000" in refused(capfd, run, "--port", "70000")
    assert "leave --open and --port out" in refused(capfd, run, "--view", "x", "--port", "1")


def test_a_port_that_is_taken_is_named(run, capfd):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["tensorboard", str(run), "--port", str(port)]) == 2
    assert f"port {port} of {HOST} is in use; give another with --port" in capfd.readouterr().err


@pytest.mark.parametrize(("package", "install"), [("tensorboard", "tensorboard"), ("pkg_resources", "'setuptools<81'")])
def test_a_missing_package_is_named(run, monkeypatch, capfd, package, install):
    def missing():
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(module, "_load", missing)
    said = refused(capfd, run)
    assert f"package {package!r} is missing" in said and said.endswith(f"pip install {install}\n")


@pytest.mark.slow  # TensorFlow and a server in a process of their own
def test_the_page_answers_and_ctrl_c_ends_it_in_order(run, tmp_path):
    words = [sys.executable, "-m", "mer_tf.cli", "tensorboard", str(run), "--port", "0"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as server:
        lines = [server.stdout.readline().strip() for _ in range(3)]
        address = re.fullmatch(rf"(http://{re.escape(HOST)}:\d+/)#custom_scalars \(Ctrl-C ends it\)", lines[2])[1]
        assert list(tmp_path.glob("mer-tensorboard-*"))
        for _ in range(100):
            with urllib.request.urlopen(f"{address}data/runs") as answer:
                runs = json.load(answer)
            if runs:
                break
            time.sleep(0.1)
        assert runs == ["my run"]
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0
    assert not list(tmp_path.glob("mer-tensorboard-*"))
