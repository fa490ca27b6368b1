"""Pictures in the logs of a run: how often which class was taken for which, and what the network is given."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence

import numpy as np

from mer_tf.console import shown
from mer_tf.recipes import Recipe

SHOWN = 4  # clips of each class
_COLUMNS = 9  # most maps of one clip
_TILE = 84  # px, the least side of a map
_GAP = 4  # px between two maps
_DPI = 100
# Inches: TensorBoard shows pictures small, so that letters are large in them.
_CELL, _LETTER, _RIGHT = 0.75, 0.085, 0.2
_WIDE_NAME = 8  # letters of a class that do not fit under a cell
_WORST_SHARE = 99.5  # percentile of the values that ends a colour scale
# Content of a view -> what its channels are called.
_CHANNELS = {
    "motion": ("u", "v", "strain"),
    "u": ("u",),
    "v": ("v",),
    "uv": ("u", "v"),
    "strain": ("strain",),
    "magnitude": ("length",),
    "uv_magnitude": ("u", "v", "length"),
    "flow_strain": ("u", "v", "length", "strain"),
}
_COLOURED = ("wheel", "image")  # of three channels: they are red, green and blue


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture for the logs.

    Attributes:
        png: Bytes of a PNG file.
        height: Pixels.
        width: Pixels.
    """

    png: bytes
    height: int
    width: int


def confusion_picture(confusion: np.ndarray, classes: Sequence[str], title: str) -> Picture:
    """Counts and shares of the true class, darker where the share is larger.

    Args:
        confusion: int (classes, classes), rows true.
        classes: Their names.
        title: Line above.
    """
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    names = [shown(name) for name in classes]
    slanted = max(map(len, names)) > _WIDE_NAME
    side = _CELL * len(names)
    axes = _axes(side, side, left=0.45 + _LETTER * max(map(len, names)), top=0.4, bottom=1.0 if slanted else 0.6)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for true, row in enumerate(confusion.tolist()):
        for predicted, count in enumerate(row):
            part = share[true, predicted]
            ink = "white" if part > 0.55 else "black"  # seen on the blue of that share
            axes.text(predicted, true, f"{count}\n{part:.0%}", ha="center", va="center", fontsize=11, color=ink)
    slant = {"rotation": 25, "ha": "right"} if slanted else {}
    axes.set_xticks(range(len(names)), names, fontsize=10, parse_math=False, **slant)
    axes.set_yticks(range(len(names)), names, fontsize=10, parse_math=False)
    axes.set_xlabel("predicted", fontsize=10)
    axes.set_ylabel("true", fontsize=10)
    axes.set_title(title, fontsize=10)
    return _png(axes.figure)


def input_picture(tensors: Mapping[str, np.ndarray], keys: Sequence[str], recipe: Recipe, title: str) -> Picture | None:
    """What the network is given of a few clips: a row for each, and a column for each map.

    Args:
        tensors: Network inputs of the recipe, name -> (clips, [frames,] height, width, channels).
        keys: ``dataset/subject/clip`` of each.
        recipe: Their recipe; its views say what the channels are.
        title: Line above.

    Returns:
        The picture; None where no input is a map.
    """
    columns = [column for view in recipe.views if view.name in tensors for column in _columns(view, tensors[view.name])]
    if not columns:
        return None
    dropped = max(0, len(columns) - _COLUMNS)
    columns = columns[:_COLUMNS]
    side = max(_TILE, *(column.maps.shape[1] for column in columns))
    mosaic = np.full((len(keys) * (side + _GAP), len(columns) * (side + _GAP), 3), 255, np.uint8)
    for across, column in enumerate(columns):
        for down, tile in enumerate(column.coloured()):
            fitted = tile[_nearest(tile.shape[0], side)][:, _nearest(tile.shape[1], side)]
            top, left = down * (side + _GAP), across * (side + _GAP)
            mosaic[top : top + side, left : left + side] = fitted
    names, height, width = [_short(key) for key in keys], mosaic.shape[0] / _DPI, mosaic.shape[1] / _DPI
    axes = _axes(width, height, left=0.2 + 0.85 * _LETTER * max(map(len, names)), top=0.75, bottom=0.05)
    axes.imshow(mosaic, interpolation="nearest")
    at = [side / 2 + k * (side + _GAP) for k in range(max(len(names), len(columns)))]
    axes.set_yticks(at[: len(names)], names, fontsize=9, parse_math=False)
    axes.set_xticks(at[: len(columns)], [column.title for column in columns], fontsize=9, parse_math=False)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    further = f"; {dropped} further maps are not shown" if dropped else ""
    whole = axes.figure.get_figheight()
    axes.figure.text(0.02, 1 - 0.15 / whole, shown(title + further), fontsize=10, va="center", parse_math=False)
    return _png(axes.figure)


