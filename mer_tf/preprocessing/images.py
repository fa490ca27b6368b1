"""Image bytes to arrays, gray values and resizing.

Conventions: RGB inside the package, ``uint8`` 0-255 or ``float32`` 0-255 where a docstring says so; bounds are
checked on the file's header before anything is decoded, so a small file that announces a huge picture is refused
without allocating it.
"""

from __future__ import annotations

import re
import struct
import zlib

import numpy as np

from mer_tf.errors import ImageError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 2**24  # 4096 x 4096; the largest frames of the published sets are 2040 x 1088

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, for R, G, B

_PNG = b"\x89PNG\r\n\x1a\n"
# A marker is 0xFF and a code that is neither stuffing (00), a fill byte (FF) nor a restart (D0-D7).
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
_JPEG_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_COMPRESSION, _TIFF_PHOTOMETRIC = 256, 257, 258, 259, 262
_TIFF_SAMPLES, _TIFF_FORMAT = 277, 339
_TIFF_PARTS = ((273, 279), (324, 325))  # offsets and byte counts, of strips and of tiles
_TIFF_COMPRESSIONS = {1: "none", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate"}
_TIFF_MAX_ENTRIES = 4096


def decode_image(
    data: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    clip: str = "",
    frame: int | None = None,
) -> np.ndarray:
    """Decodes a JPEG, PNG, BMP or TIFF file (of a TIFF the first page; animated PNG, GIF and WebP are refused).

    Args:
        data: The file's bytes.
        max_pixels: Largest width x height accepted; read from the header before decoding.
        max_bytes: Largest file accepted.
        clip: Clip key for messages.
        frame: Frame number for messages.

    Returns:
        ``(height, width, 3)`` uint8 RGB. Gray is repeated in the three channels, an alpha channel is dropped,
        16-bit values are scaled by 255/65535 and rounded. JPEG orientation tags are obeyed.

    Raises:
        ImageError: Empty, too large, of another format, animated, truncated, damaged, or not decodable.
        TypeError: ``data`` is not bytes.
    """
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
        kind, width, height, complete = _header(data)
    except (struct.error, IndexError):
        raise fail(f"the image file is truncated inside its header ({len(data)} bytes)") from None
    if kind is None:
        other = _other_kind(data)
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
    if complete is not None:
        raise fail(f"the {kind} file is {complete}")
    if kind == "PNG" and _is_animated_png(data):
        raise ImageError("the PNG file is animated; save every frame as a file of its own", clip, frame)

    import cv2  # here and below: settings of methods are read without OpenCV

    flags = cv2.IMREAD_UNCHANGED if kind in ("PNG", "TIFF") else cv2.IMREAD_COLOR
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise fail(f"the {kind} decoder refused the file ({_one_line(error)})") from error
    if image is None:
        raise fail(f"the {kind} file of {len(data)} bytes cannot be decoded")
    return _as_rgb8(image)


def image_size(data: bytes) -> tuple[int, int] | None:
    """``(height, width)`` announced by the header of a JPEG, PNG, BMP or TIFF file; None where it cannot be read."""
    try:
        kind, width, height, _ = _header(data)
    except (struct.error, IndexError):
        return None
    return (height, width) if kind else None


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


def _as_rgb8(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint16:
        image = np.rint(image.astype(np.float64) * (255.0 / 65535.0)).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    if image.shape[2] == 2:  # gray and alpha
        return np.repeat(image[..., :1], 3, axis=2)
    return np.ascontiguousarray(image[..., 2::-1])  # BGR or BGRA to RGB


def _header(data: bytes) -> tuple[str | None, int, int, str | None]:
    """Kind, width, height, and what is wrong with the file's end (None where it is complete)."""
    if data[:2] == b"\xff\xd8":
        return ("JPEG", *_read_jpeg(data))
    if data[:8] == _PNG:
        return ("PNG", *_read_png(data))
    if data[:2] == b"BM":
        return ("BMP", *_read_bmp(data))
    if data[:4] in _TIFF:
        return ("TIFF", *_read_tiff(data))
    return None, 0, 0, None


def _read_jpeg(data: bytes) -> tuple[int, int, str | None]:
    # OpenCV fills what a truncated JPEG lacks with gray and says nothing, so the end marker is looked for here.
    width = height = 0
    position = 2
    scan = False
    while True:
        found = _JPEG_MARKER.search(data, position)
        if found is None:
            if not (width and height):
                raise IndexError
            return width, height, f"truncated (no end marker in {len(data)} bytes)"
        code = found[1][0]
        position = found.end()
        if code == 0xD9:
            if not (width and height):
                raise IndexError
            return width, height, None if scan else "truncated (it holds no picture data)"
        if code in (0x01, 0xD8):
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if code in _JPEG_FRAME and not width:
            height, width = struct.unpack_from(">HH", data, position + 3)
            if not height or not width:
                return width, height, None
        if code == 0xDA:
            scan = True
        position += max(length, 2)


def _read_png(data: bytes) -> tuple[int, int, str | None]:
    width, height = struct.unpack_from(">II", data, 16)
    position = 8
    while True:
        if position + 12 > len(data):
            return width, height, f"truncated (no end chunk in {len(data)} bytes)"
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            return width, height, f"truncated (chunk {kind!r} is cut)"
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(data[position + 4 : end]) != checksum:
            return width, height, f"damaged (checksum of chunk {kind!r})"
        if kind == b"IEND":
            return width, height, None
        position = end + 4


def _is_animated_png(data: bytes) -> bool:
    """Whether a chunk acTL comes before the picture data of a complete PNG file."""
    position = 8
    while position + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        if kind in (b"acTL", b"IDAT"):
            return kind == b"acTL"
        position += 12 + length
    return False


def _other_kind(data: bytes) -> str:
    """What a file of a format that is not read is, where its first bytes say so; else ``""``."""
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "a GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "an AVI video"
    if data[4:8] == b"ftyp":
        return "an AVIF or HEIF image or an MP4 video"
    if data[:4] in (b"II+\0", b"MM\0+"):
        return "a BigTIFF"
    if data[:12] == b"\0\0\0\x0cjP  \r\n\x87\n":
        return "a JPEG 2000"
    return ""


def _read_bmp(data: bytes) -> tuple[int, int, str | None]:
    offset, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)
    if compression in (0, 3):  # plain rows, padded to four bytes
        needed = offset + (width * bits + 31) // 32 * 4 * height
        if width > 0 and len(data) < needed:
            return width, height, f"truncated ({len(data)} of {needed} bytes)"
    return width, height, None


def _read_tiff(data: bytes) -> tuple[int, int, str | None]:
    order = _TIFF[data[:4]]
    (start,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, start)
    if entries > _TIFF_MAX_ENTRIES:
        return 0, 0, None
    tags: dict[int, tuple[int, ...]] = {}
    for index in range(entries):
        place = start + 2 + 12 * index
        tag, kind, count = struct.unpack_from(order + "HHI", data, place)
        if kind not in _TIFF_TYPES or not 0 < count <= _TIFF_MAX_ENTRIES:
            continue
        shape = f"{order}{count}{_TIFF_TYPES[kind]}"
        if struct.calcsize(shape) > 4:
            (where,) = struct.unpack_from(order + "I", data, place + 8)
        else:
            where = place + 8
        tags[tag] = struct.unpack_from(shape, data, where)

    def one(tag: int, default: int) -> int:
        return tags.get(tag, (default,))[0]

    width, height = one(_TIFF_WIDTH, 0), one(_TIFF_HEIGHT, 0)
    bits, samples, compression = one(_TIFF_BITS, 1), one(_TIFF_SAMPLES, 1), one(_TIFF_COMPRESSION, 1)
    if compression not in _TIFF_COMPRESSIONS:
        return width, height, f"compressed in a way that is not read (code {compression}); save it without compression"
    if bits not in (1, 4, 8, 16) or one(_TIFF_FORMAT, 1) != 1 or not 1 <= samples <= 4 or one(_TIFF_PHOTOMETRIC, 1) > 3:
        return width, height, "of a kind that is not read; save it with 8 or 16 bits, gray or RGB"
    for offsets, counts in _TIFF_PARTS:
        if offsets not in tags:
            continue
        needed = (width * bits * samples + 7) // 8 * height if compression == 1 else 0
        sizes = tags.get(counts, (needed,))
        ends = [offset + size for offset, size in zip(tags[offsets], sizes)]
        # OpenCV fills what a truncated TIFF lacks and says nothing.
        if len(sizes) != len(tags[offsets]) or max(ends) > len(data) or sum(sizes) < max(needed, 1):
            return width, height, f"truncated (its picture data do not lie within its {len(data)} bytes)"
        return width, height, None
    return width, height, "damaged (it does not say where its picture data lie)"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
