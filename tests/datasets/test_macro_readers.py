"""What only the macro-expression sets do."""

from __future__ import annotations

import pytest
from layout_case import messages, plan

from mer_tf.datasets import read_ck48, read_ckplus, read_jaffe, read_mug, read_oulu_casia
from mer_tf.datasets.composites import expected_counts
from mer_tf.datasets.expected import best_match
from mer_tf.datasets.macro import peak_frames
from mer_tf.errors import ClipError, ConfigError, DatasetNotFoundError
from mer_tf.synthetic.layouts import LayoutClip, write_layout


def name(path):
    return path.replace("\\", "/").rsplit("/", 1)[-1]


# --- CK+


def test_ckplus_goes_from_neutral_to_apex(tmp_path):
    write_layout(tmp_path, "ckplus", plan())
    table = read_ckplus(tmp_path, mapping="native")
    clip = table.clips[0]
    assert clip.key == "ckplus/S001/S001_001"
    assert (clip.onset, clip.apex, clip.offset) == (1, 6, 6)
    assert clip.aus == "6+12"  # intensity 0: present, not graded
    assert table.clips[1].aus == "4D"
    assert table.clips[2].aus == "1A+2B"
    assert [name(path) for path in peak_frames(clip)] == [f"S001_001_0000000{n}.png" for n in (4, 5, 6)]
    assert "1 sequences have no emotion label and are not used" in messages(table)


@pytest.mark.parametrize("text", ["", "happy", "8.0", "1.5", "nan", "-1", "1e999"])
def test_ckplus_label_files_are_checked(tmp_path, text):
    write_layout(tmp_path, "ckplus", plan())
    file = next((tmp_path / "Emotion" / "S001" / "001").iterdir())
    file.write_text(text)
    table = read_ckplus(tmp_path)
    (message,) = messages(table, dropped=True)
    assert message.startswith("ckplus/S001/S001_001: file ")
    assert "expected one number from 0 to 7" in message
    with pytest.raises(ClipError):
        read_ckplus(tmp_path, strict=True)


def test_ckplus_neutral_is_dropped_and_odd_facs_lines_named(tmp_path):
    write_layout(tmp_path, "ckplus", plan())
    next((tmp_path / "Emotion" / "S001" / "001").iterdir()).write_text("0.0")
    next((tmp_path / "FACS" / "S001" / "002").iterdir()).write_text("4.0 2.0\nfour\n12.0 9.0\n\n")
    table = read_ckplus(tmp_path, mapping="native")
    assert len(table.clips) == 8
    assert table.clips[0].aus == "4B"
    assert len([text for text in messages(table, severity="warning") if "is not an action unit" in text]) == 2
    assert any("drops 1 clips of emotion 'neutral'" in text for text in messages(table))


def test_ckplus_last_frame_lost(tmp_path):
    written = write_layout(tmp_path, "ckplus", plan())
    (written.folders[0] / "S001_001_00000006.png").unlink()
    table = read_ckplus(tmp_path)
    assert table.clips[0].apex == 5
    assert "its label speaks of frame 6 and the last one present is 5" in messages(table, severity="warning")[0]


def test_ckplus_without_labels_or_facs(tmp_path):
    write_layout(tmp_path, "ckplus", plan())
    (tmp_path / "FACS").rename(tmp_path / "codes")
    assert {clip.aus for clip in read_ckplus(tmp_path).clips} == {""}
    (tmp_path / "Emotion").rename(tmp_path / "Emotion_labels")
    assert len(read_ckplus(tmp_path).clips) == 9
    (tmp_path / "Emotion_labels").rename(tmp_path / "labels")
    with pytest.raises(DatasetNotFoundError, match="no emotion labels in .* expected a folder Emotion"):
        read_ckplus(tmp_path)


def test_the_repack_is_never_taken_for_ckplus(tmp_path):
    write_layout(tmp_path, "ck48", plan())
    with pytest.raises(DatasetNotFoundError, match="48x48 re-pack.*read it as dataset ck48"):
        read_ckplus(tmp_path)


def test_ck48_groups_three_frames(tmp_path):
    write_layout(tmp_path, "ck48", plan())
    (tmp_path / "CK+48" / "happy" / "notes.png").write_bytes(b"")
    table = read_ck48(tmp_path, mapping="native")
    clip = table.clips[0]
    assert (clip.key, clip.emotion, clip.frame_numbers) == ("ck48/S001/S001_001", "happiness", (4, 5, 6))
    assert len(peak_frames(clip)) == 3
    assert any("1 files are not named like" in text for text in messages(table))


def test_ck48_sequence_in_two_classes(tmp_path):
    write_layout(tmp_path, "ck48", plan())
    (tmp_path / "CK+48" / "fear").mkdir()
    (tmp_path / "CK+48" / "fear" / "S001_001_00000009.png").write_bytes(b"")
    (message,) = messages(read_ck48(tmp_path), dropped=True)
    assert "lies in several class folders (fear, happiness)" in message


