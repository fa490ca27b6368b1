from __future__ import annotations

import math
import pathlib

import cv2
import numpy as np
import pytest

from mer_tf.errors import (
    FaceNotFoundError,
    LandmarkError,
    MissingFileError,
    MissingPackageError,
    SeveralFacesError,
    UnknownNameError,
)
from mer_tf.preprocessing.align import eye_angle, interocular, level, levelling_matrix, transform_points
from mer_tf.preprocessing.crops import eye_centres
from mer_tf.preprocessing.detection import Detection, choose_face
from mer_tf.preprocessing.face import DETECTORS, FaceFinder, find_landmark_model, make_finder
from mer_tf.preprocessing.haar import EYE_CASCADE, FACE_CASCADE, HaarFinder
from mer_tf.preprocessing.landmark_files import FileFinder
from mer_tf.recipes import FaceConfig
from mer_tf.synthetic.face import make_face, paint

KEY = "casme2/sub01/EP02_01f"


def have_dlib():
    try:
        import dlib  # noqa: F401

        find_landmark_model()
    except (ImportError, MissingFileError):
        return False
    return True


needs_dlib = pytest.mark.skipif(not have_dlib(), reason="needs dlib and the landmark model")
needs_cascades = pytest.mark.skipif(
    not pathlib.Path(cv2.data.haarcascades, FACE_CASCADE).is_file(), reason="this OpenCV comes without cascades"
)
BOTH = [pytest.param("dlib", marks=needs_dlib), pytest.param("haar", marks=needs_cascades)]


def config(detector, **settings):
    return FaceConfig(detector=detector, **settings)


@pytest.fixture(scope="module")
def drawn():
    """A drawn face, (480, 640) uint8 gray, and its true points."""
    face = make_face(np.random.default_rng(1))
    picture = cv2.resize(paint(face)[0], (640, 480), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), face.points


@pytest.fixture(scope="module")
def finders():
    made = {}

    def get(name):
        if name not in made:
            made[name] = make_finder(config(name))
        return made[name]

    return get


