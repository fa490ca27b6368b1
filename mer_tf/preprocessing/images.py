"""Image bytes to arrays, gray values and resizing.

Conventions: RGB inside the package, ``uint8`` 0-255 or ``float32`` 0-255 where a docstring says so; bounds are
checked on the file's header before anything is decoded, so a small file that announces a huge picture is refused
without allocating it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable

import numpy as np

from mer_tf.errors import ClipError, ImageError
from mer_tf.files import oddity
from mer_tf.preprocessing import damage, decoder_log, headers

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 2**24  # 4096 x 4096; the largest frames of the published sets are 2040 x 1088

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, for R, G, B

_DEPTHS = (8, 10, 12, 14, 16)  # bits of cameras whose values are kept in 16


def decode_image(
    data: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    bits: int = 16,
    clip: str = "",
    frame: int | None = None,
) -> np.ndarray:
    """Decodes a JPEG, PNG, BMP or TIFF file (of a TIFF the first page; animated PNG, GIF and WebP are refused).

    Args:
        data: The file's bytes.
        max_pixels: Largest width x height accepted; read from the header before decoding.
        max_bytes: Largest file accepted.
        bits: How many of the 16 bits of a 16-bit file are in use, see ``significant_bits``; other files have no part
            in it.
        clip: Clip key for messages.
        frame: Frame number for messages.

    Returns:
        ``(height, width, 3)`` uint8 RGB. Gray is repeated in the three channels, an alpha channel is dropped,
        16-bit values are scaled by ``255 / 65535`` and rounded; where only 8 to 15 bits are in use, the upper 8 of them
        are taken, as a camera with that sensor gives them in 8 bits. Orientation tags are obeyed.

    Raises:
        ImageError: Empty, too large, of another format, animated, truncated, damaged as far as that can be known
            (``mer_tf.preprocessing.damage``), or not decodable.
        TypeError: ``data`` is not bytes.
    """
    image = _decoded(data, max_pixels, max_bytes, clip, frame)
    if image.dtype == np.uint16:
        if 8 <= bits < 16:
            scaled = image >> (bits - 8)
        else:
            scaled = np.rint(image.astype(np.float64) * (255.0 / ((1 << bits) - 1)))
        image = np.minimum(scaled, 255).astype(np.uint8)
    return _as_rgb(image)


def read_picture(path: str | os.PathLike, clip: str = "", frame: int | None = None) -> bytes:
    """The bytes of a picture's file; nothing but a regular file of 1 to 64 MiB is opened.

    Raises:
        ImageError: It is missing, a folder, a pipe, a device or a link to nothing, may not be read, is empty or too
            large.
    """
    named = os.path.basename(path) if clip else os.fspath(path)  # a clip's key tells the folder
    try:
        found = oddity(path)
        if not found:
            size = os.path.getsize(path)
            if 0 < size <= MAX_BYTES:
                with open(path, "rb") as file:
                    return file.read(MAX_BYTES)
            if not size:
                raise ImageError(f"file {named!r}: the image file is empty", clip, frame)
            found = f"of {size} bytes; expected at most {MAX_BYTES}"
    except OSError as error:
        found = f"not readable ({error.strerror or error})"
    raise ImageError(f"file {named!r} is {found}; put the frame's picture there", clip, frame)


def significant_bits(files: Iterable[bytes]) -> tuple[int, str]:
    """How many bits the 16-bit files of one clip hold: cameras of 10, 12 or 14 bits often keep their values in 16.

    Assumption: where no file says how many bits it holds (PNG: chunk sBIT, TIFF: the largest sample value), the
    largest value of them all decides, among 8, 10, 12, 14 and 16 bits. Every frame of a clip is read alike.

    Args:
        files: The bytes of the clip's files; only those of 16 bits are decoded. One that cannot be decoded is passed
            over, since decoding it reports it.

    Returns:
        The bits, and a sentence that says what was found or assumed; 16 and ``""`` where all 16 are in use, or no
        file has 16 bits.
    """
    largest = stated = 0
    for data in files:
        told = headers.stated_bits(data)
        if told is None:
            continue
        stated = max(stated, told)
        try:
            image = _decoded(data, MAX_PIXELS, MAX_BYTES, "", None)
        except ClipError:
            continue
        colours = image if image.ndim == 2 else image[..., : {2: 1, 4: 3}.get(image.shape[2])]  # no alpha
        largest = max(largest, int(colours.max()))
    if largest == 0 or stated == 16:
        return 16, ""
    if stated and largest < 1 << stated:
        return stated, f"the 16-bit files say that they hold {stated} bits, and are read so"
    bits = next(bits for bits in _DEPTHS if largest < 1 << bits)
    if bits == 16:
        return 16, ""
    return bits, f"the 16-bit files of this clip hold no value above {largest}: read as {bits} bits (assumed)"


def _decoded(data, max_pixels: int, max_bytes: int, clip: str, frame: int | None) -> np.ndarray:
    """The picture as OpenCV gives it: uint8 or uint16, gray, BGR or with alpha; upright."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data must be the bytes of an image file. Received: {type(data).__name__}")
    data = bytes(data)

    def fail(what: str):
        return ImageError(f"{what}; copy the file again from the distributor's archive", clip, frame)

    if not data:
        raise fail("the image file is empty (0 bytes)")
    if len(data) > max_bytes:
        raise ImageError(f"the image file has {len(data)} bytes, more than the limit of {max_bytes}", clip, frame)
    try:
        kind, width, height, complete = headers.read(data)
    except (struct.error, IndexError):
        raise fail(f"the image file is truncated inside its header ({len(data)} bytes)") from None
    if kind is None:
        other = headers.other_kind(data)
        if other:
            raise ImageError(
                f"not a JPEG, PNG, BMP or TIFF image but {other}, which is not read; save every frame as PNG",
                clip,
                frame,
            )
        raise fail(f"not a JPEG, PNG, BMP or TIFF image (the file starts with {data[:8]!r})")
    if width < 1 or height < 1:
        raise fail(f"the {kind} header gives a size of {width}x{height}")
    if width * height > max_pixels:
        raise ImageError(
            f"the {kind} header announces {width}x{height} pixels, more than the limit of {max_pixels}", clip, frame
        )
    wrong = complete or (headers.tiff_damage(data) if kind == "TIFF" else None)
    if wrong is not None:
        raise fail(f"the {kind} file is {wrong}")
    if kind == "PNG" and headers.is_animated_png(data):
        raise ImageError("the PNG file is animated; save every frame as a file of its own", clip, frame)

    import cv2  # here and below: settings of methods are read without OpenCV

    flags = cv2.IMREAD_UNCHANGED if kind in ("PNG", "TIFF") else cv2.IMREAD_COLOR
    try:
        with decoder_log.heard() as lines:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if kind == "JPEG" and lines and not damage.told_damage(kind, data, lines):
            plain = damage.plain_jpeg(data)
            with decoder_log.heard() as lines:
                cv2.imdecode(np.frombuffer(plain, np.uint8), flags)
    except cv2.error as error:
        raise fail(f"the {kind} decoder refused the file ({_one_line(error)})") from error
    told = damage.told_damage(kind, data, lines)
    if told:
        raise fail(f"the {kind} file is damaged ({told})")
    if image is None:
        raise fail(f"the {kind} file of {len(data)} bytes cannot be decoded")
    # OpenCV turns JPEG and TIFF itself, and PNG only where it makes 8 bits of 16.
    return _upright(image, headers.png_orientation(data)) if kind == "PNG" else image


