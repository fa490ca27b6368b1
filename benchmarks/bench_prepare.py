"""``prepare`` (worker processes) against a plain single-process script, and its memory.

    python benchmarks/bench_prepare.py [--clips 40] [--workers 2] [--recipe onset_apex_128_streams] [--rounds 1]
        [--memory] [--ten-thousand] [--json]

Speed: the plain script makes the OpenCV and dlib calls of the recipe (detect, level, detect again, crop, TV-L1, strain)
one clip after another and saves one array per clip; OpenCV has one thread in it, and in a second run as many as it
takes by itself. The product writes motion records. Both run in fresh processes in turn, and the fastest round counts;
seconds of imports are left out of both and told apart. Overhead is the wall time of ``prepare`` less the sum of what
the clips took in the worker processes divided by the number of workers, as a share of the wall time. Clips are a few
drawn ones under many names, so that nothing but their preprocessing is measured; every file is read anew.

Memory (``--memory``): largest sum of resident sets of the process and its workers, sampled ten times per second, for
100 and 1,000 clips (and 10,000 with ``--ten-thousand``). So that this takes minutes, the points come from a file and
the flow from DIS; what is read, sent between processes and written has the sizes of the recipe's own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time

RECIPE = "onset_apex_128_streams"
SETTLED = 0.1  # s between two samples of memory


def make_data(folder: str) -> None:
    """A few drawn clips of two subjects."""
    from mer_tf.synthetic import write_synthetic_dataset

    write_synthetic_dataset(folder, subjects=2, clips_per_subject=2, frames_per_clip=(12, 12), seed=0, workers=1)


def many_clips(folder: str, count: int, distinct: int = 4):
    """A table of ``count`` clips: the first few of the folder in turn, each under a name of its own."""
    from mer_tf.datasets import read_casme2

    table = read_casme2(folder)
    clips = [
        dataclasses.replace(table.clips[i % min(distinct, len(table.clips))], clip=f"clip{i:06d}") for i in range(count)
    ]
    return dataclasses.replace(table, clips=tuple(clips))


# === The plain script ===


def plain(folder: str, count: int, threads: int, side: int, out: str) -> dict:
    """What one would write without this package: one process, one clip after another."""
    start = time.perf_counter()
    import cv2
    import dlib
    import numpy as np

    from mer_tf.preprocessing import find_landmark_model

    clips = many_clips(folder, count).clips
    imported = time.perf_counter() - start
    if threads:
        cv2.setNumThreads(threads)
    start = time.perf_counter()
    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(find_landmark_model())

    def points_of(gray):
        boxes, scores, _ = detector.run(gray, 1, 0.0)
        shape = predictor(gray, boxes[int(np.argmax(scores))])
        return np.array([(part.x, part.y) for part in shape.parts()], np.float64)

    def eight_bit(image):
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def one(clip):
        frames = [cv2.imread(clip.frame_path(number)) for number in (clip.onset, clip.apex)]
        onset, apex = (cv2.cvtColor(frame.astype(np.float32), cv2.COLOR_BGR2GRAY) for frame in frames)
        points = points_of(eight_bit(onset))
        across, down = points[45] - points[36]
        centre = (points[36] + points[45]) / 2
        matrix = cv2.getRotationMatrix2D(tuple(map(float, centre)), float(np.degrees(np.arctan2(down, across))), 1.0)
        size = onset.shape[::-1]
        onset, apex = (cv2.warpAffine(f, matrix, size, borderMode=cv2.BORDER_REPLICATE) for f in (onset, apex))
        points = points_of(eight_bit(onset))
        room = ((points[38, 1] - points[20, 1]) + (points[43, 1] - points[23, 1])) / 2
        y0, y1 = int(np.floor(points[19, 1] - room)), int(np.ceil(points[8, 1]))
        x0, x1 = int(np.floor(points[1, 0])), int(np.ceil(points[15, 0]))
        face = slice(max(y0, 0), y1), slice(max(x0, 0), x1)
        onset, apex = (cv2.resize(f[face], (side, side), interpolation=cv2.INTER_AREA) for f in (onset, apex))
        flow = cv2.optflow.createOptFlow_DualTVL1().calc(eight_bit(onset), eight_bit(apex), None)
        u_y, u_x = np.gradient(flow[..., 0])
        v_y, v_x = np.gradient(flow[..., 1])
        strain = np.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2)
        return np.dstack([flow, strain])

    motion = None
    for index, clip in enumerate(clips):
        motion = one(clip)
        np.save(os.path.join(out, f"{index}.npy"), motion)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "import_seconds": imported, "cpu_seconds": time.process_time(), "last": motion.tolist()}


# === The product ===


def product(folder: str, count: int, workers: int, recipe_name: str, out: str, points: str = "") -> dict:
    """``prepare`` as ``mer prepare`` calls it; ``points`` names a file of landmarks and makes it quick."""
    start = time.perf_counter()
    import numpy as np
    import tensorflow  # noqa: F401  (its import is told apart)

    from mer_tf.preparation.prepare import prepare
    from mer_tf.preprocessing.flow import DISConfig
    from mer_tf.recipes import FaceConfig, get_recipe
    from mer_tf.training import read_motion_records

    recipe, table = get_recipe(recipe_name), many_clips(folder, count, 1 if points else 4)
    if points:
        quick = {"face": FaceConfig(detector="file"), "flow": DISConfig(preset="ultrafast")}
        recipe = dataclasses.replace(recipe, **quick)
    imported = time.perf_counter() - start
    start = time.perf_counter()
    report = prepare(table, recipe, out, workers=workers, landmark_model=points or None)
    seconds = time.perf_counter() - start
    if report.faults:
        raise SystemExit(f"{len(report.faults)} clips were left out; the first: {report.faults[0]['message']}")
    facts = {"seconds": seconds, "import_seconds": imported, "busy_seconds": report.seconds}
    if count <= 100:
        data = read_motion_records(out, recipe)
        array = data.tensors[next(iter(recipe.inputs))][data.keys.index(table.clips[-1].key)]
        facts["last"] = np.asarray(array, np.float64).tolist()
    return facts


# === Running them ===


def run(role: str, **settings) -> dict:
    """One role in a process of its own, with the largest resident memory of it and its children in MiB."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as out, open(os.path.join(out, "log"), "w+", encoding="utf-8") as log:
        os.mkdir(os.path.join(out, "made"))
        settings["out"] = os.path.join(out, "made")
        settings["result"] = os.path.join(out, "result.json")
        command = [sys.executable, os.path.abspath(__file__), "--role", role, "--settings", json.dumps(settings)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        peaks = {"all": 0.0, "workers": 0.0}
        over = threading.Event()

        def sample():
            while not over.wait(SETTLED):
                sizes = resident(process.pid)
                peaks["all"] = max(peaks["all"], sum(sizes))
                peaks["workers"] = max(peaks["workers"], *sizes[1:], 0.0)

        watcher = threading.Thread(target=sample)
        watcher.start()
        status = process.wait()
        over.set()
        watcher.join()
        if status:
            log.seek(0)
            raise SystemExit(f"the {role} run failed:\n{log.read()[-3000:]}")
        with open(settings["result"], encoding="utf-8") as file:
            facts = json.load(file)
    return {**facts, "peak_mib": round(peaks["all"]), "largest_child_mib": round(peaks["workers"])}


def resident(pid: int) -> list[float]:
    """Resident MiB of a process and of all its descendants; the process comes first."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(name))
        except (OSError, IndexError):
            continue
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop(0)
        waiting += children.get(current, [])
        try:
            with open(f"/proc/{current}/statm", encoding="utf-8") as file:
                found.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
        except OSError:
            continue
    return found or [0.0]


def fastest(runs: list[dict]) -> dict:
    return min(runs, key=lambda facts: facts["seconds"])


def speed(folder: str, arguments) -> dict:
    import numpy as np

    side = 128
    clips = {"folder": folder, "count": arguments.clips}
    one, own, made = [], [], []
    for _ in range(arguments.rounds):  # in turn, so that the machine's other work meets all alike
        one.append(run("plain", threads=1, side=side, **clips))
        own.append(run("plain", threads=0, side=side, **clips))
        made.append(run("product", workers=arguments.workers, recipe_name=arguments.recipe, **clips))
    one, own, made = fastest(one), fastest(own), fastest(made)
    facts = {
        "clips": arguments.clips,
        "workers": arguments.workers,
        "plain_clips_per_second": arguments.clips / one["seconds"],
        "plain_own_threads_clips_per_second": arguments.clips / own["seconds"],
        "product_clips_per_second": arguments.clips / made["seconds"],
        "ratio": one["seconds"] / made["seconds"],
        "ratio_to_own_threads": own["seconds"] / made["seconds"],
        "milliseconds_per_clip_in_worker": 1000 * made["busy_seconds"] / arguments.clips,
        "overhead_seconds": made["seconds"] - made["busy_seconds"] / arguments.workers,
        "import_seconds": made["import_seconds"],
        "plain_peak_mib": one["peak_mib"],
        "product_peak_mib": made["peak_mib"],
    }
    facts["overhead_share"] = facts["overhead_seconds"] / made["seconds"]
    if "last" in made and arguments.recipe == RECIPE:
        plain_motion, product_motion = np.array(one["last"]), np.array(made["last"])
        facts["mean_difference_px"] = float(np.abs(plain_motion - product_motion)[..., :2].mean())
        facts["mean_motion_px"] = float(np.abs(product_motion[..., :2]).mean())
    return facts


def memory(folder: str, arguments) -> list[dict]:
    import numpy as np

    from mer_tf.preprocessing.face import FaceFinder
    from mer_tf.preprocessing.images import decode_image, gray8

    clip, finder = many_clips(folder, 1).clips[0], FaceFinder()
    with open(clip.frame_path(clip.onset), "rb") as file:
        gray = gray8(decode_image(file.read()))
    points = os.path.join(folder, "points.npy")
    np.save(points, finder.landmarks(gray, finder.detect(gray)))
    found = []
    for count in [100, 1000] + [10_000] * arguments.ten_thousand:
        settings = {"workers": arguments.workers, "recipe_name": arguments.recipe, "points": points}
        made = run("product", folder=folder, count=count, **settings)
        found.append(
            {
                "clips": count,
                "peak_mib": made["peak_mib"],
                "largest_worker_mib": made["largest_child_mib"],
                "seconds": made["seconds"],
            }
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40, help="clips of the speed run (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes of the product (default: %(default)s)")
    parser.add_argument("--recipe", default=RECIPE, help="an onset-apex recipe (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each, in turn (default: %(default)s)")
    parser.add_argument("--memory", action="store_true", help="peak memory at 100 and 1,000 clips instead of speed")
    parser.add_argument("--ten-thousand", action="store_true", help="with --memory: and at 10,000 clips")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--settings", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        settings = json.loads(arguments.settings)
        result = settings.pop("result")
        facts = {"plain": plain, "product": product}[arguments.role](**settings)
        with open(result, "w", encoding="utf-8") as file:
            json.dump(facts, file)
        return 0
    facts = {"machine": platform.machine(), "cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        make_data(folder)
        if arguments.memory:
            facts["memory"] = memory(folder, arguments)
        else:
            facts["speed"] = speed(folder, arguments)
    facts["load_after"] = os.getloadavg()[0]
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return 0
    print(f"{facts['cores']} cores, load {facts['load_before']:.1f} before and {facts['load_after']:.1f} after")
    for name, value in facts.get("speed", {}).items():
        print(f"{name:40} {value:10.3f}" if isinstance(value, float) else f"{name:40} {value:10}")
    for row in facts.get("memory", []):
        print("  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