def tilted(gray, points, degrees):
    """Eye line at +degrees: the image-right eye lower."""
    matrix = cv2.getRotationMatrix2D((320, 240), -degrees, 1)
    turned = cv2.warpAffine(gray, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    return turned, transform_points(points, matrix)


def error_of(found, true):
    return float(np.linalg.norm(found - true, axis=1).mean() / interocular(true))


def test_registry():
    assert set(DETECTORS) == {"dlib", "haar", "file"}
    odd = config("haar")
    object.__setattr__(odd, "detector", "harr")
    with pytest.raises(UnknownNameError, match="unknown detector 'harr'. Did you mean 'haar'"):
        make_finder(odd)


@needs_dlib
def test_dlib_is_the_default(finders):
    assert FaceConfig().detector == "dlib"
    finder = finders("dlib")
    assert isinstance(finder, FaceFinder)
    assert finder.provenance == {"detector": "dlib", "points": "shape predictor"}


def test_absent_dlib_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dlib", None)
    with pytest.raises(MissingPackageError, match="the extra .face. in the checkout"):
        make_finder(config("dlib"))


@needs_cascades
def test_cascades_need_neither_dlib_nor_its_model(monkeypatch, drawn):
    monkeypatch.setitem(__import__("sys").modules, "dlib", None)
    finder = make_finder(config("haar"))
    assert finder.provenance == {"detector": "haar", "points": "template points"}
    gray, points = drawn
    assert error_of(finder.landmarks(gray, finder.detect(gray)), points) < 0.05


@pytest.mark.parametrize("name", BOTH)
class TestBoth:
    def test_points_are_near_the_true_ones(self, finders, name, drawn):
        gray, points = drawn
        before = gray.copy()
        found = finders(name).landmarks(gray, finders(name).detect(gray))
        assert found.shape == (68, 2)
        assert found.dtype == np.float64
        assert error_of(found, points) < 0.05
        np.testing.assert_array_equal(gray, before)

    def test_same_image_gives_the_same_points(self, finders, name, drawn):
        gray, _ = drawn
        finder = finders(name)
        first = finder.landmarks(gray, finder.detect(gray))
        finder.detect(cv2.flip(gray, 1))
        np.testing.assert_array_equal(finder.landmarks(gray, finder.detect(gray)), first)

    @pytest.mark.parametrize("degrees", [-15, 10])
    def test_tilt(self, finders, name, drawn, degrees):
        gray, points = tilted(*drawn, degrees)
        found = finders(name).landmarks(gray, finders(name).detect(gray))
        assert eye_angle(found) == pytest.approx(eye_angle(points), abs=1.5)
        assert error_of(found, points) < 0.06

    def test_no_face(self, finders, name):
        for gray in (
            np.full((90, 120), 128, np.uint8),
            np.full((5, 5), 9, np.uint8),
            np.random.default_rng(0).integers(0, 256, (90, 120), dtype=np.uint8),
        ):
            with pytest.raises(FaceNotFoundError, match=r"upsampling 1, 2, 3 tried") as caught:
                finders(name).detect(gray, KEY, 46)
            assert str(caught.value).startswith(f"{KEY} frame 46: no face found")

    def test_tiny_face(self, finders, name, drawn):
        gray, points = drawn
        finder = finders(name)
        small = cv2.resize(gray, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA)  # 26 px between the eyes
        found = finder.landmarks(small, finder.detect(small))
        assert error_of(found, (points + 0.5) * 0.15 - 0.5) < 0.06
        smaller = cv2.resize(gray, None, fx=0.05, fy=0.05, interpolation=cv2.INTER_AREA)  # 9 px
        with pytest.raises((FaceNotFoundError, LandmarkError), match=r"no face found|at least 10 are needed"):
            finder.landmarks(smaller, finder.detect(smaller))

    def test_two_faces(self, finders, name, drawn, monkeypatch):
        gray, _ = drawn
        two = np.full((240, 550), 128, np.uint8)
        two[:, :320] = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        two[48:192, 320:512] = cv2.resize(gray, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
        finder = finders(name)
        monkeypatch.setattr(finder, "config", config(name, several_faces="error"))
        with pytest.raises(SeveralFacesError, match="2 faces found") as caught:
            finder.detect(two, KEY)
        assert str(caught.value).startswith(KEY)
        monkeypatch.setattr(finder, "config", config(name, several_faces="largest"))
        largest = finder.detect(two)
        assert largest.faces == 2
        assert largest.box[2] < 320
        monkeypatch.setattr(finder, "config", config(name, several_faces="best"))
        assert finder.detect(two).score >= largest.score

    def test_face_at_the_border(self, finders, name, drawn):
        gray, points = drawn
        finder = finders(name)
        cut = np.ascontiguousarray(gray[:, 350:])  # half the face is outside
        try:
            found = finder.landmarks(cut, finder.detect(cut))
        except FaceNotFoundError:
            return
        assert error_of(found, points - (350, 0)) < 0.25  # if taken for a face, then for this one

    @pytest.mark.parametrize(
        "image",
        [
            np.zeros((40, 40), np.float32),
            np.zeros((40, 40), np.uint16),
            np.zeros((40, 40, 4), np.uint8),
            np.zeros((40, 40, 3), np.uint8),
            np.zeros((0, 40), np.uint8),
            np.zeros(40, np.uint8),
        ],
    )
    def test_contract(self, finders, name, image):
        finder = finders(name)
        with pytest.raises(ValueError, match=r"gray must be a \(height, width\) uint8 array.*Received: \("):
            finder.detect(image)
        with pytest.raises(ValueError, match="gray must be"):
            finder.landmarks(image, Detection((0, 0, 9, 9), 1.0, 1, 1))

    def test_wrong_type(self, finders, name):
        with pytest.raises(TypeError, match="Received: list"):
            finders(name).detect([[0]])


def test_absent_cascades_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=f"{FACE_CASCADE}.*does not exist.*dlib"):
        HaarFinder(cascades=tmp_path)


@needs_cascades
class TestHaar:
    def test_eyes_fall_on_the_eyes(self, finders, drawn):
        gray, points = drawn
        found = finders("haar").landmarks(gray, finders("haar").detect(gray))
        for eye, true in zip(eye_centres(found), eye_centres(points)):
            assert np.linalg.norm(eye - true) < 0.03 * interocular(points)

    def test_an_eye_that_is_hidden_is_noted(self, finders, drawn):
        gray, points = drawn
        covered = gray.copy()
        x, y = points[42:48].mean(0).astype(int)
        covered[y - 30 : y + 30, x - 45 : x + 45] = 150
        detection = finders("haar").detect(covered)
        assert "one eye found" in detection.note
        assert error_of(finders("haar").landmarks(covered, detection), points) < 0.1

    def test_a_box_without_eyes_is_no_face(self, finders, drawn):
        gray, points = drawn
        covered = gray.copy()
        top, bottom = int(points[17:27, 1].min()), int(points[30, 1])
        covered[top:bottom] = 150
        with pytest.raises(FaceNotFoundError):
            finders("haar").detect(covered)

    @pytest.mark.parametrize("degrees", [30, 40, -40])
    def test_strong_tilt_is_a_named_error(self, finders, drawn, degrees):
        with pytest.raises(FaceNotFoundError, match="upright"):
            finders("haar").detect(tilted(*drawn, degrees)[0])

    def test_broken_cascades_are_named(self, tmp_path):
        for name in (FACE_CASCADE, EYE_CASCADE):
            (tmp_path / name).write_text("<opencv_storage></opencv_storage>")
        with pytest.raises(MissingFileError, match="cannot be read"):
            HaarFinder(cascades=tmp_path)

    def test_detection_of_another_finder_is_refused(self, finders, drawn):
        with pytest.raises(ValueError, match=r"HaarFinder\.detect"):
            finders("haar").landmarks(drawn[0], Detection((0, 0, 99, 99), 1.0, 1, 1))


class TestChoice:
    SIZE = (100, 200)

    def test_score_then_area_then_centre(self):
        boxes = [(0, 0, 49, 49), (50, 0, 119, 69), (75, 25, 124, 74)]
        assert choose_face(self.SIZE, boxes, [2.0, 1.0, 1.5], "best", 0.5) == 0
        assert choose_face(self.SIZE, boxes, [1.0, 1.0005, 1.0], "best", 0.5) == 1
        assert choose_face(self.SIZE, boxes[::2], [1.0, 1.0], "best", 0.5) == 1

    def test_false_box_of_the_same_size_loses(self):
        boxes = [(0, 0, 49, 49), (100, 0, 149, 49)]
        assert choose_face(self.SIZE, boxes, [0.2, 1.6], "best", 0.5) == 1
        assert choose_face(self.SIZE, boxes, [0.2, 1.6], "error", 0.5) == 1

    def test_largest(self):
        boxes = [(0, 0, 49, 49), (50, 0, 119, 69)]
        assert choose_face(self.SIZE, boxes, [2.0, 0.7], "largest", 0.5) == 1

    def test_error(self):
        with pytest.raises(SeveralFacesError, match=r"2 faces found \(scores 2\.00, 0\.50\)"):
            choose_face(self.SIZE, [(0, 0, 9, 9)] * 2, [2.0, 0.5], "error", 0.5, KEY)


class TestFiles:
    GRAY = np.zeros((300, 590), np.uint8)

    def write(self, folder, points, kind=".npy"):
        path = folder / f"{KEY}{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == ".npy":
            np.save(path, points)
        else:
            path.write_text(points, encoding="utf-8")
        return path

    def csv(self, sets, frames=None):
        names = [f"x_{i}" for i in range(68)] + [f"y_{i}" for i in range(68)]
        lines = [", ".join((["frame"] if frames else []) + names)]
        for index, points in enumerate(sets):
            lines.append(", ".join(([str(frames[index])] if frames else []) + [f"{v:.3f}" for v in points.T.ravel()]))
        return "\n".join(lines) + "\n"

    def points(self, source, frame=None, clip=KEY):
        finder = make_finder(config("file"), source)
        return finder.landmarks(self.GRAY, finder.detect(self.GRAY, clip, frame), clip, frame)

    def test_one_set_serves_every_frame(self, tmp_path, upright_landmarks):
        path = self.write(tmp_path, upright_landmarks)
        for source in (tmp_path, str(tmp_path), path):
            for frame in (None, 1, 77):
                np.testing.assert_array_equal(self.points(source, frame), upright_landmarks)

    def test_a_set_per_frame(self, tmp_path, upright_landmarks):
        self.write(tmp_path, np.stack([upright_landmarks + shift for shift in (0, 3, 6)]).astype(np.float32))
        np.testing.assert_allclose(self.points(tmp_path, 2), upright_landmarks + 3, atol=1e-4)
        for frame in (0, 4, None):
            with pytest.raises(LandmarkError, match="has no points for this frame .*1 to 3"):
                self.points(tmp_path, frame)

    def test_csv(self, tmp_path, upright_landmarks):
        sets = [upright_landmarks, upright_landmarks + 1.5]
        self.write(tmp_path, self.csv(sets, [46, 59]), ".csv")
        np.testing.assert_allclose(self.points(tmp_path, 59), upright_landmarks + 1.5, atol=1e-3)
        with pytest.raises(LandmarkError, match=f"{KEY} frame 47: .*frames 46 to 59"):
            self.points(tmp_path, 47)

    def test_csv_without_frame_numbers(self, tmp_path, upright_landmarks):
        self.write(tmp_path, "\ufeff" + self.csv([upright_landmarks]), ".csv")
        np.testing.assert_allclose(self.points(tmp_path, 9), upright_landmarks, atol=1e-3)

    def test_box_and_provenance(self, tmp_path, upright_landmarks):
        finder = FileFinder(source=self.write(tmp_path, upright_landmarks))
        detection = finder.detect(self.GRAY, KEY)
        assert detection.box == (229, 82, 360, 175)
        assert (detection.score, detection.upsample, detection.faces) == (1.0, 0, 1)
        assert finder.provenance == {"detector": "file", "points": "file"}
        assert not finder.finds_again
        assert FaceFinder.finds_again
        assert HaarFinder.finds_again

    def test_absent(self, tmp_path):
        with pytest.raises(MissingFileError, match="needs the landmarks' folder"):
            make_finder(config("file"))
        with pytest.raises(MissingFileError, match="does not exist"):
            make_finder(config("file"), tmp_path / "nowhere")
        for clip in (KEY, "", "../../etc/passwd", "/etc/passwd"):
            with pytest.raises(LandmarkError, match="no landmark file|names no file"):
                self.points(tmp_path, clip=clip)

    @pytest.mark.parametrize(
        ("points", "said"),
        [
            (np.zeros((66, 2)), r"Received: \(66, 2\)"),
            (np.zeros((0, 68, 2)), r"Received: \(0, 68, 2\)"),
            (np.zeros((68, 2), complex), "numbers"),
            (np.array(["x"]), "numbers"),
            (np.full((68, 2), np.nan), "not finite"),
            (np.zeros((68, 2)), "0.0 px apart"),
        ],
    )
    def test_unusable_arrays(self, tmp_path, points, said):
        self.write(tmp_path, points)
        with pytest.raises(LandmarkError, match=said) as caught:
            self.points(tmp_path)
        assert str(caught.value).startswith(KEY)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"PK\x03\x04", b"nonsense"])
    def test_broken_array_files(self, tmp_path, data):
        self.write(tmp_path, np.zeros(3)).write_bytes(data)
        with pytest.raises(LandmarkError, match="cannot be used"):
            self.points(tmp_path)

    def test_broken_tables(self, tmp_path, upright_landmarks):
        good = self.csv([upright_landmarks] * 2, [1, 2])
        header, first, second = good.splitlines()
        for text, said in (
            ("", "header"),
            (header, "at least one line"),
            (good.replace("y_67", "y_68"), "first 'y_67'"),
            ("\n".join([header, first, second.rsplit(",", 1)[0]]), "line 3 has 136 cells"),
            ("\n".join([header, first, first]), "frame 1 occurs twice"),
            ("\n".join([header, first.replace("1,", "1.5,", 1)]), "frame number '1.5'"),
            ("\n".join([header, first.replace("1,", "one,", 1)]), "could not convert"),
            (self.csv([upright_landmarks] * 2), "no column 'frame'"),
        ):
            path = self.write(tmp_path, text, ".csv")
            with pytest.raises(LandmarkError, match=said):
                self.points(path, 1)


