"""Recipes as the release before this one wrote them: their layout in JSON, and their hashes.

Up to 0.1 a hash covered the recipe's name and the settings of all methods, used or not. Records, passports and
SavedModels carry such hashes; they are accepted for one release, and this module goes with the next.
"""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)

# Former hash -> name of the recipe that had it.
FORMER_HASHES = {
    "08fd0f38c6faeedf": "onset_apex_28_hars",
    "74d8828f3cbd9d08": "onset_apex_28",
    "0f577344965bb27b": "onset_apex_28_puzzle",
    "e7f85a3e37b0d9cd": "onset_apex_28_minmax",
    "0be3544bfc21a62d": "onset_apex_28_uv",
    "f4438e42f7448b32": "onset_apex_28_uv3",
    "d18c444500c6c9a8": "onset_apex_224",
    "e6d1b45b22ae4611": "onset_apex_112",
    "f01aa596fa7df2a4": "onset_apex_128",
    "8d9b0c5d4e429e2d": "onset_apex_128_streams",
    "13bcc31df7034718": "onset_apex_128_uv",
    "88e711de359f82e9": "onset_apex_128_gray",
    "ca4a7ed2bb97c6df": "onset_apex_128_phase",
    "32fec61e6b9b845c": "onset_apex_224_kfc",
    "60b999dc367653b6": "onset_apex_224_rgb",
    "03c45278e1387699": "onset_apex_227_dssn",
    "ef33d331086f2e5e": "apex_224_gray",
    "ee687440c67cfa53": "dynamic_image_224",
    "bbdd3ba51dfcb737": "evm_16x64",
    "8bb6248f134a7fed": "evm_16x64_gray",
    "e92728df303ee9cf": "clip_18x64_gray",
    "354fc367b2d1ffc8": "magnified_flow_10x224",
    "12f04a60478c3cd7": "flow_10x224",
    "80659d970067bc45": "magnified_flow_10x224_classic",
    "bf08df3c484a0780": "flow_10x224_classic",
    "119e4ce9d6ad6b0c": "flow_9x224_se",
    "3f70e62c314ec217": "flow_9x224_te",
    "b9ffaa67edc14990": "flow_9x224_te_gray",
    "71de96aaa67aefe5": "clip_gray_128",
    "8df54b6b898a3e67": "flow_clip_128",
    "71d2ac97776d274c": "flow_adjacent_128",
}

_TVL1 = (
    "backend", "border", "tau", "lambda_", "theta", "scales", "scale_step", "warps", "epsilon", "inner_iterations",
    "outer_iterations", "median", "match_brightness",
)  # fmt: skip
_FARNEBACK = ("pyr_scale", "levels", "window", "iterations", "poly_n", "poly_sigma")
# Method -> its settings now, and what they were called.
_FLOW = {
    "tvl1": {name: name for name in _TVL1},
    "farneback": {"match_brightness": "match_brightness", **{name: f"farneback_{name}" for name in _FARNEBACK}},
    "dis": {"match_brightness": "match_brightness", "preset": "dis_preset"},
    "liteflownet": {},
}
_MAGNIFY = {
    "none": {},
    "eulerian": {name: name for name in ("factor", "f_low", "f_high", "lambda_c", "chroma")},
    "learned": {"factor": "factor", "mode": "mode"},
}
_SHARED = {"flow": ("pairs",), "magnify": ()}
_MOTION = {"face", "puzzle", "flow"}


def current_layout(settings: dict) -> dict:
    """A copy of a recipe's dictionary in which flow and magnification hold their own method's settings only."""
    settings = dict(settings)
    for part, methods in (("flow", _FLOW), ("magnify", _MAGNIFY)):
        old = settings.get(part)
        every = {"method", *_SHARED[part], *(key for names in methods.values() for key in names.values())}
        if isinstance(old, dict) and set(old) == every and old["method"] in methods:
            names = {**{name: name for name in _SHARED[part]}, **methods[old["method"]]}
            settings[part] = {"method": old["method"], **{new: old[key] for new, key in names.items()}}
            if part == "flow" and not _MOTION & set(settings.get("arrays", ("face",))):
                settings[part] = {"method": "none"}
    return settings
