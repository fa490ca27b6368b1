"""``mer serve`` and ``mer predict``."""

from __future__ import annotations

import json
import textwrap

from mer_tf.errors import MissingPackageError, missing_package

DEFAULT_ADDRESS = "127.0.0.1:8500"
LINE = 100  # columns of a line for a person


def add_serve(verbs) -> None:
    parser = verbs.add_parser("serve", help="gRPC server speaking TF Serving's protocol, for development and tests")
    parser.add_argument("--model", required=True, help="folder holding integer version folders, or one SavedModel")
    parser.add_argument("--port", type=int, default=8500, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: %(default)s)")
    parser.add_argument("--name", default="mer", help="model name (default: %(default)s)")
    parser.add_argument("--log", help="log file for what libraries print (default: a file in the temporary folder)")
    parser.set_defaults(run=run_serve)


def add_predict(verbs) -> None:
    parser = verbs.add_parser(
        "predict",
        help="class and probabilities of one clip, by a server or a model folder",
        epilog="The served model says how clips are prepared. Weights that its recipe needs for that are found by the "
        "environment variables MER_MAGNIFIER_WEIGHTS (learned magnification) and MER_LITEFLOWNET_WEIGHTS (flow); those "
        "must be the weights that the model's training clips were prepared with.",
    )
    parser.add_argument("clip", help="folder of frames, numbered by the last integer of their names")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--server", default=DEFAULT_ADDRESS, help="HOST:PORT (default: %(default)s)")
    where.add_argument("--model", metavar="DIR", help="instead of a server: model folder, loaded in this process")
    parser.add_argument("--onset", type=int, help="frame number of the onset (default: first frame)")
    parser.add_argument("--apex", type=int, help="frame number of the apex (default: middle frame)")
    parser.add_argument("--offset", type=int, help="frame number of the offset (default: last frame)")
    parser.add_argument("--name", default="mer", help="model name (default: %(default)s)")
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    parser.add_argument(
        "--fps", type=float, help="frames per second of the clip, for recipes with Eulerian magnification"
    )
    parser.add_argument(
        "--allow-versions",
        action="store_true",
        help="go on with another OpenCV, dlib or landmark model than training used; the answer lists the differences",
    )
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds for the whole call (default: %(default)s)")
    parser.add_argument("--log", help="log file for what libraries print (default: a file in the temporary folder)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_predict)


def run_serve(arguments) -> int:
    from mer_tf.console import default_log, quiet, setup_logging

    with quiet(arguments.log or default_log("serve")) as console:
        setup_logging()
        try:
            from mer_tf.serving.server import serve
        except ModuleNotFoundError as error:  # whatever is missing: the extra ``client`` would not do
            if missing_package(error) is None:
                raise
            raise MissingPackageError(error.name.partition(".")[0], "serving") from error
        serve(
            arguments.model,
            arguments.port,
            host=arguments.host,
            name=arguments.name,
            announce=lambda line: console.result(line),
        )
    return 0


def run_predict(arguments) -> int:
    from mer_tf.console import default_log, quiet, table

    with quiet(arguments.log or default_log("predict")) as console:
        from mer_tf.serving.clips import predict_clip

        answer = predict_clip(
            arguments.server if arguments.model is None else _model_folder(arguments.model),
            arguments.clip,
            onset=arguments.onset,
            apex=arguments.apex,
            offset=arguments.offset,
            model_name=arguments.name,
            landmark_model=arguments.landmark_model,
            fps=arguments.fps,
            timeout=arguments.timeout,
            allow_versions=arguments.allow_versions,
        )
        told = (*answer["flags"], *answer["differences"], *answer["provenance"]["warnings"])
        if arguments.json:
            console.result(json.dumps(answer, indent=1))
            # Beside what a program reads, for whoever started it.
            for line in (*([f"no_motion:{_motion(answer)}"] if answer["no_motion"] else ()), *told):
                console.note(line)
            return 0
        console.result(f"class: {answer['class']}{_motion(answer)}")
        console.result(table(("class", "probability"), list(answer["probabilities"].items())))
        console.result(
            f"onset {answer['onset']}, apex {answer['apex']} ({answer['apex_rule']}); recipe {answer['recipe']}"
        )
        for line in (*_training(answer["trained_on"]), *told):
            for part in textwrap.wrap(line, LINE, subsequent_indent="  "):
                console.result(part)
    return 0


def _model_folder(path: str) -> str:
    import os

    from mer_tf.errors import MissingFileError

    if not os.path.isdir(path):
        raise MissingFileError(f"there is no model folder {path}; make one with 'mer train'")
    return path


def _motion(answer: dict) -> str:
    if answer["motion"] is None:
        return ""
    below = "below" if answer["no_motion"] else "at least"
    return f" (motion {answer['motion']:.3g} {answer['unit']}, {below} the floor of {answer['floor']:.3g})"


def _training(trained_on: dict) -> list[str]:
    """One line on what the model was trained on; none where it does not tell."""
    if not trained_on:
        return []
    sets = ", ".join(f"{name} {count}" for name, count in trained_on["datasets"].items())
    drawn = "drawings, " if trained_on["synthetic"] else ""
    line = f"trained on {drawn}{trained_on['clips']} clips ({sets})"
    scores = trained_on["loso"]
    if scores["uf1"] is not None:
        low, high = scores["interval"]["uf1"] or (None, None)
        interval = "" if low is None else f" ({low:.3f} to {high:.3f})"
        line += f"; leave-one-subject-out UF1 {scores['uf1']:.3f}{interval}, UAR {scores['uar']:.3f}"
    return [line]
