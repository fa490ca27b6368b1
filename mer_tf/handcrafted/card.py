"""Facts and settings of the hand-crafted systems.

Presets hold ``model_options``: the feature's settings and the classifier's. The seeds print results of these systems
but none of their parameters; ``paper`` is what the feature's own paper is known to use, and where that is not known
a kernel chosen on the training clips.
"""

from __future__ import annotations

from mer_tf.models.card import ModelCard

# Chosen on the training clips of each fold.
_RBF = {"kernel": "rbf", "c": [1, 10, 100, 1000], "gamma": ["scale", "0.1/D", "1/D", "10/D"]}
_LINEAR = {"kernel": "linear", "c": [0.1, 1, 2, 10, 100]}


def _preset(svm: dict, **feature) -> dict:
    return {"model_options": {"feature": feature, "svm": svm}}


def _card(name: str, *, builder: str = "", **facts) -> ModelCard:
    return ModelCard(
        name=name,
        parameters=None,
        trainable_parameters=None,
        builder="mer_tf.handcrafted." + (builder or f"{name}:{name}"),
        confidence=facts.pop("confidence", "inferred"),
        **facts,
    )


_CLIP = "ten gray frames by temporal interpolation, 128x128"
_FLOWS = "flow of the nine pairs of neighbours among ten frames, 128x128x2"
_ONSET_FLOWS = "flow from the first of ten frames to each other, 9x128x128x2, and 68 landmarks"
_SMIC_POLY = {"kernel": "poly", "degree": 6, "gamma": ["scale"], "coef0": 1.0, "c": [1]}
_TEN_FRAMES = {"points": [8, 8, 8], "radii": [1, 1, 3], "blocks": [8, 8, 1]}

