"""LiteFlowNet: optical flow by a feature pyramid, warping, cost volumes and learned local averaging.

``LiteFlowNet`` is the network, ``LiteFlowNetFlow`` estimates flow of frames with trained weights from a file.

Source: Hui, Tang and Loy, LiteFlowNet: A Lightweight Convolutional Neural Network for Optical Flow Estimation,
CVPR 2018; used by ASTNet 2024 between neighbouring frames.
"""

from __future__ import annotations

import itertools
import os

import keras
import numpy as np
import tensorflow as tf

from mer_tf.layers.configured import check_at_least
from mer_tf.layers.network import Network
from mer_tf.preprocessing.flow.liteflownet_layers import (
    BrightnessError,
    Centred,
    CentredFrames,
    CostVolume,
    FullSizeFlow,
    GroupedUpsample,
    Warp,
    WeightedPatches,
    leaky_relu,
)
from mer_tf.preprocessing.flow.liteflownet_weights import read_weights

LEVELS = (6, 5, 4, 3, 2)  # of the decoder, coarse to fine; level n is 1 / 2^(n - 1) of the size
FLOW_SCALE = 20.0  # pixels of the full frame per unit of the network's flow
FIRST_MEANS = (0.411618, 0.434631, 0.454253)  # B, G, R
SECOND_MEANS = (0.410782, 0.433645, 0.452793)
MIN_SIDE = 16

_ENCODER = {1: (32,), 2: (32, 32, 32), 3: (64, 64), 4: (96, 96), 5: (128,), 6: (192,)}
_WINDOW = {6: 3, 5: 3, 4: 5, 3: 5, 2: 7}  # side of the last kernels and of the patches of the regularisation


@keras.saving.register_keras_serializable(package="mer_tf")
class LiteFlowNet(Network):
    """Flow from the first to the second frame, refined over five levels by matching, sub-pixel and regularisation.

    Args:
        all_levels: bool. Also gives the flow of every level, which training needs. Defaults to False.
        seed: int >= 0 or None. Decides the initial weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary ``first``, ``second`` of RGB frames (batch, height, width, 3), 0..255, any size.
    Output: float32 (batch, height, width, 2), pixels; with ``all_levels`` a dictionary of it (``flow``) and of
    ``level2`` .. ``level6``, (batch, h / 2^(n-1), w / 2^(n-1), 2) in units of 20 pixels, where h and w are the sides
    enlarged to multiples of 32.

    Parameters: 5,381,969 (features 558,432; matching 755,466; sub-pixel 1,736,426; regularisation 2,331,645).

    Assumption: initial weights, for training from nothing: He-normal; the last layer of matching and sub-pixel is a
    hundred times smaller, so that the first flow is nearly zero; upsampling bilinear; the averaging of the
    regularisation plain. The published weights replace all of them.
    """

    def __init__(self, all_levels=False, seed=None, **kwargs):
        if seed is not None:
            check_at_least(0, seed=seed)

        drawn = np.random.default_rng(seed).integers(1, 2**31, 256).tolist()
        seeds = itertools.repeat(None) if seed is None else iter(drawn)
        inputs = {name: keras.Input((None, None, 3), name=name) for name in ("first", "second")}
        frames = {1: [CentredFrames(FIRST_MEANS, dtype="float32", name="centred_first")(inputs["first"])]}
        frames[1].append(CentredFrames(SECOND_MEANS, dtype="float32", name="centred_second")(inputs["second"]))
        features = dict(zip(range(1, 7), zip(*_encode(frames[1], seeds))))
        for level in range(2, 7):
            # Halving by bilinear sampling with pixel centres at half integers is the mean of two by two pixels.
            halve = keras.layers.AveragePooling2D(2, dtype="float32", name=f"frames_{level}")
            frames[level] = [halve(frame) for frame in frames[level - 1]]
        flow, outputs = None, {}
        for level in LEVELS:
            scale = FLOW_SCALE / 2 ** (level - 1)
            flow = _match(level, features[level], flow, scale, seeds)
            flow = _refine(level, features[level], flow, scale, seeds)
            flow = _regularise(level, features[level], frames[level], flow, scale, seeds)
            outputs[f"level{level}"] = flow
        outputs["flow"] = FullSizeFlow(FLOW_SCALE, dtype="float32", name="full_size")(
            [flow, frames[1][0], inputs["first"]]
        )
        kwargs.setdefault("name", "liteflownet")
        super().__init__(inputs=inputs, outputs=outputs if all_levels else outputs["flow"], **kwargs)


