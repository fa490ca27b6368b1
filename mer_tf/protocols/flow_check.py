"""What a look at a folder of flow finds before anything is trained: counts, what is missing, and what stands twice."""

from __future__ import annotations

import collections
import hashlib

import numpy as np

from mer_tf.datasets.flow_images import FlowImages
from mer_tf.protocols.near_duplicates import SIDE, find_near_duplicates, thumbnail

_CHANNELS = ("u", "v", "strain")


def check_flow_images(images: FlowImages) -> dict:
    """Facts of flow pictures or arrays, JSON-able.

    Args:
        images: What was read.

    Returns:
        ``clips``, ``subjects`` (counts), ``datasets`` (clips and subjects of each), ``classes`` (name to count),
        ``sizes`` (side to count), ``missing`` and ``skipped`` (messages on clips without a usable file), ``notes``,
        ``constant`` (clip to its channels of one value), ``duplicates`` (lists of clips with the very same flow),
        ``across_subjects`` (those of them that belong to several subjects) and ``near_duplicates`` (pairs of clips of
        two subjects that look alike; None where the flow is smaller than 16 pixels).
    """
    flat = images.images.reshape(len(images), -1, images.images.shape[-1])
    still = flat.min(axis=1) == flat.max(axis=1)
    same: dict[str, list[int]] = collections.defaultdict(list)
    for row, image in enumerate(images.images):
        same[hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()].append(row)
    duplicates = [rows for rows in same.values() if len(rows) > 1]
    sets = {}
    for name in sorted(set(images.datasets)):
        rows = [row for row, dataset in enumerate(images.datasets) if dataset == name]
        sets[name] = {"clips": len(rows), "subjects": len({images.subject_keys[row] for row in rows})}
    return {
        "clips": len(images),
        "subjects": len(set(images.subject_keys)),
        "datasets": sets,
        "classes": {name: int(np.sum(images.labels == index)) for index, name in enumerate(images.classes)},
        "sizes": {str(side): count for side, count in images.sizes.items()},
        "missing": [problem.message for problem in images.problems if problem.kind == "missing"],
        "skipped": [problem.message for problem in images.problems if problem.dropped and problem.kind != "missing"],
        "notes": [problem.message for problem in images.problems if not problem.dropped],
        "constant": {
            images.keys[row]: [name for name, flag in zip(_CHANNELS, flags) if flag]
            for row, flags in enumerate(still)
            if flags.any()
        },
        "duplicates": [[images.keys[row] for row in rows] for rows in duplicates],
        "across_subjects": [
            [images.keys[row] for row in rows]
            for rows in duplicates
            if len({images.subject_keys[row] for row in rows}) > 1
        ],
        "near_duplicates": _near(images, duplicates),
    }


def _near(images: FlowImages, duplicates: list[list[int]]) -> list[list[str]] | None:
    """Pairs that are alike and not the very same: u, v and strain side by side must nearly agree."""
    if images.images.shape[1] < SIDE:
        return None
    found = None
    for channel in range(images.images.shape[-1]):
        maps = images.images[..., channel].astype(np.float32)
        low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
        maps = np.round((maps - low) / np.maximum(high - low, 1e-6) * 255).astype(np.uint8)
        pairs = {(i, j) for i, j, _ in find_near_duplicates(np.stack(list(map(thumbnail, maps))), images.subject_keys)}
        found = pairs if found is None else found & pairs
    same = {frozenset((i, j)) for rows in duplicates for i in rows for j in rows}
    return [[images.keys[i], images.keys[j]] for i, j in sorted(found or ()) if frozenset((i, j)) not in same]
