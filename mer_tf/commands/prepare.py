"""``mer prepare``: preprocessing of a dataset folder or composite to motion records."""

from __future__ import annotations

import json
import os

from mer_tf import output
from mer_tf.commands.options import add_faces, add_force, add_workers, worker_count
from mer_tf.commands.source import add_source, check_near_duplicates, read_source
from mer_tf.console import Console, fill, quiet, setup_logging


def add(verbs) -> None:
    parser = verbs.add_parser(
        "prepare", help="preprocess a dataset folder to motion records, for 'mer loso' and 'mer train'"
    )
    parser.add_argument("--recipe", required=True, help="see 'mer recipes'")
    add_source(parser)
    parser.add_argument("--out", required=True, help="folder for the records")
    add_workers(parser, "the clips")
    add_faces(parser)
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.recipes import get_recipe

    recipe, workers = get_recipe(arguments.recipe, arguments.faces), worker_count(arguments)
    output.check_folder(arguments.out)
    console = Console()
    clips = read_source(arguments, console)
    duplicates = check_near_duplicates(clips, arguments, console)
    log = os.path.join(arguments.out, "mer.log")
    with output.locked(arguments.out), quiet(log) as console:
        setup_logging()
        from mer_tf.preparation.prepare import data_flags, prepare
        from mer_tf.preparation.report import CLIPS

        with console.following(CLIPS, "clips", len(clips.clips)):
            report = prepare(
                clips,
                recipe,
                arguments.out,
                strict=arguments.strict,
                workers=workers,
                landmark_model=arguments.landmark_model,
                force=arguments.force,
            )
        if arguments.json:
            facts = {
                "out": arguments.out,
                "recipe": recipe.name,
                "recipe_hash": recipe.hash,
                "clips": report.done,
                **data_flags(clips, bool(report.faults)),
                "near_duplicates": duplicates.to_json(),
            }
            told = {"skipped": list(report.faults), "notes": list(report.notes)}
            console.result(json.dumps({**facts, **told}, indent=1))
            return 0
        flags = "".join(f" ({name})" for name, on in data_flags(clips, bool(report.faults)).items() if on)
        console.result(f"{arguments.out}: {report.done} clips{flags}, recipe {recipe.name} ({recipe.hash})")
        console.result(fill(f"near-duplicates: {duplicates}"))
        for fault in report.faults:
            console.result(fill(f"left out: {fault['message']}"))
        if report.notes:
            first = report.notes[0]
            said = f"note: {len(report.notes)} clips were read under an assumption, the first {first['clip']}"
            console.result(fill(f"{said}: {first['note']}"))
        console.result(f"log of all libraries: {log}")
    return 0
