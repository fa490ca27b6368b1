"""Every file that a verb takes, in place of which stands what is none: exit status 2, one line, within bounds."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from layout_case import plan

from mer_tf.synthetic.layouts import write_layout

ROOT = pathlib.Path(__file__).parents[2]

CHILD = """
import json, resource, sys
limit = int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from mer_tf import cli
for words in json.load(sys.stdin):
    try:
        status = cli.main(words)
    except SystemExit as error:
        status = error.code
    except BaseException as error:
        status = repr(error)
    print(f"=== {status}", file=sys.stderr, flush=True)
"""
TEXTS = {
    "empty": b"",
    "random": np.random.default_rng(0).bytes(4000),
    "utf16": "dataset,subject\r\nä,b\r\n".encode("utf-16"),
    "digits": b"1" * 10_000,
    "csv_digits": b"dataset,subject,clip,fold,label,prediction\na,b,c,d," + b"1" * 10_000 + b",0\n",
    "labels_digits": b"dataset,sub,filename_o,label\ncasme2,sub01,EP01," + b"1" * 10_000 + b"\n",
    "lists": b"[" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nan": b'{"format": NaN}',
    "nul": bytes(4000),
    "cut_zip": b"PK\x03\x04" + bytes(200),
}
# The class of a hang: neither ends when it is read.
KINDS = (*TEXTS, "missing", "folder", "pipe", "zero", "circle", "sparse")


@pytest.fixture
def hostile(tmp_path):
    """A function: path of a hostile file of that kind, with the ending asked for."""

    def make(kind: str, ending: str = "") -> str:
        path = tmp_path / f"hostile_{kind}{ending}"
        if kind in TEXTS:
            path.write_bytes(TEXTS[kind])
        elif kind == "folder":
            path.mkdir(exist_ok=True)
        elif kind == "pipe" and not path.exists():
            os.mkfifo(path)
        elif kind in ("zero", "circle") and not path.is_symlink():
            path.symlink_to("/dev/zero" if kind == "zero" else path)
        elif kind == "sparse":
            with open(path, "wb") as file:
                file.truncate(20 * 2**30)
        return str(path)

    return make


@pytest.fixture
def refused(tmp_path):
    """A function: runs commands one after another in one bounded process; each must be refused in one line."""

    def run(commands: list[list[str]], mebibytes: int) -> None:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(mebibytes)],
            input=json.dumps(commands),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=600,  # a command that waits for ever, not a slow one
            check=False,
        )
        *parts, rest = done.stderr.split("=== ")
        assert done.returncode == 0 and len(parts) == len(commands), done.stderr[-500:]
        statuses = [part.partition("\n")[0] for part in [*parts[1:], rest]]
        said = [parts[0], *(part.partition("\n")[2] for part in parts[1:])]
        for words, status, text in zip(commands, statuses, said):
            shown = (words, status, text[-600:])
            lines = text.splitlines()
            assert status == "2" and len(lines) == 1 and lines[0].startswith("mer"), shown
            assert len(lines[0]) < 1500 and "Error:" not in lines[0] and "Errno" not in lines[0], shown

    return run


@pytest.fixture
def good(tmp_path):
    """A prediction file that can be read."""
    path = tmp_path / "good.csv"
    rows = [f"d,s{s},c{k},d/s{s},{k},{k}\n" for s in (1, 2) for k in range(3)]
    path.write_text("dataset,subject,clip,fold,label,prediction\n" + "".join(rows))
    return str(path)


def test_scores_reports_and_sets(tmp_path, hostile, refused, good):
    commands = []
    write_layout(tmp_path / "set", "casme2", plan(subjects=(1,)))
    sheet = "CASME2-coding-20140508.xlsx"
    for kind in KINDS:
        file = hostile(kind)
        run, part = tmp_path / f"run_{kind}", tmp_path / f"set_{kind}"
        run.mkdir(), part.mkdir()
        (run / "passport.json").symlink_to(file)
        (part / "CASME2_RAW_selected").symlink_to(tmp_path / "set" / "CASME2_RAW_selected")
        (part / sheet).symlink_to(file)
        (run / "predictions.csv").write_text("")
        commands += [
            ["evaluate", file],
            ["evaluate", str(run / "predictions.csv")],
            ["compare", file, good],
            ["compare", good, file],
            ["report", file, "--out", "r.md"],
            ["report", str(run), "--out", "r.md"],
            ["data", "check", "--dataset", "casme2", str(part)],
            ["data", "check", "--dataset", "casme2", str(tmp_path / "set"), "--label-list", file],
        ]
    refused(commands, 3000)
    assert not (tmp_path / "r.md").exists()


def test_numbers_without_bound(refused, good):
    many, classes = "1" * 10_000, ",".join(map(str, range(60_000)))
    commands = [["evaluate", good, "--draws", number] for number in (many, "1" * 30, "1000001", "-1", "1e400", "nan")]
    commands += [["compare", good, good, "--draws", number] for number in ("1" * 30, "1000001", "0")]
    commands += [["compare", good, good, "--seed", "-1"], ["evaluate", good, "--classes", classes]]
    refused(commands, 3000)


@pytest.mark.slow
def test_labels_weights_and_settings(tmp_path, hostile, refused):
    cv2 = pytest.importorskip("cv2")
    labels, pictures = ["dataset,sub,filename_o,label\n"], tmp_path / "flow"
    pictures.mkdir()
    for subject in (1, 2, 3):
        for k in range(3):
            picture = np.random.default_rng(k).integers(0, 255, (28, 28, 3), np.uint8)
            cv2.imwrite(str(pictures / f"s{subject}_c{k}.png"), picture)
            labels.append(f"casme2,s{subject},c{k},{k}\n")
    (tmp_path / "labels.csv").write_text("".join(labels))

    def loso(*words, labels="labels.csv"):
        images = ["--flow-images", str(pictures), "--labels", labels]
        return ["loso", *images, "--out", "o", "--model", "off_apexnet", "--epochs", "1", *words]

    commands = []
    for kind in KINDS:
        commands.append(loso(labels=hostile(kind)))
        commands.append(["loso", "--data", hostile(kind), "--out", "o", "--model", "off_apexnet"])
        if kind in ("missing", "folder", "pipe", "zero", "circle"):
            commands += [loso("--initial-weights", hostile(kind, end)) for end in (".npz", ".keras", ".weights.h5")]
    for text in ("[" * 5000, "1" * 5000, "NaN", "1e400", '{"a": 1, "a": 2}', '{"copies": 1' + "0" * 400 + "}"):
        commands += [loso("--set", f"augment={text}"), loso("--option", f"features={text}")]
    for name in ("epochs", "batch_size", "learning_rate", "num_classes", "momentum"):
        commands += [loso("--set", f"{name}={number}") for number in ("1" * 5000, "nan", "inf", "1e400", "-1")]
    refused(commands, 16_000)


@pytest.mark.slow
@pytest.mark.dlib
def test_models_weights_and_folders_of_frames(tmp_path, hostile, refused):
    write_layout(tmp_path / "set", "casme2", plan(subjects=(1,), clips=1, pictures=True))
    clip = next(path for path in (tmp_path / "set").rglob("*") if path.is_dir() and list(path.glob("*.jpg")))
    commands = []
    for kind in KINDS:
        file, archive = hostile(kind), hostile(kind, ".npz")
        commands += [
            ["show", str(clip), "--landmark-model", file, "--out", "x.png"],
            ["magnify", "apply", str(clip), "--out", "m", "--method", "learned", "--weights", file],
            ["magnify", "train", "--out", "m.npz", "--start", file, "--steps", "1"],
            ["flow", "convert", file, "out.npz"],
            ["flow", "convert", archive, "out.npz"],
            ["flow", "train", "--out", "f.npz", "--initial", archive, "--steps", "1"],
        ]
    refused(commands, 16_000)
