"""Recipe of Micro-Attention: the apex frame, gray."""

from __future__ import annotations

from mer_tf.recipes.schema import FaceConfig, FramesConfig, Recipe, View

ASSUMPTIONS = (
    "The face is found by dlib's 68 points where the paper fits an active appearance model.",
    "The square around the points is 10 % wider on each side; the paper prints no margins.",
)

RECIPES = (
    Recipe(
        name="apex_224_gray",
        source="Micro-Attention, section 4: apex frame, gray 0..255, stored at 240 and shown at 224",
        frames=FramesConfig(span="apex"),
        face=FaceConfig(align="none", crop="square"),
        arrays=("apex_image",),
        crop_size=240,
        views=(View("apex", "apex_image", "image", size=224),),
        assumptions=ASSUMPTIONS,
    ),
)
