"""Apex spotting: which frame of a clip shows the strongest expression.

A clip is ``(frames, height, width)`` gray, frame 0 being the onset and the last one the offset; indices count from
there. Four ways: the annotation, divide and conquer over the change of three face regions (texture or strain), the
high-frequency content of a sliding window, and the middle frame.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping

import cv2
import numpy as np

from mer_tf.errors import CropError, FrameOrderError
from mer_tf.preprocessing.align import Box, clip_box
from mer_tf.preprocessing.hars import hars_edges
from mer_tf.preprocessing.lbp import neighbour_codes, uniform_bins
from mer_tf.preprocessing.strain import optical_strain

METHODS = ("auto", "annotated", "divide_lbp", "divide_strain", "frequency", "middle")
FLAT = 1e-12
GRID = 5  # cells along each side of a region
BLOCKS = 6  # blocks along each side of the picture
WIDEN = 0.10  # of the regions, each side
MIN_DISTANCE = 2  # frames between two peaks
MIN_REGION = GRID + 2  # px: one pixel of every cell after the border is lost
MIN_SIDE = 36  # px, for the frequency method
SECONDS = 0.15  # half the sliding window of the frequency method
SMOOTHING = 0.015  # seconds, half the running mean of the robust form
BLUR = 1.0  # px, standard deviation of the robust form's blur
FORMS = ("robust", "published")
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


@dataclasses.dataclass(frozen=True, eq=False)
class Spotting:
    """An apex and how sure it is.

    Attributes:
        index: Frame index, 0 being the onset.
        method: Method that gave it.
        score: How far the curve at the apex rises above its median, over the curve's whole range, 0 to 1: near 1 for
            one clear peak, near 0.5 for a ramp or noise, 0 for a flat curve or the middle frame. An annotation has 1.
        curve: ``(T,)`` float32 curve that was searched (smoothed, for divide and conquer); zeros where there is none.
        flags: What was out of the ordinary, each one line: a flat curve, no peak, methods that were passed over.
    """

    index: int
    method: str
    score: float
    curve: np.ndarray
    flags: tuple[str, ...] = ()

    def facts(self) -> dict:
        """What belongs into a record: everything but the curve, JSON-able."""
        return {"index": self.index, "method": self.method, "score": round(self.score, 6), "flags": list(self.flags)}


def spot_apex(
    frames: np.ndarray,
    landmarks: np.ndarray | None = None,
    *,
    boxes: Mapping[str, Box] | Iterable[Box] | None = None,
    method: str = "auto",
    fps: float | None = None,
    apex: int | None = None,
    on_bad_annotation: str = "raise",
    form: str = "robust",
    flow: Callable | None = None,
    mask_eyes: bool = False,
    clip: str = "",
) -> Spotting:
    """Finds the apex of a clip.

    Args:
        frames: ``(T, height, width)`` uint8 gray, T >= 1, from onset to offset.
        landmarks: ``(68, 2)`` as (x, y) on the onset frame; gives the regions, and the eyes for ``mask_eyes``.
        boxes: Regions to look at instead of those of the landmarks, taken as they are.
        method: ``"annotated"``, ``"divide_lbp"``, ``"divide_strain"``, ``"frequency"``, ``"middle"``, or ``"auto"``:
            the first of annotation, divide and conquer on strain (which came out nearer to the apex than on texture,
            see ``benchmarks/bench_spotting.py``), frequency, middle for which everything needed is there and whose
            curve is not flat.
        fps: Frames per second; the frequency method needs it.
        apex: Annotated apex as an index, or None.
        on_bad_annotation: ``"raise"``, or ``"spot"`` to pass over an annotation that lies outside the clip or on its
            onset; it is flagged.
        form: Of divide and conquer: ``"published"``, or ``"robust"`` against sensor noise (frames are blurred by one
            pixel before the texture is taken, and see ``divide_and_conquer``).
        flow: For the strain form, ``flow(first, second) -> (height, width, 2)`` on uint8 gray; None takes
            DIS in its fast preset.
        mask_eyes: Whether the frequency method ignores the eyes, whose blinks win easily.
        clip: Clip key for messages.

    Returns:
        The apex with its score.

    Raises:
        TypeError: ``frames`` is not a uint8 array.
        ValueError: An argument is out of range, or the method lacks what it needs.
        FrameOrderError: The annotation does not lie after the onset within the clip.
        CropError: A region is under 7 px on a side.
    """
    frames = _check_clip(frames)
    _check_form(form)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be positive. Received: {fps!r}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}. Received: {method!r}")
    if on_bad_annotation not in ("raise", "spot"):
        raise ValueError(f"on_bad_annotation must be 'raise' or 'spot'. Received: {on_bad_annotation!r}")
    length = len(frames)

    def divide(by: str) -> Spotting:
        regions = _regions(frames.shape[1:], boxes, landmarks, clip)
        if by == "strain":
            curve = strain_change(frames, regions, flow)
        else:
            curve = lbp_change(blurred(frames) if form == "robust" else frames, regions, clip)
        return divide_and_conquer(curve, f"divide_{by}", form=form, fps=fps)

    def frequency() -> Spotting:
        if fps is None:
            raise ValueError("fps must be given for method 'frequency'. Received: None")
        masked = None
        if mask_eyes:
            if landmarks is None:
                raise ValueError("landmarks must be given with mask_eyes. Received: None")
            masked = eye_mask(landmarks, *frames.shape[1:])
        return _highest(frequency_content(frames, fps, masked=masked), "frequency")

    flags: list[str] = []
    if method in ("auto", "annotated") and apex is not None:
        # A clip of one frame has no other apex than its onset.
        if isinstance(apex, int | np.integer) and (0 < apex < length or (length == 1 and apex == 0)):
            return Spotting(int(apex), "annotated", 1.0, np.zeros(length, np.float32))
        said = f"the annotated apex {apex!r} does not lie after the onset 0 and up to the offset {length - 1}"
        if on_bad_annotation == "raise" or method == "annotated":
            raise FrameOrderError(
                f"{said}; correct it in the annotation sheet or wherever it was given, or let it be spotted", clip
            )
        flags.append(said)
    if method == "annotated":
        raise ValueError("apex must be given for method 'annotated'. Received: None")
    if method == "middle":
        return _middle(length)
    if method != "auto":
        return frequency() if method == "frequency" else divide(method.removeprefix("divide_"))
    for name, attempt in (("divide_strain", functools.partial(divide, "strain")), ("frequency", frequency)):
        try:
            found = attempt()
        except (CropError, ValueError) as error:
            flags.append(f"{name}: {error}")
            continue
        if not found.flags or found.flags[0] != _FLAT_CURVE:
            return dataclasses.replace(found, flags=(*flags, *found.flags))
        flags.append(f"{name}: {_FLAT_CURVE}")
    return dataclasses.replace(_middle(length), flags=tuple(flags))


def divide_and_conquer(
    change: np.ndarray, method: str = "divide", *, form: str = "robust", fps: float | None = None
) -> Spotting:
    """Apex from a curve of change against the onset: its peaks, halved until one is left.

    The curve is smoothed with a running mean. The interval is split in halves, the first taking the odd frame; the
    half with the larger sum of peak heights is kept, the earlier of two equal ones.

    Args:
        change: ``(T,)`` finite, T >= 1.
        method: Name to give to the result.
        form: ``"published"``: mean of 3 frames, heights from 0. ``"robust"``: mean of ``2 round(0.015 fps) + 1``
            frames, at least 3, heights from the lowest peak.
        fps: Frames per second, for the length of the robust form's mean; None gives 3 frames.

    Returns:
        The apex; flagged where no frame is a peak (the highest value is taken) or all values are equal (the middle).

    Source: Liong et al. 2015. Assumption: smoothing and the distance between peaks are not printed in what was at
        hand. With heights from 0, sensor noise decides by how many peaks a half has, for every frame but the onset
        differs from the onset by about as much; hence the robust form.
    """
    _check_form(form)
    change = np.asarray(change, dtype=np.float64)
    if change.ndim != 1 or not change.size or not np.isfinite(change).all():
        raise ValueError(f"change must be (T,), finite, T >= 1. Received: {change.shape}")
    if np.ptp(change) < FLAT:
        return _flat(change, method)
    half = max(round(SMOOTHING * fps), 1) if form == "robust" and fps else 1
    padded = np.cumsum(np.r_[0.0, np.pad(change, half, mode="edge")])
    curve = (padded[2 * half + 1 :] - padded[: -2 * half - 1]) / (2 * half + 1)
    peaks = find_peaks(curve)
    if not peaks.size:
        return dataclasses.replace(_highest(curve, method), flags=("no peak: the highest value is taken",))
    heights = curve - curve[peaks].min() if form == "robust" else curve
    low, high = 0, len(curve)
    while peaks.size > 1:
        middle = low + (high - low + 1) // 2
        left, right = peaks[peaks < middle], peaks[peaks >= middle]
        if not right.size or (left.size and heights[left].sum() >= heights[right].sum()):
            peaks, high = left, middle
        else:
            peaks, low = right, middle
    return Spotting(int(peaks[0]), method, _score(curve, int(peaks[0])), curve.astype(np.float32))


def find_peaks(curve: np.ndarray, distance: int = MIN_DISTANCE) -> np.ndarray:
    """Indices of local maxima; of a plateau its first frame, of two closer than ``distance`` the higher (earlier).

    Args:
        curve: ``(T,)``. The first and last frame are no peaks.
        distance: Smallest distance of two peaks, frames.

    Returns:
        ``(k,)`` int64 in order.
    """
    curve = np.asarray(curve, dtype=np.float64)
    if curve.size < 3:
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, curve[1:] != curve[:-1]])  # of runs of equal values
    values = curve[starts]
    peaks = starts[1:-1][(values[1:-1] > values[:-2]) & (values[1:-1] > values[2:])]
    kept: list[int] = []
    for peak in sorted(peaks, key=lambda index: (-curve[index], index)):
        if all(abs(peak - other) >= distance for other in kept):
            kept.append(int(peak))
    return np.array(sorted(kept), dtype=np.int64)


def blurred(frames: np.ndarray, sigma: float = BLUR) -> np.ndarray:
    """Every frame of ``(T, height, width)`` uint8 blurred by a Gaussian of ``sigma`` px."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def lbp_codes(frames: np.ndarray) -> np.ndarray:
    """Local binary patterns of 8 neighbours at radius 1, all frames at once.

    Args:
        frames: ``(T, height, width)`` uint8, sides >= 3.

    Returns:
        ``(T, height - 2, width - 2)`` uint8; bit p is set where neighbour p, clockwise from the upper left, is at
        least as bright as the centre.

    Assumption: neighbours are the eight adjacent pixels (Ojala's first form), not interpolated on a circle.
    """
    return neighbour_codes(frames, [(0, dy, dx) for dy, dx in _AROUND], (0, 1, 1))


