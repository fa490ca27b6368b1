"""Recipes of CBAMNet: the magnified clip itself."""

from __future__ import annotations

from mer_tf.preprocessing.magnify import EulerianConfig
from mer_tf.recipes.parts import CLIP_BOX
from mer_tf.recipes.schema import FramesConfig, Recipe, View

# 61 = 4 * 15 + 1 stored frames: every fourth is exactly what linear interpolation of the clip to 16 gives, and
# sub-sequences can be cut from them in training.
STORED_16 = FramesConfig(span="onset_to_offset", count=61, interpolation="linear")
EVM = EulerianConfig(factor=11.0)
ASSUMPTIONS = (
    f"Magnification by {EVM.factor:g} within {EVM.f_low:g} to {EVM.f_high:g} Hz, cut-off wavelength {EVM.lambda_c:g} "
    "px: the paper names the method and prints no setting; the factor is that of the method's published demonstration.",
    "Each clip is standardised to mean 0 and deviation 1; the paper does not say how values are scaled.",
    "dlib's 68 points stand in for the 66 points of DRMF, of which no maintained implementation was found.",
    "One box serves the whole clip, the median of its frames' boxes; the paper cuts each frame by its own points, "
    "which shakes by as much as the motion is large.",
)

RECIPES = (
    Recipe(
        name="evm_16x64",
        source="CBAMNet, sections 3.1 and 4.1: Eulerian-magnified clip, 16x64x64x3",
        frames=STORED_16,
        face=CLIP_BOX,
        magnify=EVM,
        arrays=("frames",),
        crop_size=64,
        colour=True,
        views=(View("frames", "frames", "image", "standard", frames=16),),
        assumptions=ASSUMPTIONS,
    ),
    Recipe(
        name="evm_16x64_gray",
        source="CBAMNet with one channel: Eulerian-magnified clip, 16x64x64x1",
        frames=STORED_16,
        face=CLIP_BOX,
        magnify=EVM,
        arrays=("frames",),
        crop_size=64,
        views=(View("frames", "frames", "image", "standard", frames=16),),
        assumptions=ASSUMPTIONS,
    ),
)
