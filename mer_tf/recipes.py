"""Recipes: named, complete, hashed configurations of what turns a clip into a model's input.

A recipe has two halves. ``mer_tf.preprocessing.ClipPreprocessor`` does the first (frames, detection, alignment,
crop, magnification, flow: OpenCV and dlib) and yields one float32 array per name in ``arrays``.
``mer_tf.preprocessing.network_input`` does the second (one ``View`` per tensor of the network: strain, colour
wheel, normalisation, resizing) with TensorFlow operations only, so that it travels inside the SavedModel.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

from mer_tf.errors import ConfigError, UnknownNameError

SPANS = ("onset_apex", "apex", "onset_to_apex", "onset_to_offset")
INTERPOLATIONS = ("none", "linear", "tim", "uniform")
DETECTORS = ("dlib", "haar", "file")
ALIGNMENTS = ("level", "lwm", "none")
CROPS = ("face", "eyes", "clip_box", "square")
MAGNIFIERS = ("none", "eulerian", "learned")
FLOW_METHODS = ("tvl1", "farneback", "dis", "liteflownet")
NORMALISATIONS = ("none", "minmax", "pm1", "symmetric", "fixed", "standard", "unit", "imagenet", "imagenet_mean")
MOTION = "motion"
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


def _one_of(name: str, value, known) -> None:
    if value not in known:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, known))}. Received: {value!r}")


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
        _one_of("frames.span", self.span, SPANS)
        _one_of("frames.interpolation", self.interpolation, INTERPOLATIONS)
        _one_of("frames.apex", self.apex, ("middle", "auto", "divide_lbp", "divide_strain", "frequency"))
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
        upsample: First number of image doublings before dlib's detector scans.
        max_upsample: Last step of the ladder that is climbed while no face is found.
        several_faces: ``"best"`` (highest score), ``"largest"`` or ``"error"``.
        align: ``"level"`` (seed 001: eye line horizontal), ``"lwm"`` (seed 003: local weighted mean warp to the
            neutral face) or ``"none"``.
        crop: ``"face"`` (seed 001), ``"eyes"`` (seed 003), ``"clip_box"`` (seed 000: median of the frames' boxes) or
            ``"square"`` (seed 002).
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
        _one_of("face.detector", self.detector, DETECTORS)
        _one_of("face.several_faces", self.several_faces, ("best", "largest", "error"))
        _one_of("face.align", self.align, ALIGNMENTS)
        _one_of("face.crop", self.crop, CROPS)
        _one_of("face.on_failure", self.on_failure, ("raise", "skip", "previous"))


@dataclasses.dataclass(frozen=True)
class MagnifyConfig:
    """Motion magnification (preprocessing 5 and 6).

    Attributes:
        method: ``"none"``, ``"eulerian"`` or ``"learned"`` (needs trained weights by path at run time).
        factor: Ratio of output motion to input motion; 1 changes nothing. For Eulerian magnification this is 1 + alpha.
        f_low: Lower edge of the temporal band in Hz (eulerian).
        f_high: Upper edge of the temporal band in Hz (eulerian).
        lambda_c: Spatial cut-off wavelength in pixels (eulerian).
        chroma: Attenuation of the colour channels, 0 to 1 (eulerian).
        mode: ``"static"`` (against the first frame) or ``"dynamic"`` (against the previous one; learned).
    """

    method: str = "none"
    factor: float = 1.0
    f_low: float = 0.5
    f_high: float = 10.0
    lambda_c: float = 16.0
    chroma: float = 0.1
    mode: str = "static"

    def __post_init__(self):
        _one_of("magnify.method", self.method, MAGNIFIERS)
        _one_of("magnify.mode", self.mode, ("static", "dynamic"))
        for name, fits, wanted in (
            ("factor", self.factor >= 1, "at least 1"),
            ("f_low", 0 < self.f_low < self.f_high, "positive and below f_high"),
            ("lambda_c", self.lambda_c > 0, "positive"),
            ("chroma", 0 <= self.chroma <= 1, "in 0..1"),
        ):
            if not fits:
                raise ConfigError(f"magnify.{name} must be {wanted}. Received: {getattr(self, name)!r}")


@dataclasses.dataclass(frozen=True)
class FlowConfig:
    """Optical flow (preprocessing 8); the TV-L1 defaults are OpenCV's.

    Attributes:
        method: ``"tvl1"``, ``"farneback"``, ``"dis"`` or ``"liteflownet"`` (needs trained weights by path at run time).
        backend: Of TV-L1: ``"opencv"`` or ``"tensorflow"``.
        border: Of the TensorFlow backend: ``"edge"`` (replicate) or ``"zero"`` (as OpenCV).
        pairs: Pairs of a sequence: ``"adjacent"`` frames or each against the ``"onset"``.
        tau: TV-L1 step.
        lambda_: TV-L1 data weight.
        theta: TV-L1 coupling.
        scales: TV-L1 pyramid levels.
        scale_step: TV-L1 ratio between levels, in (0, 1).
        warps: TV-L1 warps per level.
        epsilon: TV-L1 stopping threshold.
        inner_iterations: TV-L1 iterations between medians.
        outer_iterations: TV-L1 medians per warp.
        median: TV-L1 median window: 1 (off), 3 or 5.
        match_brightness: Whether the difference of the medians is subtracted from the second image first.
        dis_preset: ``"ultrafast"``, ``"fast"`` or ``"medium"``.
    """

    method: str = "tvl1"
    backend: str = "opencv"
    border: str = "edge"
    pairs: str = "adjacent"
    tau: float = 0.25
    lambda_: float = 0.15
    theta: float = 0.3
    scales: int = 5
    scale_step: float = 0.8
    warps: int = 5
    epsilon: float = 0.01
    inner_iterations: int = 30
    outer_iterations: int = 10
    median: int = 5
    match_brightness: bool = False
    dis_preset: str = "medium"
    farneback_pyr_scale: float = 0.5
    farneback_levels: int = 3
    farneback_window: int = 15
    farneback_iterations: int = 3
    farneback_poly_n: int = 5
    farneback_poly_sigma: float = 1.2

    def __post_init__(self):
        _one_of("flow.method", self.method, FLOW_METHODS)
        _one_of("flow.backend", self.backend, ("opencv", "tensorflow"))
        _one_of("flow.border", self.border, ("edge", "zero"))
        _one_of("flow.pairs", self.pairs, ("adjacent", "onset"))
        _one_of("flow.dis_preset", self.dis_preset, ("ultrafast", "fast", "medium"))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
                raise ConfigError(f"flow.{field.name} must be positive. Received: {value!r}")
        _one_of("flow.median", self.median, (1, 3, 5))
        if not 0 < self.scale_step < 1:
            raise ConfigError(f"flow.scale_step must lie in (0, 1). Received: {self.scale_step!r}")


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
            steps), ``"symmetric"``, ``"fixed"`` (divided by ``scale`` and clipped to -1..1), ``"standard"`` (mean 0,
            deviation 1 per clip), ``"unit"`` (0..1), ``"imagenet"`` (0..1, then ImageNet's mean and deviation) or
            ``"imagenet_mean"`` (0..1 less ImageNet's mean).
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
        _one_of("view.array", self.array, ARRAY_KINDS)
        _one_of("view.content", self.content, CONTENTS)
        _one_of("view.normalisation", self.normalisation, NORMALISATIONS)
        if ARRAY_KINDS[self.array] not in CONTENTS[self.content][1]:
            raise ConfigError(f"view {self.name!r}: content {self.content!r} cannot be made of array {self.array!r}")
        if self.repeat > 1 and CONTENTS[self.content][0] not in (0, 1):
            raise ConfigError(f"view {self.name!r}: only one channel can be repeated, {self.content!r} has several")
        if self.size < 0 or 0 < self.size < 8 or self.repeat < 1 or not self.scale > 0:
            raise ConfigError(f"view {self.name!r}: size must be 0 or >= 8, repeat >= 1, scale > 0. Received: {self}")

    @property
    def mirrors(self) -> bool:
        """Whether the mirrored clip's view follows from this view alone."""
        if self.content in ("wheel", "strain_parts", "landmarks") or self.normalisation == "standard":
            return self.content == "image"
        motion = self.content in ("motion", "u", "uv", "uv_magnitude", "flow_strain")
        return not motion or self.normalisation in ("none", "minmax", "pm1", "symmetric", "fixed")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What turns a clip into a model's input.

    Attributes:
        name: Registry name.
        source: Paper and section it follows.
        frames: Which frames are taken.
        face: Detection, alignment and crop.
        magnify: Magnification of the cropped frames.
        flow: Optical flow settings.
        arrays: What the first half yields, among ``ARRAY_KINDS``: ``"face"`` and ``"puzzle"`` (u, v, strain from onset
            to apex, of the whole face and of the HARS puzzle), ``"flow"`` (u, v of a sequence), ``"frames"``,
            ``"onset_image"``, ``"apex_image"``, ``"dynamic"`` (dynamic image; all three 0..255), ``"parsing"`` (10
            masks of face parts), ``"landmarks"`` (68 points on the crop).
        crop_size: Side of the square the aligned face crop is resized to, in pixels.
        puzzle_size: Side of the HARS puzzle, or 0 for none.
        puzzle_per_roi: Whether flow is computed region by region and then put together.
        colour: Whether images are RGB; gray otherwise.
        views: What the second half yields.
    """

    name: str
    source: str
    frames: FramesConfig = FramesConfig()
    face: FaceConfig = FaceConfig()
    magnify: MagnifyConfig = MagnifyConfig()
    flow: FlowConfig = FlowConfig()
    arrays: tuple[str, ...] = ("face",)
    crop_size: int = 128
    puzzle_size: int = 0
    puzzle_per_roi: bool = False
    colour: bool = False
    views: tuple[View, ...] = (View("face", "face", "motion"),)

    def __post_init__(self):
        object.__setattr__(self, "arrays", tuple(self.arrays))
        object.__setattr__(self, "views", tuple(self.views))
        if self.crop_size < 32:
            raise ConfigError(f"recipe.crop_size must be at least 32. Received: {self.crop_size}")
        if self.puzzle_size and (self.puzzle_size % 2 or self.puzzle_size < 32):
            raise ConfigError(f"recipe.puzzle_size must be 0, or even and >= 32. Received: {self.puzzle_size}")
        if not self.arrays or len(set(self.arrays)) != len(self.arrays):
            raise ConfigError(f"recipe.arrays must be different names, at least one. Received: {self.arrays}")
        for name in self.arrays:  # names of features in records too, so none is that of a clip's facts
            _one_of("recipe.arrays", name, ARRAY_KINDS)
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
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of every setting that changes a number."""
        settings = self.to_json()
        del settings["source"]
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict:
        """Plain dictionary that ``from_json`` reads back."""
        settings = dataclasses.asdict(self)
        settings["arrays"] = list(self.arrays)
        settings["views"] = list(settings["views"])
        return settings

    @classmethod
    def from_json(cls, settings: dict) -> Recipe:
        """Recipe from ``to_json``'s dictionary; unknown keys raise ``ConfigError``."""
        if not isinstance(settings, dict):
            raise ConfigError(f"recipe must be an object. Received: {type(settings).__name__}")
        settings = dict(settings)
        parts = {"frames": FramesConfig, "face": FaceConfig, "magnify": MagnifyConfig, "flow": FlowConfig}
        for key, part in parts.items():
            if key in settings:
                settings[key] = _strict(part, settings[key], f"recipe.{key}")
        if "views" in settings:
            settings["views"] = tuple(_strict(View, view, "recipe.views") for view in settings["views"])
        return _strict(cls, settings, "recipe")

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


