"""Names of the pipeline in one place, and everything that decides one pipeline as a frozen dataclass."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping

from mer_tf.checks import from_text, known_settings
from mer_tf.errors import ConfigError
from mer_tf.protocols import get_protocol
from mer_tf.recipes import Recipe
from mer_tf.systems.registry import check_network, check_recipe, recipe_of_model
from mer_tf.training import TrainConfig

PIPELINE_NAME = "mer"
SERVED_MODEL = "mer"  # name under which TensorFlow Serving offers the pushed model
SPLIT = "all"

# Python names, never files: a file would be built into a wheel with pip while the pipeline runs.
PREPROCESSING_FN = "mer_tf.tfx_pipeline.modules.preprocessing_fn"
RUN_FN = "mer_tf.tfx_pipeline.modules.run_fn"
EVALUATOR_MODULE = "mer_tf.components.loso_evaluator.hook"

METADATA_FILE = "metadata.sqlite"
RUNNING_FILE = "running.json"  # names the process of a run while it is at work
SERVING_FOLDER = "serving"
LOGS_FOLDER = "logs"
RESUME_FOLDER = "loso_resume"
ROOT_FOLDER = "artifacts"


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """Everything that decides one pipeline, for every runner.

    Attributes:
        train: What to train and how; names the model.
        manifest_dir: Folder holding ``manifest.csv``, as the components see it.
        recipe: What turns clips into the model's input. Defaults to the one the model declares.
        protocol: Name of the protocol of the cross-validation (``mer_tf.protocols``).
        min_uf1: Smallest pooled UF1 of the cross-validation that is blessed, 0 to 1. Three classes at chance lie near
            0.33; a model below the default is of no use to anybody.
        strict: Whether a fault of one clip stops the run.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
        workers: Processes that the step under way spreads its work over, in its process or container: clips in
            MotionTransform, folds in LosoTrainer.
        name: Name under which runs are recorded: lower-case letters, digits and dashes on Kubeflow.
        pipeline_root: Folder or bucket of the artifacts; the local runner has its own below its output folder.
        serving_dir: Folder that receives versions of the model for TensorFlow Serving; likewise.
        resume_dir: Folder for finished folds of an unfinished run; ``""`` for one below ``pipeline_root``.
        data_root: Folder of the frames, where it is not the one the manifest was written with; else None.
        metadata: SQLite file in which runs are recorded; ``""`` where the platform decides.
        cache: Whether unchanged components take their results from an earlier run.
        beam_args: Arguments of the Beam runner. None is quickest locally: with any argument TFX builds a source
            package of itself for every Beam component.

    Raises:
        ConfigError: The model is not a network or does not take the recipe, or a value is out of range.
        UnknownNameError: No such protocol.
    """

    train: TrainConfig
    manifest_dir: str
    recipe: Recipe | None = None
    protocol: str = "loso"
    min_uf1: float = 0.4
    strict: bool = False
    landmark_model: str | None = None
    workers: int = 1
    name: str = PIPELINE_NAME
    pipeline_root: str = ""
    serving_dir: str = ""
    resume_dir: str = ""
    data_root: str | None = None
    metadata: str = ""
    cache: bool = True
    beam_args: tuple[str, ...] = ()

    def __post_init__(self):
        if not isinstance(self.train, TrainConfig):
            raise ConfigError(f"train must be a TrainConfig. Received: {type(self.train).__name__}")
        check_network(self.train.model)
        recipe = recipe_of_model(self.train.model) if self.recipe is None else self.recipe
        check_recipe(self.train.model, recipe, self.train.model_options)
        object.__setattr__(self, "recipe", recipe)
        get_protocol(self.protocol)
        for name in ("manifest_dir", "pipeline_root", "serving_dir", "resume_dir", "metadata", "name"):
            value = getattr(self, name)
            if not isinstance(value, str | os.PathLike):
                raise ConfigError(f"{name} must be a path. Received: {value!r}")
            object.__setattr__(self, name, os.fspath(value))
        if not self.manifest_dir or not self.name:
            raise ConfigError("manifest_dir and name must not be empty")
        for name in ("landmark_model", "data_root"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str | os.PathLike):
                raise ConfigError(f"{name} must be a path or None. Received: {value!r}")
            object.__setattr__(self, name, None if value is None else os.fspath(value))
        for name in ("strict", "cache"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} must be true or false. Received: {getattr(self, name)!r}")
        if not isinstance(self.workers, int) or isinstance(self.workers, bool) or self.workers < 1:
            raise ConfigError(f"workers must be a whole number of at least 1. Received: {self.workers!r}")
        real = isinstance(self.min_uf1, int | float) and not isinstance(self.min_uf1, bool)
        if not real or not math.isfinite(self.min_uf1) or not 0 <= self.min_uf1 <= 1:
            raise ConfigError(f"min_uf1 must be a number in 0..1. Received: {self.min_uf1!r}")
        if isinstance(self.beam_args, str) or not all(isinstance(text, str) for text in self.beam_args):
            raise ConfigError(f"beam_args must be a list of texts. Received: {self.beam_args!r}")
        object.__setattr__(self, "beam_args", tuple(self.beam_args))

    def below(self, out: str | os.PathLike) -> PipelineConfig:
        """The same pipeline with all it writes in one folder of this machine, as absolute paths."""
        out = os.path.abspath(out)
        return dataclasses.replace(
            self,
            manifest_dir=os.path.abspath(self.manifest_dir),
            pipeline_root=os.path.join(out, ROOT_FOLDER),
            serving_dir=os.path.abspath(self.serving_dir or os.path.join(out, SERVING_FOLDER, SERVED_MODEL)),
            resume_dir=os.path.join(out, RESUME_FOLDER),
            metadata=os.path.join(out, METADATA_FILE),
        )

    @classmethod
    def from_json(cls, settings: Mapping | str) -> PipelineConfig:
        """Config from ``to_json``'s dictionary, or that dictionary as JSON text; unknown keys are errors."""
        settings = known_settings(
            cls, from_text(settings, "the pipeline's settings"), "the pipeline's settings", "pipeline"
        )
        for key in ("train", "manifest_dir"):
            if key not in settings:
                raise ConfigError(f"the pipeline's settings lack {key}")
        values = {**settings, "train": TrainConfig.from_json(settings["train"])}
        if values.get("recipe") is not None:
            values["recipe"] = Recipe.from_json(values["recipe"])
        return cls(**values)

    def to_json(self) -> dict:
        """Plain dictionary that ``from_json`` reads back."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain |= {"train": self.train.to_json(), "recipe": self.recipe.to_json(), "beam_args": list(self.beam_args)}
        return plain
