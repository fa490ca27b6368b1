"""A network of sequences and one of several images, exported, served and asked as the flow networks are."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mer_tf.datasets import read_casme2
from mer_tf.errors import BadInputError, ConfigError
from mer_tf.preprocessing import ClipPreprocessor, network_input
from mer_tf.preprocessing.flow import DISConfig
from mer_tf.recipes import get_recipe
from mer_tf.synthetic import read_truth, write_synthetic_dataset

CLASSES = ("negative", "positive", "surprise")
FPS = 200.0


def small(name, frames=0, **changes):
    """The recipe at 32x32 with landmarks from a file."""
    recipe = get_recipe(name)
    if frames:
        changes["frames"] = dataclasses.replace(recipe.frames, count=frames)
        changes["flow"] = DISConfig(pairs=recipe.flow.pairs)
    return dataclasses.replace(recipe, crop_size=32, face=dataclasses.replace(recipe.face, detector="file"), **changes)


SYSTEMS = {
    "astnet": (
        small("magnified_flow_10x224_classic", frames=4),
        {"frames": 3, "size": 32, "width": 8, "filters": 8, "reduction": 4},
    ),
    "mmnet": (small("onset_apex_224_rgb"), {"size": 32, "width": 16, "stem": 12}),
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One clip, its folder of frames and a file of landmarks."""
    root = tmp_path_factory.mktemp("clip")
    write_synthetic_dataset(root, subjects=1, clips_per_subject=1, frames_per_clip=12, seed=1, workers=1)
    clip = read_casme2(root).clips[0]
    truth = read_truth(root / "truth" / f"{clip.subject}_{clip.clip}.npz")
    np.save(root / "points.npy", truth.points[list(truth.numbers).index(clip.onset)])
    return clip, root / "CASME2_RAW_selected" / clip.subject / clip.clip, root / "points.npy"


@pytest.fixture(scope="module", params=sorted(SYSTEMS))
def served(request, clip, tmp_path_factory):
    """Model, recipe, a client of its server, the folder of the version, and the clip's tensors."""
    from mer_tf.export import export_saved_model
    from mer_tf.serving.client import PredictionClient
    from mer_tf.serving.server import MerServer
    from mer_tf.serving.warmup import write_warmup_requests
    from mer_tf.systems.registry import build_model

    recipe, options = SYSTEMS[request.param]
    model = build_model(request.param, **options, seed=3)
    folder = tmp_path_factory.mktemp("served") / "1"
    export_saved_model(model, recipe, CLASSES, folder, model_name=request.param)
    write_warmup_requests(folder, batch_sizes=(1, 2))
    with ClipPreprocessor(recipe, landmark_model=clip[2]) as preprocessor:
        from mer_tf.preprocessing import select_frames

        numbers = select_frames(clip[0], recipe.frames).numbers
        frames = {}
        for number in numbers:
            with open(clip[0].frame_path(number), "rb") as file:
                frames[number] = file.read()
        made = preprocessor.process_clip(clip[0], frames)
    with MerServer(folder.parent) as server, PredictionClient(server.address) as client:
        yield model, recipe, client, folder, made


def expected(model, recipe, tensors):
    batch = {name: value[None] for name, value in tensors.items()}
    return model(network_input(batch, recipe), training=False).numpy()[0]


def test_the_server_answers_as_the_model_in_memory(served):
    model, recipe, client, _, made = served
    answer = client.predict(made.tensors)
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected(model, recipe, made.tensors), atol=1e-5)
    assert client.describe().recipe == recipe


def test_warmup_requests_have_the_shapes_and_ranges_of_the_arrays(served):
    import tensorflow as tf

    from mer_tf.serving.warmup import read_warmup_requests

    _, recipe, _, folder, _ = served
    requests = read_warmup_requests(folder)
    assert len(requests) == 2
    for batch, request in zip((1, 2), requests):
        tensors = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert {name: value.shape for name, value in tensors.items()} == {
            name: (batch, *shape) for name, shape in recipe.inputs.items()
        }
        for name, value in tensors.items():
            if recipe.kinds[name] == "image":
                assert 0 <= value.min() < 64 and 192 < value.max() <= 255
            else:
                assert value.min() < 0 < value.max()


def test_a_folder_of_frames(served, clip):
    from mer_tf.serving.clips import predict_clip

    facts, folder, points = clip
    model, recipe, client, _, made = served
    given = {"onset": facts.onset, "apex": facts.apex, "offset": facts.offset, "landmark_model": points, "fps": FPS}
    answer = predict_clip(client.address, folder, **given)
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected(model, recipe, made.tensors), atol=1e-5)
    assert (answer["onset"], answer["apex"], answer["apex_rule"]) == (facts.onset, facts.apex, "given")
    json.dumps(answer)
    without = {**given, "fps": None}
    if recipe.magnify.method == "eulerian":
        with pytest.raises(ConfigError, match=r"frames per second with --fps"):
            predict_clip(client.address, folder, **without)
    else:
        assert predict_clip(client.address, folder, **without)["probabilities"] == answer["probabilities"]


def test_numbers_that_cannot_be(clip):
    from mer_tf.serving.clips import predict_clip

    facts, folder, points = clip
    for fps in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="--fps must be a positive number"):
            predict_clip("127.0.0.1:1", folder, fps=fps)
    with pytest.raises(BadInputError, match="--offset 9999 is no frame"):
        predict_clip("127.0.0.1:1", folder, offset=9999)
    with pytest.raises(BadInputError, match=f"apex {facts.apex} must not come after offset {facts.onset}"):
        predict_clip("127.0.0.1:1", folder, onset=facts.onset - 1, apex=facts.apex, offset=facts.onset)


def test_load_and_query_blesses_it(served, clip):
    pytest.importorskip("tfx")
    from mer_tf.components.load_and_query.executor import check_model
    from mer_tf.records import encode_motion

    _, recipe, _, folder, made = served
    report = check_model(str(folder), [encode_motion(clip[0], made, recipe)] * 2)
    assert report["faults"] == [] and report["queries"] == 2
