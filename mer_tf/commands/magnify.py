"""``mer magnify``: training of the learned magnifier on synthetic pairs, and magnification of a clip."""

from __future__ import annotations

import itertools
import json
import os
import time

from mer_tf import atomic, output
from mer_tf.checks import config_errors
from mer_tf.commands.fields import add_fields, read_fields
from mer_tf.commands.options import add_force
from mer_tf.console import Console, fill, table
from mer_tf.errors import BadInputError, ConfigError
from mer_tf.files import is_left_over

_FACTORS = (2.0, 3.0, 4.0)
_LENGTH = 0.5  # pixels of the motion that a trained network is tried on


def add(verbs) -> None:
    from mer_tf.preprocessing.magnify.learned_settings import SCHEDULES, MagnifierTraining, TripletConfig

    parser = verbs.add_parser("magnify", help="magnify the motion of a clip; train the learned magnifier")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    train = actions.add_parser("train", help="train the learned magnifier on synthetic pairs")
    train.add_argument("--out", required=True, metavar="FILE", help="weight file to write, customarily .npz")
    train.add_argument("--images", metavar="DIR", help="cut the pictures from these instead of drawing them")
    train.add_argument("--start", metavar="FILE", help="go on from the weights of this file")
    train.add_argument("--width", type=int, default=32, help="channels; 32 is the published width (default: 32)")
    train.add_argument("--decoder-blocks", type=int, default=9, help="9 as published (default: %(default)s)")
    train.add_argument(
        "--save-every", type=int, default=500, metavar="N", help="also save after every N steps (default: %(default)s)"
    )
    train.add_argument(
        "--colour-change",
        type=float,
        default=0.2,
        help="largest change of gain between the pictures of a pair; the offset's is half of it (default: %(default)s)",
    )
    train.add_argument("--seed", type=int, default=0, help="decides weights, pictures and noise (default: %(default)s)")
    add_fields(train, MagnifierTraining, leave=("seed",), choices={"schedule": SCHEDULES})
    add_fields(train, TripletConfig, leave=("gain", "offset"))
    add_force(train)
    train.add_argument("--json", action="store_true", help="print JSON")
    train.set_defaults(run=run_train)

    apply = actions.add_parser("apply", help="magnify the motion of a folder of frames")
    apply.add_argument("clip", metavar="CLIP", help="folder of numbered frames (img1.jpg, img2.jpg, ...)")
    apply.add_argument("--out", required=True, metavar="DIR", help="folder for the frames, as PNG; must be empty")
    apply.add_argument("--factor", type=float, default=3.0, help="ratio of motions (default: %(default)s)")
    apply.add_argument("--method", choices=("eulerian", "learned"), default="eulerian", help="(default: %(default)s)")
    apply.add_argument("--weights", metavar="FILE", help="with --method learned: what 'mer magnify train' wrote")
    apply.add_argument(
        "--mode", choices=("static", "dynamic"), help="with --method learned: against first or previous frame (static)"
    )
    apply.add_argument("--fps", type=float, help="with --method eulerian: frames per second")
    apply.add_argument("--f-low", type=float, help="with --method eulerian: lower cut-off in Hz (0.5)")
    apply.add_argument("--f-high", type=float, help="with --method eulerian: upper cut-off in Hz (10)")
    apply.add_argument("--lambda-c", type=float, help="with --method eulerian: cut-off wavelength in pixels (16)")
    apply.add_argument("--chroma", type=float, help="with --method eulerian: share of colour change kept (0.1)")
    apply.add_argument("--json", action="store_true", help="print JSON")
    apply.set_defaults(run=run_apply)


