"""Trains on all clips, exports a SavedModel, and asks it in this process, as a server would.

python examples/export_and_ask.py MOTION_FOLDER MODEL_FOLDER [MODEL] [EPOCHS]
"""

import sys

import tensorflow as tf

from mer_tf.datasets import get_mapping
from mer_tf.export import export_saved_model, read_description
from mer_tf.recipes import get_recipe
from mer_tf.systems.registry import get_model_card
from mer_tf.training import TrainConfig, read_motion_records, train_final


def main(motion: str, out: str, model: str = "ststnet", epochs: str = "5") -> None:
    config = TrainConfig.from_preset(model, "paper", epochs=int(epochs), seed=1)
    data = read_motion_records(motion, get_recipe(get_model_card(model).recipe))
    trained = train_final(data, config)
    export_saved_model(trained, data.recipe, get_mapping(data.mapping).classes, out, model_name=model)
    print(read_description(out)["classes"])
    served = tf.saved_model.load(out).signatures["serving_default"]
    answer = served(**{name: tf.constant(array[:1]) for name, array in data.tensors.items()})
    print(f"{data.keys[0]}: true {data.labels[0]}, served {answer['class'].numpy()[0].decode()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
