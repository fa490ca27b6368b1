"""``mer spot-score``: intervals that were found in long videos, scored as the field scores them."""

from __future__ import annotations

import json

from mer_tf.console import fill, say, table
from mer_tf.errors import ConfigError

COMPAT = ("megc",)


def add(verbs) -> None:
    parser = verbs.add_parser(
        "spot-score",
        help="found intervals beside the true ones: hits, F1, recognition of the hits, STRS",
        description="Both files are CSV with a row per interval: kind (micro, macro; none for a video in which nothing "
        "happens), onset_frame, apex_frame and offset_frame (both ends included) or onset_s, apex_s and offset_s (the "
        "end not included), label, and subject and video where there are several. The events.csv of 'mer watch' and of "
        "'mer data synth-scene' are such files, and their folders can be given: people are then told by their boxes.",
    )
    parser.add_argument("predictions", help="CSV of what was found, or the folder of 'mer watch'")
    parser.add_argument("truth", help="CSV of what is true, which names every video; or the folder of a scene")
    parser.add_argument("--iou", type=float, default=0.5, help="least overlap of a hit (default: %(default)s)")
    parser.add_argument("--unit", choices=("frames", "seconds"), help="default: frames where both files have them")
    parser.add_argument(
        "--tracks", metavar="TRACK=SUBJECT,...", help="which person of the truth a track of the predictions is"
    )
    parser.add_argument(
        "--compat",
        metavar="NAME",
        help="megc: also what the public script of the challenges prints, and what each of its faults changes here",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.checks import config_errors, one_of
    from mer_tf.metrics.spot_files import score_files

    if arguments.compat is not None:
        with config_errors():
            one_of("--compat", arguments.compat, COMPAT)
    result = score_files(
        arguments.predictions,
        arguments.truth,
        threshold=arguments.iou,
        unit=arguments.unit,
        tracks=_tracks(arguments.tracks),
        megc=arguments.compat is not None,
    )
    if arguments.json:
        say(json.dumps(result, indent=1))
    else:
        _print(result)
    return 0


def _tracks(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    named = {}
    for part in text.split(","):
        track, sign, subject = (piece.strip() for piece in part.partition("="))
        if part.strip() and not (track and sign and subject):
            raise ConfigError(f"--tracks must be TRACK=SUBJECT,... Received: {part!r}")
        if track:
            named[track] = subject
    return named


def _print(result: dict) -> None:
    ends = "both ends included" if result["unit"] == "frames" else "the end not included"
    say(
        f"{result['videos']} videos of {result['subjects']} subjects, {result['videos_without_events']} without an "
        f"event; hits at an overlap (IoU) of {result['iou']:g} or more, in {result['unit']} ({ends})"
    )
    names = ("truths", "found", "hits", "false_alarms", "misses")
    rows = []
    for kind in ("micro", "macro", "all"):
        one = result[kind]
        numbers = [one[name] for name in names]
        rows.append((kind, *numbers, *(_share(one[name]) for name in ("precision", "recall", "f1"))))
    say(table(("", "true", "found", "hits", "false", "missed", "precision", "recall", "F1"), rows))
    rows = []
    for kind in ("micro", "macro", "all"):
        one = result[kind]
        errors = one["errors"]
        off = [_off(errors[end], result["unit"]) for end in ("onset", "apex", "offset")]
        recognised = one["recognition"]
        right = f"{recognised['right']} of {recognised['hits']}" if recognised["said"] else None
        rate = one["false_alarms_per_minute"]
        rows.append((kind, *off, None if rate is None else f"{rate:.2f}", right, _share(recognised["f1"]),
                     _share(one["strs"])))  # fmt: skip
    header = ("", "onset off", "apex off", "offset off", "false/min", "class right", "F1 of classes", "STRS")
    say("")
    say(table(header, rows))
    say("'off' is the median of the hits. F1 of classes is that of the hits; STRS is its product with F1.")
    part = result["all"]["f1_event_videos"]
    if result["videos_without_events"] and part is not None:
        say(f"without the videos in which nothing happens, as some papers count, F1 would be {part:.4f}")
    for remark in result["remarks"]:
        say(fill(f"note: {remark}"))
    if "megc" in result:
        say("\nThe public script of the challenges (STRS-Metric) prints for these files:")
        say(table(("", "value"), [(name, _value(value)) for name, value in result["megc"]["scores"].items()]))
        say("Its faults, and how many cases each touches here:")
        for name, fault in result["megc"]["faults"].items():
            say(fill(f"{fault['cases']:6d}  {name}: {fault['what']}", indent=" " * 8))


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _value(value: float | None) -> str:
    return "nan" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"


def _off(error: dict, unit: str) -> str | None:
    if error["median"] is None:
        return None
    if unit == "seconds":
        return f"{error['median']:.3f} s"
    late = "" if error["median_ms"] is None else f" ({error['median_ms']:.0f} ms)"
    return f"{error['median']:g}{late}"
