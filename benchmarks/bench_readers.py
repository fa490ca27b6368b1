"""How long listing and checking a folder of many clips takes, and how much memory.

    python benchmarks/bench_readers.py --clips 10000 --frames 60 --layouts casme2 samm smic_hs

Each set is generated with empty frame files (readers open no picture), then read in a process of its own; the wall
time covers the reader and the comparison with published counts; imports are measured separately. Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

from mer_tf.synthetic.layouts import LAYOUTS, LayoutClip, write_layout

EMOTIONS = ("happiness", "disgust", "surprise", "sadness", "fear")
ROOT = pathlib.Path(__file__).resolve().parents[1]
READ = """
import json, resource, sys, time
start = time.perf_counter()
from mer_tf.datasets import get_reader, summary
imported = time.perf_counter()
table = get_reader(sys.argv[1])(sys.argv[2], mapping="native")
facts = summary(table)
done = time.perf_counter()
print(json.dumps({
    "clips": facts["clips"], "frames": sum(len(clip.frames) for clip in table.clips),
    "import_s": round(imported - start, 2), "read_s": round(done - imported, 2),
    "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
}))
"""


def measure(layout: str, clips: int, frames: int, folder: pathlib.Path) -> dict:
    """Generates one set and reads it in a fresh process."""
    per_subject = max(clips // 90, 1)
    numbers = range(90, 90 + frames)
    plan = [
        LayoutClip(
            index // per_subject + 1,
            index % per_subject,
            EMOTIONS[index % len(EMOTIONS)],
            "4+7",
            onset=numbers[1],
            apex=numbers[frames // 2],
            offset=numbers[-2],
            frames=numbers,
        )
        for index in range(clips)
    ]
    start = time.perf_counter()
    written = write_layout(folder, layout, plan)
    made = round(time.perf_counter() - start, 1)
    command = [sys.executable, "-c", READ, written.dataset, str(written.root)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1])
    return {"written_s": made, **json.loads(result.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000, help="clips of each set (default: %(default)s)")
    parser.add_argument(
        "--frames", type=int, default=60, help="frame files per clip, at least 4 (default: %(default)s)"
    )
    parser.add_argument("--layouts", nargs="+", default=["casme2"], choices=sorted(LAYOUTS), metavar="LAYOUT")
    parser.add_argument("--folder", help="where to generate (default: the system's folder for temporary files)")
    arguments = parser.parse_args()
    report = {"cpus": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine(), "sets": {}}
    for layout in arguments.layouts:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            report["sets"][layout] = measure(layout, arguments.clips, arguments.frames, pathlib.Path(folder))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
