"""``mer evaluate`` and ``mer compare`` as a user meets them."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from mer_tf import metrics
from mer_tf.metrics.predictions import read_any, write_epoch_predictions, write_megc_log, write_predictions
from mer_tf.types import Prediction

ROOT = pathlib.Path(__file__).parents[1]
# Pooled counts of a published log (STSTNet), by dataset.
MATRICES = {
    "smic_hs": [[54, 10, 6], [17, 30, 4], [14, 1, 28]],
    "casme2": [[83, 5, 0], [12, 19, 1], [2, 0, 23]],
    "samm": [[82, 7, 3], [11, 13, 2], [5, 2, 8]],
}


def mer(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mer_tf.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def published_log():
    rows = []
    for dataset, cm in MATRICES.items():
        cells = [(i, j) for i in range(3) for j in range(3) for _ in range(cm[i][j])]
        for k, (i, j) in enumerate(cells):
            subject = f"s{k % 20:02}"
            rows.append(Prediction(dataset, subject, f"c{k}", f"{dataset}/{subject}", i, j, ()))
    return rows


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.txt"
    write_megc_log(path, published_log())
    return path


def test_evaluate_reads_the_challenge_log(log):
    result = json.loads(mer("evaluate", log, "--json").stdout)
    assert round(result["full"]["uf1"], 4) == 0.7353 and round(result["full"]["uar"], 4) == 0.7186
    assert round(result["by_dataset"]["samm"]["uf1"], 4) == 0.6588
    assert result["full"]["confusion"] == [[219, 22, 9], [40, 62, 7], [21, 3, 59]]
    assert set(result["full"]) == {"uf1", "uar", "accuracy", "macro_precision", "n", "confusion"}
    low, high = result["bootstrap"]["uf1"]
    assert low < 0.7353 < high
    shown = mer("evaluate", log).stdout
    for part in ("smic", "casme2", "samm", "0.735", "0.719", "442", "60 subjects"):
        assert part in shown


def test_evaluate_shows_every_average(tmp_path):
    path = tmp_path / "epochs.csv"
    rows = published_log()
    wrong = [Prediction(*list(vars(p).values())[:5], (p.prediction + 1) % 3, ()) for p in rows]
    write_epoch_predictions(path, {1: wrong, 2: rows})
    shown = mer("evaluate", path, "--averages", "all").stdout
    for part in ("pooled counts", "macro precision", "mean over folds", "60 folds", "best epoch per fold", "no result"):
        assert part in shown
    averages = json.loads(mer("evaluate", path, "--averages", "all", "--json").stdout)["averages"]
    assert averages["oracle_epoch"]["accuracy"] >= averages["pooled"]["accuracy"]
    assert round(averages["pooled"]["macro_precision"], 4) == 0.7605


def test_evaluate_writes_the_log_again(log, tmp_path):
    copy = tmp_path / "copy.txt"
    assert mer("evaluate", log, "--write-log", copy).returncode == 0
    assert copy.read_bytes() == log.read_bytes()


def test_classes_of_the_passport_beside_the_file_are_used(tmp_path):
    rows = [Prediction("d", f"s{k}", "c", f"d/s{k}", k % 5, k % 5, ()) for k in range(10)]
    path = tmp_path / "predictions.csv"
    write_predictions(path, rows)
    failed = mer("evaluate", path)
    assert failed.returncode == 2 and "line 5: label must lie in 0..2" in failed.stderr
    names = ["I", "II", "III", "IV", "V"]
    (tmp_path / "passport.json").write_text(json.dumps({"classes": names, "predictions": "predictions.csv"}))
    assert "III" in mer("evaluate", path).stdout
    assert mer("evaluate", path, "--classes", "a,b,c,d,e").stdout.count("\n") > 5
    assert mer("evaluate", path, "--classes", "a,a").returncode == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smic s01\nc1 0\nc2 0 1\n", "line 1"),
        ("smic s01\nc1 0 1\nc2 0 one\n", "log.txt line 3"),
        ("c1 0 1\n", "line 1: expected 'dataset subject'"),
        ("", "holds no predictions"),
    ],
)
def test_malformed_logs_are_one_line(tmp_path, text, message):
    path = tmp_path / "log.txt"
    path.write_text(text)
    process = mer("evaluate", path)
    assert process.returncode == 2 and message in process.stderr and process.stderr.count("\n") == 1


def test_compare_two_files(log, tmp_path):
    better = tmp_path / "better.csv"
    rows = [p if k % 3 else Prediction(*list(vars(p).values())[:5], p.label, ()) for k, p in enumerate(published_log())]
    write_predictions(better, rows[:-2])
    result = json.loads(mer("compare", better, log, "--json", "--draws", 500).stdout)
    assert result["clips"] == {"common": 440, "only_a": 0, "only_b": 2}
    assert result["bootstrap"]["uf1"]["difference"] > 0 and result["mcnemar"]["only_b_right"] == 0
    assert result["mcnemar"]["p_exact"] < 0.001
    shown = mer("compare", better, log, "--draws", 500).stdout
    assert "440 clips in common (0 only in A, 2 only in B: left out)" in shown and "McNemar" in shown
    assert mer("compare", better, log, "--draws", 0).returncode == 2
    assert mer("compare", better, tmp_path / "gone.csv").returncode == 2


def test_both_load_little(log):
    """Neither loads TensorFlow; comparing needs scipy's binomial distribution."""
    for verb, needed in ((("evaluate", log), set()), (("compare", log, log), {"scipy"})):
        code = (
            "import sys\nfrom mer_tf.cli import main\n"
            f"assert main({[str(word) for word in verb]!r}) == 0\n"
            "heavy = {'tensorflow', 'keras', 'scipy', 'pandas', 'sklearn', 'matplotlib', 'cv2'} & set(sys.modules)\n"
            f"heavy -= {needed!r}\n"
            "sys.exit(', '.join(sorted(heavy)) or 0)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0, done.stderr


def test_the_log_is_read_as_written(log):
    classes = ("negative", "positive", "surprise")
    assert metrics.scores(read_any(log, 3), classes) == metrics.scores(published_log(), classes)


def test_a_run_folder_stands_for_its_predictions(log, tmp_path, capsys):
    from mer_tf.cli import main

    run = tmp_path / "run"
    run.mkdir()
    write_predictions(run / "predictions.csv", read_any(log))
    (run / "passport.json").write_text('{"predictions": "predictions.csv", "classes": ["x", "y", "z"]}')
    assert main(["evaluate", str(run), "--draws", "0"]) == 0
    assert "true \\ predicted" in (shown := capsys.readouterr().out) and "x" in shown.split("predicted")[1]
    assert main(["evaluate", str(run / "passport.json"), "--draws", "0"]) == 0
    assert main(["compare", str(run), str(log), "--draws", "50"]) == 0
    assert "442 clips in common (0 only in A, 0 only in B" in capsys.readouterr().out
    write_epoch_predictions(run / "epochs.csv", {1: read_any(log), 2: read_any(log)})
    assert main(["evaluate", str(run), "--averages", "all", "--draws", "0"]) == 0
    assert "best epoch per fold" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["evaluate", str(tmp_path / "empty")]) == 2
    assert "holds no predictions.csv; give the folder of a finished run" in capsys.readouterr().err


def test_a_set_that_is_in_one_file_only_is_named(log, tmp_path, capsys):
    from mer_tf.cli import main

    other = tmp_path / "other.txt"
    other.write_text(log.read_text().replace("samm s", "samm2 s"))
    assert main(["compare", str(log), str(other), "--draws", "50"]) == 0
    assert "warning: no clip of samm, samm2 is in both files" in " ".join(capsys.readouterr().out.split())
