"""What ``logs/pooled`` says, read back with TensorBoard's own reader and compared with figures found another way."""

from __future__ import annotations

import csv
import statistics

import cv2
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalars
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from mer_tf.board import events
from mer_tf.board.hparams import compared
from mer_tf.board.pooled import curves_of, log_pooled, look_at
from mer_tf.board.projector import averaged
from mer_tf.recipes import get_recipe
from mer_tf.systems.floors.floors import linear_flow
from mer_tf.types import Prediction

CLASSES = ("negative", "positive", "sur|prise")
# True and predicted class of each clip. Rows of the confusion matrix: [2, 1, 0], [0, 1, 1], [1, 0, 2].
PAIRS = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 2), (2, 0)]
# One fold stops after two epochs.
LOSSES = {"a/1": [3.0, 2.0, 1.0], "a/2": [1.0, 1.0], "b/1": [2.0, 4.0, 0.5], "b/2": [7.0, 5.0, 2.5]}


def predictions(pairs=PAIRS):
    shares = np.random.default_rng(0).dirichlet(np.ones(3), len(pairs))
    return [
        Prediction(
            dataset="ab"[k % 2],
            subject=f"{k // 4 + 1}",
            clip=f"c{k}",
            fold=f"{'ab'[k % 2]}/{k // 4 + 1}",
            label=label,
            prediction=predicted,
            probabilities=tuple(shares[k].tolist()),
        )
        for k, (label, predicted) in enumerate(pairs)
    ]


def read(folder):
    found = EventAccumulator(str(folder), size_guidance=dict.fromkeys(("scalars", "tensors", "images"), 0))
    return found.Reload()


def text(logs, tag):
    return logs.Tensors(tag)[0].tensor_proto.string_val[0].decode()


def curve(logs, tag):
    return {event.step: event.value for event in logs.Scalars(tag)}


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def clips():
    """Inputs of eight clips of two people in each of two sets: u of clip k is k everywhere."""
    recipe = get_recipe("onset_apex_28_minmax")
    maps = np.random.default_rng(1).normal(size=(8, 28, 28, 3)).astype(np.float32)
    keys = [f"{p.dataset}/{p.subject}/{p.clip}" for p in predictions()]
    return keys, maps, recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clips):
    folder = tmp_path_factory.mktemp("run") / "logs" / "pooled"
    keys, maps, recipe = clips
    curves = {name: {"loss": losses, "accuracy": [0.5] * len(losses)} for name, losses in LOSSES.items()}
    by_epoch = {1: predictions([(label, 0) for label, _ in PAIRS]), 3: predictions()}
    labels = [label for label, _ in PAIRS]
    inputs = look_at(keys, labels, CLASSES, recipe, lambda rows: {"face": maps[list(rows)]})
    log_pooled(
        folder,
        predictions(),
        CLASSES,
        curves=curves,
        by_epoch=by_epoch,
        settings={"model": "ststnet", "seed": 4},
        inputs=inputs,
    )
    return folder


@pytest.fixture(scope="module")
def logs(folder):
    return read(folder)


def test_scores_by_hand(logs):
    # F1 of each class: 2*2/(3+3) = 2/3, 2*1/(2+2) = 1/2, 2*2/(3+3) = 2/3; recall: 2/3, 1/2, 2/3.
    assert curve(logs, "pooled/uf1") == {0: pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)}
    assert curve(logs, "pooled/uar") == {0: pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)}
    assert curve(logs, "pooled/accuracy") == {0: pytest.approx(5 / 8)}


