"""Specification of ClipExampleGen."""

from __future__ import annotations

import dataclasses
import json

from google.protobuf import struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.proto import example_gen_pb2

from mer_tf import numerics
from mer_tf.components.clip_example_gen import executor
from mer_tf.components.clip_example_gen.driver import ManifestDriver
from mer_tf.recipes import FramesConfig
from mer_tf.run_files import MANIFEST_FILE

SPLIT = "all"


class ClipExampleGen(FileBasedExampleGen):
    """Reads annotated clips from a manifest and stores the frames a recipe needs.

    All clips go into one split, ``all``: subjects are divided by the cross-validation, and a hashed split of few
    subjects can be empty. The cache key is the content of the manifest, which holds a hash per clip: write it anew
    before each run and a changed frame runs the step again. The executor compares frames and hashes, so an old
    manifest cannot vouch for new frames.

    Output channels:
        ``examples``: ``Examples`` of ``SequenceExample`` (``mer_tf.features``), with a ``clips.json`` report and
        the custom properties ``clips``, ``faults``, ``data_fingerprint``, ``synthetic`` and ``partial``.

    Args:
        manifest_dir: Folder that holds ``manifest.csv`` (``mer_tf.datasets.manifest.write_manifest``).
        strict: Whether a fault of one clip stops the run instead of being counted.
        data_root: Folder the frame paths are relative to, where it differs from the one the manifest was written
            with (a mounted volume, for example); None for the manifest's own.
        frames: Which frames are stored, ``recipe.frames``; default onset and apex.
    """

    DRIVER_CLASS = ManifestDriver

    def __init__(
        self,
        manifest_dir: str,
        *,
        strict: bool = False,
        data_root: str | None = None,
        frames: FramesConfig | None = None,
    ):
        settings = struct_pb2.Struct()
        settings.update(
            {
                executor.STRICT: bool(strict),
                executor.DATA_ROOT: data_root or "",
                executor.FRAMES: json.dumps(dataclasses.asdict(frames or FramesConfig())),
                "code": numerics.code_version(training=False),  # for the key of the cache alone
            }
        )
        custom_config = example_gen_pb2.CustomConfig()
        custom_config.custom_config.Pack(settings)
        super().__init__(
            input_base=manifest_dir,
            input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name=SPLIT, pattern=MANIFEST_FILE)]),
            output_config=example_gen_pb2.Output(),
            custom_config=custom_config,
            output_data_format=example_gen_pb2.FORMAT_TF_SEQUENCE_EXAMPLE,
            custom_executor_spec=BeamExecutorSpec(executor.Executor),
        )
