"""One picture of everything a recipe does to a clip, for a person to check: what ``examine`` gathers, on one PNG."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

import numpy as np

from mer_tf.console import shown
from mer_tf.preprocessing.flow.wheel import flow_to_colour
from mer_tf.preprocessing.images import to_gray
from mer_tf.preprocessing.parsing import PARSING_CLASSES
from mer_tf.preprocessing.select import middle_frame
from mer_tf.preprocessing.strain import optical_strain
from mer_tf.show.examine import Examined

SHOWN = 12  # most frames of a sequence on the sheet
_COLOURS = {"face": "#ffd400", "left_brow": "#00e5ff", "right_brow": "#ff5cf4", "mouth": "#7CFC00"}
# Inches:
_WIDTH = 15.0
_HEAD, _HEADING, _TITLE, _GAP = 0.75, 0.32, 0.24, 0.16  # of the sheet, a band, a panel; between bands
_FOOT = 0.45  # for the labels of the last band
_STRIP = _WIDTH * 0.955 / SHOWN + _TITLE - 0.05  # height of a row of small pictures
_DPI = 100
_FACTS = 44  # characters of a line of facts that fit beside the pictures


@dataclasses.dataclass(frozen=True)
class _Band:
    """A row of the sheet.

    Attributes:
        heading: Line above it.
        height: Inches, with the panels' titles.
        panels: ``callable(axes)`` each.
        widths: Relative widths of the panels; equal ones by default.
        space: Between two panels, in mean panel widths.
        room: Inches left free at the right, for the numbers of the last colour bar.
        left: Where the first panel begins, of the sheet's width.
    """

    heading: str
    height: float
    panels: list[Callable]
    widths: list[float] | None = None
    space: float = 0.06
    room: float = 0.0
    left: float = 0.03


def draw(examined: Examined) -> bytes:
    """The contact sheet as a PNG file's bytes, 1,500 px wide.

    Args:
        examined: From ``examine``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    bands = [_frames_band(examined), *_crop_bands(examined)]
    for name, array in examined.result.tensors.items():
        kind = examined.recipe.kinds[name]
        if kind == "motion":
            bands.append(_motion_band(examined, name, array))
        elif kind == "flow":
            bands += _sequence_bands(examined, array)
        elif kind == "parsing":
            bands.append(_parsing_band(array))
        elif name == "dynamic":
            bands.append(_Band("dynamic image", 2.9, [_image(array, f"{_size(array)}, 0..255")]))
    bands.append(_spotting_band(examined))
    height = _HEAD + sum(_HEADING + band.height + _GAP for band in bands) + _FOOT
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    clip, recipe = examined.clip, examined.recipe
    title = f"{clip.key}  -  recipe {recipe.name} ({recipe.hash})"
    figure.text(0.02, 1 - 0.28 / height, title, fontsize=15, weight="bold", va="center")
    figure.text(0.02, 1 - 0.55 / height, recipe.source, fontsize=10, color="#444444", va="center")
    top = height - _HEAD
    for band in bands:
        figure.text(0.02, (top - _HEADING / 2) / height, band.heading, fontsize=11.5, weight="bold", va="center")
        top -= _HEADING
        grid = figure.add_gridspec(
            1,
            len(band.panels),
            left=band.left,
            right=0.985 - band.room / _WIDTH,
            top=(top - _TITLE) / height,
            bottom=(top - band.height) / height,
            width_ratios=band.widths,
            wspace=band.space,
        )
        for place, panel in zip(grid, band.panels):
            panel(figure.add_subplot(place))
        top -= band.height + _GAP
    for text in figure.findobj(Text):
        if text.get_text():  # marks of axes have none yet
            text.set_text(shown(text.get_text()))
            text.set_parse_math(False)  # a dollar sign in a name is one
    stream = io.BytesIO()
    # Without a date and a version in it, the same clip gives the same file.
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def _frames_band(seen: Examined) -> _Band:
    names, outlines = _names(seen), seen.outlines
    shape = next(iter(seen.frames.values())).shape

    def panel(number, frame, title, points, window):
        def show(axes):
            axes.imshow(frame)
            _bare(axes, title)
            for name, outline in outlines.items():
                axes.plot(*outline.T, color=_COLOURS.get(name, "white"), linewidth=1.6, label=name.replace("_", " "))
            axes.scatter(*seen.points.T, s=points, c="#ff2d2d", linewidths=0)
            axes.set_xlim(window[0] - 0.5, window[1] - 0.5)
            axes.set_ylim(window[3] - 0.5, window[2] - 0.5)
            if number is not None:
                axes.legend(loc="lower left", fontsize=7.5, framealpha=0.75, borderpad=0.3, handlelength=1.0)

        return show

    def facts(axes):
        axes.axis("off")
        axes.text(0, 1, "\n".join(_facts(seen)), va="top", fontsize=9, family="monospace", linespacing=1.4)

    whole = (0, shape[1], 0, shape[0])
    panels = [
        panel(number, frame, f"{names[number]}, frame {number} ({shape[1]}x{shape[0]})", 3, whole)
        for number, frame in seen.frames.items()
    ]
    around = np.concatenate([seen.points, *outlines.values()])
    low, high = np.nanmin(around, axis=0), np.nanmax(around, axis=0)
    (x0, y0), (x1, y1) = low - 0.06 * (high - low), high + 0.06 * (high - low)
    panels.append(panel(None, next(iter(seen.frames.values())), "the face on the first", 12, (x0, x1, y0, y1)))
    # One height for all pictures; what the facts need is theirs.
    ratios = [shape[1] / shape[0]] * len(seen.frames) + [(x1 - x0) / (y1 - y0)]
    high = min((_WIDTH * 0.955 - 4.4) / sum(ratios), 3.4)
    widths = [high * ratio for ratio in ratios]
    return _Band(
        "frames, with the points of the first one (the geometry is the same for all frames)",
        high + _TITLE,
        [*panels, facts],
        [*widths, _WIDTH * 0.93 - sum(widths)],
        space=0.04,
    )


