"""The server over real gRPC on the loopback interface, asked with TensorFlow Serving's generated stubs."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

import mer_tf.serving.server
from mer_tf.errors import BadInputError, ConfigError, MissingFileError, PortInUseError
from mer_tf.export import export_saved_model
from mer_tf.serving.client import PredictionClient
from mer_tf.serving.server import MerServer
from mer_tf.serving.warmup import main as warmup_main
from mer_tf.serving.warmup import read_warmup_requests, write_warmup_requests

ROOT = pathlib.Path(__file__).parents[2]
CLASSES = ("negative", "positive", "surprise")


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield channel


@pytest.fixture
def predict(channel):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def call(tensors, signature="", model="mer", version=None, label=None, output_filter=()):
        request = predict_pb2.PredictRequest(output_filter=output_filter)
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        if label is not None:
            request.model_spec.version_label = label
        for name, value in tensors.items():
            proto = value if isinstance(value, tf.make_tensor_proto(0).__class__) else tf.make_tensor_proto(value)
            request.inputs[name].CopyFrom(proto)
        return stub.Predict(request, timeout=20)

    return call


def refused(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return caught.value.code().name, caught.value.details()


def test_answers_are_those_of_the_saved_model(predict, model_dir, motion, to_examples):
    tensors = motion(3)
    expected = tf.saved_model.load(str(model_dir / "10")).signatures["serving_default"](
        **{name: tf.constant(value) for name, value in tensors.items()}
    )
    for response in (predict(tensors), predict({"examples": to_examples(tensors)}, "examples")):
        assert set(response.outputs) == {"probabilities", "label", "class", "recipe_hash"}
        np.testing.assert_allclose(
            tf.make_ndarray(response.outputs["probabilities"]), expected["probabilities"], atol=1e-6
        )
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs["label"]), expected["label"])
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs["class"]), expected["class"].numpy())
        assert response.model_spec.name == "mer"
        assert response.model_spec.version.value == 10


def test_values_may_come_one_by_one_or_as_bytes(predict, motion):
    tensors = motion(1)
    listed = {}
    for name, value in tensors.items():
        proto = tf.make_tensor_proto(value)
        proto.ClearField("tensor_content")
        proto.float_val.extend(value.ravel().tolist())
        listed[name] = proto
    same = [tf.make_ndarray(predict(given).outputs["probabilities"]) for given in (tensors, listed)]
    np.testing.assert_array_equal(*same)


def test_output_filter(predict, motion):
    assert list(predict(motion(1), output_filter=["label"]).outputs) == ["label"]
    code, text = refused(predict, motion(1), output_filter=["nonsense"])
    assert code == "INVALID_ARGUMENT" and "nonsense" in text and "probabilities" in text


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"model": "other"}, "NOT_FOUND", ["'other'", "'mer'"]),
        ({"model": ""}, "INVALID_ARGUMENT", ["empty", "'mer'"]),
        ({"version": 2}, "NOT_FOUND", ["version 2", "10"]),
        ({"version": -1}, "NOT_FOUND", ["version -1"]),
        ({"label": "stable"}, "NOT_FOUND", ["stable"]),
        ({"signature": "raw"}, "FAILED_PRECONDITION", ["'raw'", "serving_default", "examples"]),
    ],
)
def test_what_is_not_there(predict, motion, options, code, words):
    received, text = refused(predict, motion(1), **options)
    assert received == code
    assert all(word in text for word in words), text


def test_the_version_that_is_there_may_be_asked_for(predict, motion):
    assert predict(motion(1), version=10).model_spec.version.value == 10


def constant(shape, value=0.0, dtype=np.float32):
    """A tensor given as one value and a shape."""
    proto = tf.make_tensor_proto(np.zeros(1, dtype))
    proto.ClearField("tensor_content")
    proto.ClearField("tensor_shape")
    proto.float_val[:] = [value]
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def cut(proto):
    proto.tensor_content = proto.tensor_content[:-4]
    return proto


@pytest.mark.parametrize(
    ("face", "words"),
    [
        (np.zeros((1, 32, 32, 2), np.float32), ["'face'", "(batch, 32, 32, 3)", "(1, 32, 32, 2)"]),
        (np.zeros((32, 32, 3), np.float32), ["'face'", "(batch, 32, 32, 3)", "(32, 32, 3)"]),
        (np.zeros((0, 32, 32, 3), np.float32), ["'face'", "1 to 64", "0"]),
        (np.zeros((65, 32, 32, 3), np.float32), ["'face'", "1 to 64", "65"]),
        (np.zeros((2, 32, 32, 3), np.float32), ["same first dimension", "'face': 2", "'puzzle': 1"]),
        (np.zeros((1, 32, 32, 3), np.float64), ["'face'", "float32", "float64"]),
        (np.zeros((1, 32, 32, 3), np.uint8), ["'face'", "float32", "uint8"]),
        ("text", ["'face'", "float32", "string"]),
        (np.full((1, 32, 32, 3), np.nan, np.float32), ["'face'", "finite", "3072"]),
        (np.full((1, 32, 32, 3), np.inf, np.float32), ["'face'", "finite"]),
        (constant((1, 32, 32, 3), np.nan), ["'face'", "finite"]),
        (constant((10**9, 32, 32, 3)), ["'face'", "1 to 64"]),
        (constant((1, 32, 32, -3)), ["'face'", "-3"]),
        (constant(()), ["'face'", "()"]),
        (constant((1,) * 300), ["'face'", "(1, 1"]),
        (cut(tf.make_tensor_proto(np.zeros((1, 32, 32, 3), np.float32))), ["'face'", "12284 bytes"]),
        (tf.make_tensor_proto(np.zeros(0, np.float32)).__class__(), ["'face'", "float32"]),
    ],
    ids=range(17),
)
def test_bad_tensors_are_named(predict, motion, face, words):
    code, text = refused(predict, {**motion(1), "face": face})
    assert code == "INVALID_ARGUMENT"
    assert all(word in text for word in words), text
    assert "\n" not in text and len(text) <= 500
    assert predict(motion(1)).outputs  # the server is none the worse


def test_unknown_type_number(predict, motion):
    proto = tf.make_tensor_proto(np.zeros((1, 32, 32, 3), np.float32))
    proto.dtype = 9999
    code, text = refused(predict, {**motion(1), "face": proto})
    assert code == "INVALID_ARGUMENT" and "9999" in text


@pytest.mark.parametrize("names", [["face"], ["face", "puzzle", "more"], [], ["Face", "puzzle"]])
def test_wrong_names(predict, names):
    code, text = refused(predict, {name: np.zeros((1, 32, 32, 3), np.float32) for name in names})
    assert code == "INVALID_ARGUMENT"
    assert "'face'" in text and "'puzzle'" in text and all(name in text for name in names)


def test_malformed_examples(predict, motion, to_examples):
    good = to_examples(motion(1))
    for bad in (b"garbage \xff\xfe", good[0][:-10], b""):
        code, text = refused(predict, {"examples": [*good, bad]}, "examples")
        assert code == "INVALID_ARGUMENT"
        assert "\n" not in text and "garbage" not in text and text
    tensors = motion(2)
    tensors["puzzle"][1, 0, 0, 0] = np.nan
    code, text = refused(predict, {"examples": to_examples(tensors)}, "examples")
    assert code == "INVALID_ARGUMENT" and "'puzzle' must be finite" in text, text
    code, text = refused(predict, {"examples": to_examples({"face": motion(1)["face"]})}, "examples")
    assert code == "INVALID_ARGUMENT" and "puzzle" in text, text
    short = {**motion(1), "puzzle": np.zeros((1, 5), np.float32)}
    code, text = refused(predict, {"examples": to_examples(short)}, "examples")
    assert code == "INVALID_ARGUMENT" and "puzzle" in text, text


def test_oversized_message_is_refused_unread(model_dir, motion):
    with MerServer(model_dir, max_message_bytes=50_000) as server, PredictionClient(server.address) as client:
        assert client.predict_batch(motion(1))
        with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
            client.predict_batch(motion(4))
        assert client.predict_batch(motion(1))


def test_small_message_may_not_grow_large(model_dir, motion):
    with MerServer(model_dir, max_message_bytes=50_000) as server:
        with grpc.insecure_channel(server.address) as channel:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "mer"
            for name, side in (("face", 32), ("puzzle", 48)):
                request.inputs[name].CopyFrom(constant((60, side, side, 3)))
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            code, text = refused(stub.Predict, request, timeout=10)
    assert code == "INVALID_ARGUMENT" and "expands to" in text


def test_metadata_and_status(channel):
    prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "mer"
    response = prediction.GetModelMetadata(request, timeout=5)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {"serving_default", "examples", "describe"}
    face = signatures.signature_def["serving_default"].inputs["face"]
    assert [dim.size for dim in face.tensor_shape.dim] == [-1, 32, 32, 3]
    assert response.model_spec.version.value == 10
    request.metadata_field[:] = ["weights"]
    assert refused(prediction.GetModelMetadata, request, timeout=5)[0] == "INVALID_ARGUMENT"

    status = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "mer"
    (version,) = status.GetModelStatus(request, timeout=5).model_version_status
    assert (version.version, version.state) == (10, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    request.model_spec.name = "nobody"
    assert refused(status.GetModelStatus, request, timeout=5)[0] == "NOT_FOUND"


def test_health(channel):
    health_pb2 = pytest.importorskip("grpc_health.v1.health_pb2")
    from grpc_health.v1 import health_pb2_grpc

    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "tensorflow.serving.PredictionService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert refused(stub.Check, health_pb2.HealthCheckRequest(service="nobody"), timeout=5)[0] == "NOT_FOUND"


def test_other_verbs_of_the_service_say_so(channel):
    from tensorflow_serving.apis import classification_pb2

    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    assert refused(stub.Classify, classification_pb2.ClassificationRequest(), timeout=5)[0] == "UNIMPLEMENTED"


def test_eight_clients_at_once_get_their_own_answers(server, model_dir, motion):
    signature = tf.saved_model.load(str(model_dir / "10")).signatures["serving_default"]

    def ask(seed):
        tensors = motion(2, seed)
        expected = signature(**{name: tf.constant(value) for name, value in tensors.items()})["probabilities"].numpy()
        with PredictionClient(server.address) as client:
            for _ in range(10):
                answers = client.predict_batch(tensors)
                np.testing.assert_allclose([list(a["probabilities"].values()) for a in answers], expected, atol=1e-6)
        return expected

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(ask, range(8)))
    assert len({result.tobytes() for result in results}) == 8


def test_too_many_requests_are_turned_away_at_once(model_dir, motion):
    with MerServer(model_dir, max_workers=1, max_waiting=0) as server:
        with grpc.insecure_channel(server.address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "mer"
            for name, value in motion(32).items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            calls = [stub.Predict.future(request, timeout=20) for _ in range(30)]
            codes = [call.code().name for call in calls]
    assert set(codes) == {"OK", "RESOURCE_EXHAUSTED"}


def test_port_in_use(server, model_dir):
    with pytest.raises(PortInUseError, match=rf"port {server.port} .*--port 0"):
        MerServer(model_dir, server.port).start()
    with socket.socket() as other:  # something that is not gRPC
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=str(port)):
            MerServer(model_dir, port).start()
    with MerServer(model_dir, port) as third:  # free again
        assert third.port == port


@pytest.mark.parametrize("port", [-1, 65536, "8500", None, True, 1.0])
def test_bad_port(model_dir, port):
    with pytest.raises(ConfigError, match="port"):
        MerServer(model_dir, port)


@pytest.mark.parametrize("option", ["max_workers", "max_batch", "max_message_bytes", "max_waiting", "poll_seconds"])
def test_bad_limits(model_dir, option):
    with pytest.raises(ConfigError, match=option):
        MerServer(model_dir, **{option: -1})


def test_bad_host(model_dir):
    with pytest.raises(BadInputError, match=r"no\.such\.host\.invalid"):
        MerServer(model_dir, host="no.such.host.invalid").start()
    with pytest.raises(BadInputError, match=r"192\.0\.2\.1"):
        MerServer(model_dir, host="192.0.2.1").start()


def test_no_model(tmp_path):
    with pytest.raises(MissingFileError, match=f"{tmp_path}/absent"):
        MerServer(tmp_path / "absent")
    with pytest.raises(MissingFileError, match=f"no version in {tmp_path}"):
        MerServer(tmp_path)
    (tmp_path / "7").mkdir()
    with pytest.raises(MissingFileError, match=f"no version in {tmp_path}"):
        MerServer(tmp_path)
    (tmp_path / "7" / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(BadInputError, match="7 cannot be loaded"):
        MerServer(tmp_path)


def test_half_copied_model(tmp_path, model_dir):
    shutil.copytree(model_dir / "10", tmp_path / "10")
    (tmp_path / "10" / "variables" / "variables.data-00000-of-00001").unlink()
    with pytest.raises(BadInputError, match="10 cannot be loaded"):
        MerServer(tmp_path)


@pytest.fixture
def beside(tmp_path, model_dir):
    """A folder with version 2 whole and version 10 half copied."""
    for version in ("2", "10"):
        shutil.copytree(model_dir / version, tmp_path / version)
    (tmp_path / "10" / "variables" / "variables.data-00000-of-00001").unlink()
    return tmp_path


def test_an_older_version_is_served_while_the_newest_is_half_copied(beside, model_dir, motion):
    with MerServer(beside, poll_seconds=0.1) as server, PredictionClient(server.address) as client:
        assert client.predict_batch(motion(1))[0]["version"] == 2
        (note,) = server.notes
        assert "10 cannot be loaded" in note
        shutil.copytree(model_dir / "10", beside / "10", dirs_exist_ok=True)
        end = time.monotonic() + 60
        while server.version != 10 and time.monotonic() < end:
            time.sleep(0.05)
        assert client.predict_batch(motion(1))[0]["version"] == 10


def test_versions_that_went_away_are_said_once(tmp_path, model_dir, caplog):
    shutil.copytree(model_dir / "2", tmp_path / "2")
    server = MerServer(tmp_path, poll_seconds=0.01)
    shutil.rmtree(tmp_path / "2")
    looks = []
    server._stopping.wait = lambda seconds: looks.append(seconds) or len(looks) > 20
    server._poll()
    said = [record.getMessage() for record in caplog.records if "stays in service" in record.getMessage()]
    assert len(said) == 1 and f"no version in {tmp_path}" in said[0]


def test_requests_that_cannot_be_decoded_fill_no_log(server, caplog):
    with grpc.insecure_channel(server.address) as channel:
        ask = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        for _ in range(12):
            with pytest.raises(grpc.RpcError):
                ask(b"\xff\xff no message", timeout=10)
    records = [record for record in caplog.records if record.name == "grpc._common"]
    assert 1 <= len(records) <= 2
    assert not any(record.exc_info for record in records)
    assert "could not be decoded" in records[0].getMessage()


def test_model_without_our_signature(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"))
    with pytest.raises(BadInputError, match="serving_default"):
        MerServer(tmp_path)


def test_one_saved_model_may_be_named_itself(tmp_path, model_dir):
    assert MerServer(model_dir / "2").version == 2
    shutil.copytree(model_dir / "2", tmp_path / "final")
    assert MerServer(tmp_path / "final").version == 1
    (tmp_path / "final").rename(tmp_path / "0")
    assert MerServer(tmp_path / "0").version == 0


def test_stop_while_in_use(model_dir, motion, monkeypatch):
    server = MerServer(model_dir).start()
    codes, begun = [], []
    compute = mer_tf.serving.server._predict
    monkeypatch.setattr(
        mer_tf.serving.server, "_predict", lambda *args, **limits: begun.append(1) or compute(*args, **limits)
    )

    def ask():
        with grpc.insecure_channel(server.address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "mer"
            for name, value in motion(16).items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            while True:
                try:
                    stub.Predict(request, timeout=10)
                    codes.append("OK")
                except grpc.RpcError as error:
                    codes.append(error.code().name)
                    return

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(ask) for _ in range(4)]
        while codes.count("OK") < 8:
            time.sleep(0.01)
        pool.submit(server.stop, grace=600).result(timeout=120)  # when all is done, not when the time is over
        for future in futures:
            future.result(timeout=15)
    # What had begun was finished; what came later was turned away.
    assert codes.count("OK") == len(begun)
    assert len(codes) - len(begun) == 4
    assert set(codes) <= {"OK", "UNAVAILABLE", "CANCELLED"}
    server.stop()  # a second stop does nothing
    with pytest.raises(ConfigError, match="new MerServer"):
        server.start()
    with MerServer(model_dir, server.port):  # the port is free
        pass


def test_newer_version_is_picked_up(tmp_path, make_model, recipe, model_dir, motion):
    shutil.copytree(model_dir / "2", tmp_path / "2")
    with MerServer(tmp_path, poll_seconds=0.1) as server, PredictionClient(server.address) as client:
        before = client.predict_batch(motion(1))[0]
        # A damaged version does not take over, nor stop the server.
        (tmp_path / "3").mkdir()
        (tmp_path / "3" / "saved_model.pb").write_bytes(b"half")
        time.sleep(0.5)
        assert client.predict_batch(motion(1))[0] == before
        export_saved_model(make_model(seed=9), recipe, ("a", "b", "c"), tmp_path / "new", model_name="other")
        (tmp_path / "new").rename(tmp_path / "4")
        end = time.monotonic() + 20
        while server.version != 4 and time.monotonic() < end:
            time.sleep(0.05)
        after = client.predict_batch(motion(1))[0]
    assert (before["version"], after["version"]) == (2, 4)
    assert set(after["probabilities"]) == {"a", "b", "c"}


def test_warmup_requests(model_dir, tmp_path):
    requests = read_warmup_requests(model_dir / "10")
    assert [request.inputs["face"].tensor_shape.dim[0].size for request in requests] == [1, 3]
    assert {request.model_spec.name for request in requests} == {"mer"}
    assert read_warmup_requests(model_dir / "2") == []
    with pytest.raises(BadInputError, match=r"mer\.json"):
        write_warmup_requests(tmp_path)
    for sizes in ((), (0,), (1,) * 1001):
        with pytest.raises(BadInputError, match="batch_sizes"):
            write_warmup_requests(model_dir / "2", batch_sizes=sizes)


def test_warmup_command(model_dir, tmp_path, capsys):
    shutil.copytree(model_dir / "2", tmp_path / "2")
    assert warmup_main([str(tmp_path / "2")]) == 0
    assert capsys.readouterr().out.strip().endswith("tf_serving_warmup_requests")
    assert warmup_main([str(tmp_path)]) == 2
    assert "mer.json" in capsys.readouterr().err
    assert warmup_main([]) == 2


def test_warmup_that_does_not_fit_or_is_damaged(model_dir, tmp_path):
    shutil.copytree(model_dir / "10", tmp_path / "10")
    file = tmp_path / "10" / "assets.extra" / "tf_serving_warmup_requests"
    whole = file.read_bytes()
    file.write_bytes(whole[:-7])
    with pytest.raises(BadInputError, match="damaged"):
        MerServer(tmp_path)
    description = tmp_path / "10" / "assets.extra" / "mer.json"
    description.write_text(description.read_text().replace("48", "47"))
    write_warmup_requests(tmp_path / "10")
    with pytest.raises(BadInputError, match="does not fit"):
        MerServer(tmp_path)


@pytest.mark.slow
def test_serve_until_sigterm(model_dir, motion):
    code = (
        "import sys; from mer_tf.serving.server import serve; "
        "serve(sys.argv[1], 0, announce=lambda text: print(text, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(model_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    try:
        line = process.stdout.readline()
        address = line.split(" on ")[1].split()[0]
        with PredictionClient(address) as client:
            client.wait_ready(10)
            assert client.predict_batch(motion(1))
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0, process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_serve_until_ctrl_c_puts_the_handlers_back(model_dir):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    lines = []

    def announce(line):
        lines.append(line)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    mer_tf.serving.server.serve(model_dir, 0, name="mer", announce=announce)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert len(lines) == 1 and "127.0.0.1:" in lines[0]
    port = int(lines[0].split("127.0.0.1:")[1].split()[0])
    with MerServer(model_dir, port):  # it has let go of the port
        pass
