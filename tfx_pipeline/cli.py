"""``mer pipeline run | compile | status``."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time

from mer_tf.commands.source import add_source, check_near_duplicates, read_source
from mer_tf.console import Console, quiet, setup_logging, table
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
    _add_training(run)
    run.add_argument("--workers", type=int, help="processes for preprocessing (default: one per core)")
    run.add_argument("--fold-workers", type=int, help="processes for folds (default: one per core)")
    run.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    run.add_argument("--no-cache", action="store_true", help="run every component again")
    run.add_argument("--json", action="store_true", help="print JSON")
    run.set_defaults(run=run_run)

    compile_ = actions.add_parser("compile", help="write the specification of the same pipeline for a platform")
    compile_.add_argument("--target", choices=("kubeflow",), default="kubeflow", help="platform (default: %(default)s)")
    compile_.add_argument("--output", required=True, help="file to write: .yaml (specification) or .json (whole job)")
    _add_training(compile_)
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


def _add_training(parser) -> None:
    parser.add_argument("--model", default="dual_atme", help="see 'mer models' (default: %(default)s)")
    parser.add_argument("--preset", default="paper", help="training settings (default: %(default)s)")
    parser.add_argument(
        "--recipe", help="see 'mer recipes'; one that yields what the model takes (default: the one the model names)"
    )
    parser.add_argument("--epochs", type=int, help="instead of the preset's")
    parser.add_argument("--seed", type=int, default=0, help="global seed (default: %(default)s)")
    parser.add_argument(
        "--shuffle-labels", action="store_true", help="permute training labels inside each fold: scores must be chance"
    )
    parser.add_argument("--min-uf1", type=float, help="smallest pooled UF1 that is blessed (default: 0.4)")


def train_config(arguments):
    """``TrainConfig`` of the arguments added by ``_add_training``."""
    from mer_tf.systems.registry import check_network
    from mer_tf.training import TrainConfig

    overrides = {"seed": arguments.seed, "shuffle_labels": arguments.shuffle_labels}
    if arguments.epochs is not None:
        overrides["epochs"] = arguments.epochs
    config = TrainConfig.from_preset(arguments.model, arguments.preset, **overrides)
    check_network(config.model)
    return config


def recipe_of(arguments, config):
    """The ``Recipe`` that ``--recipe`` names, or the model's own.

    Raises:
        UnknownNameError: No recipe has that name.
        ConfigError: It does not yield what the model takes.
    """
    from mer_tf.recipes import get_recipe
    from mer_tf.systems.registry import check_recipe, get_model_card

    recipe = get_recipe(arguments.recipe or get_model_card(config.model).recipe)
    check_recipe(config.model, recipe, config.model_options)
    return recipe


def run_run(arguments) -> int:
    import dataclasses

    from mer_tf.datasets.manifest import write_manifest

    config = train_config(arguments)  # mistakes in the settings stop before anything is read or written
    recipe = recipe_of(arguments, config)
    console = Console()
    clips = read_source(arguments, console)
    config = dataclasses.replace(config, num_classes=len(clips.classes))
    duplicates = check_near_duplicates(clips, arguments, console)
    manifest_dir = os.path.join(arguments.out, "manifest")
    write_manifest(
        clips,
        os.path.join(manifest_dir, MANIFEST_FILE),
        recipe_frames="all" if recipe.frames.is_sequence else "needed",
    )
    console.note(f"{clips.dataset}: {len(clips.clips)} clips of {len(clips.subjects)} subjects")
    console.note(f"near-duplicates: {duplicates}")

    log = os.path.join(arguments.out, "mer.log")
    start = time.perf_counter()
    with quiet(log) as console:
        setup_logging()
        if console.err.isatty():
            console.note("loading TFX ...")
        from tfx_pipeline import configs
        from tfx_pipeline.local_runner import run_local

        options = {} if arguments.min_uf1 is None else {"eval_threshold_uf1": arguments.min_uf1}
        resume = os.path.join(arguments.out, configs.RESUME_FOLDER)
        folds = FoldProgress(resume, len(clips.subjects), console.err)
        result = run_local(
            out=arguments.out,
            manifest_dir=manifest_dir,
            train_config=config,
            recipe=recipe,
            strict=arguments.strict,
            landmark_model=arguments.landmark_model,
            preprocess_workers=arguments.workers or os.cpu_count() or 1,
            fold_workers=arguments.fold_workers or os.cpu_count() or 1,
            enable_cache=not arguments.no_cache,
            on_component=lambda run: _show(console, run, folds),
            **options,
        )
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
            console.result(_report(result, report, clips.classes))
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


def _report(result, report: dict, classes) -> str:
    from mer_tf.metrics.tables import format_scores

    lines = [f"\nLOSO, pooled over {result.clips} clips", format_scores(result.metrics, classes), ""]
    if result.faults:
        lines.append(f"{len(result.faults)} clips left out:")
        lines += [f"  {fault['message']}" for fault in result.faults]
    verdict = "blessed" if result.blessed else "NOT blessed (pooled UF1 below the threshold)"
    lines.append(f"Evaluator: {verdict}; pushed: {result.pushed_model or 'nothing'}")
    lines.append(f"passport: {result.passport}")
    lines.append(f"TensorBoard: tensorboard --logdir {result.log_dir}")
    lines.append(f"{report['seconds']:.0f} s; log of all libraries: {report['log']}")
    return "\n".join(lines)


def run_compile(arguments) -> int:
    import tempfile

    config = train_config(arguments)
    recipe = recipe_of(arguments, config)
    log = os.path.join(tempfile.gettempdir(), f"mer-compile-{os.getuid()}.log")
    with quiet(log) as console:
        setup_logging()
        from tfx_pipeline.kubeflow_runner import compile_kubeflow

        options = {} if arguments.min_uf1 is None else {"eval_threshold_uf1": arguments.min_uf1}
        job = compile_kubeflow(
            arguments.output,
            image=arguments.image,
            pipeline_root=arguments.pipeline_root,
            manifest_dir=arguments.manifest_dir,
            serving_dir=arguments.serving_dir,
            data_root=arguments.data_root,
            train_config=config,
            recipe=recipe,
            **options,
        )
        tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
        console.result(f"{arguments.output}: {len(tasks)} components, image {arguments.image}")
    return 0


def run_status(arguments) -> int:
    from tfx_pipeline import configs, status

    database = os.path.join(arguments.out, configs.METADATA_FILE)
    if arguments.lineage:
        executions = status.lineage(database, arguments.lineage)
        if arguments.json:
            import dataclasses

            print(json.dumps([dataclasses.asdict(execution) for execution in executions], indent=1))
        else:
            print(_executions(executions))
        return 0
    runs = status.pipeline_runs(database, arguments.runs)
    if arguments.json:
        print(json.dumps([run.to_json() for run in runs], indent=1))
        return 0
    for run in runs:
        print(f"run {run.run} of pipeline {run.pipeline}")
        print(_executions(run.executions), end="\n\n")
    return 0


def _executions(executions) -> str:
    rows = [
        (
            execution.id,
            execution.component,
            execution.state,
            max(0.0, execution.finished - execution.started),
            ", ".join(artifact.uri for artifacts in execution.outputs.values() for artifact in artifacts),
        )
        for execution in executions
    ]
    return table(("id", "component", "state", "seconds", "outputs"), rows)
