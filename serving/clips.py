"""From a folder of frames to an answer: preprocessing as the served model demands, then the question to the server.

A clip is preprocessed with the very code the pipeline uses, by the recipe that the served model itself declares. OpenCV
and dlib are loaded only then, TensorFlow not at all but for recipes with a network.
"""

from __future__ import annotations

import math
import os
import pathlib

from mer_tf import served
from mer_tf.errors import BadInputError, ConfigError
from mer_tf.frames import frames_of_folder
from mer_tf.recipes import same_recipe
from mer_tf.serving.client import Description, PredictionClient
from mer_tf.types import Clip


def predict_clip(
    address: str,
    folder,
    *,
    onset: int | None = None,
    apex: int | None = None,
    offset: int | None = None,
    model_name: str = "mer",
    landmark_model=None,
    fps: float | None = None,
    timeout: float = 30.0,
    allow_versions: bool = False,
) -> dict:
    """Preprocesses a folder of frames as the served model demands, and asks the server for the class.

    Weights that a recipe's magnifier or flow network needs are those that the environment variables
    ``MER_MAGNIFIER_WEIGHTS`` and ``MER_LITEFLOWNET_WEIGHTS`` name.

    Args:
        address: ``HOST:PORT`` of the server, or a model folder, which is then loaded in this process.
        folder: Folder of frames, whose names differ in one number (``img1.jpg``, ``img2.jpg``, ...); pictures that
            are named otherwise are left out, and a flag names them.
        onset: Frame number of the onset; the first frame by default.
        apex: Frame number of the apex; by default the frame in the middle of onset and offset, as the
            pipeline takes it where no apex is annotated. ``apex_rule`` of the answer says which.
        offset: Frame number of the offset; the last frame by default. Recipes that read the clip to its end stop here.
        model_name: Name the model is served by.
        landmark_model: Path of dlib's 68-point model; looked for by default.
        fps: Frames per second the clip was recorded with; recipes with Eulerian magnification need it.
        timeout: Seconds for each call of the server.
        allow_versions: Whether to go on where OpenCV's major version, dlib, the 68-point model or weights are not
            those that prepared the training clips; the answer then says so in ``differences``.

    Returns:
        JSON-able. ``class`` (``"no_motion"`` below the model's floor of motion), ``probabilities``, ``motion`` and
        ``floor`` in ``unit`` (None without a gate), ``no_motion``; ``onset``, ``apex``, ``apex_rule`` (that of
        ``needed_frames``, or ``"given"``); ``flags``, sentences that begin with a name of ``mer_tf.served`` and a
        colon; ``differences``, one sentence per version that is not that of training; ``recipe``, ``recipe_hash``,
        ``model``, ``version``, ``trained_on`` (empty where the model does not know), ``provenance``.

    Raises:
        MissingFileError: Where there is no such folder, or no frame in it.
        BadInputError: Where ``onset``, ``apex`` or ``offset`` is no frame of the folder, or they are not in order, or
            it is not clear which pictures the frames are.
        ServerError: Where the server is not there or refuses.
        ConfigError: Where the model's recipe is not the same here and there, versions differ and are not allowed to,
            or the recipe needs ``fps``, which is not given.
        ClipError: Where the frames cannot be used (no face, two faces, damaged file, frames out of order).
    """
    # Cheap checks first: the folder, then the server, and only then the detector.
    if fps is not None and not 0 < fps < math.inf:
        raise ConfigError(f"--fps must be a positive number. Received: {fps!r}")
    found = frames_of_folder(folder)
    numbers = found.numbers
    _check_numbers(folder, numbers, onset, apex, offset)
    with client_for(address, model_name, timeout) as client:
        description = client.describe()
        if fps is None and description.recipe.magnify.method == "eulerian":
            raise ConfigError(
                f"recipe {description.recipe.name!r} of the served model magnifies motion by its frequency; "
                "give the clip's frames per second with --fps"
            )
        from mer_tf.preprocessing import ClipPreprocessor, select_frames
        from mer_tf.preprocessing.images import read_picture

        preprocessor = ClipPreprocessor(description.recipe, landmark_model=landmark_model)
        here = preprocessor.versions()
        differences = check_versions(description, here, allow_versions)
        name = pathlib.Path(folder).resolve().name
        clip = Clip(
            dataset="clip",
            subject="folder",
            clip=name,
            onset=numbers[0] if onset is None else onset,
            apex=apex,
            offset=numbers[-1] if offset is None else offset,
            fps=fps or 0.0,
            emotion="",
            aus="",
            label=None,
            mapping="",
            frames=found.paths,
            frame_numbers=numbers,
        )
        selection = select_frames(clip, description.recipe.frames)
        files = {number: read_picture(clip.frame_path(number), clip.key, number) for number in selection.numbers}
        with preprocessor:
            result = preprocessor.process_clip(clip, files)
            spotted = result.provenance.get("spotting", {}).get("index", selection.apex)
            pair = selection.numbers[selection.onset], selection.numbers[spotted]
            bits = result.provenance.get("bits", 16)
            remarks = preprocessor.remarks(*(files[number] for number in pair), bits, clip.key, pair)
        onset, used_apex, rule = (
            clip.onset if description.recipe.frames.span == "apex" else selection.numbers[selection.onset],
            selection.numbers[spotted],
            result.provenance["apex_rule"],
        )
        answer = client.predict(result.tensors)
    if not same_recipe(answer["recipe_hash"], description.recipe.hash):
        raise ConfigError(
            f"the clip was preprocessed by recipe hash {description.recipe.hash} but the server at {address} answered "
            f"for {answer['recipe_hash']}: its model was replaced meanwhile; ask again"
        )
    return {
        "class": answer["class"],
        "probabilities": answer["probabilities"],
        "motion": answer.get("motion"),
        "no_motion": answer.get("no_motion"),
        "floor": description.floor,
        "unit": description.gate.get("unit"),
        "onset": onset,
        "apex": used_apex,
        "apex_rule": rule.replace("annotated", "given"),
        "recipe": description.recipe.name,
        "recipe_hash": description.recipe.hash,
        "model": description.model,
        "version": answer["version"],
        "flags": [*answer_flags(description, clip, fps, rule, here, found.remark), *remarks],
        "differences": differences,
        "trained_on": description.trained_on,
        "provenance": result.provenance,
    }


