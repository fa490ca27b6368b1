"""A network's layers as a drawing: boxes from top to bottom, one column per stream."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mer_tf.errors import ConfigError

ENDINGS = (".png", ".svg", ".pdf")
_COLOURS = {
    "input": "#dce9f7",
    "weights": "#fde6c8",
    "normalisation": "#e5e5f5",
    "pool": "#d8f0d8",
    "join": "#f7dcdc",
    "other": "#f4f4f4",
}
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 2.6, 0.42, 0.35, 0.3


def draw_system(name: str, path: str | os.PathLike) -> None:
    """Draws a network of the registry (imports TensorFlow, uses no memory for the weights).

    Args:
        name: Registry name.
        path: File to write; its ending, one of ``ENDINGS``, decides the format.

    Raises:
        ConfigError: Another ending, or the system is a hand-crafted feature.
    """
    check_ending(path)
    from mer_tf.models.complexity import trace, without_weights
    from mer_tf.models.registry import build_model

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
    draw(labels, edges, path, title=name)


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


def draw(
    labels: Sequence[tuple[str, str, str]],
    edges: Sequence[tuple[int, int]],
    path: str | os.PathLike,
    title: str = "",
) -> None:
    """Draws boxes and arrows.

    Args:
        labels: (name, kind, output shape) per box.
        edges: (source, target) pairs.
        path: File to write.
        title: Heading.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

    places = place(len(labels), edges)
    rows, columns = (max(values) + 1 for values in zip(*places))
    width = columns * (_WIDTH + _GAP_X) + _GAP_X + 0.6
    height = rows * (_HEIGHT + _GAP_Y) + _GAP_Y + 0.4
    figure = Figure(figsize=(width, height), dpi=max(40, min(110, int(20_000 / max(width, height)))))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    axes.text(_GAP_X, 0.22, title, fontsize=11, weight="bold", va="center")

    def corner(node):
        row, column = places[node]
        return _GAP_X + column * (_WIDTH + _GAP_X), 0.4 + _GAP_Y / 2 + row * (_HEIGHT + _GAP_Y)

    occupied = set(places)
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
        axes.add_patch(
            FancyArrowPatch(
                path=Path([*points, (x1, y1)]), arrowstyle="-|>", mutation_scale=7, color="#555555", linewidth=0.8
            )
        )
    for node, (name, kind, shape) in enumerate(labels):
        x, y = corner(node)
        box = FancyBboxPatch(
            (x, y),
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=_COLOURS[_group(kind)],
            edgecolor="#555555",
            linewidth=0.7,
            zorder=3,
        )
        axes.add_patch(box)
        for text, share, largest in ((name, 0.3, 8.0), (f"{kind}  {shape}", 0.72, 7.0)):
            # A character is about 0.6 of its size wide.
            size = min(largest, 72 * _WIDTH * 0.94 / (0.6 * max(len(text), 1)))
            axes.text(x + _WIDTH / 2, y + _HEIGHT * share, text, fontsize=size, ha="center", va="center", zorder=4)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
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
