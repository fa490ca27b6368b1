"""A network's layers as a drawing: boxes from top to bottom, one column per stream."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape

from mer_tf.atomic import write_text
from mer_tf.errors import ConfigError

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
        path: File to write, ending in ``.svg``.

    Raises:
        ConfigError: The file ends otherwise, or the system is a hand-crafted feature.
    """
    if not os.fspath(path).lower().endswith(".svg"):
        raise ConfigError(f"a drawing ends in .svg. Received: {os.fspath(path)!r}")
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
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    write_text(path, to_svg(name, labels, edges))


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


def to_svg(title: str, labels: Sequence[tuple[str, str, str]], edges: Sequence[tuple[int, int]]) -> str:
    """Draws a network.

    Args:
        title: Written above the network.
        labels: (name, kind, output shape) per box.
        edges: (source, target) pairs.

    Returns:
        SVG text; lengths are points (1/72 inch).
    """
    places = place(len(labels), edges)
    rows, columns = (max(values) + 1 for values in zip(*places))
    width, height = columns * (_WIDTH + _GAP_X) + _GAP_X, _TITLE + rows * (_HEIGHT + _GAP_Y) + _GAP_Y
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}pt" height="{height:.0f}pt" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" font-family="sans-serif" text-anchor="middle">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{_LINE}"/></marker></defs>',
        f'<rect width="100%" height="100%" fill="#ffffff"/><text x="{_GAP_X}" y="{_TITLE * 0.6}" font-size="12" '
        f'font-weight="bold" text-anchor="start">{escape(title)}</text>',
    ]

    def corner(node):
        row, column = places[node]
        return _GAP_X + column * (_WIDTH + _GAP_X), _TITLE + _GAP_Y / 2 + row * (_HEIGHT + _GAP_Y)

    for number, (start, end) in enumerate(edges):
        (x0, y0), (x1, y1) = corner(start), corner(end)
        (row0, column0), (row1, _) = places[start], places[end]
        x0, x1, above = x0 + _WIDTH / 2, x1 + _WIDTH / 2, y1 - _GAP_Y / 2
        if any((row, column0) in places for row in range(row0 + 1, row1)):  # beside the boxes in between
            lane = x0 + _WIDTH / 2 + _GAP_X * (0.25 + 0.2 * (number % 3))
            line = [(x0 + _WIDTH / 2, y0 + _HEIGHT / 2), (lane, y0 + _HEIGHT / 2), (lane, above), (x1, above)]
        elif x0 == x1:
            line = [(x0, y0 + _HEIGHT)]
        else:
            line = [(x0, y0 + _HEIGHT), (x0, above), (x1, above)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*line, (x1, y1)))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="0.8" marker-end="url(#tip)"/>'
        )
    for node, (name, kind, shape) in enumerate(labels):
        x, y = corner(node)
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{_WIDTH:.1f}" height="{_HEIGHT:.1f}" rx="4" '
            f'fill="{_COLOURS[_group(kind)]}" stroke="{_LINE}" stroke-width="0.7"/>'
        )
        for text, share, largest in ((name, 0.3, 8.0), (f"{kind}  {shape}", 0.72, 7.0)):
            # A character is about 0.6 of its size wide.
            size = min(largest, _WIDTH * 0.94 / (0.6 * max(len(text), 1)))
            middle = y + _HEIGHT * share + size * 0.35
            parts.append(
                f'<text x="{x + _WIDTH / 2:.1f}" y="{middle:.1f}" font-size="{size:.2f}">{escape(text)}</text>'
            )
    return "\n".join([*parts, "</svg>", ""])


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
