from __future__ import annotations

import dataclasses
import json

import pytest
from layout_case import plan

from mer_tf.cli import main
from mer_tf.datasets import get_reader, read_casme2, read_composite, read_manifest, write_manifest
from mer_tf.datasets.composites import parts
from mer_tf.datasets.origin import is_synthetic, is_synthetic_table
from mer_tf.errors import CountsDifferError
from mer_tf.synthetic.layouts import write_layout


def mark(root):
    (root / "synthetic.json").write_text("{}")


def test_a_folder_and_three_above_it(tmp_path):
    deep = tmp_path / "set" / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    assert not is_synthetic(deep)
    mark(tmp_path / "set")
    for folder in (deep.parents[3], deep.parents[2], deep.parents[1], deep.parents[0]):
        assert is_synthetic(folder)
    assert not is_synthetic(deep)
    assert not is_synthetic(tmp_path)


@pytest.mark.parametrize("layout", ["casme", "casme2", "samm", "smic_hs", "smic_e", "ckplus", "oulu_casia", "mug"])
def test_the_frames_of_every_layout_lead_to_the_mark(tmp_path, layout):
    root = tmp_path / "set"
    write_layout(root, layout, plan())
    assert not is_synthetic_table(get_reader(layout)(root))
    mark(root)
    assert is_synthetic_table(get_reader(layout)(root))


def test_the_mark_travels_with_the_manifest(casme2, tmp_path):
    table = read_casme2(casme2.write())
    write_manifest(table, tmp_path / "real.csv")
    mark(casme2.root)
    write_manifest(table, tmp_path / "drawn.csv")
    (casme2.root / "synthetic.json").unlink()
    assert not read_manifest(tmp_path / "real.csv")[0].synthetic
    drawn = read_manifest(tmp_path / "drawn.csv")[0]
    assert drawn.synthetic and is_synthetic_table(drawn)
    assert not is_synthetic_table(dataclasses.replace(drawn, synthetic=False))


def test_data_check_says_so_and_compares_with_nothing(casme2, capsys):
    casme2.write()
    assert main(["data", "check", "--dataset", "casme2", str(casme2.root)]) == 0
    assert "not as published" in capsys.readouterr().out
    mark(casme2.root)
    assert main(["data", "check", "--dataset", "casme2", str(casme2.root)]) == 0
    shown = capsys.readouterr().out
    assert "(synthetic)" in shown and "not compared with the published counts" in shown
    assert "as published" not in shown and "differs" not in shown
    assert main(["data", "check", "--dataset", "casme2", str(casme2.root), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["synthetic"], facts["expected"], facts["differences"]) == (True, None, [])


def test_a_composite_of_drawn_clips_needs_no_published_counts(tmp_path):
    roots = {}
    for name in ("casme2", "samm"):
        roots[name] = write_layout(tmp_path / name, name, plan()).root
    with pytest.raises(CountsDifferError):
        read_composite("cde2018", roots)
    for name in roots:
        mark(tmp_path / name)
    table = read_composite("cde2018", roots)
    assert not table.partial and is_synthetic_table(table)
    assert set(parts(table)) == {"casme2", "samm"}
    assert read_composite("cde2018", {"samm": roots["samm"]}, allow_partial=True).partial
