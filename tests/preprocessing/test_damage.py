"""Pictures whose data are damaged inside: every decoder fills the gaps, so what it says of them must be heard."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib

import cv2
import numpy as np
import pytest

from mer_tf.errors import ImageError
from mer_tf.preprocessing import damage, decoder_log
from mer_tf.preprocessing.images import decode_image, read_picture, significant_bits

NOISE = np.random.default_rng(0)
ROWS, COLUMNS = np.mgrid[0:96, 0:128]
RGB = np.stack([ROWS * 2, COLUMNS, ROWS + COLUMNS], axis=2) + NOISE.integers(-9, 9, (96, 128, 3))
RGB = np.clip(RGB, 0, 255).astype(np.uint8)


def encode(image, kind, *settings):
    done, data = cv2.imencode(kind, image, settings)
    assert done
    return data.tobytes()


JPEG = encode(RGB, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90)
SCAN = JPEG.index(b"\xff\xda") + 14


def refused(data):
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    return str(caught.value)


def changed(data, at, *values):
    data = bytearray(data)
    data[at : at + len(values)] = bytes(values)
    return bytes(data)


class TestJpeg:
    @pytest.mark.parametrize("kept", [0.2, 0.5, 0.7, 0.95])
    def test_cut_with_an_end_marker_put_on(self, kept):
        assert "damaged (Corrupt JPEG data: premature end" in refused(JPEG[: int(kept * len(JPEG))] + b"\xff\xd9")

    def test_a_piece_is_missing(self):
        middle = (SCAN + len(JPEG)) // 2
        assert "damaged" in refused(JPEG[: middle - 400] + JPEG[middle + 400 :])

    @pytest.mark.parametrize("filling", [0, 255])
    def test_a_block_of_the_disk_is_overwritten(self, filling):
        refused(changed(JPEG, SCAN + 500, *[filling] * 512))

    def test_flipped_pairs_of_bytes_are_mostly_told(self):
        """Some yield another valid picture, which cannot be known; of those to be seen, more than a third are told."""
        random = np.random.default_rng(3)
        sound, seen, told = decode_image(JPEG).astype(int), 0, 0
        for _ in range(120):
            at = int(random.integers(SCAN, len(JPEG) - 4))
            flipped = changed(JPEG, at, *(JPEG[at + i] ^ int(random.integers(1, 256)) for i in (0, 1)))
            try:
                image = decode_image(flipped)
            except ImageError:
                told += 1
            else:
                seen += (np.abs(image - sound).max(axis=2) > 8).mean() > 0.001
        assert told > (told + seen) / 3

    def test_after_a_harmless_remark_damage_is_still_told(self):
        """libjpeg tells the first oddity of a file only; this encoder writes scan parameters of another mode."""
        scan = JPEG.index(b"\xff\xda")
        odd = changed(JPEG, scan + 11, 0, 0, 0)
        np.testing.assert_array_equal(decode_image(odd), decode_image(JPEG))
        assert "premature end" in refused(odd[: len(odd) // 2] + b"\xff\xd9")

    @pytest.mark.parametrize("padding", [b"\0" * 5, b"\xff" * 3, b"\0"])
    def test_padding_before_the_end_is_no_damage(self, padding):
        np.testing.assert_array_equal(decode_image(JPEG[:-2] + padding + b"\xff\xd9"), decode_image(JPEG))

    def test_data_before_the_end_are_damage(self):
        assert "extraneous bytes" in refused(JPEG[:-2] + b"\x5a" * 40 + b"\xff\xd9")

    def test_progressive(self):
        progressive = encode(RGB, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
        assert decode_image(progressive).shape == RGB.shape
        assert "damaged" in refused(progressive[: len(progressive) * 6 // 10] + b"\xff\xd9")

    def test_restart_markers(self):
        restarts = encode(RGB, ".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 4)
        assert decode_image(restarts).shape == RGB.shape
        at = restarts.index(b"\xff\xd1")
        assert "damaged" in refused(restarts[:at] + restarts[at + 60 :])

    @pytest.mark.parametrize("marker", [b"\xff\xdb", b"\xff\xc0"])
    def test_a_missing_segment(self, marker):
        data = JPEG
        while marker in data[:SCAN]:
            at = data.index(marker)
            data = data[:at] + data[at + 2 + struct.unpack_from(">H", data, at + 2)[0] :]
        refused(data)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


class TestPng:
    DATA = encode(RGB, ".png", cv2.IMWRITE_PNG_COMPRESSION, 1)

    def test_wrong_checksum(self):
        assert "checksum of chunk b'IDAT'" in refused(changed(self.DATA, len(self.DATA) // 2, 1, 2, 3))

    def test_a_chunk_of_the_data_is_missing(self):
        large = encode(NOISE.integers(0, 256, (96, 128, 3), np.uint8), ".png")
        at = large.index(b"IDAT") - 4
        refused(large[:at] + large[at + 12 + struct.unpack_from(">I", large, at)[0] :])

    @pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
    def test_data_that_end_too_early(self, kept):
        rows = zlib.compress(b"".join(b"\0" + bytes(row) for row in RGB[..., 0]))
        header = struct.pack(">IIBBBBB", 128, 96, 8, 0, 0, 0, 0)
        whole = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
        np.testing.assert_array_equal(decode_image(b"".join(whole))[..., 0], RGB[..., 0])
        whole[2] = chunk(b"IDAT", rows[: int(kept * len(rows))])
        refused(b"".join(whole))


class TestTiff:
    @pytest.mark.parametrize("code", [5, 8, 32773])
    @pytest.mark.parametrize("shape", ["colour", "gray"])
    def test_sound_files_pass(self, code, shape):
        image = RGB if shape == "colour" else RGB[..., 1]
        for picture in (image, np.zeros_like(image), image.astype(np.uint16) * 257):
            decode_image(encode(picture, ".tiff", cv2.IMWRITE_TIFF_COMPRESSION, code))

    @pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
    @pytest.mark.parametrize("size", [(7, 5), (400, 300)])
    def test_files_of_another_writer_pass(self, compression, size):
        Image = pytest.importorskip("PIL.Image")
        picture, buffer = cv2.resize(RGB, size), io.BytesIO()
        Image.fromarray(picture).save(buffer, format="TIFF", compression=compression)
        np.testing.assert_array_equal(decode_image(buffer.getvalue()), picture)

    def test_damaged_deflate(self):
        data = encode(RGB, ".tiff", cv2.IMWRITE_TIFF_COMPRESSION, 8)
        for part in (0.2, 0.5, 0.8):
            at = int(part * len(data))
            assert "damaged (part" in refused(changed(data, at, data[at] ^ 0x55))

    @pytest.mark.parametrize("code", [5, 32773])
    def test_data_that_yield_too_little(self, code):
        data = encode(RGB, ".tiff", cv2.IMWRITE_TIFF_COMPRESSION, code)
        assert "damaged (part" in refused(changed(data, 40, *[128] * 400))


class TestBmp:
    def test_picture_inside_the_header(self):
        assert "damaged" in refused(changed(encode(RGB, ".bmp"), 10, 30))


class TestListening:
    def test_it_works_on_this_machine(self):
        assert decoder_log._stream() is not None

    def test_nothing_is_kept_from_the_picture_before(self):
        for _ in range(3):
            assert "damaged" in refused(JPEG[: len(JPEG) // 2] + b"\xff\xd9")
            assert decode_image(JPEG).shape == RGB.shape

    def test_threads_hear_their_own_picture(self):
        broken, wrong = JPEG[: len(JPEG) // 2] + b"\xff\xd9", []

        def work(data, sound):
            for _ in range(40):
                try:
                    decode_image(data)
                except ImageError:
                    wrong.append(sound) if sound else None
                else:
                    wrong.append(sound) if not sound else None

        threads = [threading.Thread(target=work, args=pair) for pair in ((JPEG, True), (broken, False)) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_standard_error_is_the_old_one_afterwards(self, capfd):
        refused(JPEG[: len(JPEG) // 2] + b"\xff\xd9")
        os.write(2, b"told\n")
        assert capfd.readouterr().err == "told\n"

    def test_without_such_a_c_library_pictures_are_read_as_ever(self, monkeypatch):
        monkeypatch.setattr(decoder_log, "_stream", lambda: None)
        assert decode_image(JPEG).shape == RGB.shape


def test_a_wrong_size_of_packbits_does_not_reach_beyond_its_data():
    assert damage.short_part(32773, [(b"\x05ab", 6)]).endswith("yields 2 of 6 bytes)")


class TestDepth:
    GRAY = RGB[..., 0]

    def files(self, bits, kind=".png"):
        return [encode((image >> 8 - bits if bits < 8 else image.astype(np.uint16) << bits - 8), kind)
                for image in (self.GRAY, 255 - self.GRAY)]  # fmt: skip

    @pytest.mark.parametrize("kind", [".png", ".tiff"])
    @pytest.mark.parametrize("bits", [10, 12, 14])
    def test_fewer_bits_by_the_largest_value(self, bits, kind):
        files = self.files(bits, kind)
        found, told = significant_bits(files)
        assert found == bits
        assert f"read as {bits} bits (assumed)" in told
        for data, image in zip(files, (self.GRAY, 255 - self.GRAY)):
            np.testing.assert_array_equal(decode_image(data, bits=found)[..., 0], image)

    def test_all_sixteen_are_as_ever(self):
        assert significant_bits(self.files(16)) == (16, "")

    def test_the_brightest_frame_decides_for_all(self):
        dark = encode(self.GRAY.astype(np.uint16), ".png")
        assert significant_bits([dark, *self.files(12)])[0] == 12
        assert significant_bits([dark, *self.files(16)]) == (16, "")

    def test_eight_bit_files_and_damaged_ones_have_no_part_in_it(self):
        files = [encode(self.GRAY, ".png"), JPEG, b"", b"\x89PNG\r\n\x1a\n", self.files(12)[0][:200]]
        assert significant_bits(files) == (16, "")

    def test_alpha_is_no_colour(self):
        image = np.dstack([RGB.astype(np.uint16) << 4, np.full(self.GRAY.shape, 65535, np.uint16)])
        assert significant_bits([encode(image, ".png")])[0] == 12

    def test_what_the_file_states(self):
        def stating(data, bits):
            return data[:33] + chunk(b"sBIT", bytes([bits])) + data[33:]

        dim = self.files(12)[0]
        assert significant_bits([stating(dim, 16)]) == (16, "")  # a dark picture of sixteen bits
        bits, told = significant_bits([stating(dim, 13)])
        assert bits == 13
        assert "say that they hold 13 bits" in told
        # The standard of PNG wants values scaled to the whole range: then the chunk tells their precision alone.
        assert significant_bits([stating(self.files(16)[0], 12)]) == (16, "")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_png_orientation_is_obeyed_as_that_of_jpeg(orientation):
    Image = pytest.importorskip("PIL.Image")
    exif, picture = Image.Exif(), cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_NEAREST) // 16 * 16
    exif[274] = orientation
    upright = {}
    for kind in ("PNG", "JPEG"):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, format=kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
        upright[kind] = decode_image(buffer.getvalue()).astype(int)
    assert upright["PNG"].shape == upright["JPEG"].shape
    assert np.abs(upright["PNG"] - upright["JPEG"]).mean() < 10


class TestFiles:
    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("missing", "is missing"),
            ("pipe", "is a pipe"),
            ("folder", "is a folder"),
            ("device", "is a device"),
            ("dangling", "is a link to nothing"),
            ("loop", "is a link that leads in a circle"),
            ("empty", "the image file is empty"),
        ],
    )
    def test_what_is_no_picture_is_not_opened(self, tmp_path, kind, said):
        path = tmp_path / "img1.jpg"
        {
            "missing": lambda: None,
            "pipe": lambda: os.mkfifo(path),
            "folder": path.mkdir,
            "device": lambda: path.symlink_to("/dev/zero"),
            "dangling": lambda: path.symlink_to("/nonexistent/object"),
            "loop": lambda: path.symlink_to(path),
            "empty": path.touch,
        }[kind]()
        with pytest.raises(ImageError, match=f"clip frame 1: file '{path.name}':? {said}"):
            read_picture(path, "clip", 1)

    def test_a_link_to_a_picture_is_read(self, tmp_path):
        (tmp_path / "object").write_bytes(JPEG)
        (tmp_path / "img1.jpg").symlink_to(tmp_path / "object")
        assert read_picture(tmp_path / "img1.jpg") == JPEG

    def test_a_huge_file_is_not_read(self, tmp_path):
        with open(tmp_path / "img1.jpg", "wb") as file:
            file.truncate(1 << 40)
        with pytest.raises(ImageError, match="1099511627776 bytes"):
            read_picture(tmp_path / "img1.jpg")
