"""Recipes of Dual-ATME: flow and strain from onset to apex, of the whole face and of the HARS puzzle."""

from __future__ import annotations

from mer_tf.recipes.parts import TVL1_ASSUMED, face, onset_apex
from mer_tf.recipes.schema import Recipe, View

_PUZZLE = View("puzzle", "puzzle", "motion", "pm1", 28)
_AREAS = "The borders of nose and cheeks are not stated (section 4.4); those of mer_tf.preprocessing.hars are taken."


def _areas(upper: str, lower: str) -> Recipe:
    """Table 4: another puzzle beside the whole face."""
    return onset_apex(
        f"onset_apex_28_{upper}_{lower}",
        f"Dual-ATME, Table 4: whole-face flow and that of the puzzle of {upper} and {lower}, 28x28x3, scaled to -1..1",
        face("pm1", 28),
        _PUZZLE,
        size=112,
        arrays=("face", "puzzle"),
        puzzle_size=112,
        puzzle_parts=(upper, lower),
        assumptions=(TVL1_ASSUMED, _AREAS),
    )


RECIPES = (
    onset_apex(
        "onset_apex_28_hars",
        "Dual-ATME, sections 3.1 and 3.2: whole-face and HARS puzzle flow, 28x28x3, scaled to -1..1",
        face("pm1", 28),
        _PUZZLE,
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
        _PUZZLE,
        size=112,
        arrays=("puzzle",),
        puzzle_size=112,
    ),
    _areas("brows", "nose"),
    _areas("cheeks", "nose"),
    _areas("cheeks", "mouth"),
    onset_apex(
        "onset_apex_28_full_face",
        "Dual-ATME, Table 4: whole-face flow for both branches, 28x28x3, scaled to -1..1",
        face("pm1", 28),
        View("puzzle", "face", "motion", "pm1", 28),
        size=112,
    ),
    onset_apex(
        "onset_apex_224",
        "Dual-ATME, Table 3, ResNet18: the 112x112 flow map enlarged to 224x224x3, scaled to -1..1",
        face("pm1", 224),
        size=112,
    ),
)
