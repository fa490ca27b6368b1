"""Worker processes: what happens when they, or the one that started them, are killed."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import processes_helper as helper
import pytest

from mer_tf import processes
from mer_tf.console import hearing
from mer_tf.errors import ConfigError, MerError, ProcessEndedError
from mer_tf.processes import Processes

LARGE = b"x" * (1 << 22)  # does not fit into a pipe: it is on its way while a process dies
PATIENCE = 120  # seconds until a test gives up; nothing takes as long


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked for its status (a zombie) does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_task_is_named_and_the_others_are_done(caplog):
    told = []
    with hearing(lambda what, amount, total: told.append(amount)), Processes(2) as pool:
        before = [pool.submit(helper.length, LARGE) for _ in range(3)]
        deadly = pool.submit(helper.die, LARGE)
        after = [pool.submit(helper.length, LARGE) for _ in range(3)]
        assert [future.result(PATIENCE) for future in before + after] == 6 * [len(LARGE)]
        with pytest.raises(ProcessEndedError, match=r"killed by SIGKILL \(as when memory runs out\)"):
            deadly.result(PATIENCE)
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # of the first of two attempts
    assert sum(told) == 0 and max(told) == 0.75  # what was told by a task that died is taken back


def test_a_task_is_tried_once_more(tmp_path):
    told = []
    with hearing(lambda what, amount, total: told.append(amount)), Processes(2) as pool:
        assert pool.submit(helper.die_once, str(tmp_path / "tried")).result(PATIENCE) == "survived"
    assert sum(told) == 1


@pytest.mark.parametrize(
    ("function", "argument", "error", "message"),
    [
        (helper.leave, 3, ProcessEndedError, "ended with status 3"),
        (helper.fail, ConfigError("as it was raised"), ConfigError, "as it was raised"),
        (helper.fail, EOFError("not the end of a pipe"), EOFError, "not the end"),
        (helper.double, None, TypeError, "NoneType"),
    ],
)
def test_what_a_task_ends_with(function, argument, error, message):
    with Processes(1) as pool:
        with pytest.raises(error, match=message):
            pool.submit(function, argument).result(PATIENCE)
        with pytest.raises(TypeError, match="pickle|local object"):
            pool.submit(helper.unpicklable).result(PATIENCE)
        assert pool.submit(helper.double, 4).result(PATIENCE) == 8


def test_what_the_opener_raises_is_the_outcome_of_every_task():
    with Processes(1, helper.fail, ConfigError("no model")) as pool:
        for _ in range(2):
            with pytest.raises(ConfigError, match="no model"):
                pool.submit(helper.double, 1).result(PATIENCE)


def test_a_process_that_cannot_begin_is_not_tried_again():
    with (
        Processes(1, helper.leave, 1) as pool,
        pytest.raises(MerError, match="status 1 before it could begin") as found,
    ):
        pool.submit(helper.double, 1).result(PATIENCE)
    assert not isinstance(found.value, ProcessEndedError)


def test_closing_ends_a_task_under_way_and_those_that_wait(tmp_path):
    with Processes(1) as pool:
        running, waiting = pool.submit(helper.wait, str(tmp_path)), pool.submit(helper.double, 1)
        assert until(lambda: os.listdir(tmp_path))
    (pid,) = map(int, os.listdir(tmp_path))
    assert not alive(pid)
    assert waiting.cancelled()
    assert isinstance(running.exception(PATIENCE), ProcessEndedError)


def test_ctrl_c_does_not_reach_the_processes():
    with Processes(1) as pool:
        process = pool.submit(helper.pid).result(PATIENCE)
        os.kill(process, signal.SIGINT)
        assert pool.submit(helper.pid).result(PATIENCE) == process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_one_that_started_it(tmp_path, how):
    root = pathlib.Path(__file__).parents[1]
    command = subprocess.Popen(
        [sys.executable, helper.__file__, str(tmp_path)], env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert until(lambda: len(os.listdir(tmp_path)) == 2)
    command.send_signal(how)
    command.wait(PATIENCE)
    assert until(lambda: not any(alive(int(pid)) for pid in os.listdir(tmp_path)))


def test_a_mark_tells_a_process_from_every_other():
    found = processes.mark()
    assert processes.is_running(found) is True
    assert processes.is_running({**found, "started": "1"}) is False  # the number came again
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processes.is_running({**found, "pid": child.pid}) is False
    assert processes.is_running({**found, "host": "elsewhere"}) is None
    assert processes.is_running({}) is None
