"""Speed of leave-one-subject-out: mer-tf, a plain PyTorch loop and Keras's ``fit``, side by side in one run.

    python benchmarks/bench_loso.py [--torch-python PATH] [--systems dual_atme ststnet] [--folds 68] [--epochs 3]
    python benchmarks/bench_loso.py --growth [--growth-clips 10000]

All train the same folds of generated pictures for the same number of epochs, mer-tf as ``mer loso --workers N`` does,
the others with all threads. "s a fold-epoch" leaves out the start of each (imports, and the first fold of every
process, in which mer-tf traces); "processor, s" is the time of all threads and processes, their start included. Keras
traces anew for each fold, as code that makes a model for each fold does; it trains the first eight folds
(``--keras-folds``), which cost as much as any others. The share is that of the machine's float32
matrix products with two threads, measured in the same run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
INPUTS = {"dual_atme": ("face", "puzzle"), "ststnet": ("face",)}


def generated(system: str, clips: int, subjects: int, folds: int) -> dict[str, np.ndarray]:
    """Noise in the shape of the system's inputs; class and subject of each clip in turn."""
    rng = np.random.default_rng(0)
    pictures = {name: rng.uniform(-1, 1, (clips, 28, 28, 3)).astype("float32") for name in INPUTS[system]}
    number = np.arange(clips)
    return {**pictures, "labels": number % 3, "owners": number % subjects, "folds": np.array(folds)}


def motion_data(system: str, arrays: dict):
    from mer_tf.systems.registry import recipe_of_model
    from mer_tf.training import MotionData

    count = len(arrays["labels"])
    return MotionData(
        tensors={name: arrays[name] for name in INPUTS[system]},
        labels=arrays["labels"],
        datasets=("casme2",) * count,
        subjects=tuple(f"s{owner:04}" for owner in arrays["owners"]),
        clips=tuple(f"c{row}" for row in range(count)),
        recipe=recipe_of_model(system),
        network=True,
        mapping="megc2019",
        synthetic=True,
    )


def train_mer(system: str, file: str, epochs: int, batch: int, workers: int) -> dict:
    """Seconds of the folds, and the largest private memory of a worker in MiB."""
    from mer_tf.training import TrainConfig, run_loso

    data = motion_data(system, dict(np.load(file)))
    config = TrainConfig.from_preset(system, epochs=epochs, batch_size=batch, seed=0)
    folds = data.loso_folds()[: int(np.load(file)["folds"])]
    seconds, memory = [], []

    def progress(done, total, name, took, old):
        seconds.append(took)
        memory.extend(private_memory(child) for child in children())

    with tempfile.TemporaryDirectory() as out:
        run_loso(data, config, out, folds=folds, workers=workers, progress=progress)
    return {"seconds": seconds, "memory": max(memory, default=private_memory(os.getpid()))}


def train_keras(system: str, file: str, epochs: int, batch: int, most: int) -> dict:
    import keras

    from mer_tf.systems.registry import build_model

    arrays = dict(np.load(file))
    seconds = []
    for fold in range(min(most, int(arrays["folds"]))):
        start = time.perf_counter()
        train, test = (np.flatnonzero(arrays["owners"] != fold), np.flatnonzero(arrays["owners"] == fold))
        model = build_model(system, 3)
        model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
        inputs = {name: arrays[name] for name in INPUTS[system]}
        model.fit(
            {name: array[train] for name, array in inputs.items()}, arrays["labels"][train],
            batch_size=batch, epochs=epochs, verbose=0,
        )  # fmt: skip
        model.predict({name: array[test] for name, array in inputs.items()}, verbose=0)
        seconds.append(time.perf_counter() - start)
        keras.backend.clear_session()  # else 100 MiB more stay for each fold
    return {"seconds": seconds}


def matmul_rate(threads: int) -> dict:
    """GFLOP/s of a float32 product of 2048 x 2048, the best of five."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    a = tf.random.normal((2048, 2048))
    best = min(_timed(lambda: tf.matmul(a, a).numpy()) for _ in range(6))
    return {"rate": 2 * 2048**3 / best / 1e9}


def _timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        listed = [int(word) for word in file.read().split()]
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
            listed += [int(word) for word in file.read().split()]
    return sorted(set(listed))


def private_memory(process: int) -> float:
    """MiB that a process has for itself alone; 0 where it has ended."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("RssAnon"))
    except (OSError, StopIteration):
        return 0.0


