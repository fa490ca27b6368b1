"""Names and defaults of the pipeline, in one place."""

from __future__ import annotations

PIPELINE_NAME = "mer"
SERVED_MODEL = "mer"  # name under which TensorFlow Serving offers the pushed model
SPLIT = "all"

# Python names, never files: a file would be built into a wheel with pip while the pipeline runs.
PREPROCESSING_FN = "tfx_pipeline.modules.preprocessing_fn"
RUN_FN = "tfx_pipeline.modules.run_fn"
EVALUATOR_MODULE = "components.loso_evaluator.hook"

# Three classes at chance lie near 0.33; a model below this is of no use to anybody.
EVAL_THRESHOLD_UF1 = 0.4

METADATA_FILE = "metadata.sqlite"
SERVING_FOLDER = "serving"
LOGS_FOLDER = "logs"
RESUME_FOLDER = "loso_resume"
ROOT_FOLDER = "artifacts"
