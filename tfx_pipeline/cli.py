"""``mer pipeline run | compile | status``.

``run`` ends with status 3 where every component ran but the model was not pushed, so that a script sees the verdict.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import time

from mer_tf import output
from mer_tf.commands.options import add_faces, add_training_options, add_workers, training_config, worker_count
from mer_tf.commands.source import add_source, check_near_duplicates, read_source
from mer_tf.console import Console, default_log, fill, quiet, say, setup_logging, table
from mer_tf.run_files import MANIFEST_FILE

IMAGE = "mer-tf:latest"
_STATES = {"stopped": "stopped (killed?)"}  # in words for a person
NOT_PUSHED = 3  # exit status of a run that went through and whose model was refused


def add(verbs) -> None:
    parser = verbs.add_parser(
        "pipeline", help="the TFX pipeline: run it here, compile it for Kubeflow, look at its runs"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    run = actions.add_parser(
        "run",
        help="run all components on this machine; unchanged ones come from the cache",
        epilog=f"Exit status: 0 the model was blessed and pushed, {NOT_PUSHED} the run went through and the model was "
        "not pushed (its pooled UF1 is below --min-uf1, or it cannot be served), 1 failure, 2 bad input.",
    )
    add_source(run)
    run.add_argument("--out", required=True, help="folder for artifacts, metadata, logs, served versions")
    _add_pipeline_options(run)
    run.add_argument("--no-cache", action="store_true", help="run every component again")
    run.add_argument("--json", action="store_true", help="print JSON")
    run.set_defaults(run=run_run, resumes="finished components and folds are kept")

    compile_ = actions.add_parser(
        "compile",
        help="write the specification of the same pipeline for a platform",
        description="Paths are those that the containers see: in the image or on a mounted volume. That holds for "
        "--initial-weights too, which must be an absolute path; under the same path and name, other weights are "
        "noticed only where this machine can read them as well.",
    )
    compile_.add_argument("--target", choices=("kubeflow",), default="kubeflow", help="platform (default: %(default)s)")
    compile_.add_argument("--output", required=True, help="file to write: .yaml (specification) or .json (whole job)")
    _add_pipeline_options(compile_, workers=1)  # the cores of this machine say nothing about the containers
    compile_.add_argument("--strict", action="store_true", help="stop at the first fault of a clip")
    compile_.add_argument("--image", default=IMAGE, help="image built from kubeflow/Dockerfile (default: %(default)s)")
    compile_.add_argument("--pipeline-root", default="/data/artifacts", help="bucket or folder (default: %(default)s)")
    compile_.add_argument(
        "--manifest-dir", default="/data/manifest", help="as containers see it (default: %(default)s)"
    )
    compile_.add_argument(
        "--serving-dir", default="/data/serving/mer", help="as containers see it (default: %(default)s)"
    )
    compile_.add_argument("--data-root", help="folder of the frames as containers see it (default: the manifest's)")
    compile_.set_defaults(run=run_compile)

    status = actions.add_parser("status", help="runs, executions and where a model came from")
    status.add_argument("--out", required=True, help="the folder given to 'mer pipeline run'")
    status.add_argument("--runs", type=int, default=5, help="how many of the newest (default: %(default)s)")
    status.add_argument("--lineage", metavar="FOLDER", help="every execution behind an artifact or pushed version")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=run_status)


def _add_pipeline_options(parser, workers: int | None = None) -> None:
    add_training_options(parser, model="dual_atme")
    parser.add_argument(
        "--recipe", help="see 'mer recipes'; one that yields what the model takes (default: the one the model names)"
    )
    add_faces(parser)
    parser.add_argument("--min-uf1", type=float, help="smallest pooled UF1 that is blessed (default: 0.4)")
    add_workers(parser, "the clips while they are prepared and the folds while they are trained", default=workers)
    parser.add_argument("--fold-workers", type=int, action=_Former, help=argparse.SUPPRESS)
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")


class _Former(argparse.Action):
    """A flag of the release before: scripts that give it go on, and are told."""

    def __call__(self, parser, namespace, values, option_string=None):
        Console().note(f"note: {option_string} is gone and changes nothing; --workers is the number of all processes")


def pipeline_config(arguments, train, **paths):
    """The ``PipelineConfig`` that the flags of 'run' or 'compile' describe.

    Args:
        arguments: Parsed arguments.
        train: ``TrainConfig`` of the same arguments.
        **paths: Further fields.

    Raises:
        UnknownNameError: No such recipe or protocol.
        ConfigError: The model does not take the recipe, or a value is out of range.
    """
    from mer_tf.recipes import get_recipe
    from mer_tf.systems.registry import get_model_card, recipe_of_model
    from mer_tf.tfx_pipeline.configs import PipelineConfig

    if arguments.min_uf1 is not None:
        paths["min_uf1"] = arguments.min_uf1
    named = arguments.recipe or get_model_card(train.model).recipe or recipe_of_model(train.model).name
    return PipelineConfig(
        train=train,
        recipe=get_recipe(named, arguments.faces),
        protocol=arguments.protocol,
        strict=arguments.strict,
        landmark_model=arguments.landmark_model,
        workers=worker_count(arguments),
        **paths,
    )


def run_run(arguments) -> int:
    import dataclasses

    from mer_tf.protocols import make_split

    # Mistakes in the settings stop before anything is read or written.
    manifest_dir = os.path.join(arguments.out, "manifest")
    config = pipeline_config(
        arguments, training_config(arguments), manifest_dir=manifest_dir, cache=not arguments.no_cache
    )
    output.check_folder(arguments.out)
    output.check_plain_name(arguments.out, "TFX")
    console = Console()
    clips = read_source(arguments, console)
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, num_classes=len(clips.classes)))
    duplicates = check_near_duplicates(clips, arguments, console)
    split = make_split(  # a protocol that these clips do not fit stops here, not after their preprocessing
        config.protocol,
        [clip.subject_key for clip in clips.clips],
        [clip.label for clip in clips.clips],
        [clip.key for clip in clips.clips],
        classes=clips.classes,
        mapping=clips.mapping,
        seed=config.train.seed,
    )
    with output.locked(arguments.out):
        return _run(arguments, config, clips, split, duplicates, console)


def _run(arguments, config, clips, split, duplicates, console: Console) -> int:
    from mer_tf.datasets.manifest import write_manifest

    write_manifest(
        clips,
        os.path.join(config.manifest_dir, MANIFEST_FILE),
        recipe_frames="all" if config.recipe.frames.is_sequence else "needed",
    )
    console.note(f"{clips.dataset}: {len(clips.clips)} clips of {len(clips.subjects)} subjects")
    console.note(fill(f"near-duplicates: {duplicates}"))
    for note in split.notes:
        console.note(fill(f"note: {note}"))

    _say_if_moved(console, arguments.out)

    log = os.path.join(arguments.out, "mer.log")
    start = time.perf_counter()
    with quiet(log) as console:
        setup_logging()
        if console.err.isatty():
            console.note("loading TFX ...")
        from mer_tf.tfx_pipeline.local_runner import run_local

        progress = Progress(console, len(clips.clips), len(split.folds))
        result = run_local(config, arguments.out, on_component=progress)
        report = {
            **result.to_json(),
            "near_duplicates": duplicates.to_json(),
            "seconds": round(time.perf_counter() - start, 2),
            "log": log,
        }
        _publish(arguments.out, report)
        if arguments.json:
            console.result(json.dumps(report, indent=1))
        else:
            console.result(_report(result, report, config.protocol, clips.classes))
    return 0 if result.pushed_model else NOT_PUSHED


def _say_if_moved(console: Console, out: str) -> None:
    """A remark where the folder was moved or copied since its last run: its results are known by their whole paths."""
    from mer_tf.tfx_pipeline import configs, status

    database = os.path.join(out, configs.METADATA_FILE)
    before = status.earlier_root(database, os.path.join(os.path.abspath(out), configs.ROOT_FOLDER))
    if before:
        console.note(
            fill(
                f"note: {out} was moved or copied since its last run, which wrote to {os.path.dirname(before)}; "
                "results are known by their whole paths, so nothing comes from the cache until it lies there again"
            )
        )


class Progress:
    """Says how each component goes: while it works, how far it is, and a line when it has ended.

    Args:
        console: Where it is said.
        clips: Number of clips of the manifest.
        folds: Number of folds.
    """

    def __init__(self, console: Console, clips: int, folds: int):
        from mer_tf.preparation.report import CLIPS
        from mer_tf.training.interface import TRAININGS

        self._console = console
        self._counted = {
            "ClipExampleGen": (CLIPS, "clips", clips),
            "MotionTransform": (CLIPS, "clips", clips),
            "LosoTrainer": (TRAININGS, "folds", folds),
            "Trainer": (TRAININGS, "model", 1),
        }
        self._shown = contextlib.ExitStack()

    def __call__(self, run) -> None:
        """Takes the ``ComponentRun`` of a start or an end."""
        self._shown.close()
        if run.state != "running":
            self._console.note(f"  [{run.index}/{run.total}] {run.name:<18} {run.state:<9} {run.seconds:6.1f} s")
            return
        place = f"  [{run.index}/{run.total}] {run.name}"
        if self._console.err.isatty():
            print(f"{place} ...", end="\r", file=self._console.err, flush=True)
        if run.name in self._counted:
            what, label, total = self._counted[run.name]
            self._shown.enter_context(self._console.following(what, f"{place}, {label}", total))


def _publish(out: str, report: dict) -> None:
    """``result.json`` and, where a run was scored, copies of its passport and predictions that keep their place."""
    from mer_tf import atomic

    for key in ("passport", "predictions"):
        if report[key]:
            with open(report[key], "rb") as file:
                atomic.write_bytes(os.path.join(out, os.path.basename(report[key])), file.read())
    atomic.write_text(os.path.join(out, "result.json"), json.dumps(report, indent=1) + "\n")


def _report(result, report: dict, protocol: str, classes) -> str:
    from mer_tf.metrics.tables import format_scores

    title = "LOSO" if protocol == "loso" else f"protocol {protocol}"
    lines = [f"\n{title}, pooled over {result.clips} clips", format_scores(result.metrics, classes), ""]
    if result.faults:
        lines.append(f"{len(result.faults)} clips left out:")
        lines += [fill(f"  {fault['message']}", "    ") for fault in result.faults]
    verdict = "blessed" if result.blessed else "NOT blessed (pooled UF1 below the threshold)"
    if not result.servable:
        verdict += "; LoadAndQuery: the exported model does NOT answer as it should (its report.json says why)"
    lines.append(f"Evaluator: {verdict}; pushed: {result.pushed_model or 'nothing'}")
    lines.append(f"passport: {result.passport}")
    lines.append(f"TensorBoard: mer tensorboard {shlex.quote(os.path.dirname(result.log_dir))}")
    lines.append(f"{report['seconds']:.0f} s; log of all libraries: {report['log']}")
    return "\n".join(lines)


def run_compile(arguments) -> int:
    output.check_file(arguments.output, "--output")
    # The number of classes is that of the manifest, which this machine need not have.
    train = training_config(arguments, classes_from_data=False, weights_here=False)
    config = pipeline_config(
        arguments,
        train,
        manifest_dir=arguments.manifest_dir,
        pipeline_root=arguments.pipeline_root,
        serving_dir=arguments.serving_dir,
        data_root=arguments.data_root,
    )
    with quiet(default_log("compile")) as console:
        setup_logging()
        from mer_tf.systems.own import in_file
        from mer_tf.tfx_pipeline.kubeflow_runner import compile_kubeflow

        job = compile_kubeflow(config, arguments.output, image=arguments.image)
        tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
        console.result(f"{arguments.output}: {len(tasks)} components, image {arguments.image}")
        if in_file(train.model):
            file = train.model.rpartition(":")[0]
            console.note(fill(f"note: the containers must see the code of the model at {file}"))
        if train.initial_weights:
            console.note(fill(f"note: the containers must see the initial weights at {train.initial_weights}"))
    return 0


def run_status(arguments) -> int:
    from mer_tf.tfx_pipeline import configs, status

    database = os.path.join(arguments.out, configs.METADATA_FILE)
    if arguments.lineage:
        executions = status.lineage(database, arguments.lineage)
        if arguments.json:
            import dataclasses

            say(json.dumps([dataclasses.asdict(execution) for execution in executions], indent=1))
        else:
            say(_executions(executions, arguments.out))
        return 0
    mark = os.path.join(arguments.out, configs.RUNNING_FILE)
    runs = status.pipeline_runs(database, arguments.runs, running=status.is_running(mark))
    _say_if_moved(Console(), arguments.out)
    if arguments.json:
        say(json.dumps([run.to_json() for run in runs], indent=1))
        return 0
    for run in runs:
        say(f"run {run.run} of pipeline {run.pipeline}")
        say(f"{_executions(run.executions, arguments.out)}\n")
    return 0


def _executions(executions, out: str) -> str:
    """A table of executions; what lies in the folder of the pipeline is named from there."""
    base = os.path.join(os.path.abspath(out), "")
    rows = [
        (
            execution.id,
            execution.component,
            _STATES.get(execution.state, execution.state),
            max(0.0, execution.finished - execution.started),
            ", ".join(
                artifact.uri.removeprefix(base) for artifacts in execution.outputs.values() for artifact in artifacts
            ),
        )
        for execution in executions
    ]
    return table(("id", "component", "state", "seconds", "outputs"), rows)
