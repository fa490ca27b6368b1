"""Where the numbered equations and sections of the five papers are in the code.

Keyed by the network's class; each row is (what, where in the paper, file of the repository, name in it). Rows that
follow from the layers a network is made of are added by ``mer_tf.zoo.pages``.
"""

from __future__ import annotations

_ALIGN = "mer_tf/preprocessing/align.py"
_METRICS = "mer_tf/metrics/__init__.py"
_CBAMNET = (
    ("Channel attention, then spatial attention", "section 3.2, equations 1 to 3", "mer_tf/layers/cbam3d.py", "CBAM3D"),
    ("Blocks, classifier", "section 3.3, Table 1", "mer_tf/systems/cbamnet/basic_network.py", "BasicNetwork"),
)
_MICRO = (
    ("Residual network", "section 3.1", "mer_tf/systems/micro_attention/trunk.py", "residual_trunk"),
    ("Transfer learning", "section 3.3", "mer_tf/systems/transfer.py", "initialise"),
)
_PAPER_004 = (
    ("Optical strain", "section 2", "mer_tf/preprocessing/strain.py", "optical_strain"),
    ("UF1", "equations 11 to 14", _METRICS, "uf1"),
    ("UAR", "equation 17", _METRICS, "uar"),
)

CODE_MAP: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "DualATME": (
        ("Angle of the eye line, levelling", "section 3.2.1, equation 1", _ALIGN, "level"),
        ("Top of the face box", "section 3.2.1, equation 2", _ALIGN, "face_box"),
        ("Boxes of brows and mouth, puzzle", "section 3.2.2", "mer_tf/preprocessing/hars.py", "hars_boxes"),
        ("Puzzle of the regions", "section 3.2.2", "mer_tf/preprocessing/hars.py", "puzzle"),
        ("Optical strain", "section 3.2.3, equation 3", "mer_tf/preprocessing/strain.py", "optical_strain"),
        ("TV-L1 flow", "section 3.2.3, equations 4 and 5", "mer_tf/preprocessing/flow/__init__.py", "make_flow"),
        ("Inception blocks", "section 3.3.1", "mer_tf/layers/inception.py", "Inception"),
        ("Channel and spatial attention", "section 3.3.2, equations 6 to 8", "mer_tf/layers/cbam2d.py", "CBAM2D"),
        (
            "Cosine similarity, contrastive loss",
            "section 3.3.3, equations 9 and 10",
            "mer_tf/layers/cosine_consistency.py",
            "CosineConsistency",
        ),
        ("Fusion and classifier", "section 3.4", "mer_tf/systems/dual_atme/dual_atme.py", "DualATME"),
        ("Focal loss of the joint loss", "section 3.5, equation 11", "mer_tf/training/focal_loss.py", "FocalLoss"),
        ("Accuracy", "section 4.1.2", _METRICS, "accuracy"),
        ("UAR", "section 4.1.2", _METRICS, "uar"),
        ("UF1", "section 4.1.2", _METRICS, "uf1"),
    ),
    "BasicNetwork": _CBAMNET[1:],
    "SubNetwork": _CBAMNET[1:],
    "CBAMNet": _CBAMNET,
    "ResidualNetwork": _MICRO,
    "ComplexAttention": _MICRO,
    "MicroAttention": (
        *_MICRO[:1],
        (
            "Micro-attention unit",
            "section 3.2, equations 1 and 2",
            "mer_tf/layers/micro_attention.py",
            "MicroAttentionUnit",
        ),
        *_MICRO[1:],
    ),
    "ASTNet": (
        (
            "Motion magnification",
            "section 3.1 (1), equation 1",
            "mer_tf/preprocessing/magnify/learned.py",
            "LearnedMagnifier",
        ),
        (
            "Optical flow (LiteFlowNet)",
            "section 3.1 (2), equations 2 to 5",
            "mer_tf/preprocessing/flow/liteflownet.py",
            "LiteFlowNet",
        ),
        ("Flow as a colour picture", "Figure 5", "mer_tf/preprocessing/flow/wheel.py", "flow_to_colour"),
        ("Residual network", "section 3.2 (1), Table 1", "mer_tf/layers/residual.py", "resnet_stage"),
        ("Channel, then spatial attention", "section 3.2 (2)", "mer_tf/layers/cbam2d.py", "CBAM2D"),
        ("ConvLSTM", "section 3.2 (3), equations 6 to 11", "mer_tf/systems/astnet/astnet.py", "ASTNet"),
        ("Accuracy", "equation 12", _METRICS, "accuracy"),
        ("F1", "equation 13", _METRICS, "class_f1"),
    ),
    "ATSCNN": (
        ("Streams, attention, classifier", "section 2", "mer_tf/systems/atscnn/atscnn.py", "ATSCNN"),
        *_PAPER_004,
    ),
}
