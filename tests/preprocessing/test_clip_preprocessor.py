from __future__ import annotations

import bz2
import dataclasses
import gzip
import json
import pickle
import subprocess
import sys
import types

import cv2
import numpy as np
import pytest

from mer_tf.errors import (
    BadInputError,
    ClipError,
    FaceNotFoundError,
    FrameOrderError,
    ImageError,
    MissingFileError,
    MissingPackageError,
    SeveralFacesError,
)
from mer_tf.preprocessing import ClipPreprocessor, find_landmark_model, needed_frames
from mer_tf.preprocessing import face as face_module
from mer_tf.preprocessing.align import eye_angle
from mer_tf.preprocessing.face import FaceFinder
from mer_tf.preprocessing.geometry import find_geometry
from mer_tf.preprocessing.images import decode_image, to_gray, to_uint8
from mer_tf.recipes import FaceConfig, get_recipe
from mer_tf.synthetic import read_truth
from mer_tf.types import Clip

HARS, STREAMS = get_recipe("onset_apex_28_hars"), get_recipe("onset_apex_128_streams")
KEY = "casme2/sub01/EP02_01f"


def have_dlib():
    try:
        import dlib  # noqa: F401

        find_landmark_model()
    except (ImportError, MissingFileError):
        return False
    return True


needs_dlib = pytest.mark.skipif(not have_dlib(), reason="needs dlib and the landmark model")


@pytest.fixture(scope="module")
def preprocessor():
    with ClipPreprocessor(HARS) as opened:
        yield opened


@pytest.fixture(scope="module")
def result(preprocessor, onset_bytes, apex_bytes, clip):
    return preprocessor.process(onset_bytes, apex_bytes, clip=clip.key)


def turn(image, degrees):
    """Turns the picture so that the eye line is at +degrees (the image-right eye lower)."""
    matrix = cv2.getRotationMatrix2D((320, 240), -degrees, 1)
    return cv2.warpAffine(image, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)


def invented(onset=10, apex=20, offset=31, numbers=None):
    numbers = tuple(range(1, 41) if numbers is None else numbers)
    return Clip(
        "casme2", "sub01", "EP02_01f", onset, apex, offset, 200.0, "disgust", "4", 0, "megc2019",
        tuple(f"img{number}.jpg" for number in numbers), numbers,
    )  # fmt: skip


class TestNeededFrames:
    def test_annotated(self):
        assert needed_frames(invented()) == (10, 20, "annotated")

    @pytest.mark.parametrize(("onset", "offset", "middle"), [(10, 31, 20), (10, 30, 20), (261, 321, 291), (5, 7, 6)])
    def test_middle_frame_stands_in(self, onset, offset, middle):
        clip = invented(onset, None, offset, range(1, 400))
        assert needed_frames(clip) == (onset, middle, "middle")

    def test_nearest_file(self):
        clip = invented(numbers=[number for number in range(1, 41) if number not in (10, 20, 21, 19)])
        assert needed_frames(clip) == (9, 18, "annotated, nearest frame")

    def test_without_files_the_numbers_stand(self):
        assert needed_frames(invented(numbers=())) == (10, 20, "annotated")

    @pytest.mark.parametrize(
        "clip",
        [
            invented(onset=21),
            invented(apex=10),
            invented(apex=40),
            invented(onset=30, apex=None, offset=31),
            invented(onset=31, apex=None, offset=10),
            invented(numbers=range(1, 18)),
            invented(onset=10, apex=11, numbers=(12, 30)),
        ],
    )
    def test_faults(self, clip):
        with pytest.raises(FrameOrderError) as caught:
            needed_frames(clip)
        assert str(caught.value).startswith(KEY)


