"""A small CASME II look-alike on disk: sheet and files with invented content (readers do not open images)."""

from __future__ import annotations

import pathlib

import openpyxl
import pytest

HEADER = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
          "Estimated Emotion")  # fmt: skip

ROWS = (
    # subject, clip, onset, apex, offset, action units, emotion
    ("01", "EP02_01f", 46, 59, 86, "4+L5", "Happiness "),
    ("01", "EP03_02", 131, 161, 181, 12, "others"),
    ("02", "EP09f", 96, 100, 110, "4", "disgust"),
    ("02", "EP06_02_01", 31, 38, 45, 1, "surprise"),
    ("17", "EP01_2", 1, 9, 17, "15", "repression"),
    ("17", "EP02_01f", 8, 10, 16, "7", "sadness"),
)


class Casme2:
    """Writes the set; every part can be changed before ``write``."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.rows = [list(row) for row in ROWS]
        self.header = list(HEADER)
        self.preamble = []
        self.sheet = "CASME2-coding-20140508.xlsx"
        self.folder = "CASME2_RAW_selected"
        self.frame = "img{}.jpg"
        self.subject_folder = "sub{:0>2}"
        self.left_out = set()  # (subject, clip) without a folder
        self.without = {}  # (subject, clip) to frame numbers that have no file

    def write(self) -> pathlib.Path:
        self.root.mkdir(parents=True, exist_ok=True)
        self.write_sheet()
        for subject, clip, onset, _, offset, *_ in self.rows:
            if (subject, clip) in self.left_out or not isinstance(onset, int) or not isinstance(offset, int):
                continue
            folder = self.clip_folder(subject, clip)
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(max(min(onset, offset) - 3, 1), max(onset, offset) + 4):
                if number not in self.without.get((subject, clip), ()):
                    (folder / self.frame.format(number)).write_bytes(f"{subject} {clip} {number}".encode())
        return self.root

    def write_sheet(self):
        book = openpyxl.Workbook()
        for row in self.preamble:
            book.active.append(row)
        book.active.append(self.header)
        for subject, clip, onset, apex, offset, units, emotion in self.rows:
            book.active.append([subject, clip, None, onset, apex, offset, None, units, emotion])
        book.create_sheet("Sheet2")
        book.create_sheet("Sheet3")
        book.save(self.root / self.sheet)

    def clip_folder(self, subject, clip) -> pathlib.Path:
        return self.root / self.folder / self.subject_folder.format(subject) / clip


@pytest.fixture
def casme2(tmp_path):
    return Casme2(tmp_path / "CASME II ü")
