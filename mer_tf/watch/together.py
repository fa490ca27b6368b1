"""What is said of several faces together: behaviours and their shares, curves with their spread, rates of events.

Everything here is computed from the seconds of single faces. A value needs at least ``LEAST`` faces that have one, else
it is None and drawn as a gap: a mean of fewer would be a statement about persons. Nothing is smoothed beyond its
window, nothing is carried on.

Assumption: the windows, the limits of the behaviours and what each is worth are conventions of this package; no source
defines them. The classroom figure of ASTNet 2023 (section 5, Figure 14) shows such curves without formulas.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mer_tf.watch.types import MACRO, MICRO, CurveSecond, Event, TrackSecond

LEAST = 5  # faces that a value about all of them needs
SCORE_WINDOW = 10.0  # seconds over which "facing" and "motion" of a face are taken
WINDOW = 60.0  # seconds of shares, rates and balance
VISIBLE = 0.6  # of a second, or of a window, that a face must be there
# Behaviours, the first that holds counts, and what one is worth in the group value.
VALUES = {
    "mouth_moving": 0.8,
    "head_down": 0.3,
    "head_turned": 0.4,
    "macro": 0.8,
    "facing": 1.0,
    "other": 0.5,
}
WORDS = {
    "facing": "facing the target",
    "mouth_moving": "mouth moving",
    "macro": "macro-expression",
    "other": "other",
    "head_turned": "head turned",
    "head_down": "head down",
}
NOT_VISIBLE, NOT_MEASURED = "not_visible", "not_measured"  # outside the shares
MOUTH_SD = 0.03  # eye distances, of the mouth opening within a second
DOWN, TURNED = 20.0, 30.0  # degrees
FACING = 0.5  # of 1, mean over the second
PRIOR = 3.0  # certain events of neither side that the balance starts from
_DRAWS, _SEED = 1000, 0  # of the bootstrap over faces


@dataclasses.dataclass(frozen=True)
class Spread:
    """A value of several faces at one time.

    Attributes:
        n: Faces that have a value.
        value: Mean of them, weighted by how much of the window each was visible; None below ``LEAST`` faces.
        low: 10th percentile over the faces, None as ``value``; of the balance the lower end of its 90 % interval.
        high: 90th percentile, as ``low``.
    """

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True)
class Together:
    """All faces at the end of one second.

    Attributes:
        second: Seconds of the recording.
        present: Faces that were visible in this second.
        facing: "Facing the target", 0 to 100.
        motion: "Facial movement", 0 to 100.
        micro_rate: Accepted micro-expressions per visible minute, over the last ``WINDOW`` seconds.
        macro_rate: As ``micro_rate``, of macro-expressions.
        balance: Evidence of the classes, 0 to 100, 50 is none or even; without values where no classes were asked for.
        shares: Share of each behaviour of ``VALUES`` in the visible seconds of the window, sum 1; None without any.
        share_faces: Faces that the shares are of.
        value: Shares weighted by ``VALUES``, 0 to 100; None below ``LEAST`` faces.
    """

    second: float
    present: int
    facing: Spread
    motion: Spread
    micro_rate: Spread
    macro_rate: Spread
    balance: Spread
    shares: Mapping[str, float] | None
    share_faces: int
    value: float | None


def behaviour(curve: CurveSecond, macro: bool | None = None) -> str:
    """What a face does in one second: a key of ``VALUES``, ``NOT_VISIBLE`` or ``NOT_MEASURED``.

    Args:
        curve: The second.
        macro: Whether a macro-expression was going on, where ``curve`` does not know it yet.
    """
    if curve.seen < VISIBLE:
        return NOT_VISIBLE
    if curve.turn is None or curve.nod is None or curve.facing_now is None:
        return NOT_MEASURED  # no 68 points: neither head nor mouth is known
    if curve.mouth_sd is not None and curve.mouth_sd > MOUTH_SD:
        return "mouth_moving"
    if curve.nod > DOWN:
        return "head_down"
    if abs(curve.turn) > TURNED:
        return "head_turned"
    if curve.macro_open or (curve.macro_open is None and macro):
        return "macro"
    return "facing" if curve.facing_now >= FACING else "other"


def group_value(shares: Mapping[str, float]) -> float:
    """The shares as weights of ``VALUES``, 0 to 100: the mean of the values over all seconds of all faces."""
    return 100 * sum(share * VALUES[name] for name, share in shares.items())


def shares_of(counts: Mapping[str, int]) -> dict[str, float] | None:
    """Shares of the behaviours, in the order of ``VALUES``; None where nothing was counted."""
    total = sum(counts.get(name, 0) for name in VALUES)
    return {name: counts.get(name, 0) / total for name in VALUES} if total else None


@functools.cache
def valences() -> dict[str, int]:
    """Class names that speak for (1) or against (-1) in the balance: the challenge's own three classes and emotions."""
    from mer_tf.datasets.mappings import mappings

    mapping = mappings()["megc2019"]
    sides = {"positive": 1, "negative": -1}
    found = {emotion: sides[name] for emotion, name in (mapping.others or {}).items() if name in sides}
    return {**found, **sides}