def lbp_histograms(frames: np.ndarray, grid: int = GRID) -> np.ndarray:
    """Uniform-pattern histograms over a grid, concatenated.

    Args:
        frames: ``(T, height, width)`` uint8, sides >= grid + 2.
        grid: Cells along each side.

    Returns:
        ``(T, grid * grid * 59)`` float64 counts.
    """
    bins = uniform_bins()
    number = int(bins.max()) + 1
    values = bins[lbp_codes(frames)]
    length, height, width = values.shape
    rows, columns = np.arange(height) * grid // height, np.arange(width) * grid // width
    cells = (rows[:, None] * grid + columns) * number
    size = grid * grid * number
    places = (np.arange(length) * size)[:, None, None] + cells + values
    return np.bincount(places.ravel(), minlength=length * size).reshape(length, size).astype(np.float64)


def lbp_change(frames: np.ndarray, boxes: Iterable[Box], clip: str = "") -> np.ndarray:
    """Change of texture against the first frame, summed over regions.

    Args:
        frames: ``(T, height, width)`` uint8.
        boxes: Regions, at least one, sides >= 7.
        clip: Clip key for messages.

    Returns:
        ``(T,)`` float64: sum of ``1 - sum(h0 h) / sqrt(sum(h0^2) sum(h^2))``; 0 at the onset.
    """
    change = np.zeros(len(frames))
    for box in boxes:
        if min(box.height, box.width) < MIN_REGION:
            raise CropError(f"the region {tuple(box)} has a side under {MIN_REGION} px; use larger frames", clip)
        counts = lbp_histograms(frames[:, box.y0 : box.y1, box.x0 : box.x1])
        first = counts[0]
        # One root of the exact product of whole numbers, so that an unchanged frame gives 0 and not 1e-16.
        change += 1 - counts @ first / np.sqrt((counts**2).sum(axis=1) * (first @ first))
    return change


