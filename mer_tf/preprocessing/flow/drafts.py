"""Quick flows through OpenCV, for drafts and tests: Farneback 2003 and dense inverse search (Kroeger et al. 2016)."""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar

import numpy as np

from mer_tf.checks import number, one_of, truth, whole
from mer_tf.preprocessing.flow.pairs import PairFlow, match_brightness
from mer_tf.preprocessing.flow.settings import FlowConfig
from mer_tf.preprocessing.images import to_uint8

DIS_PRESETS = ("ultrafast", "fast", "medium")  # of OpenCV


@dataclasses.dataclass(frozen=True)
class FarnebackConfig(FlowConfig):
    """Farneback's polynomial expansion.

    Attributes:
        pyr_scale: Ratio between levels of the pyramid, in (0, 1).
        levels: Levels of the pyramid.
        window: Side of the averaging window in pixels.
        iterations: Iterations per level.
        poly_n: Side of the neighbourhood of the expansion in pixels.
        poly_sigma: Standard deviation of the Gaussian of the expansion in pixels.
        match_brightness: Whether the difference of the medians is subtracted from the second image first.
    """

    method: ClassVar[str] = "farneback"

    pyr_scale: float = 0.5
    levels: int = 3
    window: int = 15
    iterations: int = 3
    poly_n: int = 5
    poly_sigma: float = 1.2
    match_brightness: bool = False

    def _check(self) -> None:
        number("flow.pyr_scale", self.pyr_scale, lambda v: 0 < v < 1, "above 0 and below 1")
        for name in ("levels", "window", "iterations", "poly_n"):
            whole(f"flow.{name}", getattr(self, name))
        number("flow.poly_sigma", self.poly_sigma, lambda v: v > 0, "positive")
        truth("flow.match_brightness", self.match_brightness)


@dataclasses.dataclass(frozen=True)
class DISConfig(FlowConfig):
    """Dense inverse search.

    Attributes:
        preset: ``"ultrafast"``, ``"fast"`` or ``"medium"`` of OpenCV.
        match_brightness: Whether the difference of the medians is subtracted from the second image first.
    """

    method: ClassVar[str] = "dis"

    preset: str = "medium"
    match_brightness: bool = False

    def _check(self) -> None:
        one_of("flow.preset", self.preset, DIS_PRESETS)
        truth("flow.match_brightness", self.match_brightness)


class _DraftFlow(PairFlow):
    """Around a function of two uint8 images; values are rounded to 256 levels, which is all these methods take."""

    def _calc(self, given, gray):
        if self.config.match_brightness:
            gray = gray[0], match_brightness(*gray)
        return self._draft(*map(to_uint8, gray)).astype(np.float32, copy=False)

    @abc.abstractmethod
    def _draft(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow of two uint8 images."""


class FarnebackFlow(_DraftFlow):
    """Farneback's polynomial expansion; parameters are those of ``FarnebackConfig``.

    Identical frames do not give exactly 0: some tenths of a pixel may remain near the border.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> FarnebackFlow()(image, image).shape
        (32, 32, 2)
    """

    settings = FarnebackConfig

    def _draft(self, first, second):
        import cv2  # here and below: settings are read without OpenCV

        c = self.config
        settings = (c.pyr_scale, c.levels, c.window, c.iterations, c.poly_n, c.poly_sigma)
        return cv2.calcOpticalFlowFarneback(first, second, None, *settings, 0)


class DISFlow(_DraftFlow):
    """Dense inverse search with OpenCV's preset ``config.preset``.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> DISFlow()(image, image).shape
        (32, 32, 2)
    """

    settings = DISConfig

    def _draft(self, first, second):
        import cv2

        # A new object for every pair: it keeps the flow of the last one.
        return cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{self.config.preset.upper()}")).calc(
            first, second, None
        )
