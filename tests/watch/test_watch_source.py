"""Reading recordings, good ones and bad ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_people import film

from mer_tf.errors import BadInputError, ConfigError, MissingFileError
from mer_tf.watch.rate import Rate
from mer_tf.watch.source import Frame, Recording, open_source
from mer_tf.watch.types import Source


def noise(count, size=(64, 48), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 255, (size[1], size[0], 3), np.uint8) for _ in range(count)]


@pytest.fixture
def video(tmp_path):
    return film(tmp_path / "v.avi", noise(40), 20, "MJPG")


def read(source, **options):
    with open_source(source, **options) as recording:
        frames = list(recording)
        rate = Rate()
        for frame in frames:
            rate.take(frame.time_s, cv2.cvtColor(frame.picture, cv2.COLOR_BGR2GRAY))
        return frames, rate.facts(recording.facts, recording.dropped, recording.damage)


def test_a_video_tells_its_facts_and_times(video):
    frames, facts = read(video)
    assert [frame.number for frame in frames] == list(range(40))
    assert np.allclose(np.diff([frame.time_s for frame in frames]), 0.05, atol=0.002) and frames[0].time_s == 0
    assert (facts.width, facts.height, facts.frames, facts.codec) == (64, 48, 40, "MJPG")
    assert abs(facts.fps - 20) < 0.3 and abs(facts.seconds - 2) < 0.05
    assert facts.time_source == "container" and not facts.variable_rate and not facts.damage and not facts.duplicates


def test_a_part_of_a_video(video):
    frames, facts = read(video, start_s=0.5, stop_s=1.0)
    assert [frame.number for frame in frames] == list(range(10, 20)) and facts.start_s == 0.5
    with pytest.raises(ConfigError, match="no frame there"):
        read(video, start_s=100)
    with pytest.raises(ConfigError, match="--from"):
        open_source(video, start_s=2, stop_s=1)


def test_a_long_video_is_sought_in(tmp_path):
    path = film(tmp_path / "v.avi", noise(200), 20, "MJPG")
    whole, _ = read(path)
    part, _ = read(path, start_s=6.0, stop_s=6.5)
    assert [frame.number for frame in part] == list(range(120, 130))
    for frame in part:
        assert np.array_equal(frame.picture, whole[frame.number].picture)


def test_a_truncated_video_says_where_it_ends(video):
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    frames, facts = read(video)
    assert 10 < len(frames) < 30
    assert "promises 2.0 s" in facts.damage and "truncated" in facts.damage


@pytest.mark.parametrize("content", [b"", b"no video at all\n" * 100, b"RIFF\x00\x00\x00\x00AVI LIST"])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"empty|video stream"):
        read(path)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(MissingFileError):
        open_source(tmp_path / "absent.mp4")
    with pytest.raises(MissingFileError, match="camera 97"):
        open_source("97")
    with pytest.raises(ConfigError, match="--fps"):
        open_source(tmp_path)
    path = film(tmp_path / "v.avi", noise(3), 20, "MJPG")
    with pytest.raises(ConfigError, match="folder"):
        open_source(path, fps=20)


def test_a_folder_of_frames(tmp_path):
    pictures = noise(12)
    for number, picture in enumerate(pictures):
        if number != 7:
            cv2.imwrite(str(tmp_path / f"img{10 + number}.png"), picture)
    (tmp_path / "img13.png").write_bytes(b"damaged")
    frames, facts = read(tmp_path, fps=10)
    assert [frame.number for frame in frames] == [10, 11, 12, 14, 15, 16, 18, 19, 20, 21]
    assert np.allclose([frame.time_s for frame in frames], [0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 1.0, 1.1])
    assert all(np.array_equal(frame.picture, pictures[frame.number - 10]) for frame in frames)
    assert facts.kind == "folder" and "1 frames could not be read" in facts.damage


def test_repeated_frames_and_an_uneven_rate_are_measured():
    grays = [picture[..., 0] for picture in noise(60)]
    rate = Rate()
    told = [rate.take(index / 30, grays[index // 2]) for index in range(120)]
    assert told[:4] == [False, True, False, True]
    facts = rate.facts(Source("v", "video", 64, 48))
    assert abs(facts.fps - 30) < 0.1 and abs(facts.effective_fps - 15) < 0.5 and abs(facts.duplicates - 0.5) < 0.01
    assert abs(rate.recent()[0] - 15) < 0.5 and rate.recent()[1] == pytest.approx(0.5, abs=0.01)

    # Repeated before it was compressed: nearly the same.
    rng, rate = np.random.default_rng(0), Rate()
    noisy = [np.clip(128 + rng.normal(0, 2, (120, 160)), 0, 255) for _ in range(30)]
    slightly = [np.rint(noisy[index // 2] + rng.normal(0, 0.3, (120, 160))).astype(np.uint8) for index in range(60)]
    told = [rate.take(index / 30, gray) for index, gray in enumerate(slightly)]
    assert sum(told[3::2]) == 29 and not any(told[::2])
    rate = Rate()
    assert not any(rate.take(index / 30, noisy[index].astype(np.uint8)) for index in range(30))

    rate, time_s = Rate(), 0.0
    for index in range(60):
        time_s += 0.02 if index % 3 else 0.06
        rate.take(time_s, grays[index])
    assert rate.facts(Source("v", "video", 64, 48)).variable_rate


def test_the_newest_frame_wins_where_nobody_waits():
    class Flood(Recording):
        def read(self):
            yield from (Frame(number, number / 100, np.zeros((2, 2, 3), np.uint8)) for number in range(1000))

    with Flood(Source("f", "camera", 2, 2), newest=True) as recording:
        stream = iter(recording)
        next(stream)
        recording._thread.join()
        rest = list(stream)
    assert rest[-1].number == 999 and recording.dropped == 1000 - 1 - len(rest)


def test_what_reading_raises_reaches_the_reader():
    class Broken(Recording):
        def read(self):
            yield Frame(0, 0.0, np.zeros((2, 2, 3), np.uint8))
            raise OSError(5, "input/output error")

    with Broken(Source("f", "video", 2, 2)) as recording, pytest.raises(OSError, match="input/output"):
        list(recording)


def test_a_rotation_that_the_file_asks_for_is_done(tmp_path):
    """Telephones write pictures as the sensor lies and say in the header how to turn them."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24] = 255  # bright above
    path = film(tmp_path / "v.mp4", [picture] * 5, 20, "mp4v")
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)  # a quarter turn clockwise
    data[place : place + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in turned)
    path.write_bytes(data)
    frames, facts = read(path)
    assert (facts.width, facts.height, facts.rotation) == (48, 64, 90)
    assert frames[0].picture.shape == (64, 48, 3)
    assert frames[0].picture[:, 36:].mean() > 200 and frames[0].picture[:, :12].mean() < 50  # bright at the right
