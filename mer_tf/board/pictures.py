"""Pictures in the logs of a run: how often which class was taken for which, and what the network is given."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mer_tf.console import shown
from mer_tf.recipes import Recipe

SHOWN = 4  # clips of each class
_COLUMNS = 9  # most maps of one clip
_TILE = 84  # px, the side of a cell and the least one of a map
_LARGEST = 128  # px, the side above which maps are made smaller
_GAP = 4  # px between two maps
_LINE = 18  # px from one line of text to the next
_FONT, _SIZE, _SMALLEST = cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0.3  # TensorBoard shows pictures small: letters are large
_BLUE = np.array([33, 113, 181], np.float32)
_DARK = 0.6  # share above which white letters are read better
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
    """Counts and shares of the true class, bluer where the share is larger.

    Args:
        confusion: int (classes, classes), rows true.
        classes: Their names.
        title: Line above.
    """
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    count, names = len(classes), [_plain(name) for name in classes]
    left, top = 12 + max(_width(name) for name in (*names, "true")), 2 * _LINE + 8
    image = _blank(top + count * _TILE + 2 * _LINE + 10, left + count * _TILE + 10)
    _write(image, title, 6, _LINE - 2)
    _write(image, "true", left - 6, top - 6, align=1)
    _write(image, "predicted", left + count * _TILE // 2, top + count * _TILE + 2 * _LINE, align=0.5)
    for true, row in enumerate(confusion.tolist()):
        down = top + true * _TILE
        _write(image, names[true], left - 6, down + _TILE // 2 + 5, align=1)
        _write(
            image, names[true], left + true * _TILE + _TILE // 2, top + count * _TILE + _LINE, align=0.5, most=_TILE - 4
        )
        for predicted, number in enumerate(row):
            part, across = float(share[true, predicted]), left + predicted * _TILE
            image[down + 1 : down + _TILE, across + 1 : across + _TILE] = 255 + part * (_BLUE - 255)
            ink = (255, 255, 255) if part > _DARK else (0, 0, 0)
            for line, text in enumerate((str(number), f"{part:.0%}")):
                _write(image, text, across + _TILE // 2, down + _TILE // 2 - 4 + line * _LINE, align=0.5, ink=ink)
    return _png(image)


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
    columns, names = columns[:_COLUMNS], [_short(key) for key in keys]
    side = min(max(_TILE, *(column.maps.shape[1] for column in columns)), _LARGEST)
    left, top = 12 + max(map(_width, names)), 3 * _LINE + 8
    image = _blank(top + len(keys) * (side + _GAP), left + len(columns) * (side + _GAP))
    _write(image, title + (f"; {dropped} further maps are not shown" if dropped else ""), 6, _LINE - 2)
    for across, column in enumerate(columns):
        begin = left + across * (side + _GAP)
        for line, text in enumerate(column.titles, 2):
            _write(image, text, begin + side // 2, line * _LINE, align=0.5, most=side)
        for down, tile in enumerate(column.coloured()):
            above, how = top + down * (side + _GAP), cv2.INTER_AREA if len(tile) > side else cv2.INTER_NEAREST
            image[above : above + side, begin : begin + side] = cv2.resize(tile, (side, side), interpolation=how)
    for down, name in enumerate(names):
        _write(image, name, left - 6, top + down * (side + _GAP) + side // 2 + 5, align=1)
    return _png(image)


@dataclasses.dataclass(frozen=True)
class _Column:
    """One map of every clip.

    Attributes:
        titles: Its name, and the ends of its colour scale.
        maps: (clips, height, width), or with three channels of colour.
        limit: End of the scale.
        signed: Whether it begins at minus that, and not at 0.
    """

    titles: tuple[str, str]
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
        of = "" if frame is None else f" #{frame + 1}"
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
    ends = f"{-limit:.2g} to {limit:.2g}" if signed else f"0 to {limit:.2g}"
    return _Column((title, ends), maps, limit, signed)


def _short(key: str, most: int = 30) -> str:
    text = _plain(key)
    return text if len(text) <= most else f"..{text[2 - most :]}"


def _plain(text: str) -> str:
    """The letters that OpenCV draws: those of ASCII, without accents."""
    return unicodedata.normalize("NFKD", shown(text)).encode("ascii", "ignore").decode() or "?"


def _width(text: str, size: float = _SIZE) -> int:
    return cv2.getTextSize(text, _FONT, size, 1)[0][0]


def _write(image: np.ndarray, text: str, x: int, y: int, *, align: float = 0, most: int = 0, ink=(0, 0, 0)) -> None:
    """Writes a line whose base is at ``y``; ``align`` is the part of it left of ``x``, ``most`` the room it has."""
    text, size = _plain(text), _SIZE
    while most and size > _SMALLEST and _width(text, size) > most:
        size -= 0.03
    while most and len(text) > 1 and _width(text, size) > most:
        text = text[:-1]
    at = (round(x - align * _width(text, size)), y)
    cv2.putText(image, text, at, _FONT, size, ink, 1, cv2.LINE_AA)


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def _png(image: np.ndarray) -> Picture:
    """RGB as a PNG file."""
    data = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
    return Picture(data, *image.shape[:2])
