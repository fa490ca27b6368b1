"""Compiles the pipeline to a Kubeflow Pipelines specification (schema 2.1); nothing is submitted."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence

from mer_tf.errors import ConfigError, MissingPackageError
from mer_tf.recipes import Recipe
from mer_tf.training import TrainConfig
from tfx_pipeline import configs


def compile_kubeflow(
    output: str | os.PathLike,
    *,
    image: str,
    pipeline_root: str,
    manifest_dir: str,
    serving_dir: str,
    train_config: TrainConfig,
    recipe: Recipe | None = None,
    eval_threshold_uf1: float = configs.EVAL_THRESHOLD_UF1,
    data_root: str | None = None,
    strict: bool = False,
    landmark_model: str | None = None,
    preprocess_workers: int = 1,
    fold_workers: int = 1,
    beam_pipeline_args: Sequence[str] = (),
    pipeline_name: str = configs.PIPELINE_NAME,
) -> dict:
    """Writes the specification of the same pipeline that runs locally.

    Args:
        output: File to write: ``.yaml`` or ``.yml`` for the specification alone (what Kubeflow's UI and SDK take),
            ``.json`` for the whole job with its run-time configuration.
        image: Container image built from ``kubeflow/Dockerfile``.
        pipeline_root: Bucket or mounted folder for artifacts.
        manifest_dir: Folder holding ``manifest.csv``, as the containers see it.
        serving_dir: Folder that receives versions of the model, as the containers see it.
        train_config: What to train and how.
        recipe: What turns clips into the model's input; default the one the model declares.
        eval_threshold_uf1: Smallest pooled UF1 that is blessed.
        data_root: Folder of the frames, where it is not the one the manifest was written with.
        strict: Whether a fault of one clip stops the run.
        landmark_model: Path of dlib's 68-point model in the image, or None to look in the usual places.
        preprocess_workers: Processes that preprocessing is spread over in its container.
        fold_workers: Processes that folds are spread over in their container.
        beam_pipeline_args: Arguments of the Beam runner.
        pipeline_name: Name of the pipeline: lower-case letters, digits and dashes.

    Returns:
        The job as a dictionary, whose ``pipelineSpec`` is the specification.

    Raises:
        MissingPackageError: Where the extra ``kubeflow`` is not installed.
        ConfigError: For another file ending.
    """
    output = os.path.abspath(output)
    if not output.endswith((".yaml", ".yml", ".json")):
        raise ConfigError(f"output must end in .yaml, .yml or .json. Received: {output}")
    if importlib.util.find_spec("kfp") is None:
        raise MissingPackageError("kfp", "kubeflow")
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    from tfx_pipeline.pipeline import create_pipeline

    pipeline = create_pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        manifest_dir=manifest_dir,
        train_config=train_config,
        serving_dir=serving_dir,
        recipe=recipe,
        eval_threshold_uf1=eval_threshold_uf1,
        data_root=data_root,
        strict=strict,
        landmark_model=landmark_model,
        preprocess_workers=preprocess_workers,
        fold_workers=fold_workers,
        beam_pipeline_args=beam_pipeline_args,
    )
    folder, name = os.path.split(output)
    os.makedirs(folder, exist_ok=True)
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True),
        output_dir=folder,
        output_filename=name,
    )
    return runner.run(pipeline)
