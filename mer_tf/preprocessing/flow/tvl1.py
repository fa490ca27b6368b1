"""TV-L1 optical flow (Zach, Pock and Bischof 2007) through OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from mer_tf.preprocessing.flow.pairs import check_pair, match_brightness
from mer_tf.recipes import FlowConfig


class TVL1Flow:
    """TV-L1 flow of image pairs.

    Args:
        config: Parameters; the defaults are OpenCV's.

    Source: preprocessing of seeds 001 and 004, which name the method and print no parameter.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> TVL1Flow()(image, image).shape
        (32, 32, 2)
    """

    def __init__(self, config: FlowConfig | None = None):
        self.config = config or FlowConfig()

    def __call__(
        self,
        first: np.ndarray,
        second: np.ndarray,
        *,
        value_range: tuple[float, float] | None = None,
        strict: bool = False,
    ) -> np.ndarray:
        """Flow from ``first`` to ``second``.

        Args:
            first: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or float; sides >= 16.
            second: Same shape and type.
            value_range: ``(0, 1)`` or ``(0, 255)``; needed for float images and refused to be guessed, because
                OpenCV scales floats by 255 and a wrong range gives a wrong field without a word.
            strict: Whether colour images are refused instead of converted to luma.

        Returns:
            ``(height, width, 2)`` float32, pixels.

        Raises:
            TypeError: Not arrays, or another dtype.
            ValueError: Shapes differ, a side is under 16, values are not finite or outside the declared range.
        """
        images = check_pair(first, second, value_range, strict)
        # A new solver for every pair: OpenCV's keeps buffers between calls, and after a pair of another size it was
        # seen to give a field that differs by up to 0.3 px from a fresh one's.
        solver = _solver(self.config)
        if self.config.match_brightness:
            images = images[0], match_brightness(*images)
        elif first.dtype == np.uint8 and first.ndim == 2:
            return solver.calc(np.ascontiguousarray(first), np.ascontiguousarray(second), None)
        # OpenCV multiplies float input by 255, which restores 0-255 exactly as uint8 input would give it.
        return solver.calc(images[0] / np.float32(255), images[1] / np.float32(255), None)


def tvl1_flow(first: np.ndarray, second: np.ndarray, config: FlowConfig | None = None, **options) -> np.ndarray:
    """One pair through ``TVL1Flow``; options as its call."""
    return TVL1Flow(config)(first, second, **options)


def _solver(config: FlowConfig):
    solver = cv2.optflow.createOptFlow_DualTVL1()
    solver.setTau(config.tau)
    solver.setLambda(config.lambda_)
    solver.setTheta(config.theta)
    solver.setScalesNumber(int(config.scales))
    solver.setScaleStep(config.scale_step)
    solver.setWarpingsNumber(int(config.warps))
    solver.setEpsilon(config.epsilon)
    solver.setInnerIterations(int(config.inner_iterations))
    solver.setOuterIterations(int(config.outer_iterations))
    solver.setMedianFiltering(int(config.median))
    solver.setGamma(0.0)
    solver.setUseInitialFlow(False)
    return solver
