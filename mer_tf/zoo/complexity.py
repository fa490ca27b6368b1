"""Weights, operations and memory of a network, layer by layer, without running it.

One counting rule for every system: that of torchstat, the tool whose three columns ATSCNN 2024 prints in its Table 3.
For one clip:

* convolution: ``kernel positions * input channels * (output channels / groups)`` per output position, and one per
  output value where there is a bias (a multiplication with its addition is one operation);
* dense layer: inputs * outputs per position, the bias is free; so does every matrix product of a layer's input with
  the layer's own weights, however it is written (``MatMul``, ``BatchMatMul``, ``Einsum``, ``tensordot``);
* batch normalisation: two per input value;
* maximum and average pooling with a window: one per input value;
* ReLU, leaky ReLU, PReLU, ELU, wherever they stand: one per value;
* everything else: nothing. That is SELU, sigmoid, softmax, GELU, global and adaptive pooling, sums, dropout, padding,
  joining, and products of two activations (the scores of attention) or with constants (resampling).

The tool knows no layer normalisation and no recurrent layers. Here layer normalisation counts as batch normalisation;
LSTM and ConvLSTM count their four input and four recurrent products and the biases at every time step.

Memory traffic is counted for the same layers, 4 bytes per value: what a layer reads (its input and its weights; of a
normalisation gamma and beta) and what it writes (its output). An activation that a layer applies itself is counted as
a layer of its own, as there. ``activations`` is another figure: the outputs of all top-level layers, 4 bytes per
value, which is about what training must keep per clip.

Nothing is executed: the network is traced once on symbolic tensors of batch size 1. ``without_weights`` builds a
network of any size with the shapes of its weights but no memory for them.

Source: torchstat, https://github.com/Swall0w/torchstat (compute_flops.py, compute_memory.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.grouped_conv2d import GroupedConv2D
from mer_tf.layers.linear_softmax import LinearSoftmax
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D
from mer_tf.layers.spatial_self_attention import SpatialSelfAttention

__all__ = ["Call", "Complexity", "LayerCount", "count", "count_system", "trace", "without_weights"]

_BYTES = 4
_COUNTED_ACTIVATIONS = ("relu", "relu6", "leaky_relu", "elu")
_RECTIFIERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_NORMALISATIONS = (BatchNorm, keras.layers.BatchNormalization, keras.layers.LayerNormalization)
_RECURRENT = (keras.layers.LSTM, keras.layers.ConvLSTM2D)
_POOLS = (
    PaddedMaxPool2D,
    *(getattr(keras.layers, f"{kind}Pooling{n}D") for kind in ("Max", "Average") for n in (1, 2, 3)),
)
# Layers with a rule of their own: what they do inside is not looked at.
_KNOWN = (
    *_RECTIFIERS,
    *_CONVOLUTIONS,
    *_NORMALISATIONS,
    *_RECURRENT,
    *_POOLS,
    keras.layers.Activation,
    keras.layers.Dense,
    GroupedConv2D,
    LinearSoftmax,
    SpatialSelfAttention,
)
# TensorFlow operations that the package's own layers call directly, with their counterpart in the rule.
_ACTIVATION_OPS = ("Relu", "Relu6", "LeakyRelu", "Elu")
_POOL_OPS = ("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D")
_PRODUCT_OPS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum")


@dataclasses.dataclass(frozen=True)
class LayerCount:
    """What one top-level layer costs for one clip.

    Attributes:
        name: Name of the layer.
        kind: Class of the layer.
        output: Shape of the output, batch axis left out.
        parameters: Its weights, moving statistics left out.
        fixed: Weights that training's gradient does not change: moving statistics and frozen weights.
        flops: Operations.
        traffic: Bytes read and written.
        activations: Bytes of the output.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    fixed: int
    flops: int
    traffic: int
    activations: int


def _total(what: str, meaning: str) -> property:
    return property(lambda self: sum(getattr(layer, what) for layer in self.layers), doc=meaning)


@dataclasses.dataclass(frozen=True)
class Complexity:
    """Layers in the order of the computation, and their sums."""

    layers: tuple[LayerCount, ...]
    trainable_parameters: int

    parameters = _total("parameters", "Weights, moving statistics left out.")
    fixed = _total("fixed", "Moving statistics and frozen weights.")
    flops = _total("flops", "Operations for one clip.")
    traffic = _total("traffic", "Bytes read and written for one clip.")
    activations = _total("activations", "Bytes of all layers' outputs for one clip.")