def strain_change(frames: np.ndarray, boxes: Iterable[Box], flow: Callable | None = None) -> np.ndarray:
    """Mean optical strain from the first frame to each, summed over regions.

    Args:
        frames: ``(T, height, width)`` uint8.
        boxes: Regions, at least one.
        flow: As ``spot_apex``.

    Returns:
        ``(T,)`` float64; 0 at the onset.
    """
    boxes = list(boxes)
    flow = flow or _quick_flow()
    # Flow of the smallest picture that holds all regions, with room for its window at the border.
    room = 16
    top, left = max(min(b.y0 for b in boxes) - room, 0), max(min(b.x0 for b in boxes) - room, 0)
    bottom, right = max(b.y1 for b in boxes) + room, max(b.x1 for b in boxes) + room
    cut = np.ascontiguousarray(frames[:, top:bottom, left:right])
    change = np.zeros(len(frames))
    for index in range(1, len(cut)):
        strain = optical_strain(flow(cut[0], cut[index]))
        change[index] = sum(
            float(strain[b.y0 - top : b.y1 - top, b.x0 - left : b.x1 - left].mean(dtype=np.float64)) for b in boxes
        )
    return change


def frequency_content(
    frames: np.ndarray,
    fps: float,
    *,
    window: int | None = None,
    cutoff: float | None = None,
    masked: np.ndarray | None = None,
) -> np.ndarray:
    """High-frequency content of the texture around every frame.

    The pattern codes are cut into 6 x 6 blocks; a window of frames slides over each, end frames repeated; the
    amplitudes of its 3-D Fourier transform at a distance of at least ``cutoff`` bins from zero frequency are summed.

    Args:
        frames: ``(T, height, width)`` uint8, T >= 2, sides >= 36. Rows and columns left over by six blocks, at the
            bottom and right, are not looked at.
        fps: Frames per second; sets the window to ``2 round(0.15 fps) + 1``, 61 at 200.
        window: Number of frames of the window instead, odd.
        cutoff: Distance instead of ``(window + 1) / 2``.
        masked: ``(height, width)`` bool, pixels to be ignored.

    Returns:
        ``(T,)`` float64.

    Raises:
        ValueError: Too few or too small frames, or an argument out of range.

    Source: Li, Huang and Zhao 2018. Assumption: all 36 blocks are summed and every frame can be the apex; the public
        code means to keep the nine strongest blocks, but picks others, and leaves out the last frame.
    """
    frames = _check_clip(frames)
    length = len(frames)
    if length < 2 or min(frames.shape[1:]) < MIN_SIDE:
        raise ValueError(f"frames must be at least 2 of {MIN_SIDE} px on a side. Received: {frames.shape}")
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be positive. Received: {fps!r}")
    window = 2 * round(SECONDS * fps) + 1 if window is None else window
    if window < 1 or not window % 2:
        raise ValueError(f"window must be odd and at least 1. Received: {window!r}")
    cutoff = (window + 1) / 2 if cutoff is None else cutoff
    codes = lbp_codes(frames)
    if masked is not None:
        codes[:, masked[1:-1, 1:-1]] = 0
    high, wide = codes.shape[1] // BLOCKS, codes.shape[2] // BLOCKS
    blocks = codes[:, : high * BLOCKS, : wide * BLOCKS].reshape(length, BLOCKS, high, BLOCKS, wide)
    # The transform in space is taken once per frame. That of a real window holds every amplitude twice, at opposite
    # places, so half of space is kept and counted twice. Along time the window slides: at every temporal frequency one
    # frame leaves and one enters.
    spectra = np.fft.rfft2(blocks.transpose(0, 1, 3, 2, 4).astype(np.float32)).astype(np.complex64)
    rows, columns = np.fft.fftfreq(high, 1 / high), np.arange(spectra.shape[-1])
    twice = np.where((columns == 0) | (2 * columns == wide), 1.0, 2.0)
    squares = rows[:, None] ** 2 + columns**2
    times = np.fft.fftfreq(window, 1 / window)
    half = window // 2
    order = np.clip(np.arange(-half, length + half), 0, length - 1)
    content = np.zeros(length)
    for time in times:
        kept = squares + time**2 >= cutoff**2
        if not kept.any():
            continue
        weight = np.broadcast_to(twice, squares.shape)[kept]
        lines = spectra[..., kept].reshape(length, BLOCKS * BLOCKS, -1).astype(np.complex128)
        turns = np.exp(-2j * np.pi * time * np.arange(window) / window)
        total = np.tensordot(turns, lines[order[:window]], axes=1)
        for index in range(length):
            if index:
                gone, come = order[index - 1], order[index + window - 1]
                if gone != come:
                    total = total + turns[(index - 1) % window] * (lines[come] - lines[gone])
            content[index] += (np.abs(total) @ weight).sum()
    return content