class LiteFlowNetFlow:
    """Flow of frames by LiteFlowNet with weights from a file.

    Args:
        weights_path: File written by ``mer flow convert`` or ``mer flow train``.
        batch_size: int. Pairs of a clip that are estimated together.

    Raises:
        MissingFileError: No path, or no such file; the message says how to get one.
        BadInputError: The file does not hold the network's weights.

    Assumption: the published weights were trained on large motion (chairs, film scenes); for micro-expressions
    compare with TV-L1 before relying on them.
    """

    def __init__(self, weights_path: str | os.PathLike | None, *, batch_size: int = 4):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1. Received: {batch_size!r}")
        self.weights_path = None if weights_path is None else os.fspath(weights_path)
        self.batch_size = batch_size
        self._weights = read_weights(self.weights_path)
        self._estimate = None

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow from ``first`` to ``second``.

        Args:
            first: ``(height, width, 3)`` uint8 RGB, sides >= 16.
            second: Same shape and type.

        Returns:
            ``(height, width, 2)`` float32, pixels.

        Raises:
            TypeError: Not uint8 arrays.
            ValueError: Not RGB, too small, or shapes differ.
        """
        for name, frame in (("first", first), ("second", second)):
            _check(frame, name, 3)
        if first.shape != second.shape:
            raise ValueError(f"first and second must have one shape. Received: {first.shape} and {second.shape}")
        return self._run(first[None], second[None])[0]

    def clip(self, frames: np.ndarray) -> np.ndarray:
        """Flow from each frame of a clip to the next.

        Args:
            frames: ``(frames, height, width, 3)`` uint8 RGB, at least two frames, sides >= 16.

        Returns:
            ``(frames - 1, height, width, 2)`` float32, pixels.

        Raises:
            TypeError: Not a uint8 array.
            ValueError: Not RGB, too small, or fewer than two frames.
        """
        _check(frames, "frames", 4)
        if len(frames) < 2:
            raise ValueError(f"frames must hold at least two frames. Received: {frames.shape}")
        flow = np.empty((len(frames) - 1, *frames.shape[1:3], 2), np.float32)
        for start in range(0, len(flow), self.batch_size):
            stop = min(start + self.batch_size, len(flow))
            flow[start:stop] = self._run(frames[start:stop], frames[start + 1 : stop + 1])
        return flow

    def _run(self, first, second):
        if self._estimate is None:
            model = LiteFlowNet()
            set_weights(model, self._weights)
            frames = tf.TensorSpec((None, None, None, 3), tf.uint8)

            @tf.function(input_signature=(frames, frames))
            def estimate(first, second):
                pair = {"first": tf.cast(first, tf.float32), "second": tf.cast(second, tf.float32)}
                return model(pair, training=False)

            self._estimate = estimate
        return self._estimate(tf.constant(first), tf.constant(second)).numpy()

    def __getstate__(self):
        return {**self.__dict__, "_estimate": None}  # a graph cannot be pickled; a worker builds its own


def get_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Weights of the network by the names of the weight file, ``layer/kernel`` and ``layer/bias``."""
    return {name: np.asarray(variable) for name, variable in _variables(model).items()}


