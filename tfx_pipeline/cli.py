"""``mer pipeline run | compile | status``."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time

from mer_tf.commands.options import add_training_options, add_workers, training_config, worker_count
from mer_tf.commands.source import add_source, check_near_duplicates, read_source
from mer_tf.console import Console, fill, quiet, say, setup_logging, table
from mer_tf.run_files import MANIFEST_FILE

IMAGE = "mer-tf:latest"


def add(verbs) -> None:
    parser = verbs.add_parser(
        "pipeline", help="the TFX pipeline: run it here, compile it for Kubeflow, look at its runs"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    run = actions.add_parser("run", help="run all components on this machine; unchanged ones come from the cache")
    add_source(run)
    run.add_argument("--out", required=True, help="folder for artifacts, metadata, logs, served versions")
    _add_pipeline_options(run)
    run.add_argument("--no-cache", action="store_true", help="run every component again")
    run.add_argument("--json", action="store_true", help="print JSON")
    run.set_defaults(run=run_run)

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
    parser.add_argument("--min-uf1", type=float, help="smallest pooled UF1 that is blessed (default: 0.4)")
    add_workers(parser, "the clips while they are prepared and the folds while they are trained", default=workers)
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")


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
    from tfx_pipeline.configs import PipelineConfig

    if arguments.min_uf1 is not None:
        paths["min_uf1"] = arguments.min_uf1
    return PipelineConfig(
        train=train,
        recipe=None if arguments.recipe is None else get_recipe(arguments.recipe),
        protocol=arguments.protocol,
        strict=arguments.strict,
        landmark_model=arguments.landmark_model,
        workers=worker_count(arguments),
        **paths,
    )


def run_run(arguments) -> int:
    import dataclasses

    from mer_tf.datasets.manifest import write_manifest
    from mer_tf.protocols import make_split

    # Mistakes in the settings stop before anything is read or written.
    manifest_dir = os.path.join(arguments.out, "manifest")
    config = pipeline_config(
        arguments, training_config(arguments), manifest_dir=manifest_dir, cache=not arguments.no_cache
    )
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
    write_manifest(
        clips,
        os.path.join(manifest_dir, MANIFEST_FILE),
        recipe_frames="all" if config.recipe.frames.is_sequence else "needed",
    )
    console.note(f"{clips.dataset}: {len(clips.clips)} clips of {len(clips.subjects)} subjects")
    console.note(fill(f"near-duplicates: {duplicates}"))
    for note in split.notes:
        console.note(fill(f"note: {note}"))

    log = os.path.join(arguments.out, "mer.log")
    start = time.perf_counter()
    with quiet(log) as console:
        setup_logging()
        if console.err.isatty():
            console.note("loading TFX ...")
        from tfx_pipeline import configs
        from tfx_pipeline.local_runner import run_local

        resume = os.path.join(arguments.out, configs.RESUME_FOLDER)
        folds = FoldProgress(resume, len(split.folds), console.err)
        result = run_local(config, arguments.out, on_component=lambda run: _show(console, run, folds))
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
    return 0


class FoldProgress:
    """Says on a terminal how many folds are done while LosoTrainer works, by counting its finished files.

    The component may run its folds in other processes or on other machines; what they share is the folder.

    Args:
        folder: The resume folder of the component.
        total: Number of folds.
        stream: Where to say it; nothing is said where it is no terminal.
        interval: Seconds between two looks.
    """

    def __init__(self, folder: str, total: int, stream, interval: float = 1.0):
        self._folder = folder
        self._total = total
        self._stream = stream
        self._interval = interval
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, prefix: str) -> None:
        """Begins to look; ``prefix`` stands before the count."""
        if not self._stream.isatty():
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, args=(prefix, time.time()), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it; the next line may be written."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None

    def done(self, since: float = 0.0) -> int:
        """Finished folds of the run that wrote last, 0 where none wrote after ``since`` (seconds of the clock)."""
        newest, count = since, 0
        with contextlib.suppress(OSError):  # the folder is moved away when the last fold is done
            for entry in os.scandir(self._folder):
                times = [
                    os.path.getmtime(os.path.join(base, name))
                    for base, _, names in os.walk(os.path.join(entry.path, "folds"))
                    for name in names
                    if name.endswith(".json")
                ]
                if max(times, default=-1) >= newest:
                    newest, count = max(times), len(times)
        return count

    def _watch(self, prefix: str, since: float) -> None:
        while not self._stop.wait(self._interval):
            # One second of slack: file systems round their times.
            text = f"{prefix} {self.done(since - 1)}/{self._total} folds"
            print(text, end="\r", file=self._stream, flush=True)


def _show(console: Console, run, folds: FoldProgress) -> None:
    if run.state == "running":
        prefix = f"  [{run.index}/{run.total}] {run.name} ..."
        if console.err.isatty():
            print(prefix, end="\r", file=console.err, flush=True)
        if run.name == "LosoTrainer":
            folds.start(prefix)
        return
    folds.stop()
    console.note(f"  [{run.index}/{run.total}] {run.name:<18} {run.state:<9} {run.seconds:6.1f} s")


def _publish(out: str, report: dict) -> None:
    """``result.json`` and, where a run was scored, copies of its passport and predictions that keep their place."""
    import shutil

    from mer_tf import atomic

    for key in ("passport", "predictions"):
        if report[key]:
            shutil.copyfile(report[key], os.path.join(out, os.path.basename(report[key])))
    atomic.write_text(os.path.join(out, "result.json"), json.dumps(report, indent=1) + "\n")


def _report(result, report: dict, protocol: str, classes) -> str:
    from mer_tf.metrics.tables import format_scores

    title = "LOSO" if protocol == "loso" else f"protocol {protocol}"
    lines = [f"\n{title}, pooled over {result.clips} clips", format_scores(result.metrics, classes), ""]
    if result.faults:
        lines.append(f"{len(result.faults)} clips left out:")
        lines += [fill(f"  {fault['message']}", "    ") for fault in result.faults]
    verdict = "blessed" if result.blessed else "NOT blessed (pooled UF1 below the threshold)"
    lines.append(f"Evaluator: {verdict}; pushed: {result.pushed_model or 'nothing'}")
    lines.append(f"passport: {result.passport}")
    lines.append(f"TensorBoard: tensorboard --logdir {result.log_dir}")
    lines.append(f"{report['seconds']:.0f} s; log of all libraries: {report['log']}")
    return "\n".join(lines)


def run_compile(arguments) -> int:
    import tempfile

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
    log = os.path.join(tempfile.gettempdir(), f"mer-compile-{os.getuid()}.log")
    with quiet(log) as console:
        setup_logging()
        from tfx_pipeline.kubeflow_runner import compile_kubeflow

        job = compile_kubeflow(config, arguments.output, image=arguments.image)
        tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
        console.result(f"{arguments.output}: {len(tasks)} components, image {arguments.image}")
        if train.initial_weights:
            console.note(fill(f"note: the containers must see the initial weights at {train.initial_weights}"))
    return 0


def run_status(arguments) -> int:
    from tfx_pipeline import configs, status

    database = os.path.join(arguments.out, configs.METADATA_FILE)
    if arguments.lineage:
        executions = status.lineage(database, arguments.lineage)
        if arguments.json:
            import dataclasses

            say(json.dumps([dataclasses.asdict(execution) for execution in executions], indent=1))
        else:
            say(_executions(executions, arguments.out))
        return 0
    runs = status.pipeline_runs(database, arguments.runs)
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
            execution.state,
            max(0.0, execution.finished - execution.started),
            ", ".join(
                artifact.uri.removeprefix(base) for artifacts in execution.outputs.values() for artifact in artifacts
            ),
        )
        for execution in executions
    ]
    return table(("id", "component", "state", "seconds", "outputs"), rows)
