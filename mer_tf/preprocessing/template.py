"""A neutral face of 68 points to align to.

Coordinates as in ``align``: x to the right, y down, iBUG order. The fixed template is our own drawing: symmetric,
upright, eyes open, mouth closed, outer eye corners 100 px apart, placed on a canvas of 240x240 pixels.
"""

from __future__ import annotations

import numpy as np

from mer_tf.preprocessing.augment import MIRROR_68

TEMPLATE_SIZE = (240, 240)  # height, width
TEMPLATE_INTEROCULAR = 100.0
TEMPLATE_EYES = (119.5, 90.0)  # midpoint of the outer eye corners

# Relative to the midpoint of the outer eye corners: the half at image-left and the midline; the rest mirrors it.
_HALF = {
    0: (-81.4, -1.0), 1: (-80.9, 19.7), 2: (-79.4, 40.6), 3: (-76.1, 61.2), 4: (-69.5, 80.9), 5: (-57.6, 99.3),
    6: (-41.3, 114.1), 7: (-21.3, 124.7), 8: (0.0, 127.8),
    17: (-67.9, -13.7), 18: (-57.4, -24.0), 19: (-42.7, -27.8), 20: (-27.5, -26.8), 21: (-13.2, -21.7),
    27: (0.0, -5.2), 28: (0.0, 7.4), 29: (0.0, 20.9), 30: (0.0, 35.0),
    31: (-15.5, 47.1), 32: (-8.0, 49.6), 33: (0.0, 51.8),
    36: (-50.0, 0.0), 37: (-41.0, -5.9), 38: (-30.9, -5.8), 39: (-21.7, 0.8), 40: (-31.3, 2.8), 41: (-41.5, 2.7),
    48: (-31.6, 74.2), 49: (-20.2, 68.4), 50: (-7.8, 65.0), 51: (0.0, 66.8),
    57: (0.0, 85.9), 58: (-9.0, 85.2), 59: (-20.2, 81.6),
    60: (-26.9, 74.3), 61: (-8.3, 73.5), 62: (0.0, 74.2), 66: (0.0, 75.8), 67: (-8.3, 75.1),
}  # fmt: skip


def neutral_template() -> np.ndarray:
    """The fixed template: ``(68, 2)`` float64 as (x, y), inside the 240x240 canvas.

    Assumption: ASTNet's paper aligns to "a template face" and gives none. A fixed one needs no fold bookkeeping.
    """
    points = np.empty((68, 2))
    for index, (x, y) in _HALF.items():
        points[index] = (x, y)
        points[MIRROR_68[index]] = (-x, y)
    return points + TEMPLATE_EYES
