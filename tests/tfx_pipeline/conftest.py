"""Nothing here runs without TFX."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("tfx") is None:
    collect_ignore_glob = ["test_*.py"]