def run_train(arguments) -> int:
    """Trains, saves, and reports what the weights do to a known motion."""
    from mer_tf.preprocessing.magnify.learned_settings import MagnifierTraining, TripletConfig
    from mer_tf.preprocessing.magnify.triplets import TripletSource

    output.check_file(arguments.out)
    if arguments.save_every < 0:
        raise ConfigError(f"--save-every must not be negative. Received: {arguments.save_every}")
    gain = arguments.colour_change
    data = read_fields(arguments, TripletConfig, gain=gain, offset=gain / 2)
    training = read_fields(arguments, MagnifierTraining)
    with config_errors():
        TripletSource(data, seed=arguments.seed, images=arguments.images)
    console = Console()
    from mer_tf.preprocessing.magnify.learned import LearnedMagnifier
    from mer_tf.preprocessing.magnify.network import MotionMagnifier
    from mer_tf.preprocessing.magnify.train import motion_ratios, train_magnifier
    from mer_tf.preprocessing.magnify.weights import load_magnifier, save_weights, training_facts

    settings = {key: value for key, value in vars(arguments).items() if key not in _NO_FACTS}
    if os.path.isfile(arguments.out) and not output.same_place(arguments.start, arguments.out):
        output.check_settings(arguments.out, training_facts(arguments.out), settings, force=arguments.force)
    with config_errors():
        if arguments.start:
            model = load_magnifier(arguments.start)
        else:
            model = MotionMagnifier(width=arguments.width, decoder_blocks=arguments.decoder_blocks, seed=arguments.seed)
    start = time.perf_counter()
    with output.locked_file(arguments.out), config_errors():
        history = train_magnifier(
            model,
            training,
            data,
            images=arguments.images,
            progress=console.progress("training steps"),
            every=arguments.save_every,
            save=lambda network: save_weights(network, arguments.out, settings),
        )
        save_weights(model, arguments.out, settings)
    seconds = time.perf_counter() - start
    length = min(_LENGTH, arguments.max_motion / 2)
    pair = LearnedMagnifier(model).pair
    ratios = motion_ratios(pair, _FACTORS, length=length, shortest_wave=arguments.shortest_wave)
    tail = history[-max(1, len(history) // 10) :].mean(axis=0)
    facts = {
        "out": arguments.out,
        "parameters": model.count_params(),
        "steps": arguments.steps,
        "seconds": round(seconds, 1),
        "loss": round(float(tail[0]), 5),
        "image_loss": round(float(tail[1]), 5),
        "motion": length,
        "motion_ratios": {f"{factor:g}": round(ratio, 3) for factor, ratio in ratios.items()},
    }
    if arguments.json:
        console.result(json.dumps(facts, indent=1))
        return 0
    said = (
        f"{arguments.out}: {facts['parameters']:,} weights, {arguments.steps} steps in {seconds:.0f} s, "
        f"image error {tail[1]:.4f} of a range of -1..1 over the last tenth"
    )
    console.result(fill(said))
    console.result(f"a motion of {length:g} px on pictures that were not trained on:")
    console.result(table(("factor", "measured"), list(ratios.items())))
    return 0


def run_apply(arguments) -> int:
    """Magnifies a folder of frames, one file after another."""
    import cv2

    from mer_tf.frames import frames_of_folder
    from mer_tf.preprocessing.images import decode_image, read_picture, significant_bits
    from mer_tf.preprocessing.magnify import magnify

    config = _config(arguments)
    frames = frames_of_folder(arguments.clip)
    if os.path.isdir(arguments.out) and not all(map(is_left_over, os.listdir(arguments.out))):
        raise ConfigError(f"--out is a folder that holds files: {arguments.out}; give a new one")
    output.check_folder(arguments.out)
    console = Console()

    def files():
        for number, path in zip(frames.numbers, frames.paths):
            yield read_picture(path, arguments.clip, number)

    bits, told = significant_bits(files())
    if told:
        console.note(fill(f"warning: {told}"))

    def read():
        for number, data in zip(frames.numbers, files()):
            yield decode_image(data, bits=bits, clip=arguments.clip, frame=number)

    with config_errors():
        stream = magnify(read(), config, fps=arguments.fps, weights=arguments.weights)
        first = next(stream)
    progress = console.progress("frames")
    total = len(frames.paths)
    written: list[str] = []
    with output.locked(arguments.out):
        try:
            for path, image in zip(frames.paths, itertools.chain([first], stream)):
                name = os.path.splitext(os.path.basename(path))[0] + ".png"
                target = os.path.join(arguments.out, name)
                atomic.write_bytes(target, cv2.imencode(".png", image[..., ::-1])[1].tobytes())
                written.append(target)
                progress(len(written), total)
        except BaseException as error:
            for target in written:  # a folder that holds half a clip would be refused the next time
                os.unlink(target)
            if isinstance(error, ValueError):
                raise BadInputError(f"clip {arguments.clip}: {error}") from error
            raise
    facts = {"out": arguments.out, "frames": len(written), "method": config.method, "factor": config.factor}
    if arguments.json:
        console.result(json.dumps({**facts, "left_out": frames.remark}, indent=1))
    else:
        if frames.remark:
            console.note(fill(f"warning: {frames.remark}"))
        console.result(f"{arguments.out}: {len(written)} frames, {config.method}, factor {config.factor:g}")
    return 0


# Of the arguments: what says nothing of the training, or names places of the machine it ran on.
_NO_FACTS = frozenset(("verb", "action", "run", "json", "out", "start", "images", "save_every", "force"))
_EULERIAN = ("f_low", "f_high", "lambda_c", "chroma")


def _config(arguments):
    from mer_tf.preprocessing.magnify import METHODS

    wrong = ("weights", "mode") if arguments.method == "eulerian" else ("fps", *_EULERIAN)
    for name in wrong:
        if getattr(arguments, name) is not None:
            other = "learned" if arguments.method == "eulerian" else "eulerian"
            raise ConfigError(f"--{name.replace('_', '-')} goes with --method {other}")
    if arguments.method == "eulerian" and arguments.fps is None:
        raise ConfigError("--method eulerian needs --fps: its band of frequencies is in Hz")
    options = {name: getattr(arguments, name) for name in (*_EULERIAN, "mode") if getattr(arguments, name) is not None}
    return METHODS[arguments.method][0](factor=arguments.factor, **options)