@dataclasses.dataclass(frozen=True)
class _Column:
    """One map of every clip.

    Attributes:
        title: Its name and what ends its colour scale.
        maps: (clips, height, width), or with three channels of colour.
        limit: End of the scale.
        signed: Whether it begins at minus that, and not at 0.
    """

    title: str
    maps: np.ndarray
    limit: float
    signed: bool

    def coloured(self) -> np.ndarray:
        """uint8 (clips, height, width, 3): red for more and blue for less than 0, else from black to white."""
        scaled = np.clip(self.maps / self.limit, -1, 1)
        if self.maps.ndim == 4:
            return np.round(255 * (scaled + 1) / 2 if self.signed else 255 * np.clip(scaled, 0, 1)).astype(np.uint8)
        if not self.signed:
            return np.repeat(np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)[..., np.newaxis], 3, axis=-1)
        white, ends = np.float32(255), np.array([[178, 24, 43], [33, 102, 172]], np.float32)  # red, blue
        strength = np.abs(scaled)[..., np.newaxis]
        return np.round(white + strength * (np.where(scaled[..., np.newaxis] > 0, *ends) - white)).astype(np.uint8)


def _columns(view, array: np.ndarray) -> list[_Column]:
    if array.ndim not in (4, 5):
        return []
    if view.repeat > 1 and view.content not in _COLOURED:
        array = array[..., :1]  # the others are the same
    channels = array.shape[-1]
    colour = channels == 3 and view.content in _COLOURED
    names = _CHANNELS.get(view.content, ())
    frames: Sequence[int | None] = [None]
    if array.ndim == 5:
        most = max(1, min(array.shape[1], 5 if colour or channels == 1 else _COLUMNS // channels))
        frames = np.unique(np.linspace(0, array.shape[1] - 1, most).round().astype(int)).tolist()
    found = []
    for frame in frames:
        one = array if frame is None else array[:, frame]
        of = "" if frame is None else f", frame {frame + 1}"
        if colour:
            found.append(_column(f"{view.name}{of}", one))
        else:
            for number in range(channels):
                what = f" {names[number]}" if number < len(names) else (f" {number + 1}" if channels > 1 else "")
                found.append(_column(f"{view.name}{what}{of}", one[..., number]))
    return found


def _column(title: str, maps: np.ndarray) -> _Column:
    limit = max(float(np.percentile(np.abs(maps), _WORST_SHARE)), 1e-6)
    signed = bool(maps.min() < 0)
    return _Column(f"{shown(title)}\n{f'±{limit:.3g}' if signed else f'0 to {limit:.3g}'}", maps, limit, signed)


def _nearest(size: int, side: int) -> np.ndarray:
    return np.arange(side) * size // side


def _short(key: str, most: int = 34) -> str:
    text = shown(key)
    return text if len(text) <= most else f"…{text[1 - most :]}"


def _axes(width: float, height: float, *, left: float, top: float, bottom: float):
    """Axes of that size on a figure with room around them, all in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across, down = left + width + _RIGHT, bottom + height + top
    figure = Figure(figsize=(across, down), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure.add_axes((left / across, bottom / down, width / across, height / down))


def _png(figure) -> Picture:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})  # the same picture, the same bytes
    width, height = figure.canvas.get_width_height()
    return Picture(stream.getvalue(), height, width)