@dataclasses.dataclass(frozen=True)
class Call:
    """One application of a top-level layer.

    Attributes:
        layer: The layer.
        inputs: Symbolic tensors it was given.
        outputs: Symbolic tensors it returned.
        cost: (operations, bytes read and written).
        sources: Where the inputs come from: an index into the list of calls, or the name of an input of the model.
    """

    layer: keras.layers.Layer
    inputs: tuple
    outputs: tuple
    cost: tuple[int, int]
    sources: tuple[int | str, ...] = ()


def count_system(name: str, num_classes: int = 3) -> Complexity:
    """Counts a system of the registry in full size; no memory is used for its weights.

    Args:
        name: Registry name.
        num_classes: Number of classes.
    """
    from mer_tf.systems.registry import build_model

    return count(without_weights(lambda: build_model(name, num_classes)))


def count(model: keras.Model) -> Complexity:
    """Counts a built functional model.

    Args:
        model: Functional model, from ``without_weights`` or with weights; its weights stay as they are.

    Returns:
        One entry per layer, inputs left out. A layer that is applied several times is one entry with the cost of
        all applications; a frozen model's weights are among ``fixed``.
    """
    calls: dict[str, list[Call]] = {}
    for call in trace(model):
        calls.setdefault(call.layer.name, []).append(call)
    layers = []
    for name, applied in calls.items():
        layer = applied[0].layer
        flops, traffic = (sum(costs) for costs in zip(*(call.cost for call in applied)))
        parameters, fixed = _weights(layer)
        layers.append(
            LayerCount(
                name,
                type(layer).__name__,
                tuple(_shape(applied[0].outputs[0])[1:]),
                parameters,
                fixed,
                flops,
                traffic,
                _BYTES * sum(_size(tensor) for call in applied for tensor in call.outputs),
            )
        )
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return Complexity(tuple(layers), int(trainable))


def trace(model: keras.Model) -> list[Call]:
    """Applications of the model's top-level layers, on symbolic tensors of batch size 1.

    The order is the same with every version of Keras: each stream from its input to where streams join.

    Raises:
        ValueError: The model is not functional, or an input has an unknown size.
    """
    try:
        specs = {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}
    except (AttributeError, TypeError):
        raise ValueError(f"only functional models can be counted. Received: {type(model).__name__}") from None
    for name, shape in specs.items():
        if None in shape:
            raise ValueError(f"input {name!r} of model {model.name!r} has an unknown size: {shape}")
    dtypes = {tensor.name.split(":")[0]: tensor.dtype for tensor in model.inputs}

    def apply(tensors):
        recorder.inputs = {tensor.name: name for name, tensor in tensors.items()}
        given = tensors if isinstance(model.input, dict) else list(tensors.values())
        return model(given[0] if isinstance(given, list) and len(given) == 1 else given, training=False)

    recorder = _Recorder(model)
    with recorder.attached():
        arguments = {n: tf.TensorSpec((1, *shape), dtypes[n]) for n, shape in specs.items()}
        with _stateless(model):
            tf.function(apply, autograph=False).get_concrete_function(arguments)
    return recorder.ordered()


def without_weights(build: Callable[[], keras.Model]) -> keras.Model:
    """What ``build()`` returns, with the shapes of all weights but no memory for them.

    The model can be counted and drawn; it cannot be called, trained or saved.
    """
    if not keras.__version__.startswith("2."):
        with keras.StatelessScope(initialize_variables=False):
            model = build()
        # Keras 3 would give them values when it next leaves such a scope, whatever model that is about.
        from keras.src.backend.common import global_state

        global_state.set_global_attribute("uninitialized_variables", [])
        return model
    # The one kind of variable that has a shape and no value; TensorFlow makes it while it loads a SavedModel. A model
    # built in a graph would have none either, but Keras 2 changes its classes for good there.
    from tensorflow.python.ops.resource_variable_ops import UninitializedVariable

    def create(next_creator, **settings):
        initial = settings["initial_value"]
        if not isinstance(initial, functools.partial):  # a counter of Keras, with its value
            return next_creator(**settings)
        return UninitializedVariable(
            trainable=settings.get("trainable"),
            name=settings.get("name"),
            shape=initial.args[0],
            dtype=tf.as_dtype(settings.get("dtype") or tf.float32),
        )

    with tf.variable_creator_scope(create):
        return build()


