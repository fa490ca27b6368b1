"""Scores of intervals that were found in long videos, as the field counts them, strictly.

Conventions:

* An interval in frames holds both its ends: from 10 to 19 are ten frames. One in seconds is half-open: from 1.0 to 1.5
  is half a second. The overlap of two intervals is ``IoU``, what they share over what they cover together.
* A found interval is a hit where its IoU with a true one of the same kind (micro or macro), subject and video is at
  least 0.5. One interval goes to one truth: pairs are taken by falling IoU, ties by the earlier truth, then by the
  earlier interval.
* Hits, false alarms and misses are added up over all videos of all subjects, those without any event and those in which
  nothing was found too; then ``F1 = 2 hits / (2 hits + false alarms + misses)``. Where nothing is there and nothing was
  found, precision, recall and F1 are None, not 0 or 1.
* Recognition is scored on the hits alone: precision and recall of each class that occurs in the truth, both averaged,
  ``F1 = 2 P R / (P + R)`` of the averages. ``STRS`` (spot-then-recognise score) is the product of both F1.

``public_scores`` reproduces the script that the challenges publish (github.com/genbing99/STRS-Metric), with the faults
that it has; each is named in ``PUBLIC_FAULTS``.

Source: MEGC 2020 to 2025 (IoU, pooled F1); Liong, See and Chan 2023 (STRS).
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mer_tf.checks import config_errors, number

MICRO, MACRO = "micro", "macro"
KINDS = (MICRO, MACRO)
THRESHOLD = 0.5
OTHER_THRESHOLDS = (0.2, 0.3, 0.4)
FRAMES, SECONDS = "frames", "seconds"
_EXACT = 1e-9  # a half in seconds is seldom a half of floats

PUBLIC_FAULTS = {
    "row_order": "pairs are taken in the order of the rows, not by the largest overlap",
    "one_for_several": "an interval that overlaps several truths by half each is a hit for each of them",
    "subjects_without_predictions": "the truths of a subject for whom nothing was found are no misses",
    "videos_without_truth": "what was found in a video without any event is no false alarm",
    "kinds_mixed": "micro- and macro-expressions are one: a found macro-expression may be the hit of a true micro one",
    "uar_is_precision": "what it calls UAR is the mean of the classes' precision, not of their recall",
    "analysis_misses": "the misses of its analysis are counted by the class that was said, so that they always are as "
    "many as the false alarms",
    "one_class": "where no hit, or every hit, is of a class and said to be so, that class counts as never right",
}


@dataclasses.dataclass(frozen=True)
class Interval:
    """An expression, found or true.

    Attributes:
        subject: Who.
        video: Where; names of two subjects' videos may be the same.
        kind: ``"micro"`` or ``"macro"``.
        onset: First frame, or second.
        offset: Last frame, or second.
        label: Class; ``""`` where nothing is said.
        apex: Frame or second of the largest motion; None where nothing is said.
    """

    subject: str
    video: str
    kind: str
    onset: float
    offset: float
    label: str = ""
    apex: float | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Subject and video."""
        return (self.subject, self.video)


def iou(a: Interval, b: Interval, unit: str = FRAMES) -> float:
    """What two intervals share over what they cover together, 0 to 1; subjects, videos and kinds do not count.

    Args:
        a: One.
        b: The other.
        unit: ``"frames"`` (ends included) or ``"seconds"``.
    """
    more = 1 if unit == FRAMES else 0
    shared = max(0.0, min(a.offset, b.offset) - max(a.onset, b.onset) + more)
    covered = (a.offset - a.onset + more) + (b.offset - b.onset + more) - shared
    return shared / covered if covered > 0 else float(a == b)


@dataclasses.dataclass(frozen=True)
class Match:
    """A hit.

    Attributes:
        truth: True interval.
        found: Found one.
        iou: Of both.
    """

    truth: Interval
    found: Interval
    iou: float


def match(
    found: Sequence[Interval], truth: Sequence[Interval], *, threshold: float = THRESHOLD, unit: str = FRAMES
) -> list[Match]:
    """Pairs intervals with truths of the same subject, video and kind, one to one.

    Args:
        found: In the order of their file.
        truth: As ``found``.
        threshold: Least IoU of a hit, above 0.
        unit: ``"frames"`` or ``"seconds"``.

    Returns:
        Hits by falling IoU.
    """
    by_place = collections.defaultdict(list)
    for k, one in enumerate(found):
        by_place[(*one.place, one.kind)].append((k, one))
    pairs = []
    for j, true in enumerate(truth):
        for k, one in by_place[(*true.place, true.kind)]:
            value = iou(one, true, unit)
            if value >= threshold - _EXACT:
                pairs.append((-value, true.onset, j, one.onset, k))
    hits, taken_truths, taken_found = [], set(), set()
    for value, _, j, _, k in sorted(pairs):
        if j not in taken_truths and k not in taken_found:
            taken_truths.add(j)
            taken_found.add(k)
            hits.append(Match(truth[j], found[k], -value))
    return hits


