"""Drawings as SVG text: no library, no script, nothing fetched. All text that comes from files is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# Colours of the page the drawing stands in, so that they follow its light or dark theme.
INK, MUTED = "var(--ink,#1f2933)", "var(--muted,#5b6875)"
GRID, PAPER = "var(--line,#dfe4ea)", "var(--paper,#ffffff)"
_ON_LIGHT, _ON_DARK = "#1f2933", "#ffffff"
BLUE, ORANGE = "var(--bar,#1d5fa8)", "var(--mark,#c2570c)"
GREEN, PURPLE = "var(--third,#2c7a4b)", "var(--fourth,#6b4ba1)"
DATASET_COLOURS = (BLUE, GREEN, PURPLE, ORANGE)
_LIGHT, _DARK = (237, 244, 252), (16, 63, 118)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> str:
    """Confusion matrix, rows true: counts, with the share of the row below, shaded by the share."""
    n = len(classes)
    cell = 68 if n <= 3 else 80
    left, top = 30 + 8 * max(len(name) for name in classes), 46
    width, height = left + n * cell + 46, top + n * cell + 10
    parts = [
        words(left + n * cell / 2, 16, "predicted", MUTED, 12),
        words(left + n * cell + 24, top - 10, "all", MUTED, 12),
    ]
    for j, name in enumerate(classes):
        parts.append(words(left + (j + 0.5) * cell, top - 10, _short(name, cell // 8 + 1), INK, 13))
    parts.append(
        f'<text x="14" y="{top + n * cell / 2}" fill="{MUTED}" font-size="12" text-anchor="middle" '
        f'transform="rotate(-90 14 {top + n * cell / 2})">true</text>'
    )
    for i, row in enumerate(matrix):
        total = sum(row)
        y = top + i * cell
        parts.append(words(left - 8, y + cell / 2 + 5, classes[i], INK, 13, "end"))
        parts.append(words(left + n * cell + 24, y + cell / 2 + 5, str(total), MUTED, 13))
        for j, count in enumerate(row):
            share = count / total if total else 0.0
            colour = _ON_DARK if share > 0.5 else _ON_LIGHT
            x = left + j * cell
            parts.append(
                f'<rect x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{cell - 2}" rx="3" fill="{_shade(share)}">'
                f"<title>{escape(classes[i])} predicted {escape(classes[j])}: {count} of {total}</title></rect>"
            )
            parts.append(words(x + cell / 2, y + cell / 2 + 2, str(count), colour, 18, weight=600))
            parts.append(words(x + cell / 2, y + cell / 2 + 19, f"{share:.0%}", colour, 12))
    return drawing(width, height, parts, title)


def subject_bars(rows: Sequence[tuple[str, str, int, float, float, float]], title: str) -> str:
    """Accuracy of each subject as upright bars.

    Args:
        rows: (dataset, subject, clips, mean accuracy, lowest, highest over seeds), in order.
        title: For readers who cannot see it.
    """
    step = 30 if len(rows) <= 30 else 16
    left, top, height = 48, 26, 170
    datasets = list(dict.fromkeys(row[0] for row in rows))
    legend = [34 + 8 * len(dataset) for dataset in datasets]
    width = left + max(step * len(rows) + 16, sum(legend))
    bottom = top + height
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - share * height
        parts.append(f'<line x1="{left}" y1="{y}" x2="{width - 8}" y2="{y}" stroke="{GRID}"/>')
        parts.append(words(left - 6, y + 4, f"{share:.0%}", MUTED, 11, "end"))
    for k, (dataset, subject, clips, mean, low, high) in enumerate(rows):
        x = left + k * step + step * 0.16
        wide = step * 0.68
        colour = DATASET_COLOURS[datasets.index(dataset) % len(DATASET_COLOURS)]
        top_of_bar = bottom - mean * height
        label = f"{dataset}/{subject}: {mean:.0%} of {clips} clips" + (
            f" ({low:.0%} to {high:.0%})" if low < high else ""
        )
        parts.append(
            f'<rect x="{x:.1f}" y="{top_of_bar:.1f}" width="{wide:.1f}" height="{max(mean * height, 1.5):.1f}" '
            f'fill="{colour}" fill-opacity="0.82"><title>{escape(label)}</title></rect>'
        )
        if low < high:
            middle = x + wide / 2
            parts.append(
                f'<line x1="{middle:.1f}" y1="{bottom - low * height:.1f}" x2="{middle:.1f}" '
                f'y2="{bottom - high * height:.1f}" stroke="{INK}" stroke-width="1.5"/>'
            )
        middle, size = x + wide / 2, 11 if step > 20 else 9
        parts.append(
            f'<text x="{middle:.1f}" y="{bottom + 8}" font-size="{size}" fill="{INK}" text-anchor="end" '
            f'dominant-baseline="middle" transform="rotate(-90 {middle:.1f} {bottom + 8})">'
            f"{escape(subject[:10])}</text>"
        )
        if step > 20:
            parts.append(words(middle, bottom + 76, str(clips), MUTED, 11))
    if step > 20:
        parts.append(words(left - 6, bottom + 76, "clips", MUTED, 11, "end"))
    x = left
    for k, dataset in enumerate(datasets):
        colour = DATASET_COLOURS[k % len(DATASET_COLOURS)]
        parts.append(f'<rect x="{x}" y="4" width="11" height="11" rx="2" fill="{colour}"/>')
        parts.append(words(x + 16, 14, dataset, INK, 12, "start"))
        x += legend[k]
    return drawing(width, bottom + 84, parts, title)


def recall_bars(rows: Sequence[tuple[str, int, Sequence[float]]], title: str) -> str:
    """Recall of each class as bars, with one dot per seed.

    Args:
        rows: (class, clips, recall of each seed in 0..1).
        title: For readers who cannot see it.
    """
    left, wide, step = 40 + 8 * max(len(name) for name, _, _ in rows), 420, 40
    height = step * len(rows) + 34
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = left + share * wide
        parts.append(f'<line x1="{x}" y1="4" x2="{x}" y2="{height - 24}" stroke="{GRID}"/>')
        parts.append(words(x, height - 8, f"{share:.0%}", MUTED, 11))
    for k, (name, clips, recalls) in enumerate(rows):
        y, mean = 8 + k * step, sum(recalls) / len(recalls)
        parts.append(words(left - 8, y + 17, name, INK, 13, "end"))
        parts.append(
            f'<rect x="{left}" y="{y}" width="{max(mean * wide, 1):.1f}" height="24" rx="2" fill="{BLUE}" '
            f'fill-opacity="0.82"><title>{escape(name)}: {mean:.1%} of {clips} clips</title></rect>'
        )
        if len(recalls) > 1:
            for recall in recalls:
                parts.append(
                    f'<circle cx="{left + recall * wide:.1f}" cy="{y + 12}" r="4" fill="{PAPER}" stroke="{INK}" '
                    'stroke-width="1.5"/>'
                )
        ahead = max([mean, *recalls]) * wide
        parts.append(words(left + ahead + 10, y + 17, f"{mean:.1%}", INK, 13, "start", 600))
    return drawing(left + wide + 70, height, parts, title)


def intervals(
    rows: Sequence[tuple[str, Sequence[float], tuple[float, float], Sequence[tuple[str, float]]]], title: str
):
    """Values with intervals on one axis, and published values as diamonds.

    Args:
        rows: (label, value of each seed, (low, high), [(label, published value)]).
        title: For readers who cannot see it.
    """
    # Labels stand above their bars: names are long, and screens may be narrow.
    left, wide, step = 14, 460, 48
    height = step * len(rows) + 34
    parts = []
    for tick in range(0, 11, 2):
        x = left + tick / 10 * wide
        parts.append(f'<line x1="{x:.1f}" y1="6" x2="{x:.1f}" y2="{height - 30}" stroke="{GRID}"/>')
        parts.append(words(x, height - 14, f"{tick / 10:.1f}", MUTED, 11))
    for k, (label, values, (low, high), published) in enumerate(rows):
        y = 34 + k * step
        parts.append(words(left, y - 13, _short(label, 70), INK, 13, "start"))
        parts.append(
            f'<line x1="{left + low * wide:.1f}" y1="{y}" x2="{left + high * wide:.1f}" y2="{y}" stroke="{BLUE}" '
            'stroke-width="5" stroke-opacity="0.3" stroke-linecap="round"/>'
        )
        for value in values:
            parts.append(
                f'<circle cx="{left + value * wide:.1f}" cy="{y}" r="4.5" fill="{BLUE}"><title>{value:.3f}</title>'
                "</circle>"
            )
        for name, value in published:
            x = left + value * wide
            parts.append(
                f'<path d="M{x:.1f} {y - 6}l6 6l-6 6l-6 -6z" fill="none" stroke="{ORANGE}" stroke-width="2">'
                f"<title>{escape(name)}: {value:.3f}</title></path>"
            )
    return drawing(left + wide + 24, height, parts, title)


def _shade(share: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_LIGHT, _DARK))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 1)] + "…"


def words(x: float, y: float, text: str, colour: str, size: int, anchor: str = "middle", weight: int = 400) -> str:
    """Text at a place of a drawing, escaped."""
    bold = f' font-weight="{weight}"' if weight != 400 else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor="{anchor}"{bold}>'
        f"{escape(text)}</text>"
    )


def drawing(width: float, height: float, parts: Sequence[str], title: str) -> str:
    """The parts as one SVG element; ``title`` is for readers who cannot see it."""
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(title)}">' + "".join(parts) + "</svg>"
    )
