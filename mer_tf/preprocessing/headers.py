"""What the files of pictures say of themselves, read without decoding them: JPEG, PNG, BMP and TIFF."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from mer_tf.preprocessing import damage

_PNG = b"\x89PNG\r\n\x1a\n"
# A marker is 0xFF and a code that is neither stuffing (00), a fill byte (FF) nor a restart (D0-D7).
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
_JPEG_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_COMPRESSION, _TIFF_PHOTOMETRIC = 256, 257, 258, 259, 262
_TIFF_SAMPLES, _TIFF_FORMAT, _TIFF_PLANES, _TIFF_LARGEST = 277, 339, 284, 281
_TIFF_ROWS, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 278, 322, 323
_TIFF_STRIPS, _TIFF_TILES = (273, 279), (324, 325)  # offsets and byte counts
_TIFF_COMPRESSIONS = {1: "none", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate"}
_TIFF_MAX_ENTRIES = 4096
_ORIENTATION = 274  # the tag's number in EXIF, which is a TIFF without pictures


def read(data: bytes) -> tuple[str | None, int, int, str | None]:
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


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk of a complete PNG file; empty content of the picture data."""
    position = 8
    while position + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        yield kind, b"" if kind == b"IDAT" else data[position + 8 : position + 8 + length]
        position += 12 + length


def is_animated_png(data: bytes) -> bool:
    """Whether a chunk acTL comes before the picture data of a complete PNG file."""
    return next((kind for kind, _ in _png_chunks(data) if kind in (b"acTL", b"IDAT")), b"") == b"acTL"


def png_orientation(data: bytes) -> int:
    """EXIF's orientation, 1 to 8, of a complete PNG file; 1 (upright) where it has none."""
    exif = dict(_png_chunks(data)).get(b"eXIf", b"")
    try:
        orientation = _tiff_tags(exif).get(_ORIENTATION, (1,))[0]
    except (struct.error, KeyError):
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def stated_bits(data: bytes) -> int | None:
    """Significant bits that a 16-bit PNG or TIFF states, 0 where it states none; None for other files."""
    try:
        if data[:8] == _PNG and data[24] == 16:
            stated = dict(_png_chunks(data)).get(b"sBIT", b"")
            colours = {0: 1, 4: 1}.get(data[25], 3)  # gray, gray with alpha; else RGB
            return min(max(stated[:colours], default=0), 16)
        if data[:4] in _TIFF:
            tags = _tiff_tags(data)
            if tags.get(_TIFF_BITS, (1,))[0] == 16:
                return max(tags.get(_TIFF_LARGEST, (0,))).bit_length()
    except (struct.error, IndexError):
        pass  # decoding reports it
    return None


def other_kind(data: bytes) -> str:
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
    if offset < 14 + header:
        return width, height, "damaged (its header says that the picture begins inside the header)"
    if compression in (0, 3):  # plain rows, padded to four bytes
        needed = offset + (width * bits + 31) // 32 * 4 * height
        if width > 0 and len(data) < needed:
            return width, height, f"truncated ({len(data)} of {needed} bytes)"
    return width, height, None


def _tiff_tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """The whole numbers of the first page; empty where it announces too many."""
    order = _TIFF[data[:4]]
    (start,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, start)
    if entries > _TIFF_MAX_ENTRIES:
        return {}
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
    return tags


def _read_tiff(data: bytes) -> tuple[int, int, str | None]:
    tags = _tiff_tags(data)

    def one(tag: int, default: int) -> int:
        return tags.get(tag, (default,))[0]

    width, height = one(_TIFF_WIDTH, 0), one(_TIFF_HEIGHT, 0)
    bits, samples, compression = one(_TIFF_BITS, 1), one(_TIFF_SAMPLES, 1), one(_TIFF_COMPRESSION, 1)
    if compression not in _TIFF_COMPRESSIONS:
        return width, height, f"compressed in a way that is not read (code {compression}); save it without compression"
    if bits not in (1, 4, 8, 16) or one(_TIFF_FORMAT, 1) != 1 or not 1 <= samples <= 4 or one(_TIFF_PHOTOMETRIC, 1) > 3:
        return width, height, "of a kind that is not read; save it with 8 or 16 bits, gray or RGB"
    for offsets, counts in (_TIFF_STRIPS, _TIFF_TILES):
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


def tiff_damage(data: bytes) -> str | None:
    """What is wrong with the compressed picture data of a TIFF whose header ``read`` found complete, or None."""
    tags = _tiff_tags(data)

    def one(tag: int, default: int) -> int:
        return tags.get(tag, (default,))[0]

    width, height, samples = one(_TIFF_WIDTH, 0), one(_TIFF_HEIGHT, 0), one(_TIFF_SAMPLES, 1)
    tiled = _TIFF_STRIPS[0] not in tags
    offsets, counts = _TIFF_TILES if tiled else _TIFF_STRIPS
    across, down = (one(_TIFF_TILE_WIDTH, 0), one(_TIFF_TILE_HEIGHT, 0)) if tiled else (width, one(_TIFF_ROWS, height))
    planes = samples if one(_TIFF_PLANES, 1) == 2 else 1
    row = (across * one(_TIFF_BITS, 1) * (samples // planes) + 7) // 8
    down = max(1, down if tiled else min(down, height))
    strips = -(-height // down)
    parts = []
    for index, (start, size) in enumerate(zip(tags[offsets], tags.get(counts, ()))):
        rows = down if tiled else min(down, height - index % strips * down)  # tiles are whole at the edge as well
        parts.append((data[start : start + size], row * rows))
    return damage.short_part(one(_TIFF_COMPRESSION, 1), parts) or None
