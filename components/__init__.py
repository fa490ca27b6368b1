"""TFX components around ``mer_tf``: one folder each, with the specification, the work, and a page.

Import what you use, for example ``from components.loso_trainer.component import LosoTrainer``: each import brings
TFX and TensorFlow with it, so this package itself imports nothing.
"""

from __future__ import annotations


def __getattr__(name: str):
    if name == "LosoRun":  # the name under which Kubeflow's containers look for the artifact type
        from components.artifacts import LosoRun

        return LosoRun
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
