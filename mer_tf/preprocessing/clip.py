"""From the frames of a clip to the arrays of a recipe: the first half (OpenCV and dlib)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import cv2
import numpy as np

from mer_tf import served
from mer_tf.errors import (
    ClipError,
    ConfigError,
    FrameOrderError,
    ImageError,
    MissingFileError,
    UnknownNameError,
)
from mer_tf.preprocessing import hars, temporal
from mer_tf.preprocessing.deciding import networks
from mer_tf.preprocessing.face import detector_versions, make_finder
from mer_tf.preprocessing.face_cache import VARIABLE as FACE_CACHE_VARIABLE
from mer_tf.preprocessing.face_cache import CachedFinder
from mer_tf.preprocessing.flow import METHODS as FLOW_METHODS
from mer_tf.preprocessing.flow import LiteFlowNetConfig, make_flow
from mer_tf.preprocessing.geometry import Geometry, clip_box_geometry, detection_facts, find_geometry
from mer_tf.preprocessing.images import check_image, decode_image, resize, significant_bits, to_gray, to_uint8
from mer_tf.preprocessing.magnify import LearnedConfig, magnify
from mer_tf.preprocessing.parsing import parsing_maps
from mer_tf.preprocessing.remarks import clip_remarks
from mer_tf.preprocessing.select import select_frames
from mer_tf.preprocessing.spotting import spot_apex
from mer_tf.preprocessing.strain import motion
from mer_tf.preprocessing.versions import file_digest
from mer_tf.recipes import RECIPES, Recipe
from mer_tf.recipes.schema import APEX_ARRAYS
from mer_tf.types import Clip

KEPT_AROUND = 0.5  # of the first frame's face box: what is kept of each frame until the clip's box is known


@dataclasses.dataclass(frozen=True)
class Preprocessed:
    """What ``ClipPreprocessor`` makes of a clip.

    Attributes:
        tensors: One float32 array per entry of ``recipe.inputs``.
        provenance: How it was made, JSON-able and the same for the same bytes.
        geometry: Where the face was taken from.
    """

    tensors: dict[str, np.ndarray]
    provenance: dict
    geometry: Geometry


class ClipPreprocessor:
    """Detects, aligns, crops, magnifies and measures motion, as a recipe says.

    The order is: luma (or RGB) of each frame; face and 68 points on the first; alignment; crop; resizing; rounding to
    8 bits; magnification; temporal normalisation; flow; strain. Frames are decoded one after another, and only their
    crops are kept.

    dlib is loaded by ``open()`` (or a ``with`` block, or the first clip); before that the object can be pickled,
    and a pickled copy is always a closed one.

    Args:
        recipe: What to make.
        landmark_model: Path of dlib's 68-point model, or None to look for it; the folder of landmark files for the
            detector ``"file"``.
        opencv_threads: Number of threads OpenCV may use in this process, set by ``open()``; None leaves the
            process as it is.
        magnifier_weights: Weights of the learned magnifier; needed by recipes that use it. None looks in the
            environment variable ``MER_MAGNIFIER_WEIGHTS``.
        flow_weights: Weights of LiteFlowNet; needed by recipes that use it. None looks in the environment variable
            ``MER_LITEFLOWNET_WEIGHTS``.

    Source: Dual-ATME, alignment and cropping; ATSCNN for gray 128x128 frames; the other papers by recipe.

    Example:
        >>> from mer_tf.recipes import get_recipe
        >>> preprocessor = ClipPreprocessor(get_recipe("onset_apex_28_hars"))
        >>> preprocessor.recipe.inputs["face"]
        (112, 112, 3)
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        landmark_model: str | os.PathLike | None = None,
        opencv_threads: int | None = None,
        magnifier_weights: str | os.PathLike | None = None,
        flow_weights: str | os.PathLike | None = None,
        face_cache: str | os.PathLike | None = None,
    ):
        if not isinstance(recipe, Recipe):
            raise TypeError(f"recipe must be a Recipe. Received: {type(recipe).__name__}")
        self.recipe = recipe
        self.landmark_model = None if landmark_model is None else os.fspath(landmark_model)
        self.opencv_threads = opencv_threads
        self.magnifier_weights = magnifier_weights or os.environ.get(LearnedConfig.weights.variable) or None
        self.flow_weights = flow_weights or os.environ.get(LiteFlowNetConfig.weights.variable) or None
        self.face_cache = face_cache or os.environ.get(FACE_CACHE_VARIABLE) or None
        self._finder = None
        self._flow: Callable | None = None
        self._versions: dict[str, str] = {}

    def open(self) -> ClipPreprocessor:
        """Loads the detector, the landmark model and the flow method; a second call does nothing.

        Raises:
            MissingPackageError: dlib is not installed.
            MissingFileError: The landmark model, or weights the recipe needs, are not there.
        """
        if self._finder is None:
            if self.opencv_threads is not None:
                cv2.setNumThreads(self.opencv_threads)
            used = self._weights()
            if self.recipe.measures_motion:
                if self.recipe.flow.method not in FLOW_METHODS:
                    raise ConfigError(
                        f"recipe {self.recipe.name!r} measures motion and names no flow method; known are: "
                        f"{', '.join(FLOW_METHODS)}"
                    )
                self._flow = make_flow(self.recipe.flow, weights=used.get("flow"))
            finder = make_finder(self.recipe.face, self.landmark_model)
            self._versions = self.versions()
            if self.face_cache and finder.finds_again:  # points from a file are at hand already
                finder = CachedFinder(finder, self.recipe.face, self._finder_versions(), self.face_cache)
            self._finder = finder
        return self

    def versions(self) -> dict[str, str]:
        """Versions of what this recipe uses and its hash does not hold; nothing is loaded for it but dlib's module.

        Returns:
            ``opencv`` always; ``dlib`` and ``landmark_model`` (digest of the file), or ``cascades``, as the detector
            needs them; ``magnifier_weights`` and ``liteflownet_weights`` (digests) where networks are used.

        Raises:
            MissingPackageError, MissingFileError: As ``open``.
        """
        used = self._weights()
        weights = {f"{w.name}_weights": file_digest(used[part]) for part, w in networks(self.recipe).items()}
        return self._finder_versions() | weights

    def _finder_versions(self) -> dict[str, str]:
        return {"opencv": cv2.__version__} | detector_versions(self.recipe.face, self.landmark_model)

    def _weights(self) -> dict[str, str | os.PathLike]:
        """Weights files by the part of the recipe that uses a network; each must be given."""
        used = {}
        paths = {"magnify": self.magnifier_weights, "flow": self.flow_weights}
        for part, weights in networks(self.recipe).items():
            path = paths[part]
            if not path:
                classic = f"{self.recipe.name}_classic"
                instead = f"; without weights there is recipe {classic}" if classic in RECIPES else ""
                raise MissingFileError(
                    f"recipe {self.recipe.name!r} needs trained {weights.name} weights; {weights.advice}, and name the "
                    f"file in {weights.variable}{instead}"
                )
            used[part] = path
        return used

    def close(self) -> None:
        """Lets the detector and the models go."""
        self._finder = self._flow = None

    def __enter__(self) -> ClipPreprocessor:
        return self.open()

    def __exit__(self, *exception) -> None:
        self.close()

    def __getstate__(self):
        return {**self.__dict__, "_finder": None, "_flow": None}

    def process_clip(self, clip: Clip, frames: Mapping[int, bytes], **options) -> Preprocessed:
        """Selects the frames the recipe reads of a clip, and processes them.

        Args:
            clip: The clip.
            frames: Bytes of the image files by frame number; numbers the recipe does not read are left alone.
            **options: ``landmarks`` as ``process`` takes them.

        Raises:
            ClipError: As ``process``; also where a frame is absent or out of order.
        """
        selection = select_frames(clip, self.recipe.frames)
        absent = [number for number in selection.numbers if number not in frames]
        if absent:
            raise FrameOrderError(f"frame {absent[0]} was not read", clip.key, absent[0])
        result = self.process(
            *(frames[number] for number in selection.numbers),
            clip=clip.key,
            numbers=selection.numbers,
            apex=selection.apex,
            fps=clip.fps,
            **options,
        )
        result.provenance["apex_rule"] = (
            selection.rule if selection.apex is not None else f"spotted, {self.recipe.frames.apex}"
        )
        return result

    def process(
        self,
        *frames: bytes,
        clip: str = "",
        numbers: Sequence[int] | None = None,
        apex: int | None = None,
        fps: float = 0.0,
        landmarks: np.ndarray | None = None,
    ) -> Preprocessed:
        """The arrays of one clip from its encoded frames.

        Args:
            *frames: Bytes of the image files, as the recipe's span wants them: onset and apex; the apex; or the
                frames of the stretch in order, at least two.
            clip: Clip key for messages.
            numbers: Number of each frame, for messages.
            apex: Index of the apex in ``frames``. Defaults to the last frame for the spans ``onset_apex`` and
                ``onset_to_apex``; for others None looks for it by ``recipe.frames.apex`` where an array needs it.
            fps: Frames per second; needed by Eulerian magnification.
            landmarks: ``(68, 2)`` points on the first frame, or ``(frames, 68, 2)``, instead of detection.

        Raises:
            ClipError: ``ImageError``, ``FaceNotFoundError``, ``SeveralFacesError``, ``LandmarkError`` or
                ``CropError``, with the clip named.
            ConfigError: The number of frames does not fit the recipe.
        """
        numbers = list(numbers) if numbers is not None else [None] * len(frames)
        bits, told = significant_bits(frames)
        images = (decode_image(data, bits=bits, clip=clip, frame=number) for data, number in zip(frames, numbers))
        result = self._process(images, len(frames), clip, numbers, apex, fps, landmarks)
        if told:
            result.provenance.update(bits=bits, assumed=told)
            result.provenance["warnings"].append(f"{served.FEWER_BITS}: {told}")
        return result

    def remarks(self, onset: bytes, apex: bytes, bits: int, clip: str, numbers: tuple[int, int]) -> list[str]:
        """What to know of the faces of onset and apex, see ``mer_tf.preprocessing.remarks``; for a clip processed.

        Args:
            onset: Bytes of the image file.
            apex: The same; for recipes without an onset the same file.
            bits: ``bits`` of the clip's provenance, 16 where it has none.
            clip: Clip key.
            numbers: Frame numbers of the two.
        """
        frames = (
            decode_image(data, bits=bits, clip=clip, frame=number) for data, number in zip((onset, apex), numbers)
        )
        return clip_remarks(*frames, self.open()._finder, clip, numbers)

    def process_images(
        self,
        *images: np.ndarray,
        clip: str = "",
        numbers: Sequence[int] | None = None,
        apex: int | None = None,
        fps: float = 0.0,
        landmarks: np.ndarray | None = None,
    ) -> Preprocessed:
        """As ``process``, from ``(height, width, 3)`` uint8 RGB arrays."""
        for index, image in enumerate(images):
            check_image(image, f"frame {index}")
        numbers = list(numbers) if numbers is not None else [None] * len(images)
        return self._process(iter(images), len(images), clip, numbers, apex, fps, landmarks)

    def _process(self, images, count, clip, numbers, apex, fps, landmarks) -> Preprocessed:
        recipe = self.recipe
        apex = _checked_apex(recipe, count, apex)
        if len(numbers) != count:
            raise ConfigError(f"{len(numbers)} frame numbers were given for {count} frames")
        self.open()
        prepared = _prepared(images, clip, numbers)
        if recipe.face.crop == "clip_box":
            crops, puzzles, geometry, facts = self._clip_box(prepared, clip, numbers, landmarks)
        else:
            crops, puzzles, geometry, facts = self._one_geometry(prepared, apex, clip, numbers, landmarks)
        provenance = {"recipe": recipe.name, "recipe_hash": recipe.hash, "frames": count, **self._versions, **facts}
        if apex is None:
            apex, provenance["spotting"] = self._spot(crops, geometry, fps)
            if not apex:
                raise FrameOrderError("no motion was found: the spotted apex is the onset", clip, numbers[0])
        arrays = self._arrays(crops, puzzles, apex, geometry, fps, provenance, clip)
        provenance["boxes"] = {
            "face": list(geometry.face),
            **{name: list(box) for name, box in geometry.regions.items()},
        }
        provenance["largest_motion_px"] = {
            name: float(np.hypot(array[..., 0], array[..., 1]).max())
            for name, array in arrays.items()
            if recipe.kinds[name] in ("motion", "flow")
        }
        return Preprocessed(arrays, provenance, geometry)

    def _one_geometry(self, prepared, apex, clip, numbers, landmarks):
        recipe = self.recipe
        geometry, facts, crops, puzzles = None, {}, [], {}
        for index, (gray, colour) in enumerate(prepared):
            if geometry is None:
                points = landmarks if landmarks is None or np.ndim(landmarks) == 2 else np.asarray(landmarks)[0]
                geometry, facts = find_geometry(
                    gray, recipe, self._finder, clip=clip, frame=numbers[0], landmarks=points
                )
            aligned = geometry.align(colour.astype(np.float32) if recipe.colour else gray)
            crops.append(to_uint8(geometry.crop(aligned, recipe.crop_size)))
            if recipe.puzzle_size and (apex is None or index in (0, apex)):
                level = geometry.align(gray) if recipe.colour else aligned
                puzzles[index] = self._puzzle(level, geometry)
        return crops, puzzles, geometry, facts

    def _puzzle(self, level, geometry):
        if self.recipe.puzzle_per_roi:
            return {name: to_uint8(box.cut(level)) for name, box in geometry.regions.items()}
        return to_uint8(hars.puzzle(level, geometry.regions, self.recipe.puzzle_size))

    def _clip_box(self, prepared, clip, numbers, landmarks):
        recipe, policy = self.recipe, self.recipe.face.on_failure
        window, kept, points, facts = None, [], [], {}
        failures = []
        for index, (gray, colour) in enumerate(prepared):
            try:
                if landmarks is not None:
                    found = np.asarray(landmarks, np.float64)
                    found = found if found.ndim == 2 else found[index]
                    first = None
                else:
                    eight_bit = to_uint8(gray)
                    first = self._finder.detect(eight_bit, clip, numbers[index])
                    found = self._finder.landmarks(eight_bit, first, clip, numbers[index])
            except ClipError as error:
                # Without a first good frame there is nothing to go by, whatever the policy.
                if policy == "raise" or not points:
                    raise
                failures.append(f"frame {numbers[index]}: {error.message}; {policy}")
                found = points[-1] if policy == "previous" else None
            if window is None:
                window = _around(found, gray.shape)
                facts = detection_facts(self._finder, first) if first else {"detector": "given", "warnings": []}
                shape = gray.shape
            if found is not None:
                points.append(found)
                kept.append((colour if recipe.colour else to_uint8(gray))[window].copy())
        geometry = clip_box_geometry(points, shape, clip)
        facts |= {"image_size": list(shape), "angle_degrees": geometry.angle}
        facts["warnings"] += failures
        rows, columns = window
        box = geometry.face
        top, left = max(box.y0 - rows.start, 0), max(box.x0 - columns.start, 0)
        cut = (slice(top, box.y1 - rows.start), slice(left, box.x1 - columns.start))
        return [frame[cut] for frame in kept], {}, geometry, facts

    def _spot(self, crops, geometry, fps):
        size = self.recipe.crop_size
        gray = np.stack([_gray8(resize(crop, size, size)) for crop in crops])
        found = spot_apex(gray, geometry.points(size), method=self.recipe.frames.apex, fps=fps)
        return int(found.index), found.facts()

    def _arrays(self, crops, puzzles, apex, geometry, fps, provenance, clip) -> dict[str, np.ndarray]:
        recipe = self.recipe
        size = recipe.crop_size
        if recipe.frames.span == "onset_to_apex":
            crops = crops[: apex + 1]
        if recipe.magnify.method == "eulerian":
            # The filter is in Hz, so it must see the frames as they were taken.
            crops = self._magnified(crops, fps, clip)
        frames = None
        if recipe.frames.is_sequence:
            made = temporal.to_length(np.stack(crops), recipe.frames.count, recipe.frames.interpolation)
            frames = made.frames
            if made.fallback:
                provenance["warnings"].append(made.fallback)
            if recipe.magnify.method == "learned":
                frames = np.stack(self._magnified(list(to_uint8(frames)), fps, clip))
            if frames.shape[1:3] != (size, size):
                frames = np.stack([resize(frame, size, size) for frame in frames])
        makers = {
            "face": lambda: motion(self._flow(_gray8(crops[0]), _gray8(crops[apex]))),
            "puzzle": lambda: motion(self._puzzle_flow(puzzles[0], puzzles[apex])),
            "flow": lambda: self._sequence_flow(to_uint8(frames)),
            "frames": lambda: np.stack([_channels(frame) for frame in np.clip(frames, 0, 255)]),
            "onset_image": lambda: _channels(crops[0]),
            "apex_image": lambda: _channels(crops[apex]),
            "dynamic": lambda: _channels(temporal.dynamic_image(frames, scaled=True)),
            "parsing": lambda: parsing_maps(geometry.points(size), size, size, size),
            "landmarks": lambda: geometry.points(size),
        }
        for name in recipe.arrays:
            if name not in makers:
                raise UnknownNameError("array", name, makers)
        return {name: np.ascontiguousarray(makers[name](), np.float32) for name in recipe.arrays}

    def _magnified(self, frames, fps, clip) -> list[np.ndarray]:
        config = self.recipe.magnify
        if config.method == "eulerian" and not fps > 2 * config.f_high:
            raise ImageError(
                f"Eulerian magnification up to {config.f_high:g} Hz needs more than {2 * config.f_high:g} frames per "
                f"second; the clip has {fps:g}",
                clip,
            )
        return list(magnify(frames, config, fps=fps, weights=self.magnifier_weights))

    def _sequence_flow(self, frames: np.ndarray) -> np.ndarray:
        if self.recipe.flow.pairs == "adjacent" and hasattr(self._flow, "clip"):
            return self._flow.clip(frames)  # several pairs in one call of the network
        first = [frames[0]] * (len(frames) - 1) if self.recipe.flow.pairs == "onset" else frames[:-1]
        return np.stack([self._flow(one, other) for one, other in zip(first, frames[1:])])

    def _puzzle_flow(self, onset, apex) -> np.ndarray:
        if not self.recipe.puzzle_per_roi:
            return self._flow(onset, apex)
        flows = {name: self._flow(onset[name], apex[name]) for name in onset}
        return hars.puzzle_flow(flows, self.recipe.puzzle_size)


