"""What a recipe is made of: a complete, hashed configuration of what turns a clip into a model's input.

A recipe has two halves. ``mer_tf.preprocessing.ClipPreprocessor`` does the first (frames, detection, alignment,
crop, magnification, flow: OpenCV and dlib) and yields one float32 array per name in ``arrays``.
``mer_tf.preprocessing.network_input`` does the second (one ``View`` per tensor of the network: strain, colour
wheel, normalisation, resizing) with TensorFlow operations only, so that it travels inside the SavedModel.

Importing this module loads neither TensorFlow nor OpenCV.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

from mer_tf.checks import config_errors, number, one_of, strict, truth, whole
from mer_tf.errors import ConfigError
from mer_tf.preprocessing import flow as flow_methods
from mer_tf.preprocessing import magnify as magnify_methods
from mer_tf.preprocessing.flow import FlowConfig, NoFlow
from mer_tf.preprocessing.magnify import MagnifyConfig, NoMagnification
from mer_tf.preprocessing.methods import changed, settings_from_json
from mer_tf.recipes.former import current_layout

SPANS = ("onset_apex", "apex", "onset_to_apex", "onset_to_offset")
APEX_RULES = ("middle", "auto", "divide_lbp", "divide_strain", "frequency")
INTERPOLATIONS = ("none", "linear", "tim", "uniform")
# Detector -> the settings of ``FaceConfig`` that it heeds; ``mer_tf.preprocessing.face`` holds the code.
_SEARCH = ("upsample", "max_upsample", "several_faces")
DETECTORS = {"dlib": _SEARCH, "haar": _SEARCH, "file": ()}
ALIGNMENTS = ("level", "lwm", "none")
CROPS = ("face", "eyes", "clip_box", "square")
NORMALISATIONS = (
    "none", "minmax", "pm1", "bytes", "centred", "symmetric", "fixed", "standard", "unit", "imagenet", "imagenet_mean",
)  # fmt: skip
# Area of a puzzle -> its regions, side by side; ``mer_tf.preprocessing.hars`` holds their borders.
PUZZLE_PARTS = {
    "brows": ("left_brow", "right_brow"),
    "cheeks": ("left_cheek", "right_cheek"),
    "nose": ("nose",),
    "mouth": ("mouth",),
}
BROWS_MOUTH = ("brows", "mouth")  # those of Dual-ATME
MOTION = "motion"
NO_FLOW, NO_MAGNIFICATION = NoFlow(), NoMagnification()
# Normalisations under which a negated u can be told from u alone.
_SIGNED = ("none", "minmax", "pm1", "bytes", "centred", "symmetric", "fixed")
# What an array holds, by its name; decides its channels, its mirror and its rotation.
ARRAY_KINDS = {
    "face": MOTION,
    "puzzle": MOTION,
    "flow": "flow",
    "frames": "image",
    "onset_image": "image",
    "apex_image": "image",
    "dynamic": "image",
    "parsing": "parsing",
    "landmarks": "landmarks",
}
MOTION_ARRAYS = {"face", "puzzle", "flow"}  # need a flow method
APEX_ARRAYS = {"face", "puzzle", "apex_image"}  # need the apex
# Content of a view -> channels it yields (0: those of the array) and the kinds of array it can be made of.
CONTENTS = {
    "motion": (3, (MOTION,)),
    "u": (1, (MOTION,)),
    "v": (1, (MOTION,)),
    "strain": (1, (MOTION, "flow")),
    "magnitude": (1, (MOTION, "flow")),
    "uv_magnitude": (3, (MOTION, "flow")),
    "strain_parts": (3, (MOTION, "flow")),
    "flow_strain": (4, (MOTION, "flow")),
    "uv": (2, (MOTION, "flow")),
    "wheel": (3, (MOTION, "flow")),
    "image": (0, ("image",)),
    "parsing": (10, ("parsing",)),
    "landmarks": (0, ("landmarks",)),
}

# Content of a view that is channels of the motion as they are -> whether each is a direction (u, v) or a size (strain).
PICTURED = {"motion": (True, True, False), "u": (True,), "v": (True,), "uv": (True, True), "strain": (False,)}

# Content of a view -> what mirroring does beside reversing the columns: "plain" nothing, "u" negates the first channel,
# "parsing" swaps left and right parts, "never": the mirrored view does not follow from the view alone.
MIRRORS = {
    "motion": "u",
    "u": "u",
    "v": "plain",
    "strain": "plain",
    "magnitude": "plain",
    "uv_magnitude": "u",
    "strain_parts": "never",
    "flow_strain": "u",
    "uv": "u",
    "wheel": "never",
    "image": "plain",
    "parsing": "parsing",
    "landmarks": "never",
}


@dataclasses.dataclass(frozen=True)
class FramesConfig:
    """Which frames of the annotated clip are taken (preprocessing 3, 4, 7).

    Attributes:
        span: ``"onset_apex"`` (those two), ``"apex"``, ``"onset_to_apex"`` or ``"onset_to_offset"``.
        count: Frames after temporal normalisation; 0 leaves two or one as the span says.
        interpolation: ``"linear"``, ``"tim"`` (graph embedding), ``"uniform"`` (nearest frames) or ``"none"``.
        apex: What stands in for an apex that is not annotated: ``"middle"``, or a method of
            ``mer_tf.preprocessing.spotting`` (``"auto"``, ``"divide_lbp"``, ``"divide_strain"``, ``"frequency"``),
            for which all frames from onset to offset are read.
    """

    span: str = "onset_apex"
    count: int = 0
    interpolation: str = "none"
    apex: str = "middle"

    def __post_init__(self):
        with config_errors():
            one_of("frames.span", self.span, SPANS)
            one_of("frames.interpolation", self.interpolation, INTERPOLATIONS)
            one_of("frames.apex", self.apex, APEX_RULES)
            whole("frames.count", self.count, 0)
        if self.is_sequence != (self.interpolation != "none") or self.is_sequence != (self.count >= 2):
            raise ConfigError(
                "frames.count (at least 2) and frames.interpolation belong to the spans onset_to_apex and "
                f"onset_to_offset, and only to them. Received: {self}"
            )

    @property
    def is_sequence(self) -> bool:
        """Whether every frame of a stretch is read."""
        return self.span in ("onset_to_apex", "onset_to_offset")


@dataclasses.dataclass(frozen=True)
class FaceConfig:
    """Face detection, alignment and crop (preprocessing 1 to 4).

    Attributes:
        detector: ``"dlib"`` (68 points), ``"haar"`` (shipped with OpenCV; template points) or ``"file"``.
        upsample: First number of image doublings before the detector scans.
        max_upsample: Last step of the ladder that is climbed while no face is found.
        several_faces: ``"best"`` (highest score), ``"largest"`` or ``"error"``.
        align: ``"level"`` (Dual-ATME: eye line horizontal), ``"lwm"`` (ASTNet: local weighted mean warp to the
            neutral face) or ``"none"``.
        crop: ``"face"`` (Dual-ATME), ``"eyes"`` (ASTNet), ``"clip_box"`` (CBAMNet: median of the frames' boxes) or
            ``"square"`` (Micro-Attention).
        on_failure: What a frame without a face does where every frame is looked at (``"clip_box"``): ``"raise"``,
            ``"skip"`` or ``"previous"`` (the last good points of the same clip).
    """

    detector: str = "dlib"
    upsample: int = 1
    max_upsample: int = 3
    several_faces: str = "error"
    align: str = "level"
    crop: str = "face"
    on_failure: str = "raise"

    def __post_init__(self):
        if not 0 <= self.upsample <= self.max_upsample <= 3:
            raise ConfigError(
                "face.upsample and face.max_upsample must satisfy 0 <= upsample <= max_upsample <= 3. "
                f"Received: {self.upsample}, {self.max_upsample}"
            )
        with config_errors():
            one_of("face.detector", self.detector, DETECTORS)
            one_of("face.several_faces", self.several_faces, ("best", "largest", "error"))
            one_of("face.align", self.align, ALIGNMENTS)
            one_of("face.crop", self.crop, CROPS)
            one_of("face.on_failure", self.on_failure, ("raise", "skip", "previous"))

    def used(self) -> dict:
        """The settings that change numbers and differ from their defaults."""
        settings = changed(self)
        for name in {*_SEARCH} - {*DETECTORS[self.detector]}:
            settings.pop(name, None)
        if self.crop != "clip_box":
            settings.pop("on_failure", None)
        return settings


@dataclasses.dataclass(frozen=True)
class View:
    """One tensor of the network, made of one array of the first half.

    Attributes:
        name: Name of the network's Keras input.
        array: Name of the array.
        content: ``"motion"`` (u, v, strain), ``"u"``, ``"v"``, ``"uv"``, ``"strain"``, ``"magnitude"``,
            ``"uv_magnitude"``, ``"strain_parts"`` (exx, eyy, exy), ``"flow_strain"`` (u, v, magnitude, strain),
            ``"wheel"`` (colour-coded flow), ``"image"``, ``"parsing"`` or ``"landmarks"``.
        normalisation: ``"none"`` (pixels, or 0..255), ``"minmax"`` (0..1 per channel), ``"pm1"`` (-1..1 in 8-bit
            steps), ``"bytes"`` (0..255 per channel in whole steps), ``"centred"`` (u and v -1..1, the middle of their
            range at 0, and strain 0..1), ``"symmetric"``, ``"fixed"`` (divided by ``scale`` and clipped to -1..1),
            ``"standard"`` (mean 0, deviation 1 per clip), ``"unit"`` (0..1), ``"imagenet"`` (0..1, then ImageNet's mean
            and deviation) or ``"imagenet_mean"`` (0..1 less ImageNet's mean).
        size: Side the maps are resized to; 0 leaves them.
        repeat: How often the channels are repeated.
        frames: Frames a sequence is reduced to: 0 leaves all, a negative number drops so many from the start.
        scale: Pixels that become 1 under ``"fixed"``.
    """

    name: str
    array: str
    content: str
    normalisation: str = "none"
    size: int = 0
    repeat: int = 1
    frames: int = 0
    scale: float = 1.0

    def __post_init__(self):
        with config_errors():
            one_of("view.array", self.array, ARRAY_KINDS)
            one_of("view.content", self.content, CONTENTS)
            one_of("view.normalisation", self.normalisation, NORMALISATIONS)
            whole("view.size", self.size, 0)
            whole("view.repeat", self.repeat)
            number("view.scale", self.scale, lambda v: v > 0, "positive")
        if ARRAY_KINDS[self.array] not in CONTENTS[self.content][1]:
            raise ConfigError(f"view {self.name!r}: content {self.content!r} cannot be made of array {self.array!r}")
        if self.normalisation == "centred" and self.content not in PICTURED:
            raise ConfigError(f"view {self.name!r}: only {', '.join(PICTURED)} can be centred, not {self.content!r}")
        if self.repeat > 1 and CONTENTS[self.content][0] not in (0, 1):
            raise ConfigError(f"view {self.name!r}: only one channel can be repeated, {self.content!r} has several")
        if 0 < self.size < 8:
            raise ConfigError(f"view {self.name!r}: size must be 0 or at least 8. Received: {self.size}")

    @property
    def mirrors(self) -> bool:
        """Whether the mirrored clip's view follows from this view alone."""
        if self.normalisation == "standard":
            return self.content == "image"
        rule = MIRRORS[self.content]
        return rule in ("plain", "parsing") or (rule == "u" and self.normalisation in _SIGNED)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What turns a clip into a model's input.

    Attributes:
        name: Registry name.
        source: Paper and section it follows.
        frames: Which frames are taken.
        face: Detection, alignment and crop.
        assumptions: What the recipe settles although its source does not state it, a sentence each.
        magnify: Magnification of the cropped frames: settings of one of ``mer_tf.preprocessing.magnify.METHODS``.
        flow: Optical flow: settings of one of ``mer_tf.preprocessing.flow.METHODS``. The default names none, which
            serves images and flow that was computed elsewhere.
        arrays: What the first half yields, among ``ARRAY_KINDS``: ``"face"`` and ``"puzzle"`` (u, v, strain from onset
            to apex, of the whole face and of the HARS puzzle), ``"flow"`` (u, v of a sequence), ``"frames"``,
            ``"onset_image"``, ``"apex_image"``, ``"dynamic"`` (dynamic image; all three 0..255), ``"parsing"`` (10
            masks of face parts), ``"landmarks"`` (68 points on the crop).
        crop_size: Side of the square the aligned face crop is resized to, in pixels.
        puzzle_size: Side of the HARS puzzle, or 0 for none.
        puzzle_parts: The two areas of the puzzle, the upper one first, keys of ``PUZZLE_PARTS``.
        puzzle_per_roi: Whether flow is computed region by region and then put together.
        colour: Whether images are RGB; gray otherwise.
        views: What the second half yields.
    """

    name: str
    source: str
    frames: FramesConfig = FramesConfig()
    face: FaceConfig = FaceConfig()
    magnify: MagnifyConfig = NO_MAGNIFICATION
    flow: FlowConfig = NO_FLOW
    arrays: tuple[str, ...] = ("face",)
    crop_size: int = 128
    puzzle_size: int = 0
    puzzle_parts: tuple[str, ...] = BROWS_MOUTH
    puzzle_per_roi: bool = False
    colour: bool = False
    views: tuple[View, ...] = (View("face", "face", "motion"),)
    assumptions: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "assumptions", tuple(self.assumptions))
        object.__setattr__(self, "arrays", tuple(self.arrays))
        object.__setattr__(self, "views", tuple(self.views))
        object.__setattr__(self, "puzzle_parts", tuple(self.puzzle_parts))
        for part, kind in (
            ("frames", FramesConfig), ("face", FaceConfig), ("magnify", MagnifyConfig), ("flow", FlowConfig),
        ):  # fmt: skip
            if not isinstance(getattr(self, part), kind):
                raise ConfigError(f"recipe.{part} must be {kind.__name__}. Received: {getattr(self, part)!r}")
        with config_errors():
            whole("recipe.crop_size", self.crop_size)
            whole("recipe.puzzle_size", self.puzzle_size, 0)
            truth("recipe.puzzle_per_roi", self.puzzle_per_roi)
            truth("recipe.colour", self.colour)
            for name in self.arrays:  # names of features in records too, so none is that of a clip's facts
                one_of("recipe.arrays", name, ARRAY_KINDS)
            for name in self.puzzle_parts:
                one_of("recipe.puzzle_parts", name, PUZZLE_PARTS)
        if len(set(self.puzzle_parts)) != 2 or len(self.puzzle_parts) != 2:
            raise ConfigError(f"recipe.puzzle_parts must be two different areas. Received: {self.puzzle_parts}")
        if self.crop_size < 32:
            raise ConfigError(f"recipe.crop_size must be at least 32. Received: {self.crop_size}")
        if self.puzzle_size and (self.puzzle_size % 2 or self.puzzle_size < 32):
            raise ConfigError(f"recipe.puzzle_size must be 0, or even and >= 32. Received: {self.puzzle_size}")
        if not self.arrays or len(set(self.arrays)) != len(self.arrays):
            raise ConfigError(f"recipe.arrays must be different names, at least one. Received: {self.arrays}")
        if ("puzzle" in self.arrays) != bool(self.puzzle_size):
            raise ConfigError("recipe.puzzle_size and the array 'puzzle' go together")
        if {"flow", "frames", "dynamic"} & set(self.arrays) and not self.frames.is_sequence:
            raise ConfigError("the arrays 'flow', 'frames' and 'dynamic' need a span of frames, such as onset_to_apex")
        if {"face", "puzzle", "onset_image"} & set(self.arrays) and self.frames.span == "apex":
            raise ConfigError("the arrays 'face', 'puzzle' and 'onset_image' need the onset; span 'apex' has none")
        if self.magnify.method != "none" and not self.frames.is_sequence:
            raise ConfigError("magnification needs a span of frames, such as onset_to_apex")
        if self.face.crop == "clip_box" and self.face.align != "none":
            raise ConfigError("face.crop 'clip_box' belongs to face.align 'none'")
        if self.puzzle_size and self.face.align != "level":
            raise ConfigError("the puzzle needs face.align 'level'")
        names = [view.name for view in self.views]
        if not names or len(set(names)) != len(names):
            raise ConfigError(f"recipe.views must have different names, at least one. Received: {names}")
        for view in self.views:
            if view.array not in self.arrays:
                raise ConfigError(f"view {view.name!r} shows array {view.array!r}, which the recipe does not make")

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Arrays of the first half: name -> shape, float32; flow in pixels, images 0..255, y down."""
        return {name: self._shape(name) for name in self.arrays}

    @property
    def kinds(self) -> dict[str, str]:
        """What each array holds: ``"motion"``, ``"flow"``, ``"image"``, ``"parsing"`` or ``"landmarks"``."""
        return {name: ARRAY_KINDS[name] for name in self.arrays}

    @property
    def network_inputs(self) -> dict[str, tuple[int, ...]]:
        """Tensors of the second half, by the names of the network's Keras inputs."""
        shapes = {}
        for view in self.views:
            shape = list(self._shape(view.array))
            if len(shape) == 4 and view.frames:
                shape[0] = view.frames if view.frames > 0 else shape[0] + view.frames
            if view.content != "landmarks":
                if view.size:
                    shape[-3:-1] = [view.size, view.size]
                shape[-1] = (CONTENTS[view.content][0] or shape[-1]) * view.repeat
            shapes[view.name] = tuple(shape)
        return shapes

    @property
    def mirrors_in_network(self) -> bool:
        """Whether mirroring can be done on the network's tensors instead of the arrays."""
        return all(view.mirrors for view in self.views)

    @property
    def measures_motion(self) -> bool:
        """Whether an array of the first half is optical flow."""
        return bool(MOTION_ARRAYS & set(self.arrays))

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of every setting that changes a number, and of nothing else."""
        text = json.dumps(self._numbers(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _numbers(self) -> dict:
        """What the hash is taken of.

        Settings at their defaults are left out, so that a new option changes no hash; so are those of methods that are
        not used, and words. A method's version stands for its defaults.
        """
        frames = changed(self.frames)
        if self.frames.span == "onset_to_offset" and not APEX_ARRAYS & set(self.arrays):
            frames.pop("apex", None)
        numbers = {
            "frames": frames,
            "face": self.face.used(),
            "arrays": sorted(self.arrays),
            "crop_size": self.crop_size,
            "colour": self.colour,
            "views": [_seen(view) for view in sorted(self.views, key=lambda view: view.name)],
        }
        if self.puzzle_size:
            parts = {} if self.puzzle_parts == BROWS_MOUTH else {"parts": list(self.puzzle_parts)}
            numbers["puzzle"] = {"size": self.puzzle_size, "per_roi": self.puzzle_per_roi, **parts}
        for part, used in (("magnify", self.magnify.method != "none"), ("flow", self.measures_motion)):
            if used:
                settings = getattr(self, part)
                facts = settings.used(colour=self.colour, sequence="flow" in self.arrays)
                numbers[part] = {"method": settings.method, "version": settings.version, **facts}
        return numbers

    def to_json(self) -> dict:
        """Plain dictionary that ``from_json`` reads back."""
        settings = dataclasses.asdict(self)
        for name in ("arrays", "views", "assumptions", "puzzle_parts"):
            settings[name] = list(settings[name])
        return {**settings, "magnify": self.magnify.to_json(), "flow": self.flow.to_json()}

    @classmethod
    def from_json(cls, settings: dict) -> Recipe:
        """Recipe from ``to_json``'s dictionary; unknown keys raise ``ConfigError``.

        The layout of releases up to 0.1, in which every recipe carried the settings of all methods, is read too.
        """
        if not isinstance(settings, dict):
            raise ConfigError(f"recipe must be an object. Received: {type(settings).__name__}")
        settings = current_layout(settings)
        for key, part in (("frames", FramesConfig), ("face", FaceConfig)):
            if key in settings:
                settings[key] = strict(part, settings[key], f"recipe.{key}")
        if "magnify" in settings:
            settings["magnify"] = settings_from_json(
                "magnification", magnify_methods.METHODS, settings["magnify"], "recipe.magnify"
            )
        if "flow" in settings:
            methods = {NoFlow.method: (NoFlow, None), **flow_methods.METHODS}
            settings["flow"] = settings_from_json("flow", methods, settings["flow"], "recipe.flow")
        if "views" in settings:
            settings["views"] = tuple(strict(View, view, "recipe.views") for view in settings["views"])
        return strict(cls, settings, "recipe")

    def _shape(self, name: str) -> tuple[int, ...]:
        side, images = self.crop_size, 3 if self.colour else 1
        return {
            "face": (side, side, 3),
            "puzzle": (self.puzzle_size, self.puzzle_size, 3),
            "flow": (self.frames.count - 1, side, side, 2),
            "frames": (self.frames.count, side, side, images),
            "onset_image": (side, side, images),
            "apex_image": (side, side, images),
            "dynamic": (side, side, images),
            "parsing": (side, side, 10),
            "landmarks": (68, 2),
        }[name]


def _seen(view: View) -> dict:
    settings = changed(view)
    if view.normalisation != "fixed":
        settings.pop("scale", None)
    return {**settings, "name": view.name, "array": view.array, "content": view.content}
