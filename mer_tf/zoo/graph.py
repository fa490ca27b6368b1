"""A network's layers as a drawing: boxes from top to bottom, one column per stream."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from html import escape

from mer_tf.atomic import write_text
from mer_tf.errors import ConfigError

ENDINGS = (".png", ".svg")
_COLOURS = {
    "input": "#dce9f7",
    "weights": "#fde6c8",
    "normalisation": "#e5e5f5",
    "pool": "#d8f0d8",
    "join": "#f7dcdc",
    "other": "#f4f4f4",
}
_LINE = "#555555"
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _TITLE = 187.0, 30.0, 25.0, 22.0, 28.0  # points


def draw_system(name: str, path: str | os.PathLike) -> None:
    """Draws a network of the registry (imports TensorFlow, uses no memory for the weights).

    Args:
        name: Registry name.
        path: File to write; its ending, one of ``ENDINGS``, decides the format.

    Raises:
        ConfigError: Another ending, the system is a hand-crafted feature, or a PNG without matplotlib.
    """
    check_ending(path)
    from mer_tf.systems.registry import build_model
    from mer_tf.zoo.complexity import trace, without_weights

    model = without_weights(lambda: build_model(name))
    calls = trace(model)
    shapes = {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}
    inputs = list(dict.fromkeys(s for call in calls for s in call.sources if isinstance(s, str)))
    labels = [(source, "Input", _shape(shapes[source])) for source in inputs]
    edges = []
    for number, call in enumerate(calls, start=len(inputs)):
        labels.append((call.layer.name, type(call.layer).__name__, _shape(call.outputs[0].shape[1:])))
        for source in call.sources:
            start = inputs.index(source) if isinstance(source, str) else source + len(inputs)
            edges.append((start, number))
    layout = arrange(labels, edges)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    if os.fspath(path).lower().endswith(".svg"):
        write_text(path, to_svg(layout, name))
    else:
        write_png(layout, name, path)


def check_ending(path: str | os.PathLike) -> None:
    """``ConfigError`` unless the file's ending names a format that can be written."""
    if os.path.splitext(os.fspath(path))[1].lower() not in ENDINGS:
        raise ConfigError(f"a drawing ends in {', '.join(ENDINGS)}. Received: {os.fspath(path)!r}")