def _prepared(images: Iterable[np.ndarray], clip: str, numbers):
    """Yields luma (float32) and RGB (uint8) of each frame; refuses a frame of another size."""
    size = None
    for image, number in zip(images, numbers):
        if size is None:
            size = image.shape
        if image.shape != size:
            raise ImageError(
                f"the frame is {image.shape[1]}x{image.shape[0]} and the first one {size[1]}x{size[0]}; "
                "all frames of a clip must have one size",
                clip,
                number,
            )
        yield to_gray(image), image


def _checked_apex(recipe: Recipe, count: int, apex: int | None) -> int | None:
    """Index of the apex, or None where it must be looked for; refuses a count that does not fit the span."""
    span = recipe.frames.span
    spotting = recipe.frames.apex != "middle"
    wanted = {"onset_apex": 2, "apex": 1}.get(span)
    free = wanted is None or (spotting and apex is None)  # every frame is read to look for the apex
    fits = count >= 2 if free else count == wanted
    if not fits:
        raise ConfigError(
            f"recipe {recipe.name!r} takes {wanted or 'at least 2'} frame{'s' if wanted != 1 else ''} "
            f"({span.replace('_', ' ')}). Received: {count}"
        )
    if apex is not None:
        if not 0 <= apex < count:
            raise ConfigError(f"apex must be the index of a frame, 0..{count - 1}. Received: {apex!r}")
        return apex
    if span == "onset_to_offset" and not APEX_ARRAYS & set(recipe.arrays):
        return 0  # no array asks for it
    if spotting:
        return None
    return (count - 1) // 2 if span == "onset_to_offset" else count - 1


def _around(points: np.ndarray, shape) -> tuple[slice, slice]:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = KEPT_AROUND * (high - low)
    (x0, y0), (x1, y1) = np.floor(low - margin).astype(int), np.ceil(high + margin).astype(int)
    return slice(max(y0, 0), min(y1, shape[0])), slice(max(x0, 0), min(x1, shape[1]))


def _gray8(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 2 else to_uint8(to_gray(image))


def _channels(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else image[..., None]
