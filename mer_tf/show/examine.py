"""Everything a recipe does to a clip, step by step, by the very preprocessor of the pipeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from mer_tf.errors import CropError
from mer_tf.preprocessing import hars
from mer_tf.preprocessing.align import transform_points
from mer_tf.preprocessing.clip import ClipPreprocessor, Preprocessed
from mer_tf.preprocessing.geometry import Geometry
from mer_tf.preprocessing.images import decode_image, resize, to_gray, to_uint8
from mer_tf.preprocessing.magnify import NoMagnification
from mer_tf.preprocessing.select import middle_frame, nearest_frame, select_frames
from mer_tf.preprocessing.spotting import Spotting, spot_apex
from mer_tf.recipes import Recipe, View
from mer_tf.types import Clip

SPOTTERS = ("divide_lbp", "divide_strain", "frequency")
SPOTTING_SIDE = 128  # px: smallest crop that is searched for an apex, whatever the recipe stores


@dataclasses.dataclass(frozen=True, eq=False)
class Examined:
    """A clip as its recipe saw it.

    Attributes:
        clip: The clip.
        recipe: The recipe.
        result: What ``ClipPreprocessor`` made.
        frames: Frame number to ``(height, width, 3)`` uint8 RGB: the first frame read and the apex.
        points: ``(68, 2)`` float64 landmarks on the frames (not turned); NaN where the warp does not reach.
        outlines: Name to ``(n, 2)`` corners of each box on the frames.
        crops: ``(frames, size, size[, 3])`` uint8 of the frames in ``frames``.
        puzzles: ``(frames, size, size)`` uint8 of the same, or None.
        before: ``(count, size, size, channels)`` float32 sequence without magnification, or None.
        after: The same with magnification, or None where the recipe has no sequence.
        spotting: Method to its result, or to the reason why there is none. Indices count in ``numbers``.
        numbers: Frame numbers from onset to offset.
        apex: Frame number used as apex.
    """

    clip: Clip
    recipe: Recipe
    result: Preprocessed
    frames: dict[int, np.ndarray]
    points: np.ndarray
    outlines: dict[str, np.ndarray]
    crops: np.ndarray
    puzzles: np.ndarray | None
    before: np.ndarray | None
    after: np.ndarray | None
    spotting: dict[str, Spotting | str]
    numbers: tuple[int, ...]
    apex: int

    def to_json(self) -> dict:
        """The provenance of the clip with the apex that every spotting method finds."""
        return {
            "clip": self.clip.key,
            "annotated": {"onset": self.clip.onset, "apex": self.clip.apex, "offset": self.clip.offset},
            "apex": self.apex,
            "spotting": {
                name: {"error": found}
                if isinstance(found, str)
                else {**found.facts(), "frame": self.numbers[found.index]}
                for name, found in self.spotting.items()
            },
            "provenance": self.result.provenance,
        }


def examine(
    clip: Clip,
    recipe: Recipe,
    read: Callable[[int], bytes],
    *,
    landmark_model=None,
    magnifier_weights=None,
    flow_weights=None,
) -> Examined:
    """Preprocesses a clip and keeps what is worth a look.

    Args:
        clip: The clip, with its frame numbers.
        recipe: What to make of it.
        read: Gives the bytes of a frame by its number.
        landmark_model: As ``ClipPreprocessor``.
        magnifier_weights: As ``ClipPreprocessor``.
        flow_weights: As ``ClipPreprocessor``.

    Returns:
        The clip as the recipe saw it. The frames from onset to offset are read once more for the spotting methods,
        which work on gray crops of at least 128 px.

    Raises:
        ClipError, BadInputError: As ``ClipPreprocessor``.
    """
    options = {
        "landmark_model": landmark_model,
        "magnifier_weights": magnifier_weights,
        "flow_weights": flow_weights,
    }
    selection = select_frames(clip, recipe.frames)
    data = {number: read(number) for number in selection.numbers}
    # The steps of an array do not depend on the others, so one more array changes nothing.
    with_clip = recipe
    if recipe.frames.is_sequence and "frames" not in recipe.arrays:
        with_clip = dataclasses.replace(recipe, arrays=(*recipe.arrays, "frames"))
    with ClipPreprocessor(with_clip, **options) as preprocessor:
        result = preprocessor.process_clip(clip, data)
        index = result.provenance.get("spotting", {}).get("index", selection.apex)
        pair = selection.numbers[0], selection.numbers[index]
        bits = result.provenance.get("bits", 16)
        remarks = preprocessor.remarks(*(data[number] for number in pair), bits, clip.key, pair)
    after = result.tensors.get("frames")
    result = Preprocessed(
        {name: result.tensors[name] for name in recipe.arrays},
        {**result.provenance, "recipe_hash": recipe.hash, "warnings": [*result.provenance["warnings"], *remarks]},
        result.geometry,
    )
    before = after
    if recipe.magnify.method != "none":
        plain = dataclasses.replace(
            recipe,
            magnify=NoMagnification(),
            arrays=("frames",),
            views=(View("frames", "frames", "image"),),
            puzzle_size=0,
        )
        with ClipPreprocessor(plain, **options) as preprocessor:
            before = preprocessor.process_clip(clip, data).tensors["frames"]
    apex = selection.numbers[index]
    if recipe.frames.span == "onset_to_offset" and not {"face", "puzzle", "apex_image"} & set(recipe.arrays):
        apex = clip.apex if clip.apex is not None else middle_frame(clip.onset, clip.offset)
        apex = nearest_frame(selection.numbers, apex) or selection.numbers[index]
    frames = {number: decode_image(data[number], bits=bits) for number in dict.fromkeys((selection.numbers[0], apex))}
    geometry, size = result.geometry, recipe.crop_size
    aligned = [geometry.align(to_gray(frame)) for frame in frames.values()]
    coloured = [geometry.align(frame.astype(np.float32)) for frame in frames.values()] if recipe.colour else aligned
    crops = np.stack([to_uint8(geometry.crop(frame, size)) for frame in coloured])
    puzzles = None
    if recipe.puzzle_size:
        puzzles = np.stack([to_uint8(hars.puzzle(one, geometry.regions, recipe.puzzle_size)) for one in aligned])
    spotting, numbers = _spot(clip, geometry, max(size, SPOTTING_SIDE), read, bits)
    points, outlines = _on_frame(geometry)
    return Examined(
        clip, recipe, result, frames, points, outlines, crops, puzzles, before, after, spotting, numbers, apex
    )


def _spot(clip: Clip, geometry: Geometry, size: int, read, bits: int) -> tuple[dict, tuple[int, ...]]:
    known = clip.frame_numbers or range(clip.onset, clip.offset + 1)
    numbers = tuple(number for number in known if clip.onset <= number <= clip.offset)
    crops = []
    for number in numbers:  # one decoded frame at a time
        gray = to_gray(decode_image(read(number), bits=bits, clip=clip.key, frame=number))
        crops.append(to_uint8(resize(geometry.crop(geometry.align(gray)), size, size)))
    gray, found = np.stack(crops), {}
    for method in SPOTTERS:
        try:
            found[method] = spot_apex(gray, geometry.points(size), method=method, fps=clip.fps or None, clip=clip.key)
        except (CropError, ValueError) as error:
            found[method] = str(error)
    return found, numbers


def _on_frame(geometry: Geometry) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Landmarks and box outlines on the frames themselves, before turning or warping."""
    if geometry.maps is not None:
        x, y = geometry.maps
        height, width = x.shape
        edge = np.linspace(0, 1, 33)
        zero, one = np.zeros_like(edge), np.ones_like(edge)
        around = np.concatenate(
            [np.column_stack(side) for side in ((edge, zero), (one, edge), (edge[::-1], one), (zero, edge[::-1]))]
        ) * [width - 1, height - 1]
        return _sampled(x, y, geometry.landmarks), {"face": _sampled(x, y, around)}
    back = cv2.invertAffineTransform(geometry.matrix)
    outlines = {}
    for name, box in {"face": geometry.face, **geometry.regions}.items():
        left, right, top, bottom = box.x0 - 0.5, box.x1 - 0.5, box.y0 - 0.5, box.y1 - 0.5
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
        outlines[name] = transform_points(corners, back)
    return transform_points(geometry.landmarks, back), outlines


def _sampled(x: np.ndarray, y: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The maps at points of the crop; NaN more than a pixel outside of it."""
    last = np.array([x.shape[1] - 1, x.shape[0] - 1], np.float32)
    inside = np.all((points > -1) & (points < last + 1), axis=1)
    column, row = (np.ascontiguousarray(c[None]) for c in np.clip(points, 0, last).astype(np.float32).T)
    found = [
        cv2.remap(np.asarray(part, np.float32), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        for part in (x, y)
    ]
    return np.where(inside[:, None], np.stack(found, axis=-1).astype(np.float64), np.nan)
