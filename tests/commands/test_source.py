"""Clips named by ``mer prepare`` and ``mer pipeline run``: one folder or a composite, and the near-duplicate check."""

from __future__ import annotations

import argparse
import io
import shutil

import cv2
import numpy as np
import pytest

from mer_tf.cli import main
from mer_tf.commands.source import add_source, check_near_duplicates, read_source
from mer_tf.console import Console
from mer_tf.errors import ConfigError, LeakageError
from mer_tf.synthetic.layouts import LayoutClip, write_layout


def arguments_of(*texts):
    parser = argparse.ArgumentParser()
    add_source(parser)
    return parser.parse_args(list(map(str, texts)))


def clips(subjects=(1, 2), frames=(10, 11, 12, 13), aus="6+12"):
    def pictures(subject):
        rng = np.random.default_rng(subject)
        cells = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = cv2.resize(cells, (64, 48), interpolation=cv2.INTER_CUBIC)
        return lambda: ((number, picture) for number in frames)

    return [
        LayoutClip(subject, 0, "happiness", aus, onset=10, apex=11, offset=13, frames=pictures(subject))
        for subject in subjects
    ]


@pytest.fixture
def roots(tmp_path):
    return {name: write_layout(tmp_path / name, name, clips()).root for name in ("casme2", "samm")}


def read(*texts):
    return read_source(arguments_of(*texts), Console(io.StringIO(), io.StringIO()))


def test_one_folder(roots):
    table = read("--data", roots["samm"], "--dataset", "samm", "--mapping", "native")
    assert (table.dataset, table.mapping, len(table.clips)) == ("samm", "native_samm", 2)
    assert read("--data", roots["casme2"]).mapping == "megc2019"


def test_a_composite_has_its_own_mapping(roots):
    parts = [text for name, root in roots.items() for text in ("--root", f"{name}={root}")]
    table = read("--composite", "cde2018", *parts, "--allow-partial")
    assert (table.dataset, table.mapping, table.partial) == ("cde2018", "objective", True)
    assert {clip.dataset for clip in table.clips} == {"casme2", "samm"}
    with pytest.raises(ConfigError, match="defined with the label mapping 'objective'"):
        read("--composite", "cde2018", *parts, "--mapping", "megc2019")
    with pytest.raises(ConfigError, match="--dataset goes with --data"):
        read("--composite", "cde2018", *parts, "--dataset", "samm")


@pytest.mark.parametrize(
    ("texts", "flag"),
    [
        (["--root", "samm=x"], "--root"),
        (["--label-list", "x"], "--label-list"),
        (["--allow-partial"], "--allow-partial"),
    ],
)
def test_what_belongs_to_a_composite(roots, texts, flag):
    with pytest.raises(ConfigError, match=f"^{flag} goes with --composite"):
        read("--data", roots["casme2"], *texts)


def test_no_source_or_two(capsys):
    for texts in ([], ["--data", "a", "--composite", "b"]):
        with pytest.raises(SystemExit):
            arguments_of(*texts)
    capsys.readouterr()


def test_one_picture_under_two_subjects(roots):
    table = read("--data", roots["casme2"])
    console = Console(io.StringIO(), io.StringIO())
    found = check_near_duplicates(table, arguments_of("--data", "x"), console)
    assert (found.clips, found.warning) == (2, "") and "no picture stands under two" in str(found)
    first, second = (clip.frame_path(10) for clip in table.clips)
    shutil.copyfile(first, second)
    with pytest.raises(LeakageError, match=r"casme2/sub01/.* and casme2/sub02/.*--allow-near-duplicates"):
        check_near_duplicates(table, arguments_of("--data", "x"), console)
    found = check_near_duplicates(table, arguments_of("--data", "x", "--allow-near-duplicates"), console)
    assert "sub02" in found.warning and found.warning in console.err.getvalue()


@pytest.mark.parametrize(
    "verb", [["prepare", "--recipe", "onset_apex_28"], ["pipeline", "run", "--model", "dual_atme_aars"]]
)
def test_the_verbs_stop_at_it_before_they_write(roots, tmp_path, capsys, verb):
    pytest.importorskip("apache_beam")
    table = read("--data", roots["casme2"])
    shutil.copyfile(*(clip.frame_path(10) for clip in table.clips))
    out = tmp_path / "out"
    assert main([*verb, "--data", str(roots["casme2"]), "--out", str(out)]) == 2
    assert "nearly the same frame" in capsys.readouterr().err
    assert not out.exists()


def test_smic_is_the_high_speed_set_and_the_others_are_named(capsys):
    from mer_tf.commands.source import DEFAULT_DATASET, named_dataset
    from mer_tf.console import Console

    assert named_dataset("SMIC", Console()) == "smic_hs"
    said = " ".join(capsys.readouterr().err.split())
    assert said == "note: dataset 'SMIC' is read as smic_hs; there are smic_vis, smic_nir, smic_e too"
    assert named_dataset("SMIC-HS", Console()) == "smic_hs" and named_dataset(None, Console()) == DEFAULT_DATASET
    assert not capsys.readouterr().err


def test_facts_of_a_drawn_set_are_words():
    from mer_tf.commands.data import _text

    assert [_text(value) for value in ({"anger": 3, "fear": 1}, (), ("gap",), False, 7)] == [
        "anger 3, fear 1", "none", "gap", "no", "7"
    ]  # fmt: skip