CARDS = (
    _card(
        "lbp_top",
        seed="001",
        paper="Zhao and Pietikainen 2007, IEEE TPAMI 29(6) 915; baseline of seeds 000, 001, 002 and 003",
        input=_CLIP,
        recipe="clip_gray_128",
        presets={
            # The clips are interpolated to ten frames, as in the SMIC baseline.
            "paper": _preset(_SMIC_POLY, **_TEN_FRAMES),
            "casme2": _preset(_RBF, points=[8, 8, 8], radii=[1, 1, 4], blocks=[5, 5, 1]),
            "toolbox": _preset(
                {"kernel": "poly", "degree": 3, "gamma": ["scale"], "coef0": 0.0, "c": [1]},
                points=[8, 8, 8],
                radii=[3, 3, 3],
                blocks=[8, 8, 1],
                overlap=0.7,
                normalise="none",
            ),
        },
        published={
            "seed001 full": {"accuracy": 0.643, "uar": 0.575, "uf1": 0.586},
            "seed001 smic_hs": {"accuracy": 0.555, "uar": 0.535, "uf1": 0.544},
            "seed001 casme2": {"accuracy": 0.786, "uar": 0.716, "uf1": 0.723},
            "seed001 samm": {"accuracy": 0.594, "uar": 0.434, "uf1": 0.436},
            "seed000 casme2": {"accuracy": 0.5298},
            "seed000 smic_hs": {"accuracy": 0.4165},
            "seed002 cde": {"accuracy": 0.524, "f1": 0.4},
            "seed002 hde samm": {"war": 0.338, "uar": 0.327},
            "seed002 hde casme2": {"war": 0.232, "uar": 0.316},
            "seed003 smic": {"accuracy": 0.4338, "f1": 0.34},
            "seed003 casme2": {"accuracy": 0.4646, "f1": 0.42},
        },
    ),
    _card(
        "lbp_sip",
        seed="002",
        paper="Wang et al. 2014, LBP with six intersection points, ACCV 2014",
        input=_CLIP,
        recipe="clip_gray_128",
        presets={"paper": _preset(_RBF, radii=[1, 1, 3], blocks=[8, 8, 1])},
    ),
    _card(
        "hog_top",
        seed="002",
        paper="Li et al. 2018, Towards reading hidden emotions, IEEE TAC 9(4) 563",
        input=_CLIP,
        recipe="clip_gray_128",
        options={"weights": "magnitude"},
        presets={"paper": _preset(_LINEAR, blocks=[8, 8, 2])},
    ),
    _card(
        "higo_top",
        builder="hog_top:hog_top",
        seed="002",
        paper="Li et al. 2018, Towards reading hidden emotions, IEEE TAC 9(4) 563",
        input=_CLIP,
        recipe="clip_gray_128",
        options={"weights": "count"},
        presets={"paper": _preset(_LINEAR, blocks=[8, 8, 2])},
    ),
    _card(
        "hog3d",
        seed="002",
        paper="Klaser et al. 2008, A spatio-temporal descriptor based on 3D-gradients, BMVC 2008",
        input=_CLIP,
        recipe="clip_gray_128",
        presets={"paper": _preset(_RBF, cells=[5, 5, 2])},
        published={
            "seed002 cde": {"accuracy": 0.436, "f1": 0.271},
            "seed002 hde samm": {"war": 0.353, "uar": 0.269},
            "seed002 hde casme2": {"war": 0.373, "uar": 0.187},
        },
    ),
    _card(
        "hoof",
        seed="002",
        paper="Chaudhry et al. 2009, Histograms of oriented optical flow, CVPR 2009",
        input=_FLOWS,
        recipe="flow_adjacent_128",
        presets={
            "paper": _preset(_RBF, kind="full", bins=8, blocks=[5, 5]),
            "primary": _preset(_RBF, kind="primary", bins=30, blocks=[1, 1]),
        },
        published={
            "seed002 cde": {"accuracy": 0.527, "f1": 0.404},
            "seed002 hde samm": {"war": 0.441, "uar": 0.349},
            "seed002 hde casme2": {"war": 0.265, "uar": 0.346},
        },
    ),
    _card(
        "mdmo",
        seed="000",
        paper="Liu et al. 2016, A main directional mean optical flow feature, IEEE TAC 7(4) 299",
        input=_ONSET_FLOWS,
        recipe="flow_clip_128",
        presets={
            "paper": _preset(
                {"kernel": "poly", "degree": 3, "gamma": ["1/D"], "coef0": 0.0, "c": [1], "scaling": "standard"},
                beta=0.9,
            ),
            "toolbox": _preset({"kernel": "rbf", "gamma": ["scale"], "c": [28], "scaling": "standard"}, beta=0.8),
        },
    ),
    _card(
        "sparse_mdmo",
        seed="003",
        paper="Liu, Li and Lai 2018, Sparse MDMO: learning a discriminative feature, IEEE TAC 12(1) 254",
        input=_ONSET_FLOWS,
        recipe="flow_clip_128",
        presets={"paper": _preset(_RBF, atoms=64, smoothness=0.1, sparsity=0.1)},
        published={
            "seed003 smic": {"accuracy": 0.7051, "f1": 0.70},
            "seed003 casme2": {"accuracy": 0.6695, "f1": 0.69},
        },
    ),
    _card(
        "fdm",
        seed="003",
        paper="Xu, Zhang and Wang 2017, Microexpression identification by facial dynamics map, IEEE TAC 8(2) 254",
        input=_FLOWS,
        recipe="flow_adjacent_128",
        presets={"paper": _preset({**_RBF, "scaling": "standard"}, cuboids=[8, 8, 4])},
        published={
            "seed003 smic": {"accuracy": 0.5488, "f1": 0.54},
            "seed003 casme2": {"accuracy": 0.4593, "f1": 0.40},
        },
    ),
    _card(
        "bi_woof",
        seed="001",
        paper="Liong et al. 2018, Less is more: micro-expression recognition from video using apex frame, SPIC 62, 82",
        input="onset-apex flow u, v and optical strain, 128x128x3",
        recipe="onset_apex_128",
        presets={
            "paper": _preset({"kernel": "linear", "c": [10000]}, grid=5, bins=8),
            "grid8": _preset({"kernel": "linear", "c": [10000]}, grid=8, bins=8),
        },
        published={
            "seed001 full": {"accuracy": 0.661, "uar": 0.593, "uf1": 0.604},
            "seed001 smic_hs": {"accuracy": 0.592, "uar": 0.574, "uf1": 0.58},
            "seed001 casme2": {"accuracy": 0.773, "uar": 0.698, "uf1": 0.713},
            "seed001 samm": {"accuracy": 0.624, "uar": 0.439, "uf1": 0.443},
        },
        confidence="fitted",
    ),
    _card(
        "bi_woof_phase",
        builder="bi_woof:bi_woof_phase",
        seed="003",
        paper="Liong and Wong 2017, Micro-expression recognition using apex frame with phase information, APSIPA 2017",
        input="onset-apex flow u, v and optical strain, 128x128x3, and gray onset and apex, 128x128",
        recipe="onset_apex_128_phase",
        presets={"paper": _preset({"kernel": "linear", "c": [10000]}, grid=5, bins=8)},
        published={
            "seed003 smic": {"accuracy": 0.6829, "f1": 0.67},
            "seed003 casme2": {"accuracy": 0.6255, "f1": 0.65},
        },
    ),
)