def _strict(cls, settings: dict, where: str):
    if not isinstance(settings, dict):
        raise ConfigError(f"{where} must be an object. Received: {type(settings).__name__}")
    known = {field.name for field in dataclasses.fields(cls)}
    for key in settings:
        if key not in known:
            raise UnknownNameError(f"{where} key", key, known)
    return cls(**settings)


# === Parts that several recipes share ===

_SQUARE = FaceConfig(align="none", crop="square")  # seed 002
_CLIP_BOX = FaceConfig(align="none", crop="clip_box")  # seed 000
_LWM = FaceConfig(align="lwm", crop="eyes")  # seed 003
# Seed 000 prints no magnification setting; the factor is that of the method's published demonstration.
_EVM = MagnifyConfig(method="eulerian", factor=11.0)
_TIM10 = FramesConfig(span="onset_to_offset", count=10, interpolation="tim")
_ELEVEN = FramesConfig(span="onset_to_apex", count=11, interpolation="linear")


def _onset_apex(name: str, source: str, *views: View, size: int, **settings) -> Recipe:
    return Recipe(name=name, source=source, crop_size=size, views=views, **settings)


def _face(normalisation: str, size: int = 0) -> View:
    return View("face", "face", "motion", normalisation, size)


def _channels(*names: str, normalisation: str = "none", size: int = 0, repeat: int = 1) -> tuple[View, ...]:
    return tuple(View(name, "face", name, normalisation, size, repeat) for name in names)


