"""``docs/results.md`` anew: eight runs cross-validated on the clips that ``make demo`` has drawn.

    .venv/bin/python tools/results.py [--clips build/demo/clips] [--work build/results]

Each recipe is prepared once; finished runs are kept, so that the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

from mer_tf.run_files import CLIPS_FILE
from mer_tf.systems.registry import recipe_of_model

ROOT = pathlib.Path(__file__).resolve().parents[1]
RUNS = (  # system, preset
    ("majority", "plain"),
    ("linear_flow", "plain"),
    ("bi_woof", "paper"),
    ("lbp_top", "casme2"),
    ("lbp_top", "paper"),
    ("ststnet", "paper"),
    ("mer_ensemble", "plain"),
    ("dual_atme", "demo"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", default="build/demo/clips", help="what 'make demo' drew (default: %(default)s)")
    parser.add_argument("--work", default="build/results", help="folder for records and runs (default: %(default)s)")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    work = pathlib.PurePath(arguments.work)
    os.environ.setdefault("MER_FACE_CACHE", str(ROOT / work / "faces"))
    workers = ("--workers", str(os.cpu_count()))
    folders = []
    for model, preset in RUNS:
        recipe = recipe_of_model(model).name
        records = work / "records" / recipe
        if not os.path.exists(records / CLIPS_FILE):
            mer("prepare", "--data", arguments.clips, "--recipe", recipe, "--out", records, *workers)
        folders.append(work / f"loso_{model}_{preset}")
        mer("loso", "--data", records, "--model", model, "--preset", preset, "--out", folders[-1], *workers)
    mer("report", *folders, "--out", "docs/results.md")
    return 0


def mer(*words) -> None:
    subprocess.run([sys.executable, "-m", "mer_tf.cli", *map(str, words)], check=True)


if __name__ == "__main__":
    sys.exit(main())
