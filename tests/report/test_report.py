"""What a report says, and that it says so without anything from outside."""

from __future__ import annotations

import csv
import dataclasses
import html.parser
import json
import pathlib
import re
import subprocess
import sys

import pytest

from mer_tf import metrics
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics.comparison import compare
from mer_tf.metrics.predictions import write_epoch_predictions, write_predictions
from mer_tf.report import build_report, read_run, svg, to_html, to_markdown
from mer_tf.report.experiments import group_runs
from mer_tf.run_files import SUB_CLIPS_FILE
from mer_tf.systems.published import (
    SETTINGS,
    belongs,
    part_of,
    published_megc2019,
    published_results,
)
from mer_tf.systems.registry import MODELS
from mer_tf.types import Prediction
from mer_tf.zoo.tables import NO_COMMAND

ROOT = pathlib.Path(__file__).parents[2]

# Methods of ``published_megc2019.csv`` that are shown beside others only.
MEGC2019_NO_SYSTEM = ("AlexNet", "CapsuleNet", "EMR", "FeatRef", "HTNet")


def page(*folders, **options):
    report = build_report([read_run(folder, **options) for folder in folders])
    return to_html(report), to_markdown(report)


def row_of(markdown, *starts):
    """Cells of the first table row that begins with those cells."""
    for line in markdown.splitlines():
        cells = [cell.strip().strip("*").replace("\\", "") for cell in line.strip("|").split("|")]
        if cells[: len(starts)] == list(starts):
            return cells
    raise AssertionError(f"no row {starts}")


