"""The first half of a recipe: a clip's onset and apex frames to motion tensors (OpenCV and dlib)."""

from __future__ import annotations

import dataclasses
import os

import cv2
import numpy as np

from mer_tf.errors import ClipError, FrameOrderError, ImageError
from mer_tf.preprocessing import align, hars
from mer_tf.preprocessing.face import FaceFinder
from mer_tf.preprocessing.flow import TVL1Flow
from mer_tf.preprocessing.images import check_image, decode_image, resize, to_gray, to_uint8
from mer_tf.preprocessing.strain import motion
from mer_tf.recipes import Recipe
from mer_tf.types import Clip

NEAREST_FRAMES = 2  # a missing frame may be replaced by one at most this many numbers away
MAX_REDETECTION_SHIFT = 0.05  # of the inter-ocular distance; larger is recorded as a warning


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where the face is, found on the onset and used for both frames.

    Attributes:
        angle: Angle of the eye line in degrees, positive where the image-right eye is lower.
        matrix: ``(2, 3)`` float64, from the frame to the levelled frame.
        landmarks: ``(68, 2)`` float64 as (x, y), on the levelled frame.
        face: Crop box of the face, on the levelled frame.
        regions: Boxes of the HARS regions, on the levelled frame; empty without a puzzle.
    """

    angle: float
    matrix: np.ndarray
    landmarks: np.ndarray
    face: align.Box
    regions: dict[str, align.Box]


@dataclasses.dataclass(frozen=True)
class Preprocessed:
    """What ``ClipPreprocessor`` makes of a clip.

    Attributes:
        tensors: One float32 array per entry of ``recipe.inputs``: u, v in pixels of that map, strain.
        provenance: How it was made, JSON-able and the same for the same bytes.
        geometry: Where the face was taken from.
    """

    tensors: dict[str, np.ndarray]
    provenance: dict
    geometry: Geometry


class ClipPreprocessor:
    """Detects, levels, crops and measures motion from onset to apex, as a recipe says.

    Landmarks are found on the onset alone and the same geometry serves both frames: detection jitter is of the
    size of a micro-expression and would be taken for motion.

    The order is: luma of both frames; face and 68 points on the onset; levelling of the eye line; points again on
    the levelled onset; crop boxes; area resize of both levelled frames' boxes; rounding to 8 bits; TV-L1; strain.

    dlib is loaded by ``open()`` (or a ``with`` block, or the first clip); before that the object can be pickled,
    and a pickled copy is always a closed one.

    Args:
        recipe: What to make.
        landmark_model: Path of dlib's 68-point model, or None to look for it.
        opencv_threads: Number of threads OpenCV may use in this process, set by ``open()``; None leaves the
            process as it is.

    Source: seed 001, alignment and cropping; seed 004 for gray 128x128 frames.

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
    ):
        if not isinstance(recipe, Recipe):
            raise TypeError(f"recipe must be a Recipe. Received: {type(recipe).__name__}")
        self.recipe = recipe
        self.landmark_model = None if landmark_model is None else os.fspath(landmark_model)
        self.opencv_threads = opencv_threads
        self._flow = TVL1Flow(recipe.flow)
        self._finder: FaceFinder | None = None

    def open(self) -> ClipPreprocessor:
        """Loads the detector and the landmark model; a second call does nothing.

        Raises:
            MissingPackageError: dlib is not installed.
            MissingFileError: The landmark model is not there.
        """
        if self._finder is None:
            if self.opencv_threads is not None:
                cv2.setNumThreads(self.opencv_threads)
            self._finder = FaceFinder(self.recipe.face, self.landmark_model)
        return self

    def close(self) -> None:
        """Lets the detector and the landmark model go."""
        self._finder = None

    def __enter__(self) -> ClipPreprocessor:
        return self.open()

    def __exit__(self, *exception) -> None:
        self.close()

    def __getstate__(self):
        return {**self.__dict__, "_finder": None}

    def process(
        self,
        onset: bytes,
        apex: bytes,
        *,
        clip: str = "",
        onset_frame: int | None = None,
        apex_frame: int | None = None,
    ) -> Preprocessed:
        """Motion of one clip from its two encoded frames.

        Args:
            onset: Bytes of the onset's image file.
            apex: Bytes of the apex's image file.
            clip: Clip key for messages.
            onset_frame: Number of the onset frame for messages.
            apex_frame: Number of the apex frame for messages.

        Raises:
            ClipError: ``ImageError``, ``FaceNotFoundError``, ``SeveralFacesError``, ``LandmarkError`` or
                ``CropError``, with the clip named.
        """
        return self.process_images(
            decode_image(onset, clip=clip, frame=onset_frame),
            decode_image(apex, clip=clip, frame=apex_frame),
            clip=clip,
            onset_frame=onset_frame,
            apex_frame=apex_frame,
        )

    def process_images(
        self,
        onset: np.ndarray,
        apex: np.ndarray,
        *,
        clip: str = "",
        onset_frame: int | None = None,
        apex_frame: int | None = None,
    ) -> Preprocessed:
        """As ``process``, from ``(height, width, 3)`` uint8 RGB arrays."""
        check_image(onset, "onset")
        check_image(apex, "apex")
        if onset.shape != apex.shape:
            raise ImageError(
                f"the onset frame is {onset.shape[1]}x{onset.shape[0]} and the apex frame "
                f"{apex.shape[1]}x{apex.shape[0]}; all frames of a clip must have one size",
                clip,
                apex_frame,
            )
        frames = [to_gray(onset), to_gray(apex)]
        geometry, provenance = self._geometry(frames[0], clip, onset_frame)
        frames = [align.warp(frame, geometry.matrix) for frame in frames]

        size = self.recipe.crop_size
        tensors = {}
        if self.recipe.face_map:
            tensors["face"] = self._motion([resize(geometry.face.cut(frame), size, size) for frame in frames])
        if self.recipe.puzzle_size:
            tensors["puzzle"] = self._motion(
                [hars.puzzle(frame, geometry.regions, self.recipe.puzzle_size) for frame in frames]
            )
        provenance["largest_motion_px"] = {
            name: float(np.hypot(tensor[..., 0], tensor[..., 1]).max()) for name, tensor in tensors.items()
        }
        return Preprocessed(tensors, provenance, geometry)

    def _motion(self, pair: list[np.ndarray]) -> np.ndarray:
        return motion(self._flow(to_uint8(pair[0]), to_uint8(pair[1])))

    def _geometry(self, onset: np.ndarray, clip: str, frame: int | None) -> tuple[Geometry, dict]:
        finder = self.open()._finder
        height, width = onset.shape
        warnings = []

        gray = to_uint8(onset)
        first = finder.detect(gray, clip, frame)
        points = finder.landmarks(gray, first, clip, frame)
        matrix = align.levelling_matrix(points)
        angle = align.eye_angle(points)
        turned = align.transform_points(points, matrix)

        landmarks, shift = turned, None
        try:
            level = to_uint8(align.warp(onset, matrix))
            landmarks = finder.landmarks(level, finder.detect(level, clip, frame), clip, frame)
        except ClipError as error:
            warnings.append(f"points not found again on the levelled onset ({error.message}); turned points used")
        else:
            shift = float(np.linalg.norm(landmarks - turned, axis=1).mean() / align.interocular(turned))
            if shift > MAX_REDETECTION_SHIFT:
                warnings.append(
                    f"points on the levelled onset differ by {shift:.3f} of the inter-ocular distance "
                    f"from the turned ones (at most {MAX_REDETECTION_SHIFT} expected)"
                )

        face = align.face_box(landmarks, height, width, clip, frame)
        regions = hars.hars_boxes(landmarks, height, width, clip=clip, frame=frame) if self.recipe.puzzle_size else {}
        provenance = {
            "recipe": self.recipe.name,
            "recipe_hash": self.recipe.hash,
            "image_size": [height, width],
            "upsample": first.upsample,
            "score": first.score,
            "faces": first.faces,
            "angle_degrees": angle,
            "landmarks": "found again" if shift is not None else "turned",
            "landmark_shift": shift,
            "boxes": {"face": list(face), **{name: list(box) for name, box in regions.items()}},
            "warnings": warnings,
        }
        return Geometry(angle, matrix, landmarks, face, regions), provenance


