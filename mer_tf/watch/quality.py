"""What a second of a track is good for, and why not for more."""

from __future__ import annotations

from collections.abc import Collection

from mer_tf.watch.rate import MOST_JITTER
from mer_tf.watch.settings import WatchConfig

_TOLERATED = 0.98  # of a rate that a tier needs: 59.94 is 60, and time stamps are rounded to milliseconds
_REPEATED = 0.2
_SEEN, _OK = 0.5, 0.5  # shares of a second's frames


def tier(
    config: WatchConfig,
    *,
    fps: float | None,
    repeated: float,
    jitter: float,
    eye_distance: float,
    sigma: float | None,
    seen: float,
    ok: float,
    faults: Collection[str],
    analysed: bool,
) -> tuple[str, tuple[str, ...]]:
    """The tier of a second and what keeps it below tier B, or was left out.

    Args:
        config: Limits.
        fps: Frames a second without repeated ones; None before it is known.
        repeated: Share of repeated frames.
        jitter: Deviation of the time between frames, over its median.
        eye_distance: Pixels.
        sigma: Standard deviation of the quiet curves, eye distances; None before it is known.
        seen: Share of the second's frames in which the face was there.
        ok: Share of them that are fit for motion.
        faults: Reasons of frames that are not, the commonest first.
        analysed: False where there are more faces than the budget allows.
    """
    if not analysed:
        return "D", ("crowd",)
    if seen < _SEEN or ok < _OK:
        return "R", tuple(faults) or ("occluded",)
    reasons: list[str] = []
    rank = 0

    def at_least(worst: int, reason: str) -> None:
        nonlocal rank
        rank = max(rank, worst)
        if worst > 1 and reason not in reasons:
            reasons.append(reason)

    rate = 0.0 if fps is None else fps
    limited = "settling" if fps is None else "duplicate" if repeated >= _REPEATED else "fps_low"
    at_least(next((i for i, least in enumerate(config.tier_fps) if rate >= _TOLERATED * least), 3), limited)
    at_least(next((i for i, least in enumerate(config.tier_eyes) if eye_distance >= least), 3), "face_small")
    if jitter > MOST_JITTER:
        at_least(2, "fps_jitter")
    if sigma is None:
        at_least(2, "settling")
    elif sigma > config.noise:
        at_least(2, "noise")
    return "ABCD"[rank], (*reasons, *(fault for fault in faults if fault not in reasons))
