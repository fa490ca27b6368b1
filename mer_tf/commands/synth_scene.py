"""``mer data synth-scene``: one recording with several drawn people, and its truth."""

from __future__ import annotations

import dataclasses
import json
import re

from mer_tf import output
from mer_tf.console import Console, table
from mer_tf.errors import ConfigError

_PRESETS = "25, 30, 60, 100 and 200 are usual"


def add(actions) -> None:
    from mer_tf.synthetic.scene import MAX_FACES, ROLES, SceneConfig

    default = SceneConfig()
    parser = actions.add_parser(
        "synth-scene",
        help="one recording of several drawn people, with what each of them does and when",
        description="Roles: " + "; ".join(f"{name} ({does})" for name, does in ROLES.items()) + ".",
    )
    parser.add_argument("out", help="folder to write: the recording, events.csv, people.csv, boxes.csv, truth.json")
    parser.add_argument(
        "--faces", type=int, help=f"number of people, 1 to {MAX_FACES} (default: {default.faces}, or one for each role)"
    )
    parser.add_argument(
        "--roles",
        help=f"what they do, separated by commas (default: the first of {', '.join(ROLES)})",
    )
    parser.add_argument("--seconds", type=float, default=default.seconds, help="length (default: %(default)g)")
    parser.add_argument(
        "--fps", type=float, default=default.fps, help=f"frames a second; {_PRESETS} (default: %(default)g)"
    )
    parser.add_argument(
        "--size",
        default=f"{default.width}x{default.height}",
        metavar="WIDTHxHEIGHT",
        help="of the picture, px (default: %(default)s)",
    )
    parser.add_argument(
        "--eyes",
        type=float,
        default=default.eyes,
        metavar="PX",
        help="between the eyes of the largest face, at most; as large as fits (default: %(default)g)",
    )
    parser.add_argument(
        "--noise", type=float, default=default.noise, help="of the sensor, SD in gray levels (default: %(default)g)"
    )
    parser.add_argument(
        "--head-motion",
        type=float,
        default=default.head_motion,
        metavar="D",
        help="to and fro, in distances of the eyes; a still person does not move (default: %(default)g)",
    )
    parser.add_argument(
        "--repeat",
        type=int,
        default=default.repeat,
        metavar="N",
        help="show every moment N times: 2 makes 30 frames a second of 15 that differ (default: %(default)s)",
    )
    parser.add_argument(
        "--per-minute", type=float, default=default.per_minute, help="events of each person (default: %(default)g)"
    )
    parser.add_argument(
        "--format",
        default="vp8",
        help="vp8 or vp9 (.webm), mjpg (.avi, quick), or frames (a folder of PNG, nothing lost) (default: %(default)s)",
    )
    parser.add_argument("--quality", type=int, help="of mjpg, 1 to 100 (default: the codec's own)")
    parser.add_argument("--seed", type=int, default=default.seed, help="same seed, same scene (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.synthetic.scene import SceneConfig, plan_scene
    from mer_tf.synthetic.scene_files import write_scene

    console = Console()
    size = re.fullmatch(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", arguments.size)
    if not size:
        raise ConfigError(f"--size must be WIDTHxHEIGHT, such as 1280x720. Received: {arguments.size!r}")
    roles = tuple(role.strip() for role in (arguments.roles or "").split(",") if role.strip())
    faces = arguments.faces if arguments.faces is not None else len(roles) or SceneConfig().faces
    config = SceneConfig(
        faces=faces,
        roles=roles,
        seconds=arguments.seconds,
        fps=arguments.fps,
        width=int(size[1]),
        height=int(size[2]),
        eyes=arguments.eyes,
        noise=arguments.noise,
        head_motion=arguments.head_motion,
        repeat=arguments.repeat,
        per_minute=arguments.per_minute,
        seed=arguments.seed,
    )
    output.check_folder(arguments.out, "OUT")
    summary = write_scene(
        arguments.out,
        config,
        kind=arguments.format,
        quality=arguments.quality,
        progress=console.progress("frames"),
    )
    if arguments.json:
        console.result(json.dumps(dataclasses.asdict(summary), indent=1))
        return 0
    counts = ", ".join(f"{count} {kind}" for kind, count in summary.events.items() if count) or "no events"
    console.result(
        f"{summary.out}/{summary.recording}: {summary.frames} frames, {summary.seconds:g} s, "
        f"{summary.megabytes:g} MB; {counts}"
    )
    rows = []
    for person in plan_scene(config).people:
        due = [
            _due(answer, why) for answer, why in ((person.micro, person.micro_why), (person.macro, person.macro_why))
        ]
        counts = [person.count(kind) for kind in ("micro", "macro", "blink")]
        rows.append((f"p{person.person}", person.role, f"{person.eyes:g} px", *counts, *due))
    header = ("person", "role", "eyes", "micro", "macro", "blinks", "due: micro", "due: macro")
    console.result(table(header, rows))
    return 0


def _due(answer: str, why: str) -> str:
    return f"{answer} ({why})" if why else answer