def middle_frame(onset: int, offset: int) -> int:
    """``onset + floor((offset - onset) / 2)``, the stand-in for an apex that is not annotated."""
    return onset + (offset - onset) // 2


def nearest_frame(numbers, wanted: int) -> int | None:
    """The number in ``numbers`` nearest to ``wanted`` and at most 2 away (the lower one of two), or None."""
    near = [number for number in numbers if abs(number - wanted) <= NEAREST_FRAMES]
    return min(near, key=lambda number: (abs(number - wanted), number), default=None)


def needed_frames(clip: Clip) -> tuple[int, int, str]:
    """The two frames that an onset-apex recipe reads.

    Args:
        clip: The clip; where it lists frame files, only numbers among them are returned.

    Returns:
        Onset number, apex number, and the rule: ``"annotated"``, or ``"middle"`` where the apex is not annotated
        (``onset + floor((offset - onset) / 2)``), with ``", nearest frame"`` added where the number had no file and
        one at most 2 away was taken.

    Raises:
        FrameOrderError: Onset, apex and offset are out of order, there is no frame between onset and offset to
            stand in for the apex, or a frame has no file near it.
    """
    apex, rule = clip.apex, "annotated"
    if apex is None:
        apex, rule = middle_frame(clip.onset, clip.offset), "middle"
    if not clip.onset < apex <= clip.offset:
        raise FrameOrderError(
            f"onset {clip.onset} < apex {apex} ({rule}) <= offset {clip.offset} does not hold; "
            "correct the row of the annotation sheet",
            clip.key,
        )
    numbers = [clip.onset, apex]
    if clip.frame_numbers:
        for index, number in enumerate(numbers):
            near = nearest_frame(clip.frame_numbers, number)
            if near is None:
                raise FrameOrderError(
                    f"frame {number} has no file, nor has one within {NEAREST_FRAMES} of it "
                    f"(files run from {clip.frame_numbers[0]} to {clip.frame_numbers[-1]})",
                    clip.key,
                )
            if near != number:
                numbers[index] = near
                rule += "" if rule.endswith("nearest frame") else ", nearest frame"
        if not numbers[0] < numbers[1]:
            raise FrameOrderError(f"onset and apex fall on one frame file ({numbers[0]})", clip.key)
    return numbers[0], numbers[1], rule
