"""Recipes of ATSCNN and the networks it is compared with: flow and strain from onset to apex, 128 x 128."""

from __future__ import annotations

from mer_tf.preprocessing.flow import NoFlow
from mer_tf.recipes.parts import TVL1_ASSUMED, channels, face, onset_apex
from mer_tf.recipes.schema import View

POINTS = "The face box is cut as Dual-ATME cuts it; the paper prints no margins."
ASSUMPTIONS = (
    "Flow stays in pixels and strain as it is: the stored text of the paper does not tell whether they are scaled to "
    "0..1 first.",
    TVL1_ASSUMED,
    POINTS,
)

RECIPES = (
    onset_apex(
        "onset_apex_128_streams",
        "ATSCNN, section 2: gray onset and apex, 128x128, u, v and strain as three streams",
        *channels("u", "v", "strain"),
        size=128,
        assumptions=ASSUMPTIONS,
    ),
    onset_apex(
        "onset_apex_128_uv",
        "ATSCNN, Table 4, row 5: u and v as two streams, no strain",
        *channels("u", "v"),
        size=128,
        assumptions=ASSUMPTIONS,
    ),
    onset_apex(
        "onset_apex_128_gray",
        "ATSCNN, Table 4, row 6: gray onset and apex frames, 0..1, no flow",
        View("onset", "onset_image", "image", "unit"),
        View("apex", "apex_image", "image", "unit"),
        size=128,
        flow=NoFlow(),
        arrays=("onset_image", "apex_image"),
        assumptions=(POINTS,),
    ),
    onset_apex(
        "onset_apex_128",
        "networks that ATSCNN is compared with; Bi-WOOF and HOOF: flow in pixels and strain, 128x128x3",
        face("none"),
        size=128,
        assumptions=ASSUMPTIONS,
    ),
)