def place(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Row and column of each node of a graph.

    A node stands one row below the lowest it comes from, in that one's column (in the middle one's, where several are
    equally low), or in the next free column to the right.

    Args:
        count: Number of nodes, in an order in which each comes after its sources.
        edges: (source, target) pairs.

    Returns:
        (row, column) per node, from 0; no two nodes share a place.
    """
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        sources[end].append(start)
        targets[start].append(end)
    rows = [0] * count
    for node in range(count):
        rows[node] = max((rows[source] + 1 for source in sources[node]), default=0)
    for node in range(count):  # inputs stand right above what takes them
        if not sources[node] and targets[node]:
            rows[node] = min(rows[target] for target in targets[node]) - 1
    places: list[tuple[int, int]] = []
    for node in range(count):
        lowest = sorted(places[source][1] for source in sources[node] if rows[source] == rows[node] - 1)
        column = lowest[(len(lowest) - 1) // 2] if lowest else 0
        while (rows[node], column) in places:
            column += 1
        places.append((rows[node], column))
    return places


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where everything of a drawing is, in points (1/72 inch), y downward.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        boxes: (x, y, colour) of the upper left corners.
        lines: Corner points of the arrows; the last one is the tip.
        texts: (x, y, text, size): middle of each text.
    """

    width: float
    height: float
    boxes: tuple[tuple[float, float, str], ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    texts: tuple[tuple[float, float, str, float], ...]


def arrange(labels: Sequence[tuple[str, str, str]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lays a network out.

    Args:
        labels: (name, kind, output shape) per box.
        edges: (source, target) pairs.
    """
    places = place(len(labels), edges)
    rows, columns = (max(values) + 1 for values in zip(*places))

    def corner(node):
        row, column = places[node]
        return _GAP_X + column * (_WIDTH + _GAP_X), _TITLE + _GAP_Y / 2 + row * (_HEIGHT + _GAP_Y)

    occupied = set(places)
    lines = []
    for number, (start, end) in enumerate(edges):
        (x0, y0), (x1, y1) = corner(start), corner(end)
        (row0, column0), (row1, _) = places[start], places[end]
        x0, x1, above = x0 + _WIDTH / 2, x1 + _WIDTH / 2, y1 - _GAP_Y / 2
        if any((row, column0) in occupied for row in range(row0 + 1, row1)):  # beside the boxes in between
            lane = x0 + _WIDTH / 2 + _GAP_X * (0.25 + 0.2 * (number % 3))
            points = [(x0 + _WIDTH / 2, y0 + _HEIGHT / 2), (lane, y0 + _HEIGHT / 2), (lane, above), (x1, above)]
        elif x0 == x1:
            points = [(x0, y0 + _HEIGHT)]
        else:
            points = [(x0, y0 + _HEIGHT), (x0, above), (x1, above)]
        lines.append((*points, (x1, y1)))
    boxes, texts = [], []
    for node, (name, kind, shape) in enumerate(labels):
        x, y = corner(node)
        boxes.append((x, y, _COLOURS[_group(kind)]))
        for text, share, largest in ((name, 0.3, 8.0), (f"{kind}  {shape}", 0.72, 7.0)):
            # A character is about 0.6 of its size wide.
            size = min(largest, _WIDTH * 0.94 / (0.6 * max(len(text), 1)))
            texts.append((x + _WIDTH / 2, y + _HEIGHT * share, text, size))
    width = columns * (_WIDTH + _GAP_X) + _GAP_X
    height = _TITLE + rows * (_HEIGHT + _GAP_Y) + _GAP_Y
    return Layout(width, height, tuple(boxes), tuple(lines), tuple(texts))


def to_svg(layout: Layout, title: str) -> str:
    """The drawing as SVG text."""
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}pt" height="{layout.height:.0f}pt" '
        f'viewBox="0 0 {layout.width:.1f} {layout.height:.1f}" font-family="sans-serif" text-anchor="middle">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{_LINE}"/></marker></defs>',
        f'<rect width="100%" height="100%" fill="#ffffff"/><text x="{_GAP_X}" y="{_TITLE * 0.6}" font-size="12" '
        f'font-weight="bold" text-anchor="start">{escape(title)}</text>',
    ]
    for line in layout.lines:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="0.8" marker-end="url(#tip)"/>'
        )
    for x, y, colour in layout.boxes:
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{_WIDTH:.1f}" height="{_HEIGHT:.1f}" rx="4" fill="{colour}" '
            f'stroke="{_LINE}" stroke-width="0.7"/>'
        )
    for x, y, text, size in layout.texts:
        parts.append(f'<text x="{x:.1f}" y="{y + size * 0.35:.1f}" font-size="{size:.2f}">{escape(text)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def write_png(layout: Layout, title: str, path: str | os.PathLike) -> None:
    """Writes the drawing as a PNG picture.

    Raises:
        ConfigError: matplotlib is not installed; an SVG needs nothing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
        from matplotlib.path import Path
    except ModuleNotFoundError:
        raise ConfigError("a .png needs matplotlib, which is not installed; name an .svg file") from None
    inches = (layout.width / 72, layout.height / 72)
    figure = Figure(figsize=inches, dpi=max(40, min(110, int(20_000 / max(inches)))))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    axes.axis("off")
    axes.text(_GAP_X, _TITLE * 0.5, title, fontsize=12, weight="bold", va="center")
    for line in layout.lines:
        axes.add_patch(FancyArrowPatch(path=Path(line), arrowstyle="-|>", mutation_scale=7, color=_LINE, linewidth=0.8))
    for x, y, colour in layout.boxes:
        style = "round,pad=0,rounding_size=4"
        axes.add_patch(
            FancyBboxPatch((x, y), _WIDTH, _HEIGHT, style, facecolor=colour, edgecolor=_LINE, linewidth=0.7, zorder=3)
        )
    for x, y, text, size in layout.texts:
        axes.text(x, y, text, fontsize=size, ha="center", va="center", zorder=4)
    figure.savefig(path)


def _shape(shape) -> str:
    return "x".join(str(int(size)) for size in shape)


def _group(kind: str) -> str:
    if kind == "Input":
        return "input"
    if any(part in kind for part in ("Pool", "Padding", "Resize")):
        return "pool"
    if "Norm" in kind:
        return "normalisation"
    if kind in ("Add", "Concatenate", "Multiply", "Subtract", "CosineConsistency"):
        return "join"
    if any(part in kind for part in ("Conv", "Dense", "LSTM", "Inception", "CBAM", "Attention", "Transform", "Linear")):
        return "weights"
    return "other"
