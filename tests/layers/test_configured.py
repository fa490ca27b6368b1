from __future__ import annotations

import inspect

import keras
import pytest

import mer_tf.layers
from mer_tf.layers.configured import Configured
from mer_tf.layers.network import Network, probabilities
from mer_tf.zoo.docstrings import layer_targets


class Plain(Configured, keras.layers.Layer):
    def __init__(self, size, sides=(1, 2), start="zeros", rate=None, _inner=0, **kwargs):
        super().__init__(**kwargs)
        self.seen = (size, _inner)
        self.rate = 0.5 if rate is None else rate


class Derived(Plain):
    def __init__(self, size, *, extra=False, **kwargs):
        super().__init__(size, _inner=7, **kwargs)


class Small(Network):
    def __init__(self, num_classes=3, *, dropout=0.5, **kwargs):
        x = keras.Input((4,))
        super().__init__(inputs=x, outputs=probabilities(x, num_classes, "zeros"), **kwargs)


def test_arguments_are_attributes_and_config():
    layer = Plain(3, [4, 5], name="one")
    assert (layer.size, list(layer.sides), layer.start, layer.rate) == (3, [4, 5], "zeros", 0.5)
    config = layer.get_config()
    assert {key: config[key] for key in ("name", "size", "sides", "start", "rate")} == {
        "name": "one",
        "size": 3,
        "sides": [4, 5],
        "start": "zeros",
        "rate": 0.5,  # as the constructor resolved it
    }
    assert "_inner" not in config and "seen" not in config
    assert Plain.from_config(config).get_config() == config


def test_keras_objects_are_serialised():
    config = Plain(1, start=keras.initializers.HeNormal(seed=3)).get_config()
    assert config["start"]["config"]["seed"] == 3
    assert Plain.from_config(config).get_config() == config


def test_a_derived_class_has_the_options_of_both():
    assert list(inspect.signature(Derived.__init__).parameters)[1:] == [
        "size",
        "sides",
        "start",
        "rate",
        "extra",
        "kwargs",
    ]
    layer = Derived(2, extra=True, rate=0.1)
    assert layer.seen == (2, 7)
    config = layer.get_config()
    assert (config["size"], config["extra"], config["rate"]) == (2, True, 0.1)
    assert Derived.from_config(config).get_config() == config


def test_networks_check_classes_and_dropout_first():
    assert Small(name="net").get_config() == {"name": "net", "num_classes": 3, "dropout": 0.5}
    assert Small.from_config(Small(5).get_config()).output_shape == (None, 5)
    for options in ({"num_classes": 1}, {"dropout": 1.0}, {"dropout": -0.1}):
        with pytest.raises(ValueError, match=rf"`{next(iter(options))}` must .*Received"):
            Small(**options)


def test_every_layer_class_is_listed():
    assert set(mer_tf.layers.__all__) == set(layer_targets()) - {"Configured", "Network"}