def client_for(address: str, model_name: str, timeout: float) -> PredictionClient:
    """A client of a server at ``HOST:PORT``, or of a model folder that is loaded in this process."""
    if not os.path.isdir(address):
        return PredictionClient(address, model_name=model_name, timeout=timeout)
    from mer_tf.serving.folder import FolderClient

    return FolderClient(address)


def check_versions(description: Description, here: dict[str, str], allow: bool = False) -> list[str]:
    """What prepares clips here and not as it prepared the training clips, one sentence each.

    Args:
        description: What the served model says of itself.
        here: ``ClipPreprocessor.versions`` of this machine.
        allow: Whether differences are returned instead of refused.

    Raises:
        ConfigError: There are differences, and they are not allowed.
    """
    from mer_tf.preprocessing.versions import version_differences

    differences = version_differences(description.versions, here)
    if differences and not allow:
        raise ConfigError(
            f"this machine would not prepare the clip as the model's training clips were: {'; '.join(differences)}. "
            "Install what training used, or allow it with --allow-versions; probabilities may then differ"
        )
    return differences


def answer_flags(
    description: Description, clip: Clip, fps: float | None, rule: str, here: dict[str, str], left_out: str
) -> list[str]:
    """What a reader of the answer should know, ``name: sentence`` each."""
    recipe, longest = description.recipe, description.trained_on.get("longest") or {}
    flags = [f"{served.OTHER_PICTURES}: {left_out}"] if left_out else []
    whole = recipe.frames.span == "onset_to_offset"
    # Frames after the apex count only where the recipe reads them.
    last = clip.offset if whole or clip.apex is None else clip.apex
    frames = last - clip.onset + 1
    limits = [(frames, longest.get("frames"), "frames")]
    if fps:
        limits.append((round(frames / fps, 3), longest.get("seconds"), "s"))
    for value, most, unit in limits:
        if most and value > most:
            flags.append(f"{served.LONG_SPAN}: {value:g} {unit}; the longest training clip has {most:g} {unit}")
    if rule.startswith("middle") and (not whole or {"face", "puzzle", "apex_image"} & set(recipe.arrays)):
        flags.append(f"{served.GUESSED_APEX}: no apex was given, the frame in the middle stands in for it")
    if fps is None and (longest.get("seconds") or recipe.frames.apex in ("auto", "frequency")):
        flags.append(f"{served.UNKNOWN_FPS}: without frames per second the clip's duration is not compared")
    if description.floor is None:
        reason = description.gate.get("reason", "it was exported by an earlier version")
        flags.append(f"{served.NO_GATE}: the model names a class for a still face as well ({reason})")
    unknown = sorted(set(here) - set(description.versions))
    if unknown:
        flags.append(f"{served.UNKNOWN_VERSIONS}: the model does not know its training's {', '.join(unknown)}")
    if not description.trained_on:
        flags.append(f"{served.UNKNOWN_TRAINING}: the model does not tell what it was trained on")
    return flags


def _check_numbers(folder, numbers: tuple[int, ...], onset: int | None, apex: int | None, offset: int | None) -> None:
    # What was asked for by number is taken or refused, never replaced by a neighbour.
    for name, number in (("onset", onset), ("apex", apex), ("offset", offset)):
        if number is not None and number not in numbers:
            raise BadInputError(
                f"--{name} {number} is no frame of {folder}; "
                f"its {len(numbers)} frames run from {numbers[0]} to {numbers[-1]}"
            )
    first = numbers[0] if onset is None else onset
    last = numbers[-1] if offset is None else offset
    if apex is None and last - first < 2:
        end = "last frame" if offset is None else "offset"
        raise BadInputError(
            f"there is no frame between onset {first} and the {end} {last} of {folder} to stand in for the "
            "apex; give --apex, or a folder of three frames or more"
        )
    if apex is not None and apex <= first:
        raise BadInputError(f"onset {first} must come before apex {apex} in {folder}; give --onset and --apex in order")
    if apex is not None and apex > last:
        raise BadInputError(f"apex {apex} must not come after offset {last} in {folder}; give them in order")
