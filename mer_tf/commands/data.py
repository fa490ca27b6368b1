"""``mer data``: make a synthetic data set, read a real one, say what is known of the published ones."""

from __future__ import annotations

import dataclasses
import json

from mer_tf import output
from mer_tf.commands.options import add_workers, worker_count
from mer_tf.commands.source import DATASETS_HELP, DEFAULT_DATASET, MAPPING_HELP, add_roots, named_dataset, read_parts
from mer_tf.console import Console, fill, say, table
from mer_tf.datasets.composites import COMPOSITES
from mer_tf.datasets.registry import CARDS, get_card, get_reader
from mer_tf.errors import ConfigError

_SHOWN = 12  # differences printed


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
