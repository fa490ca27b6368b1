"""What is drawn into a picture of a recording: boxes, numbers, times, marks of events; and faces made unknowable.

Text is ASCII: OpenCV's fonts hold nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mer_tf.watch.drawings import clock
from mer_tf.watch.types import MACRO, MICRO, NOT_COUNTED, TIERS, Event, Face
from mer_tf.watch.words import NOTICE_LINES, NUMBERS, View

# Blue, green, red; told apart without telling red from green.
_TIER_COLOUR = {
    "A": (233, 180, 86),
    "B": (233, 180, 86),
    "C": (66, 228, 240),
    "D": (200, 200, 200),
    "R": (200, 200, 200),
}
_EVENT_COLOUR = {MICRO: (0, 140, 255), MACRO: (220, 110, 210)}
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
MARK_S = 1.0  # a mark stays that long after its event, or nobody would see one of a tenth of a second
_BLUR_BOX = 1.35  # of the box: chin, ears and hair tell a person as well
_FOOTER = "no lie or emotion detector"


@dataclasses.dataclass(frozen=True)
class Moment:
    """What stands in the corners of a picture.

    Attributes:
        time_s: Second of the recording.
        wall: Date and time of day, ``""`` where nobody knows them.
        fps: Measured frames a second; None where not known.
        notice: Whether the notice stands over the picture.
    """

    time_s: float
    wall: str = ""
    fps: float | None = None
    notice: bool = False


def blur_faces(picture: np.ndarray, boxes: Sequence[tuple[float, float, float, float]]) -> None:
    """Makes faces unknowable, in place.

    A face is reduced to some eight by eight patches before it is smoothed, since smoothing alone can be undone in part.

    Args:
        picture: ``(height, width, 3)`` uint8.
        boxes: Left, top, right, bottom of the faces; widened here.
    """
    height, width = picture.shape[:2]
    for left, top, right, bottom in boxes:
        x, y = (left + right) / 2, (top + bottom) / 2
        half = np.array([right - left, bottom - top]) / 2 * _BLUR_BOX
        x0, y0 = max(int(x - half[0]), 0), max(int(y - half[1]), 0)
        x1, y1 = min(int(np.ceil(x + half[0])), width), min(int(np.ceil(y + half[1])), height)
        if x1 - x0 < 2 or y1 - y0 < 2:
            continue
        part = picture[y0:y1, x0:x1]
        size = (x1 - x0, y1 - y0)
        small = cv2.resize(part, (min(8, size[0]), min(8, size[1])), interpolation=cv2.INTER_AREA)
        smooth = cv2.GaussianBlur(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), (0, 0), 0.05 * size[0] + 0.5)
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        centre = (round(x) - x0, round(y) - y0)
        cv2.ellipse(mask, centre, (int(half[0]) + 1, int(half[1]) + 1), 0, 0, 360, 255, -1)
        part[mask > 0] = smooth[mask > 0]


def draw(
    picture: np.ndarray,
    faces: Sequence[Face],
    values: Mapping[str, float | None],
    events: Sequence[Event],
    moment: Moment,
    view: View,
) -> None:
    """Draws into a picture, in place.

    Args:
        picture: ``(height, width, 3)`` uint8 BGR.
        faces: Boxes, in pixels of this picture.
        values: Score of each track to stand at its box; None or absent where there is none.
        events: Those whose marks may be due.
        moment: Time and facts for the corners.
        view: Which score, whether classes.
    """
    scale = max(0.4, min(picture.shape[0], picture.shape[1]) / 900)
    due: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: -event.onset_s):
        if _due(event, moment):
            due.setdefault(event.track, []).append(event)
    for face in sorted(faces, key=lambda face: face.eye_distance):
        _face(picture, face, values.get(face.track), due.get(face.track, ()), moment, view, scale)
    height, width = picture.shape[:2]
    time = f"{moment.wall}  {clock(moment.time_s, 2)}".strip()
    _words(picture, time, (6, 6), scale, anchor="top left")
    legend = f"number: {NUMBERS[view.number]}, 0 to 100"
    wide = sum(cv2.getTextSize(text, _FONT, 0.62 * scale, 1)[0][0] for text in (time, legend))
    if wide + 30 < width:
        _words(picture, legend, (width - 6, 6), scale * 0.85, anchor="top right")
    else:
        _words(picture, legend, (6, 6 + round(30 * scale)), scale * 0.85, anchor="top left")
    analysed = sum(face.analysed for face in faces)
    told = "" if moment.fps is None else f"{moment.fps:.1f} frames/s, "
    foot = f"{told}{analysed} of {len(faces)} faces analysed; {_FOOTER}"
    _words(picture, foot, (6, height - 6), scale * 0.8, anchor="bottom left")
    if view.classroom:
        if moment.notice:
            _panel(picture, NOTICE_LINES, scale)
        else:
            _words(picture, NOTICE_LINES[1], (6, height - 6 - round(30 * scale)), scale * 0.8, anchor="bottom left")


def _due(event: Event, moment: Moment) -> bool:
    return event.onset_s <= moment.time_s <= event.offset_s + MARK_S and event.kind not in NOT_COUNTED


def _face(picture, face: Face, value, events: Sequence[Event], moment: Moment, view: View, scale: float) -> None:
    left, top, right, bottom = (round(edge) for edge in face.box)
    colour = _TIER_COLOUR[face.tier if face.tier in TIERS else "D"] if face.analysed else _TIER_COLOUR["R"]
    thick = max(1, round(2 * scale))
    if events:
        going_on = events[0].offset_s >= moment.time_s
        colour, thick = _EVENT_COLOUR[events[0].kind], max(3, round(5 * scale)) if going_on else max(2, thick)
    elif face.tier in "DR" or not face.analysed:
        thick = 1
    cv2.rectangle(picture, (left, top), (right, bottom), colour, thick, cv2.LINE_AA)
    number = "-" if value is None else f"{value:.0f}"
    label = f"#{face.number}  {number}" if face.analysed else f"#{face.number}"
    _words(picture, label, (left, top - 4), scale * 1.15, colour, anchor="bottom left")
    below = []
    if not face.analysed:
        below.append("not analysed")
    elif face.tier in "DR" and face.reasons:
        below.append(("refused: " if face.tier == "R" else "") + face.reasons[0].replace("_", " "))
    for place, event in enumerate(events[:2]):
        over = event.offset_s < moment.time_s
        said = f"{event.kind} {clock(event.apex_s, 2)}{' (over)' if over else ''}"
        if view.emotion and event.status == "ok" and event.label:
            said += f" {event.label}"
        below.insert(place, said)
    for line, text in enumerate(below):
        _words(picture, text, (left, bottom + 4 + round(line * 26 * scale)), scale * 0.9, colour, anchor="top left")


def _words(picture, text: str, at: tuple[int, int], scale: float, colour=_WHITE, anchor: str = "top left") -> None:
    """Text on a dark ground, moved inside the picture."""
    text = text.encode("ascii", "replace").decode()
    size = 0.62 * scale
    (wide, high), base = cv2.getTextSize(text, _FONT, size, 1)
    height, width = picture.shape[:2]
    x = at[0] - (wide if "right" in anchor else 0)
    y = at[1] + (high if "top" in anchor else -base)
    x, y = min(max(x, 2), max(width - wide - 2, 2)), min(max(y, high + 2), height - base - 1)
    x0, y0, x1, y1 = max(x - 2, 0), max(y - high - 2, 0), min(x + wide + 2, width), min(y + base + 1, height)
    if x1 > x0 and y1 > y0:
        picture[y0:y1, x0:x1] = picture[y0:y1, x0:x1] // 3
    cv2.putText(picture, text, (x, y), _FONT, size, colour, max(1, round(1.4 * scale)), cv2.LINE_AA)


def _panel(picture, lines: Sequence[str], scale: float) -> None:
    """Lines across the middle, as large as the width allows."""
    width = picture.shape[1]
    longest = max(cv2.getTextSize(line, _FONT, 0.62, 1)[0][0] for line in lines)
    scale = min(scale, (width - 16) / longest)
    step = round(30 * scale)
    y = (picture.shape[0] - step * len(lines)) // 2
    picture[max(y - step // 2, 0) : y + step * len(lines)] //= 3
    for number, line in enumerate(lines):
        _words(picture, line, (8, y + number * step), scale, anchor="top left")