def spotting_scores(
    found: Sequence[Interval],
    truth: Sequence[Interval],
    *,
    videos: Iterable[tuple[str, str]] = (),
    minutes: float | None = None,
    threshold: float = THRESHOLD,
    unit: str = FRAMES,
    fps: Callable[[Interval], float | None] | None = None,
) -> dict:
    """Scores what was found, for micro- and macro-expressions apart and together.

    Args:
        found: Found intervals.
        truth: True ones.
        videos: Subject and video of every video there is, so that those without an event are counted among the videos;
            those of the intervals are added.
        minutes: Length of all videos together, for false alarms per minute; None where it is not known.
        threshold: Least IoU of a hit, above 0 and up to 1.
        unit: ``"frames"`` or ``"seconds"``.
        fps: Frames a second of an interval's video, to give errors in milliseconds; None where it is not known.

    Returns:
        ``iou``, ``unit``, ``videos``, ``videos_without_events``, ``subjects``, and under ``micro``, ``macro`` and
        ``all``: ``truths``, ``found``, ``hits``, ``false_alarms``, ``misses``, ``precision``, ``recall``, ``f1``,
        ``false_alarms_per_minute``, ``f1_event_videos`` (without the videos that hold no event of the kind, as some
        papers count), ``f1_at`` other thresholds, ``errors`` of the hits, ``recognition`` and ``strs``.

    Raises:
        ConfigError: A threshold out of range.
    """
    with config_errors():
        number("iou", threshold, lambda value: 0 < value <= 1, "above 0 and at most 1")
    every = {*videos, *(one.place for one in (*found, *truth))}
    full = {one.place for one in truth}
    result: dict = {
        "iou": threshold,
        "unit": unit,
        "subjects": len({subject for subject, _ in every}),
        "videos": len(every),
        "videos_without_events": len(every - full),
    }
    options = {"minutes": minutes, "threshold": threshold, "unit": unit, "fps": fps}
    for kind in KINDS:
        result[kind] = _scores(
            [one for one in found if one.kind == kind], [one for one in truth if one.kind == kind], **options
        )
    counted = {kind: [one for one in part if one.kind in KINDS] for kind, part in (("found", found), ("truth", truth))}
    result["all"] = _scores(counted["found"], counted["truth"], **options)
    return result


def _scores(found, truth, *, minutes, threshold, unit, fps) -> dict:
    hits = match(found, truth, threshold=threshold, unit=unit)
    counts = _counts(len(hits), len(found), len(truth))
    full = {(*one.place, one.kind) for one in truth}
    beside = [one for one in found if (*one.place, one.kind) in full]
    recognised = recognition(hits, truth)
    f1 = counts["f1"]
    return {
        **counts,
        "false_alarms_per_minute": None if not minutes else counts["false_alarms"] / minutes,
        "f1_event_videos": _counts(len(hits), len(beside), len(truth))["f1"],
        "f1_at": {
            f"{other:g}": _counts(len(match(found, truth, threshold=other, unit=unit)), len(found), len(truth))["f1"]
            for other in OTHER_THRESHOLDS
        },
        "errors": _errors(hits, unit, fps),
        "recognition": recognised,
        "strs": None if f1 is None or recognised["f1"] is None else f1 * recognised["f1"],
    }


def _counts(hits: int, found: int, truths: int) -> dict:
    return {
        "truths": truths,
        "found": found,
        "hits": hits,
        "false_alarms": found - hits,
        "misses": truths - hits,
        "precision": hits / found if found else None,
        "recall": hits / truths if truths else None,
        "f1": 2 * hits / (found + truths) if found + truths else None,
    }


def recognition(hits: Sequence[Match], truth: Sequence[Interval]) -> dict:
    """Scores of the classes that were said of the hits.

    Args:
        hits: Of ``match``.
        truth: Every true interval; its classes are those that are averaged.

    Returns:
        ``hits`` with a true class, ``right``, ``precision``, ``recall`` and ``f1`` as defined above, None where no
        truth has a class or no hit was given one, and ``classes`` with precision and recall of each.
    """
    classes = sorted({one.label for one in truth if one.label})
    known = [hit for hit in hits if hit.truth.label]
    said = [hit for hit in known if hit.found.label]
    result: dict = {
        "hits": len(known),
        "said": len(said),
        "right": sum(hit.truth.label == hit.found.label for hit in known),
        "precision": None,
        "recall": None,
        "f1": None,
        "classes": {},
    }
    if not classes or not said:
        return result
    for name in classes:
        right = sum(hit.truth.label == hit.found.label == name for hit in known)
        told = sum(hit.found.label == name for hit in known)
        true = sum(hit.truth.label == name for hit in known)
        result["classes"][name] = {
            "hits": true,
            "precision": right / told if told else 0.0,
            "recall": right / true if true else 0.0,
        }
    precision, recall = (
        float(np.mean([one[key] for one in result["classes"].values()])) for key in ("precision", "recall")
    )
    result |= {"precision": precision, "recall": recall, "f1": _harmonic(precision, recall)}
    return result


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _errors(hits: Sequence[Match], unit: str, fps) -> dict:
    """Median and 95th percentile of how far the ends and the apex of hits are off, in ``unit`` and in milliseconds."""
    result: dict = {}
    for name in ("onset", "apex", "offset"):
        off, late = [], []
        for hit in hits:
            true, told = getattr(hit.truth, name), getattr(hit.found, name)
            if true is None or told is None:
                continue
            off.append(abs(told - true))
            rate = 1.0 if unit == SECONDS else fps(hit.truth) if fps else None
            if rate:
                late.append(1000 * abs(told - true) / rate)
        result[name] = {
            "median": _quantile(off, 0.5), "p95": _quantile(off, 0.95), "median_ms": _quantile(late, 0.5),
            "p95_ms": _quantile(late, 0.95),
        }  # fmt: skip
    told = [hit for hit in hits if hit.found.apex is not None]
    inside = sum(hit.truth.onset <= hit.found.apex <= hit.truth.offset for hit in told)
    result["apex_inside"] = inside / len(told) if told else None
    return result


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


