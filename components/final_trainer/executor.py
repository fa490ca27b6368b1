"""Work of Trainer: TFX's generic executor, with the passport of the cross-validation among the arguments."""

from __future__ import annotations

import os
from typing import Any

from tfx.components.trainer import fn_args_utils
from tfx.components.trainer.executor import GenericExecutor
from tfx.types import artifact_utils

from mer_tf.run_files import PASSPORT_FILE

LOSO = "loso"  # key of ``custom_config``


class Executor(GenericExecutor):
    """Adds the passport's path to ``custom_config`` as ``loso``."""

    def _GetFnArgs(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> fn_args_utils.FnArgs:
        arguments = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        run = artifact_utils.get_single_uri(input_dict["run"])
        arguments.custom_config = {**(arguments.custom_config or {}), LOSO: os.path.join(run, PASSPORT_FILE)}
        return arguments
