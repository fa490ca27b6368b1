"""``mer data``: make a synthetic data set, read a real one, say what is known of the published ones."""

from __future__ import annotations

import dataclasses
import json

from mer_tf import output
from mer_tf.commands import long_truth, synth_scene
from mer_tf.commands.options import add_workers, worker_count
from mer_tf.commands.source import DATASETS_HELP, DEFAULT_DATASET, MAPPING_HELP, add_roots, named_dataset, read_parts
from mer_tf.console import Console, fill, say, table
from mer_tf.datasets.composites import COMPOSITES
from mer_tf.datasets.registry import CARDS, get_card, get_reader
from mer_tf.errors import ConfigError

_SHOWN = 12  # differences printed
_CHECKED_SIDE = 112  # px that arrays are brought to for a look at them


def add(verbs) -> None:
    layouts = [name for card in CARDS.values() for name in card.layouts]
    parser = verbs.add_parser("data", help="make synthetic clips, check a dataset folder")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    synth = actions.add_parser("synth", help="synthetic faces with known motion, in a real dataset's layout")
    synth.add_argument("out", help="folder to write")
    synth.add_argument("--layout", default="casme2", help=f"{', '.join(layouts)} (default: %(default)s)")
    synth.add_argument("--subjects", type=int, default=12, help="number of subjects (default: %(default)s)")
    synth.add_argument("--clips-per-subject", type=int, default=8, help="clips of each (default: %(default)s)")
    synth.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default: %(default)s)")
    synth.add_argument("--first-subject", type=int, default=1, help="number of the first (default: %(default)s)")
    synth.add_argument(
        "--frames-per-clip",
        type=int,
        nargs="+",
        metavar="N",
        help="number of frames, or smallest and largest number (default: the layout's own)",
    )
    synth.add_argument(
        "--damage",
        action="append",
        default=[],
        metavar="KIND",
        help="for trying out the readers: spoil the finished set, the first clip with the first KIND given, and so on "
        "(an unknown KIND lists the known ones)",
    )
    add_workers(synth, "the clips")
    synth.add_argument("--json", action="store_true", help="print JSON")
    synth.set_defaults(run=run_synth)

    synth_scene.add(actions)
    long_truth.add(actions)

    check = actions.add_parser(
        "check",
        help="read a dataset folder or a composite: counts beside the published ones, missing frames, corrections",
    )
    check.add_argument(
        "root", nargs="?", help="the folder as the distributor ships it, or a CSV file that lists your clips"
    )
    what = check.add_mutually_exclusive_group()
    what.add_argument(
        "--dataset",
        metavar="NAME",
        help=f"dataset, in any spelling of its name: {DATASETS_HELP} (default: {DEFAULT_DATASET})",
    )
    what.add_argument("--composite", help=f"composite of several datasets: {', '.join(COMPOSITES)}")
    add_roots(check)
    what.add_argument("--flow-images", metavar="DIR", help="instead of a dataset: flow as 8-bit pictures")
    what.add_argument("--flow-arrays", metavar="DIR", help="instead of a dataset: flow in pixels (.flo, .npy, .npz)")
    check.add_argument("--labels", metavar="CSV", help="with flow: columns dataset, sub, filename_o, label")
    check.add_argument("--mapping", help=MAPPING_HELP)
    check.add_argument("--label-list", metavar="CSV", help="the organisers' list of clips and classes; it decides")
    check.add_argument("--allow-partial", action="store_true", help="accept a composite with other counts, flagged")
    check.add_argument("--images", action="store_true", help="also decode onset, apex and offset of every clip")
    check.add_argument(
        "--strict",
        action="store_true",
        help="stop at the first fault of a clip; exit status 1 where the set is partial or its counts are not the "
        "published ones",
    )
    check.add_argument("--all", action="store_true", help="print every problem and difference, however many are alike")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=run_check)

    sets = actions.add_parser("sets", help="what is known of the published sets: folders, classes, counts and sources")
    sets.add_argument("name", nargs="?", help="one set, in any spelling of its name (default: a line for each)")
    sets.add_argument("--json", action="store_true", help="print JSON")
    sets.set_defaults(run=run_sets)


def run_synth(arguments) -> int:
    from mer_tf.synthetic import write_synthetic_dataset

    console = Console()
    frames = arguments.frames_per_clip
    if frames is not None and len(frames) > 2:
        raise ConfigError(f"--frames-per-clip takes one or two numbers. Received: {' '.join(map(str, frames))}")
    output.check_folder(arguments.out, "OUT")
    summary = write_synthetic_dataset(
        arguments.out,
        layout=arguments.layout,
        subjects=arguments.subjects,
        clips_per_subject=arguments.clips_per_subject,
        seed=arguments.seed,
        first_subject=arguments.first_subject,
        frames_per_clip=None if frames is None else (frames[0], frames[-1]),
        damage=arguments.damage,
        workers=worker_count(arguments),
        progress=console.progress("clips"),
    )
    facts = dataclasses.asdict(summary)
    if arguments.json:
        console.result(json.dumps(facts, indent=1))
    else:
        console.result(table(("synthetic set", "value"), [(key, _text(value)) for key, value in facts.items()]))
    return 0


