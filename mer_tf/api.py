"""What ``import mer_tf as mer`` offers: the verbs of the command ``mer`` as Python calls.

Importing this module is quick; each call loads what it needs itself. None of the names is that of a module of the
package, which would hide it. These names, their arguments and what they return stay as they are between releases;
arguments may be added.

Example:
    >>> import mer_tf as mer
    >>> "ststnet" in mer.list_models() and "onset_apex_28_minmax" in mer.list_recipes()
    True
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mer_tf.recipes import Recipe
    from mer_tf.training import MotionData, TrainConfig
    from mer_tf.types import ClipTable


def list_models() -> list[str]:
    """Names of the systems, as ``model`` of ``loso`` and ``train`` takes them."""
    from mer_tf.systems.registry import MODELS

    return list(MODELS)


def list_recipes() -> list[str]:
    """Names of the recipes, as ``prepare`` takes them."""
    from mer_tf.recipes import RECIPES

    return list(RECIPES)


def read(
    data: str | os.PathLike,
    dataset: str | None = None,
    *,
    mapping: str | os.PathLike | None = None,
    strict: bool = False,
) -> ClipTable:
    """Reads a dataset folder, or a CSV file that lists clips.

    Args:
        data: Folder as the distributor ships it, or the file.
        dataset: Name of the set; None for ``"csv"`` where the file's name ends so, else ``"casme2"``.
        mapping: Label mapping, or path of a JSON file from emotion to class; None for the set's default.
        strict: Raise the first fault of a clip instead of leaving the clip out.

    Returns:
        The clips; ``problems`` names everything that was noticed.

    Raises:
        BadInputError: The folder or file is not such a set.
    """
    from mer_tf.datasets.registry import default_dataset, get_reader

    options = {} if mapping is None else {"mapping": os.fspath(mapping)}
    return get_reader(dataset or default_dataset(data))(data, strict=strict, **options)


def prepare(
    clips: ClipTable,
    recipe: str | os.PathLike | Recipe,
    out: str | os.PathLike,
    *,
    workers: int = 1,
    strict: bool = False,
    landmark_model: str | os.PathLike | None = None,
    force: bool = False,
) -> str:
    """Makes the clips into motion records: detection, alignment, flow, and what else the recipe says.

    Args:
        clips: What ``read`` returned.
        recipe: Name, path of a JSON file, or the recipe itself.
        out: Folder for the records; its ``clips.json`` tells which clips were left out, and why.
        workers: Processes that share the clips.
        strict: Raise the first fault of a clip.
        landmark_model: Path of dlib's 68-point model; looked for by default.
        force: Replace records that were made with other settings.

    Returns:
        The folder.

    Raises:
        LeakageError: One picture stands under two subjects.
        ConfigError: The folder holds records of other settings.
        EmptySplitError: No clip came through.
    """
    from mer_tf.preparation.prepare import prepare as make_records
    from mer_tf.protocols.near_duplicates import check_no_near_duplicates, clip_thumbnails
    from mer_tf.recipes import get_recipe

    check_no_near_duplicates(*clip_thumbnails(clips.clips))
    recipe = get_recipe(os.fspath(recipe)) if isinstance(recipe, str | os.PathLike) else recipe
    make_records(clips, recipe, out, strict=strict, workers=workers, landmark_model=landmark_model, force=force)
    return os.fspath(out)


def loso(
    data: str | os.PathLike | MotionData,
    model: str,
    out: str | os.PathLike,
    *,
    protocol: str = "loso",
    preset: str | None = None,
    seed: int = 0,
    workers: int = 1,
    save_models: bool = False,
    force: bool = False,
    **settings,
) -> dict:
    """Cross-validates a model; finished folds of the same run are kept.

    Args:
        data: Folder that ``prepare`` returned, or clips as arrays.
        model: Name of a system, or ``path/to/net.py:build`` of a network of your own.
        out: Folder of the run: ``predictions.csv``, ``passport.json``, TensorBoard logs.
        protocol: Name of the protocol.
        preset: Training settings to start from; None for ``"paper"``, or what the ``CARD`` of your own model says.
        seed: Global seed.
        workers: Processes that train folds side by side.
        save_models: Also keep the weights of each fold, ``folds/NAME.weights.h5`` in ``out``.
        force: Replace a run of other settings.
        **settings: Training settings in place of the preset's, for example ``epochs=20``.

    Returns:
        The passport; ``["metrics"]["full"]`` holds the pooled UF1, UAR, accuracy and confusion.

    Raises:
        BadInputError: Model, settings, clips and protocol do not fit together; nothing was trained.
    """
    from mer_tf.training.cross_validation import cross_validate

    data, config = _inputs(data, model, preset, seed, settings)
    return cross_validate(data, config, out, protocol=protocol, workers=workers, save_models=save_models, force=force)


def sweep(
    data: str | os.PathLike | MotionData,
    models: Sequence[str],
    out: str | os.PathLike,
    *,
    protocol: str = "loso",
    presets: Sequence[str | None] = (None,),
    seeds: Sequence[int] = (0,),
    ensembles: Sequence[Sequence[str]] = (),
    inner: int = 0,
    workers: int = 1,
    save_models: bool = False,
    force: bool = False,
    **settings,
) -> list[dict]:
    """Cross-validates every combination of systems, presets, seeds and settings; finished ones are kept.

    Args:
        data: As ``loso``; every system takes these clips.
        models: As ``model`` of ``loso``, several.
        out: Folder of the sweep, with a folder for each run and ``sweep.csv``.
        protocol: Name of the protocol.
        presets: As ``preset`` of ``loso``, several.
        seeds: Global seeds.
        ensembles: An ensemble for each: ``()`` over the seeds of each network, else over the systems named.
        inner: Above 0, settings are picked inside each fold by as many inner folds, and nothing else is run.
        workers: Processes that train folds side by side.
        save_models: As ``loso``, of networks.
        force: Replace runs of other settings.
        **settings: Lists of values to try, for example ``learning_rate=[1e-3, 1e-4]``; hand-crafted systems beside
            networks run with the preset of their own.

    Returns:
        A dictionary for each line of the table, the best first: ``model``, ``preset``, ``point`` (the values tried),
        ``kind``, ``seeds``, ``folder``, ``scores`` (``mean``, ``sd``, ``interval`` of ``uf1``, ``uar``, ``accuracy``).

    Raises:
        BadInputError: A combination does not fit; nothing was trained.
    """
    from mer_tf.errors import ConfigError
    from mer_tf.systems.registry import get_model_card
    from mer_tf.training.sweep import Job
    from mer_tf.training.sweep import sweep as run_all

    for name, values in settings.items():
        if not isinstance(values, list | tuple) or not values:
            raise ConfigError(f"{name} must be a list of the values to try. Received: {values!r}")
    networks = any(get_model_card(model).is_network for model in models)
    jobs = []
    for model in models:
        plain = networks and not get_model_card(model).is_network
        tried = {} if plain else settings
        for preset, values in itertools.product((None,) if plain else presets, itertools.product(*tried.values())):
            chosen = dict(zip(tried, values))
            point = {name: str(value) for name, value in chosen.items()}
            if len(presets) > 1 and not plain:
                point["preset"] = str(preset)
            for seed in seeds:
                data, config = _inputs(data, model, preset, seed, chosen)
                jobs.append(Job(config, data, point))
    if not jobs:
        raise ConfigError("a sweep needs at least one system, preset and seed")
    rows = run_all(
        jobs,
        out,
        protocol=protocol,
        workers=workers,
        save_models=save_models,
        force=force,
        ensembles=ensembles,
        inner=inner,
    )
    return [row.to_json() for row in rows]


def train(
    data: str | os.PathLike | MotionData,
    model: str,
    out: str | os.PathLike,
    *,
    preset: str | None = None,
    seed: int = 0,
    **settings,
) -> str:
    """Trains a network on all clips and adds it, as servers load it, to a folder of versions.

    Args:
        data: As ``loso``; of arrays the served model cannot tell a floor of motion.
        model: As ``loso``; a network.
        out: Folder of the model.
        preset: As ``loso``.
        seed: Global seed.
        **settings: As ``loso``.

    Returns:
        Folder of the new version, for ``predict`` and ``mer serve``.

    Raises:
        BadInputError: Model, settings and clips do not fit together.
    """
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.export import export_saved_model, next_version
    from mer_tf.systems.own import short_name
    from mer_tf.training import train_final, training_description

    folder = data if isinstance(data, str | os.PathLike) else None
    data, config = _inputs(data, model, preset, seed, settings)
    classes = get_mapping(data.mapping).classes
    config = dataclasses.replace(config, num_classes=len(classes))
    trained = train_final(data, config)
    told = None
    if folder is not None:
        told = training_description(folder, data.recipe, config, data.fingerprint)
        told["trained_on"] |= {"synthetic": data.synthetic, "partial": data.partial}
    place = os.path.join(out, str(next_version(out)))
    export_saved_model(trained, data.recipe, classes, place, model_name=short_name(config.model), training=told)
    return place


def predict(model: str | os.PathLike, clip: str | os.PathLike, **options) -> dict:
    """The answer of a trained model for a folder of frames, prepared as the model says.

    Args:
        model: Folder of the model or of one of its versions, or ``"HOST:PORT"`` of a server.
        clip: Folder of the frames, numbered in their names.
        **options: ``onset``, ``apex``, ``offset`` (frame numbers), ``fps`` and more, as
            ``mer_tf.serving.clips.predict_clip`` takes them.

    Returns:
        ``class`` (``"no_motion"`` of a still face), ``probabilities``, ``flags`` and more, JSON-able.

    Raises:
        BadInputError: Frames or model cannot be used.
        ClipError: No face, two faces, a damaged file.
    """
    # By name: the library imports nothing of the packages that are built on it.
    return importlib.import_module("mer_tf.serving.clips").predict_clip(os.fspath(model), clip, **options)


def evaluate(predictions: str | os.PathLike, classes: Sequence[str] | None = None) -> dict:
    """Scores of a file of predictions, pooled over all folds.

    Args:
        predictions: ``predictions.csv``, the folder of a run, or a log in the form of MEGC.
        classes: Class names by index; None for those of the passport beside the file, else the three of MEGC 2019.

    Returns:
        ``{"full": {"uf1", "uar", "accuracy", "n", "confusion", ...}, "by_dataset": {...}}``.

    Raises:
        BadInputError: The file cannot be read.
    """
    from mer_tf import metrics
    from mer_tf.commands.evaluate import class_names, prediction_file
    from mer_tf.metrics.predictions import read_any

    file = prediction_file(os.fspath(predictions))
    names = class_names(None if classes is None else ",".join(classes), file)
    return metrics.scores(read_any(file, len(names)), names)


def write_report(runs: Sequence[str | os.PathLike], out: str | os.PathLike, *, title: str = "Results") -> str:
    """Writes tables of runs beside the published figures.

    Args:
        runs: Folders of finished runs.
        out: File to write, ``.html`` or ``.md``.
        title: Its heading.

    Returns:
        The file.

    Raises:
        BadInputError: A run cannot be read, or the file's name ends otherwise.
    """
    from mer_tf import atomic
    from mer_tf.errors import ConfigError
    from mer_tf.report import build_report, read_run, to_html, to_markdown

    render = {".html": to_html, ".md": to_markdown}.get(os.path.splitext(out)[1].lower())
    if render is None:
        raise ConfigError(f"out must end in .html or .md. Received: {os.fspath(out)!r}")
    atomic.write_text(out, render(build_report([read_run(run) for run in runs], title=title)))
    return os.fspath(out)


def _inputs(data, model: str, preset: str | None, seed: int, settings: dict) -> tuple[MotionData, TrainConfig]:
    """The clips as arrays, and the settings."""
    from mer_tf.errors import ConfigError
    from mer_tf.records import recipe_of_set
    from mer_tf.systems.registry import recipe_of_model
    from mer_tf.training import TrainConfig, read_motion_records

    if "num_classes" in settings:
        raise ConfigError("num_classes cannot be set: the number of classes follows from the labels of the data")
    config = TrainConfig.from_preset(model, preset, seed=seed, **settings)
    if isinstance(data, str | os.PathLike):
        data = read_motion_records(data, recipe_of_set(data) or recipe_of_model(config.model))
    return data, config