class TestLandmarkModel:
    def test_argument_comes_first(self, tmp_path, monkeypatch):
        model, other = tmp_path / "my model.dat", tmp_path / "other.dat"
        model.touch()
        other.touch()
        monkeypatch.setenv("MER_LANDMARK_MODEL", str(other))
        assert find_landmark_model(model) == str(model)
        assert find_landmark_model() == str(other)

    def test_absent_file_is_named(self, tmp_path, monkeypatch):
        with pytest.raises(MissingFileError, match="argument.*is missing") as caught:
            find_landmark_model(tmp_path / "absent.dat")
        assert "absent.dat" in str(caught.value)
        assert "pip install '.[face]'" in str(caught.value)
        monkeypatch.setenv("MER_LANDMARK_MODEL", str(tmp_path))
        with pytest.raises(BadInputError, match="MER_LANDMARK_MODEL"):
            find_landmark_model()

    def test_no_package(self, monkeypatch):
        monkeypatch.delenv("MER_LANDMARK_MODEL", raising=False)
        monkeypatch.setattr(face_module.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(MissingFileError, match=r"not found; install the extra 'face'"):
            find_landmark_model()

    def test_packaged_file_of_a_wrong_size(self, tmp_path, monkeypatch):
        package = tmp_path / "face_recognition_models"
        (package / "models").mkdir(parents=True)
        # its import fails, as that of the real package does without pkg_resources: it must not be imported
        (package / "__init__.py").write_text("raise ImportError\n")
        (package / "models" / face_module.LANDMARK_FILE).write_bytes(b"cut")
        monkeypatch.delenv("MER_LANDMARK_MODEL", raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "face_recognition_models", raising=False)
        with pytest.raises(MissingFileError, match="has 3 bytes instead of 99693937"):
            find_landmark_model()

    def test_no_dlib(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "dlib", None)
        with pytest.raises(MissingPackageError, match=r"pip install '.\[face\]'"):
            ClipPreprocessor(HARS).open()

    def test_file_that_is_no_model(self, tmp_path):
        pytest.importorskip("dlib")
        model = tmp_path / "model.dat"
        model.write_bytes(b"no model")
        with pytest.raises(MissingFileError, match="not a dlib shape predictor"):
            ClipPreprocessor(HARS, landmark_model=model).open()

    @pytest.mark.parametrize(
        ("content", "remedy"),
        [
            (bz2.compress(b"model"), "bunzip2"),
            (gzip.compress(b"model"), "gunzip"),
            (b"PK\x03\x04 zip", "unzip"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
            (b"\xff\xd8\xff\xe0", "a picture"),
            (b"\n<!DOCTYPE html><html>", "a web page"),
            (b"", "it is empty"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",  # a gzip file holds the time
    )
    def test_files_that_are_taken_for_the_model(self, tmp_path, content, remedy):
        pytest.importorskip("dlib")
        (tmp_path / "target").write_bytes(content)
        (tmp_path / "model.dat").symlink_to(tmp_path / "target")
        for path in (tmp_path / "target", tmp_path / "model.dat"):
            with pytest.raises(MissingFileError, match=f"{path}.*{remedy}"):
                ClipPreprocessor(HARS, landmark_model=path).open()

    def test_a_model_that_is_still_packed_or_no_file(self, tmp_path):
        (tmp_path / "model.dat.bz2").touch()
        with pytest.raises(MissingFileError, match=r"is missing; unpack .* bunzip2 --keep .*model\.dat\.bz2"):
            find_landmark_model(tmp_path / "model.dat")
        with pytest.raises(BadInputError, match="is a folder"):
            find_landmark_model(tmp_path)

    def test_a_model_of_other_points_is_refused_before_any_clip(self, tmp_path, monkeypatch):
        dlib = pytest.importorskip("dlib")
        (tmp_path / "five.dat").touch()
        five = types.SimpleNamespace(num_parts=5)
        monkeypatch.setattr(dlib, "shape_predictor", lambda path: lambda image, box: five)
        with pytest.raises(MissingFileError, match=r"five\.dat' yields 5 points, 68 are needed"):
            ClipPreprocessor(HARS, landmark_model=tmp_path / "five.dat").open()


def test_import_is_light():
    code = (
        "import sys, mer_tf.preprocessing as p; p.ClipPreprocessor; "
        "assert not {'tensorflow', 'dlib', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name():
    import mer_tf.preprocessing

    with pytest.raises(AttributeError, match="nothing_here"):
        mer_tf.preprocessing.nothing_here  # noqa: B018


def test_recipe_must_be_a_recipe():
    with pytest.raises(TypeError, match="str"):
        ClipPreprocessor("onset_apex_28_hars")


@pytest.mark.dlib
@needs_dlib
class TestWithFaces:
    def test_tensors_are_as_the_recipe_says(self, result):
        assert {name: tensor.shape for name, tensor in result.tensors.items()} == HARS.inputs
        for tensor in result.tensors.values():
            assert tensor.dtype == np.float32
            assert np.isfinite(tensor).all()
            assert (tensor[..., 2] >= 0).all()
            assert np.abs(tensor[..., :2]).max() > 0.1

    def test_streams_recipe(self, onset_bytes, apex_bytes):
        result = ClipPreprocessor(STREAMS).process(onset_bytes, apex_bytes)
        assert {name: tensor.shape for name, tensor in result.tensors.items()} == {"face": (128, 128, 3)}
        assert "mouth" not in result.provenance["boxes"]

    @pytest.mark.parametrize(("name", "recipe"), [("face", "onset_apex_28"), ("puzzle", "onset_apex_28_puzzle")])
    def test_one_map_is_that_of_both(self, result, onset_bytes, apex_bytes, name, recipe):
        alone = ClipPreprocessor(get_recipe(recipe)).process(onset_bytes, apex_bytes)
        assert set(alone.tensors) == {name}
        np.testing.assert_array_equal(alone.tensors[name], result.tensors[name])

    def test_bytes_and_images_agree_bit_for_bit(self, preprocessor, result, onset_bytes, apex_bytes, clip):
        again = preprocessor.process_images(decode_image(onset_bytes), decode_image(apex_bytes), clip=clip.key)
        for name in result.tensors:
            np.testing.assert_array_equal(again.tensors[name], result.tensors[name])
        assert again.provenance == result.provenance

    def test_a_copy_sent_to_another_worker_agrees(self, preprocessor, result, onset_bytes, apex_bytes):
        copy = pickle.loads(pickle.dumps(preprocessor))
        assert copy._finder is None
        again = copy.process(onset_bytes, apex_bytes)
        for name in result.tensors:
            np.testing.assert_array_equal(again.tensors[name], result.tensors[name])

    def test_provenance_is_json(self, result):
        assert json.loads(json.dumps(result.provenance)) == result.provenance
        provenance = result.provenance
        assert provenance["recipe_hash"] == HARS.hash
        assert provenance["upsample"] == 1
        assert provenance["landmarks"] == "found again"
        assert provenance["landmark_shift"] < 0.05
        assert set(provenance["boxes"]) == {"face", "left_brow", "right_brow", "mouth"}

    def test_same_frame_has_no_motion(self, preprocessor, face_image):
        kept = face_image.copy()
        result = preprocessor.process_images(face_image, face_image)
        for tensor in result.tensors.values():
            assert not tensor.any()
        np.testing.assert_array_equal(face_image, kept)

    @pytest.mark.parametrize("degrees", [-15, 10, 25])
    def test_turned_faces_are_levelled(self, preprocessor, face_image, result, degrees):
        image = turn(face_image, degrees)
        geometry, provenance = find_geometry(to_gray(image), HARS, preprocessor._finder)
        # landmarks are whole pixels, so angles are good to about 1/150 rad at either end
        assert geometry.angle == pytest.approx(degrees + result.geometry.angle, abs=3)
        assert abs(eye_angle(geometry.landmarks)) < 2
        assert provenance["landmarks"] == "found again"

    def test_landmarks_are_near_the_true_points(self, result, synthetic_root, clip):
        truth = read_truth(synthetic_root / "truth" / f"{clip.subject}_{clip.clip}.npz")
        true = truth.points[list(truth.numbers).index(clip.onset)].astype(np.float64)
        true = true @ result.geometry.matrix[:, :2].T + result.geometry.matrix[:, 2]
        error = np.linalg.norm(result.geometry.landmarks - true, axis=1).mean()
        assert error / np.linalg.norm(true[45] - true[36]) < 0.05

    def test_flow_is_the_motion_of_the_face(self, preprocessor, face_image):
        # whole picture moved by (3, -2) px: every flow vector is that, in the pixels of its map
        matrix = np.float32([[1, 0, 3], [0, 1, -2]])
        moved = cv2.warpAffine(face_image, matrix, (640, 480), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        result = preprocessor.process_images(face_image, moved)
        box, side = result.geometry.face, HARS.crop_size
        expected = np.array([3 * side / box.width, -2 * side / box.height])
        inner = result.tensors["face"][28:-28, 28:-28]
        np.testing.assert_allclose(np.median(inner[..., :2], axis=(0, 1)), expected, atol=0.15)

    def test_blank_picture_has_no_face(self, preprocessor):
        blank = np.full((240, 320, 3), 127, np.uint8)
        with pytest.raises(FaceNotFoundError) as caught:
            preprocessor.process_images(blank, blank, clip=KEY, numbers=(46, 81))
        message = str(caught.value)
        assert message.startswith(f"{KEY} frame 46: no face found in the 320x240 image (upsampling 1, 2, 3 tried)")
        assert "\n" not in message

    def test_tiny_picture_has_no_face(self, preprocessor):
        dot = np.zeros((5, 5, 3), np.uint8)
        with pytest.raises(FaceNotFoundError):
            preprocessor.process_images(dot, dot)

    def test_small_face_takes_another_doubling(self, face_image):
        small = cv2.resize(face_image, (80, 60), interpolation=cv2.INTER_AREA)
        finder = FaceFinder(FaceConfig(upsample=0))
        found = finder.detect(to_uint8(to_gray(small)))
        assert found.upsample >= 1
        with pytest.raises(FaceNotFoundError, match=r"\(upsampling 0 tried\)"):
            FaceFinder(FaceConfig(upsample=0, max_upsample=0)).detect(to_uint8(to_gray(small)))

    def test_two_faces(self, preprocessor, face_image):
        pair = np.concatenate([face_image, face_image[:, ::-1]], axis=1)
        with pytest.raises(SeveralFacesError, match="2 faces found") as caught:
            preprocessor.process_images(pair, pair, clip=KEY)
        assert str(caught.value).startswith(KEY)
        for policy in ("best", "largest"):
            recipe = dataclasses.replace(HARS, face=FaceConfig(several_faces=policy))
            result = ClipPreprocessor(recipe).process_images(pair, pair)
            assert result.provenance["faces"] == 2

    def test_face_cut_by_the_frame(self, preprocessor, result, face_image):
        # the chin and mouth are outside: whatever step notices, it is a fault of the clip
        cut = face_image[: result.geometry.face.y0 + int(result.geometry.face.height * 0.55)]
        with pytest.raises(ClipError) as caught:
            preprocessor.process_images(cut, cut, clip=KEY)
        assert caught.value.clip == KEY

    def test_frames_of_two_sizes(self, preprocessor, face_image):
        with pytest.raises(ImageError, match="frame 9: the frame is 640x400 and the first one 640x480"):
            preprocessor.process_images(face_image, face_image[:400], clip=KEY, numbers=(1, 9))

    def test_truncated_apex(self, preprocessor, onset_bytes, apex_bytes):
        with pytest.raises(ImageError, match=f"{KEY} frame 81: the JPEG file is truncated"):
            preprocessor.process(onset_bytes, apex_bytes[:-500], clip=KEY, numbers=(46, 81))

    def test_wrong_arrays(self, preprocessor, face_image):
        with pytest.raises(ValueError, match="float32"):
            preprocessor.process_images(face_image.astype(np.float32), face_image)
        with pytest.raises(ValueError, match=r"\(480, 640\)"):
            preprocessor.process_images(face_image, face_image[..., 0])
        with pytest.raises(TypeError, match="frame 1 must be a numpy array"):
            preprocessor.process_images(face_image, face_image.tolist())
        with pytest.raises(ValueError, match="gray must be"):
            preprocessor._finder.detect(face_image)

    def test_points_not_found_again(self, preprocessor, face_image, monkeypatch):
        finder = preprocessor._finder
        calls = []

        def once(gray, clip="", frame=None):
            calls.append(gray.shape)
            if len(calls) > 1:
                raise FaceNotFoundError("no face found")
            return FaceFinder.detect(finder, gray, clip, frame)

        monkeypatch.setattr(finder, "detect", once)
        geometry, provenance = find_geometry(to_gray(face_image), HARS, finder)
        assert provenance["landmarks"] == "turned"
        assert provenance["landmark_shift"] is None
        assert "turned points used" in provenance["warnings"][0]
        assert abs(eye_angle(geometry.landmarks)) < 1e-9

    def test_threads_are_left_alone_unless_asked(self, face_image):
        before = cv2.getNumThreads()
        try:
            with ClipPreprocessor(STREAMS):
                assert cv2.getNumThreads() == before
            with ClipPreprocessor(STREAMS, opencv_threads=1):
                assert cv2.getNumThreads() == 1
        finally:
            cv2.setNumThreads(before)
