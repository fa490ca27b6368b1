"""Training of LiteFlowNet on generated pairs of frames whose flow is known exactly.

A pair is a textured background and a few soft-edged shapes, each moved by its own small affine motion and placed with
sub-pixel precision; the flow at a pixel of the first frame is the motion of what is on top there.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

import cv2
import keras
import numpy as np
import tensorflow as tf

from mer_tf import numerics
from mer_tf.errors import ConfigError
from mer_tf.preprocessing.flow.liteflownet import FLOW_SCALE, LEVELS, LiteFlowNet, get_weights, set_weights
from mer_tf.preprocessing.flow.liteflownet_settings import FlowTrainConfig
from mer_tf.preprocessing.flow.liteflownet_weights import read_weights, write_weights

numerics.claim_one_thread()

logger = logging.getLogger(__name__)

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # of Adam
# Published per-pixel sums .32 .08 .02 .01 .005 for levels 6 to 2, with four times the pixels from level to level,
# are these weights of per-level means.
LEVEL_WEIGHTS = {6: 1 / 9, 5: 1 / 9, 4: 1 / 9, 3: 2 / 9, 2: 4 / 9}


def train(
    out: str | os.PathLike,
    config: FlowTrainConfig | None = None,
    *,
    initial: str | os.PathLike | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Trains on generated pairs and writes the weights.

    Args:
        out: File for the weights, rewritten every ``save_every`` steps and at the end.
        config: Settings.
        initial: Weight file to go on from; None begins anew.
        progress: Called with (steps done, steps).

    Returns:
        ``losses`` (one per step, pixels), ``validation`` (mean endpoint error in pixels on 16 pairs that were not
        trained on, and that of a field of zeros), ``seconds``.

    Raises:
        ConfigError: A setting is out of range, or ``out`` is a folder.
        MissingFileError, BadInputError: ``initial`` cannot be read.
        ArithmeticError: The loss stopped being a number; the last weights saved stay.
    """
    config = config or FlowTrainConfig()
    if os.path.isdir(out):
        raise ConfigError(f"{os.fspath(out)} is a folder; name the file for the weights")
    start = time.perf_counter()
    weights = None if initial is None else read_weights(initial)
    model = LiteFlowNet(all_levels=True, seed=config.seed)
    if weights is not None:
        set_weights(model, weights)
    step = training_step(model, config)
    losses = []
    for number in range(config.steps):
        drawn = number % config.distinct_batches if config.distinct_batches else number
        rng = np.random.default_rng((config.seed, 1, drawn))
        loss = float(step(*(tf.constant(part) for part in batch(config, rng))))
        if not np.isfinite(loss):
            raise ArithmeticError(f"the loss is {loss} at step {number + 1}; lower the learning rate")
        losses.append(loss)
        if progress is not None:
            progress(number + 1, config.steps)
        if (number + 1) % config.save_every == 0 or number + 1 == config.steps:
            write_weights(out, get_weights(model))
            logger.info("step %d of %d: loss %.4f px", number + 1, config.steps, np.mean(losses[-config.save_every :]))
    validation = evaluate(model, config)
    return {"losses": losses, "validation": validation, "seconds": time.perf_counter() - start}


def training_step(model: keras.Model, config: FlowTrainConfig) -> Callable:
    """A compiled ``step(first, second, flow) -> loss`` that also updates the weights of ``model`` by Adam."""
    variables = model.trainable_variables
    sizes = [int(np.prod(variable.shape)) for variable in variables]
    # All weights as one vector: an update for each of the 212 arrays doubles the time to compile.
    mean, square = (tf.Variable(tf.zeros(sum(sizes)), trainable=False) for _ in range(2))
    done = tf.Variable(0.0, trainable=False)

    @tf.function(autograph=False)
    def step(first, second, flow):
        with tf.GradientTape() as tape:
            loss = endpoint_loss(model({"first": first, "second": second}, training=True), flow)
        gradient = tf.concat([tf.reshape(part, (-1,)) for part in tape.gradient(loss, variables)], axis=0)
        gradient = tf.clip_by_norm(gradient, config.clip_norm)
        done.assign_add(1.0)
        mean.assign(BETA_1 * mean + (1 - BETA_1) * gradient)
        square.assign(BETA_2 * square + (1 - BETA_2) * tf.square(gradient))
        mean_now, square_now = mean / (1 - BETA_1**done), square / (1 - BETA_2**done)
        change = config.learning_rate * mean_now / (tf.sqrt(square_now) + EPSILON)
        for variable, part in zip(variables, tf.split(change, sizes)):
            variable.assign_sub(tf.reshape(part, variable.shape))
        return loss

    return step


def endpoint_loss(outputs: dict, flow) -> tf.Tensor:
    """Mean endpoint error over the five levels in pixels of the full frame, finer levels weighing more.

    Args:
        outputs: Of ``LiteFlowNet(all_levels=True)``.
        flow: True flow (batch, height, width, 2) in pixels; sides are multiples of 32.
    """
    loss = 0.0
    for level in LEVELS:
        factor = 2 ** (level - 1)
        truth = tf.nn.avg_pool2d(flow, factor, factor, "VALID")
        squared = tf.reduce_sum(tf.square(outputs[f"level{level}"] * FLOW_SCALE - truth), axis=-1)
        # The root has no gradient at zero; the small number is far below what can be measured.
        loss += LEVEL_WEIGHTS[level] * tf.reduce_mean(tf.sqrt(squared + 1e-6))
    return loss


