"""Writes flow from onset to apex as files: the pictures and the label file that this field passes on, or arrays.

The layouts are those that ``mer_tf.datasets.flow_images`` reads: a flat folder, or one folder per held-out subject that
holds all clips. A file is named subject, ``_``, clip; where two persons would share a name in a flat folder, the set
stands before it as a folder.

Source of layout and order of the channels: the folders that STSTNet's authors publish (no code that makes them is).
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import io
import os
from collections.abc import Callable, Sequence

import numpy as np

from mer_tf import atomic
from mer_tf.checks import number, one_of, whole
from mer_tf.datasets.flow_arrays import sized_motion
from mer_tf.datasets.flow_images import COLUMNS
from mer_tf.errors import ConfigError
from mer_tf.preprocessing.areas import area_weights
from mer_tf.preprocessing.flow import write_flo

LAYOUTS = ("flat", "subjects")
FORMATS = ("png", "flo", "npy", "npz")
SCALINGS = ("stretched", "symmetric", "fixed")
LABELS_FILE = "labels.csv"
FLOW_FOLDER = "flow"


@dataclasses.dataclass(frozen=True)
class FlowFiles:
    """How flow is written.

    Attributes:
        format: ``"png"`` (8-bit pictures, R, G, B = u, v, strain), or u and v in pixels as ``"flo"``, ``"npy"`` or
            ``"npz"``.
        layout: ``"flat"``, or ``"subjects"``: ``SUBJECT/u_test/LABEL`` and ``SUBJECT/u_train/LABEL``, every clip in the
            folder of every subject.
        size: Side of the files in pixels; 0 leaves that of the flow.
        scaling: Of pictures: ``"stretched"`` (each channel of each picture from its least to its largest value),
            ``"symmetric"`` (u and v by the largest length, no motion is 127.5; strain from 0) or ``"fixed"`` (u and v
            cut to plus and minus ``pixels``, strain to 1, so that all pictures share one scale).
        pixels: See ``"fixed"``; of the flow before it is resized.
    """

    format: str = "png"
    layout: str = "flat"
    size: int = 0
    scaling: str = "stretched"
    pixels: float = 4.0

    def __post_init__(self):
        try:
            one_of("format", self.format, FORMATS)
            one_of("layout", self.layout, LAYOUTS)
            one_of("scaling", self.scaling, SCALINGS)
            whole("size", self.size, 0)
            number("pixels", self.pixels, lambda value: value > 0, "positive")
        except ValueError as error:
            raise ConfigError(str(error)) from error
        if 0 < self.size < 8:
            raise ConfigError(f"size must be 0 or at least 8. Received: {self.size}")


def picture_of(motion: np.ndarray, files: FlowFiles) -> np.ndarray:
    """A picture of one clip's motion.

    Args:
        motion: ``(side, side, 3)`` float32: u, v in pixels and strain.
        files: Scaling and size.

    Returns:
        ``(size, size, 3)`` uint8, RGB. A map is scaled first and then resized by area means, as the recipes do it, and
        rounded last. A channel without motion is 0 throughout, of ``"symmetric"`` and ``"fixed"`` u and v 128.
    """
    motion = np.asarray(motion, np.float64)
    low, high = motion.min(axis=(0, 1)), motion.max(axis=(0, 1))
    if files.scaling == "stretched":
        scaled = (motion - low) / np.where(high - low < 1e-8, 1, high - low)
        scaled = np.where(high - low < 1e-8, 0, scaled)
    else:
        most = np.maximum(np.abs(low), np.abs(high)) if files.scaling == "symmetric" else np.array([files.pixels] * 3)
        if files.scaling == "fixed":
            most[2] = 1
        scaled = np.clip(motion / np.where(most < 1e-8, 1, most), -1, 1)
        scaled[..., :2] = scaled[..., :2] / 2 + 0.5
    size = files.size or len(motion)
    if size != len(motion):
        weights = area_weights(len(motion), size).astype(np.float64)
        scaled = np.einsum("ij,jkc,lk->ilc", weights, scaled, weights)
    return np.floor(scaled * 255 + 0.5).clip(0, 255).astype(np.uint8)


def write_flow(
    out: str | os.PathLike,
    motion: np.ndarray,
    labels: Sequence[int],
    clips: Sequence[tuple[str, str, str]],
    classes: Sequence[str],
    files: FlowFiles,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Writes ``out/flow`` and ``out/labels.csv``.

    Args:
        out: Folder; what it holds of these names is replaced.
        motion: ``(clips, side, side, 3)`` float32: u, v in pixels and strain.
        labels: Class index of each clip.
        clips: Dataset, subject and name of each clip.
        classes: Class names by index.
        files: How.
        progress: Called with (clips written, clips in all).

    Returns:
        ``files`` (number of them), ``clips``, ``folder`` and ``labels``.

    Raises:
        ConfigError: Two clips would get one file; the layout ``"subjects"`` has no folders of sets.
    """
    folder = os.path.join(out, FLOW_FOLDER)
    names = file_names(clips)
    if files.layout == "subjects" and any(os.path.dirname(name) for name in names):
        raise ConfigError(
            "clips of two sets share subject and name, which one folder per subject cannot hold; write "
            "them with the layout 'flat'"
        )
    owners = _subject_folders(clips)
    subjects = sorted(set(owners))
    written = 0
    for row, (own, name) in enumerate(zip(owners, names)):
        data = _bytes(motion[row], files)
        label = str(int(labels[row]))
        places = [os.path.dirname(name)]
        if files.layout == "subjects":
            places = [os.path.join(who, "u_test" if who == own else "u_train", label) for who in subjects]
        for place in places:
            target = os.path.join(folder, place, f"{os.path.basename(name)}.{files.format}")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if isinstance(data, bytes):
                atomic.write_bytes(target, data)
            else:
                write_flo(target, data)
            written += 1
        if progress is not None:
            progress(row + 1, len(clips))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*COLUMNS, "class"])
    table.writerows([*clip, int(label), classes[int(label)]] for clip, label in zip(clips, labels))
    atomic.write_text(os.path.join(out, LABELS_FILE), text.getvalue())
    return {"files": written, "clips": len(clips), "folder": folder, "labels": os.path.join(out, LABELS_FILE)}


