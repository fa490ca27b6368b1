"""Compiles the pipeline to a Kubeflow Pipelines specification (schema 2.1); nothing is submitted."""

from __future__ import annotations

import importlib.util
import os
import tempfile

from mer_tf import atomic
from mer_tf.errors import ConfigError, MissingPackageError
from mer_tf.tfx_pipeline.configs import PipelineConfig


def compile_kubeflow(config: PipelineConfig, output: str | os.PathLike, *, image: str) -> dict:
    """Writes the specification of the same pipeline that runs locally.

    Args:
        config: The pipeline. Its paths are those that the containers see: manifest, landmark model, initial weights
            (a path in the image or on a mounted volume). Where the weights can be read here as well, their hash
            becomes part of the cache key and the containers compare it; else the path alone is, so give changed
            weights another name.
        output: File to write: ``.yaml`` or ``.yml`` for the specification alone (what Kubeflow's UI and SDK take),
            ``.json`` for the whole job with its run-time configuration.
        image: Container image built from ``kubeflow/Dockerfile``.

    Returns:
        The job as a dictionary, whose ``pipelineSpec`` is the specification.

    Raises:
        MissingPackageError: Where the extra ``kubeflow`` is not installed.
        UnknownNameError, ConfigError: For another file ending, a path of initial weights that depends on the working
            folder, or constructor options that the model refuses.
    """
    output = os.path.abspath(output)
    if not output.endswith((".yaml", ".yml", ".json")):
        raise ConfigError(f"output must end in .yaml, .yml or .json. Received: {output}")
    weights = config.train.initial_weights
    if weights and not os.path.isabs(weights):
        raise ConfigError(f"initial weights must be an absolute path as the containers see it. Received: {weights}")
    if importlib.util.find_spec("kfp") is None:
        raise MissingPackageError("kfp", "kubeflow")
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    from mer_tf.tfx_pipeline.pipeline import create_pipeline
    from mer_tf.training.cross_validation import check_model

    check_model(config.train, config.recipe, weights=False)
    pipeline = create_pipeline(config)
    with tempfile.TemporaryDirectory(prefix="mer-") as folder:
        name = f"pipeline{os.path.splitext(output)[1]}"
        runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
            config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True),
            output_dir=folder,
            output_filename=name,
        )
        job = runner.run(pipeline)
        with open(os.path.join(folder, name), "rb") as file:
            atomic.write_bytes(output, file.read())
    return job
