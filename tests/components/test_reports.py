"""Faults of clips as values, and named errors brought back out of Beam."""

from __future__ import annotations

import json
import pickle

import apache_beam as beam
import pytest

from mer_tf import errors
from mer_tf.components import reports
from mer_tf.preparation.report import check_report, row

pytestmark = pytest.mark.tfx


def run(outcomes, folder):
    with beam.Pipeline() as pipeline:
        tagged = (
            pipeline
            | beam.Create(outcomes)
            | beam.FlatMap(lambda pair: [reports.outcome(row(*pair))]).with_outputs(reports.OUTCOME_TAG, main="main")
        )
        reports.write_outcomes(tagged[reports.OUTCOME_TAG], str(folder))
    return reports.read_report(str(folder))


def test_report_counts_and_names_the_clips_left_out(tmp_path):
    fault = errors.FaceNotFoundError("no face", "casme2/sub02/b")
    report = run([("casme2/sub01/a", None), ("casme2/sub02/b", fault), ("casme2/sub03/c", None)], tmp_path)
    assert (report.total, report.done) == (3, 2)
    assert report.faults == (
        {"clip": "casme2/sub02/b", "error": "FaceNotFoundError", "message": "casme2/sub02/b: no face"},
    )
    assert [path.name for path in tmp_path.iterdir()] == ["clips.json"]
    assert json.loads((tmp_path / "clips.json").read_text())["done"] == 2
    check_report(report, "Step")


def test_all_clips_left_out_is_an_error(tmp_path):
    report = run([("a", errors.ImageError("truncated", "a"))], tmp_path)
    with pytest.raises(errors.EmptySplitError, match="Step: all 1 clips were left out; the first: a: truncated"):
        check_report(report, "Step")


def _raise(error):
    raise error


ERRORS = [
    errors.SeveralFacesError("two faces; expected one", "casme2/sub01/a", 7),
    errors.UnknownNameError("model", "x", ["y"]),
    errors.MissingPackageError("dlib", "face"),
    errors.MissingFileError("no landmark model at /nowhere"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_errors_survive_being_pickled(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_raised_in_a_worker_keeps_its_name_and_message(error):
    with pytest.raises(type(error)) as caught, reports.named_errors(), beam.Pipeline() as pipeline:
        _ = pipeline | beam.Create([error]) | "Work" >> beam.Map(_raise)
    assert str(caught.value) == str(error)
    assert caught.value.exit_code == error.exit_code


def test_an_error_known_only_as_text_is_found():
    text = (
        "Traceback (most recent call last):\n  File x\nmer_tf.errors.CropError: casme2/sub01/a: box leaves the image "
        "[while running 'Preprocess-ptransform-1']\n\nDuring handling ..."
    )
    found = reports.find_named_error(RuntimeError(text))
    assert type(found) is errors.CropError
    assert str(found) == "casme2/sub01/a: box leaves the image"
    assert pickle.loads(pickle.dumps(found)).message == "casme2/sub01/a: box leaves the image"


def test_foreign_errors_are_left_as_they_are():
    with pytest.raises(ZeroDivisionError), reports.named_errors():
        raise ZeroDivisionError
    assert reports.find_named_error(RuntimeError("something else")) is None


def test_a_cycle_of_causes_ends():
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert reports.find_named_error(first) is None
