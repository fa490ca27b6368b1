"""How far from the true apex each spotting method lands, on synthetic clips whose apex is known.

    python benchmarks/bench_spotting.py --subjects 6 --clips 4 [--json]

Frames run from the annotated onset to the offset, gray; the regions are those of the true points at the onset, so that
the figures are about spotting alone. The error is in frames, and is printed beside that of always taking the middle
frame (a method of its own) and that of guessing at random. Drawn clips have their apex near the middle, more so than
recorded ones, so the middle frame looks better here than it is. ``quiet`` clips have none of the motion that hides an
expression (head, blinks, chance movements of the face); sensor noise stays.
"""

from __future__ import annotations

import argparse
import json
import platform
import time

import cv2
import numpy as np

from mer_tf.preprocessing.spotting import spot_apex
from mer_tf.synthetic import Difficulty, SyntheticSubject

FPS = 200.0
METHODS = ("divide_lbp", "divide_strain", "frequency", "auto", "middle")
QUIET = Difficulty(
    head_px=0, head_roll_deg=0, head_turn_px=0, irrelevant_px=0, irrelevant_rate=0, blink_rate=0, brightness=0
)


def clips(subjects: int, each: int, seed: int, difficulty: Difficulty, frames: tuple[int, int]):
    """Yields gray frames from onset to offset, the true points of the onset, and the apex as an index."""
    for number in range(1, subjects + 1):
        subject = SyntheticSubject(seed, number, difficulty)
        for clip in range(each):
            plan = subject.plan(clip, frames=frames)
            first = plan.onset - plan.first
            chosen = range(first, plan.offset - plan.first + 1)
            gray = [cv2.cvtColor(np.ascontiguousarray(f), cv2.COLOR_RGB2GRAY) for f in subject.render(plan)]
            points = subject.points(plan, first)
            # The face with some room; the wall behind it says nothing.
            x0, y0 = np.maximum(np.floor(points.min(axis=0) - 20), 0).astype(int)
            x1, y1 = np.ceil(points.max(axis=0) + 20).astype(int)
            stack = np.stack([gray[k][y0:y1, x0:x1] for k in chosen])
            yield stack, points - (x0, y0), plan.apex - plan.onset


def measure(subjects: int, each: int, seed: int, frames: tuple[int, int], kind: str, methods=METHODS) -> list[dict]:
    """One row per method: mean absolute error in frames, seconds per clip, mean score."""
    errors = {method: [] for method in methods}
    scores = {method: [] for method in methods}
    seconds = dict.fromkeys(methods, 0.0)
    guess = []
    for stack, points, apex in clips(subjects, each, seed, QUIET if kind == "quiet" else Difficulty(), frames):
        guess.append(np.abs(np.arange(len(stack)) - apex).mean())
        for method in methods:
            start = time.perf_counter()
            found = spot_apex(stack, points, method=method, fps=FPS)
            seconds[method] += time.perf_counter() - start
            errors[method].append(abs(found.index - apex))
            scores[method].append(found.score)
    return [
        {
            "clips": kind,
            "method": method,
            "number": len(errors[method]),
            "mean_absolute_error": round(float(np.mean(errors[method])), 2),
            "median": float(np.median(errors[method])),
            "within_2": round(float(np.mean(np.array(errors[method]) <= 2)), 2),
            "guessing": round(float(np.mean(guess)), 2),
            "score": round(float(np.mean(scores[method])), 2),
            "ms_per_clip": round(1000 * seconds[method] / len(errors[method]), 1),
        }
        for method in methods
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--clips", type=int, default=4, help="clips of each subject")
    parser.add_argument("--frames", type=int, nargs=2, default=(40, 60), help="shortest and longest clip")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for kind in ("quiet", "default"):
        rows += measure(options.subjects, options.clips, options.seed, tuple(options.frames), kind)
    if options.json:
        facts = {"python": platform.python_version(), "opencv": cv2.__version__, "seed": options.seed, "fps": FPS}
        print(json.dumps({**facts, "frames": list(options.frames), "rows": rows}, indent=2))
        return
    print(f"python {platform.python_version()}, opencv {cv2.__version__}, clips of {options.frames} frames, 1 thread")
    print(f"{'clips':8} {'method':14} {'MAE':>6} {'median':>7} {'<= 2':>5} {'guess':>6} {'score':>6} {'ms/clip':>8}")
    for row in rows:
        print(
            f"{row['clips']:8} {row['method']:14} {row['mean_absolute_error']:6.2f} {row['median']:7.1f} "
            f"{row['within_2']:5.2f} {row['guessing']:6.2f} {row['score']:6.2f} {row['ms_per_clip']:8.1f}"
        )


if __name__ == "__main__":
    main()