class _Recorder:
    """Wraps ``call`` of every layer of one model, on the instances, while ``attached``."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.calls: list[Call] = []
        self.inputs: dict[str, str] = {}  # name of a symbolic tensor -> name of the model's input
        self.open: list[dict] = []  # layers that are being called, outermost first

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        top = [layer for layer in self.model.layers if not isinstance(layer, keras.layers.InputLayer)]
        parts = {id(part): part for layer in top for part in _parts(layer)}
        for part in parts.values():
            part.call = self._wrap(part, part.call, any(part is layer for layer in top))
        try:
            yield
        finally:
            for part in parts.values():
                del part.call

    def ordered(self) -> list[Call]:
        """The calls, each after all it needs, depth first from the last one."""
        makers = {tensor.name: number for number, call in enumerate(self.calls) for tensor in call.outputs}

        def origin(tensor) -> int | str:
            while tensor.name not in makers and tensor.name not in self.inputs:
                tensor = tensor.op.inputs[0]  # Keras may cast or copy between two layers
            return makers.get(tensor.name, self.inputs.get(tensor.name))

        sources = [tuple(dict.fromkeys(map(origin, call.inputs))) for call in self.calls]
        needed = {source for found in sources for source in found}
        places: dict[int, int] = {}
        waiting = [number for number in reversed(range(len(self.calls))) if number not in needed]
        while waiting:
            missing = [s for s in sources[waiting[-1]] if isinstance(s, int) and s not in places]
            if missing:
                waiting.extend(reversed(missing))
            else:
                places.setdefault(waiting.pop(), len(places))
        calls = [None] * len(self.calls)
        for number, place in places.items():
            found = tuple(places[s] if isinstance(s, int) else s for s in sources[number])
            calls[place] = dataclasses.replace(self.calls[number], sources=found)
        return calls

    def _wrap(self, layer, call, is_top):
        @tf.autograph.experimental.do_not_convert
        def counted(inputs, *args, **kwargs):
            if self.open and self.open[-1].known:
                return call(inputs, *args, **kwargs)
            tensors = tuple(tf.nest.flatten(inputs))
            graph = tensors[0].graph
            if self.open:
                self.open[-1].settle(graph)
            frame = _Frame(layer, tensors, len(graph.get_operations()))
            self.open.append(frame)
            try:
                result = call(inputs, *args, **kwargs)
            finally:
                self.open.pop()
            if is_top:  # a layer that returns its input as it is must have an output of its own
                result = tf.nest.map_structure(tf.identity, result)
            outputs = tuple(tf.nest.flatten(result))
            if frame.known:
                frame.add(_layer_cost(layer, tensors[0], outputs[0]))
            else:
                frame.settle(graph)
            if self.open:  # part of a layer of the package, whose own operations go on from here
                self.open[-1].add((frame.flops, frame.traffic))
                self.open[-1].seen = len(graph.get_operations())
            if is_top:
                self.calls.append(Call(layer, tensors, outputs, (frame.flops, frame.traffic)))
            return result

        return counted


@dataclasses.dataclass
class _Frame:
    """A layer that is being called: its cost so far, and how many of the graph's operations are dealt with."""

    layer: keras.layers.Layer
    inputs: tuple
    seen: int
    flops: int = 0
    traffic: int = 0

    def __post_init__(self):
        self.known = isinstance(self.layer, _KNOWN)
        self.first = self.seen

    def add(self, cost: tuple[int, int]) -> None:
        self.flops += cost[0]
        self.traffic += cost[1]

    def settle(self, graph) -> None:
        """Adds the operations made since ``seen``."""
        operations = graph.get_operations()
        for operation in operations[self.seen :]:
            if operation.type in _PRODUCT_OPS:
                self.add(self._product_cost(operation, operations))
            else:
                self.add(_operation_cost(operation))
        self.seen = len(operations)

    def _product_cost(self, operation, operations) -> tuple[int, int]:
        """The cost of a matrix product in a layer with weights, if one side does not depend on the layer's inputs."""
        if not self.layer.weights:
            return 0, 0
        reached = {tensor.name for tensor in self.inputs}  # what depends on the layer's inputs
        for made in operations[self.first :]:
            if any(tensor.name in reached for tensor in made.inputs):
                reached.update(tensor.name for tensor in made.outputs)
        sides = operation.inputs
        if sum(tensor.name in reached for tensor in sides) != 1:
            return 0, 0
        values = sum(_size(tensor) for tensor in (*sides, *operation.outputs))
        return _products(operation), _BYTES * values


