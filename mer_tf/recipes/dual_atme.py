"""Recipes of Dual-ATME: flow and strain from onset to apex, of the whole face and of the HARS puzzle."""

from __future__ import annotations

from mer_tf.recipes.parts import face, onset_apex
from mer_tf.recipes.schema import View

RECIPES = (
    onset_apex(
        "onset_apex_28_hars",
        "Dual-ATME, sections 3.1 and 3.2: whole-face and HARS puzzle flow, 28x28x3, scaled to -1..1",
        face("pm1", 28),
        View("puzzle", "puzzle", "motion", "pm1", 28),
        size=112,
        arrays=("face", "puzzle"),
        puzzle_size=112,
    ),
    onset_apex(
        "onset_apex_28",
        "Dual-ATME, section 3.1: whole-face flow alone, 28x28x3, scaled to -1..1 (ablation AARS)",
        face("pm1", 28),
        size=112,
    ),
    onset_apex(
        "onset_apex_28_puzzle",
        "Dual-ATME, section 3.2: puzzle flow alone, 28x28x3, scaled to -1..1 (ablation HARS)",
        View("puzzle", "puzzle", "motion", "pm1", 28),
        size=112,
        arrays=("puzzle",),
        puzzle_size=112,
    ),
    onset_apex(
        "onset_apex_224",
        "Dual-ATME, Table 3, ResNet18: the 112x112 flow map enlarged to 224x224x3, scaled to -1..1",
        face("pm1", 224),
        size=112,
    ),
)
