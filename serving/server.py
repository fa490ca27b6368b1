"""An embedded prediction server that speaks TensorFlow Serving's own gRPC protocol.

For development, tests and demonstrations, where the ``tensorflow/serving`` binary or image is not at hand; a client
cannot tell the two apart, except that this one also answers ``grpc.health.v1``. Requests are checked against the
signature before anything runs: names, types, shapes, sizes, finiteness.

There is no authentication and no encryption, so the server listens on the loopback interface unless told otherwise.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import errno
import functools
import logging
import pathlib
import queue
import signal
import threading

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from mer_tf.errors import BadInputError, ConfigError, how_to_install
from mer_tf.served import BY_TENSORS, SAVED_MODEL
from mer_tf.serving.messages import to_array
from mer_tf.serving.network import check_port, is_loopback, port_error
from mer_tf.serving.versions import version_folders
from mer_tf.serving.warmup import read_warmup_requests

try:
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
except ImportError:  # not everywhere beside tensorflow-serving-api; clients then ask GetModelStatus
    health = None

LOGGER = logging.getLogger(__name__)

DEFAULT_PORT = 8500  # TensorFlow Serving's own
DEFAULT_MODEL_NAME = "mer"
HEALTH_SERVICES = ("", "tensorflow.serving.PredictionService")
MAX_DETAILS = 500  # characters of an error text; gRPC sends it as a header, which is bounded


class MerServer:
    """Serves the newest version under ``model_dir``; a context manager.

    Args:
        model_dir: Folder that holds one folder per version, named by an integer (what Pusher writes), or one
            SavedModel (its version is the folder's name where that is an integer, else 1).
        port: TCP port; 0 takes a free one (see the ``port`` attribute after ``start``).
        host: Address to listen on. Anything but the loopback interface exposes the model without authentication.
        name: Model name clients ask for.
        max_workers: Requests computed at the same time.
        max_waiting: Requests that may wait beyond those; further ones get RESOURCE_EXHAUSTED at once.
        max_message_bytes: Largest request, and largest tensor a request may expand to.
        max_batch: Largest number of clips in one request.
        poll_seconds: How often to look for a newer version; 0 never does.

    Raises:
        BadInputError: Where a number is out of range, or ``model_dir`` holds no model that can be loaded.
    """

    def __init__(
        self,
        model_dir,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        name: str = DEFAULT_MODEL_NAME,
        max_workers: int = 4,
        max_waiting: int = 64,
        max_message_bytes: int = 32 << 20,
        max_batch: int = 64,
        poll_seconds: float = 0.0,
    ):
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
            raise ConfigError(f"port must be an integer from 0 (any free port) to 65535. Received: {port!r}")
        for key, value, least in (
            ("max_workers", max_workers, 1),
            ("max_waiting", max_waiting, 0),
            ("max_message_bytes", max_message_bytes, 1024),
            ("max_batch", max_batch, 1),
            ("poll_seconds", poll_seconds, 0),
        ):
            if not value >= least:
                raise ConfigError(f"{key} must be at least {least}. Received: {value!r}")
        self.model_dir = pathlib.Path(model_dir)
        self.host = host
        self.port = port
        self.name = name
        self._max_workers = max_workers
        self._max_rpcs = max_workers + max_waiting
        self._max_message_bytes = max_message_bytes
        self._max_batch = max_batch
        self._poll_seconds = poll_seconds
        # A version that is still being copied must not keep out an older one that is whole.
        self._model, self.notes = _newest_whole(self.model_dir, name)
        self._said = ""
        self._server = None
        self._health = None
        self._poller = None
        self._stopping = threading.Event()

    @property
    def address(self) -> str:
        """``host:port`` for a client."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def version(self) -> int:
        """The version that is served."""
        return self._model.version

    def start(self) -> MerServer:
        """Binds the port and begins to answer.

        Raises:
            PortInUseError: Where another process listens on the port.
            BadInputError: Where the address cannot be bound for another reason.
        """
        if self._server is not None:
            raise ConfigError("the server was started before; make a new MerServer")
        # gRPC would share a port between processes, and it complains on standard error where it cannot bind:
        # ask the system first, and let gRPC bind exclusively.
        check_port(self.host, self.port)
        self._server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(self._max_workers, thread_name_prefix="mer-serve"),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", self._max_message_bytes),
                ("grpc.max_send_message_length", self._max_message_bytes),
            ],
            maximum_concurrent_rpcs=self._max_rpcs,
        )
        _quieten_decoding()
        service = _Service(self)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, self._server)
        if health is None:
            LOGGER.warning("grpcio-health-checking is not installed: no grpc.health.v1; %s", how_to_install("serving"))
        else:
            self._health = health.HealthServicer()
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        try:
            port = self._server.add_insecure_port(self.address)
        except RuntimeError:
            port = 0
        if not port:
            self._server = None
            raise port_error(self.host, self.port, errno.EADDRINUSE)
        self.port = port
        self._server.start()
        if self._health is not None:
            for name in HEALTH_SERVICES:
                self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        if self._poll_seconds:
            self._poller = threading.Thread(target=self._poll, name="mer-serve-poll", daemon=True)
            self._poller.start()
        if not is_loopback(self.host):
            LOGGER.warning("listening on %s: reachable from the network, without authentication", self.address)
        LOGGER.info("serving %s version %d on %s", self.name, self.version, self.address)
        return self

    def stop(self, grace: float = 5.0) -> None:
        """Refuses new requests, lets running ones finish for ``grace`` seconds, and frees the port."""
        self._stopping.set()
        if self._server is None:
            return
        if self._health is not None:
            self._health.enter_graceful_shutdown()
        self._server.stop(grace).wait()
        if self._poller is not None:
            self._poller.join()

    def wait(self) -> None:
        """Blocks until ``stop`` is called."""
        self._server.wait_for_termination()

    def __enter__(self) -> MerServer:
        return self.start()

    def __exit__(self, *unused) -> None:
        self.stop()

    def _poll(self) -> None:
        # A folder that is still being copied fails to load; it is tried again until it is whole.
        while not self._stopping.wait(self._poll_seconds):
            try:
                model, notes = _newest_whole(self.model_dir, self.name, above=self._model.version)
            except (BadInputError, OSError) as error:
                model, notes = None, (str(error),)
            if model is not None:
                self._model = model
                LOGGER.info("serving %s version %d now", self.name, model.version)
            text = "; ".join(notes)
            if text and text != self._said:  # said once, not at each look
                LOGGER.warning("version %d stays in service: %s", self._model.version, text)
            self._said = text