def region_boxes(landmarks: np.ndarray, height: int, width: int, *, clip: str = "") -> dict[str, Box]:
    """The two brow-and-eye regions and the mouth, widened by 10 % on each side.

    Args:
        landmarks: ``(68, 2)`` as (x, y).
        height: Frame height, px.
        width: Frame width, px.
        clip: Clip key for messages.

    Returns:
        Name to box within the frame.

    Raises:
        CropError: A region is under 7 px on a side.
    """
    boxes = {}
    for name, (y0, y1, x0, x1) in hars_edges(np.asarray(landmarks, np.float64)).items():
        down, across = WIDEN * (y1 - y0), WIDEN * (x1 - x0)
        boxes[name] = clip_box(
            y0 - down, y1 + down, x0 - across, x1 + across, height, width,
            name=name.replace("_", " "), min_side=MIN_REGION, clip=clip,
        )  # fmt: skip
    return boxes


def eye_mask(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """``(height, width)`` bool: the boxes of the two eyes' points, widened by half their height on each side."""
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (68, 2) or not np.isfinite(landmarks).all():
        raise ValueError(f"landmarks must be (68, 2) and finite. Received: {landmarks.shape}")
    mask = np.zeros((height, width), bool)
    for eye in (landmarks[36:42], landmarks[42:48]):
        x0, y0 = eye.min(axis=0)
        x1, y1 = eye.max(axis=0)
        room = (y1 - y0) / 2
        rows = slice(max(int(np.floor(y0 - room)), 0), max(int(np.ceil(y1 + room)) + 1, 0))
        mask[rows, max(int(np.floor(x0 - room)), 0) : max(int(np.ceil(x1 + room)) + 1, 0)] = True
    return mask


_FLAT_CURVE = "the curve is flat: the middle frame is taken"


def _regions(shape, boxes, landmarks, clip: str) -> list[Box]:
    if boxes is None:
        if landmarks is None:
            raise ValueError("landmarks or boxes must be given for divide and conquer. Received: neither")
        return list(region_boxes(landmarks, *shape, clip=clip).values())
    boxes = [Box(*box) for box in (boxes.values() if isinstance(boxes, Mapping) else boxes)]
    if not boxes:
        raise ValueError("boxes must hold at least one region. Received: none")
    for box in boxes:
        if not (0 <= box.y0 < box.y1 <= shape[0] and 0 <= box.x0 < box.x1 <= shape[1]):
            raise ValueError(f"boxes must lie within the {shape[1]}x{shape[0]} frame. Received: {tuple(box)}")
    return boxes


def _check_form(form) -> None:
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}. Received: {form!r}")


