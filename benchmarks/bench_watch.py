"""How fast a recording is watched, beside real time and beside reading its frames alone.

    python benchmarks/bench_watch.py [--faces 1,2,4,6] [--sizes 480,720,1080] [--seconds 10] [--minutes 1,60] [--json]

Drawn faces of 60 px between the eyes (smaller where they would not fit) at 30 frames a second, in a file that one
10 s drawing is repeated in. ``--minutes`` measures memory as well: each length in a process of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np

from mer_tf.synthetic.motion import Difficulty
from mer_tf.synthetic.render import SyntheticSubject, View

FPS = 30
DRAWN_S = 10
SIZES = {480: (640, 480), 720: (1280, 720), 1080: (1920, 1080)}
_EYES = 121.0  # px between the eyes of a drawing


def draw(faces: int, size: tuple[int, int], seconds: float):
    """Yields frames of people who sway and blink; after ten seconds they begin again."""
    width, height = size
    columns = min(faces, 3)
    rows = -(-faces // columns)
    zoom = min(60 / _EYES, width / columns / 320, height / rows / 440)
    cell = min(int(300 * zoom), width // columns), min(int(430 * zoom), height // rows)
    times = np.arange(DRAWN_S * FPS) / FPS
    strips = []
    for number in range(faces):
        subject = SyntheticSubject(0, number + 1, Difficulty(noise=1.0), view=View(*cell, zoom, (320, 262)))
        plan = subject.plan(0, frames=20, emotion="neutral")
        names = subject.repertoire.channels
        amplitudes = np.zeros((len(times), len(names)), np.float32)
        amplitudes[:, names.index("head_x")] = 3 * np.sin(2 * np.pi * 0.3 * times + number)
        closure = np.maximum(0, np.cos(np.pi * np.clip((times % 4 - 2) / 0.12, -0.5, 0.5))).astype(np.float32)
        still = np.array([[1.0, 0, 0], [0, 1.0, 0]])
        plan = dataclasses.replace(
            plan, amplitudes=amplitudes, closure=closure, gain=np.ones(len(times), np.float32), pose=still
        )
        left = (2 * (number % columns) + 1) * width // (2 * columns) - cell[0] // 2
        top = (2 * (number // columns) + 1) * height // (2 * rows) - cell[1] // 2
        strips.append((list(subject.render(plan)), left, top))
    wall = np.random.default_rng(0).normal(140, 2, (height, width, 3)).clip(0, 255).astype(np.uint8)
    for index in itertools.islice(itertools.cycle(range(len(times))), round(seconds * FPS)):
        picture = np.roll(wall, 17 * index % height, axis=0)
        for frames, left, top in strips:
            picture[top : top + cell[1], left : left + cell[0]] = frames[index]
        yield picture


def write(path: str, faces: int, size: tuple[int, int], seconds: float) -> None:
    """A VP8 file, as browsers and cameras of today make them."""
    writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"VP80"), FPS, size)
    for picture in draw(faces, size, seconds):
        writer.write(picture)
    writer.release()


def decode(path: str) -> float:
    """Seconds that reading alone takes."""
    start = time.perf_counter()
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    while capture.read()[0]:
        pass
    return time.perf_counter() - start


def measure(path: str, faces: int, size: int) -> dict:
    """One row: how a file is watched in a process of its own."""
    code = (
        "import json, sys\n"
        "from mer_tf.watch.engine import watch\n"
        "result = watch(sys.argv[1])\n"
        "print(json.dumps({'seconds': result.source.seconds, 'faces': len(result.tracks), **result.cost}))\n"
    )
    told = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True).stdout
    found = json.loads(told.splitlines()[-1])
    reading = decode(path)
    return {
        "size": size,
        "faces": faces,
        "found": found["faces"],
        "seconds": round(found["seconds"], 1),
        "wall_s": found["wall_s"],
        "cpu_s": found["cpu_s"],
        "times_real_time": found["ratio"],
        "times_decoding": round(found["wall_s"] / reading, 1),
        "peak_mb": found["peak_mb"],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", default="1,2,4,6")
    parser.add_argument("--sizes", default="480,720,1080")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--minutes", default="", help="also one face at 480p for these lengths, for the memory")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cases = [
        (size, faces, arguments.seconds)
        for size in map(int, arguments.sizes.split(","))
        for faces in map(int, arguments.faces.split(","))
    ]
    cases += [(480, 1, 60 * float(minutes)) for minutes in arguments.minutes.split(",") if minutes]
    rows = []
    for size, faces, seconds in cases:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "drawn.webm")
            write(path, faces, SIZES[size], seconds)
            rows.append(measure(path, faces, size))
        if not arguments.json:
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if arguments.json:
        machine = {"cores": os.cpu_count(), "processor": platform.processor(), "opencv": cv2.__version__}
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
