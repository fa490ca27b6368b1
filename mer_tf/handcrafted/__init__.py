"""Hand-crafted features with a support vector machine: the systems that the networks are compared with.

One module per feature: a frozen settings class, a function of one clip, and the length of its result from the settings
alone. ``FeatureTrainer`` gives them the interface of the networks' trainer. Nothing here needs TensorFlow.

Conventions: clips are ``(T, height, width)`` gray, flow is ``(..., height, width, 2)`` as (u, v) in pixels with y down,
angles are ``atan2(v, u)``, so that a quarter turn is motion downward. No feature of a clip depends on another clip,
except Sparse MDMO's dictionary, which is fitted on training clips.
"""

from __future__ import annotations
