"""Drawings of a watched recording as SVG: strips of events and quality, curves with gaps, a radar.

A recording may last an hour, a drawing has ``COLUMNS`` columns at most. Where several seconds share a column, their
range is drawn (of values that are largest ones already, the largest), and of tiers their shares: nothing is left out
and nothing is averaged away. A gap is drawn where no second of a column has a value.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from mer_tf.report.svg import BLUE, GREEN, GRID, INK, MUTED, ORANGE, PAPER, PURPLE, drawing, words
from mer_tf.watch.types import MACRO, MICRO, TIER_NAMES, Event

COLUMNS = 720
_LEFT, _WIDE, _RIGHT = 92, 1000, 18
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MARKS = 12  # ticks of a time axis at most
# From what shows micro-expressions to what shows nothing: darker is better, and the worst two are hollow or hatched.
UNLOOKED = "N"  # in place of a tier: nobody looked
_BANDS = {**TIER_NAMES, UNLOOKED: "not analysed"}
_TIER_FILL = {"A": BLUE, "B": BLUE, "C": BLUE, "D": GRID, "R": "url(#hatched)", UNLOOKED: PAPER}
_TIER_OPACITY = {"A": 0.95, "B": 0.6, "C": 0.3, "D": 1.0, "R": 1.0, UNLOOKED: 1.0}
_OUTLINE = f' stroke="{MUTED}" stroke-width="1" stroke-dasharray="2 2"'
_EVENT_COLOUR = {MICRO: ORANGE, MACRO: PURPLE}
LINE_COLOURS = (BLUE, GREEN, PURPLE, ORANGE)
_HATCH = (
    '<defs><pattern id="hatched" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="6" height="6" fill="{PAPER}"/><line x1="0" y1="0" x2="0" y2="6" stroke="{MUTED}" stroke-width="2"/>'
    "</pattern></defs>"
)


@dataclasses.dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
        name: What it shows.
        points: (end of the second, value); None, or no entry, where there is no value.
        colour: Of the line.
        peaks: Whether a value is the largest of its second, so that a column shows the largest one.
        dashed: Whether it is a limit and no measured curve.
        band: (end of the second, low, high) around it.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    colour: str = BLUE
    peaks: bool = False
    dashed: bool = False
    band: Sequence[tuple[float, float | None, float | None]] = ()


@dataclasses.dataclass(frozen=True)
class Times:
    """The time axis of all drawings of a recording.

    Attributes:
        start: Seconds at the left.
        stop: Seconds at the right.
    """

    start: float
    stop: float

    @property
    def step(self) -> int:
        """Whole seconds of one column."""
        return max(1, math.ceil((self.stop - self.start) / COLUMNS))

    def x(self, second: float) -> float:
        """Place of a time, px."""
        return _LEFT + _WIDE * (second - self.start) / max(self.stop - self.start, 1e-9)

    def column(self, second: float) -> int:
        """Column of the second that ends at ``second``."""
        return max(0, math.ceil(second - self.start - 1e-6) - 1) // self.step

    def edges(self, column: int) -> tuple[float, float]:
        """Left and right of a column, px."""
        first = self.start + column * self.step
        return self.x(first), self.x(min(first + self.step, self.stop))


def clock(second: float, digits: int = 0) -> str:
    """A time of the recording as ``m:ss`` or ``h:mm:ss``.

    Example:
        >>> clock(75.25, 2), clock(3725)
        ('1:15.25', '1:02:05')
    """
    units = round(second * 10**digits)
    whole, rest = divmod(units, 10**digits)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return text + (f".{rest:0{digits}d}" if digits else "")


def strips(rows: Sequence[tuple[str, Sequence[tuple[float, str]], Sequence[Event]]], times: Times, title: str) -> str:
    """One row per face: marks of its events above a band of what its seconds were good for.

    Args:
        rows: (label, [(end of the second, tier, or ``UNLOOKED``)], its events).
        times: The axis.
        title: For readers who cannot see it.
    """
    high, top = 52, 34
    bottom = top + high * len(rows)
    parts = [_HATCH, *_tier_legend()]
    parts += _time_axis(times, top - 6, bottom)
    for number, (label, seconds, events) in enumerate(rows):
        y = top + number * high
        parts.append(words(_LEFT - 10, y + 32, label, INK, 13, "end", 600))
        parts += _tiers(seconds, times, y + 24, 14)
        for event in sorted(events, key=lambda event: event.counts):
            parts.append(_mark(event, times, y + (2 if event.counts else 9), 20 if event.counts else 13))
    return drawing(_LEFT + _WIDE + _RIGHT, bottom + 22, parts, title)


def curves(
    lines: Sequence[Line],
    times: Times,
    title: str,
    *,
    top: float,
    unit: str = "",
    digits: int = 0,
    events: Sequence[Event] = (),
    refused: Iterable[float] = (),
    counts: Sequence[tuple[float, int]] = (),
    height: int = 150,
    legend: bool = True,
) -> str:
    """Curves over time on one axis from 0 to ``top``.

    Args:
        lines: The curves.
        times: The axis.
        title: For readers who cannot see it.
        top: Largest value of the axis; larger values are cut there and marked by triangles.
        unit: Of the values, for the axis.
        digits: Decimals at the axis.
        events: Accepted events, drawn over the whole height.
        refused: Ends of seconds that were seen but not good enough; shaded.
        counts: (end of the second, faces that have a value), drawn as a strip below.
        height: Of the axis, px.
        legend: Whether the lines are named above.
    """
    above = 26 if legend else 12
    bottom = above + height
    parts = []
    if legend:
        parts += _legend(lines)
    for column in sorted({times.column(second) for second in refused}):
        x0, x1 = times.edges(column)
        parts.append(
            f'<rect x="{x0:.1f}" y="{above}" width="{x1 - x0:.1f}" height="{height}" fill="{MUTED}" '
            'fill-opacity="0.14"/>'
        )
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - share * height
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _WIDE}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(words(_LEFT - 8, y + 4, f"{share * top:.{digits}f}", MUTED, 11, "end"))
    if unit:
        parts.append(
            f'<text x="16" y="{above + height / 2:.0f}" fill="{MUTED}" font-size="11" text-anchor="middle" '
            f'transform="rotate(-90 16 {above + height / 2:.0f})">{escape(unit)}</text>'
        )
    parts += _time_axis(times, above, bottom)
    for event in events:
        x0, x1 = times.x(event.onset_s), times.x(event.offset_s)
        parts.append(
            f'<rect x="{x0:.1f}" y="{above}" width="{max(x1 - x0, 1.5):.1f}" height="{height}" '
            f'fill="{_EVENT_COLOUR.get(event.kind, MUTED)}" fill-opacity="0.35"><title>{_told(event)}</title></rect>'
        )
    for line in lines:
        parts += _line(line, times, above, height, top)
    below = bottom + 20
    if counts:
        parts += _counts(counts, times, below + 4)
        below += 40
    return drawing(_LEFT + _WIDE + _RIGHT, below + 4, parts, title)


def radar(shares: Mapping[str, float], names: Mapping[str, str], title: str) -> str:
    """Shares on spokes from 0 in the middle to 1 at the rim."""
    wide, high, radius = 460, 330, 110
    middle = (wide / 2, high / 2)
    keys = list(shares)

    def at(number: int, share: float) -> tuple[float, float]:
        angle = 2 * math.pi * number / len(keys) - math.pi / 2
        return middle[0] + radius * share * math.cos(angle), middle[1] + radius * share * math.sin(angle)

    parts = []
    for ring in (0.25, 0.5, 0.75, 1):
        corners = " ".join("{:.1f},{:.1f}".format(*at(number, ring)) for number in range(len(keys)))
        parts.append(f'<polygon points="{corners}" fill="none" stroke="{GRID}"/>')
        parts.append(words(middle[0] + 4, middle[1] - radius * ring + 12, f"{ring:.0%}", MUTED, 10, "start"))
    for number, key in enumerate(keys):
        x, y = at(number, 1)
        parts.append(f'<line x1="{middle[0]}" y1="{middle[1]}" x2="{x:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        x, y = at(number, 1.12)
        side = "middle" if abs(x - middle[0]) < 9 else "start" if x > middle[0] else "end"
        parts.append(words(x, y + 5, names[key], INK, 12.5, side))
    corners = " ".join("{:.1f},{:.1f}".format(*at(number, shares[key])) for number, key in enumerate(keys))
    parts.append(f'<polygon points="{corners}" fill="{BLUE}" fill-opacity="0.3" stroke="{BLUE}" stroke-width="2"/>')
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{BLUE}"/>'
        for x, y in (at(number, shares[key]) for number, key in enumerate(keys))
    ]
    return drawing(wide, high, parts, title)


def bars(shares: Mapping[str, float], names: Mapping[str, str], title: str) -> str:
    """The same shares as bars, because the area of a radar depends on the order of its spokes."""
    left, wide, step = 160, 260, 34
    parts = []
    for number, (key, share) in enumerate(shares.items()):
        y = 8 + number * step
        parts.append(words(left - 10, y + 16, names[key], INK, 13, "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{wide}" height="22" rx="2" fill="{GRID}" fill-opacity="0.5"/>')
        parts.append(
            f'<rect x="{left}" y="{y}" width="{share * wide:.1f}" height="22" rx="2" fill="{BLUE}" '
            'fill-opacity="0.82"/>'
        )
        parts.append(words(left + wide + 8, y + 16, f"{share:.1%}", INK, 13, "start", 600))
    return drawing(left + wide + 64, 8 + step * len(shares), parts, title)


# ------------------------------------------------------------------------------------------------------- parts


def _time_axis(times: Times, top: float, bottom: float) -> list[str]:
    length = times.stop - times.start
    step = next((step for step in _STEPS if length / step <= _MARKS), math.ceil(length / _MARKS))
    parts = []
    second = math.ceil(times.start / step - 1e-9) * step
    while second <= times.stop + 1e-9:
        x = times.x(second)
        parts.append(f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{GRID}"/>')
        parts.append(words(x, bottom + 15, clock(second), MUTED, 11))
        second += step
    return parts


def _tier_legend() -> list[str]:
    parts, x = [], float(_LEFT)
    for tier, name in _BANDS.items():
        parts.append(
            f'<rect x="{x:.0f}" y="4" width="16" height="11" fill="{_TIER_FILL[tier]}" stroke="{MUTED}" '
            f'stroke-width="0.5" fill-opacity="{_TIER_OPACITY[tier]}"/>'
        )
        text = name if tier == UNLOOKED else f"{tier} {name}"
        parts.append(words(x + 21, 14, text, INK, 12, "start"))
        x += 38 + 6.4 * len(text)
    for kind in (MICRO, MACRO, "not counted"):
        colour = _EVENT_COLOUR.get(kind, MUTED)
        parts.append(f'<rect x="{x + 4:.0f}" y="2" width="4" height="15" fill="{colour}"/>')
        parts.append(words(x + 14, 14, kind, INK, 12, "start"))
        x += 30 + 7 * len(kind)
    return parts


def _tiers(seconds: Sequence[tuple[float, str]], times: Times, y: float, high: float) -> list[str]:
    """Shares of the tiers per column, the best at the top; blank where the face was not there."""
    columns: dict[int, dict[str, int]] = {}
    for second, tier in seconds:
        found = columns.setdefault(times.column(second), dict.fromkeys(_BANDS, 0))
        found[tier] += 1
    boxes: dict[str, list[str]] = {tier: [] for tier in _BANDS}
    run: tuple[int, int, dict] | None = None

    def close() -> None:
        if run is None:
            return
        first, last, found = run
        x0, x1, down = times.edges(first)[0], times.edges(last)[1], y
        for tier in _BANDS:
            part = high * found[tier] / times.step
            if part:
                boxes[tier].append(f"M{x0:.1f} {down:.1f}H{x1:.1f}v{part:.2f}H{x0:.1f}z")
                down += part

    for column in sorted(columns):
        if run is not None and column == run[1] + 1 and columns[column] == run[2]:
            run = (run[0], column, run[2])
            continue
        close()
        run = (column, column, columns[column])
    close()
    return [
        f'<path d="{"".join(boxes[tier])}" fill="{_TIER_FILL[tier]}" fill-opacity="{_TIER_OPACITY[tier]}"'
        f"{_OUTLINE if tier == UNLOOKED else ''}><title>{_BANDS[tier]}</title></path>"
        for tier in _BANDS
        if boxes[tier]
    ]


def _mark(event: Event, times: Times, y: float, high: float) -> str:
    x0, x1 = times.x(event.onset_s), times.x(event.offset_s)
    wide = max(x1 - x0, 2.5)
    return (
        f'<rect x="{(x0 + x1 - wide) / 2:.1f}" y="{y}" width="{wide:.1f}" height="{high}" '
        f'fill="{_EVENT_COLOUR.get(event.kind, MUTED)}"><title>{_told(event)}</title></rect>'
    )


def _told(event: Event) -> str:
    label = f", {event.label}" if event.label else ""
    kind = event.kind.replace("_", " ")
    return escape(f"{event.id}: {kind} at {clock(event.apex_s, 2)}, {event.offset_s - event.onset_s:.2f} s{label}")


def _legend(lines: Sequence[Line]) -> list[str]:
    parts, x = [], float(_LEFT)
    for line in lines:
        dash = ' stroke-dasharray="5 3"' if line.dashed else ""
        parts.append(
            f'<line x1="{x:.0f}" y1="10" x2="{x + 22:.0f}" y2="10" stroke="{line.colour}" stroke-width="2.5"{dash}/>'
        )
        parts.append(words(x + 28, 14, line.name, INK, 12, "start"))
        x += 46 + 6.8 * len(line.name)
    return parts


def _line(line: Line, times: Times, y: float, high: float, top: float) -> list[str]:
    def down(value: float) -> float:
        return y + high - high * min(max(value, 0.0), top) / top

    parts = []
    band = _ranges([(s, low, high) for s, low, high in line.band if low is not None and high is not None], times)
    for run in _runs(band):
        parts.append(_area(run, times, down, line.colour, 0.16, stroke=False))
    values = [(second, value, value) for second, value in line.points if value is not None]
    ranges = _ranges(values, times)
    if line.peaks:
        ranges = {column: (highest, highest) for column, (_, highest) in ranges.items()}
    for run in _runs(ranges):
        parts.append(
            _steps(run, times, down, line) if line.peaks else _area(run, times, down, line.colour, 0.25, line.dashed)
        )
    beyond = sorted(column for column, (_, highest) in ranges.items() if highest > top)
    for column in beyond:
        x0, x1 = times.edges(column)
        x = (x0 + x1) / 2
        parts.append(
            f'<path d="M{x - 4:.1f} {y + 1}h8l-4 -7z" fill="{line.colour}"><title>beyond the axis</title></path>'
        )
    return parts


def _ranges(values: Iterable[tuple[float, float, float]], times: Times) -> dict[int, tuple[float, float]]:
    """Column -> smallest and largest value of its seconds."""
    found: dict[int, tuple[float, float]] = {}
    for second, low, high in values:
        column = times.column(second)
        before = found.get(column, (low, high))
        found[column] = (min(before[0], low), max(before[1], high))
    return found


def _runs(ranges: Mapping[int, tuple[float, float]]) -> Iterable[list[tuple[int, float, float]]]:
    """The columns with values, cut where one has none."""
    run: list[tuple[int, float, float]] = []
    for column in sorted(ranges):
        if run and column != run[-1][0] + 1:
            yield run
            run = []
        run.append((column, *ranges[column]))
    if run:
        yield run


def _steps(run, times: Times, down, line: Line) -> str:
    """A run of largest values: each holds for its whole column, since nobody knows where in it the value was."""
    path = "".join(
        f"{'V' if place else f'M{times.edges(column)[0]:.1f} '}{down(high):.1f}H{times.edges(column)[1]:.1f}"
        for place, (column, _, high) in enumerate(run)
    )
    return f'<path d="{path}" fill="none" stroke="{line.colour}" stroke-width="1.5"/>'


def _area(run, times: Times, down, colour: str, opacity: float, dashed: bool = False, *, stroke: bool = True) -> str:
    """A run of ranges as an area, which is a line where they have no extent."""
    middles = [sum(times.edges(column)) / 2 for column, _, _ in run]
    if len(run) == 1:  # a single column is as wide as it lasts
        middles = list(times.edges(run[0][0]))
        run = [run[0], run[0]]
    upper = [f"{x:.1f} {down(high):.1f}" for x, (_, _, high) in zip(middles, run)]
    lower = [f"{x:.1f} {down(low):.1f}" for x, (_, low, _) in zip(middles, run)]
    flat = upper == lower
    path = "M" + "L".join(upper) + ("" if flat else "L" + "L".join(reversed(lower)) + "Z")
    line = f' stroke="{colour}" stroke-width="1.5" stroke-linejoin="round"' if stroke else ""
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    fill = f' fill="{colour}" fill-opacity="{opacity}"' if not flat else ' fill="none"'
    return f'<path d="{path}"{fill}{line}{dash}/>'


def _counts(counts: Sequence[tuple[float, int]], times: Times, y: float) -> list[str]:
    """How many faces have a value, as steps; of the seconds of a column the fewest."""
    fewest: dict[int, int] = {}
    for second, n in counts:
        column = times.column(second)
        fewest[column] = min(fewest.get(column, n), n)
    most = max((n for _, n in counts), default=0)
    parts = [
        words(_LEFT - 8, y + 22, "n", MUTED, 11, "end"),
        words(_LEFT - 22, y + 10, f"{most}", MUTED, 11, "end"),
        f'<line x1="{_LEFT}" y1="{y + 24}" x2="{_LEFT + _WIDE}" y2="{y + 24}" stroke="{GRID}"/>',
    ]
    boxes = []
    for column, n in sorted(fewest.items()):
        if n:
            x0, x1 = times.edges(column)
            high = 22 * n / most
            boxes.append(f"M{x0:.1f} {y + 24 - high:.1f}H{x1:.1f}V{y + 24}H{x0:.1f}z")
    parts.append(
        f'<path d="{"".join(boxes)}" fill="{MUTED}" fill-opacity="0.5"><title>faces with a value</title></path>'
    )
    return parts