# 61 = 4 * 15 + 1 stored frames: every fourth is exactly what linear interpolation of the clip to 16 gives, and
# sub-sequences can be cut from them in training.
_STORED_16 = FramesConfig(span="onset_to_offset", count=61, interpolation="linear")

_ALL = (
    _onset_apex(
        "onset_apex_28_hars",
        "seed 001, sections 3.1 and 3.2: whole-face and HARS puzzle flow, 28x28x3, scaled to -1..1",
        _face("pm1", 28),
        View("puzzle", "puzzle", "motion", "pm1", 28),
        size=112,
        arrays=("face", "puzzle"),
        puzzle_size=112,
    ),
    _onset_apex(
        "onset_apex_28",
        "seed 001, section 3.1: whole-face flow alone, 28x28x3, scaled to -1..1 (ablation AARS)",
        _face("pm1", 28),
        size=112,
    ),
    _onset_apex(
        "onset_apex_28_puzzle",
        "seed 001, section 3.2: puzzle flow alone, 28x28x3, scaled to -1..1 (ablation HARS)",
        View("puzzle", "puzzle", "motion", "pm1", 28),
        size=112,
        arrays=("puzzle",),
        puzzle_size=112,
    ),
    _onset_apex(
        "onset_apex_28_minmax",
        "STSTNet and the RCN family: flow and strain, 28x28x3, scaled to 0..1",
        _face("minmax", 28),
        size=112,
    ),
    _onset_apex(
        "onset_apex_28_uv",
        "OFF-ApexNet: horizontal and vertical flow, 28x28x1 each, scaled to 0..1",
        *_channels("u", "v", normalisation="minmax", size=28),
        size=112,
    ),
    _onset_apex(
        "onset_apex_28_uv3",
        "Dual-Inception: horizontal and vertical flow as pictures of three equal channels, 28x28x3, 0..1",
        *_channels("u", "v", normalisation="minmax", size=28, repeat=3),
        size=112,
    ),
    _onset_apex(
        "onset_apex_224",
        "seed 001, Table 3, ResNet18: the 112x112 flow map enlarged to 224x224x3, scaled to -1..1",
        _face("pm1", 224),
        size=112,
    ),
    _onset_apex(
        "onset_apex_112",
        "Off-TANet, mini-AORCNN and MACNN as published: flow in pixels and strain, 112x112x3",
        _face("none"),
        size=112,
    ),
    _onset_apex(
        "onset_apex_128",
        "seed 004's comparison networks; Bi-WOOF and HOOF: flow in pixels and strain, 128x128x3",
        _face("none"),
        size=128,
    ),
    _onset_apex(
        "onset_apex_128_streams",
        "seed 004, section 2: gray onset and apex, 128x128, u, v and strain as three streams",
        *_channels("u", "v", "strain"),
        size=128,
    ),
    _onset_apex(
        "onset_apex_128_uv",
        "seed 004, Table 4, row 5: u and v as two streams, no strain",
        *_channels("u", "v"),
        size=128,
    ),
    _onset_apex(
        "onset_apex_128_gray",
        "seed 004, Table 4, row 6: gray onset and apex frames, 0..1, no flow",
        View("onset", "onset_image", "image", "unit"),
        View("apex", "apex_image", "image", "unit"),
        size=128,
        arrays=("onset_image", "apex_image"),
    ),
    _onset_apex(
        "onset_apex_128_phase",
        "Bi-WOOF + phase: flow in pixels and strain, with the gray frames the phase is taken of, 128x128",
        _face("none"),
        View("onset", "onset_image", "image"),
        View("apex", "apex_image", "image"),
        size=128,
        arrays=("face", "onset_image", "apex_image"),
    ),
    _onset_apex(
        "onset_apex_224_kfc",
        "KFC-MER: flow (u, v, magnitude), strain (exx, eyy, exy) and ten masks of face parts, 224x224",
        View("flow", "face", "uv_magnitude", "imagenet"),
        View("strain", "face", "strain_parts", "imagenet"),
        View("parsing", "parsing", "parsing"),
        size=224,
        arrays=("face", "parsing"),
    ),
    _onset_apex(
        "onset_apex_224_rgb",
        "MMNet: onset and apex in colour, 224x224x3, standardised as ImageNet",
        View("onset", "onset_image", "image", "imagenet"),
        View("apex", "apex_image", "image", "imagenet"),
        size=224,
        arrays=("onset_image", "apex_image"),
        colour=True,
    ),
    _onset_apex(
        "onset_apex_227_dssn",
        "DSSN: flow magnitude and strain as pictures of three equal channels, 227x227x3, less ImageNet's mean",
        View("magnitude", "face", "magnitude", "imagenet_mean", repeat=3),
        View("strain", "face", "strain", "imagenet_mean", repeat=3),
        size=227,
    ),
    Recipe(
        name="apex_224_gray",
        source="seed 002, section 4: apex frame, gray 0..255, stored at 240 and shown at 224",
        frames=FramesConfig(span="apex"),
        face=_SQUARE,
        arrays=("apex_image",),
        crop_size=240,
        views=(View("apex", "apex_image", "image", size=224),),
    ),
    Recipe(
        name="dynamic_image_224",
        source="GEME (inferred): dynamic image of the clip, 224x224x3, standardised as ImageNet",
        frames=_TIM10,
        arrays=("dynamic",),
        crop_size=224,
        colour=True,
        views=(View("dynamic", "dynamic", "image", "imagenet"),),
    ),
    Recipe(
        name="evm_16x64",
        source="seed 000, sections 3.1 and 4.1: Eulerian-magnified clip, 16x64x64x3, standardised per clip",
        frames=_STORED_16,
        face=_CLIP_BOX,
        magnify=_EVM,
        arrays=("frames",),
        crop_size=64,
        colour=True,
        views=(View("frames", "frames", "image", "standard", frames=16),),
    ),
    Recipe(
        name="evm_16x64_gray",
        source="seed 000 with one channel: Eulerian-magnified clip, 16x64x64x1, standardised per clip",
        frames=_STORED_16,
        face=_CLIP_BOX,
        magnify=_EVM,
        arrays=("frames",),
        crop_size=64,
        views=(View("frames", "frames", "image", "standard", frames=16),),
    ),
    Recipe(
        name="clip_18x64_gray",
        source="MicroExpSTCNN as published for SMIC: 18 gray frames, 64x64",
        frames=FramesConfig(span="onset_to_offset", count=18, interpolation="linear"),
        face=_CLIP_BOX,
        arrays=("frames",),
        crop_size=64,
        views=(View("frames", "frames", "image", "standard"),),
    ),
    Recipe(
        name="magnified_flow_10x224",
        source="seed 003, sections 3.1, 3.2, 4.1: 11 frames, learned magnification by 3, LiteFlowNet, colour wheel",
        frames=_ELEVEN,
        face=_LWM,
        magnify=MagnifyConfig(method="learned", factor=3.0),
        flow=FlowConfig(method="liteflownet"),
        arrays=("flow",),
        crop_size=224,
        colour=True,
        views=(View("flow", "flow", "wheel", "imagenet"),),
    ),
    Recipe(
        name="flow_10x224",
        source="seed 003, ablation without magnification: 11 frames, LiteFlowNet, colour wheel",
        frames=_ELEVEN,
        face=_LWM,
        flow=FlowConfig(method="liteflownet"),
        arrays=("flow",),
        crop_size=224,
        colour=True,
        views=(View("flow", "flow", "wheel", "imagenet"),),
    ),
    Recipe(
        name="magnified_flow_10x224_classic",
        source="seed 003 without trained weights: 11 frames, Eulerian magnification by 3, TV-L1, colour wheel",
        frames=_ELEVEN,
        face=_LWM,
        magnify=MagnifyConfig(method="eulerian", factor=3.0),
        arrays=("flow",),
        crop_size=224,
        colour=True,
        views=(View("flow", "flow", "wheel", "imagenet"),),
    ),
    Recipe(
        name="flow_10x224_classic",
        source="seed 003 without trained weights, ablation without magnification: 11 frames, TV-L1, colour wheel",
        frames=_ELEVEN,
        face=_LWM,
        arrays=("flow",),
        crop_size=224,
        colour=True,
        views=(View("flow", "flow", "wheel", "imagenet"),),
    ),
    Recipe(
        name="flow_9x224_se",
        source="ELRCN, spatial enrichment: TIM to 10 frames, flow (u, v, magnitude) and strain, 9x224x224x4, 0..1",
        frames=_TIM10,
        arrays=("flow",),
        crop_size=224,
        views=(View("flow_strain", "flow", "flow_strain", "minmax"),),
    ),
    Recipe(
        name="flow_9x224_te",
        source="ELRCN, temporal enrichment: TIM to 10 frames, flow and strain as two streams, 9x224x224x3, 0..1",
        frames=_TIM10,
        arrays=("flow",),
        crop_size=224,
        views=(
            View("flow", "flow", "uv_magnitude", "minmax"),
            View("strain", "flow", "strain", "minmax", repeat=3),
        ),
    ),
    Recipe(
        name="flow_9x224_te_gray",
        source="ELRCN, temporal enrichment with gray frames: three streams, 9x224x224x3, 0..1",
        frames=_TIM10,
        arrays=("flow", "frames"),
        crop_size=224,
        views=(
            View("flow", "flow", "uv_magnitude", "minmax"),
            View("strain", "flow", "strain", "minmax", repeat=3),
            View("gray", "frames", "image", "unit", repeat=3, frames=-1),
        ),
    ),
    Recipe(
        name="clip_gray_128",
        source="hand-crafted features on frames (LBP-TOP, LBP-SIP, HOG3D, HIGO): TIM to 10 gray frames, 128x128",
        frames=_TIM10,
        arrays=("frames",),
        crop_size=128,
        views=(View("frames", "frames", "image"),),
    ),
    Recipe(
        name="flow_clip_128",
        source="hand-crafted features on flow against the onset (MDMO): 10 frames, flow in pixels and 68 points",
        frames=FramesConfig(span="onset_to_offset", count=10, interpolation="uniform"),
        flow=FlowConfig(pairs="onset"),
        arrays=("flow", "landmarks"),
        crop_size=128,
        views=(View("flow", "flow", "uv"), View("landmarks", "landmarks", "landmarks")),
    ),
    Recipe(
        name="flow_adjacent_128",
        source="hand-crafted features on flow of neighbouring frames (FDM, HOOF): 10 frames, flow in pixels",
        frames=FramesConfig(span="onset_to_offset", count=10, interpolation="uniform"),
        arrays=("flow",),
        crop_size=128,
        views=(View("flow", "flow", "uv"),),
    ),
)

RECIPES = {recipe.name: recipe for recipe in _ALL}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name; an unknown name lists the known ones."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownNameError("recipe", name, RECIPES) from None
