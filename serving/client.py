"""The client of the prediction server, embedded or ``tensorflow/serving``.

It loads neither TensorFlow nor ``tensorflow_serving``. Clips of
frames are preprocessed in ``mer_tf.serving.clips``.

Example:
    >>> from mer_tf.serving.client import PredictionClient
    >>> client = PredictionClient("127.0.0.1:8500")  # connects on the first call
    >>> client.close()
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import time

import grpc
import numpy as np

from mer_tf import served
from mer_tf.errors import BadInputError, ConfigError, ServerError
from mer_tf.recipes import Recipe, same_recipe
from mer_tf.serving import messages, network

PREDICTION = "/tensorflow.serving.PredictionService"
MODELS = "/tensorflow.serving.ModelService"
HEALTH = "/grpc.health.v1.Health"

# This client cancels nothing: CANCELLED is what a stopping server answers to a call that has not begun.
UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds between two attempts; doubled each time
MAX_MESSAGE_BYTES = 64 << 20


class RequestRefusedError(ServerError):
    """The server answered with an error status.

    Args:
        message: One line.
        code: The ``grpc.StatusCode``.
    """

    def __init__(self, message: str, code: grpc.StatusCode | None = None):
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Description:
    """What the served model says of itself.

    Attributes:
        model: Registry name of the model.
        version: Version number it is served as.
        classes: Class names by index.
        recipe: How to make its inputs.
        mer_tf: Version of mer-tf that exported it.
        versions: Versions of what prepared the training clips, by name; empty where the model does not know.
        gate: ``floor`` of motion, its ``unit`` and how it was measured; ``floor`` None, with ``reason``, where the
            model has no gate.
        trained_on: Clips, datasets, whether they are drawn, scores; empty where the model does not know.
    """

    model: str
    version: int
    classes: tuple[str, ...]
    recipe: Recipe
    mer_tf: str
    versions: dict = dataclasses.field(default_factory=dict)
    gate: dict = dataclasses.field(default_factory=dict)
    trained_on: dict = dataclasses.field(default_factory=dict)

    @property
    def floor(self) -> float | None:
        """Motion below which a clip is answered ``no_motion``, in ``gate["unit"]``; None without a gate."""
        return self.gate.get("floor")


class PredictionClient:
    """Asks a prediction server; a context manager. Threads may share one client.

    Every call ends within ``timeout`` seconds. While the server is unreachable a call is tried again with growing
    pauses (predictions change nothing on the server, so repeating one is safe).

    Args:
        address: ``HOST:PORT``.
        model_name: Name the model is served by.
        timeout: Seconds for one call, attempts included.
        attempts: How often a call is tried while the server is unreachable.

    Raises:
        ConfigError: Where an argument is out of range.
    """

    def __init__(self, address: str, *, model_name: str = "mer", timeout: float = 10.0, attempts: int = 4):
        match = re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^:/\s]+):(\d{1,5})", str(address))
        if not match or not 0 < int(match[2]) <= 65535:
            raise ConfigError(
                f"the server's address must be HOST:PORT, for example 127.0.0.1:8500. Received: {address!r}"
            )
        if not timeout > 0 or attempts < 1:
            raise ConfigError(f"timeout and attempts must be positive. Received: {timeout!r}, {attempts!r}")
        self.address = str(address)
        self.model_name = model_name
        self._timeout = float(timeout)
        self._attempts = attempts
        self._descriptions: dict[int, Description] = {}
        self._host, self._port = match[1].strip("[]"), int(match[2])
        self._proxy = network.proxy_for(self._host)
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # The default waits a second and more before it looks for a server again.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        if self._proxy is None:
            options.append(("grpc.enable_http_proxy", 0))
        self._channel = grpc.insecure_channel(self.address, options=options)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> PredictionClient:
        return self

    def __exit__(self, *unused) -> None:
        self.close()

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Waits until the server is there and the model can be asked.

        Asks ``grpc.health.v1``, which ``tensorflow/serving`` lacks; there it asks for the model's status.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            ServerError: Where the model is not ready in time, or the server has no model of that name.
        """
        end = time.monotonic() + timeout
        pause = FIRST_PAUSE
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise ServerError(f"no answer from {self.address} within {timeout:g} s: {self._why()}")
            try:
                if self._is_ready(min(left, self._timeout)):
                    return
            except grpc.RpcError as error:
                if error.code() not in (*UNREACHABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise self._refused(error) from error
            time.sleep(min(pause, max(end - time.monotonic(), 0)))
            pause = min(2 * pause, LONGEST_PAUSE)

    def describe(self) -> Description:
        """What the served model is, from its signature ``describe``.

        Raises:
            ServerError: Where the server is not there, or the model was not exported by mer-tf.
            ConfigError: Where this version of mer-tf computes another hash of the recipe, or does not know it.
        """
        outputs, version = self._predict(served.DESCRIBE, {served.DESCRIBE_INPUT: np.zeros(1, np.int32)})
        self._descriptions[version] = self._parse(outputs, version)
        return self._descriptions[version]

    def predict(self, tensors: dict) -> dict:
        """The class of one clip from its motion tensors.

        Args:
            tensors: Per entry of ``recipe.inputs`` a float32 array of that shape, as ``ClipPreprocessor`` yields them:
                flow in pixels, images 0..255.

        Returns:
            ``{"class": str, "probabilities": {class: float}, "recipe_hash": str, "version": int}``; where the model has
            a motion gate also ``"motion"`` (float, in the unit of the description's gate) and ``"no_motion"`` (bool).
            Below the floor ``class`` is ``"no_motion"``, and the probabilities stay what the network computes.

        Raises:
            ServerError: Where the server is not there or refuses the tensors.
        """
        return self.predict_batch({name: np.asarray(tensor)[None] for name, tensor in tensors.items()})[0]

    def predict_batch(self, tensors: dict) -> list[dict]:
        """As ``predict``, for arrays with a first dimension of clips; one answer per clip."""
        inputs = {name: np.asarray(tensor, np.float32) for name, tensor in tensors.items()}
        return self._answers(*self._predict(served.BY_TENSORS, inputs))

    def predict_examples(self, examples) -> list[dict]:
        """As ``predict``, from serialized motion records (``tf.train.Example``); one answer per record."""
        examples = list(examples)
        if not all(isinstance(example, bytes) for example in examples):
            raise TypeError("examples must be serialized tf.train.Example, as bytes")
        return self._answers(*self._predict(served.BY_EXAMPLES, {served.EXAMPLES_INPUT: examples}))

    def _predict(self, signature: str, inputs: dict) -> tuple[dict, int]:
        request = messages.PredictRequest()
        request.model_spec.name = self.model_name
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            messages.to_tensor(value, request.inputs[name])
        response = self._call(f"{PREDICTION}/Predict", request, messages.PredictResponse)
        try:
            outputs = {name: messages.to_array(tensor) for name, tensor in response.outputs.items()}
        except ValueError as error:
            raise ServerError(
                f"the server at {self.address} answered with a tensor that cannot be read: {error}"
            ) from error
        return outputs, response.model_spec.version.value

    def _answers(self, outputs: dict, version: int) -> list[dict]:
        missing = {served.PROBABILITIES, served.CLASS, served.RECIPE_HASH} - set(outputs)
        if missing:
            raise ServerError(f"the answer of {self.address} lacks {sorted(missing)}; serve a model exported by mer-tf")
        if version not in self._descriptions:
            self.describe()
        if version not in self._descriptions:
            # The server changed its model between the two calls.
            raise ServerError(f"the server at {self.address} replaced version {version} meanwhile; ask again")
        classes = self._descriptions[version].classes
        answers = [
            {
                "class": name.decode(),
                "probabilities": {key: float(value) for key, value in zip(classes, row)},
                "recipe_hash": recipe_hash.decode(),
                "version": version,
            }
            for name, row, recipe_hash in zip(
                outputs[served.CLASS], outputs[served.PROBABILITIES], outputs[served.RECIPE_HASH]
            )
        ]
        if {served.MOTION, served.NO_MOTION} <= set(outputs):
            for answer, motion, still in zip(answers, outputs[served.MOTION], outputs[served.NO_MOTION]):
                answer |= {"motion": float(motion), "no_motion": bool(still)}
        return answers

    def _parse(self, outputs: dict, version: int) -> Description:
        try:
            fields = json.loads(outputs[served.DESCRIPTION][0])
            settings, sent = fields[served.RECIPE], fields[served.RECIPE_HASH]
            classes = tuple(map(str, fields[served.CLASSES]))
            model, exporter = str(fields[served.MODEL]), str(fields[served.MER_TF])
            # Models exported before there were these do not have them.
            known = [dict(fields.get(name) or {}) for name in (served.VERSIONS, served.GATE, served.TRAINED_ON)]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ServerError(
                f"the description of the model at {self.address} cannot be read; export it again with mer-tf"
            ) from error
        try:
            recipe = Recipe.from_json(settings)
        except (BadInputError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the model at {self.address} (exported by mer-tf {exporter}) has a recipe that this version does not "
                f"know: {error}; use that version here, or export the model again"
            ) from error
        if not same_recipe(recipe.hash, sent):
            raise ConfigError(
                f"the model at {self.address} was exported with recipe hash {sent} but its recipe gives {recipe.hash} "
                f"here; use mer-tf {exporter} here, or export the model again"
            )
        return Description(model, version, classes, recipe, exporter, *known)

    def _is_ready(self, timeout: float) -> bool:
        # Health first: it costs the server nothing. Then the model itself, so that a wrong name is told at once.
        try:
            health = self._rpc(f"{HEALTH}/Check", messages.HealthCheckRequest(), messages.HealthCheckResponse, timeout)
            if health.status != messages.SERVING:
                return False
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND):
                raise
        request = messages.GetModelStatusRequest()
        request.model_spec.name = self.model_name
        try:
            answer = self._rpc(f"{MODELS}/GetModelStatus", request, messages.GetModelStatusResponse, timeout)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
            request.model_spec.name = self.model_name
            self._rpc(f"{PREDICTION}/GetModelMetadata", request, messages.GetModelMetadataResponse, timeout)
            return True
        return any(status.state == messages.AVAILABLE for status in answer.model_version_status)

    def _call(self, method: str, request, response_type):
        end = time.monotonic() + self._timeout
        pause = FIRST_PAUSE
        for attempt in range(1, self._attempts + 1):
            try:
                return self._rpc(method, request, response_type, max(end - time.monotonic(), 0.001))
            except grpc.RpcError as error:
                retry = error.code() in UNREACHABLE and attempt < self._attempts
                if not retry or time.monotonic() + pause >= end:
                    if error.code() in UNREACHABLE and _never_connected(error) and self._listens():
                        # The server came up meanwhile, and gRPC has not looked since: it does so after a pause.
                        with contextlib.suppress(grpc.RpcError):
                            left = min(end - time.monotonic(), 3 * LONGEST_PAUSE)
                            return self._rpc(method, request, response_type, max(left, 0.001), wait_for_ready=True)
                    raise self._refused(error) from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        raise AssertionError("the last attempt returns or raises")

    def _listens(self) -> bool:
        return self._proxy is None and network.fault_of(self._host, self._port).listens

    def _rpc(self, method: str, request, response_type, timeout: float, wait_for_ready: bool = False):
        call = self._channel.unary_unary(
            method, request_serializer=type(request).SerializeToString, response_deserializer=response_type.FromString
        )
        return call(request, timeout=timeout, wait_for_ready=wait_for_ready)

    def _refused(self, error: grpc.RpcError) -> ServerError:
        code, details = error.code(), " ".join((error.details() or "").split())
        if code in UNREACHABLE:
            # A server that is there but not ready says why; a connection that failed is looked at from here.
            why = self._why() if _never_connected(error) else f"{details}; wait for it, or look into its log"
            return RequestRefusedError(f"no prediction server at {self.address}: {why}", code)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            remedy = "give a longer --timeout, or see whether it is overloaded"
            if self._proxy is not None:
                remedy += f"; it was asked {self._proxy.phrase(self._host)}"
            return RequestRefusedError(
                f"the server at {self.address} did not answer within {self._timeout:g} s; {remedy}", code
            )
        hint = ""
        if code is grpc.StatusCode.UNIMPLEMENTED:
            hint = "; what listens there speaks gRPC and is no prediction server: look whether the port is right"
        return RequestRefusedError(f"the server at {self.address} refused: {details} ({code.name}){hint}", code)

    def _why(self) -> str:
        """Why nobody answers, and what to do, as far as it can be seen from this machine."""
        if self._proxy is not None:
            return f"it was asked {self._proxy.phrase(self._host)}"
        fault = network.fault_of(self._host, self._port)
        if fault.unknown_host:
            return f"the name {self._host!r} cannot be resolved ({fault.text}); check it, or give the IP address"
        if fault.listens:
            return (
                "something listens there that does not answer as a prediction server does; look whether the port is "
                "right (TensorFlow Serving takes gRPC on 8500, REST on 8501)"
            )
        remedy = f"mer serve --model DIR --port {self._port}"
        if not network.is_here(self._host):
            remedy += " --host 0.0.0.0 on that machine, and let its firewall pass the port"
        return f"nothing listens there ({fault.text}); start one with: {remedy}"


def _never_connected(error: grpc.RpcError) -> bool:
    """Whether nobody was reached, by the words of gRPC; a server that is there but not ready says why in its own."""
    details = error.details() or ""
    return not details or re.search("connect|resol[uv]|lookup|socket|proxy|http", details, re.IGNORECASE) is not None
