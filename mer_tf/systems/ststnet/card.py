"""Facts and training settings of STSTNet."""

from __future__ import annotations

from mer_tf.systems.card import BETAS, NOT_STATED, ModelCard, PublishedAs

# Section III; the authors' Matlab code agrees.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "adam",
    "learning_rate": 5e-5,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "schedule": "constant",
    "batch_size": 256,
    "epochs": 500,
    "mirror": False,
}

# The authors' PyTorch code: batches of 256 and the rest, class folder after class folder, never shuffled; convolutions
# padded by 2. It takes the pictures as 0..255, which is a matter of the input, not of the training.
CODE = {
    **PAPER,
    "epochs": 800,
    "order": "by_class",
    "last_batch": "small",
    "model_options": {"padding": 2},
}
# The authors' Matlab script names rate, epochs and batch; what it leaves to ``trainingOptions`` is here: clips shuffled
# once, the rest of an epoch that fills no batch left out, L2 decay.
MATLAB = {**PAPER, "order": "once", "last_batch": "drop", "weight_decay": 1e-4}

STSTNET_CARD = ModelCard(
    name="ststnet",
    paper_id="001",
    paper=(
        "Liong, Gan, See, Khor, Huang: Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression "
        "Recognition, FG 2019"
    ),
    input="onset-apex flow and strain (u, v, strain), one map 28x28x3 in 0..1",
    recipe="onset_apex_28_minmax",
    presets={"paper": PAPER, "code": CODE, "matlab": MATLAB},
    sources={
        "paper": {**BETAS, **NOT_STATED, "": "paper, section III; the authors' Matlab code agrees"},
        "code": {"": "code, the authors' in PyTorch", **BETAS, **NOT_STATED},
        "matlab": {
            **BETAS,
            **NOT_STATED,
            "": "code, the authors' in Matlab",
            "order": "code, the default of Matlab's trainingOptions",
            "last_batch": "assumed, as Matlab's trainNetwork is remembered",
            "weight_decay": "code, the default of Matlab's trainingOptions (there on kernels only)",
        },
    },
    published_as=(PublishedAs("001", "STSTNet"),),
    megc2019_as=("STSTNet as printed", "STSTNet recomputed", "STSTNet Python port"),
    builder="mer_tf.systems.ststnet.ststnet:STSTNet",
)

CARDS = (STSTNET_CARD,)