class Checker(html.parser.HTMLParser):
    """Balanced tags, every address that the page would fetch or lead to, and every place in it that has a name."""

    VOID = ("meta", "rect", "line", "circle", "path")

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.tags, self.places = [], [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href", "data")]
        self.places += [value for name, value in attributes if name == "id"]
        if tag not in self.VOID or (tag != "meta" and self.get_starttag_text().rstrip()[-2:] != "/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_self_contained_and_well_formed(make_run):
    text, _ = page(make_run(), make_run("other", model="atscnn"), make_run("third", protocol="tenfold_subject"))
    checker = Checker()
    checker.feed(text)
    assert checker.open == [] and len(set(checker.places)) == len(checker.places)
    assert checker.addresses and {link.removeprefix("#") for link in checker.addresses} <= set(checker.places)
    assert "script" not in checker.tags and "link" not in checker.tags and "img" not in checker.tags
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text


def test_every_part_is_there(make_run):
    text, markdown = page(make_run())
    for title in (
        "Results",
        "Beside the published figures",
        "Each class",
        "Each subject",
        "Clips that were wrong",
        "Seeds",
        "How the way of averaging moves the figures",
        "Data and configuration",
    ):
        assert f">{title}</h2>" in text and f"\n## {title}\n" in markdown
    assert "<svg" in text and "<svg" not in markdown


def test_figures_are_those_of_the_predictions(make_run):
    folder = make_run()
    run = read_run(folder)
    scored = metrics.scores(run.predictions, run.classes)["full"]
    _, markdown = page(folder)
    cells = row_of(markdown, "dual_atme (paper), loso, CASME II")
    assert cells[1] == f"{scored['uf1']:.3f}" and cells[3] == f"{scored['uar']:.3f}"
    assert cells[6:9] == ["26", "5", "1"]
    for name, row in zip(run.classes, scored["confusion"]):
        assert row_of(markdown, name, str(row[0]))[1:4] == [str(count) for count in row]


def test_seeds_give_mean_and_deviation(make_run):
    folders = [make_run(f"r{seed}", seed=seed) for seed in range(3)]
    values = [metrics.scores(read_run(f).predictions, read_run(f).classes)["full"]["uf1"] for f in folders]
    _, markdown = page(*folders)
    mean, deviation = sum(values) / 3, metrics.spread(values, ddof=1)
    assert row_of(markdown, "dual_atme (paper), loso, CASME II")[1] == f"{mean:.3f} ± {deviation:.3f}"
    assert row_of(markdown, "standard deviation (ddof 1)")[1] == f"{deviation:.3f}"
    assert "n = 3" in markdown and "3 seeds: fewer than 5" in markdown
    assert page(*folders[::-1]) == page(*folders)


def test_published_figures_of_system_and_protocol(make_run, megc_rows):
    folder = make_run(protocol="megc2019", rows=megc_rows())
    text, markdown = page(folder)
    run = read_run(folder)
    own = metrics.scores(run.predictions, run.classes)
    cells = row_of(markdown, "MEGC2019-CD", "UF1")
    assert cells[2:5] == ["0.679", f"{own['full']['uf1']:.3f}", "yes"]
    assert cells[5] == "Dual-ATME 2023, Table 1, Table 3, Table 4, Table 5, Table 6"
    assert row_of(markdown, "SAMM", "UAR")[2:4] == ["0.538", f"{own['by_dataset']['samm']['uar']:.3f}"]
    assert "macro precision (the matrix was read transposed)" in text  # STSTNet's column, among the further papers
    assert "agree in all twelve cells" in markdown
    assert "Zhou et al. 2023" in markdown


def test_other_clips_are_not_comparable(make_run, megc_rows):
    rows = megc_rows()
    _, markdown = page(make_run("part", protocol="megc2019", rows=rows[:-3]))
    assert "439 clips, published 442" in row_of(markdown, "MEGC2019-CD", "UF1")[4]
    _, markdown = page(make_run("synth", protocol="megc2019", rows=rows, synthetic=True))
    assert row_of(markdown, "MEGC2019-CD", "UF1")[4] == "synthetic clips"
    _, markdown = page(make_run("shuffled", protocol="megc2019", rows=rows, shuffle_labels=True))
    assert row_of(markdown, "MEGC2019-CD", "UF1")[4] == "labels shuffled"
    assert "a chance test" in markdown


def test_another_protocol_is_not_put_beside(make_run, megc_rows):
    for name, options in {
        "one dataset": {},
        "within": {"protocol": "loso_within_dataset", "rows": megc_rows()},
        "tenfold": {"protocol": "tenfold_subject"},
        "mapping": {"protocol": "loso", "rows": megc_rows(), "mapping": "atscnn"},
    }.items():
        _, markdown = page(make_run(name, **options))
        assert "No figure of dual\\_atme is published under this protocol" in markdown, name
        assert "under other protocols or on other data: not comparable" in markdown


def test_each_paper_is_met_in_its_own_metric(make_run, draw):
    five = ("happiness", "surprise", "disgust", "repression", "others")
    rows = draw((32, 25, 63, 27, 99), 26, "casme2")
    folder = make_run(
        "astnet", model="astnet", rows=rows, classes=five, mapping="casme2_five", initial_weights="imagenet_ck.npz"
    )
    means = metrics.fold_means(rows, 5)
    _, markdown = page(folder)
    cells = row_of(markdown, "CASME II", "accuracy % (mean over folds)")
    assert cells[2:5] == ["75.61", f"{100 * means['fold_mean_accuracy']:.2f}", "yes"]
    cells = row_of(markdown, "CASME II", "F1 (mean over folds)")
    present, absent = means["fold_mean_f1_present"], means["fold_mean_f1_absent_zero"]
    assert cells[3] == f"{present:.3f} (absent classes 0: {absent:.3f})"

    rows = draw((90, 32, 25), 26, "casme2")
    folder = make_run("cbamnet", model="cbamnet", protocol="tenfold_numbering", rows=rows, mapping="cbamnet")
    _, markdown = page(folder)
    cm = metrics.scores(rows, "abc")["full"]["confusion"]
    assert row_of(markdown, "CASME II", "accuracy % (mean of recalls)")[2:5] == [
        "69.92",
        f"{100 * metrics.uar(cm):.2f}",
        "published figures are of augmented sub-clips",
    ]
    share = 100 * cm[0][1] / sum(cm[0])
    assert row_of(markdown, "CASME II", "confusion % true=negative predicted=positive")[2:4] == [
        "13.17",
        f"{share:.2f}",
    ]
    assert row_of(markdown, "CASME II", "std of class recalls %")[3] == f"{metrics.recall_spread_pop(cm):.2f}"
    assert "cut and not rounded" in markdown and "here, sub-clips" not in markdown
    # With predictions of sub-clips these stand beside those of whole clips.
    parts = [dataclasses.replace(p, clip=f"{p.clip}#{k}") for p in rows for k in range(1 + p.prediction)]
    write_predictions(folder / SUB_CLIPS_FILE, parts)
    uar = metrics.uar(metrics.scores(parts, "abc")["full"]["confusion"])
    _, markdown = page(folder)
    assert row_of(markdown, "CASME II", "accuracy % (mean of recalls)")[2:5] == [
        "69.92",
        f"{100 * metrics.uar(cm):.2f}",
        f"{100 * uar:.2f}",
    ]
    assert "here, sub-clips" in markdown


def test_hold_out_shows_directions_and_mean(make_run, draw):
    classes = ("I", "II", "III", "IV", "V")
    rows = draw((25, 15, 99, 26, 20), 26, "casme2") + draw((24, 13, 20, 8, 3), 21, "samm", seed=5)
    folder = make_run(
        "hde",
        model="micro_attention",
        preset="hde",
        protocol="hde2018",
        rows=rows,
        classes=classes,
        mapping="objective",
        initial_weights="macro.npz",
    )
    _, markdown = page(folder)
    scored = metrics.hold_out_scores(rows, 5)
    assert row_of(markdown, "mean of the directions")[1] == f"{scored['mean']['war']:.3f}"
    cells = row_of(markdown, "SAMM (test), CASME II (train)", "WAR")
    assert cells[2:5] == ["0.559", f"{scored['by_test_dataset']['samm']['war']:.3f}", "yes"]
    assert "swaps the two directions" in markdown


def test_a_partial_set_is_said(make_run):
    assert "Partial set." in page(make_run(partial=True))[1]
    assert "Partial set." not in page(make_run(name="whole"))[1]


def test_synthetic_sets_are_named_so(make_run):
    text, markdown = page(make_run(), synthetic=True)
    for part in (text, markdown):
        assert "Synthetic data." in part and "synthetic clips in the layout of CASME II" in part


def test_averages_with_and_without_epochs(make_run):
    folder = make_run()
    _, markdown = page(folder)
    assert "No predictions of single epochs were kept" in markdown
    rows = read_run(folder).predictions
    better = [Prediction(*list(vars(p).values())[:5], p.label, p.probabilities) for p in rows]
    write_epoch_predictions(folder / "epochs.csv", {1: better, 2: list(rows)})
    _, markdown = page(folder)
    assert row_of(markdown, "best epoch per fold")[1] == "1.000"
    assert row_of(markdown, "pooled counts")[1] != "1.000"


def test_subjects_in_two_folds_are_said(make_run):
    rows = [Prediction("casme2", f"s{k // 2}", str(k), f"fold{k % 3}", k % 3, k % 3, ()) for k in range(9)]
    _, markdown = page(make_run(protocol="tenfold_numbering", rows=rows))
    assert "4 of its subjects are tested in more than one fold" in markdown
    assert "tested in more than one fold" not in page(make_run("clean"))[1]


def test_names_from_files_cannot_break_the_page(make_run):
    evil = "<script>alert(1)</script>"
    sure = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    rows = [Prediction("casme2", f"s{k}<b>", f'c"{k}', f"f{k % 2}|<i>", k % 3, k % 3, sure[k % 3]) for k in range(6)]
    folder = make_run("evil", rows=rows, classes=(evil, "b & c", 'd"|e'), model="<img src=x>")
    text, markdown = page(folder)
    assert "<script" not in text and "<img" not in text and "<b>" not in text and "<i>" not in text
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert "<script" not in markdown.replace("\\<", "")


def test_names_from_files_are_no_markup_in_markdown(make_run):
    evil = (
        "[click](http://evil.example)",
        "![](http://evil.example/pixel.png)",
        "``x`[click](http://evil.example) ``",
        "# heading\x1b[2J\u202e",
        "www.evil.example &lt;b&gt; ~~gone~~",
    )
    rows = [Prediction("casme2", f"s{k}", f"c{k}", f"f{k % 2}", k % 5, k % 5, ()) for k in range(10)]
    text, markdown = page(make_run("evil", rows=rows, classes=evil, model=evil[0], preset=evil[1]))
    # GitHub makes links of bare addresses by itself, wherever they are no code.
    own = re.sub(r"(?m)^- \[(.*)\]\(#[\w-]+\)$", r"\1", markdown)  # the contents
    bare = re.sub(r"\\[^\w\s]", "", re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", own))
    assert not [sign for sign in ("://", "www.", "&lt;", "~~", "](", "![") if sign in bare]
    for control in ("\x1b", "\u202e"):
        assert control not in markdown + text
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    rendered = reader.render(own)
    assert not set(re.findall(r"<(a|img|h1|b)\b[^>]*>", rendered)) - {"h1"} and rendered.count("<h1>") == 1
    for name in evil[:2]:
        assert name in html.unescape(rendered)


def test_copies_are_dropped_and_contradictions_refused(make_run):
    first, copy, other = make_run("a"), make_run("b"), make_run("c", right=0.2)
    runs = [read_run(folder) for folder in (first, copy)]
    experiments, dropped = group_runs(runs)
    assert len(experiments) == 1 and len(experiments[0].runs) == 1 and dropped == [runs[1].path]
    with pytest.raises(ConfigError, match="same experiment with seed 0, but their predictions differ"):
        build_report([runs[0], read_run(other)])
    with pytest.raises(EmptySplitError):
        build_report([])


def test_experiments_are_kept_apart(make_run):
    text, markdown = page(
        make_run("a"), make_run("b", epochs=5), make_run("c", model="atscnn"), make_run("d", protocol="tenfold_subject")
    )
    assert "4 runs of 4 experiments" in markdown
    assert "dual\\_atme (paper), loso, CASME II\n" in markdown
    assert "dual\\_atme (paper with epochs 5), loso, CASME II\n" in markdown
    assert text.count("Each class</h3>") == 4


def test_package_data_is_read():
    rows = published_results()
    assert len(rows) == 561 and {row.paper_id for row in rows} == {"000", "001", "002", "003", "004"}
    assert len({row.method for row in published_megc2019()}) == 13
    printed = next(r for r in published_megc2019() if r.method == "STSTNet as printed" and r.part == "full")
    assert [id for id, _ in printed.misprints] == ["ststnet-uar"]
    twins = [row for row in rows if "s1-resnet18" in dict(row.misprints)]
    assert len(twins) == 24 and {row.system for row in twins} == {"ResNet18", "LBP-TOP"}
    by_system = {
        name: [(r.dataset, r.metric, r.value) for r in twins if r.system == name] for name in ("ResNet18", "LBP-TOP")
    }
    assert by_system["ResNet18"] == by_system["LBP-TOP"]  # the slip that the note speaks of
    macnn = next(r for r in rows if r.system == "MACNN" and r.metric == "UF1")
    assert "s4-macnn" in dict(macnn.misprints)


def test_every_misprint_speaks_of_a_row_and_every_name_of_a_table():
    rules = json.loads((ROOT / "mer_tf/systems/misprints.json").read_text(encoding="utf-8"))
    rows = published_results()
    used = {id for row in (*rows, *published_megc2019()) for id, _ in row.misprints}
    assert {rule["id"] for rule in rules} == used and len(used) == len(rules)
    assert {key for rule in rules for key in rule["rows"]} <= {"file", "method", "part", "paper_id", *vars(rows[0])}
    assert set(SETTINGS) <= {row.protocol for row in published_results()}
    parts = {row.dataset: part_of(row.dataset) for row in published_results()}
    assert set(parts.values()) == {None, "", "casme2", "samm", "smic_hs"}
    assert [name for name, part in parts.items() if part is None] == ["n/a", "CK+ + Oulu-CASIA + JAFFE + MUG"]


def test_every_printed_figure_belongs_to_one_system_or_is_explained():
    owners = {}
    for name, card in MODELS.items():
        for entry in card.published_as:
            rows = [row for row in published_results() if belongs(row, entry)]
            assert rows, f"{name}: no row {entry}"
            assert entry.preset in card.presets, f"{name}: {entry}"
            for row in rows:
                owners.setdefault(id(row), []).append(name)
    for row in published_results():
        found = owners.get(id(row), [])
        if (row.paper_id, row.system) in NO_COMMAND:
            assert not found, row
        else:
            assert len(found) == 1, f"{row} belongs to {found}"
    assert set(NO_COMMAND) <= {(row.paper_id, row.system) for row in published_results()}
    methods = [name for card in MODELS.values() for name in card.megc2019_as]
    assert sorted([*methods, *MEGC2019_NO_SYSTEM]) == sorted({row.method for row in published_megc2019()})


def test_rows_belong_to_the_network_that_was_run():
    """The rivals of the ATSCNN paper are not the networks of their names' own papers."""
    stand_ins = {
        card.published_as[0].name
        for card in MODELS.values()
        if "004" in {entry.paper_id for entry in card.published_as} and not card.name.startswith("atscnn")
    }
    assert stand_ins == {"STSTNet", "Dual-Inception", "Micro-Attention", "mini-AORCNN", "MACNN", "Off-TANet"}
    for name in ("ststnet", "dual_inception", "micro_attention", "mini_aorcnn"):
        assert "004" not in {entry.paper_id for entry in MODELS[name].published_as}, name


def test_every_setting_of_a_preset_has_a_source():
    for name, card in MODELS.items():
        assert set(card.sources) == set(card.presets), name
        for preset, sources in card.sources.items():
            for setting, source in sources.items():
                assert source.startswith(("paper, ", "code, ", "assumed")), f"{name}, {preset}, {setting}: {source}"
    card = MODELS["cbamnet"]
    assert card.source("paper", "epochs").startswith("assumed")
    assert card.source("paper", "augment.subsequences").startswith("paper, section 3.4.2")


def test_runs_of_other_settings_meet_their_own_rows(make_run, megc_rows):
    """The ablations of Dual-ATME's Tables 4 to 6 on the exact 442 clips."""
    for name, options, figures, table in (
        ("areas", {"recipe": "onset_apex_28_cheeks_nose"}, ("0.631", "0.624"), "Table 4"),
        ("lambda", {"model_options": {"consistency": 0.1}}, ("0.651", "0.649"), "Table 5"),
        ("loss", {"preset": "cross_entropy"}, ("0.671", "0.673"), "Table 6"),
    ):
        _, markdown = page(make_run(name, protocol="megc2019", rows=megc_rows(), **options))
        uf1, uar = (row_of(markdown, "MEGC2019-CD", metric) for metric in ("UF1", "UAR"))
        assert (uf1[2], uar[2]) == figures and uf1[4] == uar[4] == "yes", name
        assert uf1[5] == f"Dual-ATME 2023, {table}"
        assert "with other settings: not comparable" in markdown
        named = {"lambda": "(paper with consistency 0.1)", "loss": "(cross\\_entropy)", "areas": "(paper)"}
        assert named[name] in markdown


def test_a_shorter_run_is_not_comparable_and_says_so(make_run, megc_rows):
    _, markdown = page(make_run(protocol="megc2019", rows=megc_rows(), epochs=5))
    assert row_of(markdown, "MEGC2019-CD", "UF1")[2:5:2] == ["0.679", "other settings"]
    assert "Settings of this run that differ from the published ones: epochs 5 instead of 60." in markdown
    # A default that is given is no change.
    same = make_run("same", protocol="megc2019", rows=megc_rows(), model_options={"consistency": 0.01})
    _, markdown = page(same)
    assert row_of(markdown, "MEGC2019-CD", "UF1")[4] == "yes" and "dual\\_atme (paper), megc2019" in markdown


def test_a_composite_shows_the_matrix_of_each_set(make_run, megc_rows):
    rows = megc_rows()
    html, markdown = page(make_run(protocol="megc2019", rows=rows))
    for name, title in (("casme2", "CASME II"), ("samm", "SAMM"), ("smic_hs", "SMIC-HS")):
        assert f"{title}: confusion matrix, rows true, seed 0" in html
        part = markdown.split(f"{title}: confusion matrix, rows true, seed 0")[1]
        found = [row_of(part, word)[1:4] for word in ("negative", "positive", "surprise")]
        cm = metrics.scores([p for p in rows if p.dataset == name], "abc")["full"]["confusion"]
        assert found == [[str(count) for count in row] for row in cm]


def test_a_stand_in_does_not_lend_its_figures_to_the_network_of_that_name(make_run, draw):
    """382 clips of three sets: the row STSTNet of the ATSCNN paper is its stand-in's, not that of ``ststnet``."""
    rows = [
        row
        for k, (dataset, subjects, counts) in enumerate(
            (("casme", 15, (82, 7, 15)), ("casme2", 24, (88, 32, 25)), ("samm", 28, (92, 26, 15)))
        )
        for row in draw(counts, subjects, dataset, seed=k)
    ]
    assert len(rows) == 382
    _, markdown = page(make_run("own", model="ststnet", rows=rows, mapping="atscnn"))
    assert "No figure of ststnet is published under this protocol" in markdown and "0.6434" not in markdown
    _, markdown = page(make_run("stand-in", model="ststnet_atscnn_setup", rows=rows, mapping="atscnn"))
    assert row_of(markdown, "CASME + CASME II + SAMM", "UF1")[2:5:2] == ["0.6434", "other settings"]
    _, markdown = page(
        make_run("theirs", model="ststnet_atscnn_setup", preset="atscnn_paper", rows=rows, mapping="atscnn")
    )
    assert row_of(markdown, "CASME + CASME II + SAMM", "UF1")[2:5:2] == ["0.6434", "yes"]


def test_pictures_made_elsewhere_have_no_recipe_that_was_run(make_run, megc_rows):
    pictures = {"flow_images": {"maps": ["face", "puzzle"], "skipped": []}}
    _, markdown = page(make_run(protocol="megc2019", rows=megc_rows(), extra=pictures))
    assert "flow pictures made elsewhere: face, puzzle" in markdown
    assert "dlib" not in row_text(markdown) and "tvl1" not in markdown
    assert row_of(markdown, "MEGC2019-CD", "UF1")[4] == "flow pictures made elsewhere"


def row_text(markdown):
    """Everything but the versions of packages."""
    return "\n".join(line for line in markdown.splitlines() if not line.startswith("| versions"))


def test_settings_name_their_sources(make_run):
    _, markdown = page(make_run(epochs=5))
    assert row_of(markdown, "epochs")[2] == "this run"
    assert row_of(markdown, "learning_rate")[2] == "paper, section 4.2"
    assert row_of(markdown, "resample")[2] == "default of this package"


def test_published_file_is_not_edited_by_hand():
    """The figures of the paper whose clips give its confusion counts back."""
    rows = {(r.system, r.metric): r.value for r in published_results() if r.paper_id == "002" and r.table == "Table 4"}
    cm = [[40, 6, 3, 0, 0], [5, 15, 3, 2, 3], [3, 0, 112, 2, 2], [6, 0, 12, 16, 0], [1, 2, 10, 0, 10]]
    assert rows["Residual network with micro-attention", "accuracy"] == round(metrics.accuracy(cm), 3)
    assert rows["Residual network with micro-attention", "F1"] == round(metrics.uf1(cm), 3)


def mer(*arguments):
    command = [sys.executable, "-m", "mer_tf.cli", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_command_writes_both_forms(make_run, tmp_path):
    folder = make_run("a run")
    out, markdown = tmp_path / "new" / "report.html", tmp_path / "new" / "report.md"
    done = mer(folder, "--out", out, "--out", markdown, "--synthetic", "--title", "T & U")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == [str(out), str(markdown)] and done.stderr == ""
    assert "<h1>T &amp; U</h1>" in out.read_text(encoding="utf-8")
    text = markdown.read_text(encoding="utf-8")
    assert "Synthetic data." in text and str(tmp_path) not in text
    assert re.search(r"mer report 'a run' --synthetic --out report", text)


def test_classes_have_recall_precision_and_f1(make_run):
    run = read_run(folder := make_run())
    cm = metrics.confusion_matrix([p.label for p in run.predictions], [p.prediction for p in run.predictions], 3)
    _, markdown = page(folder)
    for k, name in enumerate(run.classes):
        right, true, guessed = cm[k][k], sum(cm[k]), sum(row[k] for row in cm)
        wanted = [f"{value:.3f}" for value in (right / true, right / guessed, 2 * right / (true + guessed))]
        assert row_of(markdown, name, str(true), wanted[0])[2:5] == wanted


def test_a_class_that_is_never_predicted_has_no_precision(make_run):
    rows = [Prediction("casme2", f"s{k % 4}", str(k), f"f{k % 4}", k % 3, 0, (0.8, 0.1, 0.1)) for k in range(12)]
    _, markdown = page(make_run(rows=rows))
    assert row_of(markdown, "surprise", "4", "0.000")[2:5] == ["0.000", "–", "0.000"]


def test_wrong_clips_are_listed(make_run):
    rows = [
        Prediction("casme2", "s1", "a", "f1", 0, 0, (0.9, 0.05, 0.05)),
        Prediction("casme2", "s1", "b", "f1", 1, 0, (0.6, 0.3, 0.1)),
        Prediction("casme2", "s2", "c", "f2", 2, 1, (0.1, 0.7, 0.2)),
        Prediction("casme2", "s2", "d", "f2", 1, 1, (0.1, 0.7, 0.2)),
        Prediction("casme2", "s3", "e", "f3", 2, 2, (0.0, 0.1, 0.9)),
    ]
    again = [Prediction(*list(vars(p).values())[:5], p.label, p.probabilities) for p in rows]
    again[1] = rows[1]
    _, markdown = page(make_run("one", rows=rows))
    listed = [line for line in markdown.splitlines() if line.startswith("| casme2/s")]
    assert [line.split(" | ")[0] for line in listed if "surprise" in line or "positive" in line] == [
        "| casme2/s2/c",
        "| casme2/s1/b",
    ]
    assert row_of(markdown, "casme2/s2/c")[1:] == ["surprise", "positive", "0.700"]
    _, markdown = page(make_run("one again", rows=rows), make_run("two", rows=again, seed=1))
    assert row_of(markdown, "casme2/s1/b")[1:] == ["positive", "negative 2", "0.600", "2"]
    assert row_of(markdown, "casme2/s2/c")[4] == "1" and "2 of 5 clips in at least one of 2 seeds" in markdown


def test_experiments_on_the_same_clips_are_ranked_and_tested(make_run):
    good, bad = make_run("good", model="atscnn", right=0.95), make_run("bad", right=0.3)
    _, markdown = page(bad, good, make_run("elsewhere", protocol="tenfold_subject"))
    assert markdown.count("## Side by side") == 1
    assert row_of(markdown, "1", "atscnn (paper), loso, CASME II")
    assert row_of(markdown, "2", "dual_atme (paper), loso, CASME II")
    test = compare(read_run(good).predictions, read_run(bad).predictions, 3, draws=2000)["bootstrap"]["uf1"]
    assert row_of(markdown, "1 atscnn (paper), loso, CASME II")[1:] == [
        "–",
        f"{test['difference']:+.3f} (p {test['p']:.2g})",
    ]
    assert row_of(markdown, "2 dual_atme (paper), loso, CASME II")[1].startswith(f"{-test['difference']:+.3f}")
    assert "Side by side" not in page(good, make_run("alone", protocol="tenfold_subject"))[1]


def test_the_legend_fits_beside_few_subjects():
    drawn = svg.subject_bars([("a_long_name_of_a_set", "1", 3, 0.5, 0.5, 0.5), ("another_set", "2", 3, 1, 1, 1)], "t")
    width = float(re.search(r'viewBox="0 0 (\d+)', drawn)[1])
    last = max(
        float(x) + 8 * len(name) for x, name in re.findall(r'<text x="([\d.]+)" y="14.0".*?>(.*?)</text>', drawn)
    )
    assert last <= width


def test_command_writes_every_table(make_run, tmp_path):
    folder = make_run(rows=None, classes=("a_b", "50 %", "c&d"))
    done = mer(folder, "--out", tmp_path / "r.md", "--tables", tmp_path / "tables")
    assert done.returncode == 0, done.stderr
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted((tmp_path / "tables").iterdir())}
    markdown = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert len(found) == 2 * len(re.findall(r"(?m)^\|(?:-+:?\|)+$", markdown))
    name, text = next((name, text) for name, text in found.items() if name.endswith(".csv"))
    assert name == "001-results.csv"
    head, row = list(csv.reader(text.splitlines()))[:2]
    assert head[:2] == ["experiment", "UF1"] and row[0] == "dual_atme (paper), loso, CASME II"
    latex = next(text for name, text in found.items() if "each-class" in name and name.endswith(".tex"))
    assert latex.startswith("\\begin{tabular}{lrrrr}\n\\toprule\n") and latex.endswith("\\end{tabular}\n")
    assert "50 \\%" in latex and "a\\_b" in latex and "c\\&d" in latex
    assert all(line.count(" & ") == 4 for line in latex.splitlines() if line.endswith("\\\\"))


def test_command_names_what_is_wrong(make_run, tmp_path):
    folder = make_run()
    for arguments, message in (
        ((folder, "--out", tmp_path / "r.pdf"), "must end in .html or .md"),
        ((tmp_path / "gone", "--out", tmp_path / "r.md"), "is missing; give the folder of a finished run"),
        ((folder,), "--out"),
    ):
        done = mer(*arguments)
        assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "r.md").exists()
