"""Driver of ClipExampleGen: the cache key is what the manifest says, not when it was written."""

from __future__ import annotations

import hashlib
import os

from tfx.components.example_gen.driver import FileBasedDriver
from tfx.components.example_gen.input_processor import FileBasedInputProcessor
from tfx.dsl.io import fileio


class ManifestDriver(FileBasedDriver):
    """FileBasedDriver with a fingerprint by content.

    TFX's own fingerprint is made of sizes and times of modification: a manifest written again with the same content
    would run everything again, and one that differs in a hash alone has the same size.
    """

    def get_input_processor(self, splits, range_config=None, input_base_uri=None) -> FileBasedInputProcessor:
        """The processor whose fingerprint covers the bytes of the matched files."""
        return _ContentProcessor(input_base_uri, splits, range_config)


class _ContentProcessor(FileBasedInputProcessor):
    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        digest = hashlib.sha256()
        for split in self._splits:
            pattern = self.get_pattern_for_span_version(split.pattern, span, version)
            for path in sorted(fileio.glob(os.path.join(self._input_base_uri, pattern))):
                with fileio.open(path, "rb") as file:
                    digest.update(f"{split.name}\n{os.path.basename(path)}\n".encode())
                    digest.update(file.read())
        return f"sha256:{digest.hexdigest()}"
