"""Recipes: named, complete, hashed configurations of what turns a clip into a model's input.

A recipe has two halves. ``mer_tf.preprocessing.ClipPreprocessor`` does the first (detection, alignment, crop,
flow, strain: OpenCV and dlib) and yields one float32 array per entry of ``inputs``, flow in pixels.
``mer_tf.preprocessing.network_input`` does the second (normalisation, reduction to the network's size) with
TensorFlow operations only, so that it travels inside the SavedModel.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

from mer_tf.errors import ConfigError, UnknownNameError


@dataclasses.dataclass(frozen=True)
class FaceConfig:
    """Face detection (specification: preprocessing 1.1).

    Attributes:
        upsample: First number of image doublings before the detector scans.
        max_upsample: Last step of the ladder that is climbed while no face is found.
        several_faces: ``"best"`` (highest score), ``"largest"`` or ``"error"``.
    """

    upsample: int = 1
    max_upsample: int = 3
    several_faces: str = "error"

    def __post_init__(self):
        if not 0 <= self.upsample <= self.max_upsample <= 3:
            raise ConfigError(
                "face.upsample and face.max_upsample must satisfy 0 <= upsample <= max_upsample <= 3. "
                f"Received: {self.upsample}, {self.max_upsample}"
            )
        if self.several_faces not in ("best", "largest", "error"):
            raise ConfigError(
                f"face.several_faces must be 'best', 'largest' or 'error'. Received: {self.several_faces!r}"
            )


@dataclasses.dataclass(frozen=True)
class FlowConfig:
    """TV-L1 optical flow (specification: preprocessing 8.1); defaults are OpenCV's."""

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

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "match_brightness" and not value > 0:
                raise ConfigError(f"flow.{field.name} must be positive. Received: {value!r}")
        if not 0 < self.scale_step < 1:
            raise ConfigError(f"flow.scale_step must lie in (0, 1). Received: {self.scale_step!r}")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What turns a clip into a model's input.

    Attributes:
        name: Registry name.
        source: Paper and section it follows.
        face: Face detection settings.
        flow: Optical flow settings.
        crop_size: Side of the square the aligned face crop is resized to before flow, in pixels.
        face_map: Whether the whole face gives a map.
        puzzle_size: Side of the HARS puzzle before flow, or 0 for none.
        normalisation: ``"none"`` (pixels), ``"minmax"``, ``"pm1"`` or ``"symmetric"`` (preprocessing 8.5).
        network_size: Side of the maps the network takes.
        split_channels: Whether the network takes u, v and strain as three one-channel inputs.
    """

    name: str
    source: str
    face: FaceConfig = FaceConfig()
    flow: FlowConfig = FlowConfig()
    crop_size: int = 128
    face_map: bool = True
    puzzle_size: int = 0
    normalisation: str = "none"
    network_size: int = 128
    split_channels: bool = False

    def __post_init__(self):
        if self.normalisation not in ("none", "minmax", "pm1", "symmetric"):
            raise ConfigError(
                f"recipe.normalisation must be 'none', 'minmax', 'pm1' or 'symmetric'. Received: {self.normalisation!r}"
            )
        if self.crop_size < 32 or self.network_size < 8:
            raise ConfigError(
                "recipe.crop_size must be at least 32 and network_size at least 8. "
                f"Received: {self.crop_size}, {self.network_size}"
            )
        if self.puzzle_size and (self.puzzle_size % 2 or self.puzzle_size < 32):
            raise ConfigError(f"recipe.puzzle_size must be 0, or even and >= 32. Received: {self.puzzle_size}")
        if not self.face_map and (not self.puzzle_size or self.split_channels):
            raise ConfigError("recipe.face_map can only be left out beside a puzzle, and not with split_channels")

    @property
    def inputs(self) -> dict[str, tuple[int, int, int]]:
        """Arrays of the first half: name -> (height, width, 3), float32 (u, v, strain), flow in pixels."""
        inputs = {"face": (self.crop_size, self.crop_size, 3)} if self.face_map else {}
        if self.puzzle_size:
            inputs["puzzle"] = (self.puzzle_size, self.puzzle_size, 3)
        return inputs

    @property
    def network_inputs(self) -> dict[str, tuple[int, int, int]]:
        """Tensors of the second half, by the names of the network's Keras inputs."""
        side = self.network_size
        if self.split_channels:
            return dict.fromkeys(("u", "v", "strain"), (side, side, 1))
        return dict.fromkeys(self.inputs, (side, side, 3))

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of every setting that changes a number."""
        settings = self.to_json()
        del settings["source"]
        if self.face_map:
            del settings["face_map"]  # younger than the other settings: what has a face keeps its hash
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict:
        """Plain dictionary that ``from_json`` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, settings: dict) -> Recipe:
        """Recipe from ``to_json``'s dictionary; unknown keys raise ``ConfigError``."""
        settings = dict(settings)
        parts = {"face": FaceConfig, "flow": FlowConfig}
        for key, part in parts.items():
            if key in settings:
                settings[key] = _strict(part, settings[key], f"recipe.{key}")
        return _strict(cls, settings, "recipe")


def _strict(cls, settings: dict, where: str):
    known = {field.name for field in dataclasses.fields(cls)}
    for key in settings:
        if key not in known:
            raise UnknownNameError(f"{where} key", key, known)
    return cls(**settings)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="onset_apex_28_hars",
            source="seed 001, sections 3.1 and 3.2: whole-face and puzzle flow, 28x28x3, scaled to -1..1",
            crop_size=112,
            puzzle_size=112,
            normalisation="pm1",
            network_size=28,
        ),
        Recipe(
            name="onset_apex_28",
            source="seed 001, section 3.1: whole-face flow alone, 28x28x3, scaled to -1..1 (ablation AARS)",
            crop_size=112,
            normalisation="pm1",
            network_size=28,
        ),
        Recipe(
            name="onset_apex_28_puzzle",
            source="seed 001, section 3.2: puzzle flow alone, 28x28x3, scaled to -1..1 (ablation HARS)",
            crop_size=112,
            face_map=False,
            puzzle_size=112,
            normalisation="pm1",
            network_size=28,
        ),
        Recipe(
            name="onset_apex_128_streams",
            source="seed 004, section 2: gray onset and apex, 128x128, u, v and strain as three streams",
            crop_size=128,
            normalisation="none",
            network_size=128,
            split_channels=True,
        ),
    )
}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name; an unknown name lists the known ones."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownNameError("recipe", name, RECIPES) from None
