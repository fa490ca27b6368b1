"""What a person should know of a clip before the answer is believed: no face at the apex, another face, a moved head.

A recipe finds the face once, on the first frame, and measures whatever stands in that place later. Here the onset and
the apex are looked at again, each by itself. Nothing is refused and no array changes.

Assumption: all bounds below. From onset to apex of 16 drawn clips the head moves by at most 0.02 of the distance of the
eyes, and the two faces correlate by at least 0.997 (0.991 in two clips of one subject). Faces of two subjects correlate
by 0.83 in the median and by 0.976 at most: most of them are told, not all.
"""

from __future__ import annotations

import cv2
import numpy as np

from mer_tf import served
from mer_tf.errors import ClipError
from mer_tf.preprocessing.align import interocular, similarity
from mer_tf.preprocessing.images import to_gray, to_uint8

MIN_FACE = 80.0  # px between the ends of the jaw; published sets have 150 and more
MAX_SHIFT = 0.25  # of the distance of the eyes
MIN_LIKENESS = 0.95  # correlation of the two faces, put upright and to one size

_SIDE = 64
_EYES = [36, 45]  # outer corners
_EYES_AT = np.array([[14.0, 20.0], [50.0, 20.0]])


def clip_remarks(onset: np.ndarray, apex: np.ndarray, finder, clip: str, numbers: tuple[int, int]) -> list[str]:
    """Remarks on the faces of onset and apex.

    Args:
        onset: ``(height, width, 3)`` uint8 RGB.
        apex: The same; for recipes without an onset the same frame.
        finder: From ``mer_tf.preprocessing.face.make_finder``.
        clip: Clip key, by which some finders look up the points.
        numbers: Frame numbers of onset and apex.

    Returns:
        Sentences that begin with a name of ``mer_tf.served`` and a colon.
    """
    faces = []
    for image, number in zip((onset, apex), numbers):
        gray = to_uint8(to_gray(image))
        try:
            faces.append((gray, finder.landmarks(gray, finder.detect(gray, clip, number), clip, number)))
        except ClipError as error:
            if not finder.finds_again:  # files of landmarks often hold the onset's alone
                return []
            return [f"{served.APEX_FACE}: in frame {number}: {error.message}"]
    (first, points), (second, others) = faces
    remarks = []
    width = float(np.linalg.norm(points[16] - points[0]))
    if width < MIN_FACE:
        remarks.append(
            f"{served.SMALL_FACE}: the face is {width:.0f} px wide; below {MIN_FACE:.0f} px (assumed) little is left "
            "of a micro-expression"
        )
    shift = float(np.linalg.norm((others - points)[27:48].mean(axis=0)))  # nose and eyes
    if shift > MAX_SHIFT * interocular(points):
        remarks.append(
            f"{served.FACE_MOVED}: the head moves by {shift:.0f} px from frame {numbers[0]} to frame {numbers[1]}, "
            f"more than {MAX_SHIFT:g} of the distance of the eyes (assumed); the motion is mostly that of the head"
        )
    like = likeness(first, points, second, others)
    if like < MIN_LIKENESS:
        remarks.append(
            f"{served.OTHER_FACE}: the faces of frames {numbers[0]} and {numbers[1]} correlate by {like:.2f}, less "
            f"than {MIN_LIKENESS:g} (assumed); is it one person?"
        )
    return remarks


def likeness(first: np.ndarray, points: np.ndarray, second: np.ndarray, others: np.ndarray) -> float:
    """Correlation, -1 to 1, of two ``(height, width)`` uint8 faces put on one place by their eyes."""
    cuts = []
    for gray, landmarks in ((first, points), (second, others)):
        matrix = similarity(landmarks[_EYES], _EYES_AT)
        cut = cv2.warpAffine(gray, matrix, (_SIDE, _SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
        cuts.append(cv2.GaussianBlur(cut.astype(np.float64), (0, 0), 2))
    one, two = (cut - cut.mean() for cut in cuts)
    size = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float((one * two).sum() / size) if size else 0.0
