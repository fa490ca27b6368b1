from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from mer_tf.errors import ImageError
from mer_tf.preprocessing.images import decode_image, resize, to_gray, to_uint8

RGB = np.random.default_rng(0).integers(0, 256, (40, 52, 3), dtype=np.uint8)
CLIP = "casme2/sub01/EP02_01f"


def encode(image, kind):
    done, data = cv2.imencode(kind, image)
    assert done
    return data.tobytes()


def smooth_picture():
    rows, columns = np.mgrid[0:40, 0:52]
    return np.stack([rows * 5, columns * 4, rows + columns], axis=2).astype(np.uint8)


@pytest.mark.parametrize("kind", [".png", ".bmp", ".tiff"])
def test_lossless_kinds_come_back_as_rgb(kind):
    image = decode_image(encode(RGB[..., ::-1], kind))
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, RGB)


def test_jpeg_comes_back_as_rgb():
    picture = smooth_picture()
    image = decode_image(encode(picture[..., ::-1], ".jpg"))
    assert np.abs(image.astype(int) - picture).mean() < 3


def test_progressive_jpeg_is_read():
    done, data = cv2.imencode(".jpg", smooth_picture(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert done
    assert decode_image(data.tobytes()).shape == (40, 52, 3)


def test_jpeg_with_bytes_after_its_end_is_read():
    assert decode_image(encode(RGB, ".jpg") + b"\0" * 7).shape == RGB.shape


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".tiff"])
def test_gray_is_repeated(kind):
    image = decode_image(encode(smooth_picture()[..., 0], kind))
    assert image.shape == (40, 52, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


def test_alpha_is_dropped():
    with_alpha = np.dstack([RGB[..., ::-1], np.full(RGB.shape[:2], 9, np.uint8)])
    np.testing.assert_array_equal(decode_image(encode(with_alpha, ".png")), RGB)


def test_sixteen_bits_are_scaled():
    deep = np.array([[0, 257, 65535, 32896]], dtype=np.uint16)
    np.testing.assert_array_equal(decode_image(encode(deep, ".png"))[0, :, 0], [0, 1, 255, 128])


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".tiff"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_truncated_file_is_refused_in_one_line(kind, kept):
    data = encode(RGB, kind)
    with pytest.raises(ImageError) as caught:
        decode_image(data[: int(kept * len(data))], clip=CLIP, frame=46)
    message = str(caught.value)
    assert message.startswith(f"{CLIP} frame 46: ")
    assert "truncated" in message
    assert "\n" not in message
    assert (caught.value.clip, caught.value.frame) == (CLIP, 46)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty (0 bytes)"),
        (b"not an image at all", "not a JPEG, PNG, BMP or TIFF"),
        (b"GIF89a" + b"\0" * 40, "not a JPEG, PNG, BMP or TIFF"),
        (b"\xff\xd8", "truncated"),
        (b"\xff\xd8\xff\xd9", "truncated"),
        (b"BM", "truncated"),
        (b"II*\0", "truncated"),
        (b"MM\0*\0\0\0\x08", "truncated"),
        (b"II*\0\x08\0\0\0\0\0" + b"\0" * 40, "a size of 0x0"),
    ],
)
def test_bytes_that_are_no_picture(data, said):
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    assert said in str(caught.value)


def test_every_truncation_of_a_small_jpeg_is_an_image_error():
    data = encode(RGB[:8, :8], ".jpg")
    for end in range(len(data)):
        with pytest.raises(ImageError):
            decode_image(data[:end])


def test_damaged_png_is_refused():
    data = bytearray(encode(RGB, ".png"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="damaged"):
        decode_image(bytes(data))


def test_size_is_bounded_before_decoding():
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    # A valid PNG of 60000 x 60000: decoding it would take over 10 GB.
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="60000x60000 pixels, more than the limit"):
        decode_image(bomb)
    for kind in (".jpg", ".bmp", ".png", ".tiff"):
        with pytest.raises(ImageError, match="52x40 pixels, more than the limit of 2079"):
            decode_image(encode(RGB, kind), max_pixels=2079)
        assert decode_image(encode(RGB, kind), max_pixels=2080).shape == RGB.shape