def _facts(seen: Examined) -> list[str]:
    provenance = seen.result.provenance
    clip, recipe = seen.clip, seen.recipe
    lines = [
        f"onset {clip.onset}, apex {_said(clip.apex)}, offset {clip.offset}",
        f"{clip.fps:g} frames per second" if clip.fps else "frame rate not given",
        f"apex used: {seen.apex} ({provenance['apex_rule']})",
        f"frames read: {provenance['frames']} ({recipe.frames.span.replace('_', ' ')})",
        f"detector: {provenance['detector']}" + (f", {provenance['points']}" if "points" in provenance else ""),
    ]
    if "score" in provenance:
        lines.append(
            f"score {provenance['score']:.2f}, upsampling {provenance['upsample']}, faces {provenance['faces']}"
        )
    lines.append(f"eye line: {provenance['angle_degrees']:+.2f} degrees")
    if provenance.get("landmark_shift") is not None:
        lines.append(f"points {provenance['landmarks']}, shift {provenance['landmark_shift']:.4f}")
    lines.append(f"align {recipe.face.align}, crop {recipe.face.crop}, {recipe.crop_size} px")
    if recipe.magnify.method != "none":
        lines.append(f"magnified: {recipe.magnify.method}, by {recipe.magnify.factor:g}")
    if provenance["largest_motion_px"]:
        lines.append(f"flow: {recipe.flow.method}; largest motion")
        lines += [f"  {name}: {value:.2f} px" for name, value in provenance["largest_motion_px"].items()]
    lines += [f"warning: {warning}" for warning in provenance["warnings"]]
    return [part for line in lines for part in _wrapped(line, _FACTS)]


def _crop_bands(seen: Examined) -> list[_Band]:
    names, numbers, recipe = _names(seen), list(seen.frames), seen.recipe
    panels = [_image(crop, f"{names[number]}: {_size(crop)}") for number, crop in zip(numbers, seen.crops)]
    if len(numbers) == 2:
        panels.append(_difference(seen.crops))
    if seen.puzzles is not None:
        panels += [_image(one, f"puzzle of the {names[n]}: {_size(one)}") for n, one in zip(numbers, seen.puzzles)]
        if len(numbers) == 2:
            panels.append(_difference(seen.puzzles))
    if "landmarks" in seen.result.tensors:
        panels.append(_points(seen.crops[0], seen.result.tensors["landmarks"]))
    while len(panels) < 5:
        panels.append(lambda axes: axes.axis("off"))
    wide = [1.2 if getattr(panel, "bar", False) else 1.0 for panel in panels]
    heading = "crops" + (" and puzzles" if seen.puzzles is not None else "")
    bands = [_Band(heading, 2.6, panels, wide, space=0.3, room=0.35)]
    if seen.after is not None:
        at = _spread(len(seen.after))
        magnified = recipe.magnify.method != "none"
        first = f"sequence of {len(seen.after)} frames ({recipe.frames.interpolation})"
        bands.append(_strip(seen.before, at, f"{first}, before magnification" if magnified else first))
        if magnified:
            how = f"{recipe.magnify.method} by {recipe.magnify.factor:g}"
            bands.append(_strip(seen.after, at, f"the same, magnified ({how})"))
            bands.append(_change_strip(seen.before, at, seen))
            bands.append(_change_strip(seen.after, at, seen, magnified=True))
    return bands


