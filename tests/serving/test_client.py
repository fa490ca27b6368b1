"""The client against the embedded server, against servers that lack things, and against none."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import socket
import subprocess
import sys
import threading

import cv2
import grpc
import numpy as np
import pytest

from mer_tf.errors import BadInputError, ClipError, ConfigError, ServerError
from mer_tf.frames import frames_of_folder
from mer_tf.serving import messages
from mer_tf.serving.client import PredictionClient, RequestRefusedError
from mer_tf.serving.clips import predict_clip

ROOT = pathlib.Path(__file__).parents[2]
CLASSES = ("negative", "positive", "surprise")


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def foreign_server(free_port):
    """A gRPC server with only the methods given, as other servers lack some of ours."""
    servers = []

    def start(methods):
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        for service in {name.rsplit("/", 1)[0] for name in methods}:
            handlers = {
                name.rsplit("/", 1)[1]: grpc.unary_unary_rpc_method_handler(
                    function, request_deserializer=request.FromString, response_serializer=response.SerializeToString
                )
                for name, (function, request, response) in methods.items()
                if name.startswith(service + "/")
            }
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service[1:], handlers),))
        server.add_insecure_port(f"127.0.0.1:{free_port}")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{free_port}"

    yield start
    for server in servers:
        server.stop(None)


def status_method(states):
    """GetModelStatus that goes through ``states``, staying at the last."""
    states = list(states)

    def answer(request, context):
        response = messages.GetModelStatusResponse()
        response.model_version_status.add(version=1, state=states.pop(0) if len(states) > 1 else states[0])
        return response

    return answer, messages.GetModelStatusRequest, messages.GetModelStatusResponse


def predict_method(outputs, version=1):
    def answer(request, context):
        response = messages.PredictResponse()
        response.model_spec.version.value = version
        for name, value in outputs.items():
            messages.to_tensor(value, response.outputs[name])
        return response

    return answer, messages.PredictRequest, messages.PredictResponse


def test_describe(client, recipe):
    description = client.describe()
    assert description.recipe == recipe
    assert (description.model, description.version, description.classes) == ("tiny_net", 10, CLASSES)


def test_predict(client, motion, to_examples, model, recipe):
    from mer_tf.preprocessing import network_input

    tensors = motion(2)
    expected = model(network_input(tensors, recipe), training=False).numpy()
    one = client.predict({name: value[0] for name, value in tensors.items()})
    assert set(one) == {"class", "probabilities", "recipe_hash", "version"}
    assert one["recipe_hash"] == recipe.hash
    assert one["class"] == max(one["probabilities"], key=one["probabilities"].get)
    for answers in (client.predict_batch(tensors), client.predict_examples(to_examples(tensors))):
        np.testing.assert_allclose([list(a["probabilities"].values()) for a in answers], expected, atol=1e-6)
        assert [a["class"] for a in answers] == [CLASSES[i] for i in expected.argmax(-1)]
        assert [list(a["probabilities"]) for a in answers] == [list(CLASSES)] * 2


def test_threads_share_a_client(client, motion):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.predict_batch(motion(2)), range(40)))
    assert all(answer == answers[0] for answer in answers)


def test_the_servers_words_reach_the_person(client, motion):
    with pytest.raises(RequestRefusedError, match=r"'face' must have shape \(batch, 32, 32, 3\)") as caught:
        client.predict_batch({**motion(1), "face": np.zeros((1, 9, 9, 3))})
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "\n" not in str(caught.value)
    with pytest.raises(RequestRefusedError, match="finite"):
        client.predict_batch({**motion(1), "face": np.full((1, 32, 32, 3), np.nan)})
    with pytest.raises(RequestRefusedError, match="not a serialized"):
        client.predict_examples([b"\xff\xff garbage"])
    with pytest.raises(TypeError, match="bytes"):
        client.predict_examples(["text"])


def test_unknown_model(server, motion):
    with PredictionClient(server.address, model_name="other") as client:
        for call in (client.describe, lambda: client.predict_batch(motion(1)), lambda: client.wait_ready(5)):
            with pytest.raises(RequestRefusedError, match=r"no model 'other'.*'mer'"):
                call()


def test_no_server_is_told_quickly_with_the_remedy(free_port, tmp_path):
    address = f"127.0.0.1:{free_port}"
    with PredictionClient(address, timeout=600) as client, pytest.raises(ServerError) as caught:
        client.describe()  # refused at once: the text is not that of the time running out
    assert str(caught.value) == (
        f"no prediction server at {address}: nothing listens there (connection refused); "
        f"start one with: mer serve --model DIR --port {free_port}"
    )
    for number in (1, 2, 3):
        (tmp_path / f"img{number}.jpg").touch()
    with pytest.raises(ServerError, match=address):
        predict_clip(address, tmp_path)
    with PredictionClient(address) as client, pytest.raises(ServerError, match=f"{address} within 0.5 s.*mer serve"):
        client.wait_ready(0.5)


def test_a_listener_that_is_silent(free_port):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", free_port))
        silent.listen()
        with PredictionClient(f"127.0.0.1:{free_port}", timeout=1) as client:
            # Whether the call ends is tested, not how soon a busy machine lets it.
            with concurrent.futures.ThreadPoolExecutor(1) as pool, pytest.raises(ServerError, match=str(free_port)):
                pool.submit(client.describe).result(timeout=120)


def test_a_server_that_comes_late_is_waited_for(model_dir, free_port, motion):
    from mer_tf.serving.server import MerServer

    server = MerServer(model_dir, free_port)
    timer = threading.Timer(0.6, server.start)
    timer.start()
    try:
        with PredictionClient(f"127.0.0.1:{free_port}") as client:
            client.wait_ready(10)
            assert client.predict_batch(motion(1))
            timer.join()
            server.stop()
            with pytest.raises(ServerError, match="no prediction server"):
                client.predict_batch(motion(1))
            with MerServer(model_dir, free_port):  # a restart between two calls
                assert client.predict_batch(motion(1))
    finally:
        timer.join()
        server.stop()


def test_calls_are_repeated_while_unavailable(foreign_server):
    calls = []

    def flaky(request, context):
        calls.append(context.time_remaining())
        if len(calls) < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "loading")
        return messages.PredictResponse()

    address = foreign_server(
        {"/tensorflow.serving.PredictionService/Predict": (flaky, messages.PredictRequest, messages.PredictResponse)}
    )
    with PredictionClient(address) as client, pytest.raises(ServerError, match="lacks"):
        client.predict_batch({})
    assert len(calls) == 3 and calls[-1] < calls[0] < 11  # seconds left of ten, as the other clock counts them
    calls.clear()
    with PredictionClient(address, attempts=2) as client, pytest.raises(ServerError, match="loading; wait for it"):
        client.predict_batch({})
    assert len(calls) == 2


def test_ready_without_a_health_service(foreign_server):
    # As tensorflow/serving: no grpc.health.v1; the model loads for a while.
    address = foreign_server({"/tensorflow.serving.ModelService/GetModelStatus": status_method([20, 20, 30])})
    with PredictionClient(address) as client:
        client.wait_ready(10)


def test_never_ready(foreign_server):
    address = foreign_server({"/tensorflow.serving.ModelService/GetModelStatus": status_method([20])})
    with PredictionClient(address) as client, pytest.raises(ServerError, match="within 0.5 s"):
        client.wait_ready(0.5)


def test_ready_with_metadata_alone(foreign_server):
    metadata = (
        lambda request, context: messages.GetModelMetadataResponse(),
        messages.GetModelMetadataRequest,
        messages.GetModelMetadataResponse,
    )
    address = foreign_server({"/tensorflow.serving.PredictionService/GetModelMetadata": metadata})
    with PredictionClient(address) as client:
        client.wait_ready(10)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda d: d.update(recipe_hash="0123"), ConfigError, "hash 0123 .* gives"),
        (lambda d: d["recipe"].update(crop_size=64), ConfigError, "recipe hash .* gives"),
        (lambda d: d["recipe"].update(magnifier="eulerian"), ConfigError, "does not know.*magnifier"),
        (lambda d: d["recipe"].update(crop_size=1), ConfigError, "crop_size"),
        (lambda d: d.pop("recipe"), ServerError, "cannot be read"),
        (lambda d: d.update(recipe="text"), ConfigError, "does not know|cannot be read"),
        (lambda d: d.update(classes=None), ServerError, "cannot be read"),
    ],
    ids=range(7),
)
def test_a_recipe_that_is_not_ours(foreign_server, recipe, change, error, words):
    import json

    description = {
        "recipe": recipe.to_json(),
        "recipe_hash": recipe.hash,
        "classes": CLASSES,
        "model": "m",
        "mer_tf": "9.9",
    }
    change(description)
    outputs = {"description": [json.dumps(description).encode()]}
    address = foreign_server({"/tensorflow.serving.PredictionService/Predict": predict_method(outputs)})
    with PredictionClient(address) as client, pytest.raises(error, match=words):
        client.describe()


@pytest.mark.parametrize("outputs", [{}, {"description": [b"{"]}, {"description": [b"\xff"]}, {"description": []}])
def test_a_description_that_cannot_be_read(foreign_server, outputs):
    address = foreign_server({"/tensorflow.serving.PredictionService/Predict": predict_method(outputs)})
    with PredictionClient(address) as client, pytest.raises(ServerError, match="cannot be read"):
        client.describe()


@pytest.mark.parametrize(
    "address", ["", "localhost", "host:", ":80", "host:0", "host:65536", "http://h:80", None, 8500]
)
def test_bad_address(address):
    with pytest.raises(ConfigError, match="HOST:PORT"):
        PredictionClient(address)


def test_bad_timeout():
    for options in ({"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"attempts": 0}):
        with pytest.raises(ConfigError, match="positive"):
            PredictionClient("h:1", **options)


def test_the_client_does_not_load_tensorflow(server):
    code = (
        "import sys\nfrom mer_tf.serving.client import PredictionClient\n"
        "with PredictionClient(sys.argv[1]) as client: client.wait_ready(10); print(client.describe().model)\n"
        "print(sorted({'tensorflow', 'tensorflow_serving', 'keras', 'cv2', 'dlib'} & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, server.address], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert run.stdout.split("\n")[:2] == ["tiny_net", "[]"], run.stderr


def test_our_messages_live_beside_the_generated_ones(server, motion):
    from tensorflow_serving.apis import predict_pb2

    assert predict_pb2.PredictRequest is not messages.PredictRequest
    with PredictionClient(server.address) as client:
        assert client.predict_batch(motion(1))


def write_frames(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((64, 64, 3), 90, np.uint8))
    return folder


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: os.mkfifo(path), "a pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (lambda path: path.symlink_to("/nonexistent/object"), "a link to nothing"),
        (lambda path: path.symlink_to(path), "a link that leads in a circle"),
        (lambda path: path.mkdir(), "a folder"),
    ],
)
@pytest.mark.parametrize("name", ["img1.jpg", "img20.jpg"])
def test_no_answer_from_a_clip_with_a_frame_that_is_no_file(tmp_path, make, said, name):
    """Neither the next frame nor any other takes its place, and the server is not even asked."""
    folder = write_frames(tmp_path / "clip", [f"img{number}.jpg" for number in range(1, 21)])
    (folder / name).unlink()
    make(folder / name)
    with pytest.raises(BadInputError, match=f"frame '{folder / name}' is {said}; put its picture there"):
        predict_clip("127.0.0.1:1", folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"onset": 3}, "--onset 3 is no frame.*from 1 to 20"),
        ({"apex": 21}, "--apex 21 is no frame"),
        ({"onset": 10, "apex": 4}, "onset 10 must come before apex 4"),
        ({"onset": 10, "apex": 10}, "onset 10 must come before apex 10"),
        ({"onset": 1, "apex": 1}, "onset 1 must come before apex 1"),
        ({"onset": 20}, "no frame between onset 20 and the last frame 20"),
    ],
)
def test_frame_numbers_that_cannot_be(tmp_path, server, options, words):
    write_frames(tmp_path, [f"img{number}.jpg" for number in (1, 2, 4, 10, 20)])
    with pytest.raises(BadInputError, match=words):
        predict_clip(server.address, tmp_path, **options)


def test_one_frame_is_no_clip(tmp_path, server):
    for names in (["img1.jpg"], ["img2.jpg"]):
        write_frames(tmp_path, names)
        with pytest.raises(BadInputError, match="give --apex"):
            predict_clip(server.address, tmp_path)


def landmark_model():
    pytest.importorskip("dlib")
    from mer_tf.preprocessing import find_landmark_model

    try:
        return find_landmark_model()
    except BadInputError:
        pytest.skip("no landmark model")


@pytest.mark.dlib
def test_a_folder_without_a_face(tmp_path, server):
    landmark_model()
    write_frames(tmp_path / "EP01", ["img1.jpg", "img2.jpg", "img3.jpg"])
    with pytest.raises(ClipError, match="EP01 frame 1.*face"):
        predict_clip(server.address, tmp_path / "EP01")
    (tmp_path / "EP01" / "img1.jpg").write_bytes(b"")
    with pytest.raises(ClipError, match="EP01 frame 1.*empty"):
        predict_clip(server.address, tmp_path / "EP01")


@pytest.mark.dlib
def test_a_clip_gets_the_answer_of_its_own_tensors(tmp_path, server, model, recipe):
    """A drawn face through the client, against the preprocessor and the model called by hand."""
    landmark_model()
    synthetic = pytest.importorskip("mer_tf.synthetic")
    from mer_tf.preprocessing import ClipPreprocessor, network_input

    synthetic.write_synthetic_dataset(tmp_path, subjects=1, clips_per_subject=1, seed=3)
    folder = next(path for path in sorted((tmp_path / "CASME2_RAW_selected").rglob("*")) if list(path.glob("*.jpg")))
    frames = frames_of_folder(folder)
    numbers, paths = frames.numbers, [pathlib.Path(path) for path in frames.paths]
    (folder / f"{paths[0].stem} (1).jpg").write_bytes(paths[-1].read_bytes())
    answer = predict_clip(server.address, folder)
    assert any(flag.startswith("other_pictures: 1 picture is not named like") for flag in answer["flags"])
    middle = numbers[0] + (numbers[-1] - numbers[0]) // 2
    assert (answer["onset"], answer["apex"], answer["apex_rule"]) == (numbers[0], middle, "middle")
    with ClipPreprocessor(recipe) as preprocessor:
        tensors = preprocessor.process(paths[0].read_bytes(), paths[numbers.index(middle)].read_bytes()).tensors
    batch = {name: value[None] for name, value in tensors.items()}
    expected = model(network_input(batch, recipe), training=False).numpy()[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=1e-6)
    assert answer["class"] == CLASSES[expected.argmax()]
    assert (answer["recipe"], answer["recipe_hash"]) == (recipe.name, recipe.hash)
    assert (answer["model"], answer["version"]) == ("tiny_net", 10)

    import json

    json.dumps(answer)
    given = predict_clip(server.address, folder, onset=numbers[1], apex=numbers[-1])
    assert (given["onset"], given["apex"], given["apex_rule"]) == (numbers[1], numbers[-1], "given")


def test_a_model_of_the_release_before_is_accepted(foreign_server):
    import json

    from mer_tf.recipes import get_recipe

    recipe = get_recipe("onset_apex_28")
    description = {
        "recipe": recipe.to_json(),
        "recipe_hash": "74d8828f3cbd9d08",  # what 0.1 gave it
        "classes": CLASSES,
        "model": "m",
        "mer_tf": "0.1",
    }
    outputs = {"description": [json.dumps(description).encode()]}
    address = foreign_server({"/tensorflow.serving.PredictionService/Predict": predict_method(outputs)})
    with PredictionClient(address) as client:
        assert client.describe().recipe == recipe