class TestLevel:
    """Levelling with detection again, and its repetition."""

    def test_one_turn_where_the_points_are_right(self, upright_landmarks):
        turn = cv2.getRotationMatrix2D((294.5, 120), -12, 1)
        points = transform_points(upright_landmarks, turn)
        again = transform_points(points, levelling_matrix(points)) + (0.5, 0)
        result = level(np.zeros((300, 590), np.float32), points, lambda gray: again)
        np.testing.assert_array_equal(result.matrix, levelling_matrix(points))
        assert (result.found_again, result.turns, result.warnings) == (True, 1, ())
        assert result.shift == pytest.approx(0.5 / interocular(points))
        assert result.landmarks is again

    def test_without_detection(self, upright_landmarks):
        result = level(np.zeros((300, 590), np.float32), upright_landmarks, None)
        assert (result.found_again, result.shift, result.turns) == (False, None, 1)
        np.testing.assert_allclose(result.landmarks, upright_landmarks, atol=1e-9)

    def test_points_not_found_again(self, upright_landmarks):
        def find(gray):
            assert gray.dtype == np.uint8
            raise FaceNotFoundError("nothing there", KEY)

        result = level(np.zeros((300, 590), np.float32), upright_landmarks, find)
        assert not result.found_again
        assert result.warnings == ("points not found again on the levelled onset (nothing there); turned points used",)

    def test_a_tilt_that_stays_ends(self, upright_landmarks):
        points = transform_points(upright_landmarks, cv2.getRotationMatrix2D((294.5, 120), -12, 1))
        result = level(np.zeros((300, 590), np.float32), points, lambda gray: points)
        assert result.turns == 4
        assert "still 12.0 degrees off after 4 turns" in result.warnings[0]

    @needs_dlib
    @pytest.mark.parametrize("degrees", [25, 40, -40])
    def test_face_tilted_by_40_degrees(self, finders, drawn, degrees):
        gray, points = tilted(*drawn, degrees)
        finder = finders("dlib")

        def find(image):
            return finder.landmarks(image, finder.detect(image))

        result = level(gray.astype(np.float32), find(gray), find)
        true = transform_points(points, result.matrix)
        assert abs(eye_angle(true)) < 3
        assert error_of(result.landmarks, true) < 0.04
        assert math.isclose(np.linalg.det(result.matrix[:, :2]), 1, rel_tol=1e-9)
        assert not any("still" in warning for warning in result.warnings)
