"""A set is complete: card, reader, mapping, counts, synthetic twin; and a new one takes a module for each of two."""

from __future__ import annotations

import inspect
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from mer_tf.datasets import CARDS, READERS, dataset_name, get_mapping, get_reader
from mer_tf.datasets.composites import COMPOSITES
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.synthetic import LAYOUTS

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("name", CARDS)
def test_a_set_is_complete(name):
    card = CARDS[name]
    defaults = inspect.signature(READERS[name]).parameters
    assert defaults["mapping"].default == card.mapping
    assert defaults["strict"].default is False
    assert all(LAYOUTS[layout].card is card for layout in card.layouts)
    rule = get_mapping("native", name)
    assert [rule.label(name, emotion) for emotion in card.classes] == list(range(len(card.classes)))
    by_default = get_mapping(card.mapping)
    assert {by_default.label(name, emotion) for emotion in card.classes} >= {0, 1, 2}
    assert card.counts is None or card.expected(f"native_{name}")  # None says that no source counts it
    for mapping, published in (card.counts or {}).items():
        for expected in published:
            assert expected.source
            assert set(expected.classes) <= set(get_mapping(mapping, name).classes)
    assert "licence" in card.hint or "agreement" in card.hint


def test_no_layout_or_composite_is_of_an_unknown_set():
    assert set(LAYOUTS) == {layout for card in CARDS.values() for layout in card.layouts}
    assert {part for composite in COMPOSITES.values() for part in composite.datasets} <= set(CARDS)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CASME II", "casme2"), ("casme-2", "casme2"), (" CasmeII ", "casme2"), ("CASME", "casme"),
        ("smic", "smic_hs"), ("SMIC-HS", "smic_hs"), ("SMIC_E", "smic_e"), ("smic vis", "smic_vis"), ("SAMM", "samm"),
        ("CAS(ME)^3", "casme3"), ("cas(me)\u00b3", "casme3"), ("casme-3", "casme3"), ("4D-ME", "4dme"),
        ("CK+", "ckplus"), ("CK+48", "ck48"), ("Oulu-CASIA", "oulu_casia"),
        ("CAS(ME)^2", "CAS(ME)^2"), (" mine ", "mine"),  # sets without a card stay what they are
    ],
)  # fmt: skip
def test_one_set_under_many_spellings(text, name):
    assert dataset_name(text) == name


def test_ambiguous_and_unknown_names():
    with pytest.raises(ConfigError, match="'CK' may be ckplus or ck48; the known ones are casme, casme2, "):
        dataset_name("CK")
    with pytest.raises(UnknownNameError, match="dataset 'CAS.ME.\\^2'"):
        get_reader("CAS(ME)^2")
    assert get_reader("CASME II") is READERS["casme2"]


READER = '''
"""A made-up set: ROOT/made/P01/C1/1.png, with the class in the clip's name."""

import os

from mer_tf.datasets.folders import FramesSet, find_frames, padded_id, subfolders
from mer_tf.frames import scan_frames
from mer_tf.datasets.table import Row, TableBuilder

MADE = FramesSet(
    name="made", title="Made Up", kind="micro", classes=("disgust", "happiness", "surprise"), fps=90.0, peak="none",
    counts=None, hint="no agreement is needed", aliases=("madeup",), subject_id=padded_id("P", 2),
    subjects_like="P01, P02, ...", folders={"raw": ("made",)},
)
CARDS = (MADE,)


def read_made(root, *, mapping="megc2019", strict=False):
    """Reads it."""
    build = TableBuilder(MADE, mapping, strict=strict)
    base, _ = find_frames(MADE, os.path.abspath(root), "auto")
    for subject, path in subfolders(base).items():
        for clip, folder in subfolders(path).items():
            with build.faults():
                row = Row(MADE.subject_id(subject), clip, clip.split("-")[1])
                label = build.label(row)
                if label is not None:
                    build.add(row, label, scan_frames(folder), folder)
    return build.table(context=f"under {base}")
'''
LAYOUT = '''
"""The made-up set as it is shipped."""

from mer_tf.datasets.readers.made import MADE
from mer_tf.synthetic.layouts.base import Layout, translate, written_clip
from mer_tf.synthetic.layouts.show import SyntheticSet, micro


def _made(writer, clip, index):
    emotion = translate({}, clip.emotion, MADE.emotions)
    subject, name = f"P{clip.subject:02d}", f"C{clip.clip}-{emotion}"
    folder = writer.root / "made" / subject / name
    numbers = writer.frames(clip.pictures(), folder, "{}.png".format)
    return written_clip(writer.key(subject, name), folder, clip, numbers, emotion)


LAYOUTS = (
    Layout(
        card=MADE, write=_made, folders=("made",),
        show=SyntheticSet(micro("made", {"disgust": 1, "happiness": 1, "surprise": 1}, course="whole"), frames=(8, 9)),
    ),
)
'''


@pytest.mark.slow
def test_a_new_set_takes_two_modules(tmp_path):
    shutil.copytree(ROOT / "mer_tf", tmp_path / "mer_tf", ignore=shutil.ignore_patterns("__pycache__"))
    for folder, text in (("datasets/readers", READER), ("synthetic/layouts", LAYOUT)):
        (tmp_path / "mer_tf" / folder / "made.py").write_text(text, encoding="utf-8")

    def mer(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "mer_tf.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            check=False,
        )
        assert not done.returncode, done.stderr
        return done.stdout

    size = ("--subjects", 2, "--clips-per-subject", 2, "--frames-per-clip", 8, "--workers", 1)
    mer("data", "synth", tmp_path / "set", "--layout", "made", *size)
    facts = json.loads(mer("data", "check", "--dataset", "made UP", tmp_path / "set", "--json"))
    assert (facts["dataset"], facts["mapping"], facts["clips"], facts["subjects"]) == ("made", "megc2019", 4, 2)
    assert facts["expected"] is None and sum(facts["classes"].values()) == 4
    assert "made," in mer("data", "check", "--help")


def test_cards_come_without_picture_libraries():
    code = (
        "import sys, mer_tf.datasets; print([name for name in ('cv2', 'numpy', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
