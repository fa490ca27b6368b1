"""The configuration shipped for tensorflow/serving."""

from __future__ import annotations

import pathlib
import re

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from mer_tf import serving

FOLDER = pathlib.Path(serving.__file__).parent / "model_config"


def test_models_config_is_read_and_names_the_client_s_model():
    config = text_format.Parse((FOLDER / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("mer", "/models/mer", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 1


def test_batch_sizes_end_at_the_largest():
    # The message of this file is not among the published ones; the server refuses it where this does not hold.
    text = re.sub("#.*", "", (FOLDER / "batching.config").read_text())
    largest = int(re.search(r"max_batch_size \{ value: (\d+) \}", text)[1])
    sizes = [int(size) for size in re.findall(r"allowed_batch_sizes: (\d+)", text)]
    assert sizes == sorted(set(sizes)) and sizes[-1] == largest
    assert text.count("{") == text.count("}")
