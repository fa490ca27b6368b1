"""Parts that recipes of several papers share."""

from __future__ import annotations

from mer_tf.preprocessing.flow import TVL1Config
from mer_tf.recipes.schema import FaceConfig, FramesConfig, Recipe, View

TVL1 = TVL1Config()  # OpenCV's parameters: the papers name the method and print none
CLIP_BOX = FaceConfig(align="none", crop="clip_box")  # CBAMNet
TIM_10 = FramesConfig(span="onset_to_offset", count=10, interpolation="tim")
TVL1_ASSUMED = "TV-L1's parameters are not printed; OpenCV's defaults are taken."


def onset_apex(
    name: str, source: str, *views: View, size: int, flow=TVL1, assumptions=(TVL1_ASSUMED,), **settings
) -> Recipe:
    """A recipe of two frames, with TV-L1 flow and what is assumed of it unless something else is named."""
    return Recipe(name=name, source=source, crop_size=size, views=views, flow=flow, assumptions=assumptions, **settings)


def face(normalisation: str, size: int = 0) -> View:
    """The whole face's u, v and strain as one tensor."""
    return View("face", "face", "motion", normalisation, size)


def channels(*names: str, normalisation: str = "none", size: int = 0, repeat: int = 1) -> tuple[View, ...]:
    """Channels of the whole face's motion as tensors of their own."""
    return tuple(View(name, "face", name, normalisation, size, repeat) for name in names)
