"""One set of training flags for every verb that trains, and the settings they make."""

from __future__ import annotations

import pytest

from mer_tf.cli import build_parser
from mer_tf.commands.options import parse_settings, training_config, worker_count
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.training import TrainConfig

FLAGS = [
    "--preset", "cross_entropy", "--epochs", "7", "--learning-rate", "0.02", "--batch-size", "9", "--optimizer", "sgd",
    "--set", "momentum=0.5", "--set", "mirror=false", "--set", 'augment={"rotation": 5}', "--option", "consistency=0",
    "--seed", "3", "--protocol", "tenfold_subject", "--shuffle-labels",
]  # fmt: skip


def parse(words, flags=(), model="dual_atme"):
    return build_parser(words[0]).parse_args([*words, "--model", model, *flags])


def verbs():
    pytest.importorskip("tfx")
    return (
        ["loso", "--data", "d", "--out", "o"],
        ["pipeline", "run", "--data", "d", "--out", "o"],
        ["pipeline", "compile", "--output", "o.yaml"],
    )


def test_the_same_flags_make_the_same_settings_in_every_verb():
    expected = TrainConfig.from_preset(
        "dual_atme",
        "cross_entropy",
        epochs=7,
        learning_rate=0.02,
        batch_size=9,
        optimizer="sgd",
        momentum=0.5,
        mirror=False,
        augment={"rotation": 5},
        model_options={"consistency": 0},
        seed=3,
        shuffle_labels=True,
    )
    for words in verbs():
        arguments = parse(words, FLAGS)
        assert training_config(arguments) == expected, words
        assert arguments.protocol == "tenfold_subject"
        assert training_config(parse(words)) == TrainConfig.from_preset("dual_atme", "paper")


def test_the_pipeline_gets_protocol_and_processes_of_the_flags():
    from mer_tf.tfx_pipeline.cli import pipeline_config

    words = ["pipeline", "compile", "--output", "o.yaml"]
    arguments = parse(words, ["--protocol", "megc2019", "--workers", "3", "--min-uf1", "0.5", "--strict"])
    config = pipeline_config(arguments, training_config(arguments), manifest_dir="m")
    assert (config.protocol, config.workers, config.min_uf1, config.strict) == ("megc2019", 3, 0.5, True)
    assert pipeline_config(parse(words), config.train, manifest_dir="m").workers == 1
    assert worker_count(parse(["pipeline", "run", "--data", "d", "--out", "o"])) >= 1


def test_settings_have_the_types_of_their_fields():
    texts = ["loss=focal", "gamma=1", "epochs=12", "mirror=true", 'augment={"copies": 3}', "bias_rate=2e0"]
    assert parse_settings(texts) == {
        "loss": "focal",
        "gamma": 1.0,
        "epochs": 12,
        "mirror": True,
        "augment": {"copies": 3},
        "bias_rate": 2.0,
    }


def test_settings_of_a_group_go_over_those_of_the_preset():
    preset = TrainConfig.from_preset("astnet")
    (name, value), *_ = preset.augment.items()
    config = training_config(parse(["loso", "--out", "o"], ["--set", 'augment={"copies": 6}'], model="astnet"))
    assert config.augment == {**preset.augment, "copies": 6} and config.augment[name] == value


@pytest.mark.parametrize(
    ("flags", "error", "said"),
    [
        (["--set", "loss"], ConfigError, "is not NAME=VALUE"),
        (["--set", "gamma=1", "--set", "gamma=2"], ConfigError, "stands twice"),
        (["--set", "epochs=1.5"], ConfigError, "epochs takes a whole number"),
        (["--set", "gamma=high"], ConfigError, "gamma takes a number"),
        (["--set", "gamma=nan"], ConfigError, "train.gamma"),
        (["--set", "mirror=yes"], ConfigError, "mirror takes true or false"),
        (["--set", "augment=[]"], ConfigError, "augment takes a JSON object"),
        (["--set", "lose=focal"], UnknownNameError, "gamma"),  # the known ones are listed
        (["--set", "model=atscnn"], ConfigError, "give it with --model"),
        (["--set", "seed=1"], ConfigError, "give it with --seed"),
        (["--set", "initial_weights=x"], ConfigError, "give it with --initial-weights"),
        (["--set", "num_classes=5"], ConfigError, "follows from the labels"),
        (["--epochs", "3", "--set", "epochs=3"], ConfigError, "given twice: by --epochs and by --set"),
        (["--learning-rate", "0"], ConfigError, "train.learning_rate"),
        (["--optimizer", "adan"], UnknownNameError, "Did you mean"),
        (["--protocol", "losso"], UnknownNameError, "Did you mean 'loso'"),
    ],
)
def test_flags_that_cannot_be(flags, error, said):
    with pytest.raises(error, match=said):
        training_config(parse(["loso", "--out", "o"], flags))


def test_where_containers_read_the_weights_they_need_not_be_here():
    pytest.importorskip("tfx")
    arguments = parse(["pipeline", "compile", "--output", "o"], ["--initial-weights", "/data/x.npz"])
    config = training_config(arguments, classes_from_data=False, weights_here=False)
    assert config.initial_weights == "/data/x.npz"
    arguments = parse(["pipeline", "compile", "--output", "o"], ["--set", "num_classes=5"])
    assert training_config(arguments, classes_from_data=False).num_classes == 5
