"""Runs every test that trains under other kernels and seeds, and prints how far each figure stays from its bound.

    .venv/bin/python tools/test_variations.py [--seeds 5] [--jobs 2] [--keep DIR] [PYTEST ARGUMENT...]

Variations: oneDNN off, oneDNN limited to AVX2, oneDNN with all the processor has. A figure's row shows its bounds, its
range over all runs, and the smallest margin to a bound as a share of the larger of that bound and the range. A test
that takes the whole process down counts as failed, and the run goes on without it.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from mer_tf import console, numerics

ROOT = pathlib.Path(__file__).parents[1]
KERNELS = {
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN AVX2": {"TF_ENABLE_ONEDNN_OPTS": "1", "DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "1"},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0, 1, ... (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs side by side (default: %(default)s)")
    parser.add_argument("--keep", help="folder of finished runs, which the same command does not repeat")
    arguments, words = parser.parse_known_args()
    runs = [(kernels, seed) for seed in range(arguments.seeds) for kernels in KERNELS]
    figures = collections.defaultdict(list)  # (test, figure) -> [(value, low, high), ...]
    failed = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for run, (found, broken) in zip(runs, pool.map(lambda run: one_run(*run, words, arguments.keep), runs)):
            print(f"{run[0]}, seed {run[1]}: {len(found)} figures, {len(broken)} failed", file=sys.stderr, flush=True)
            failed += [(*run, name) for name in broken]
            for test, name, *rest in found:
                figures[test, name].append(rest)
    print(f"{numerics.processor()}; {len(runs)} runs: {', '.join(KERNELS)}; seeds 0 to {arguments.seeds - 1}\n")
    rows = [(f"{test}: {name}", *summary(values)) for (test, name), values in sorted(figures.items())]
    print(console.table(("test and figure", "least", "most", "lowest", "highest", "margin %"), rows))
    for kernels, seed, name in failed:
        print(f"FAILED {name} ({kernels}, seed {seed})")
    return 1 if failed or not figures else 0


def one_run(kernels: str, seed: int, words: list[str], keep: str | None) -> tuple[list[tuple], list[str]]:
    """The figures of one run of the marked tests, and the names of those that failed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(keep or temporary).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{kernels.replace(' ', '-')}-{seed}.xml"
        if not path.exists():
            run_tests(path, kernels, seed, words)
        return read_results(path)


def run_tests(path: pathlib.Path, kernels: str, seed: int, words: list[str]) -> None:
    """Runs the marked tests and writes their results; again without the one during which the process died."""
    environment = {**os.environ, **KERNELS[kernels], "MER_TEST_SEED": str(seed)}
    command = [sys.executable, "-m", "pytest", "-v", "-m", "trains and not large", f"--junitxml={path}", *words]
    died: list[str] = []
    while not path.exists():
        skipped = [word for name in died for word in ("--deselect", name)]
        done = subprocess.run([*command, *skipped], cwd=ROOT, env=environment, capture_output=True, text=True)
        if not path.exists():
            started = re.findall(r"^(tests/\S+::\S+)", done.stdout, re.MULTILINE)
            if done.returncode >= 0 or not started or started[-1] in died:
                raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
            died.append(started[-1])
    if died:
        tree = xml.etree.ElementTree.parse(path)
        for name in died:
            case = xml.etree.ElementTree.SubElement(tree.getroot()[0], "testcase", classname="", name=name)
            xml.etree.ElementTree.SubElement(case, "error", message="the process died")
        tree.write(path)


def read_results(path: pathlib.Path) -> tuple[list[tuple], list[str]]:
    """(test, figure, value, low, high) of each figure, and the names of the tests that failed."""
    figures, broken = [], []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        test = case.get("classname").rpartition("tests.")[2].partition(".Test")[0].rpartition(".")[2]
        for entry in case.iter("property"):
            figures.append((test, *json.loads(entry.get("value"))))
        if case.find("failure") is not None or case.find("error") is not None:
            broken.append(".".join(filter(None, (case.get("classname"), case.get("name")))))
    return figures, broken


def summary(values: list[list]) -> tuple:
    """(low bound, high bound, smallest value, largest value, margin in percent) of one figure over all runs."""
    low, high = values[0][1:]
    least, most = min(value for value, *_ in values), max(value for value, *_ in values)
    room = min(least - low if low is not None else math.inf, high - most if high is not None else math.inf)
    scale = max(abs(bound) for bound in (low, high, most, least) if bound is not None) or 1.0
    return low, high, least, most, 100 * room / scale


if __name__ == "__main__":
    sys.exit(main())