def serve(model_dir, port: int = DEFAULT_PORT, *, announce=None, **options) -> None:
    """Serves until SIGINT or SIGTERM; to be called from the main thread.

    Args:
        model_dir: See ``MerServer``.
        port: See ``MerServer``.
        announce: Optional callable that gets one line for a person once the server answers.
        **options: Further arguments of ``MerServer``.

    Raises:
        PortInUseError: Where the port is taken.
        BadInputError: Where there is no model to serve.
    """
    server = MerServer(model_dir, port, **options)
    # An Event could deadlock when the signal arrives inside its wait; a SimpleQueue is made for this.
    asked = queue.SimpleQueue()
    # Before the port opens, so that a supervisor's early signal is not lost.
    previous = {
        number: signal.signal(number, lambda received, _: asked.put(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with server:
            if announce is not None:
                announce(f"serving {server.name} version {server.version} on {server.address} (stop with Ctrl-C)")
                for note in server.notes:
                    announce(f"note: not the newest version: {note}")
            asked.get()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@dataclasses.dataclass(frozen=True)
class _Model:
    """One loaded version: what computes, and what describes it."""

    name: str
    version: int
    loaded: object
    signatures: dict  # name -> SignatureDef


class _Service(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    def __init__(self, server: MerServer):
        self._server = server

    def Predict(self, request, context):
        with _answering(context):
            model = self._find(request.model_spec)
            return _predict(model, request, self._server._max_batch, self._server._max_message_bytes)

    def GetModelMetadata(self, request, context):
        with _answering(context):
            model = self._find(request.model_spec)
            fields = set(request.metadata_field)
            if fields != {"signature_def"}:
                raise _Refusal(
                    "INVALID_ARGUMENT", f"metadata_field must be ['signature_def']. Received: {sorted(fields)}"
                )
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            _set_model_spec(response.model_spec, model)
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in model.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.metadata["signature_def"].Pack(signatures)
            return response

    def GetModelStatus(self, request, context):
        with _answering(context):
            model = self._find(request.model_spec)
            response = get_model_status_pb2.GetModelStatusResponse()
            status = response.model_version_status.add(version=model.version)
            status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            return response

    def _find(self, spec) -> _Model:
        model = self._server._model
        if not spec.name:
            raise _Refusal("INVALID_ARGUMENT", f"model_spec.name is empty; this server has {model.name!r}")
        if spec.name != model.name:
            raise _Refusal("NOT_FOUND", f"no model {spec.name[:80]!r}; this server has {model.name!r}")
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            raise _Refusal("NOT_FOUND", f"no version label {spec.version_label[:80]!r}; this server has none")
        if choice == "version" and spec.version.value != model.version:
            raise _Refusal(
                "NOT_FOUND", f"no version {spec.version.value} of {model.name!r}; this server has {model.version}"
            )
        return model


class _Undecodable(logging.Filter):
    """Of requests that gRPC cannot decode, says the 1st, 10th, 100th ... in a line; it would log a traceback each."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if "deserializing" not in record.getMessage():
            return True
        self.count += 1
        record.msg, record.args, record.exc_info = "%d requests so far could not be decoded", (self.count,), None
        return str(self.count).strip("0") == "1"


@functools.cache
def _quieten_decoding() -> _Undecodable:
    """Puts the filter on gRPC's logger, once in a process."""
    undecodable = _Undecodable()
    logging.getLogger("grpc._common").addFilter(undecodable)
    return undecodable


class _Refusal(Exception):
    """A request that gets an error status.

    Args:
        code: Name of a ``grpc.StatusCode``.
        details: One line for the person behind the client.
    """

    def __init__(self, code: str, details: str):
        super().__init__(details)
        self.code = grpc.StatusCode[code]
        self.details = details[:MAX_DETAILS]


@contextlib.contextmanager
def _answering(context):
    """Turns exceptions into statuses; a fault of ours is logged and not shown to the client."""
    try:
        yield
    except _Refusal as refusal:
        context.abort(refusal.code, refusal.details)
    except Exception:
        LOGGER.exception("request failed")
        context.abort(grpc.StatusCode.INTERNAL, "the server failed on this request; see its log")


def _predict(model: _Model, request, max_batch: int, max_bytes: int):
    name = request.model_spec.signature_name or BY_TENSORS
    signature = model.signatures.get(name)
    if signature is None:
        raise _Refusal(
            "FAILED_PRECONDITION", f"no signature {name[:80]!r}; the model has {', '.join(sorted(model.signatures))}"
        )
    wanted, received = set(signature.inputs), set(request.inputs)
    if wanted != received:
        raise _Refusal("INVALID_ARGUMENT", f"signature {name!r} takes {sorted(wanted)}. Received: {_names(received)}")
    unknown = set(request.output_filter) - set(signature.outputs)
    if unknown:
        raise _Refusal(
            "INVALID_ARGUMENT", f"signature {name!r} yields {sorted(signature.outputs)}. Filtered: {_names(unknown)}"
        )
    arrays = {key: _array(key, request.inputs[key], signature.inputs[key], max_batch, max_bytes) for key in wanted}
    batches = {key: len(array) for key, array in arrays.items() if array.ndim}
    if len(set(batches.values())) > 1:
        raise _Refusal("INVALID_ARGUMENT", f"all tensors need the same first dimension. Received: {batches}")
    try:
        outputs = model.loaded.signatures[name](**{key: tf.constant(array) for key, array in arrays.items()})
    except tf.errors.InvalidArgumentError as error:
        raise _Refusal("INVALID_ARGUMENT", _brief(error.message)) from error
    except UnicodeDecodeError as error:
        # TensorFlow quotes the bytes it cannot parse and then fails to make a Python text of its own message.
        raise _Refusal("INVALID_ARGUMENT", _brief(error.object.decode("utf-8", "replace"))) from error
    response = predict_pb2.PredictResponse()
    _set_model_spec(response.model_spec, model)
    response.model_spec.signature_name = name
    for key in request.output_filter or signature.outputs:
        response.outputs[key].CopyFrom(tf.make_tensor_proto(outputs[key].numpy()))
    return response


def _array(name: str, proto, info, max_batch: int, max_bytes: int) -> np.ndarray:
    """The tensor of a request, decoded only after its declared type, shape and size have passed."""
    wanted = tuple(dim.size for dim in info.tensor_shape.dim)
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)[:16]
    dtype = tf.dtypes.as_dtype(info.dtype)
    if proto.dtype != info.dtype:
        raise _Refusal(
            "INVALID_ARGUMENT",
            f"tensor {name!r} must be {dtype.name}. Received type: {_type_name(proto.dtype)}",
        )
    fits = len(wanted) == len(shape) and all(want in (-1, size) for want, size in zip(wanted, shape))
    if not fits or min(shape, default=0) < 0:
        text = ", ".join("batch" if size == -1 else str(size) for size in wanted)
        raise _Refusal("INVALID_ARGUMENT", f"tensor {name!r} must have shape ({text}). Received: {shape}")
    if shape and not 1 <= shape[0] <= max_batch:
        raise _Refusal("INVALID_ARGUMENT", f"tensor {name!r} must hold 1 to {max_batch} entries. Received: {shape[0]}")
    # A tensor may be given as one value and a shape: a few bytes must not become gigabytes.
    size = int(np.prod(shape, dtype=object)) * max(dtype.size or 1, 1)
    if size > max_bytes:
        raise _Refusal("INVALID_ARGUMENT", f"tensor {name!r} expands to {size} bytes; at most {max_bytes} are allowed")
    try:
        array = to_array(proto)
    except ValueError as error:
        raise _Refusal("INVALID_ARGUMENT", f"tensor {name!r}: {error}") from error
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _Refusal(
            "INVALID_ARGUMENT",
            f"tensor {name!r} must be finite. Received: {int((~np.isfinite(array)).sum())} NaN or inf",
        )
    return array


def _brief(message: str) -> str:
    """The line of a TensorFlow error that says something, without raw bytes and graph node names."""
    lines = [line.strip() for line in message.splitlines()]
    for mark in ("must be finite", "Could not parse example", "Key:", "Name:"):
        for line in lines:
            if mark in line:
                if mark == "Could not parse example":
                    return "an entry of 'examples' is not a serialized tf.train.Example"
                return line.split("[[{{")[0].strip()
    return next((line for line in lines if line and not line.startswith(("Graph execution error", "Detected at"))), "")


def _names(names) -> list:
    return [name[:80] for name in sorted(names)[:16]]


def _type_name(number: int) -> str:
    try:
        return tf.dtypes.as_dtype(number).name
    except TypeError:
        return f"number {number}"


def _set_model_spec(spec, model: _Model) -> None:
    spec.name = model.name
    spec.version.value = model.version


def _newest_whole(model_dir: pathlib.Path, name: str, above: int = -1) -> tuple[_Model | None, tuple[str, ...]]:
    """The highest version above ``above`` that can be loaded, and what is wrong with those higher still.

    Returns:
        None in place of the model where no version is above, or none of them can be loaded while one is in service.
    """
    faults: list[str] = []
    for version, folder in version_folders(model_dir):
        if version <= above:
            break
        try:
            return _load(version, folder, name), tuple(faults)
        except BadInputError as error:
            faults.append(str(error))
    if above < 0:
        raise BadInputError(faults[0])
    return None, tuple(faults)


def _load(version: int, folder: pathlib.Path, name: str) -> _Model:
    try:
        proto = saved_model_pb2.SavedModel.FromString((folder / SAVED_MODEL).read_bytes())
        graph = next(graph for graph in proto.meta_graphs if "serve" in graph.meta_info_def.tags)
        loaded = tf.saved_model.load(str(folder), tags=["serve"])
    except Exception as error:  # damaged files raise half a dozen kinds
        text = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInputError(
            f"{folder} cannot be loaded as a SavedModel: {text[:300]}; export or push it again"
        ) from error
    signatures = {key: value for key, value in graph.signature_def.items() if key in loaded.signatures}
    if BY_TENSORS not in signatures:
        raise BadInputError(f"{folder} has no signature {BY_TENSORS!r}; export it with mer-tf")
    model = _Model(name, version, loaded, signatures)
    for request in read_warmup_requests(folder):
        try:
            _predict(model, request, max_batch=1 << 20, max_bytes=1 << 30)
        except _Refusal as error:
            raise BadInputError(f"a warm-up request of {folder} does not fit its model: {error.details}") from error
    return model