def tiff(pixels, *, order="<", compression=1, stated=None, samples_format=1, photometric=1):
    """A TIFF of one strip, its entries after the pixels."""
    body = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    height, width = stated or pixels.shape
    entries = [
        (256, 4, width), (257, 4, height), (258, 3, 8 * pixels.dtype.itemsize), (259, 3, compression),
        (262, 3, photometric), (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(body)),
        (339, 3, samples_format),
    ]  # fmt: skip
    directory = struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack(order + "HHI", tag, kind, 1)
        directory += struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
    return (
        (b"II*\0" if order == "<" else b"MM\0*")
        + struct.pack(order + "I", 8 + len(body))
        + body
        + directory
        + b"\0" * 4
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_either_byte_order(order):
    gray = RGB[..., 0]
    np.testing.assert_array_equal(decode_image(tiff(gray, order=order))[..., 1], gray)
    deep = gray.astype(np.uint16) * 257
    np.testing.assert_array_equal(decode_image(tiff(deep, order=order))[..., 2], gray)


@pytest.mark.parametrize("code", [5, 8, 32773])
def test_compressed_tiff(code):
    done, data = cv2.imencode(".tiff", RGB[..., ::-1], (cv2.IMWRITE_TIFF_COMPRESSION, code))
    assert done
    np.testing.assert_array_equal(decode_image(data.tobytes()), RGB)


def test_tiff_that_announces_more_than_it_holds():
    with pytest.raises(ImageError, match="60000x60000 pixels, more than the limit"):
        decode_image(tiff(RGB[..., 0], stated=(60000, 60000)))
    with pytest.raises(ImageError, match="truncated"):
        decode_image(tiff(RGB[..., 0], stated=(41, 52)))


@pytest.mark.parametrize(
    ("options", "said"),
    [({"compression": 7}, "code 7"), ({"samples_format": 3}, "gray or RGB"), ({"photometric": 5}, "gray or RGB")],
)
def test_tiff_of_kinds_that_are_not_read(options, said):
    with pytest.raises(ImageError, match=said):
        decode_image(tiff(RGB[..., 0], **options))


def test_every_truncation_of_a_small_tiff_is_an_image_error():
    data = encode(RGB[:6, :6, 0], ".tiff")
    for end in range(len(data) - 4):  # the last four bytes say that there is no second page
        with pytest.raises(ImageError):
            decode_image(data[:end])


def test_bytes_are_bounded():
    data = encode(RGB, ".png")
    with pytest.raises(ImageError, match=f"{len(data)} bytes, more than the limit of 100"):
        decode_image(data, max_bytes=100)


def test_wrong_type():
    with pytest.raises(TypeError, match="Received: str"):
        decode_image("img1.jpg")


def test_luma():
    for level in (0, 1, 77, 255):
        np.testing.assert_array_equal(to_gray(np.full((3, 4, 3), level, np.uint8)), np.float32(level))
    pure = np.zeros((1, 3, 3), np.uint8)
    pure[0, range(3), range(3)] = 100
    np.testing.assert_allclose(to_gray(pure)[0], [29.9, 58.7, 11.4], rtol=1e-6)
    with pytest.raises(ValueError, match="Received"):
        to_gray(np.zeros((3, 4), np.uint8))


def test_rounding_is_half_to_even_and_clipped():
    np.testing.assert_array_equal(to_uint8(np.float32([-3, 0.5, 1.5, 254.6, 300])), [0, 0, 2, 255, 255])


def test_resize():
    blocks = np.float32([[0, 4, 8, 12], [4, 8, 12, 16]])
    np.testing.assert_allclose(resize(blocks, 1, 2), [[4, 12]])
    np.testing.assert_array_equal(resize(blocks, 2, 4), blocks)
    # one side shrinks by area, the other grows: the mean stays
    mixed = resize(np.arange(64, dtype=np.float32).reshape(4, 16), 8, 4)
    assert mixed.shape == (8, 4)
    assert abs(mixed.mean() - 31.5) < 1e-3
    np.testing.assert_allclose(mixed[0], [1.5, 5.5, 9.5, 13.5])