def _check_clip(frames) -> np.ndarray:
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
        what = frames.dtype if isinstance(frames, np.ndarray) else type(frames).__name__
        raise TypeError(f"frames must be a uint8 array. Received: {what}")
    if frames.ndim != 3 or 0 in frames.shape:
        raise ValueError(f"frames must be (T, height, width) gray with T >= 1. Received: {frames.shape}")
    return frames


def _score(curve: np.ndarray, index: int) -> float:
    spread = np.ptp(curve)
    return float(np.clip((curve[index] - np.median(curve)) / spread, 0, 1)) if spread >= FLAT else 0.0


def _highest(curve: np.ndarray, method: str) -> Spotting:
    if np.ptp(curve) < FLAT * max(1.0, float(np.abs(curve).max())):
        return _flat(curve, method)
    index = int(np.argmax(curve))
    return Spotting(index, method, _score(curve, index), curve.astype(np.float32))


def _flat(curve: np.ndarray, method: str) -> Spotting:
    return Spotting((len(curve) - 1) // 2, method, 0.0, curve.astype(np.float32), (_FLAT_CURVE,))


def _middle(length: int) -> Spotting:
    return Spotting((length - 1) // 2, "middle", 0.0, np.zeros(length, np.float32))


def _quick_flow() -> Callable:
    from mer_tf.preprocessing.flow import DISConfig, make_flow

    return make_flow(DISConfig(preset="fast"))