class Gathering:
    """Follows the seconds of all faces and says what holds of them together.

    Seconds come in order. Events come when they are known, in any order; those of a finished recording may all come
    first. Memory is that of the windows and of the events ahead.

    Args:
        classes: Whether the classes of events may be used, for the balance.
    """

    def __init__(self, classes: bool = False):
        self._classes = classes
        self._recent: collections.deque[tuple[float, dict[str, tuple[float, float]]]] = collections.deque()
        self._long: collections.deque[list] = collections.deque()  # [second, curve, track second, behaviour]
        self._counts: collections.Counter[str] = collections.Counter()
        self._events: list[tuple[float, str, Event]] = []  # by apex
        self._macros: list[Event] = []
        self._now = 0.0

    def event(self, event: Event) -> None:
        """Takes note of an event; of those that do not count only long macro-expressions, as a behaviour."""
        if event.counts:
            bisect.insort(self._events, (event.apex_s, event.id, event), key=lambda item: item[:2])
        if event.kind not in (MACRO, "macro_long"):
            return
        self._macros.append(event)
        for item in self._long:
            if item[1].track == event.track:
                self._count(item[3], -1)
                item[3] = behaviour(item[1], _overlaps(event, item[0]) or item[3] == "macro")
                self._count(item[3], 1)

    def second(self, time_s: float, tracks: Sequence[TrackSecond], curves: Sequence[CurveSecond]) -> Together:
        """What holds at the end of a second.

        Args:
            time_s: End of the second.
            tracks: Quality of each face.
            curves: Values of each face; of those without any there is nothing to say.
        """
        quality = {second.track: second for second in tracks}
        self._forget(time_s)
        self._recent.append(
            (time_s, {curve.track: (curve.seen, _ok(quality.get(curve.track), curve)) for curve in curves})
        )
        for curve in curves:
            macro = any(event.track == curve.track and _overlaps(event, curve.second) for event in self._macros)
            found = behaviour(curve, macro)
            self._long.append([curve.second, curve, quality.get(curve.track), found])
            self._count(found, 1)
        shares = shares_of(self._counts)
        faces = len({item[1].track for item in self._long if item[3] in VALUES})
        return Together(
            second=time_s,
            present=sum(curve.seen >= VISIBLE for curve in curves),
            facing=self._spread(((c.track, c.facing) for c in curves), 0),
            motion=self._spread(((c.track, c.motion) for c in curves), 1),
            micro_rate=self._rate(MICRO, "AB"),
            macro_rate=self._rate(MACRO, "ABC"),
            balance=self._balance(),
            shares=shares,
            share_faces=faces,
            value=group_value(shares) if shares and faces >= LEAST else None,
        )

    def _count(self, found: str, by: int) -> None:
        self._counts[found] += by

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] <= now - SCORE_WINDOW:
            self._recent.popleft()
        while self._long and self._long[0][0] <= now - WINDOW:
            self._count(self._long.popleft()[3], -1)
        del self._events[: bisect.bisect_left(self._events, now - WINDOW, key=lambda item: item[0])]
        self._macros = [event for event in self._macros if event.offset_s > now - WINDOW]
        self._now = now

    def _spread(self, values: Iterable[tuple[str, float | None]], which: int) -> Spread:
        there = [(track, value) for track, value in values if value is not None]
        if len(there) < LEAST:
            return Spread(len(there))
        weights = [
            sum(second.get(track, (0.0, 0.0))[which] for _, second in self._recent) / SCORE_WINDOW for track, _ in there
        ]
        of = np.array([value for _, value in there], float)
        if not np.isfinite(of).all():
            raise ValueError(f"a value of a face must be a finite number or None. Received: {of.tolist()}")
        mean = float(np.average(of, weights=weights)) if sum(weights) > 0 else float(of.mean())
        low, high = np.percentile(of, (10, 90))
        return Spread(len(there), mean, float(low), float(high))

    def _rate(self, kind: str, tiers: str) -> Spread:
        """Events per minute in which they could have been seen, of faces that were fit for it most of the window."""
        fit: collections.Counter[str] = collections.Counter()
        for _, curve, quality, _ in self._long:
            if quality is not None and quality.tier in tiers:
                fit[curve.track] += quality.ok
        fit = collections.Counter({track: seconds for track, seconds in fit.items() if seconds >= VISIBLE * WINDOW})
        if len(fit) < LEAST:
            return Spread(len(fit))
        found = collections.Counter(
            event.track for apex, _, event in self._events if event.kind == kind and apex <= self._now
        )
        rates = [60 * found[track] / seconds for track, seconds in fit.items()]
        low, high = np.percentile(rates, (10, 90))
        mean = 60 * sum(found[track] for track in fit) / sum(fit.values())
        return Spread(len(fit), float(mean), float(low), float(high))

    def _balance(self) -> Spread:
        """``50 + 50 S / (Z + PRIOR)`` with S and Z the signed and whole weight of the events."""
        if not self._classes:
            return Spread(0)
        signed: collections.Counter[str] = collections.Counter()
        whole: collections.Counter[str] = collections.Counter()
        for apex, _, event in self._events:
            if apex <= self._now and event.status == "ok" and event.probabilities:
                weight = event.confidence * max(p for _, p in event.probabilities)
                signed[event.track] += weight * sum(p * valences().get(name, 0) for name, p in event.probabilities)
                whole[event.track] += weight
        names = sorted(track for track, weight in whole.items() if weight > 0)
        if len(names) < LEAST:
            return Spread(len(names))
        s, z = (np.array([of[name] for name in names]) for of in (signed, whole))
        draws = np.random.default_rng(_SEED).integers(0, len(names), (_DRAWS, len(names)))
        drawn = 50 + 50 * s[draws].sum(1) / (z[draws].sum(1) + PRIOR)
        low, high = np.percentile(drawn, (5, 95))
        return Spread(len(names), float(50 + 50 * s.sum() / (z.sum() + PRIOR)), float(low), float(high))


def _overlaps(event: Event, second: float) -> bool:
    """Whether an event was going on within the second that ends at ``second``."""
    return event.onset_s < second and event.offset_s > second - 1


def _ok(quality: TrackSecond | None, curve: CurveSecond) -> float:
    return curve.seen if quality is None else quality.ok