# ------------------------------------------------------------------------------------------------- the public script


def public_scores(found: Sequence[Interval], truth: Sequence[Interval], *, threshold: float = THRESHOLD) -> dict:
    """What the public script of the challenges prints for the same intervals, in frames; see ``PUBLIC_FAULTS``.

    Args:
        found: Found intervals, in the order of their file.
        truth: True ones.
        threshold: Least IoU of a hit.

    Returns:
        ``scores`` under the script's own names (None where it prints ``nan``), and ``faults``: for each of
        ``PUBLIC_FAULTS`` how many cases it touches here.
    """
    subjects = list(dict.fromkeys(one.subject for one in found))
    hits: list[Match] = []
    alarms = misses = several = more = 0
    for subject in subjects:
        for video in dict.fromkeys(one.video for one in truth if one.subject == subject):
            here = [one for one in found if one.place == (subject, video)]
            true = [one for one in truth if one.place == (subject, video)]
            taken: set[int] = set()
            for one in here:
                new = [j for j, t in enumerate(true) if j not in taken and iou(one, t) >= threshold]
                hits += [Match(true[j], one, iou(one, true[j])) for j in new]
                taken.update(new)
                alarms += not new
                several += len(new) > 1
                more += max(0, len(new) - 1)
            misses += len(true) - len(taken)
    precision = len(hits) / (len(hits) + alarms) if hits else 0.0
    recall = len(hits) / (len(hits) + misses) if hits else 0.0
    spot = _harmonic(precision, recall)
    classes = list(dict.fromkeys(one.label for one in truth))
    by_class, lost = [], 0
    for name in classes:
        cells = {(hit.truth.label == name, hit.found.label == name) for hit in hits}
        both = sum(hit.truth.label == hit.found.label == name for hit in hits)
        told = sum(hit.found.label == name for hit in hits)
        shown = sum(hit.truth.label == name for hit in hits)
        if cells in ({(True, True)}, {(False, False)}, set()):  # its table of confusions has one cell, not four
            lost += cells == {(True, True)}
            both = told = shown = 0
        by_class.append((both / told if told else 0.0, both / shown if shown else 0.0))
    means = [float(np.mean(part)) for part in zip(*by_class)] if by_class else [0.0, 0.0]
    analysis = _harmonic(*means) if sum(means) else None
    right = sum(hit.truth.label == hit.found.label for hit in hits)
    wrong = sum(hit.truth.label != hit.found.label and hit.found.label in classes for hit in hits)
    scores: Mapping[str, float | None] = {
        "STRS": None if analysis is None else spot * analysis,
        "TP spotting": len(hits),
        "FP spotting": alarms,
        "FN spotting": misses,
        "Precision spotting": precision,
        "Recall spotting": recall,
        "F1-score spotting": spot,
        "TP analysis": right,
        "FP analysis": wrong,
        "FN analysis": wrong,
        "Precision analysis": means[0],
        "Recall analysis": means[1],
        "F1-score analysis": analysis,
        "UF1 analysis": float(np.mean([_harmonic(*one) for one in by_class])) if by_class else None,
        "UAR analysis": means[0],
    }
    places = {one.place for one in truth}
    merged = [[dataclasses.replace(one, kind=MICRO) for one in part] for part in (found, truth)]
    ours = {(hit.truth, hit.found) for hit in match(*merged, threshold=threshold)}
    theirs = {tuple(dataclasses.replace(one, kind=MICRO) for one in (hit.truth, hit.found)) for hit in hits}
    return {
        "scores": dict(scores),
        "faults": {
            "row_order": max(0, len(theirs - ours) - more),
            "one_for_several": several,
            "subjects_without_predictions": sum(one.subject not in subjects for one in truth),
            "videos_without_truth": sum(one.place not in places for one in found),
            "kinds_mixed": sum(hit.truth.kind != hit.found.kind for hit in hits),
            "uar_is_precision": int(abs(means[0] - means[1]) > 1e-12),
            "analysis_misses": wrong,
            "one_class": lost,
        },
    }
