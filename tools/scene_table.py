"""How ``mer watch`` does on drawn scenes: events found, false alarms, and the answers that are due.

    .venv/bin/python tools/scene_table.py [--cases people,rates,...] [--seeds 3] [--minutes 10] [--json FILE]

Each case draws a scene, watches it and lays the events beside the truth: a hit overlaps a true event of the same kind
and person by half (IoU of frames), one to one. Truths of people about whom a refusal is due are not asked for; whatever
is told of them is a false alarm. Seconds in which somebody is turned away or gone must offer nothing ("away refused").
Scenes are drawn into a temporary folder and removed; ``--work`` keeps them.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

from mer_tf.console import table
from mer_tf.metrics.spot_files import people_of_tracks
from mer_tf.metrics.spotting import MACRO, MICRO, Interval, match
from mer_tf.synthetic.scene import FOUND, MOVE_S, NONE_FOUND, REFUSED, Scene, SceneConfig, ScenePerson, plan_scene
from mer_tf.synthetic.scene_files import BOXES, FORMATS, write_scene
from mer_tf.watch import store
from mer_tf.watch.engine import watch
from mer_tf.watch.types import REASONS, Result

NOISES = (1.0, 2.0, 4.0, 8.0)


@dataclasses.dataclass(frozen=True)
class Case:
    """A scene and how it is written.

    Attributes:
        group: Name for ``--cases``.
        name: What is special about it.
        config: The scene.
        kind: Format of the recording.
        quality: Of Motion JPEG.
    """

    group: str
    name: str
    config: SceneConfig
    kind: str = "mjpg"
    quality: int | None = 95


def cases(seed: int, minutes: float, seconds: float) -> Iterator[Case]:
    """Every case of one seed; the long ones are of seed 0 alone."""
    yield Case(
        "people", "six people, 1280x720", SceneConfig(faces=6, width=1280, height=720, seconds=seconds, seed=seed)
    )
    one = SceneConfig(faces=1, width=256, height=320, seconds=seconds, seed=seed)
    for fps in (25, 30, 60, 100, 200):
        yield Case("rates", f"{fps} frames a second", dataclasses.replace(one, fps=fps))
    for noise in NOISES:
        yield Case("noise", f"noise {noise:g}", dataclasses.replace(one, noise=noise))
    for motion in (0.0, 0.02, 0.05):
        yield Case("head", f"head to and fro {motion:g}", dataclasses.replace(one, head_motion=motion))
    for size in (0.015, 0.02, 0.03):
        yield Case("size", f"motion of {size:g}", dataclasses.replace(one, micro_size=(size, size)))
    for kind, quality in (("vp8", None), ("mjpg", 50), ("mjpg", 20)):
        yield Case("codec", f"{kind} {quality or ''}".strip(), one, kind, quality)
    two = dataclasses.replace(one, faces=2, roles=("turning", "leaving"), width=512)
    yield Case("away", "one turns, one leaves", two)
    for fps in (30, 60):
        yield Case("repeat", f"{fps} frames, each twice", dataclasses.replace(one, fps=fps, repeat=2))
    if seed == 0:
        for role in ("still", "resting"):
            for noise in NOISES:
                long = dataclasses.replace(one, roles=(role,), noise=noise, seconds=60 * minutes)
                yield Case(role, f"{role}, noise {noise:g}, {minutes:g} min", long)


def answers(result: Result, people: dict[str, int], person: int, kind: str) -> tuple[str, str]:
    """What is said about a person in all their tracks, and why; ``"not seen"`` where there is no track."""
    said = [
        (getattr(track, kind), getattr(track, f"{kind}_why"))
        for track in result.tracks
        if people.get(track.track) == person
    ]
    for answer in (FOUND, NONE_FOUND, REFUSED):
        for given, why in said:
            if given == answer:
                return given, why
    return said[0] if said else ("not seen", "")


def refused_away(person: ScenePerson, seconds: Sequence, people: dict[str, int]) -> tuple[int, int]:
    """Whole seconds in which a person is turned away or gone, and those of them in which nothing micro is offered."""
    away = {
        second
        for start, stop in (*person.turned, *person.absent)
        for second in range(math.ceil(start + MOVE_S) + 1, math.floor(stop - MOVE_S) + 1)
    }
    offered = {
        round(row.second) for row in seconds if people.get(row.track) == person.person and row.tier in ("A", "B")
    }
    return len(away), len(away - offered)


def judge(scene: Scene, result: Result, people: dict[str, int], seconds: Sequence = ()) -> list[dict]:
    """One row per person and kind: true events, hits, false alarms, answer due and given."""
    found = [
        Interval(str(people.get(event.track, event.track)), "", event.kind, event.onset_frame, event.offset_frame)
        for event in result.events
        if event.counts
    ]
    rows = []
    for person in scene.people:
        away, refused = refused_away(person, seconds, people)
        for kind, due, why in ((MICRO, person.micro, person.micro_why), (MACRO, person.macro, person.macro_why)):
            truth = [
                Interval(str(person.person), "", kind, event.onset_frame, event.offset_frame)
                for event in person.events
                if event.kind == kind and due != REFUSED
            ]
            own = [one for one in found if one.subject == str(person.person) and one.kind == kind]
            given, given_why = answers(result, people, person.person, kind)
            right = given == due and (due != REFUSED or REASONS[why] in given_why)
            rows.append(
                {
                    "person": person.person, "role": person.role, "kind": kind, "true": len(truth), "found": len(own),
                    "hits": len(match(own, truth)), "due": due, "due_why": why, "given": given, "given_why": given_why,
                    "answer_right": right, "minutes": scene.config.seconds / 60,
                    "away_s": away, "away_refused_s": refused,
                }
            )  # fmt: skip
    strangers = [event for event in result.events if event.counts and event.track not in people]
    if strangers:
        rows.append(
            {
                "person": 0, "role": "nobody", "kind": "", "true": 0, "found": len(strangers), "hits": 0, "due": "",
                "due_why": "", "given": "", "given_why": "", "answer_right": False, "minutes": 0.0,
                "away_s": 0, "away_refused_s": 0,
            }
        )  # fmt: skip
    return rows


def play(case: Case, folder: str | os.PathLike, detector: str = "auto") -> dict:
    """Draws, watches and judges one case."""
    from mer_tf.watch.settings import WatchConfig

    root = pathlib.Path(folder)
    began = time.monotonic()
    summary = write_scene(root / "scene", case.config, kind=case.kind, quality=case.quality)
    drawn = time.monotonic()
    options = {"fps": case.config.fps} if case.kind == "frames" else {}
    result = watch(
        root / "scene" / FORMATS[case.kind][0], root / "watched", config=WatchConfig(detector=detector), **options
    )
    seconds = list(store.rows(root / "watched", store.TRACKS))
    who = people_of_tracks(root / "watched" / store.TRACKS, root / "scene" / BOXES)
    people = {track: int(person[1:]) for track, person in who.items()}
    return {
        "group": case.group, "name": case.name, "seed": case.config.seed, "fps": case.config.fps,
        "noise": case.config.noise, "seconds": summary.seconds, "tracks": len(result.tracks),
        "rows": judge(plan_scene(case.config), result, people, seconds),
        "draw_s": round(drawn - began, 1), "watch_s": round(time.monotonic() - drawn, 1),
    }  # fmt: skip


def lines(results: Sequence[dict]) -> str:
    """The tables of results: by case, and by what people do."""
    rows = []
    for (group, name), part in _grouped(results, "group", "name").items():
        every = [row for one in part for row in one["rows"]]
        rows.append((group, name, len(part), *_sums(every)))
    sums = ("micro hit", "macro hit", "false", "false/min", "answers right", "away refused")
    text = table(("cases", "scene", "seeds", *sums), rows, wide=True)
    by_role = collections.defaultdict(list)
    for one in results:
        if one["group"] == "people":
            for row in one["rows"]:
                by_role[row["role"]].append(row)
    if by_role:
        rows = [(role, *_sums(part)) for role, part in by_role.items()]
        text += "\n\n" + table(("six people", *sums), rows, wide=True)
    wrong = [
        f"{one['name']}, seed {one['seed']}, p{row['person']} ({row['role']}), {row['kind']}: due {row['due']} "
        f"{row['due_why']}, given {row['given']} {row['given_why']}"
        for one in results
        for row in one["rows"]
        if not row["answer_right"]
    ]
    return text + "".join(f"\nother answer: {line}" for line in wrong)


def _sums(rows: Sequence[dict]) -> tuple:
    hits = []
    for kind in (MICRO, MACRO):
        part = [row for row in rows if row["kind"] == kind]
        true = sum(row["true"] for row in part)
        hits.append(f"{sum(row['hits'] for row in part)} of {true}" if true else None)
    alarms = sum(row["found"] - row["hits"] for row in rows)
    minutes = sum(row["minutes"] for row in rows if row["kind"] == MICRO)
    right = sum(row["answer_right"] for row in rows)
    part = [row for row in rows if row["kind"] == MICRO]
    away, refused = (sum(row.get(name, 0) for row in part) for name in ("away_s", "away_refused_s"))
    return (*hits, alarms, f"{alarms / minutes:.2f}" if minutes else None, f"{right} of {len(rows)}",
            f"{refused} of {away} s" if away else None)  # fmt: skip


def _grouped(results, *names) -> dict:
    groups = collections.defaultdict(list)
    for one in results:
        groups[tuple(one[name] for name in names)].append(one)
    return groups


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    groups = tuple(dict.fromkeys(case.group for case in cases(0, 1, 10)))
    parser.add_argument("--cases", default=",".join(groups), help="of %(default)s (default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="scenes of each case, from seed 0 (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a scene (default: %(default)g)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of still and resting faces (default: %(default)g)")
    parser.add_argument("--detector", default="auto", help="of 'mer watch' (default: %(default)s)")
    parser.add_argument(
        "--json", metavar="FILE", help="also write every row; a case that stands there is not run again"
    )
    parser.add_argument("--work", help="keep scenes and results in this folder")
    arguments = parser.parse_args()
    wanted = arguments.cases.split(",")
    unknown = sorted(set(wanted) - set(groups))
    if unknown:
        parser.error(f"no cases {unknown[0]!r}; there are {', '.join(groups)}")
    results: list[dict] = []
    if arguments.json and os.path.exists(arguments.json):
        with open(arguments.json, encoding="utf-8") as file:
            results = json.load(file)
    done = {(one["group"], one["name"], one["seed"], one["seconds"]) for one in results}
    for seed in range(arguments.seeds):
        for case in cases(seed, arguments.minutes, arguments.seconds):
            if case.group not in wanted or (case.group, case.name, seed, case.config.seconds) in done:
                continue
            with contextlib.ExitStack() as stack:
                name = f"{case.group}-{case.name.replace(' ', '_')}-{seed}"
                folder = (
                    pathlib.Path(arguments.work, name)
                    if arguments.work
                    else stack.enter_context(tempfile.TemporaryDirectory())
                )
                results.append(play(case, folder, arguments.detector))
            print(f"{name}: {results[-1]['draw_s']} s drawn, {results[-1]['watch_s']} s watched", file=sys.stderr)
            if arguments.json:
                with open(arguments.json, "w", encoding="utf-8") as file:
                    json.dump(results, file, indent=1)
    print(lines(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
