"""Training of the learned magnifier on synthetic pairs, and what it does to a known motion."""

from __future__ import annotations

import concurrent.futures
import logging
import math
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from mer_tf import numerics
from mer_tf.preprocessing.magnify.learned_settings import MagnifierTraining, TripletConfig
from mer_tf.preprocessing.magnify.network import MotionMagnifier
from mer_tf.preprocessing.magnify.triplets import Triplets, TripletSource, translated_pair

numerics.claim_one_thread()

_MARGIN = 8  # border left out of the measured motion
_log = logging.getLogger(__name__)


def train_magnifier(
    model: MotionMagnifier,
    training: MagnifierTraining,
    data: TripletConfig | None = None,
    *,
    images: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    every: int = 0,
    save: Callable[[MotionMagnifier], None] | None = None,
) -> np.ndarray:
    """Trains a network in place on synthetic triplets.

    Args:
        model: The network; its present weights are the start.
        training: Steps, rate, loss weights, seed.
        data: What the pictures hold.
        images: Folder of pictures to cut layers from; procedural ones without it.
        progress: Called with steps done and all steps.
        every: With ``save``: it is called after every so many steps, so that a killed run is not lost; 0 for never.
        save: Receives the network.

    Returns:
        ``(steps, 2)`` float64: the whole loss and its image term, mean absolute error in units of -1..1.

    Raises:
        BadInputError: ``images`` cannot be used.
        ValueError: The loss is not finite any more (a learning rate too high).

    Source: Oh et al., equation 4: ``|y' - y| + w (|V_c - V_a| + |M_c - M_b|)``.

    Assumption: noise is added to every encoded picture and not to the target; the published code is read so.
    """
    source = TripletSource(data, seed=training.seed, images=images)
    step = _make_step(model, training)
    history = np.zeros((training.steps, 2))
    # The next pictures are drawn while the network works: numpy lets go of the interpreter.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = pool.submit(source.draw, training.batch)
        for number in range(training.steps):
            batch = coming.result()
            if number + 1 < training.steps:
                coming = pool.submit(source.draw, training.batch)
            history[number] = [float(value) for value in step(batch, number)]
            if not np.isfinite(history[number]).all():
                raise ValueError(
                    f"the loss is not finite after {number + 1} steps; lower learning_rate. "
                    f"Received: {training.learning_rate}"
                )
            if progress:
                progress(number + 1, training.steps)
            if save and every and (number + 1) % every == 0 and number + 1 < training.steps:
                save(model)
    _log.info("magnifier trained %d steps, image loss %.4f", training.steps, history[-1, 1])
    return history


def motion_ratios(
    magnify: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    factors: Sequence[float] = (2.0, 3.0, 4.0),
    *,
    size: int = 64,
    length: float = 0.5,
    pairs: int = 4,
    shortest_wave: float = 5.0,
    seed: int = 10_000,
) -> dict[float, float]:
    """Ratio of output motion to input motion on synthetic translations.

    Args:
        magnify: ``callable(reference, frame, factor)`` on ``(size, size, 3)`` uint8 pictures.
        factors: Asked-for ratios.
        size: Side of the pictures in pixels, > 32.
        length: Motion of the input in pixels.
        pairs: Pictures, each moved in another direction.
        shortest_wave: Of the pictures' textures, in pixels.
        seed: Of the pictures; different from the training's by default.

    Returns:
        Factor -> TV-L1 flow from reference to output, its median over the interior projected on the true motion, over
        the true length; mean over the pairs.
    """
    from mer_tf.preprocessing.flow import tvl1_flow

    ratios = dict.fromkeys(map(float, factors), 0.0)
    for pair in range(pairs):
        angle = 2 * math.pi * (pair + 0.25) / pairs
        direction = np.array([math.cos(angle), math.sin(angle)])
        shift = tuple(length * direction)
        reference, frame = translated_pair(size, shift, seed=seed + pair, shortest_wave=shortest_wave)
        for factor in ratios:
            flow = tvl1_flow(reference, magnify(reference, frame, factor))
            inner = flow[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN].reshape(-1, 2)
            ratios[factor] += float(np.median(inner, axis=0) @ direction) / length / pairs
    return ratios


def _make_step(model: MotionMagnifier, training: MagnifierTraining):
    """``callable(triplets, number)`` that takes one step and answers (loss, image term)."""
    optimizer = keras.optimizers.Adam(training.learning_rate, beta_1=0.9)
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function
    def update(pictures, target, factor, seed):
        strength = tf.random.stateless_uniform((), seed, 0.0, training.noise)
        noise = tf.random.stateless_normal(tf.shape(pictures), seed + 1)
        noisy = pictures + strength * tf.sqrt((pictures + 1.0) / 127.5) * noise
        with tf.GradientTape() as tape:
            texture, shape = model.encoder(noisy, training=True)  # one pass for the three pictures
            texture_a, texture_b, texture_c = tf.split(texture, 3)
            shape_a, shape_b, shape_c = tf.split(shape, 3)
            magnified = model.decoder([texture_b, model.manipulator([shape_a, shape_b, factor])], training=True)
            image = tf.reduce_mean(tf.abs(magnified - target))
            features = tf.reduce_mean(tf.abs(texture_c - texture_a)) + tf.reduce_mean(tf.abs(shape_c - shape_b))
            loss = image + training.regulariser * features
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss, image

    def step(batch: Triplets, number: int):
        optimizer.learning_rate = training.rate(number)
        pictures = np.concatenate([batch.a, batch.b, batch.c])
        seed = tf.constant([training.seed % 2**31, 2 * number], tf.int32)
        return update(tf.constant(pictures), tf.constant(batch.target), tf.constant(batch.factor), seed)

    return step
