"""Facts and training settings of this package's own recipe."""

from __future__ import annotations

from mer_tf.systems.card import NO_PAPER, ModelCard

PLAIN = {
    "loss": "cross_entropy",
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.05,
    "schedule": "cosine",
    "batch_size": 32,
    "epochs": 30,
    "mirror": True,
    "resample": "balanced",
    "label_smoothing": 0.1,
    "mixup": 0.2,
    "average": 0.98,
}

CARDS = (
    ModelCard(
        name="mer_ensemble",
        paper_id=NO_PAPER,
        paper="several small networks and a linear one on onset-apex flow, summed; of this package",
        input="onset-apex flow and strain (u, v, strain), one map 28x28x3 in 0..1",
        recipe="onset_apex_28_minmax",
        presets={"plain": PLAIN},
        sources={"plain": {"": "assumed, a choice of this package made on drawn clips alone; no paper states it"}},
        confidence="own",
        small={"members": 2, "width": 2},
        builder="mer_tf.systems.mer_ensemble.mer_ensemble:MerEnsemble",
    ),
)
