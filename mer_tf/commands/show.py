"""``mer show``: one picture of everything a recipe does to a clip."""

from __future__ import annotations

import json
import os

from mer_tf import output
from mer_tf.commands.options import add_faces
from mer_tf.commands.source import DEFAULT_DATASET, named_dataset
from mer_tf.console import Console, fill
from mer_tf.errors import BadInputError, ClipError, ConfigError
from mer_tf.types import Clip

DEFAULT_RECIPE = "onset_apex_28_hars"
NEAR = 3  # clip keys named where one is not found


def add(verbs) -> None:
    parser = verbs.add_parser("show", help="a contact sheet of what preprocessing sees in a clip")
    parser.add_argument("clip", metavar="CLIP", help="folder of numbered frames; with --data: clip key or name")
    parser.add_argument("--data", metavar="ROOT", help="dataset folder as the distributor ships it, where CLIP is from")
    parser.add_argument("--dataset", help=f"with --data: dataset name (default: {DEFAULT_DATASET})")
    parser.add_argument("--recipe", default=DEFAULT_RECIPE, help="see 'mer recipes' (default: %(default)s)")
    add_faces(parser)
    parser.add_argument("--onset", type=int, help="of a folder: frame number of the onset (default: first frame)")
    parser.add_argument("--apex", type=int, help="of a folder: frame number of the apex (default: as the recipe says)")
    parser.add_argument("--offset", type=int, help="of a folder: frame number of the offset (default: last frame)")
    parser.add_argument("--fps", type=float, help="of a folder: frames per second (default: not known)")
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    parser.add_argument("--magnifier-weights", metavar="FILE", help="for recipes with learned magnification")
    parser.add_argument("--flow-weights", metavar="FILE", help="for recipes with LiteFlowNet")
    parser.add_argument("--out", metavar="FILE.png", help="file to write (default: <clip>_<recipe>.png)")
    parser.add_argument("--json", action="store_true", help="print the provenance as JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.atomic import write_bytes
    from mer_tf.recipes import get_recipe

    recipe = get_recipe(arguments.recipe, arguments.faces)
    if arguments.out is not None:
        _check_out(arguments.out)
    clip, left_out = _clip_of_data(arguments) if arguments.data is not None else _clip_of_folder(arguments)
    if recipe.magnify.method == "eulerian" and not clip.fps:
        raise ConfigError(f"recipe {recipe.name!r} magnifies a band of frequencies in Hz; give --fps")
    out = arguments.out or f"{clip.key.replace('/', '_')}_{recipe.name}.png"
    _check_out(out)
    from mer_tf.preprocessing.images import read_picture
    from mer_tf.show.contact_sheet import draw
    from mer_tf.show.examine import examine

    def read(number: int) -> bytes:
        return read_picture(clip.frame_path(number), clip.key, number)

    try:
        examined = examine(
            clip,
            recipe,
            read,
            landmark_model=arguments.landmark_model,
            magnifier_weights=arguments.magnifier_weights,
            flow_weights=arguments.flow_weights,
        )
    except ClipError as error:
        # Here the clip is all there is: its fault is one of what was given, not one of many to be left out.
        raise BadInputError(str(error if error.clip else error.at(clip.key))) from error
    write_bytes(out, draw(examined))
    console = Console()
    facts = examined.to_json()
    if arguments.json:
        console.result(json.dumps({"out": out, **facts, "left_out": left_out}, indent=1))
        return 0
    console.result(fill(f"{out}: {clip.key}, recipe {recipe.name} ({recipe.hash}), apex {facts['apex']}"))
    for name, found in facts["spotting"].items():
        said = found.get("error") or f"frame {found['frame']}, score {found['score']:.2f}"
        console.result(fill(f"spotted by {name}: {said}"))
    for warning in (*([left_out] if left_out else []), *facts["provenance"]["warnings"]):
        console.result(fill(f"warning: {warning}"))
    return 0


def _check_out(out: str) -> None:
    if os.path.splitext(out)[1].lower() != ".png":
        raise ConfigError(f"--out must end in .png. Received: {out}")
    output.check_file(out)


def _clip_of_folder(arguments) -> tuple[Clip, str]:
    """The clip, and what of the folder was left out."""
    from mer_tf.frames import frames_of_folder

    folder = arguments.clip
    if arguments.dataset is not None:
        raise ConfigError("--dataset goes with --data, the folder of the dataset")
    frames = frames_of_folder(folder, hint=", or a clip's key with --data ROOT")
    numbers = frames.numbers
    for name in ("onset", "apex", "offset"):
        number = getattr(arguments, name)
        if number is not None and number not in numbers:
            raise BadInputError(
                f"--{name} {number} is no frame of {folder}; its {len(numbers)} frames run from {numbers[0]} to "
                f"{numbers[-1]}"
            )
    if arguments.fps is not None and not 0 < arguments.fps < 1e6:
        raise ConfigError(f"--fps must be positive. Received: {arguments.fps}")
    clip = Clip(
        dataset="clip",
        subject="folder",
        clip=os.path.basename(os.path.abspath(folder)),
        onset=numbers[0] if arguments.onset is None else arguments.onset,
        apex=arguments.apex,
        offset=numbers[-1] if arguments.offset is None else arguments.offset,
        fps=arguments.fps or 0.0,
        emotion="",
        aus="",
        label=None,
        mapping="",
        frames=frames.paths,
        frame_numbers=numbers,
    )
    return clip, frames.remark


def _clip_of_data(arguments) -> tuple[Clip, str]:
    """The clip, and what of its folder was left out."""
    import difflib

    from mer_tf.datasets import get_reader

    for name in ("onset", "apex", "offset", "fps"):
        if getattr(arguments, name) is not None:
            raise ConfigError(f"--{name} goes with a folder of frames; with --data the annotation says it")
    reader = get_reader(named_dataset(arguments.dataset, Console(), arguments.data))
    # The dataset's own classes: a clip that some mapping drops can still be looked at.
    table = reader(arguments.data, mapping="native")
    clips = table.clips
    wanted = arguments.clip.strip("/")
    found = [clip for clip in clips if clip.key == wanted or f"/{clip.key}".endswith(f"/{wanted}")]
    if len(found) == 1:
        own = (problem for problem in table.problems if problem.clip == found[0].key)
        told = (problem.message for problem in own if problem.kind == "extra")
        return found[0], "; ".join(told)
    if found:
        raise ConfigError(
            f"{len(found)} clips are named {wanted!r}: {', '.join(clip.key for clip in found[:NEAR])}"
            f"{', ...' if len(found) > NEAR else ''}; give subject/clip"
        )
    keys = {clip.key.casefold(): clip.key for clip in clips}
    names: dict[str, str] = {}
    for clip in clips:
        for name in (clip.key, f"{clip.subject}/{clip.clip}", clip.clip):
            names.setdefault(name.casefold(), clip.key)
    close = difflib.get_close_matches(wanted.casefold(), names, n=2 * NEAR, cutoff=0.3)
    near = list(dict.fromkeys(names[name] for name in close))[:NEAR] or list(keys.values())[:NEAR]
    raise ConfigError(
        f"no clip {wanted!r} among the {len(clips)} of {arguments.data}; "
        + (f"near ones: {', '.join(near)}" if near else "there are none")
    )