def evaluate(model: keras.Model, config: FlowTrainConfig, pairs: int = 16) -> dict:
    """Mean endpoint error in pixels on generated pairs of their own, and that of saying nothing moves."""
    error, still = [], []
    for start in range(0, pairs, 4):
        numbers = range(start, min(start + 4, pairs))
        samples = [sample(config, np.random.default_rng((config.seed, 2, number))) for number in numbers]
        first, second, flow = (np.stack(part).astype(np.float32) for part in zip(*samples))
        found = np.asarray(model({"first": first, "second": second}, training=False)["flow"])
        error.extend(np.linalg.norm(found - flow, axis=-1).mean(axis=(1, 2)))
        still.extend(np.linalg.norm(flow, axis=-1).mean(axis=(1, 2)))
    return {"endpoint_error": float(np.mean(error)), "endpoint_error_of_zeros": float(np.mean(still))}


def batch(config: FlowTrainConfig, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and second frames (batch, size, size, 3) float32 0..255 and true flow (batch, size, size, 2)."""
    samples = [sample(config, rng) for _ in range(config.batch_size)]
    first, second, flow = (np.stack(part) for part in zip(*samples))
    return first.astype(np.float32), second.astype(np.float32), flow


def sample(config: FlowTrainConfig, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One pair: two (size, size, 3) uint8 frames and the flow (size, size, 2) float32 in pixels from first to second.

    Half of the displacements are below a pixel or so, as they are drawn evenly in their logarithm.
    """
    size = config.size
    margin = int(np.ceil(config.max_motion)) + size // 16 + 2
    side = size + 2 * margin
    frames = [None, None]
    flow = np.zeros((size, size, 2), np.float32)
    for number in range(1 + rng.integers(2, 6)):
        texture = _texture(side, rng)
        mask = np.ones((side, side), np.float32) if number == 0 else _shape(side, rng)
        motion = _motion(side, config.max_motion, rng)
        layers = []
        for matrix in (np.eye(2, 3), motion):
            # From places of the layer to places of the frame, which begins at (margin, margin).
            matrix = matrix + np.array([[0, 0, -margin], [0, 0, -margin]])
            options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT_101}
            paint = cv2.warpAffine(texture, matrix, (size, size), **options)
            cover = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_LINEAR)
            layers.append((paint, cover[..., None]))
        for index, (paint, cover) in enumerate(layers):
            frames[index] = paint if number == 0 else frames[index] * (1 - cover) + paint * cover
        y, x = np.mgrid[margin : margin + size, margin : margin + size].astype(np.float32)
        moved = np.stack(
            [motion[i, 0] * x + motion[i, 1] * y + motion[i, 2] - place for i, place in enumerate((x, y))], axis=-1
        )
        flow = np.where(layers[0][1] >= 0.5, moved, flow) if number else moved
    gain = rng.uniform(0.95, 1.05)
    second = frames[1] * gain
    noise = rng.uniform(0, 2)
    first, second = (frame + rng.normal(0, noise, frame.shape) for frame in (frames[0], second))
    return (*(np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in (first, second)), flow.astype(np.float32))


def _texture(side, rng):
    """(side, side, 3) float32, about 0..255: noise of several sizes with one set of colours."""
    picture = np.zeros((side, side, 3), np.float32)
    for cell in (2, 4, 8, 16, 32):
        count = side // cell + 2
        noise = rng.normal(0, 1, (count, count, 3)).astype(np.float32)
        enlarged = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
        picture += enlarged * rng.uniform(0, 1) * np.sqrt(cell / 8)
    picture /= picture.std() + 1e-6
    return picture * rng.uniform(15, 50) + rng.uniform(60, 190, 3).astype(np.float32)


def _shape(side, rng):
    """(side, side) float32 0..1: an ellipse or a polygon with a soft edge."""
    mask = np.zeros((side, side), np.uint8)
    centre, radius = rng.uniform(0.15, 0.85, 2) * side, rng.uniform(0.08, 0.28, 2) * side
    if rng.random() < 0.5:
        axes = tuple(int(r) for r in radius)
        cv2.ellipse(mask, tuple(int(c) for c in centre), axes, rng.uniform(0, 180), 0, 360, 255, -1)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        corners = centre + np.stack([np.cos(angles), np.sin(angles)], -1) * radius * rng.uniform(0.6, 1.2)
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), rng.uniform(0.5, 2))


def _motion(side, largest, rng):
    """(2, 3) affine map about the middle: a shift, and a turn and scaling that move the rim by up to a third of it."""
    length = largest * 10 ** rng.uniform(-2, 0)
    direction = rng.uniform(0, 2 * np.pi)
    shift = length * np.array([np.cos(direction), np.sin(direction)])
    turn, growth = rng.uniform(-1, 1, 2) * length / 3 / (side / 2)
    linear = np.array([[1 + growth, -turn], [turn, 1 + growth]])
    middle = np.array([(side - 1) / 2] * 2)
    return np.column_stack([linear, shift + middle - linear @ middle])
