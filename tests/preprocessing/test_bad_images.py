"""What comes of frames that are not what they should be: the stated result, or a named error in one line."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest

from mer_tf.errors import ImageError
from mer_tf.preprocessing.align import warp
from mer_tf.preprocessing.images import check_finite, check_image, decode_image, gray8, to_gray, to_uint8

CLIP = "casme2/sub01/EP02_01f"
ROWS, COLUMNS = np.mgrid[0:40, 0:52]
RGB = np.stack([ROWS * 5, COLUMNS * 4, ROWS + COLUMNS], axis=2).astype(np.uint8)


def encode(image, kind):
    done, data = cv2.imencode(kind, image)
    assert done
    return data.tobytes()


def pillow(image, **settings):
    pytest.importorskip("PIL")
    from PIL import Image

    buffer = io.BytesIO()
    mode = settings.pop("mode", "RGB")
    picture = Image.fromarray(image)
    picture.convert(mode).save(buffer, **settings)
    return buffer.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def animated_png(frames=2):
    """A valid PNG of one gray pixel with an animation control chunk."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"acTL", struct.pack(">II", frames, 0)),
            chunk(b"IDAT", zlib.compress(b"\0\x80")),
            chunk(b"IEND", b""),
        ]
    )


def refused(data):
    with pytest.raises(ImageError) as caught:
        decode_image(data, clip=CLIP, frame=46)
    message = str(caught.value)
    assert message.startswith(f"{CLIP} frame 46: ")
    assert "\n" not in message
    return message


class TestChannels:
    @pytest.mark.parametrize(
        ("mode", "kind"), [("L", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("L", "JPEG"), ("L", "TIFF")]
    )
    def test_one_two_and_four(self, mode, kind):
        image = decode_image(pillow(RGB, mode=mode, format=kind))
        assert image.shape == (40, 52, 3)
        if mode in ("L", "LA"):
            np.testing.assert_array_equal(image[..., 0], image[..., 1])
        else:
            np.testing.assert_array_equal(image, RGB)

    def test_palette(self):
        few = RGB // 64 * 64
        np.testing.assert_array_equal(
            decode_image(pillow(few, mode="P", format="PNG", optimize=True)).shape, (40, 52, 3)
        )
        two = np.where(COLUMNS[..., None] > 20, np.uint8([10, 20, 30]), np.uint8([200, 100, 50]))
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(two).quantize(4).save(buffer, format="PNG")
        np.testing.assert_allclose(decode_image(buffer.getvalue()), two, atol=4)

    def test_one_bit(self):
        image = decode_image(pillow(np.where(ROWS > 20, 255, 0).astype(np.uint8), mode="1", format="PNG"))
        np.testing.assert_array_equal(image[..., 1], np.where(ROWS > 20, 255, 0))

    def test_cmyk_jpeg_is_converted(self):
        image = decode_image(pillow(RGB, mode="CMYK", format="JPEG", quality=95))
        assert np.abs(image.astype(int) - RGB).mean() < 3

    def test_cmyk_tiff_is_refused(self):
        assert "gray or RGB" in refused(pillow(RGB, mode="CMYK", format="TIFF"))


class TestDepth:
    def test_sixteen_bits_become_eight(self):
        """Scaled by 255/65535 and rounded, in gray and in colour, of PNG and TIFF."""
        deep = RGB.astype(np.uint16) * 257 + 100
        for kind in (".png", ".tiff"):
            np.testing.assert_array_equal(decode_image(encode(deep[..., ::-1], kind)), RGB)
            np.testing.assert_array_equal(decode_image(encode(deep[..., 0], kind))[..., 2], RGB[..., 0])

    def test_floats_are_refused(self):
        assert "8 or 16 bits" in refused(encode(RGB[..., 0].astype(np.float32), ".tiff"))


class TestAnimated:
    def test_png(self):
        assert "is animated; save every frame" in refused(animated_png())

    def test_png_written_by_another_program(self):
        pytest.importorskip("PIL")
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(RGB).save(
            buffer, format="PNG", save_all=True, append_images=[Image.fromarray(RGB[::-1].copy())]
        )
        assert "is animated" in refused(buffer.getvalue())

    def test_the_letters_inside_picture_data_do_not_matter(self):
        rows = b"".join(b"\0" + b"acTL" * 15 for _ in range(20))
        header = struct.pack(">IIBBBBB", 60, 20, 8, 0, 0, 0, 0)
        data = (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
        )
        assert b"acTL" in data
        assert bytes(decode_image(data)[0, :4, 0]) == b"acTL"

    @pytest.mark.parametrize(("kind", "said"), [("GIF", "a GIF"), ("WEBP", "a WebP")])
    def test_gif_and_webp(self, kind, said):
        message = refused(pillow(RGB, format=kind))
        assert f"but {said}, which is not read; save every frame as PNG" in message

    def test_tiff_gives_its_first_page(self):
        pytest.importorskip("PIL")
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(RGB).save(
            buffer, format="TIFF", save_all=True, append_images=[Image.fromarray(RGB[::-1].copy())]
        )
        np.testing.assert_array_equal(decode_image(buffer.getvalue()), RGB)


class TestOtherFiles:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "empty"),
            (b"\0", "not a JPEG"),
            (b"\0\0\0\x20ftypavif" + b"\0" * 20, "AVIF or HEIF"),
            (b"RIFF\x10\0\0\0AVI LIST", "AVI video"),
            (b"II+\0\x08\0\0\0", "BigTIFF"),
            (b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 9, "JPEG 2000"),
            (b"%PDF-1.7", "not a JPEG"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG"),
            (b"PK\x03\x04" + b"\0" * 40, "not a JPEG"),
        ],
    )
    def test_no_picture_of_a_kind_that_is_read(self, data, said):
        assert said in refused(data)

    def test_chance_bytes_after_a_signature(self):
        rng = np.random.default_rng(0)
        for start in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*"):
            for length in (3, 30, 300):
                refused(start + rng.integers(0, 256, length, dtype=np.uint8).tobytes())

    def test_gigantic_animation_is_bounded_first(self):
        data = animated_png().replace(struct.pack(">II", 1, 1), struct.pack(">II", 70000, 70000))
        assert "70000x70000 pixels" in refused(data)


