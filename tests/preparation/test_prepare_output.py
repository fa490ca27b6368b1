"""What ``mer prepare`` does to the folder it writes to; the preprocessing itself is put aside."""

from __future__ import annotations

import errno
import json
import os

import pytest

from mer_tf.errors import ConfigError
from mer_tf.preparation import prepare as module
from mer_tf.preparation.report import Report
from mer_tf.recipes import get_recipe
from mer_tf.types import Clip, ClipTable

SMALL, LARGE = get_recipe("onset_apex_28"), get_recipe("onset_apex_28_hars")


def table(place="/data/casme2"):
    frames = tuple(f"{place}/sub01/EP01/img{k}.jpg" for k in (1, 2, 3))
    clip = Clip("casme2", "sub01", "EP01", 1, 2, 3, 200.0, "happiness", "", 1, "megc2019", frames, (1, 2, 3))
    return ClipTable("casme2", "megc2019", ("negative", "positive", "surprise"), (clip,))


@pytest.fixture
def made(monkeypatch):
    """Stands for the preprocessing: leaves one record file and says that a clip is done."""

    def make(table, recipe, part, *rest):
        with open(os.path.join(part, "motion-00000-of-00001.gz"), "w") as file:
            file.write(recipe.name)
        return Report(1, ())

    monkeypatch.setattr(module, "_make", make)
    return make


def test_another_recipe_or_folder_needs_force(tmp_path, made):
    (tmp_path / "notes.txt").write_text("of the user")
    module.prepare(table(), SMALL, tmp_path)
    module.prepare(table(), SMALL, tmp_path)  # the same again
    for other in ((table(), LARGE), (table("/data/cropped"), SMALL)):
        with pytest.raises(ConfigError, match=r"(recipe|data\.casme2) \(.* there, .* here\); give --force"):
            module.prepare(*other, tmp_path)
    assert (tmp_path / "motion-00000-of-00001.gz").read_text() == SMALL.name
    module.prepare(table(), LARGE, tmp_path, force=True)
    assert (tmp_path / "motion-00000-of-00001.gz").read_text() == LARGE.name
    assert sorted(os.listdir(tmp_path)) == ["clips.json", "motion-00000-of-00001.gz", "notes.txt"]
    facts = json.loads((tmp_path / "clips.json").read_text())
    assert facts["done"] == 1 and LARGE.name in facts["settings"]["recipe"]


def test_records_of_unknown_settings_need_force(tmp_path, made):
    (tmp_path / "motion-00000-of-00001.gz").write_text("of an earlier version")
    with pytest.raises(ConfigError, match="not recorded"):
        module.prepare(table(), SMALL, tmp_path)
    module.prepare(table(), SMALL, tmp_path, force=True)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_work_that_ends_early_leaves_nothing_and_keeps_the_old_set(tmp_path, made, monkeypatch, error):
    module.prepare(table(), SMALL, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}

    def broken(table, recipe, part, *rest):
        with open(os.path.join(part, "motion-00000-of-00001.gz"), "w") as file:
            file.write("half")
        raise error

    monkeypatch.setattr(module, "_make", broken)
    with pytest.raises(type(error)):
        module.prepare(table(), SMALL, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


@pytest.mark.parametrize("name", ["out[1]", "o*t?", os.fsdecode(b"M\xfcller")])
def test_a_folder_of_any_name(tmp_path, made, name):
    module.prepare(table(), SMALL, tmp_path / name)
    assert sorted(os.listdir(tmp_path / name)) == ["clips.json", "motion-00000-of-00001.gz"]
