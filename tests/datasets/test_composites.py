"""Composites with the published counts, label lists, and ``mer data check``."""

from __future__ import annotations

import json
import shutil

import pytest
from layout_case import messages, plan
from published_plan import published_plan

from mer_tf.cli import main
from mer_tf.datasets import CARDS, READERS, check_counts, expected_counts, read_composite
from mer_tf.datasets.composites import COMPOSITES, composite_differences, parts
from mer_tf.datasets.expected import best_match, check_list
from mer_tf.datasets.label_list import canonical_key, read_label_list
from mer_tf.datasets.manifest import read_manifest, write_manifest
from mer_tf.datasets.mappings import get_mapping
from mer_tf.errors import AnnotationError, ConfigError, CountsDifferError, MissingFileError, UnknownNameError
from mer_tf.synthetic.layouts import LayoutClip, write_layout

PARTS = ("smic_hs", "casme2", "samm")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Roots of three sets whose counts per subject and class are the published ones; not to be changed."""
    root = tmp_path_factory.mktemp("published")
    return {name: write_layout(root / name, name, published_plan(name)).root for name in PARTS}


def organisers_list(roots, path, change=lambda rows: rows):
    """The list as the organisers write it: CRLF, no header, SAMM without padding."""
    table = read_composite("megc2019", roots, allow_partial=True)
    rows = []
    for clip in table.clips:
        dataset = "smic" if clip.dataset == "smic_hs" else clip.dataset
        subject = str(int(clip.subject)) if dataset == "samm" else clip.subject
        rows.append([dataset, subject, clip.clip, str(clip.label)])
    path.write_bytes("".join(",".join(row) + "\r\n" for row in change(rows)).encode())
    return path


# --- counts


def test_published_tables_add_up():
    of_sets = [counts for card in CARDS.values() for counts in (card.counts or {}).values()]
    for counts in (*of_sets, *((composite.expected,) for composite in COMPOSITES.values())):
        for expected in counts:
            if expected.per_subject:
                totals = [sum(column) for column in zip(*expected.per_subject.values())]
                assert totals == list(expected.classes.values())
                assert len(expected.per_subject) == expected.subjects
            if expected.clips_per_subject:
                assert sum(expected.clips_per_subject.values()) == expected.clips
    tables = COMPOSITES["megc2019"].expected.per_subject
    assert len(tables) == 68
    assert sum(1 for counts in tables.values() if sum(map(bool, counts)) == 1) == 23
    assert sum(1 for counts in tables.values() if all(counts)) == 16


@pytest.mark.parametrize(
    ("key", "clips", "subjects"),
    [
        (("megc2019", "megc2019"), 442, 68), (("atscnn", "atscnn"), 382, 67), (("cde2018", "objective"), 253, 47),
        (("casme2", "casme2_five"), 246, 26), (("casme2", "megc2019"), 145, 24), (("samm", "megc2019"), 133, 28),
        (("smic_hs", "megc2019"), 164, 16), (("casme", "atscnn"), 104, 15),
    ],
)  # fmt: skip
def test_published_totals(key, clips, subjects):
    expected = expected_counts(*key)[0]
    assert (expected.clips, expected.subjects) == (clips, subjects)


@pytest.mark.parametrize(
    ("dataset", "mapping", "counts"),
    [
        ("casme2", "megc2019", (88, 32, 25)),
        ("samm", "megc2019", (92, 26, 15)),
        ("smic_hs", "megc2019", (70, 51, 43)),
        ("casme2", "cbamnet", (90, 32, 25)),
        ("smic_hs", "cbamnet", (70, 51, 43)),
        ("casme2", "casme2_five", (32, 25, 63, 27, 99)),
        ("casme2", "objective", (25, 15, 99, 26, 20)),
        ("samm", "objective", (24, 13, 20, 8, 3)),
        ("casme2", "native", (99, 63, 32, 27, 25, 7, 2)),
        ("samm", "native", (57, 26, 26, 15, 12, 9, 8, 6)),
        ("casme2", "atscnn", (88, 32, 25)),
        ("samm", "atscnn", (92, 26, 15)),
    ],
)
def test_mappings_reproduce_the_published_counts(published, dataset, mapping, counts):
    table = READERS[dataset](published[dataset], mapping=mapping)
    found = [sum(clip.label == index for clip in table.clips) for index in range(len(table.classes))]
    assert tuple(found) == counts
    _, differences = best_match(table, expected_counts(dataset, table.mapping))
    assert differences == ()
    assert not table.partial


def test_revision_of_2019_is_told_by_its_counts(tmp_path):
    moved, clips = 3, []
    for clip in published_plan("casme2"):
        if moved and clip.emotion == "sadness":
            moved, clip = moved - 1, LayoutClip(**{**vars(clip), "emotion": "surprise"})
        clips.append(clip)
    write_layout(tmp_path, "casme2_2019", clips)
    table = READERS["casme2"](tmp_path, mapping="native")
    expected, differences = best_match(table, expected_counts("casme2", "native_casme2"))
    assert (expected.name, differences) == ("CASME II, labels of 2019", ())
    assert any("labels of 2019 (its rows have 28 surprise and 4 sadness)" in text for text in messages(table))


def test_megc2019(published):
    table = read_composite("megc2019", published, strict=True)
    assert (len(table.clips), len(table.subjects)) == (442, 68)
    assert [sum(clip.label == index for clip in table.clips) for index in range(3)] == [250, 109, 83]
    assert (table.dataset, table.mapping, table.partial) == ("megc2019", "megc2019", False)
    assert list(parts(table)) == list(PARTS)
    assert sum(clip.key == "casme2/sub04/EP12_01f" for clip in table.clips) == 0
    assert len({clip.key for clip in table.clips}) == 442
    spelled = {"SMIC": published["smic_hs"], "CASME II": published["casme2"], "samm": published["samm"]}
    assert read_composite("megc2019", spelled, strict=True).clips == table.clips
    with pytest.raises(ConfigError, match="two roots for one part. Received: smic_hs, casme2, samm, smic"):
        read_composite("megc2019", {**published, "smic": published["smic_hs"]})


def test_cde2018(published):
    table = read_composite("cde2018", {name: published[name] for name in ("casme2", "samm")})
    assert (len(table.clips), len(table.subjects)) == (253, 47)
    assert table.classes == ("I", "II", "III", "IV", "V")
    assert [sum(clip.label == index for clip in table.clips) for index in range(5)] == [49, 28, 119, 34, 23]


def test_atscnn_reports_and_never_trims(published, tmp_path):
    counts = {"tense": 69, "disgust": 44, "repression": 38, "surprise": 20, "happiness": 9, "sadness": 6, "fear": 2}
    emotions = [emotion for emotion, count in counts.items() for _ in range(count)] + ["contempt"]
    clips = [LayoutClip(n % 19 + 1, n, emotion, "4", 1, 3, 5, range(1, 6)) for n, emotion in enumerate(emotions)]
    casme = write_layout(tmp_path / "casme", "casme", clips).root
    roots = {"casme": casme, "casme2": published["casme2"], "samm": published["samm"]}
    with pytest.raises(CountsDifferError) as caught:
        read_composite("atscnn", roots)
    assert "negative 262 expected, 268 found (+6)" in str(caught.value)
    table = read_composite("atscnn", roots, allow_partial=True)
    assert table.partial
    found = [sum(clip.label == index for clip in parts(table)["casme"].clips) for index in range(3)]
    assert found == [88, 9, 20]
    # an explicit list of clips settles it
    rows = [clip for clip in table.clips if clip.emotion != "sadness" or clip.dataset != "casme"]
    seen, kept = {}, []
    for clip in rows:
        if clip.dataset == "casme":
            seen[clip.label] = seen.get(clip.label, 0) + 1
            if seen[clip.label] > (82, 7, 15)[clip.label]:
                continue
        kept.append(f"{clip.dataset},{clip.subject},{clip.clip},{clip.label}\n")
    (tmp_path / "list.csv").write_text("".join(kept))
    table = read_composite("atscnn", roots, allow_partial=True, label_list=tmp_path / "list.csv")
    assert len(table.clips) == 382
    assert {item.what for item in composite_differences(table)} <= {"subjects"}  # only the subjects are invented


# --- partial sets


@pytest.fixture
def short(published, tmp_path):
    """The published sets, with one SAMM clip folder gone and one CASME II clip empty."""
    roots = dict(published)
    for name in ("samm", "casme2"):
        roots[name] = shutil.copytree(published[name], tmp_path / name)
    shutil.rmtree(roots["samm"] / "SAMM" / "011" / "011_1_3")
    clip = read_composite("megc2019", published).clips[164]
    folder = roots["casme2"] / "CASME2_RAW_selected" / clip.subject / clip.clip
    for file in folder.iterdir():
        file.unlink()
    return roots, clip.key


def test_missing_clips_are_named(short):
    roots, key = short
    with pytest.raises(CountsDifferError) as caught:
        read_composite("megc2019", roots)
    message = str(caught.value)
    assert "negative 250 expected, 248 found (-2)" in message
    assert "positive 109 expected, 109 found (+0)" in message
    assert "samm/011/011_1_3" in message
    assert key in message
    assert "--allow-partial" in message
    assert "\n" not in message
    assert {item.what for item in caught.value.differences} == {"class", "clips", "subject"}
    table = read_composite("megc2019", roots, allow_partial=True)
    assert len(table.clips) == 440
    assert table.partial


def test_partial_travels_with_the_manifest(published, tmp_path):
    write_layout(tmp_path / "set", "casme2", plan(pictures=True, frames=8))
    table = READERS["casme2"](tmp_path / "set")
    write_manifest(table, tmp_path / "whole.csv")
    assert not read_manifest(tmp_path / "whole.csv")[0].partial
    shutil.rmtree(next((tmp_path / "set" / "CASME2_RAW_selected" / "sub01").iterdir()))
    table = READERS["casme2"](tmp_path / "set")
    assert table.partial
    write_manifest(table, tmp_path / "short.csv")
    assert read_manifest(tmp_path / "short.csv")[0].partial


def test_a_part_without_root(published):
    with pytest.raises(ConfigError, match="needs a root for samm"):
        read_composite("megc2019", {name: published[name] for name in ("smic_hs", "casme2")})
    table = read_composite("megc2019", {"casme2": published["casme2"]}, allow_partial=True)
    assert table.partial
    assert len(table.clips) == 145
    with pytest.raises(ConfigError, match="needs a root"):
        read_composite("megc2019", {}, allow_partial=True)
    with pytest.raises(UnknownNameError, match="part of composite"):
        read_composite("megc2019", {**published, "casme": "x"})
    with pytest.raises(UnknownNameError, match="Did you mean 'megc2019'"):
        read_composite("megc2018", published)
    assert set(COMPOSITES) == {"megc2019", "atscnn", "cde2018"}


def test_extra_clips_are_seen(published):
    table = READERS["samm"](published["samm"])
    (expected,) = expected_counts("casme2", "megc2019")
    differences = check_counts(table, expected)
    assert any(
        item.what == "subject" and item.name.startswith("samm/006") and item.expected == 0 for item in differences
    )


# --- label lists


def test_list_decides(published, tmp_path):
    path = organisers_list(published, tmp_path / "combined_3class_gt.csv")
    table = read_composite("megc2019", published, label_list=path)
    assert len(table.clips) == 442
    assert not table.partial
    assert not [text for text in messages(table, severity="warning") if "label list says" in text]
    assert any("that the label list does not name" in text for text in messages(table))


def test_swapped_labels_are_told_clip_by_clip(published, tmp_path):
    names = []

    def swap(rows):
        negative = next(row for row in rows if row[0] == "samm" and row[3] == "0")
        surprise = next(row for row in rows if row[0] == "samm" and row[3] == "2")
        negative[3], surprise[3] = "2", "0"
        names.extend((negative[2], surprise[2]))
        return rows

    path = organisers_list(published, tmp_path / "list.csv", swap)
    table = read_composite("megc2019", published, label_list=path, allow_partial=True)
    told = [text for text in messages(table, severity="warning") if "the label list says" in text]
    assert len(told) == 2
    assert all(any(name in text for text in told) for name in names)
    entries = read_label_list(path, get_mapping("megc2019"))
    by_rule = read_composite("megc2019", published)
    differences = check_list(by_rule, entries)
    assert sorted(item.name.rpartition("/")[2] for item in differences) == sorted(names)
    assert {item.what for item in differences} == {"label"}


def test_list_names_missing_and_extra(published, tmp_path):
    path = organisers_list(published, tmp_path / "list.csv", lambda rows: [*rows[1:], ["samm", "6", "006_9_9", "0"]])
    with pytest.raises(CountsDifferError) as caught:
        read_composite("megc2019", published, label_list=path)
    assert "samm/006/006_9_9 is missing (expected as negative)" in str(caught.value)
    entries = read_label_list(path, get_mapping("megc2019"))
    differences = check_list(read_composite("megc2019", published), entries)
    assert [item.what for item in differences] == ["missing", "extra"]
    assert "is not in the list (found as" in differences[1].message


def test_list_refuses_the_damaged_variant(published, tmp_path):
    def blank(rows):
        return [*rows[:100], ["", "", "", ""], *rows[100:]]

    path = organisers_list(published, tmp_path / "combined_3class_gt-2.csv", blank)
    with pytest.raises(AnnotationError, match="row 101 is blank: this is the damaged '-2' variant"):
        read_composite("megc2019", published, label_list=path)

    def lost(rows):
        return [row for row in rows if row[2] != "032_3_1"]

    path = organisers_list(published, tmp_path / "list.csv", lost)
    with pytest.raises(AnnotationError, match="441 clips and lacks samm/032/032_3_1"):
        read_composite("megc2019", published, label_list=path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no clip"),
        ("dataset,sub,clip,label\n", "row 1 is 'dataset,sub,clip,label'"),
        ("samm,6,006_1_2\n", "row 1"),
        ("samm,6,006_1_2,3\n", "class \\(0 to 2 or negative, positive, surprise\\)"),
        ("samm,6,006_1_2,0\nsamm,006,006_1_2,0\n", "row 2 repeats clip samm/006/006_1_2"),
        ("smem,6,a,0\n", "row 1"),
    ],
)
def test_list_rows_are_checked(tmp_path, text, said):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(AnnotationError, match=said):
        read_label_list(tmp_path / "list.csv", get_mapping("megc2019"))


def test_list_file_and_foreign_sets(published, tmp_path):
    with pytest.raises(MissingFileError):
        read_label_list(tmp_path / "nowhere.csv", get_mapping("megc2019"))
    (tmp_path / "list.csv").write_text("casme,1,EP01_01,negative\nSAMM,6,006_1_2,2.0\n\n")
    entries = read_label_list(tmp_path / "list.csv", get_mapping("megc2019"))
    assert entries == {("casme", "sub01", "EP01_01"): 0, ("samm", "006", "006_1_2"): 2}
    with pytest.raises(ConfigError, match="names clips of casme, which composite 'megc2019' does not have"):
        read_composite("megc2019", published, label_list=tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (("CASME II", "1", "EP02_01f"), ("casme2", "sub01", "EP02_01f")),
        (("smic", "s1", "s1_ne_01"), ("smic_hs", "s01", "s01_ne_01")),
        (("SMIC-HS", "s01", "s01_ne_01"), ("smic_hs", "s01", "s01_ne_01")),
        (("samm", "6", "006_1_2"), ("samm", "006", "006_1_2")),
        (("smem", "1", "a"), None),
        (("samm", "s6", "006_1_2"), None),
        (("samm", "6", " "), None),
    ],
)
def test_canonical_key(given, key):
    assert canonical_key(*given) == key


# --- the command


def check(capsys, *arguments):
    status = main(["data", "check", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def roots_of(published):
    return [argument for name, root in published.items() for argument in ("--root", f"{name}={root}")]


def test_check_of_a_composite(published, capsys):
    status, out, _ = check(capsys, "--composite", "megc2019", *roots_of(published), "--json")
    facts = json.loads(out)
    assert status == 0
    assert {"dataset", "clips", "subjects", "classes", "missing", "corrections", "skipped"} <= set(facts)
    assert (facts["clips"], facts["subjects"], facts["partial"]) == (442, 68, False)
    assert facts["classes"] == {"negative": 250, "positive": 109, "surprise": 83}
    assert facts["differences"] == []
    assert len(facts["corrections"]) == 2
    assert {name: part["clips"] for name, part in facts["by_dataset"].items()} == {
        "smic_hs": 164,
        "casme2": 145,
        "samm": 133,
    }
    status, out, _ = check(capsys, "--composite", "megc2019", *roots_of(published))
    assert status == 0
    assert out.startswith("megc2019: 442 clips of 68 subjects\n")
    assert out.count("as published: ") == 4
    assert "not as published" not in out


def test_check_of_a_short_composite(short, capsys):
    roots, key = short
    status, out, err = check(capsys, "--composite", "megc2019", *roots_of(roots))
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert key in err
    status, out, _ = check(capsys, "--composite", "megc2019", *roots_of(roots), "--allow-partial")
    assert status == 0
    assert "440 clips of 68 subjects (partial)" in out
    assert "differs: class negative: expected 250, found 248 (-2)" in out
    assert "differs: subject samm/011 negative: expected 13, found 12 (-1); known: samm/011/011_1_3" in out


def test_check_of_one_set(published, capsys, tmp_path):
    status, out, _ = check(capsys, published["casme2"], "--dataset", "casme2", "--mapping", "casme2_five")
    assert status == 0
    assert "246 clips of 26 subjects" in out
    assert "as published: CASME II, five classes (ASTNet 2024)" in out
    path = organisers_list(published, tmp_path / "list.csv", lambda rows: rows[:-1])
    status, out, _ = check(
        capsys, published["samm"], "--dataset", "samm", "--mapping", "megc2019", "--label-list", path, "--json"
    )
    facts = json.loads(out)
    assert (status, facts["clips"]) == (0, 132)
    assert any("subject samm/037" in text for text in facts["differences"])
    write_layout(tmp_path / "mug", "mug", plan())
    status, out, _ = check(capsys, tmp_path / "mug", "--dataset", "mug")
    assert status == 0
    assert "mug: 9 clips of 3 subjects" in out


def test_check_opens_pictures_on_request(tmp_path, capsys):
    written = write_layout(tmp_path, "casme2", plan(pictures=True, frames=8))
    (written.folders[0] / "img98.jpg").write_bytes(b"")  # an apex
    (written.folders[2] / "img96.jpg").write_bytes(b"")  # neither onset, apex nor offset
    (written.folders[1] / "img95.jpg").write_bytes(b"no picture")
    status, out, _ = check(capsys, tmp_path, "--dataset", "casme2", "--images", "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["clips"] == 7
    assert any("file 'img98.jpg': the image file is empty" in text for text in facts["skipped"])
    assert any("file 'img95.jpg'" in text and "not a JPEG" in text for text in facts["skipped"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "casme2"], "give --dataset NAME and its folder"),
        (["--composite", "megc2019"], "needs a root for smic_hs, casme2, samm"),
        (["x", "--composite", "megc2019"], "a folder does not go with --composite"),
        (["--composite", "megc2019", "--root", "samm"], "is not DATASET=PATH"),
        (["--composite", "megc2019", "--root", "samm=a", "--root", "samm=b"], "stands twice"),
        (["--composite", "megc"], "Did you mean 'megc2019'"),
        (["--composite", "megc2019", "--mapping", "cbamnet"], "--mapping does not go with --composite"),
        (["x", "--dataset", "samm", "--root", "samm=x"], "--root goes with --composite"),
        (["x", "--dataset", "samm", "--allow-partial"], "--allow-partial goes with --composite"),
    ],
)
def test_check_refuses(arguments, said, capsys):
    status, out, err = check(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
