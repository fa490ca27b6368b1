"""What every test has: TensorFlow with one thread, as where the product trains, and figures with their margins."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

from mer_tf import numerics

numerics.claim_one_thread()  # before TensorFlow starts
# Whoever runs the tests has settings too. What they would change is tested where it is meant.
os.environ["COLUMNS"] = "100"  # pytest's own lines
os.environ["TERM"] = "xterm"
os.environ.pop("CI", None)  # the product draws no bar there
# A shell's background job, or nohup, ignores these, and so would every program that a test starts.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    if config.pluginmanager.has_plugin("terminalreporter"):  # not so in a worker of xdist
        config.get_terminal_writer().fullwidth = 100


@pytest.hookimpl(trylast=True)
def pytest_sessionstart():
    os.environ["COLUMNS"] = "10000"  # in tests nothing is wrapped; tests/test_widths.py is about terminals


@pytest.fixture(scope="session")
def training_seed() -> int:
    """Seed of tests that train (``MER_TEST_SEED``, 0 by default); ``make test-variations`` tries several."""
    return int(os.environ.get("MER_TEST_SEED", "0"))


@pytest.fixture
def within(record_property):
    """A function: asserts that a figure lies between two bounds, and records all three for the table of margins."""

    def check(name: str, value: float, low: float | None = None, high: float | None = None) -> None:
        record_property("figure", json.dumps([name, float(value), low, high]))
        assert low is None or value >= low, f"{name}: {value} is less than {low}"
        assert high is None or value <= high, f"{name}: {value} is more than {high}"

    return check


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def face_points():
    """68 points of an upright symmetric face about x = 63.5 in a 128 px crop: (68, 2)."""
    jaw = [(6, 50), (7, 62), (9, 74), (13, 86), (19, 97), (28, 107), (40, 115), (52, 120)]
    left = {
        **dict(enumerate(jaw)),
        8: (63.5, 122),
        **{17: (14, 38), 18: (21, 33), 19: (30, 31), 20: (39, 33), 21: (48, 36)},
        **{27: (63.5, 46), 28: (63.5, 55), 29: (63.5, 64), 30: (63.5, 72)},
        **{31: (53, 78), 32: (58, 80), 33: (63.5, 81)},
        **{36: (24, 47), 37: (30, 43), 38: (37, 43), 39: (43, 48), 40: (37, 50), 41: (30, 50)},
        **{48: (43, 94), 49: (50, 91), 50: (58, 89), 51: (63.5, 90), 57: (63.5, 103), 58: (57, 102), 59: (50, 100)},
        **{60: (46, 94), 61: (57, 94), 62: (63.5, 94), 66: (63.5, 97), 67: (57, 97)},
    }  # fmt: skip
    mirror = {
        **{k: 16 - k for k in range(8)},
        **{k: 43 - k for k in range(17, 22)},
        **{31: 35, 32: 34, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46},
        **{48: 54, 49: 53, 50: 52, 58: 56, 59: 55, 60: 64, 61: 63, 67: 65},
    }
    points = np.full((68, 2), np.nan)
    for k, place in left.items():
        points[k] = place
        if k in mirror:
            points[mirror[k]] = (127 - place[0], place[1])
    assert np.isfinite(points).all()
    return points


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Names that are no UTF-8 may be in what a test printed; pytest-xdist cannot send them from its workers."""
    report = (yield).get_result()
    report.sections = [(title, _sendable(text)) for title, text in report.sections]
    if report.longrepr is not None and _sendable(str(report.longrepr)) != str(report.longrepr):
        report.longrepr = _sendable(str(report.longrepr))


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
