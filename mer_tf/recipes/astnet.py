"""Recipes of ASTNet: magnified frames, flow between neighbours, drawn by the colour wheel."""

from __future__ import annotations

from mer_tf.preprocessing.flow import LiteFlowNetConfig
from mer_tf.preprocessing.magnify import EulerianConfig, LearnedConfig
from mer_tf.recipes.parts import TVL1
from mer_tf.recipes.schema import FaceConfig, FramesConfig, Recipe, View

_LWM = FaceConfig(align="lwm", crop="eyes")
_ELEVEN = FramesConfig(span="onset_to_apex", count=11, interpolation="linear")
ASSUMPTIONS = ("dlib's 68 points stand in for the active shape model of the paper (section 4.1).",)
CHOSEN, COMPARED = 3.0, (2, 4)  # factors of section 3.1
CLASSIC = "Methods without trained weights stand in for the paper's learned ones; the numbers are not the paper's."


def _flow_pictures(name: str, source: str, **settings) -> Recipe:
    """Flow between eleven frames, as pictures of the colour wheel."""
    return Recipe(
        name=name,
        source=source,
        frames=_ELEVEN,
        face=_LWM,
        arrays=("flow",),
        crop_size=224,
        colour=True,
        views=(View("flow", "flow", "wheel", "imagenet"),),
        **settings,
    )


RECIPES = (
    Recipe(
        name="apex_224_rgb",
        source="ASTNet, section 3.2, training on CK+: one frame in colour, 224x224x3, standardised as ImageNet",
        frames=FramesConfig(span="apex"),
        face=_LWM,
        arrays=("apex_image",),
        crop_size=224,
        colour=True,
        views=(View("face", "apex_image", "image", "imagenet"),),
        assumptions=(
            *ASSUMPTIONS,
            "The paper does not say what of CK+ it trains on; frames around the apex are taken.",
        ),
    ),
    _flow_pictures(
        "magnified_flow_10x224",
        "ASTNet, sections 3.1, 3.2, 4.1: 11 frames, learned magnification by 3, LiteFlowNet, colour wheel",
        magnify=LearnedConfig(factor=CHOSEN),
        flow=LiteFlowNetConfig(),
        assumptions=ASSUMPTIONS,
    ),
    *(
        _flow_pictures(
            f"magnified_by_{factor}_flow_10x224",
            f"ASTNet, Figure 3: 11 frames, learned magnification by {factor}, LiteFlowNet, colour wheel",
            magnify=LearnedConfig(factor=float(factor)),
            flow=LiteFlowNetConfig(),
            assumptions=ASSUMPTIONS,
        )
        for factor in COMPARED
    ),
    _flow_pictures(
        "flow_10x224",
        "ASTNet, ablation without magnification: 11 frames, LiteFlowNet, colour wheel",
        flow=LiteFlowNetConfig(),
        assumptions=ASSUMPTIONS,
    ),
    _flow_pictures(
        "magnified_flow_10x224_classic",
        "ASTNet without trained weights: 11 frames, Eulerian magnification by 3, TV-L1, colour wheel",
        magnify=EulerianConfig(factor=CHOSEN),
        flow=TVL1,
        assumptions=(*ASSUMPTIONS, CLASSIC),
    ),
    *(
        _flow_pictures(
            f"magnified_by_{factor}_flow_10x224_classic",
            f"ASTNet without trained weights: 11 frames, Eulerian magnification by {factor}, TV-L1, colour wheel",
            magnify=EulerianConfig(factor=float(factor)),
            flow=TVL1,
            assumptions=(*ASSUMPTIONS, CLASSIC),
        )
        for factor in COMPARED
    ),
    _flow_pictures(
        "flow_10x224_classic",
        "ASTNet without trained weights, ablation without magnification: 11 frames, TV-L1, colour wheel",
        flow=TVL1,
        assumptions=(*ASSUMPTIONS, CLASSIC),
    ),
)
