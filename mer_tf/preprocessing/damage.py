"""Damage inside the picture data, which a decoder may fill in without a word.

What cannot be known: JPEG, BMP, and TIFF as PackBits, LZW or plain have no checksum, so bytes that changed into another
valid picture are that picture. Measured on JPEG files of a photograph, quality 75 to 95: of the changes that can be
seen (more than 8 gray levels in more than 0.1 % of the pixels), libjpeg tells all cut ends, 97 % of cut pieces and of
512 bytes overwritten, and about half of single bits and pairs of bytes; the rest are other valid pictures. (A walk
through the Huffman codes that also refuses impossible coefficients and wrong padding tells hardly more: 2 to 24 % of
that rest, for 40 to 100 ms a frame.)
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

_JPEG_DAMAGE = re.compile(r"Corrupt JPEG data|Premature end|Inconsistent progression")
_PNG_DAMAGE = re.compile(r"libpng error|incorrect data check")
_EXTRA_BYTES = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")
_HARMLESS = re.compile(r"bad ICC marker")
_SOS, _BASELINE = 0xDA, (0xC0, 0xC1)


def told_damage(kind: str, data: bytes, lines: Iterable[str]) -> str:
    """The decoder's line that says the picture is damaged, or ``""``.

    Args:
        kind: ``"JPEG"``, ``"PNG"`` or another.
        data: The file's bytes.
        lines: What the decoder said.
    """
    pattern = {"JPEG": _JPEG_DAMAGE, "PNG": _PNG_DAMAGE}.get(kind)
    for line in lines if pattern else ():
        extra = _EXTRA_BYTES.search(line)
        if extra and not _before_end(data, int(extra[1])).strip(b"\0\xff"):
            continue  # cameras pad the data to a round size
        if pattern.search(line) and not _HARMLESS.search(line):
            return " ".join(line.split())[:120]
    return ""


def plain_jpeg(data: bytes) -> bytes:
    """A JPEG file without what libjpeg remarks on although the picture is whole.

    libjpeg tells only the first oddity of a file. Where that was harmless (a revision of JFIF, a colour transform, an
    ICC profile, parameters of a scan that a sequential file does not use), this copy lets the next one be told: it has
    no application segments and no comments, and its scan has the standard's parameters. Its colours may differ.
    """
    kept, position, sequential = [data[:2]], 2, False
    while position + 4 <= len(data) and data[position] == 0xFF:
        code = data[position + 1]
        if code == 0xFF:
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position:end]
        sequential |= code in _BASELINE
        if code == _SOS:
            kept.append(segment[:-3] + b"\0\x3f\0" if sequential else segment)
            kept.append(data[end:])
            break
        if not (0xE0 <= code <= 0xEF or code == 0xFE):
            kept.append(segment)
        position = end
    return b"".join(kept)


def short_part(compression: int, parts: Iterable[tuple[bytes, int]]) -> str:
    """What is wrong with the compressed strips or tiles of a TIFF, or ``""``: OpenCV says nothing of it.

    Args:
        compression: 5 (LZW), 8 or 32946 (deflate), 32773 (PackBits); others are not looked at.
        parts: Compressed bytes and the number of bytes that they must yield.
    """
    size = {5: _lzw_size, 8: _deflate_size, 32946: _deflate_size, 32773: _packbits_size}.get(compression)
    for index, (data, needed) in enumerate(parts if size else ()):
        found = size(data, needed)
        if found < needed:
            return f"damaged (part {index} of its picture data yields {max(found, 0)} of {needed} bytes)"
    return ""


def _before_end(data: bytes, count: int) -> bytes:
    end = data.rfind(b"\xff\xd9")
    return data[max(end - count, 0) : end]


def _deflate_size(data: bytes, needed: int) -> int:
    reader = zlib.decompressobj()
    try:
        size = len(reader.decompress(data, needed + 1))
    except zlib.error:
        return -1
    return size if reader.eof or size > needed else -1


def _packbits_size(data: bytes, needed: int) -> int:
    size = position = 0
    while position < len(data) and size < needed:
        head = data[position]
        if head < 128:
            size += min(head + 1, len(data) - position - 1)
            position += head + 2
        else:
            size += 257 - head if head > 128 else 0
            position += 2 if head > 128 else 1
    return size


def _lzw_size(data: bytes, needed: int) -> int:
    if data[:1] == b"\0" and len(data) > 1 and data[1] & 1:
        return needed  # the bit order of the years before TIFF 6, which libtiff reads too
    lengths = [1] * 256 + [0, 0]
    width, held, bits, size, previous = 9, 0, 0, 0, -1
    for byte in data:
        held, bits = (held << 8 | byte) & 0xFFFFF, bits + 8
        if bits < width:
            continue
        bits -= width
        code = held >> bits & (1 << width) - 1
        if code == 257:
            break
        if code == 256:
            del lengths[258:]
            width, previous = 9, -1
            continue
        if code > (255 if previous < 0 else len(lengths)) or len(lengths) > 4096:
            return -1
        if previous >= 0:
            lengths.append(lengths[previous] + 1)
            if len(lengths) >= (1 << width) - 1 and width < 12:
                width += 1
        size, previous = size + lengths[code], code
    return size
