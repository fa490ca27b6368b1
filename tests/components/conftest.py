"""Small real data for component tests: noise for frames, so that no face detector is needed."""

from __future__ import annotations

import importlib.util
import os

import pytest

if importlib.util.find_spec("tfx") is None:
    collect_ignore_glob = ["test_*.py"]  # every module here imports TFX at its top


@pytest.fixture
def clip_table(tmp_path):
    """Six clips of three subjects with PNG noise frames 1..4; apex 3, or not annotated in the last clip."""
    import cv2
    import numpy as np

    from mer_tf.types import Clip, ClipTable

    rng = np.random.default_rng(0)
    clips = []
    for index in range(6):
        subject, name = f"sub{index // 2 + 1:02d}", f"EP{index % 2 + 1:02d}_01"
        folder = tmp_path / "data" / subject / name
        os.makedirs(folder)
        files = []
        for number in range(1, 5):
            path = str(folder / f"img{number}.png")
            cv2.imwrite(path, rng.integers(0, 256, (12, 16, 3), np.uint8))
            files.append(path)
        clips.append(
            Clip(
                dataset="casme2",
                subject=subject,
                clip=name,
                onset=1,
                apex=None if index == 5 else 3,
                offset=4,
                fps=200.0,
                emotion="happiness",
                aus="12",
                label=index % 3,
                mapping="megc2019",
                frames=tuple(files),
                frame_numbers=(1, 2, 3, 4),
            )
        )
    return ClipTable("casme2", "megc2019", ("negative", "positive", "surprise"), tuple(clips))