def _layer_cost(layer, source, result) -> tuple[int, int]:
    """(operations, bytes read and written) of a layer of ``_KNOWN`` from its first input to its output."""
    size_in, size_out = _size(source), _size(result)
    weights = sum(math.prod(weight.shape) for weight in layer.trainable_weights)
    bias = size_out if getattr(layer, "use_bias", True) else 0
    if isinstance(layer, (*_CONVOLUTIONS, GroupedConv2D)):
        cost = (math.prod(layer.kernel.shape) * (size_out // result.shape[-1]) + bias, size_in + weights + size_out)
    elif isinstance(layer, keras.layers.Dense):
        cost = (size_in * result.shape[-1], size_in + weights + size_out)
    elif isinstance(layer, LinearSoftmax):  # its weights are inputs
        cost = (size_in * result.shape[-1], size_in + (size_in + 1) * result.shape[-1] + size_out)
    elif isinstance(layer, SpatialSelfAttention):  # query, key and value: 1x1 convolutions with bias
        cost = (3 * size_out * (source.shape[-1] + 1), 3 * (size_in + size_out) + weights)
    elif isinstance(layer, _NORMALISATIONS):
        cost = (2 * size_in, size_in + 2 * source.shape[-1] + size_out)
    elif isinstance(layer, _POOLS):
        cost = (size_in, size_in + size_out)
    elif isinstance(layer, _RECTIFIERS):
        cost = (size_in, 2 * size_in)
    elif isinstance(layer, keras.layers.LSTM):
        steps = source.shape[1]
        kernels = 4 * layer.units * (source.shape[-1] + layer.units + 1)
        cost = (steps * kernels, size_in + weights + size_out)
    elif isinstance(layer, keras.layers.ConvLSTM2D):
        steps, positions = source.shape[1], math.prod(result.shape[-3:-1])
        kernels = 4 * layer.filters * (math.prod(layer.kernel_size) * (source.shape[-1] + layer.filters) + 1)
        cost = (steps * positions * kernels, size_in + weights + size_out)
    else:  # keras.layers.Activation
        cost = (0, 0)
    if _activation(layer) in _COUNTED_ACTIVATIONS:
        cost = (cost[0] + size_out, cost[1] + 2 * size_out)
    return cost[0], _BYTES * cost[1]


def _activation(layer) -> str:
    """Name of the activation that the layer applies to its output, or ``""``."""
    if isinstance(layer, _RECURRENT):
        return ""
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _operation_cost(operation) -> tuple[int, int]:
    """(operations, bytes read and written) of one TensorFlow operation outside every known layer."""
    if operation.type in _ACTIVATION_OPS:
        size = _size(operation.outputs[0])
        return size, 2 * _BYTES * size
    if operation.type in _POOL_OPS:
        size = _size(operation.inputs[0])
        return size, _BYTES * (size + _size(operation.outputs[0]))
    return 0, 0


def _products(operation) -> int:
    """Multiplications of a matrix product: the sizes of all its different axes multiplied."""
    if operation.type == "Einsum":
        terms = operation.get_attr("equation").decode().split("->")[0].split(",")
        sizes = {}
        for term, tensor in zip(terms, operation.inputs):
            sizes.update(zip(term, _shape(tensor)))
        return math.prod(sizes.values())
    transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
    return _size(operation.outputs[0]) * _shape(operation.inputs[0])[-2 if transposed else -1]


def _weights(layer) -> tuple[int, int]:
    """(weights without moving statistics, weights that the gradient does not change)."""
    trainable = {id(weight) for weight in layer.trainable_weights}
    parameters = fixed = 0
    for weight in layer.weights:
        size = math.prod(weight.shape)
        if id(weight) not in trainable:
            if "int" in str(getattr(weight.dtype, "name", weight.dtype)):  # the counter of a dropout
                continue
            fixed += size
        if "moving_" not in getattr(weight, "path", weight.name):
            parameters += size
    return int(parameters), int(fixed)


def _parts(layer) -> list:
    """The layer and every layer inside it."""
    if hasattr(layer, "_flatten_layers"):
        return list(layer._flatten_layers())
    return [part for part in layer.submodules if isinstance(part, keras.layers.Layer)] + [layer]


def _stateless(model):
    """Where Keras 3 lets weights without memory be looked at."""
    if keras.__version__.startswith("2."):
        return contextlib.nullcontext()
    return keras.StatelessScope(initialize_variables=False)


def _shape(tensor) -> tuple[int, ...]:
    return tuple(int(size) for size in tensor.shape)


def _size(tensor) -> int:
    return math.prod(_shape(tensor))
