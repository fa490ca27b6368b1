"""Recipes of the systems that the papers compare themselves with."""

from __future__ import annotations

from mer_tf.preprocessing.flow import NoFlow, TVL1Config
from mer_tf.recipes.parts import CLIP_BOX, TIM_10, TVL1, TVL1_ASSUMED, channels, face, onset_apex
from mer_tf.recipes.schema import FramesConfig, Recipe, View


def _elrcn(name: str, source: str, *views: View, arrays=("flow",)) -> Recipe:
    """Flow between ten frames."""
    return Recipe(
        name=name, source=source, frames=TIM_10, flow=TVL1, arrays=arrays, crop_size=224, views=views,
        assumptions=(TVL1_ASSUMED,),
    )  # fmt: skip


RECIPES = (
    onset_apex(
        "onset_apex_28_minmax",
        "STSTNet and the RCN family: flow and strain, 28x28x3, scaled to 0..1",
        face("minmax", 28),
        size=112,
    ),
    onset_apex(
        "onset_apex_28_uv",
        "OFF-ApexNet: horizontal and vertical flow, 28x28x1 each, scaled to 0..1",
        *channels("u", "v", normalisation="minmax", size=28),
        size=112,
    ),
    onset_apex(
        "onset_apex_28_uv3",
        "Dual-Inception: horizontal and vertical flow as pictures of three equal channels, 28x28x3, 0..1",
        *channels("u", "v", normalisation="minmax", size=28, repeat=3),
        size=112,
    ),
    onset_apex(
        "onset_apex_112",
        "Off-TANet, mini-AORCNN and MACNN as published: flow in pixels and strain, 112x112x3",
        face("none"),
        size=112,
    ),
    onset_apex(
        "onset_apex_128_phase",
        "Bi-WOOF + phase: flow in pixels and strain, with the gray frames the phase is taken of, 128x128",
        face("none"),
        View("onset", "onset_image", "image"),
        View("apex", "apex_image", "image"),
        size=128,
        arrays=("face", "onset_image", "apex_image"),
    ),
    onset_apex(
        "onset_apex_224_kfc",
        "KFC-MER: flow (u, v, magnitude), strain (exx, eyy, exy) and ten masks of face parts, 224x224",
        View("flow", "face", "uv_magnitude", "imagenet"),
        View("strain", "face", "strain_parts", "imagenet"),
        View("parsing", "parsing", "parsing"),
        size=224,
        arrays=("face", "parsing"),
    ),
    onset_apex(
        "onset_apex_224_rgb",
        "MMNet: onset and apex in colour, 224x224x3, standardised as ImageNet",
        View("onset", "onset_image", "image", "imagenet"),
        View("apex", "apex_image", "image", "imagenet"),
        size=224,
        flow=NoFlow(),
        arrays=("onset_image", "apex_image"),
        colour=True,
        assumptions=(),
    ),
    onset_apex(
        "onset_apex_227_dssn",
        "DSSN: flow magnitude and strain as pictures of three equal channels, 227x227x3, less ImageNet's mean",
        View("magnitude", "face", "magnitude", "imagenet_mean", repeat=3),
        View("strain", "face", "strain", "imagenet_mean", repeat=3),
        size=227,
    ),
    Recipe(
        name="dynamic_image_224",
        source="GEME (inferred): dynamic image of the clip, 224x224x3, standardised as ImageNet",
        frames=TIM_10,
        arrays=("dynamic",),
        crop_size=224,
        colour=True,
        views=(View("dynamic", "dynamic", "image", "imagenet"),),
    ),
    Recipe(
        name="clip_18x64_gray",
        source="MicroExpSTCNN as published for SMIC: 18 gray frames, 64x64",
        frames=FramesConfig(span="onset_to_offset", count=18, interpolation="linear"),
        face=CLIP_BOX,
        arrays=("frames",),
        crop_size=64,
        views=(View("frames", "frames", "image", "standard"),),
    ),
    _elrcn(
        "flow_9x224_se",
        "ELRCN, spatial enrichment: TIM to 10 frames, flow (u, v, magnitude) and strain, 9x224x224x4, 0..1",
        View("flow_strain", "flow", "flow_strain", "minmax"),
    ),
    _elrcn(
        "flow_9x224_te",
        "ELRCN, temporal enrichment: TIM to 10 frames, flow and strain as two streams, 9x224x224x3, 0..1",
        View("flow", "flow", "uv_magnitude", "minmax"),
        View("strain", "flow", "strain", "minmax", repeat=3),
    ),
    _elrcn(
        "flow_9x224_te_gray",
        "ELRCN, temporal enrichment with gray frames: three streams, 9x224x224x3, 0..1",
        View("flow", "flow", "uv_magnitude", "minmax"),
        View("strain", "flow", "strain", "minmax", repeat=3),
        View("gray", "frames", "image", "unit", repeat=3, frames=-1),
        arrays=("flow", "frames"),
    ),
    Recipe(
        name="clip_gray_128",
        source="hand-crafted features on frames (LBP-TOP, LBP-SIP, HOG3D, HIGO): TIM to 10 gray frames, 128x128",
        frames=TIM_10,
        arrays=("frames",),
        crop_size=128,
        views=(View("frames", "frames", "image"),),
    ),
    Recipe(
        name="flow_clip_128",
        source="hand-crafted features on flow against the onset (MDMO): 10 frames, flow in pixels and 68 points",
        frames=FramesConfig(span="onset_to_offset", count=10, interpolation="uniform"),
        flow=TVL1Config(pairs="onset"),
        arrays=("flow", "landmarks"),
        crop_size=128,
        views=(View("flow", "flow", "uv"), View("landmarks", "landmarks", "landmarks")),
        assumptions=(TVL1_ASSUMED,),
    ),
    Recipe(
        name="flow_adjacent_128",
        source="hand-crafted features on flow of neighbouring frames (FDM, HOOF): 10 frames, flow in pixels",
        frames=FramesConfig(span="onset_to_offset", count=10, interpolation="uniform"),
        flow=TVL1,
        arrays=("flow",),
        crop_size=128,
        views=(View("flow", "flow", "uv"),),
        assumptions=(TVL1_ASSUMED,),
    ),
)
