"""Time of every hand-crafted feature for one clip, and of LBP-TOP beside a plain loop over the voxels.

    python benchmarks/bench_handcrafted.py [--repeats 7] [--json]

Every feature runs on the shapes of its recipe with the settings of its preset ``paper``, on smooth noise, one thread.
LBP-TOP also runs with radii 3 on 8 x 8 blocks of a 10 x 128 x 128 clip. The plain loop runs on a smaller clip, turn by
turn with the package's form on the same clip; both give the same histogram. Times are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
import warnings

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # read when numpy is loaded

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from mer_tf.preprocessing.lbp import uniform_bins  # noqa: E402
from mer_tf.systems.feature import FeatureWarning, get_extractor  # noqa: E402
from mer_tf.systems.lbp.lbp_top import LbpTopConfig, lbp_top  # noqa: E402
from mer_tf.systems.registry import MODELS  # noqa: E402
from mer_tf.training import TrainConfig  # noqa: E402
from mer_tf.training.feature_trainer import FeatureTrainer  # noqa: E402

SMALL = (10, 32, 32)


def loop_lbp_top(clip: np.ndarray, radius: int = 3) -> np.ndarray:
    """LBP-TOP of one block with eight neighbours, voxel by voxel; counts."""
    bins = uniform_bins(8).tolist()
    values = clip.tolist()
    turn = 2 * np.pi * np.arange(8) / 8
    near = [(int(a), int(b)) for a, b in np.floor(np.round(radius * np.c_[np.cos(turn), np.sin(turn)], 9) + 0.5)]
    far = [(int(a), int(b)) for a, b in np.floor(np.round(-radius * np.c_[np.cos(turn), np.sin(turn)], 9) + 0.5)]
    counts = np.zeros((3, 59))
    length, height, width = clip.shape
    for t in range(radius, length - radius):
        for y in range(radius, height - radius):
            for x in range(radius, width - radius):
                centre = values[t][y][x]
                codes = [0, 0, 0]
                for p in range(8):
                    right, up, back = near[p][0], far[p][1], far[p][1]
                    neighbours = (values[t][y + up][x + right], values[t + back][y][x + right])
                    neighbours += (values[t + back][y + far[p][0]][x],)
                    for plane, value in enumerate(neighbours):
                        codes[plane] |= (value >= centre) << p
                for plane, code in enumerate(codes):
                    counts[plane, bins[code]] += 1
    return counts.ravel()


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def noise(rng: np.random.Generator, shape: tuple[int, ...], images: bool) -> np.ndarray:
    """Smooth random gray 0..255, or flow of a few pixels."""
    frames = rng.standard_normal((int(np.prod(shape[:-3])), *shape[-3:])).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), 3).reshape(shape[-3:]) for frame in frames]).reshape(shape)
    return np.clip(128 + 400 * smooth, 0, 255) if images else np.abs(5 * smooth)


def clip_of(recipe, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Tensors of one clip."""
    return {
        name: rng.uniform(10, 118, shape).astype(np.float32)
        if name == "landmarks"
        else noise(rng, shape, images=shape[-1] == 1)
        for name, shape in recipe.network_inputs.items()
    }


def measure(repeats: int, seed: int) -> dict:
    """Milliseconds per clip of every feature, and the comparison of LBP-TOP."""
    rng = np.random.default_rng(seed)
    rows = []
    for name, card in MODELS.items():
        if card.is_network:
            continue
        trainer = FeatureTrainer(TrainConfig.from_preset(name, "paper"))
        extract = get_extractor(card.builder).extract
        tensors = clip_of(trainer.recipe, rng)
        length = extract(tensors, trainer.feature).size
        times = [seconds(extract, tensors, trainer.feature) for _ in range(repeats)]
        rows.append({"feature": name, "numbers": length, "ms": round(1000 * float(np.median(times)), 2)})
    full = rng.integers(0, 256, (10, 128, 128)).astype(np.uint8)
    blocks = LbpTopConfig(radii=(3, 3, 3), blocks=(8, 8, 1))
    small = rng.integers(0, 256, SMALL).astype(np.uint8)
    one = LbpTopConfig(radii=(3, 3, 3), blocks=(1, 1, 1), normalise="none")
    if not np.array_equal(loop_lbp_top(small), lbp_top(small, one)):
        raise SystemExit("the plain loop and the package disagree")
    times = [
        (seconds(loop_lbp_top, small), seconds(lbp_top, small, one), seconds(lbp_top, full, blocks))
        for _ in range(repeats)
    ]
    loop, same, whole = np.median(times, axis=0) * 1000
    return {
        "features": rows,
        "lbp_top_10x128x128_ms": round(whole, 2),
        "small_clip": "x".join(map(str, SMALL)),
        "loop_small_ms": round(loop, 1),
        "package_small_ms": round(same, 3),
        "ratio": round(loop / same),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore", FeatureWarning)
    found = measure(options.repeats, options.seed)
    if options.json:
        facts = {"python": platform.python_version(), "numpy": np.__version__, "repeats": options.repeats}
        print(json.dumps({**facts, **found}, indent=2))
        return
    print(f"python {platform.python_version()}, numpy {np.__version__}, 1 thread, median of {options.repeats}")
    print(f"{'feature':14} {'numbers':>8} {'ms/clip':>8}")
    for row in found["features"]:
        print(f"{row['feature']:14} {row['numbers']:8} {row['ms']:8.2f}")
    print(f"LBP-TOP, 10x128x128, 8x8 blocks, radii 3, P 8: {found['lbp_top_10x128x128_ms']:.2f} ms")
    print(
        f"LBP-TOP of {found['small_clip']}: plain loop {found['loop_small_ms']:.1f} ms, "
        f"package {found['package_small_ms']:.3f} ms, ratio {found['ratio']}"
    )


if __name__ == "__main__":
    main()