def in_process(python: str, *words) -> dict | None:
    """What a new process prints as its last line; None, with its last words, where it fails."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [os.path.dirname(HERE), os.environ.get("PYTHONPATH")]))
    done = subprocess.run([python, *map(str, words)], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"skipped: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}")
        return None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": time.perf_counter() - start, "processor": processor}


def per_epoch(found: dict, epochs: int, beside: int = 1) -> float:
    """Seconds a fold-epoch, without the first fold of each process."""
    later = found["seconds"][beside:] or found["seconds"]
    return float(np.mean(later)) / epochs / beside


def compare(arguments, folder: str) -> None:
    from mer_tf.systems.counts import all_counts

    own = os.path.join(HERE, "bench_loso.py")
    rates = {n: in_process(sys.executable, own, "--child", "matmul", n) for n in (1, 2)}
    print(
        "float32 matrix products:", ", ".join(f"{r['rate']:.0f} GFLOP/s with {n} thread(s)" for n, r in rates.items())
    )
    rows = []
    for system in arguments.systems:
        file = os.path.join(folder, f"{system}.npz")
        np.savez(file, **generated(system, arguments.clips, arguments.subjects, arguments.folds))
        work = (system, file, arguments.epochs, arguments.batch_size)
        found = {
            "PyTorch loop": in_process(arguments.torch_python, os.path.join(HERE, "torch_loso.py"), *work),
            "Keras fit": in_process(sys.executable, own, "--child", "keras", *work, arguments.keras_folds),
            "mer loso": in_process(sys.executable, own, "--child", "mer", *work, arguments.workers),
        }
        speeds = {
            name: per_epoch(value, arguments.epochs, arguments.workers if name == "mer loso" else 1)
            for name, value in found.items()
            if value is not None
        }
        # Multiply-adds of one clip; twice as many operations, and backwards twice as many again.
        work_done = 6 * all_counts()[system]["flops"] * arguments.clips * (1 - 1 / arguments.subjects) / 1e9
        for name, speed in speeds.items():
            ratio = speed / speeds["mer loso"] if "mer loso" in speeds else float("nan")
            share = work_done / speed / rates[2]["rate"]
            rows.append((system, name, found[name]["wall"], found[name]["processor"], speed, ratio, share))
    heads = ("system", "", "whole, s", "processor, s", "s a fold-epoch", "mer is faster", "share")
    print("\n{:<10} {:<13} {:>9} {:>12} {:>15} {:>14} {:>6}".format(*heads))
    for system, name, wall, used, speed, ratio, share in rows:
        print(f"{system:<10} {name:<13} {wall:>9.1f} {used:>12.1f} {speed:>15.4f} {ratio:>13.2f}x {share:>6.0%}")


def growth(arguments, folder: str) -> None:
    """Memory of a worker and time for each clip, of a tenth of the clips and of all."""
    own = os.path.join(HERE, "bench_loso.py")
    print(f"{'clips':>7} {'arrays, MiB':>12} {'a worker alone, MiB':>20} {'us a clip and epoch':>20}")
    for clips in (arguments.growth_clips // 10, arguments.growth_clips):
        file = os.path.join(folder, f"{clips}.npz")
        arrays = generated("ststnet", clips, 100, 2 * arguments.workers)
        np.savez(file, **arrays)
        found = in_process(sys.executable, own, "--child", "mer", "ststnet", file, 4, 256, arguments.workers)
        if found is not None:
            time_each = per_epoch(found, 4, arguments.workers) * arguments.workers / clips / 0.99
            print(
                f"{clips:>7} {arrays['face'].nbytes / 2**20:>12.0f} {found['memory']:>20.0f} {time_each * 1e6:>20.1f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=tuple(INPUTS), default=list(INPUTS))
    parser.add_argument("--clips", type=int, default=442)
    parser.add_argument("--subjects", type=int, default=68)
    parser.add_argument("--folds", type=int, default=68, help="how many of the folds are trained")
    parser.add_argument("--keras-folds", type=int, default=8, help="how many at most with Keras's fit, which is slow")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--torch-python", default=sys.executable, help="an interpreter that has PyTorch")
    parser.add_argument("--growth", action="store_true", help="memory and time of many clips instead")
    parser.add_argument("--growth-clips", type=int, default=10_000)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, *words = arguments.child
        work = {"mer": train_mer, "keras": train_keras, "matmul": matmul_rate}[name]
        print(json.dumps(work(*(int(word) if word.isdigit() else word for word in words))))
        return
    from importlib.metadata import version

    from mer_tf.numerics import processor

    print(
        f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"TensorFlow {version('tensorflow')}, {datetime.date.today()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        (growth if arguments.growth else compare)(arguments, folder)


if __name__ == "__main__":
    main()
