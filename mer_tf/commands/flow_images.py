"""``mer flow-images``: flow from onset to apex as files, of clips or of prepared records."""

from __future__ import annotations

import json
import os
import shutil

from mer_tf import atomic, output
from mer_tf.commands.options import add_faces
from mer_tf.commands.source import add_source, read_source
from mer_tf.console import Console, fill
from mer_tf.errors import ClipError, ConfigError, EmptySplitError
from mer_tf.files import is_left_over

_UNFINISHED = ".unfinished"
_FACTS = "flow_images.json"
_DEFAULT_RECIPE = "onset_apex_28"


def add(verbs) -> None:
    from mer_tf.datasets.flow_writer import FORMATS, LAYOUTS, SCALINGS, FlowFiles

    default = FlowFiles()
    parser = verbs.add_parser(
        "flow-images", help="write onset-apex flow of clips as pictures or arrays, with the CSV file of labels"
    )
    what = add_source(parser)
    what.add_argument("--records", metavar="DIR", help="instead of clips: a folder written by 'mer prepare'")
    parser.add_argument("--out", required=True, help="folder for flow/ and labels.csv; must be empty")
    parser.add_argument("--recipe", help=f"of clips: one with onset-apex flow (default: {_DEFAULT_RECIPE})")
    parser.add_argument(
        "--map", choices=("face", "puzzle"), default="face", help="what to write (default: %(default)s)"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default=default.format, help="png pictures, or arrays in pixels (default: png)"
    )
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default=default.layout,
        help="one folder, or SUBJECT/u_train/LABEL and SUBJECT/u_test/LABEL with every clip for every subject "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--size", type=int, default=28, help="side in pixels; 0: that of the flow (default: %(default)s)"
    )
    parser.add_argument(
        "--scaling",
        choices=SCALINGS,
        default=default.scaling,
        help="of pictures: each channel stretched to 0..255; symmetric (by the largest value; of u and v 128 is no "
        "motion); or fixed (u, v from -PIXELS to PIXELS, strain from 0 to 1) (default: %(default)s)",
    )
    parser.add_argument(
        "--pixels", type=float, default=default.pixels, help="of --scaling fixed (default: %(default)s)"
    )
    add_faces(parser)
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.datasets.flow_writer import FLOW_FOLDER, LABELS_FILE, FlowFiles, write_flow
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.datasets.origin import SYNTHETIC_FILE

    files = FlowFiles(arguments.format, arguments.layout, arguments.size, arguments.scaling, arguments.pixels)
    if os.path.isdir(arguments.out) and not all(is_left_over(name) for name in os.listdir(arguments.out)):
        raise ConfigError(f"--out is a folder that holds files: {arguments.out}; give a new one")
    console = Console()
    data, left_out = _from_records(arguments) if arguments.records is not None else _from_clips(arguments, console)
    output.check_folder(arguments.out)
    classes = get_mapping(data.mapping).classes
    part = os.path.join(arguments.out, _UNFINISHED)
    with output.locked(arguments.out):
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        try:
            clips = list(zip(data.datasets, data.subjects, data.clips))
            motion, progress = data.tensors[arguments.map], console.progress("clips")
            written = write_flow(part, motion, data.labels.tolist(), clips, classes, files, progress)
            facts = {
                "clips": written["clips"],
                "files": written["files"],
                "left_out": left_out,
                "recipe": data.recipe.name,
                "recipe_hash": data.recipe.hash,
                "map": arguments.map,
                "mapping": data.mapping,
                "synthetic": data.synthetic,
                "partial": data.partial,
                **vars(files),
            }
            atomic.write_text(os.path.join(part, _FACTS), json.dumps(facts, indent=1) + "\n")
            if data.synthetic:
                atomic.write_text(os.path.join(part, SYNTHETIC_FILE), "{}\n")
            for name in sorted(os.listdir(part)):
                os.rename(os.path.join(part, name), os.path.join(arguments.out, name))
        finally:
            shutil.rmtree(part, ignore_errors=True)
    folder, labels = (os.path.join(arguments.out, name) for name in (FLOW_FOLDER, LABELS_FILE))
    if arguments.json:
        console.result(json.dumps({"out": arguments.out, "folder": folder, "labels": labels, **facts}, indent=1))
        return 0
    flags = "".join(f" ({name})" for name in ("synthetic", "partial") if facts[name])
    console.result(f"{folder}: {facts['files']} files of {facts['clips']} clips{flags}, recipe {data.recipe.name}")
    for fault in left_out:
        console.result(fill(f"left out: {fault}"))
    flag = "--flow-images" if files.format == "png" else "--flow-arrays"
    if arguments.map == "puzzle":
        flag = "--puzzle-images"
    mapping = "" if data.mapping == "megc2019" else f" --mapping {data.mapping}"
    console.result(f"use it: mer loso --model MODEL {flag} {folder} --labels {labels}{mapping} --out RUN")
    return 0