def _strip(frames: np.ndarray, at: list[int], heading: str) -> _Band:
    panels = [_image(np.clip(frames[i], 0, 255).astype(np.uint8), str(i)) for i in at]
    return _Band(heading, _STRIP, _filled(panels))


def _change_strip(frames, at, seen, magnified=False) -> _Band:
    luma = [np.asarray(to_gray(np.clip(f, 0, 255).astype(np.uint8)) if f.shape[-1] == 3 else f[..., 0]) for f in frames]
    change = [one.astype(np.float32) - luma[0] for one in luma]
    both = [seen.before, seen.after]
    limit = max(
        1.0, *(float(np.percentile(np.abs(one - one[:1]).mean(axis=-1), 99.5)) for one in both)
    )  # one scale for both rows, or the magnification could not be seen
    panels = [_image(change[i], str(i), cmap="RdBu_r", low=-limit, high=limit) for i in at]
    which = "after" if magnified else "before"
    return _Band(
        f"change of brightness from frame 0, {which} magnification (blue to red: -{limit:.0f} to {limit:.0f})",
        _STRIP,
        _filled(panels),
    )


def _motion_band(seen: Examined, name: str, array: np.ndarray) -> _Band:
    flow = array[..., :2]
    limit, full = _limit(flow), _limit(_length(flow))
    panels = [
        _image(array[..., 0], "u: to the right, px", cmap="RdBu_r", low=-limit, high=limit, bar=True),
        _image(array[..., 1], "v: downward, px", cmap="RdBu_r", low=-limit, high=limit, bar=True),
        _image(array[..., 2], "optical strain", cmap="magma", low=0, high=_limit(array[..., 2]), bar=True),
        _image(flow_to_colour(flow, full), "flow as colours"),
        _wheel(full),
    ]
    largest = float(_length(flow).max())
    heading = f"motion of {name!r}, onset to apex, {_size(array)}; largest {largest:.2f} px"
    return _Band(heading + _cut(largest, full), 2.75, panels, [1.15, 1.15, 1.15, 1, 1.1], space=0.26)


def _sequence_bands(seen: Examined, flow: np.ndarray) -> list[_Band]:
    at = _spread(len(flow), SHOWN - 1)
    pairs = [f"{0 if seen.recipe.flow.pairs == 'onset' else i} to {i + 1}" for i in range(len(flow))]
    largest, full = float(_length(flow).max()), _limit(_length(flow))
    strain = optical_strain(flow)
    brightest = _limit(strain)

    def row(heading, pictures, legend, **look):
        panels = [_image(pictures[i], pairs[i], **look) for i in at]
        return _Band(heading, _STRIP, [*_filled(panels, SHOWN - 1), legend or (lambda axes: axes.axis("off"))])

    heading = f"flow of {len(flow)} pairs, {_size(flow[0])}; largest {largest:.2f} px"
    bands = [row(heading + _cut(largest, full), flow_to_colour(flow, full), _wheel(full, small=True))]
    if any(view.content == "wheel" for view in seen.recipe.views) and full < largest:
        bands.append(
            row(
                f"as the network is given it: full colour at the largest motion, {largest:.2f} px",
                flow_to_colour(flow),
                _wheel(largest, small=True),
            )
        )
    bands.append(
        row(
            f"optical strain of the same pairs (black to light: 0 to {brightest:.3f})",
            strain,
            None,
            cmap="magma",
            low=0,
            high=brightest,
        )
    )
    return bands


def _length(flow: np.ndarray) -> np.ndarray:
    return np.hypot(flow[..., 0], flow[..., 1])


def _limit(values: np.ndarray) -> float:
    """End of a colour scale: the largest value, unless a few pixels stand out and would hide all others."""
    values = np.abs(values)
    most, largest = float(np.percentile(values, 99)), float(values.max())
    return max(most if largest > 1.5 * most > 0 else largest, 1e-6)


def _cut(largest: float, full: float) -> str:
    return f"; 1 % of the pixels are above {full:.2f} px and beyond the scale" if full < largest else ""


def _parsing_band(masks: np.ndarray) -> _Band:
    panels = [
        _image(masks[..., i], name.replace("_", " "), cmap="gray", low=0, high=1)
        for i, name in enumerate(PARSING_CLASSES)
    ]
    return _Band(f"masks of face parts, {_size(masks)}, 0..1", _WIDTH * 0.955 / len(panels) + _TITLE - 0.05, panels)


