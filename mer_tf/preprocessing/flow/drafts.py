"""Quick flows through OpenCV, for drafts and tests: Farneback 2003 and dense inverse search (Kroeger et al. 2016)."""

from __future__ import annotations

import abc

import cv2
import numpy as np

from mer_tf.preprocessing.flow.pairs import check_pair, match_brightness
from mer_tf.preprocessing.images import to_uint8
from mer_tf.recipes import FlowConfig

DIS_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class _DraftFlow(abc.ABC):
    """Contract of ``TVL1Flow`` around a function of two uint8 images."""

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
        """Flow from ``first`` to ``second``; arguments, result and errors as ``TVL1Flow.__call__``.

        Values are rounded to 256 levels, which is all these methods take.
        """
        images = check_pair(first, second, value_range, strict)
        if self.config.match_brightness:
            images = images[0], match_brightness(*images)
        return self._calc(*(to_uint8(image) for image in images)).astype(np.float32, copy=False)

    @abc.abstractmethod
    def _calc(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow of two uint8 images."""


class FarnebackFlow(_DraftFlow):
    """Farneback's polynomial expansion; parameters are ``config.farneback_*``.

    Identical frames do not give exactly 0: some tenths of a pixel may remain near the border.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> FarnebackFlow()(image, image).shape
        (32, 32, 2)
    """

    def _calc(self, first, second):
        c = self.config
        return cv2.calcOpticalFlowFarneback(
            first,
            second,
            None,
            c.farneback_pyr_scale,
            int(c.farneback_levels),
            int(c.farneback_window),
            int(c.farneback_iterations),
            int(c.farneback_poly_n),
            c.farneback_poly_sigma,
            0,
        )


class DISFlow(_DraftFlow):
    """Dense inverse search with OpenCV's preset ``config.dis_preset``.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> DISFlow()(image, image).shape
        (32, 32, 2)
    """

    def _calc(self, first, second):
        # A new object for every pair: it keeps the flow of the last one.
        return cv2.DISOpticalFlow_create(DIS_PRESETS[self.config.dis_preset]).calc(first, second, None)
