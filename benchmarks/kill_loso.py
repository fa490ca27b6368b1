"""Kills ``mer loso`` at random moments, starts it again, and compares what comes out with an undisturbed run.

    python benchmarks/kill_loso.py [--kills 100] [--seed 0] [--workers 1] [--save-models]

The clips are drawn pictures of flow, the network is small. An undisturbed run gives ``predictions.csv`` (and weights),
and tells when it began to write and when it ended. Then the same command is started in another folder and gets SIGKILL
at a moment drawn between the two, again and again, as many times as it takes until it ends by itself; then its files
must be the undisturbed ones byte by byte, and a new folder begins. After every kill whatever is there must be whole.
Exit status 1 where anything differs. One line of a table at the end.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SIDE, CLASSES = 28, 3


def write_pictures(root: pathlib.Path, subjects: int) -> list[str]:
    """Drawn flow of one clip per class and subject; the arguments that name it."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    (root / "flow").mkdir()
    rows = []
    for number in range(subjects):
        for label in range(CLASSES):
            picture = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            picture[label * 9 : label * 9 + 9, :, 2] = 255
            name = f"EP{label:02}"
            rows.append(("casme2", f"sub{number:02}", name, label))
            cv2.imwrite(str(root / "flow" / f"sub{number:02}_{name}.png"), picture[..., ::-1])
    with open(root / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("dataset", "sub", "filename_o", "label"), *rows])
    return ["--flow-images", str(root / "flow"), "--labels", str(root / "labels.csv")]


def results(out: pathlib.Path) -> dict[str, str]:
    """Hash of each file that must be the same: the predictions, and the weights where they are kept."""
    files = [out / "predictions.csv", *sorted((out / "folds").rglob("*.weights.h5"))]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def damaged(out: pathlib.Path, lines: int) -> list[str]:
    """Files that are there and are not whole, after a kill."""
    found = []
    for path in [*out.glob("*.json"), *(out / "folds").rglob("*.json")]:
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found.append(str(path))
    predictions = out / "predictions.csv"
    if predictions.exists() and len(predictions.read_text(encoding="utf-8").splitlines()) != lines:
        found.append(str(predictions))
    return found


def measure(command: list[str], out: pathlib.Path) -> tuple[float, float]:
    """Runs the command; seconds until it began to write, and until it ended."""
    start, began = time.perf_counter(), 0.0
    process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None:
        if not began and (out / "run_settings.json").exists():
            began = time.perf_counter() - start
        time.sleep(0.01)
    if process.returncode:
        sys.exit(f"the undisturbed run failed: {process.stderr.read().decode()}")
    return began, time.perf_counter() - start


def main() -> int:
    """Kills, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    parser.add_argument("--model", default="ststnet", help="a network on flow pictures (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="of each fold (default: %(default)s)")
    parser.add_argument("--subjects", type=int, default=8, help="and so folds (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="as 'mer loso' (default: %(default)s)")
    parser.add_argument("--save-models", action="store_true", help="keep and compare the weights as well")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        command = [sys.executable, "-m", "mer_tf.cli", "loso", "--model", arguments.model]
        command += ["--epochs", str(arguments.epochs), "--workers", str(arguments.workers)]
        command += ["--save-models"] * arguments.save_models + write_pictures(root, arguments.subjects)
        began, ended = measure(command, root / "undisturbed")
        wanted = results(root / "undisturbed")
        lines = arguments.subjects * CLASSES + 1
        out, kills, compared, kept, wrong = root / "killed", 0, 0, 0, []
        while True:
            process = subprocess.Popen(
                [*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            wait = random.uniform(began, ended) if kills < arguments.kills else None
            try:
                _, said = process.communicate(timeout=wait)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
                wrong += damaged(out, lines)
                kept += any((out / "folds").rglob("*.json"))
                continue
            compared += 1
            if process.returncode:
                wrong.append(f"exit status {process.returncode}: {said.strip()}")
            elif results(out) != wanted:
                wrong += [name for name, digest in results(out).items() if wanted.get(name) != digest]
            left = [str(path) for path in out.rglob(".writing-*")]
            if left:
                wrong.append(f"left behind: {', '.join(left)}")
            shutil.rmtree(out)
            if kills >= arguments.kills:
                break
        seconds = time.perf_counter() - start
    print(
        "| model | workers | kills | with folds to keep | runs that ended | files compared | differing | s | machine |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---|")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(
        f"| {arguments.model} | {arguments.workers} | {kills} | {kept} | {compared} | {compared * len(wanted)} | "
        f"{len(wrong)} | {seconds:.0f} | {machine} |"
    )
    for one in wrong:
        print(one, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
