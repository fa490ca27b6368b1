"""What every test has: TensorFlow with one thread, as where the product trains, and figures with their margins."""

from __future__ import annotations

import json
import os

import pytest

from mer_tf import numerics

numerics.claim_one_thread()  # before TensorFlow starts
# Whoever runs the tests has settings too. What they would change is tested where it is meant.
os.environ["COLUMNS"] = "100"


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
