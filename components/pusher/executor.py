"""Work of Pusher: a version that is the newest, and a copy that becomes visible when it is whole."""

from __future__ import annotations

import os
from typing import Any

from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from mer_tf.export import next_version
from mer_tf.served import SAVED_MODEL


class Executor(executor.Executor):
    """TFX's executor with ``next_version`` in place of the clock alone."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Copies the model where it is blessed; where it is not, that is a result and no error.

        Raises:
            ConfigError: The folder holds a version above which there is none.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = self.GetModelPath(input_dict)
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
        folder = destination.filesystem.base_directory
        version = str(next_version(folder))
        target = os.path.join(folder, version)
        # A server takes a folder for a version when this file is there, so it comes last.
        io_utils.copy_dir(model, target, deny_regex_patterns=[SAVED_MODEL.replace(".", r"\.")])
        io_utils.copy_file(os.path.join(model, SAVED_MODEL), os.path.join(target, SAVED_MODEL))
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=target, pushed_version=version)