def test_published_totals_of_ckplus(tmp_path):
    (expected,) = expected_counts("ckplus", "native_ckplus")
    emotions = [emotion for emotion, count in expected.classes.items() for _ in range(count)]
    clips = [
        LayoutClip(index % 118 + 1, index // 118, emotion, onset=1, apex=3, offset=3, frames=[1, 2, 3])
        for index, emotion in enumerate(emotions)
    ]
    for layout, read in (("ckplus", read_ckplus), ("ck48", read_ck48)):
        write_layout(tmp_path / layout, layout, clips)
        table = read(tmp_path / layout, mapping="native")
        assert (len(table.clips), len(table.subjects)) == (327, 118)
        assert best_match(table, expected_counts(layout, f"native_{layout}"))[1] == ()
        five = read(tmp_path / layout)
        assert 3 * len(five.clips) == 852  # the count of the paper: three frames of each sequence of five classes
        assert sum(len(peak_frames(clip)) for clip in five.clips) == 852


# --- Oulu-CASIA


def test_oulu_conditions(tmp_path):
    clips = [LayoutClip(1, n, "anger", onset=5, apex=9, offset=12, frames=range(4, 13)) for n in range(6)]
    write_layout(tmp_path, "oulu_casia", clips)
    table = read_oulu_casia(tmp_path)
    assert [clip.clip for clip in table.clips] == ["VL_Strong_Anger"]
    assert (table.clips[0].onset, table.clips[0].apex, table.clips[0].offset) == (0, 4, 4)
    table = read_oulu_casia(tmp_path, cameras=("VL", "NI"), lights=("Strong", "Weak", "Dark"))
    assert len(table.clips) == 6
    assert read_oulu_casia(tmp_path, cameras=("NI",), lights=("Dark",)).clips[0].clip == "NI_Dark_Anger"
    for wrong in ({"cameras": ("IR",)}, {"lights": ()}, {"layout": "sideways"}):
        with pytest.raises(ConfigError):
            read_oulu_casia(tmp_path, **wrong)


def test_oulu_cropped_spellings(tmp_path):
    write_layout(tmp_path, "oulu_casia", plan())
    (tmp_path / "OriginalImg").rename(tmp_path / "PreProcess Img")
    (tmp_path / "PreProcess Img" / "VL").rename(tmp_path / "PreProcess Img" / "VL_Acropped")
    (tmp_path / "PreProcess Img" / "VL_Acropped" / "Strong" / "P001" / "Odd").mkdir()
    table = read_oulu_casia(tmp_path, mapping="native")
    assert len(table.clips) == 9
    assert any(text.startswith("cropped frames") for text in messages(table))
    assert len(messages(table, kind="extra")) == 1
    with pytest.raises(DatasetNotFoundError, match="no frames of camera NI"):
        read_oulu_casia(tmp_path, cameras=("NI",))


def test_published_totals_of_oulu(tmp_path):
    emotions = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
    clips = [
        LayoutClip(subject, index, emotion, onset=1, apex=3, offset=3, frames=[1, 2, 3])
        for subject in range(1, 81)
        for index, emotion in enumerate(emotions)
    ]
    write_layout(tmp_path, "oulu_casia", clips)
    table = read_oulu_casia(tmp_path)
    assert best_match(table, expected_counts("oulu_casia", "macro5"))[1] == ()
    assert sum(len(peak_frames(clip)) for clip in table.clips) == 1200
    assert len(read_oulu_casia(tmp_path, mapping="native").clips) == 480


# --- JAFFE


def test_jaffe_file_names(tmp_path):
    written = write_layout(tmp_path, "jaffe", plan())
    folder = written.folders[0].parent
    (folder / "KA.XX1.77.tiff").write_bytes(b"")
    (folder / "portrait.tiff").write_bytes(b"")
    table = read_jaffe(tmp_path, mapping="native")
    clip = table.clips[0]
    assert (clip.subject, clip.clip, clip.emotion) == ("AB", "AB.DI2.2", "disgust")
    assert (clip.onset, clip.apex, clip.offset, clip.frame_numbers) == (2, 2, 2, (2,))
    assert peak_frames(clip) == clip.frames
    assert any("class code 'XX' is unknown" in text for text in messages(table))
    assert any("1 .tiff files are not named like" in text for text in messages(table))


def test_published_totals_of_jaffe(tmp_path):
    (expected,) = expected_counts("jaffe", "native_jaffe")
    emotions = [emotion for emotion, count in expected.classes.items() for _ in range(count)]
    write_layout(tmp_path, "jaffe", [LayoutClip(n % 10, n, emotion, frames=[1]) for n, emotion in enumerate(emotions)])
    table = read_jaffe(tmp_path, mapping="native")
    assert (len(table.clips), len(table.subjects)) == (213, 10)
    assert best_match(table, (expected,))[1] == ()
    assert len(read_jaffe(tmp_path).clips) == 151


# --- MUG


def test_mug_takes(tmp_path):
    clips = [LayoutClip(1, n, "happiness", onset=1, apex=10, offset=20, frames=range(20)) for n in range(2)]
    write_layout(tmp_path, "mug", [*clips, LayoutClip(2, 0, "neutral", frames=range(5))])
    table = read_mug(tmp_path, mapping="native")
    assert [clip.clip for clip in table.clips] == ["happiness_take000", "happiness_take001", "neutral_take000"]
    clip = table.clips[0]
    assert (clip.onset, clip.apex, clip.offset) == (0, None, 19)
    assert [name(path) for path in peak_frames(clip)] == [f"img_{n:04d}.jpg" for n in range(6, 14)]
    assert len(peak_frames(table.clips[2])) == 5
    assert len(read_mug(tmp_path).clips) == 2


def test_mug_video_instead_of_frames(tmp_path):
    written = write_layout(tmp_path, "mug", plan())
    for file in written.folders[0].iterdir():
        file.unlink()
    (written.folders[0] / "take.avi").write_bytes(b"RIFF")
    (tmp_path / "subjects3" / "001" / "speech").mkdir()
    table = read_mug(tmp_path)
    (message,) = messages(table, dropped=True)
    assert "holds 'take.avi' and no frames; unpack it" in message
    assert len(messages(table, kind="extra")) == 1
