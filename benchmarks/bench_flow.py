"""Optical flow: time of every method side by side, and its error against known motion.

    python benchmarks/bench_flow.py [--pairs 32] [--size 128] [--rounds 3] [--threads 1] [--weights FILE] [--json]

Time: every round runs each method once over all pairs, one method after the other, and the smallest process time of
the rounds counts; TensorFlow's tracing and compiling is told apart. Both libraries get ``--threads`` threads, which are
OpenCV's and TensorFlow's own (XLA's loops use one). Ratios are to OpenCV's TV-L1 of the same run.

Error: mean and largest end-point error in px, without a border of 8 px. ``face`` are synthetic clips, onset to apex,
of which the motion of the skin is known (eyes that blink are not part of it, and there is sensor noise); ``bumps`` is a
smooth texture moved by a known field, without noise; ``none`` is the error of no flow at all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time

import cv2
import numpy as np

BORDER = 8


def face_pairs(count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Onsets and apexes ``(count, size, size)`` uint8, and the true flow ``(count, size, size, 2)``."""
    from mer_tf.synthetic.render import SyntheticSubject

    found = []
    for index in range(count):
        subject = SyntheticSubject(seed=0, number=index // 4 + 1)
        plan = subject.plan(index % 4)
        onset, apex = plan.onset - plan.first, plan.apex - plan.first
        frames = [next(iter(subject.render(plan, frames=range(k, k + 1)))) for k in (onset, apex)]
        points = subject.points(plan, onset)
        x, y = points.mean(axis=0)
        half = int(0.6 * np.ptp(points[:, 0]))
        crop = np.s_[int(y) - half : int(y) + half, int(x) - half : int(x) + half]
        pair = [
            cv2.resize(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[crop], (size, size), interpolation=cv2.INTER_AREA)
            for frame in frames
        ]
        true = cv2.resize(subject.true_flow(plan)[crop], (size, size), interpolation=cv2.INTER_AREA)
        found.append((*pair, true * (size / (2 * half))))
    return tuple(np.stack(part) for part in zip(*found))


def bump_pairs(count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sum of waves moved by two smooth bumps of up to 1.5 px; no sampling error but the rounding to 8 bits."""
    found = []
    for index in range(count):
        rng = np.random.default_rng(index)
        waves = rng.normal(0, 0.35, (24, 2))
        phases = rng.uniform(0, 2 * np.pi, 24)
        centres, heights = rng.uniform(0.3 * size, 0.7 * size, (2, 2)), rng.uniform(-1.5, 1.5, (2, 2))

        def texture(p, waves=waves, phases=phases):
            return 127.5 + 22 * np.cos(p @ waves.T + phases).sum(axis=-1) / np.sqrt(12)

        def motion(p, centres=centres, heights=heights):
            far = ((p[..., None, :] - centres) ** 2).sum(axis=-1)
            return np.exp(-far / (2 * (0.12 * size) ** 2)) @ heights

        y, x = np.mgrid[0:size, 0:size].astype(np.float64)
        grid = np.stack([x, y], axis=-1)
        flow = np.zeros_like(grid)
        for _ in range(30):  # second(q) = first(q - motion(q)), so flow(p) = motion(p + flow(p))
            flow = motion(grid + flow)
        pair = (np.clip(np.rint(texture(p)), 0, 255).astype(np.uint8) for p in (grid, grid - motion(grid)))
        found.append((*pair, flow))
    return tuple(np.stack(part) for part in zip(*found))


def methods(pairs: int, weights: str | None) -> dict:
    """Name -> function of two uint8 batches that gives the flow."""
    from mer_tf.preprocessing.flow import DISConfig, FarnebackConfig, LiteFlowNetConfig, TVL1Config, make_flow
    from mer_tf.preprocessing.flow.tvl1_tf import tvl1_batch

    def one_by_one(config, **options):
        method = make_flow(config, **options)
        return lambda first, second: np.stack([method(a, b) for a, b in zip(first, second)])

    def batched(**options):
        def run(first, second):
            return tvl1_batch(first.astype(np.float32), second.astype(np.float32), TVL1Config(), **options).numpy()

        return run

    found = {
        "tvl1 opencv": one_by_one(TVL1Config()),
        "tvl1 tensorflow, edge": batched(border="edge"),
        "tvl1 tensorflow, zero": batched(border="zero"),
        "tvl1 tensorflow, edge, whole batch at once": batched(border="edge", group=pairs),
        "tvl1 tensorflow, edge, not compiled": batched(border="edge", jit=False),
        "farneback": one_by_one(FarnebackConfig()),
    }
    for preset in ("ultrafast", "fast", "medium"):
        found[f"dis {preset}"] = one_by_one(DISConfig(preset=preset))
    if weights:
        lite = make_flow(LiteFlowNetConfig(), weights=weights)

        def run(first, second):
            colour = [np.repeat(images[..., None], 3, axis=-1) for images in (first, second)]
            return np.stack([lite(a, b) for a, b in zip(*colour)])

        found["liteflownet"] = run
    return found


def errors(flow: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Mean and largest end-point error inside the border."""
    far = np.linalg.norm(flow - true, axis=-1)[:, BORDER:-BORDER, BORDER:-BORDER]
    return {"mean": round(float(far.mean()), 4), "max": round(float(far.max()), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=32, help="pairs that are timed (default: %(default)s)")
    parser.add_argument("--size", type=int, default=128, help="side of the images in px (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--weights", help="weights of LiteFlowNet; without them it is left out")
    parser.add_argument("--only", nargs="*", help="methods whose name holds one of these words")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    cv2.setNumThreads(arguments.threads)
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)

    sets = {
        "face": face_pairs(arguments.pairs, arguments.size),
        "bumps": bump_pairs(min(arguments.pairs, 8), arguments.size),
    }
    chosen = {
        name: run
        for name, run in methods(arguments.pairs, arguments.weights).items()
        if name == "tvl1 opencv" or not arguments.only or any(word in name for word in arguments.only)
    }
    first, second, _ = sets["face"]
    results: dict[str, dict] = {name: {} for name in chosen}
    for name, run in chosen.items():
        start = time.perf_counter()
        run(first, second)
        results[name]["first_call_s"] = time.perf_counter() - start
    for _ in range(arguments.rounds):
        for name, run in chosen.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run(first, second)
            results[name].setdefault("wall_ms", []).append((time.perf_counter() - wall) / len(first) * 1e3)
            results[name].setdefault("cpu_ms", []).append((time.process_time() - cpu) / len(first) * 1e3)
    for name, run in chosen.items():
        row = results[name]
        row["wall_ms"], row["cpu_ms"] = min(row["wall_ms"]), min(row["cpu_ms"])
        row["ratio"] = row["cpu_ms"] / results["tvl1 opencv"]["cpu_ms"]
        row.update({k: round(v, 3) for k, v in row.items()})
        row["error"] = {title: errors(run(a, b), true) for title, (a, b, true) in sets.items()}
    results["none"] = {"error": {title: errors(0 * true, true) for title, (_, _, true) in sets.items()}}
    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    head = {
        "pairs": arguments.pairs,
        "size": arguments.size,
        "threads": arguments.threads,
        "device": device,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "versions": {"tensorflow": tf.__version__, "opencv": cv2.__version__, "numpy": np.__version__},
    }
    if arguments.json:
        print(json.dumps({**head, "methods": results}, indent=1))
        return
    print(json.dumps(head))
    print(f"{'method':44} {'ms/pair':>8} {'CPU ms':>8} {'ratio':>6} {'first s':>8} {'face px':>8} {'bumps px':>8}")
    for name, row in results.items():
        times = ("wall_ms", "cpu_ms", "ratio", "first_call_s")
        cells = [f"{row[key]:.2f}" if key in row else "" for key in times]
        faces, bumps = (f"{row['error'][title]['mean']:.4f}" for title in sets)
        print(f"{name:44} {cells[0]:>8} {cells[1]:>8} {cells[2]:>6} {cells[3]:>8} {faces:>8} {bumps:>8}")


if __name__ == "__main__":
    main()
