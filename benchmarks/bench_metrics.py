"""Speed of scoring: the package's bootstrap over subjects beside a plain loop, and near-duplicate frames.

    python benchmarks/bench_metrics.py [--draws 10000] [--frames 10000]

The plain loop draws subjects, gathers their clips and counts a confusion matrix per draw, with the same generator of
random numbers; both give the same interval up to the noise of the draws, which is asserted.
"""

from __future__ import annotations

import argparse
import platform
import time

import numpy as np

from mer_tf import metrics
from mer_tf.protocols.near_duplicates import SIDE, find_near_duplicates
from mer_tf.types import Prediction

# Pooled counts of a published log on the 442 clips of MEGC 2019, rows true, and its subjects, by dataset.
MATRICES = {
    "smic": (16, [[54, 10, 6], [17, 30, 4], [14, 1, 28]]),
    "casme2": (24, [[83, 5, 0], [12, 19, 1], [2, 0, 23]]),
    "samm": (28, [[82, 7, 3], [11, 13, 2], [5, 2, 8]]),
}


def predictions() -> list[Prediction]:
    """442 predictions of 68 subjects; which subject has which clip is drawn."""
    rng = np.random.default_rng(0)
    rows = []
    for dataset, (subjects, cm) in MATRICES.items():
        cells = [(i, j) for i in range(3) for j in range(3) for _ in range(cm[i][j])]
        owner = rng.permutation(np.arange(len(cells)) % subjects)
        for k, (i, j) in enumerate(cells):
            subject = f"s{owner[k]:02}"
            rows.append(Prediction(dataset, subject, f"c{k}", f"{dataset}/{subject}", i, j, ()))
    return rows


def plain_loop(rows: list[Prediction], n: int, draws: int, seed: int = 0) -> dict[str, list[float]]:
    """The same interval with one confusion matrix counted per draw."""
    groups: dict[str, list[Prediction]] = {}
    for p in rows:
        groups.setdefault(f"{p.dataset}/{p.subject}", []).append(p)
    names = sorted(groups)
    rng = np.random.default_rng(seed)
    values: dict[str, list[float]] = {"uf1": [], "uar": []}
    while len(values["uf1"]) < draws:
        cm = [[0] * n for _ in range(n)]
        for k in rng.integers(0, len(names), len(names)):
            for p in groups[names[k]]:
                cm[p.label][p.prediction] += 1
        true = [sum(row) for row in cm]
        if not all(true):
            continue
        predicted = [sum(row[j] for row in cm) for j in range(n)]
        values["uf1"].append(sum(2 * cm[c][c] / (true[c] + predicted[c]) for c in range(n)) / n)
        values["uar"].append(sum(cm[c][c] / true[c] for c in range(n)) / n)
    return {name: np.quantile(found, [0.025, 0.975]).tolist() for name, found in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10000)
    parser.add_argument("--frames", type=int, default=10000)
    arguments = parser.parse_args()
    rows = predictions()
    print(f"python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}")

    start = time.perf_counter()
    ours = metrics.bootstrap_interval(rows, 3, draws=arguments.draws)
    fast = time.perf_counter() - start
    start = time.perf_counter()
    plain = plain_loop(rows, 3, arguments.draws)
    slow = time.perf_counter() - start
    for name in ("uf1", "uar"):
        assert np.allclose(ours[name], plain[name], atol=0.02), (name, ours[name], plain[name])
    print(f"{len(rows)} predictions, {ours['subjects']} subjects, {arguments.draws} draws")
    for label, seconds, interval in (("mer_tf.metrics", fast, ours), ("plain loop", slow, plain)):
        shown = ", ".join(f"{name} {interval[name][0]:.3f} to {interval[name][1]:.3f}" for name in ("uf1", "uar"))
        print(f"  {label:15} {seconds:8.3f} s   {shown}")
    print(f"  {slow / fast:.0f} times faster")

    pictures = np.random.default_rng(0).normal(128, 40, (arguments.frames, SIDE, SIDE)).astype(np.float32)
    start = time.perf_counter()
    pairs = find_near_duplicates(pictures, [str(k) for k in range(arguments.frames)])
    seconds = time.perf_counter() - start
    print(f"near-duplicates among {arguments.frames} frames of as many subjects: {seconds:.1f} s, {len(pairs)} pairs")


if __name__ == "__main__":
    main()