def _spotting_band(seen: Examined) -> _Band:
    from matplotlib.ticker import MaxNLocator

    numbers, panels = np.array(seen.numbers), []
    middle = middle_frame(seen.clip.onset, seen.clip.offset)

    def panel(method, found):
        def show(axes):
            title = method.replace("_", " ")
            if isinstance(found, str):
                axes.axis("off")
                axes.set_title(title, fontsize=10)
                axes.text(0.5, 0.5, "\n".join(_wrapped(found, _FACTS)), ha="center", va="center", fontsize=9)
                return
            number = numbers[found.index]
            axes.plot(numbers, found.curve, color="#1f4e9c", linewidth=1.6)
            axes.axvline(number, color="#d62728", linewidth=2, label=f"spotted {number}")
            if seen.clip.apex is not None:
                axes.axvline(
                    seen.clip.apex, color="black", linewidth=1.5, linestyle="--", label=f"annotated {seen.clip.apex}"
                )
            axes.axvline(middle, color="#888888", linewidth=1.2, linestyle=":", label=f"middle {middle}")
            axes.set_title(f"{title}: frame {number}, score {found.score:.2f}", fontsize=10)
            axes.set_xlabel("; ".join(("frame", *found.flags)), fontsize=9)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.tick_params(labelsize=8)
            axes.margins(x=0.02)
            axes.legend(fontsize=8, loc="best", framealpha=0.8)

        return show

    for method, found in seen.spotting.items():
        panels.append(panel(method, found))
    return _Band("apex spotting: curves from onset to offset", 2.5, panels, space=0.16, left=0.045)


def _image(array: np.ndarray, title: str, *, cmap="gray", low=None, high=None, bar=False) -> Callable:
    array = array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array
    if array.ndim == 2 and low is None and cmap == "gray":
        low, high = 0, 255
    if array.ndim == 3 and array.dtype != np.uint8:
        array = np.clip(array, 0, 255).astype(np.uint8)

    def show(axes):
        picture = axes.imshow(array, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
        _bare(axes, title)
        if bar:
            from mpl_toolkits.axes_grid1 import make_axes_locatable

            side = make_axes_locatable(axes).append_axes("right", size="5%", pad=0.05)
            axes.figure.colorbar(picture, cax=side).ax.tick_params(labelsize=8)

    show.bar = bar
    return show


def _difference(pair: np.ndarray) -> Callable:
    first, second = (np.asarray(to_gray(one) if one.ndim == 3 else one, np.float32) for one in pair)
    change = second - first
    limit = max(float(np.percentile(np.abs(change), 99.5)), 1.0)
    return _image(change, "apex less onset, gray levels", cmap="RdBu_r", low=-limit, high=limit, bar=True)


def _points(crop: np.ndarray, points: np.ndarray) -> Callable:
    picture = _image(crop, "68 points on the crop")

    def show(axes):
        picture(axes)
        axes.scatter(*points.T, s=6, c="#ff2d2d", linewidths=0)
        axes.set_xlim(-0.5, crop.shape[1] - 0.5)
        axes.set_ylim(crop.shape[0] - 0.5, -0.5)

    return show


def _wheel(largest: float, *, small: bool = False) -> Callable:
    y, x = np.mgrid[-1:1:201j, -1:1:201j]
    disc = flow_to_colour(np.stack([x, y], axis=-1).astype(np.float32), max_motion=1.0)
    disc[np.hypot(x, y) > 1] = 255

    def show(axes):
        axes.imshow(disc)
        _bare(axes, f"full: {largest:.2f} px" if small else f"full colour: {largest:.2f} px")
        for spine in axes.spines.values():
            spine.set_visible(False)
        room = 75 if small else 45
        axes.set_xlim(-room, 200 + room)
        axes.set_ylim(200 + room / 2, -room / 2)
        for place, text, across, along in (
            ((206, 100), "right", "left", "center"),
            ((-6, 100), "left", "right", "center"),
            ((100, -3), "up", "center", "bottom"),
            ((100, 203), "down", "center", "top"),
        ):
            axes.text(*place, text, ha=across, va=along, fontsize=7 if small else 9)

    return show


def _names(seen: Examined) -> dict[int, str]:
    numbers = list(seen.frames)
    names = {number: "first frame" if number != seen.clip.onset else "onset" for number in numbers}
    names[numbers[-1]] = "apex" if seen.apex == numbers[-1] else names[numbers[-1]]
    return names


def _bare(axes, title: str) -> None:
    axes.set_title(title, fontsize=9.5, pad=3)
    axes.set_xticks([])
    axes.set_yticks([])


def _filled(panels: list[Callable], count: int = SHOWN) -> list[Callable]:
    return panels + [lambda axes: axes.axis("off")] * (count - len(panels))


def _spread(count: int, most: int = SHOWN) -> list[int]:
    return list(dict.fromkeys(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _size(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape[:2]))


def _said(apex: int | None) -> str:
    return "not annotated" if apex is None else str(apex)


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, subsequent_indent="  ") or [""]