def _from_records(arguments):
    """The records' flow, and nothing left out."""
    from mer_tf.recipes import recipe_of_hash
    from mer_tf.records import recorded_recipe
    from mer_tf.training import read_motion_records

    for name in ("recipe", "dataset", "mapping", "label_list", "landmark_model", "faces", "roots"):
        if getattr(arguments, name):
            flag = "--root" if name == "roots" else f"--{name.replace('_', '-')}"
            raise ConfigError(f"{flag} goes with clips; the records say what they were made with")
    name, found = recorded_recipe(arguments.records)
    recipe = recipe_of_hash(name, found)
    if recipe is None:
        raise ConfigError(f"{arguments.records}: the records were made with recipe {name!r}, which is not known here")
    _check_map(recipe, arguments.map)
    return read_motion_records(arguments.records, recipe), []


def _from_clips(arguments, console: Console):
    """The flow of the clips, one after another, and the faults of those that were left out."""
    import numpy as np

    from mer_tf.datasets.origin import is_synthetic_table
    from mer_tf.preprocessing import ClipPreprocessor
    from mer_tf.preprocessing.clip_files import read_frames
    from mer_tf.recipes import get_recipe
    from mer_tf.training import MotionData

    recipe = get_recipe(arguments.recipe or _DEFAULT_RECIPE, arguments.faces)
    _check_map(recipe, arguments.map)
    table = read_source(arguments, console)
    progress = console.progress("flow of clips")
    made: list[dict[str, np.ndarray]] = []
    kept, faults = [], []
    with ClipPreprocessor(recipe, landmark_model=arguments.landmark_model) as preprocessor:
        for done, clip in enumerate(table.clips, start=1):
            try:
                made.append(preprocessor.process_clip(clip, read_frames(clip, recipe.frames)).tensors)
                kept.append(clip)
            except ClipError as error:
                error = error if error.clip else error.at(clip.key)
                if arguments.strict:
                    raise error from None
                faults.append(str(error))
            progress(done, len(table.clips))
    if not kept:
        raise EmptySplitError(f"no clip came through; the first fault: {faults[0] if faults else 'there are no clips'}")
    data = MotionData(
        tensors={name: np.stack([arrays[name] for arrays in made]) for name in recipe.inputs},
        labels=np.array([clip.label for clip in kept]),
        datasets=tuple(clip.dataset for clip in kept),
        subjects=tuple(clip.subject for clip in kept),
        clips=tuple(clip.clip for clip in kept),
        recipe=recipe,
        mapping=table.mapping,
        synthetic=is_synthetic_table(table),
        partial=table.partial or bool(faults),
    )
    return data, faults


def _check_map(recipe, map_: str) -> None:
    from mer_tf.recipes import RECIPES
    from mer_tf.recipes.outside import maps_of

    if map_ not in maps_of(recipe):
        fitting = [name for name, other in RECIPES.items() if map_ in maps_of(other)]
        raise ConfigError(
            f"recipe {recipe.name!r} makes no onset-apex flow of the {map_}; those that do: {', '.join(fitting)}"
        )
