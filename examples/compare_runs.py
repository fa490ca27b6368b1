"""Compares two runs on the clips they have in common, with subjects as the unit of chance.

python examples/compare_runs.py RUN_A RUN_B
"""

import json
import pathlib
import sys

from mer_tf.metrics.comparison import compare
from mer_tf.metrics.predictions import read_predictions


def main(first: str, second: str) -> None:
    passport = json.loads(pathlib.Path(first, "passport.json").read_text())
    a, b = (read_predictions(pathlib.Path(run, "predictions.csv")) for run in (first, second))
    result = compare(a, b, len(passport["classes"]), draws=2000, seed=0)
    print(f"{result['clips']['common']} clips in common")
    for name in ("uf1", "uar", "accuracy"):
        found = result["bootstrap"][name]
        low, high = found["interval"]
        print(f"{name}: {found['a']:.3f} and {found['b']:.3f}, difference between {low:+.3f} and {high:+.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