def check_image(image: np.ndarray, name: str = "image") -> np.ndarray:
    """Refuses anything but ``(height, width, 3)`` uint8 with ``ValueError`` or ``TypeError``."""
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{name} must be a numpy array. Received: {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"{name} must be (height, width, 3) uint8 RGB. Received: {image.shape} {image.dtype}")
    return image


def check_finite(image: np.ndarray, name: str = "image") -> np.ndarray:
    """Refuses a float array that holds NaN or infinity with ``ValueError``."""
    if image.dtype.kind != "f":
        return image
    # The sum is quicker than a mask, and not finite where a value is not (or where it overflows).
    with np.errstate(over="ignore", invalid="ignore"):
        total = image.sum(dtype=np.float64)
    if not np.isfinite(total) and not np.isfinite(image).all():
        bad = int(image.size - np.isfinite(image).sum())
        raise ValueError(f"{name} must be finite. Received: {bad} of {image.size} values NaN or infinite")
    return image


def to_gray(image: np.ndarray) -> np.ndarray:
    """Luma of an RGB image.

    Args:
        image: ``(height, width, 3)`` RGB, uint8 0-255 or float.

    Returns:
        ``(height, width)`` float32 in the range of ``image``: ``0.299 R + 0.587 G + 0.114 B``, not rounded.

    Source: ATSCNN 2024 (gray onset and apex); Rec. 601 weights.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must be (height, width, 3) RGB. Received: {image.shape}")
    check_finite(image)
    # float64: so that R = G = B = c gives exactly c after rounding to float32.
    red, green, blue = (image[..., channel].astype(np.float64) for channel in range(3))
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).astype(np.float32)


def gray8(image: np.ndarray, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """Luma in 8 bits, as face detectors take it.

    Args:
        image: ``(height, width)`` gray or ``(height, width, 3)`` RGB; uint8, or float with its range declared.
        value_range: ``(0, 1)`` or ``(0, 255)`` of a float image. It is never guessed from the values.

    Returns:
        ``(height, width)`` uint8, rounded half to even and clipped.

    Raises:
        TypeError: Not an array.
        ValueError: Another shape (such as four channels) or dtype (such as 16 bits), a float image without a range
            or with NaN.
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image must be a numpy array. Received: {type(image).__name__}")
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
        raise ValueError(f"image must be (height, width) or (height, width, 3) RGB. Received: {image.shape}")
    if image.dtype == np.uint8:
        if value_range not in (None, (0, 255)):
            raise ValueError(f"value_range of a uint8 image must be None or (0, 255). Received: {value_range}")
    elif image.dtype.kind != "f":
        raise ValueError(f"image must be uint8 or float. Received: {image.dtype}")
    elif value_range not in ((0, 1), (0, 255)):
        raise ValueError(f"value_range of a float image must be (0, 1) or (0, 255). Received: {value_range}")
    else:
        image = image * np.float64(255.0 / value_range[1])
    if image.ndim == 3:
        image = to_gray(image)
    return image.copy() if image.dtype == np.uint8 else to_uint8(image)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Float image in 0-255 to uint8: rounded half to even, clipped; NaN or infinity is a ``ValueError``."""
    check_finite(image)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes with half-pixel-centre sampling: area where a side shrinks, bilinear where it grows.

    Args:
        image: ``(h, w)`` or ``(h, w, channels)``, float32 or uint8.
        height: New height in pixels.
        width: New width in pixels.

    Returns:
        Array of the same dtype and channels.
    """
    import cv2

    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image.copy()
    # OpenCV's area mode turns into another filter when one side grows, so the sides are treated apart.
    down = (min(rows, height), min(columns, width))
    if down != (rows, columns):
        image = cv2.resize(image, (down[1], down[0]), interpolation=cv2.INTER_AREA)
    if down != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return image


def _as_rgb(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    if image.shape[2] == 2:  # gray and alpha
        return np.repeat(image[..., :1], 3, axis=2)
    return np.ascontiguousarray(image[..., 2::-1])  # BGR or BGRA to RGB


def _upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """The picture turned and mirrored as EXIF's orientation says (1: as it is)."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