def file_names(clips: Sequence[tuple[str, str, str]]) -> list[str]:
    """The file of each clip without its ending: ``SUBJECT_CLIP``, in the set's folder where two sets would share one.

    Raises:
        ConfigError: A name holds a path, or two clips of one set would still share a name.
    """
    plain = [f"{subject}_{clip}" for _, subject, clip in clips]
    shared = len(set(plain)) < len(plain)
    names = [os.path.join(dataset, name) if shared else name for (dataset, *_), name in zip(clips, plain)]
    times = collections.Counter(names)
    for parts, name in zip(clips, names):
        if any(not part or part[0] == "." or "/" in part or "\0" in part for part in parts):
            raise ConfigError(f"clip {'/'.join(parts)} cannot name a file; rename it")
        if times[name] > 1:
            raise ConfigError(f"two clips would be the file {name!r}; rename one")
    return names


def _subject_folders(clips: Sequence[tuple[str, str, str]]) -> list[str]:
    """The subject of each clip, with the set before it where another set has a subject of that name."""
    sets = collections.Counter(subject for _, subject in {clip[:2] for clip in clips})
    return [subject if sets[subject] == 1 else f"{dataset}_{subject}" for dataset, subject, _ in clips]


def _bytes(motion: np.ndarray, files: FlowFiles) -> bytes | np.ndarray:
    if files.format == "png":
        import cv2

        return cv2.imencode(".png", picture_of(motion, files)[..., ::-1])[1].tobytes()
    flow = np.ascontiguousarray(motion[..., :2], np.float32)
    if files.size:
        flow = np.ascontiguousarray(sized_motion(flow, files.size)[..., :2])
    if files.format == "flo":
        return flow
    stream = io.BytesIO()
    if files.format == "npy":
        np.save(stream, flow)
    else:
        np.savez_compressed(stream, u=flow[..., 0], v=flow[..., 1])
    return stream.getvalue()
