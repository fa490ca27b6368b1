"""Trains on one fold and predicts the clips that were held out.

python examples/train_fold.py MOTION_FOLDER [MODEL] [EPOCHS]
"""

import sys

from mer_tf.protocols import make_split
from mer_tf.recipes import get_recipe
from mer_tf.systems.registry import get_model_card
from mer_tf.training import TrainConfig, read_motion_records, train_fold


def main(motion: str, model: str = "ststnet", epochs: str = "5") -> None:
    config = TrainConfig.from_preset(model, "paper", epochs=int(epochs), seed=1)
    data = read_motion_records(motion, get_recipe(get_model_card(model).recipe))
    split = make_split("loso", data.subject_keys, data.labels.tolist(), data.keys)
    fold = split.folds[0]
    print(f"fold {fold.name}: {len(fold.train)} clips train, {len(fold.test)} are held out")
    for prediction in train_fold(data, fold, config):
        print(f"{prediction.clip}: true {prediction.label}, predicted {prediction.prediction}")


if __name__ == "__main__":
    main(*sys.argv[1:])