def _text(value) -> str:
    """A fact of a synthetic set for a person."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        value = [f"{name} {count}" for name, count in value.items()]
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def run_check(arguments) -> int:
    from mer_tf.datasets.label_list import read_label_list
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.datasets.summary import problem_lines, summary

    if arguments.flow_images is not None or arguments.flow_arrays is not None:
        return _check_flow(arguments)
    if arguments.labels is not None:
        raise ConfigError("--labels goes with --flow-images or --flow-arrays; the labels of a dataset are in its sheet")
    entries = None
    if arguments.composite:
        from mer_tf.datasets.composites import get_composite, parts

        if arguments.root or arguments.mapping:
            raise ConfigError(
                f"{'a folder' if arguments.root else '--mapping'} does not go with --composite; give each part as "
                "--root DATASET=PATH (see 'mer data check --help')"
            )
        composite = get_composite(arguments.composite)
        clips = read_parts(arguments)
        if arguments.label_list:
            entries = read_label_list(arguments.label_list, get_mapping(composite.mapping))
    else:
        clips, entries = _read_one(arguments)
    if arguments.images:
        from mer_tf.datasets.verify import check_images

        clips = check_images(clips, strict=arguments.strict, progress=Console().progress("clips"))
    facts = summary(clips, entries)
    if arguments.composite:
        facts["by_dataset"] = {}
        for name, part in parts(clips).items():
            own = summary(part)
            keys = ("clips", "subjects", "classes", "expected", "differences")
            facts["by_dataset"][name] = {key: own[key] for key in keys}
    status = int(arguments.strict and bool(facts["partial"] or facts["differences"]))
    if arguments.json:
        say(json.dumps(facts, indent=1))
        return status
    more = _print_check(facts, None if arguments.all else _SHOWN)
    if arguments.all:
        lines, alike = [f"{problem.severity}: {problem.message}" for problem in clips.problems], 0
    else:
        lines, alike = problem_lines(clips.problems)
    for line in lines:
        say(fill(line))
    if more + alike:
        say(f"{more + alike} more lines like these: --all prints them, --json lists them")
    return status


def run_sets(arguments) -> int:
    cards = [get_card(arguments.name)] if arguments.name else list(CARDS.values())
    facts = [_card_facts(card) for card in cards]
    if arguments.json:
        say(json.dumps(facts[0] if arguments.name else facts, indent=1))
        return 0
    if not arguments.name:
        rows = []
        for one in facts:
            native = one["counts"].get("native", [{}])[0]
            known = "yes" if one["known_from"] else None
            rows.append((one["name"], one["title"], one["kind"], f"{one['fps']:g}", native.get("clips"),
                         native.get("subjects"), known))  # fmt: skip
        say(table(("name", "set", "kind", "fps", "clips", "subjects", "from public sources alone"), rows))
        say(fill("clips and subjects are those published under a set's own classes; 'mer data sets NAME' says more"))
        return 0
    (one,) = facts
    for key in ("name", "title", "kind", "fps", "classes", "folders", "sheets", "layouts"):
        say(fill(f"{key}: {_text(one[key])}"))
    for mapping, published in one["counts"].items():
        for count in published:
            classes = ", ".join(f"{name} {number}" for name, number in count["classes"].items())
            people = f", {count['subjects']} subjects" if count["subjects"] else ""
            say(fill(f"mapping {mapping}: {count['clips']} clips ({classes}){people}; {count['source']}"))
    for key, text in (
        ("people", "its people are those of {}"),
        ("known_from", "folders and columns are known from {}"),
    ):
        if one[key]:
            say(fill(text.format(one[key])))
    say(fill(one["hint"]))
    return 0


def _card_facts(card) -> dict:
    return {
        **{key: getattr(card, key) for key in ("name", "title", "kind", "fps", "people", "known_from", "hint")},
        "classes": list(card.classes),
        "layouts": list(card.layouts),
        "folders": [name for names in getattr(card, "folders", {}).values() for name in names],
        "sheets": list(getattr(card, "sheets", ())),
        "counts": {
            mapping: [
                {
                    "name": one.name,
                    "clips": one.clips,
                    "subjects": one.subjects,
                    "classes": dict(one.classes),
                    "source": one.source,
                }
                for one in published
            ]
            for mapping, published in (card.counts or {}).items()
        },
    }


def _check_flow(arguments) -> int:
    from mer_tf.commands.flow_source import DEFAULT_MAPPING
    from mer_tf.datasets.flow_images import read_flow_arrays, read_flow_images
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.protocols.flow_check import check_flow_images

    for name in ("root", "roots", "label_list", "allow_partial", "images"):
        if getattr(arguments, name):
            flag = {"root": "a dataset folder", "roots": "--root"}.get(name, f"--{name.replace('_', '-')}")
            raise ConfigError(f"{flag} does not go with flow; give its folder, --labels CSV and perhaps --mapping")
    if arguments.labels is None:
        raise ConfigError("give the labels of the flow with --labels CSV (dataset, sub, filename_o, label)")
    options = {"classes": get_mapping(arguments.mapping or DEFAULT_MAPPING).classes, "strict": arguments.strict}
    if arguments.flow_images is not None:
        images = read_flow_images(arguments.flow_images, arguments.labels, **options)
    else:
        images = read_flow_arrays(arguments.flow_arrays, arguments.labels, _CHECKED_SIDE, **options)
    facts = check_flow_images(images)
    status = int(arguments.strict and bool(facts["across_subjects"] or facts["near_duplicates"]))
    if arguments.json:
        say(json.dumps(facts, indent=1))
        return status
    sizes = ", ".join(f"{count} of {side}x{side}" for side, count in facts["sizes"].items())
    say(f"{facts['clips']} clips of {facts['subjects']} subjects: {sizes}")
    say(table(("dataset", "clips", "subjects"), [(name, *part.values()) for name, part in facts["datasets"].items()]))
    say(table(("class", "clips"), list(facts["classes"].items())))
    across = facts["across_subjects"]
    lines = {
        "missing": facts["missing"],
        "left out": facts["skipped"],
        "note": facts["notes"],
        "constant": [f"{clip}: {', '.join(names)} of one value" for clip, names in facts["constant"].items()],
        "the same flow twice": [" and ".join(clips) for clips in facts["duplicates"] if clips not in across],
        "the same flow under two subjects": [" and ".join(clips) for clips in across],
        "nearly the same flow under two subjects": [" and ".join(pair) for pair in facts["near_duplicates"] or ()],
    }
    for title, found in lines.items():
        for message in found if arguments.all else found[:_SHOWN]:
            say(fill(f"{title}: {message}"))
        if len(found) > _SHOWN and not arguments.all:
            say(f"{title}: {len(found)} in all; --all prints them, --json lists them")
    if facts["near_duplicates"] is None:
        say("near-duplicates were not looked for: the flow is smaller than 16 pixels")
    if not any(lines.values()):
        say("nothing is missing, constant or there twice")
    return status


def _read_one(arguments):
    from mer_tf.datasets.label_list import read_label_list
    from mer_tf.datasets.mappings import get_mapping

    if not arguments.root:
        raise ConfigError(
            "give --dataset NAME and its folder, or --composite NAME with --root DATASET=PATH for each part "
            "(see 'mer data check --help')"
        )
    if arguments.roots or arguments.allow_partial:
        raise ConfigError(
            f"{'--root' if arguments.roots else '--allow-partial'} goes with --composite (see 'mer data check --help')"
        )
    card = get_card(named_dataset(arguments.dataset, Console(), arguments.root))
    options, entries = {"strict": arguments.strict}, None
    if arguments.mapping:
        options["mapping"] = arguments.mapping
    if arguments.label_list:
        rule = get_mapping(arguments.mapping or card.mapping, card.name)
        listed = read_label_list(arguments.label_list, rule).items()
        entries = {key: label for key, label in listed if key[0] == card.name}
        options["mapping"] = rule.with_entries(entries, arguments.label_list)
    return get_reader(card.name)(arguments.root, **options), entries


def _print_check(facts: dict, most: int | None) -> int:
    """Prints counts and at most so many differences (None: all); returns how many it did not print."""
    from mer_tf.datasets.mappings import get_mapping

    flag = "".join(f" ({name})" for name in ("synthetic", "partial") if facts[name])
    say(f"{facts['dataset']}: {facts['clips']} clips of {facts['subjects']} subjects{flag}")
    say(f"mapping {facts['mapping']}: {get_mapping(facts['mapping']).source}")
    if facts["synthetic"]:
        say("the clips are drawn, not recorded: they are not compared with the published counts")
    for name, part in {**facts.get("by_dataset", {}), "": facts}.items():
        expected = part["expected"]
        if name:
            say(f"\n{name}: {part['clips']} clips of {part['subjects']} subjects")
        elif facts.get("by_dataset"):
            say(f"\n{facts['dataset']}")
        if expected is None:
            say(table(("class", "clips"), list(part["classes"].items())))
            continue
        rows = [
            (label, expected["classes"].get(label), count, count - expected["classes"].get(label, 0))
            for label, count in part["classes"].items()
        ]
        rows.append(("all", expected["clips"], part["clips"], part["clips"] - expected["clips"]))
        if expected["subjects"] is not None:
            rows.append(("subjects", expected["subjects"], part["subjects"], part["subjects"] - expected["subjects"]))
        say(table(("class", "expected", "found", "difference"), rows))
        same = "as published" if not part["differences"] else "not as published"
        say(fill(f"{same}: {expected['name']} ({expected['source']})"))
    for message in facts["differences"][:most]:
        say(fill(f"differs: {message}"))
    return len(facts["differences"][len(facts["differences"]) if most is None else most :])
