"""Frames per second of the magnifiers, and whether their memory depends on the clip's length.

    python benchmarks/bench_magnify.py --threads 1

Each measurement runs in a process of its own; the frames are drawn one at a time, and that time is left out by
repeating one of eight frames. The learned network has the published size and untrained weights, which cost the same.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
MEASURE = """
import itertools, json, os, resource, sys, time
import numpy as np
method, size, count, threads = sys.argv[1], *map(int, sys.argv[2:])
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[name] = str(threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import cv2
cv2.setNumThreads(threads)
from mer_tf.preprocessing.magnify.eulerian import magnify_eulerian
frames = np.random.default_rng(0).integers(0, 256, (8, size, size, 3), dtype=np.uint8)
if method == "eulerian":
    run = lambda clip: magnify_eulerian(clip, fps=200.0, factor=11.0)
else:
    from mer_tf.preprocessing.magnify.learned import LearnedMagnifier
    from mer_tf.preprocessing.magnify.network import MotionMagnifier
    magnifier = LearnedMagnifier(MotionMagnifier(seed=0))
    run = lambda clip: magnifier(clip, factor=3.0)
clip = lambda n: itertools.islice(itertools.cycle(frames), n)
for _ in run(clip(8)):
    pass
start = time.perf_counter()
made = sum(1 for _ in run(clip(count)))
seconds = time.perf_counter() - start
print(json.dumps({"method": method, "size": size, "frames": made, "frames_per_s": round(made / seconds, 1),
                  "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
"""


def measure(method: str, size: int, frames: int, threads: int) -> dict:
    """One measurement in a fresh process."""
    command = [sys.executable, "-c", MEASURE, method, str(size), str(frames), str(threads)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1])
    return json.loads(result.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], help="(default: 64 128)")
    parser.add_argument("--frames", type=int, nargs="+", default=[50, 500], help="of the Eulerian clips (50 500)")
    parser.add_argument("--network-frames", type=int, nargs="+", default=[10, 40], help="(default: 10 40)")
    parser.add_argument("--threads", type=int, default=1, help="(default: %(default)s)")
    arguments = parser.parse_args()
    runs = [
        measure(method, size, frames, arguments.threads)
        for method, counts in (("eulerian", arguments.frames), ("learned", arguments.network_frames))
        for size in arguments.sizes
        for frames in counts
    ]
    facts = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    print(json.dumps({**facts, "threads": arguments.threads, "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
