"""Which files of a folder are the frames of a clip."""

from __future__ import annotations

import os
import re

import pytest

from mer_tf.errors import BadInputError, ImageError, MissingFileError
from mer_tf.frames import frames_of_folder, scan_frames

SERIES = [f"img{number}.jpg" for number in range(5, 28)]
CASME2 = re.compile(r"(?:reg_)?img0*(\d{1,9})\.(?:jpe?g|png|bmp)", re.IGNORECASE)


def write(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return str(folder)


@pytest.mark.parametrize("pattern", [None, CASME2], ids=["any series", "the set's own names"])
@pytest.mark.parametrize(
    "stray",
    [
        "img9 (1).jpg",
        "img9 - Copy.jpg",
        "img9 - Copy (2).jpg",
        "img9_resized.jpg",
        "img9-1.jpg",
        "img9.jpg.jpg",
        "Copy of img9.jpg",
        "thumb1.jpg",
        "face_crop_00.png",
        "mask_105.png",
        "img9~2.jpg",
        "img009.png",
    ],
)
def test_pictures_of_another_stem_are_left_out_and_named(tmp_path, stray, pattern):
    names = [name for name in SERIES if stray != "img009.png" or name != "img9.jpg"]
    frames = scan_frames(write(tmp_path, [*names, stray]), pattern)
    assert [os.path.basename(path) for path in frames.paths] == names
    assert list(frames.numbers) == [int(name[3:-4]) for name in names]
    assert frames.others == (stray,)
    assert repr(stray) in frames.remark


@pytest.mark.parametrize(
    "name", [".img9.jpg", "._img9.jpg", "._img9 (1).jpg", "~$img9.jpg", ".img9.jpg.swp", "img9.jpg.swp", "img9.txt"]
)
def test_left_overs_and_other_files_are_not_even_named(tmp_path, name):
    frames = frames_of_folder(write(tmp_path, [*SERIES, name, "Thumbs.db", "desktop.ini", ".DS_Store"]))
    assert (len(frames.numbers), frames.others, frames.remark) == (23, (), "")


def test_a_mask_does_not_stand_in_for_a_missing_frame(tmp_path):
    names = [f"006_{number:05d}.jpg" for number in range(100, 111) if number != 105]
    frames = scan_frames(write(tmp_path, [*names, "mask_105.png"]))
    assert 105 not in frames.numbers
    assert frames.others == ("mask_105.png",)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["img10.jpg", "img2.jpg", "IMG1.PNG"], (1, 2, 10)),
        (["006_1_0011.jpg", "006_1_0009.jpg", "006_1_10000.jpg"], (9, 11, 10000)),
        (["frame12_200fps.jpg", "frame13_200fps.jpg", "frame200_200fps.jpg"], (12, 13, 200)),
        ([f"17000000{k}1234.jpg" for k in range(3)], None),
        (["1700000000123456789.png", "1700000000123456790.png", "1700000000123456791.png"], None),
        (["000.jpeg", "001.jpeg", "002.jpeg"], (0, 1, 2)),
        (["a 1.jpg", "a 2.jpg", "a 3 .jpg"], (1, 2, 3)),
        (["img7.jpg"], (7,)),
    ],
)
def test_the_number_that_differs_is_the_frames(tmp_path, names, numbers):
    frames = frames_of_folder(write(tmp_path, names))
    assert frames.numbers == (numbers or tuple(sorted(int(name[:-4]) for name in names)))
    assert not frames.others


@pytest.mark.parametrize("extra", ["img9.png", "img09.jpg", "IMG9.JPG", "img0009.jpg"])
def test_two_files_of_one_number_are_refused_by_both_names(tmp_path, extra):
    folder = write(tmp_path, [*SERIES, extra])
    assert scan_frames(folder).numbers == ()
    with pytest.raises(BadInputError, match="are both frame 9; keep one of them") as caught:
        frames_of_folder(folder)
    assert "'img9.jpg'" in str(caught.value)
    assert repr(extra) in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        [*SERIES, *(f"thumb{number}.jpg" for number in range(23))],
        [*SERIES, *(name.replace(".jpg", " (1).jpg") for name in SERIES)],
        [*SERIES, *(f"crop_{number}.png" for number in range(12))],  # half as many might be the clip as well
        ["onset1.jpg", "apex2.jpg", "offset3.jpg"],
        ["img1_t0.033.jpg", "img2_t0.066.jpg", "img3_t0.100.jpg"],  # counts twice
        ["s1_1.jpg", "s1_2.jpg", "s2_1.jpg", "s2_2.jpg"],
        [*(f"t_0.{milli:03d}.jpg" for milli in range(500, 1000, 20)), "t_1.000.jpg", "t_1.020.jpg"],  # goes on at 1 s
    ],
)
def test_a_tie_is_refused(tmp_path, names):
    with pytest.raises(BadInputError, match="it is not clear which are the frames; leave only the frames"):
        frames_of_folder(write(tmp_path, names))


def test_folders_that_hold_no_clip(tmp_path):
    with pytest.raises(MissingFileError, match=f"{tmp_path}/absent does not exist"):
        frames_of_folder(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    with pytest.raises(MissingFileError, match="is a file"):
        frames_of_folder(tmp_path / "file")
    with pytest.raises(MissingFileError, match=f"no frames in {tmp_path}"):
        frames_of_folder(tmp_path)
    (tmp_path / "img1.jpg").mkdir()
    with pytest.raises(BadInputError, match=r"frame '.*img1\.jpg' is a folder"):
        frames_of_folder(tmp_path)
    with pytest.raises(ImageError, match="a/b/c: folder .* cannot be listed"):
        scan_frames(str(tmp_path / "gone"), key="a/b/c")