def set_weights(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Gives the network the weights of ``read_weights`` or ``get_weights``."""
    for name, variable in _variables(model).items():
        variable.assign(weights[name])


def _variables(model):
    # By place in the layer: the names of variables differ between Keras versions.
    return {
        f"{layer.name}/{slot}": variable
        for layer in model.layers
        for slot, variable in zip(("kernel", "bias"), layer.weights)
    }


def _check(frames, name: str, rank: int) -> None:
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
        found = frames.dtype if isinstance(frames, np.ndarray) else type(frames).__name__
        raise TypeError(f"{name} must be a uint8 numpy array. Received: {found}")
    if frames.ndim != rank or frames.shape[-1] != 3:
        expected = "(height, width, 3)" if rank == 3 else "(frames, height, width, 3)"
        raise ValueError(f"{name} must be {expected}, RGB. Received: {frames.shape}")
    if min(frames.shape[-3:-1]) < MIN_SIDE:
        raise ValueError(f"{name} must be at least {MIN_SIDE} px on a side. Received: {frames.shape}")


def _conv(filters, kernel, name, seeds, activation=leaky_relu, scale=2.0, **options):
    initializer = keras.initializers.VarianceScaling(scale, "fan_in", "truncated_normal", seed=next(seeds))
    options = {"padding": "same", "kernel_initializer": initializer, **options}
    return keras.layers.Conv2D(filters, kernel, activation=activation, dtype="float32", name=name, **options)


def _encode(frames, seeds):
    """Feature maps of levels 1 to 6 of each frame, by one set of weights."""
    pyramids = [[] for _ in frames]
    maps = list(frames)
    for level, widths in _ENCODER.items():
        for number, filters in enumerate(widths, start=1):
            name = f"features_{level}_conv{number}"
            if level > 1 and number == 1:
                # One row and column of zeros on every side: "same" would pad an even side at its end only.
                pad = keras.layers.ZeroPadding2D(1, dtype="float32", name=f"features_{level}_pad")
                conv = _conv(filters, 3, name, seeds, strides=2, padding="valid")
                maps = [conv(pad(x)) for x in maps]
            else:
                conv = _conv(filters, 7 if level == 1 else 3, name, seeds)
                maps = [conv(x) for x in maps]
        for pyramid, x in zip(pyramids, maps):
            pyramid.append(x)
    return pyramids


def _change(level, part, x, seeds):
    """Four convolutions to a change of the flow."""
    for number, filters in enumerate((128, 64, 32), start=1):
        x = _conv(filters, 3, f"{part}_{level}_conv{number}", seeds)(x)
    return _conv(2, _WINDOW[level], f"{part}_{level}_conv4", seeds, activation=None, scale=2e-4)(x)


def _widen(level, part, features, seeds):
    """Level 2 has few channels: matching and sub-pixel see 64 of them."""
    if level != 2:
        return features
    conv = _conv(64, 1, f"{part}_{level}_features", seeds)
    return [conv(x) for x in features]


def _match(level, features, flow, scale, seeds):
    """Matching (M): the displacement that the cost volume speaks for, added to the flow of the coarser level."""
    part = "matching"
    first, second = _widen(level, part, features, seeds)
    if flow is not None:
        flow = GroupedUpsample(dtype="float32", name=f"{part}_{level}_upsample_flow")(flow)
        second = Warp(scale, dtype="float32", name=f"{part}_{level}_warp")([second, flow])
    stride = 2 if level in (2, 3) else 1
    cost = CostVolume(stride, dtype="float32", name=f"{part}_{level}_cost")([first, second])
    cost = keras.layers.Activation(leaky_relu, dtype="float32", name=f"{part}_{level}_cost_activation")(cost)
    if stride == 2:
        cost = GroupedUpsample(dtype="float32", name=f"{part}_{level}_upsample_cost")(cost)
    change = _change(level, part, cost, seeds)
    return change if flow is None else keras.layers.Add(dtype="float32", name=f"{part}_{level}_flow")([flow, change])


def _refine(level, features, flow, scale, seeds):
    """Sub-pixel refinement (S): a change seen in the features once the second is warped by the flow."""
    part = "subpixel"
    first, second = _widen(level, part, features, seeds)
    second = Warp(scale, dtype="float32", name=f"{part}_{level}_warp")([second, flow])
    x = keras.layers.Concatenate(dtype="float32", name=f"{part}_{level}_join")([first, second, flow])
    change = _change(level, part, x, seeds)
    return keras.layers.Add(dtype="float32", name=f"{part}_{level}_flow")([flow, change])


def _regularise(level, features, frames, flow, scale, seeds):
    """Regularisation (R): every vector becomes a mean of its neighbours, weighted by learned distances."""
    part, window = "regularisation", _WINDOW[level]
    second = Warp(scale, dtype="float32", name=f"{part}_{level}_warp")([frames[1], flow])
    error = BrightnessError(dtype="float32", name=f"{part}_{level}_error")([frames[0], second])
    centred = Centred(dtype="float32", name=f"{part}_{level}_centred")(flow)
    known = features[0] if level >= 5 else _conv(128, 1, f"{part}_{level}_features", seeds)(features[0])
    x = keras.layers.Concatenate(dtype="float32", name=f"{part}_{level}_join")([error, centred, known])
    for number, filters in enumerate((128, 128, 64, 64, 32, 32), start=1):
        x = _conv(filters, 3, f"{part}_{level}_conv{number}", seeds)(x)
    kernels = (window,) if level >= 5 else ((window, 1), (1, window))
    for number, kernel in enumerate(kernels, start=1):
        x = _conv(window**2, kernel, f"{part}_{level}_distance{number}", seeds, activation=None, scale=1.0)(x)
    *weighted, divisor = WeightedPatches(window, dtype="float32", name=f"{part}_{level}_weights")([x, flow])
    means = []
    for axis, patches in zip("xy", weighted):
        total = _conv(1, 1, f"{part}_{level}_sum_{axis}", seeds, activation=None, kernel_initializer="ones")(patches)
        means.append(keras.layers.Multiply(dtype="float32", name=f"{part}_{level}_mean_{axis}")([total, divisor]))
    return keras.layers.Concatenate(dtype="float32", name=f"{part}_{level}_flow")(means)