def percentile(values, share):
    """Linear between the two values at that place among the sorted ones."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_curves_are_mean_and_percentiles_over_the_folds_that_got_so_far(logs, epoch):
    there = [losses[epoch - 1] for losses in LOSSES.values() if len(losses) >= epoch]
    assert curve(logs, "training_mean/loss")[epoch] == pytest.approx(statistics.mean(there))
    assert curve(logs, "training_percentile_10/loss")[epoch] == pytest.approx(percentile(there, 0.1))
    assert curve(logs, "training_percentile_90/loss")[epoch] == pytest.approx(percentile(there, 0.9))
    assert curve(logs, "training_folds")[epoch] == len(there)
    assert curve(logs, "training_mean/accuracy")[epoch] == 0.5


def test_scores_by_epoch_are_those_of_the_epochs_that_were_kept(logs):
    assert curve(logs, "held_out_by_epoch/accuracy") == {1: pytest.approx(3 / 8), 3: pytest.approx(5 / 8)}
    assert curve(logs, "held_out_by_epoch/uar") == {1: pytest.approx(1 / 3), 3: curve(logs, "pooled/uar")[0]}


def test_every_curve_of_the_layout_is_there(logs):
    layout = layout_pb2.Layout()
    layout.ParseFromString(logs.Tensors(custom_scalars.CONFIG_SUMMARY_TAG)[0].tensor_proto.string_val[0])
    trained, held_out = layout.category
    assert trained.title.startswith("mean over folds; band") and "nothing was chosen" in held_out.title
    assert [chart.title for chart in trained.chart] == ["training loss", "training accuracy"]
    named = [tag for chart in trained.chart for s in chart.margin.series for tag in (s.value, s.lower, s.upper)]
    named += [tag for chart in held_out.chart for tag in chart.multiline.tag]
    assert len(named) == 9 and set(named) <= set(logs.Tags()["scalars"])


def test_texts_and_pictures(logs):
    lines = text(logs, "pooled/confusion").splitlines()
    assert lines[0] == r"| true \ predicted | negative | positive | sur\|prise |"
    assert lines[2:] == ["| negative | 2 | 1 | 0 |", "| positive | 0 | 1 | 1 |", r"| sur\|prise | 1 | 0 | 2 |"]
    folds = text(logs, "pooled/folds")
    assert folds.startswith("4 folds,") and "--folds" in folds
    # Right of each: a/1 clips 0, 2 (1 of 2); b/1 clips 1, 3 (2 of 2); a/2 clips 4, 6 (1 of 2); b/2 clips 5, 7 (1 of 2).
    rows = [line.split(" | ")[0].strip("| ") for line in folds.splitlines()[4:]]
    assert rows == ["a/1", "a/2", "b/2", "b/1"]
    assert '"seed": 4' in text(logs, "pooled/settings")
    assert set(logs.Tags()["images"]) == {"confusion", *(f"inputs/{name}" for name in CLASSES)}
    for tag in logs.Tags()["images"]:
        image = logs.Images(tag)[0]
        pixels = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape == (image.height, image.width, 3) and len(np.unique(pixels)) > 20


def test_clips_as_points(folder, clips):
    keys, maps, _ = clips
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    inputs, probabilities = config.embeddings
    assert inputs.metadata_path == probabilities.metadata_path == "clips.tsv"
    rows = table(folder / inputs.metadata_path)
    assert rows[0] == ["clip", "class", "predicted", "right", "data set", "subject", "probability of class"]
    values = np.array(table(folder / inputs.tensor_path), np.float64)
    shares = np.array(table(folder / probabilities.tensor_path), np.float64)
    assert "averaged_over_7x7" in inputs.tensor_name and values.shape == (8, 7 * 7 * 3)
    for k, p in enumerate(predictions()):
        right = "right" if p.label == p.prediction else "wrong"
        expected = [keys[k], CLASSES[p.label], CLASSES[p.prediction], right, p.dataset, f"{p.dataset}/{p.subject}"]
        assert rows[k + 1][:6] == expected
        assert values[k] == pytest.approx(linear_flow(maps[k]), abs=1e-5)
        assert values[k][2] == pytest.approx(maps[k][:4, :4, 2].mean(), abs=1e-5)  # strain of the first of 4x4 pixels
        assert shares[k] == pytest.approx(p.probabilities, abs=1e-5)


def test_averages_of_sequences_points_and_small_maps():
    maps = np.arange(2 * 3 * 5 * 14 * 2, dtype=float).reshape(2, 3, 5, 14, 2)
    points = np.ones((2, 68, 2))
    found = averaged({"frames": maps, "landmarks": points})
    assert found.shape == (2, 5 * 7 * 2 + 136)
    assert found[1, 0] == pytest.approx(maps[1, :, 0, :2, 0].mean())


def test_more_people_than_colours_get_a_number(tmp_path):
    many = [Prediction("a", f"{k:02}", "c\t1", "f", 0, 0, (1.0, 0.0, 0.0)) for k in range(60)]
    log_pooled(tmp_path, many, CLASSES)
    rows = table(tmp_path / "clips.tsv")
    assert rows[0][-1] == "number of subject" and [row[-1] for row in rows[1:]] == [str(k) for k in range(1, 61)]
    assert rows[1][0] == "a/00/c 1"
    assert "pooled/uf1" not in read(tmp_path).Tags()["scalars"]  # two classes have no clip


def test_the_logs_of_a_run_replace_those_of_another_but_not_the_graph(tmp_path):
    import tensorflow as tf

    @tf.function
    def network(x):
        return tf.matmul(x, tf.constant(np.ones((40, 40), np.float32)))

    graph = network.get_concrete_function(tf.TensorSpec((None, 40))).graph.as_graph_def()
    events.log_graph(tmp_path, graph)
    log_pooled(tmp_path, predictions(), CLASSES, curves={"f": {"loss": [1.0]}}, keep_graph=True)
    log_pooled(tmp_path, predictions()[:3], CLASSES, keep_graph=True)
    found = read(tmp_path)
    assert curve(found, "pooled/accuracy") == {0: pytest.approx(2 / 3)}
    assert "training_mean/loss" not in found.Tags()["scalars"]
    assert [node.op for node in found_graph(found).node] == [node.op for node in graph.node]
    assert found_graph(found).ByteSize() < graph.ByteSize() - 40 * 40 * 4  # the constant is left out
    log_pooled(tmp_path, predictions(), CLASSES)
    assert not read(tmp_path).Tags()["graph"]


def found_graph(logs):
    return logs.Graph()


def test_curves_are_the_numbers_of_a_history():
    history = [{"loss": 1, "c": "auto", "right": True, "a": np.float32(0.5)}, {"loss": 2.5, "right": True, "a": 0.25}]
    assert curves_of(history) == {"loss": [1.0, 2.5], "a": [0.5, 0.25]}
    assert curves_of([]) == {} and curves_of([{"c": float("nan")}]) == {}


def passport(model="ststnet", seed=0, uf1=0.5, **config):
    return {
        "model": model,
        "protocol": "loso",
        "clips": 8,
        "seeds": {"global": seed},
        "config": {"model": model, "seed": seed, "num_classes": 3, "loss": "focal", **config},
    }


def test_compared_runs_show_the_settings_that_vary(tmp_path):
    from tensorboard.plugins.hparams import metadata

    one = passport(learning_rate=1e-3, augment={"copies": 2}, mirror=True)
    other = passport(learning_rate=1e-4, augment={"copies": 4}, mirror=False, seed=1)
    third = passport("linear_flow", model_options={"logistic": {"c": [1]}}, learning_rate=1e-2)
    found = compared({"one": one, "other": other, "third": third})
    told = {}
    for run, written in found.items():
        events.write_events(tmp_path / run, written)
        content = read(tmp_path / run).summary_metadata
        told[run] = {tag: value.plugin_data.content for tag, value in content.items()}
    head = metadata.parse_experiment_plugin_data(told["one"][metadata.EXPERIMENT_TAG])
    columns = {info.name: info for info in head.hparam_infos}
    # Not among them: loss, protocol and clips, which are the same; what only names things; the option of one system.
    assert set(columns) == {"system", "seed", "learning_rate", "augment.copies", "mirror"}
    assert [value.number_value for value in columns["learning_rate"].domain_discrete.values] == [1e-4, 1e-3]
    assert [(m.name.tag, m.display_name) for m in head.metric_infos][:2] == [
        ("pooled/uf1", "UF1"),
        ("pooled/uar", "UAR"),
    ]
    session = metadata.parse_session_start_info_plugin_data(told["other"][metadata.SESSION_START_INFO_TAG])
    assert session.group_name == "other" and session.hparams["learning_rate"].number_value == 1e-4
    assert session.hparams["seed"].number_value == 1 and session.hparams["mirror"].string_value == "false"
    third = metadata.parse_session_start_info_plugin_data(told["third"][metadata.SESSION_START_INFO_TAG])
    assert set(third.hparams) == {"system", "seed"}  # a feature has no learning rate, whatever its passport lists
    assert metadata.SESSION_END_INFO_TAG in told["third"]


def test_options_of_one_system_are_compared_among_its_runs():
    from tensorboard.plugins.hparams import metadata

    runs = {str(c): passport("linear_flow", model_options={"logistic": {"c": [c]}}) for c in (1, 2)}
    head = compared({**runs, "network": passport()})["1"][0].summary.value[0]
    columns = metadata.parse_experiment_plugin_data(head.metadata.plugin_data.content).hparam_infos
    assert {info.name for info in columns} == {"system", "seed", "logistic.c"}
