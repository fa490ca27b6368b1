"""Networks of users: what a file may hold, every mistake with its way out, and that its code decides a run."""

from __future__ import annotations

import importlib.metadata
import os
import pickle
import sys
import types

import numpy as np
import pytest

from mer_tf import plugins
from mer_tf.errors import ConfigError, MissingFileError, UnknownNameError
from mer_tf.recipes import Recipe, View, get_recipe
from mer_tf.systems import own, registry
from mer_tf.systems.registry import build_model, get_model_card, is_own, recipe_of_model
from mer_tf.training import MotionData, TrainConfig, run_loso
from mer_tf.training.cross_validation import check_model

pytest.importorskip("tensorflow")
RECIPE = get_recipe("onset_apex_28_minmax")
NET = """
import keras
from parts import head

CARD = {"recipe": "onset_apex_28_minmax", "preset": {"epochs": 2, "batch_size": 4}}


def build(num_classes=3, units=4):
    x = inputs = keras.Input((28, 28, 3))
    x = keras.layers.Dense(units, activation="relu")(keras.layers.Flatten()(keras.layers.MaxPooling2D(7)(x)))
    return keras.Model(inputs, head(keras.layers.Dropout(0.5)(x), num_classes))


class Net(keras.Model):
    def __init__(self, num_classes):
        super().__init__()
        self.last = keras.layers.Dense(num_classes, activation="softmax")
        self.flat = keras.layers.Flatten()

    def call(self, x):
        return self.last(self.flat(x))


def plain(num_classes):
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(num_classes, activation="softmax")])


def two(num_classes):
    inputs = [keras.Input((28, 28, 3)), keras.Input((14, 14, 3))]
    flat = [keras.layers.Flatten()(x) for x in inputs]
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(keras.layers.Concatenate()(flat)))


def by_name(num_classes):
    inputs = {"b": keras.Input((14, 14, 3), name="b"), "a": keras.Input((28, 28, 3), name="a")}
    flat = [keras.layers.Flatten()(x) for x in inputs.values()]
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(keras.layers.Concatenate()(flat)))


def five():
    return plain(5)


def logits(num_classes):
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(num_classes)])


def maps(num_classes):
    return keras.Sequential([keras.layers.Dense(num_classes, activation="softmax")])


def small(num_classes):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, head(keras.layers.Flatten()(inputs), num_classes))


def number():
    return 3


def broken():
    raise RuntimeError("no such luck")
"""
PARTS = """
import keras


def head(x, count):
    return keras.layers.Dense(count, activation="softmax")(x)
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "parts.py").write_text(PARTS)
    before = set(sys.modules)
    yield f"{tmp_path}/net.py"
    for name in set(sys.modules) - before:  # the next test has a file of that name elsewhere
        if name == "parts" or name.startswith("mer_own_"):
            del sys.modules[name]


def config(net, name="build", **settings):
    return TrainConfig.from_preset(f"{net}:{name}", **settings)


def test_a_card_gives_recipe_and_settings(net, monkeypatch):
    monkeypatch.chdir(os.path.dirname(net))
    card = get_model_card("net.py")  # the function 'build' goes without saying
    assert card.name == f"{net}:build" and card.is_network and recipe_of_model("net.py") == RECIPE
    made = TrainConfig.from_preset("net.py")
    assert (made.model, made.preset, made.epochs, made.batch_size) == (f"{net}:build", "own", 2, 4)
    assert card.source("own", "epochs") == "CARD of net.py:build"
    assert TrainConfig.from_json(made.to_json()) == made


@pytest.mark.parametrize("name", ["build", "Net", "plain"])
def test_functions_and_classes_build_what_takes_the_recipe(net, name):
    check_model(config(net, name), RECIPE)


@pytest.mark.parametrize("name", ["two", "by_name"])
def test_several_inputs_go_by_name_or_in_order(net, name):
    views = (View("a", "face", "motion", "minmax", size=28), View("b", "face", "motion", "minmax", size=14))
    recipe = Recipe.from_json({**RECIPE.to_json(), "name": "x", "views": [vars(view) for view in views]})
    check_model(config(net, name), recipe)
    with pytest.raises(ConfigError, match="take another recipe, or name the network's inputs"):
        check_model(config(net, name), RECIPE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("five", "must give 3 probabilities for each clip.*it gave 5 numbers. Let it take the argument num_classes"),
        ("logits", "End it with a softmax"),
        ("maps", r"must give 3 probabilities for each clip.*it gave shape"),
        ("small", "takes .* 8x8x1, but recipe 'onset_apex_28_minmax' yields face 28x28x3"),
        ("number", "must give a keras.Model; it gave int"),
        ("broken", "cannot be built: RuntimeError: no such luck"),
    ],
)
def test_what_cannot_be_trained_is_told_before(net, name, said):
    with pytest.raises(ConfigError, match=said):
        check_model(config(net, name), RECIPE)


def test_what_is_not_there(net):
    with pytest.raises(ConfigError, match="no function or class 'bild'; it has build, Net, plain"):
        get_model_card(f"{net}:bild")
    with pytest.raises(MissingFileError, match="is missing"):
        get_model_card("/nowhere/net.py:build")
    with pytest.raises(UnknownNameError, match="Did you mean 'units'"):
        build_model(f"{net}:build", unit=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import keras\nx = (", "cannot be loaded: SyntaxError"),
        ("import mer_no_such_module", "cannot be loaded: ModuleNotFoundError"),
        ("CARD = 3\ndef build(): pass", "must be a dictionary"),
        ("CARD = {'recipes': 'x'}\ndef build(): pass", "Did you mean 'recipe'"),
        ("CARD = {'preset': 3}\ndef build(): pass", "a preset must be a dictionary"),
        ("CARD = {'preset': {}, 'presets': {}}\ndef build(): pass", "give one"),
        ("CARD = {'recipe': 3}\ndef build(): pass", "recipe must be text"),
    ],
)
def test_files_and_cards_at_fault(tmp_path, text, said):
    (tmp_path / "net.py").write_text(text)
    with pytest.raises(ConfigError, match=said):
        get_model_card(f"{tmp_path}/net.py:build")


def test_a_recipe_file_lies_beside_the_network(tmp_path):
    (tmp_path / "net.py").write_text("CARD = {'recipe': './my.json'}\ndef build(): pass")
    (tmp_path / "bare.py").write_text("def build(): pass")
    import json

    (tmp_path / "my.json").write_text(json.dumps({**RECIPE.to_json(), "crop_size": 96}))
    assert recipe_of_model(f"{tmp_path}/net.py").crop_size == 96
    with pytest.raises(ConfigError, match="nothing says which recipe bare.py:build takes"):
        recipe_of_model(f"{tmp_path}/bare.py")


def test_the_code_and_what_it_imports_decide(net):
    made = config(net)
    digest = made.model_code
    with open(os.path.join(os.path.dirname(net), "parts.py"), "a") as file:
        file.write("# changed\n")
    assert own.code_digest(made.model) != digest
    with pytest.raises(ConfigError, match="is not the one that these settings were made for"):
        TrainConfig.from_json(made.to_json())
    with pytest.raises(ConfigError, match="is not the one"):
        pickle.loads(pickle.dumps(made)).check_code()  # as a worker process has it
    with pytest.raises(ConfigError, match="the code of model ststnet is not the one"):
        TrainConfig(model="ststnet", model_code="abc")


def data():
    rng = np.random.default_rng(0)
    count = 12
    return MotionData(
        tensors={"face": rng.normal(size=(count, 28, 28, 3)).astype(np.float32)},
        labels=np.arange(count) % 3,
        datasets=("casme2",) * count,
        subjects=tuple(f"sub{k // 6 + 1:02d}" for k in range(count)),
        clips=tuple(f"c{k}" for k in range(count)),
        recipe=RECIPE,
        network=True,
        mapping="megc2019",
    )


def test_a_fold_does_not_depend_on_those_before_it(net, tmp_path):
    """Its dropout and its weights have no seed of their own."""
    clips, made = data(), config(net)
    folds = clips.loso_folds(3)
    one = run_loso(clips, made, tmp_path / "one", folds=folds)
    other = run_loso(clips, made, tmp_path / "other", folds=folds[::-1])
    found = [{p.clip: p.probabilities for p in predictions} for predictions in (one, other)]
    assert found[0] == found[1] and len(set(found[0].values())) > 1


def test_networks_of_packages_go_by_their_name(net, monkeypatch):
    module = types.ModuleType("mer_test_network")
    exec(NET.replace("from parts import head", PARTS), module.__dict__)
    module.build.__module__ = module.__name__
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = importlib.metadata.EntryPoint("theirs", "mer_test_network:build", own.GROUP)
    for place in (plugins, registry, own):
        monkeypatch.setattr(place, "installed", lambda group: {"theirs": entry})
    spec = importlib.util.spec_from_file_location(module.__name__, net)
    module.__spec__ = spec
    assert is_own("theirs") and not is_own("ststnet")
    made = TrainConfig.from_preset("theirs")
    assert made.model == "theirs" and len(made.model_code) == 64
    check_model(made, RECIPE)
