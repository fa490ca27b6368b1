"""``mer data synth`` and ``mer data check``: make a synthetic data set, read a real one."""

from __future__ import annotations

import dataclasses
import json

from mer_tf.console import Console, table


def add(verbs) -> None:
    parser = verbs.add_parser("data", help="make synthetic clips, check a dataset folder")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    synth = actions.add_parser("synth", help="synthetic faces with known motion, in a real dataset's layout")
    synth.add_argument("out", help="folder to write")
    synth.add_argument("--layout", default="casme2", help="whose layout and sheet to write (default: %(default)s)")
    synth.add_argument("--subjects", type=int, default=12, help="number of subjects (default: %(default)s)")
    synth.add_argument("--clips-per-subject", type=int, default=8, help="clips of each (default: %(default)s)")
    synth.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default: %(default)s)")
    synth.add_argument("--first-subject", type=int, default=1, help="number of the first (default: %(default)s)")
    synth.add_argument("--workers", type=int, help="processes (default: one per core)")
    synth.add_argument("--json", action="store_true", help="print JSON")
    synth.set_defaults(run=run_synth)

    check = actions.add_parser("check", help="read a dataset folder: counts, missing frames, corrections, classes")
    check.add_argument("root", help="the folder as the distributor ships it")
    check.add_argument("--dataset", required=True, help="dataset name, for example casme2")
    check.add_argument("--mapping", default="megc2019", help="label mapping (default: %(default)s)")
    check.add_argument("--strict", action="store_true", help="stop at the first fault of a clip")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=run_check)


def run_synth(arguments) -> int:
    from mer_tf.datasets.synthetic import write_synthetic_dataset

    console = Console()
    summary = write_synthetic_dataset(
        arguments.out,
        layout=arguments.layout,
        subjects=arguments.subjects,
        clips_per_subject=arguments.clips_per_subject,
        seed=arguments.seed,
        first_subject=arguments.first_subject,
        workers=arguments.workers,
        progress=console.progress("clips"),
    )
    facts = dataclasses.asdict(summary)
    if arguments.json:
        console.result(json.dumps(facts, indent=1))
    else:
        console.result(table(("synthetic set", "value"), [(key, str(value)) for key, value in facts.items()]))
    return 0


def run_check(arguments) -> int:
    from mer_tf.datasets import get_reader, summary

    clip_table = get_reader(arguments.dataset)(arguments.root, mapping=arguments.mapping, strict=arguments.strict)
    facts = summary(clip_table)
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return 0
    print(f"{facts['dataset']}: {facts['clips']} clips of {facts['subjects']} subjects")
    print(table(("class", "clips"), list(facts["classes"].items())))
    for problem in clip_table.problems:
        print(f"{problem.severity}: {problem.message}")
    return 0
