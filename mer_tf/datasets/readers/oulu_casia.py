"""Oulu-CASIA NIR&VIS (Zhao et al. 2011): posed expressions, neutral first, apex last, 25 frames a second, 80 subjects.

Folders as the distributor ships them, per camera (VL visible, NI near-infrared) and light::

    ROOT/OriginalImg/VL/Strong/P001/Anger/000.jpeg ...
    ROOT/PreProcess Img/VL_Acropped/Strong/P001/Anger/000.jpeg ...
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from mer_tf.datasets.expected import Expected, macro5
from mer_tf.datasets.folders import FramesSet, find_folders, fold, padded_id, subfolders
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import ConfigError, DatasetNotFoundError
from mer_tf.frames import scan_frames
from mer_tf.types import ClipTable

CAMERAS = ("VL", "NI")
LIGHTS = ("Strong", "Weak", "Dark")

_LABELS = Expected(
    "Oulu-CASIA, one camera and light",
    dict.fromkeys(("anger", "disgust", "fear", "happiness", "sadness", "surprise"), 80),
    80,
    source="the distributor",
)
OULU_CASIA = FramesSet(
    name="oulu_casia",
    title="Oulu-CASIA",
    aliases=("oulu",),
    kind="macro",
    classes=tuple(_LABELS.classes),
    fps=25.0,
    peak="last",
    counts={"native": (_LABELS,), "macro5": (macro5(_LABELS, _LABELS.subjects),)},
    pictures=1200,
    folders={
        "raw": ("OriginalImg", "Original Images"),
        "cropped": ("PreProcess Img", "PreProcessImg", "Preprocess Images"),
        "plain": (),
    },
    subject_id=padded_id("P", 3),
    subjects_like="P001, P002, ...",
    hint="Oulu-CASIA comes from its distributor (University of Oulu) after a signed licence agreement",
)
CARDS = (OULU_CASIA,)


def read_oulu_casia(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "macro5",
    strict: bool = False,
    layout: str = "auto",
    cameras: Sequence[str] = ("VL",),
    lights: Sequence[str] = ("Strong",),
) -> ClipTable:
    """Reads Oulu-CASIA; onset is the first frame, apex and offset the last.

    Args:
        root: Folder that holds ``OriginalImg`` or ``PreProcess Img``, or one of these.
        mapping: Label mapping.
        strict: Raise the first fault of a clip instead of leaving the clip out.
        layout: ``"raw"``, ``"cropped"``, or ``"auto"`` (raw frames where both are there).
        cameras: Of ``"VL"`` and ``"NI"``.
        lights: Of ``"Strong"``, ``"Weak"`` and ``"Dark"``. The Micro-Attention paper uses VL under strong
            light: 480 clips.

    Returns:
        The clips, named like ``VL_Strong_Anger``, sorted by subject and clip.

    Raises:
        ConfigError: Unknown camera or light.
        DatasetNotFoundError, EmptySplitError, UnknownNameError, ClipError: See ``read_ckplus``.
    """
    for what, values, known in (("camera", cameras, CAMERAS), ("light", lights, LIGHTS)):
        wrong = [value for value in values if value not in known]
        if wrong or not values:
            raise ConfigError(f"{what} must be of {', '.join(known)}. Received: {wrong[0] if wrong else 'none'}")
    root = os.path.abspath(os.fspath(root))
    build = TableBuilder(OULU_CASIA, mapping, strict=strict)
    frames_root, layout, folders = _find(root, layout, cameras, lights)
    expected = f"one of {', '.join(OULU_CASIA.classes)}"
    for (camera, light), (folder, *more) in folders.items():
        for other in more:
            build.unread(other, f"one folder of {camera} {light}, and {folder!r} is read")
        for subject, path in build.subjects(OULU_CASIA, folder):
            for emotion, clip_folder in build.level(path, _emotion, expected, key=f"oulu_casia/{subject}"):
                with build.faults():
                    _clip(build, subject, f"{camera}_{light}", emotion, clip_folder)
    for camera in cameras:
        for light in lights:
            if (camera, light) not in folders:
                place = os.path.join(frames_root, camera, light)
                build.unread(place, f"a folder of that name; there are {_below(frames_root)}")
    read = ", ".join(f"{camera} {light}" for camera, light in folders)
    build.note(f"{layout} frames under {frames_root!r} are used: {read}", kind="source")
    return build.table(context=f"under {frames_root!r} ({read})")


def _emotion(name: str) -> str | None:
    return fold(name) if fold(name) in OULU_CASIA.emotions else None


def _below(base: str) -> str:
    """What there is instead, two levels deep, for a message."""
    names = [f"{camera}/{light}" for camera, path in subfolders(base).items() for light in subfolders(path)]
    return ", ".join(names[:8]) or "none"


def _clip(build: TableBuilder, subject: str, condition: str, emotion: str, folder: str) -> None:
    row = Row(subject, f"{condition}_{emotion.capitalize()}", emotion, apex_is_last=True)
    key = build.key(subject, row.clip)
    build.first_of_name(subject, row.clip, f"folder {folder!r}")
    label = build.label(row)
    if label is not None:
        build.add(row, label, scan_frames(folder, OULU_CASIA.frame_pattern, key), folder)


def _find(root: str, layout: str, cameras: Sequence[str], lights: Sequence[str]):
    facts = OULU_CASIA
    if layout not in ("auto", *facts.folders):
        raise ConfigError(f"layout must be 'auto', {', '.join(map(repr, facts.folders))}. Received: {layout!r}")
    wanted = ", ".join(f"{name}/{cameras[0]}/{lights[0]}" for names in facts.folders.values() for name in names)
    if not os.path.isdir(root):
        raise DatasetNotFoundError(f"{facts.name}: no folder {root!r}; expected one with {wanted}. {facts.hint}")
    for kind in facts.folders if layout == "auto" else (layout,):
        bases = list(find_folders(root, facts.folders[kind])) if facts.folders[kind] else [root]
        for base in bases:
            folders = _conditions(base, cameras, lights)
            if folders:
                return base, kind, folders
    raise DatasetNotFoundError(
        f"{facts.name}: {root!r} has no frames of camera {', '.join(cameras)}, light {', '.join(lights)}; expected "
        f"{wanted} with {facts.subjects_like} inside. "
        f"Found: {', '.join(list(subfolders(root))[:8]) or 'no folder'}. {facts.hint}"
    )


def _conditions(base: str, cameras: Sequence[str], lights: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """Folders of each condition, nearly always one; without any where none is there."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, path in subfolders(base).items():
        for camera in cameras:
            # "VL", "VL_Acropped", "VL-cropped": copies spell the cropped folders in several ways
            if fold(name) == fold(camera) or (fold(name).startswith(fold(camera)) and "crop" in fold(name)):
                for entry, below in subfolders(path).items():
                    for light in lights:
                        if fold(entry) == fold(light):
                            found.setdefault((camera, light), []).append(below)
    return found