class TestFrames:
    def test_contract(self):
        for wrong in (RGB.astype(np.float32), np.dstack([RGB, RGB[..., :1]]), RGB[..., 0], RGB[:0]):
            with pytest.raises(ValueError, match="uint8 RGB"):
                check_image(wrong)
        with pytest.raises(TypeError, match="Received: bytes"):
            check_image(b"")


class TestNaN:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("kind", [np.float32, np.float64])
    def test_refused_wherever_floats_come_in(self, value, kind):
        gray = np.full((9, 8), 7, kind)
        gray[2, 3] = value
        rgb = np.repeat(gray[..., None], 3, axis=2)
        for use in (
            lambda: to_uint8(gray),
            lambda: to_gray(rgb),
            lambda: gray8(gray, (0, 255)),
            lambda: warp(gray, np.eye(2, 3)),
            lambda: check_finite(gray),
        ):
            with pytest.raises(ValueError, match=r"must be finite\. Received: (1|3) of"):
                use()

    def test_large_numbers_are_finite(self):
        huge = np.full((4, 4), 1e308)
        assert check_finite(huge) is huge
        mixed = np.array([1e38, -1e38], np.float32)
        assert check_finite(mixed) is mixed


class TestGray8:
    def test_declared_ranges(self):
        ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
        np.testing.assert_array_equal(gray8(ramp, (0, 1)).ravel(), np.arange(256))
        np.testing.assert_array_equal(gray8(ramp * 255, (0, 255)).ravel(), np.arange(256))
        np.testing.assert_array_equal(gray8(ramp, (0, 255)).max(), 1)  # what is declared holds
        np.testing.assert_array_equal(gray8(np.float32([[-0.2, 1.4]]), (0, 1)), [[0, 255]])

    def test_eight_bits(self):
        np.testing.assert_array_equal(gray8(RGB), to_uint8(to_gray(RGB)))
        same = gray8(RGB[..., 0])
        np.testing.assert_array_equal(same, RGB[..., 0])
        assert not np.shares_memory(same, RGB)

    @pytest.mark.parametrize(
        ("image", "value_range", "said"),
        [
            (np.zeros((4, 4), np.float32), None, "value_range of a float image"),
            (np.zeros((4, 4), np.float32), (0, 2), "value_range of a float image"),
            (np.zeros((4, 4), np.uint8), (0, 1), "value_range of a uint8 image"),
            (np.zeros((4, 4), np.uint16), None, "uint8 or float"),
            (np.zeros((4, 4), np.int32), (0, 255), "uint8 or float"),
            (np.zeros((4, 4, 4), np.uint8), None, r"\(4, 4, 4\)"),
            (np.zeros((4, 0), np.uint8), None, r"\(4, 0\)"),
            (np.zeros(4, np.uint8), None, r"\(4,\)"),
        ],
    )
    def test_contract(self, image, value_range, said):
        with pytest.raises(ValueError, match=said):
            gray8(image, value_range)

    def test_wrong_type(self):
        with pytest.raises(TypeError, match="Received: list"):
            gray8([[1]])
