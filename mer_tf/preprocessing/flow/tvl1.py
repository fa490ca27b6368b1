"""TV-L1 optical flow (Zach, Pock and Bischof 2007): settings, and the flow through OpenCV."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mer_tf.checks import number, one_of, truth, whole
from mer_tf.preprocessing.flow.pairs import PairFlow, match_brightness
from mer_tf.preprocessing.flow.settings import FlowConfig


@dataclasses.dataclass(frozen=True)
class TVL1Config(FlowConfig):
    """TV-L1; the defaults are OpenCV's.

    Attributes:
        backend: ``"opencv"`` or ``"tensorflow"`` (``tvl1_tf``).
        border: What lies outside the second frame under the TensorFlow backend: ``"edge"`` (its border repeated) or
            ``"zero"`` (as OpenCV has it).
        tau: Time step of the dual iteration.
        lambda_: Weight of the data term.
        theta: Coupling of the two terms.
        scales: Levels of the pyramid.
        scale_step: Ratio between levels, in (0, 1).
        warps: Warps per level.
        epsilon: Threshold at which iteration stops.
        inner_iterations: Iterations between two medians.
        outer_iterations: Medians per warp.
        median: Side of the median window: 1 (off), 3 or 5.
        match_brightness: Whether the difference of the medians is subtracted from the second image first.
    """

    method: ClassVar[str] = "tvl1"

    backend: str = "opencv"
    border: str = "edge"
    tau: float = 0.25
    lambda_: float = 0.15
    theta: float = 0.3
    scales: int = 5
    scale_step: float = 0.8
    warps: int = 5
    epsilon: float = 0.01
    inner_iterations: int = 30
    outer_iterations: int = 10
    median: int = 5
    match_brightness: bool = False

    def _check(self) -> None:
        one_of("flow.backend", self.backend, ("opencv", "tensorflow"))
        one_of("flow.border", self.border, ("edge", "zero"))
        for name in ("tau", "lambda_", "theta", "epsilon"):
            number(f"flow.{name}", getattr(self, name), lambda v: v > 0, "positive")
        for name in ("scales", "warps", "inner_iterations", "outer_iterations"):
            whole(f"flow.{name}", getattr(self, name))
        one_of("flow.median", self.median, (1, 3, 5))
        number("flow.scale_step", self.scale_step, lambda v: 0 < v < 1, "above 0 and below 1")
        truth("flow.match_brightness", self.match_brightness)

    def used(self, **facts) -> dict:
        """As the base class; OpenCV has one border only."""
        settings = super().used(**facts)
        if self.backend == "opencv":
            settings.pop("border", None)
        return settings


class TVL1Flow(PairFlow):
    """TV-L1 flow of image pairs.

    Args:
        config: Parameters; the defaults are OpenCV's.

    Source: preprocessing of Dual-ATME 2023 and ATSCNN 2024, which name the method and print no parameter.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> TVL1Flow()(image, image).shape
        (32, 32, 2)
    """

    settings = TVL1Config

    def _calc(self, given, gray):
        # A new solver for every pair: OpenCV's keeps buffers between calls, and after a pair of another size it was
        # seen to give a field that differs by up to 0.3 px from a fresh one's.
        solver = _solver(self.config)
        if self.config.match_brightness:
            gray = gray[0], match_brightness(*gray)
        elif given[0].dtype == np.uint8 and given[0].ndim == 2:
            return solver.calc(*map(np.ascontiguousarray, given), None)
        # OpenCV multiplies float input by 255, which restores 0-255 exactly as uint8 input would give it.
        return solver.calc(*(image / np.float32(255) for image in gray), None)


def tvl1_flow(first: np.ndarray, second: np.ndarray, config: TVL1Config | None = None, **options) -> np.ndarray:
    """One pair through ``TVL1Flow``; options as its call."""
    return TVL1Flow(config)(first, second, **options)


def make_tvl1(config: TVL1Config):
    """TV-L1 by the backend that the settings name."""
    if config.backend == "tensorflow":
        from mer_tf.preprocessing.flow.tvl1_tf import TVL1TensorFlow

        return TVL1TensorFlow(config)
    return TVL1Flow(config)


def _solver(config: TVL1Config):
    import cv2  # here: settings are read without OpenCV

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
