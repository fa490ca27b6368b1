"""Optimizers of a training configuration, each the update of a weight in one kernel."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from mer_tf.training.config import TrainConfig

EPSILON = 1e-8  # of Adam, in the framework that the published codes use; Keras's own is 1e-7


class Optimizer:
    """Updates the weights of one network.

    The optimizers of Keras make a dozen kernels for each weight, which took a tenth of a training; here it is one, or
    two where weights decay. Equal to them up to rounding:

    ``"sgd"``
        ``v = momentum * v - rate * g``, ``w = w + v``; with ``momentum_rate`` ``"current"`` ``v = momentum * v + g``,
        ``w = w - rate * v``.
    ``"adam"``
        ``w = w - rate * m' / (sqrt(v') + epsilon)`` with ``m' = m / (1 - beta_1^t)`` and ``v' = v / (1 - beta_2^t)``.
        Keras corrects the rate instead and adds epsilon to ``sqrt(v)``, which in the first step makes it 32 times as
        large: weights with gradients of 1e-7 hardly move.
    ``"adamw"``, ``"sgdw"``
        The same after ``w = w - rate * decay * w``, of ``"sgdw"`` without the rate.

    ``weight_decay`` of ``"adam"`` and ``"sgd"`` is added to the gradient, times the weight; then the gradient of every
    bias is multiplied by ``bias_rate``. A weight without a gradient stays as it is.

    Args:
        config: Settings of the run.
        variables: The trainable weights, of Keras.

    Source: Kingma and Ba, ICLR 2015, algorithm 1; Loshchilov and Hutter, ICLR 2019, algorithms 1 and 2.
    """

    def __init__(self, config: TrainConfig, variables: Sequence):
        self._config = config
        self._scales = [config.bias_rate if _path(variable).endswith("bias") else 1.0 for variable in variables]
        # A weight of Keras 3 holds the variable.
        self._weights = [v if isinstance(v, tf.Variable) else v.value for v in variables]
        kinds = 2 if config.optimizer in ("adam", "adamw") else int(config.momentum > 0)
        with tf.init_scope():
            self._steps = tf.Variable(0, dtype=tf.int64, trainable=False, name="optimizer_steps")
            self._slots = [
                [tf.Variable(tf.zeros(weight.shape, weight.dtype), trainable=False) for _ in range(kinds)]
                for weight in self._weights
            ]

    def reset(self) -> None:
        """Forgets all steps."""
        self._steps.assign(0)
        for slots in self._slots:
            for slot in slots:
                slot.assign(tf.zeros(slot.shape, slot.dtype))

    def apply(self, gradients: Sequence, rate: tf.Tensor) -> None:
        """Takes one step.

        Args:
            gradients: One of each weight, None for none.
            rate: float32 (), the learning rate.
        """
        config = self._config
        step = tf.cast(self._steps.assign_add(1), tf.float32)
        powers = tf.pow(config.beta_1, step), tf.pow(config.beta_2, step)
        for gradient, weight, slots, scale in zip(gradients, self._weights, self._slots, self._scales):
            if gradient is None:
                continue
            gradient = tf.convert_to_tensor(gradient)
            if config.weight_decay:
                if config.optimizer in ("adam", "sgd"):
                    # L2 as Caffe and PyTorch have it: part of the gradient, on every weight.
                    gradient = gradient + config.weight_decay * weight
                else:
                    decay = config.weight_decay * (rate if config.optimizer == "adamw" else 1.0)
                    tf.raw_ops.ResourceApplyGradientDescent(
                        var=weight.handle, alpha=tf.cast(decay, weight.dtype), delta=weight.read_value()
                    )
            if scale != 1.0:
                gradient = gradient * scale
            if config.optimizer in ("adam", "adamw"):
                self._adam(weight, slots, gradient, rate, powers)
            elif not slots:
                tf.raw_ops.ResourceApplyGradientDescent(var=weight.handle, alpha=rate, delta=gradient)
            else:
                # The velocity of Keras holds the rate of its steps, that of PyTorch does not.
                kept = config.momentum_rate == "kept"
                apply = tf.raw_ops.ResourceApplyKerasMomentum if kept else tf.raw_ops.ResourceApplyMomentum
                apply(var=weight.handle, accum=slots[0].handle, lr=rate, grad=gradient, momentum=config.momentum)

    def _adam(self, weight, slots, gradient, rate, powers) -> None:
        # The kernel adds epsilon to sqrt(v); sqrt(v') + epsilon is sqrt(v) + epsilon * sqrt(1 - beta_2^t) over the
        # same root, so it is enough to shrink epsilon by it.
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=slots[0].handle,
            v=slots[1].handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=rate,
            beta1=self._config.beta_1,
            beta2=self._config.beta_2,
            epsilon=EPSILON * tf.sqrt(1.0 - powers[1]),
            grad=gradient,
        )


def _path(variable) -> str:
    return getattr(variable, "path", variable.name).split(":")[0]
