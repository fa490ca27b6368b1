"""Specification of Pusher: TFX's own with another executor."""

from __future__ import annotations

from tfx.components import Pusher as TfxPusher
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

from mer_tf.components.pusher.executor import Executor


class Pusher(TfxPusher):
    """Copies a blessed model into the folder of served versions, under a version above all that are there.

    TFX's own takes the clock for the version. Servers take the highest number, so with a version from a clock that was
    ahead, or a date as version, in the folder, what is pushed would never be served.

    Output channels:
        ``pushed_model``: ``PushedModel`` with the properties that TFX's own sets.

    Args:
        As TFX's own.
    """

    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
