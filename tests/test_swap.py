"""A prepared set takes the place of another at once: killed at any step, a reader finds the one or the other, whole."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

pytest.importorskip("tensorflow")
from mer_tf.records import finish_swap, record_files, set_file, swap_set

OLD = {"motion-0-of-2.gz": "old 0", "motion-1-of-2.gz": "old 1", "clips.json": '{"set": "old"}'}
NEW = {"motion-0-of-3.gz": "new 0", "motion-1-of-2.gz": "new 1", "motion-2.gz": "new 2", "clips.json": '{"set": "new"}'}


class Killed(BaseException):
    """Stands for the end of the process: nothing is tidied up after it."""


def write(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in content.items():
        (folder / name).write_text(text)


def seen(folder) -> dict:
    """The set as a reader finds it."""
    paths = [*record_files(folder), set_file(folder, "clips.json")]
    found = {os.path.basename(path): pathlib.Path(path).read_text() for path in paths}
    assert json.loads(found["clips.json"])["set"] in ("old", "new")
    return found


def killed_at(monkeypatch, step: int, action) -> bool:
    """Whether the action came to its end, when the process ends before its call number ``step`` that changes a disk."""
    calls = 0

    def counted(call):
        def wrapped(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls > step:
                raise Killed
            return call(*arguments, **options)

        return wrapped

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "unlink", "rmdir", "fsync"):
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            action()
            return True
        except Killed:
            return False


def test_a_kill_at_any_step_leaves_one_of_the_two(tmp_path, monkeypatch):
    results, ended, step = [], False, 0
    while not ended:
        folder = tmp_path / str(step)
        write(folder, OLD)
        write(folder / "unfinished", NEW)
        (folder / "mer.log").write_text("of the user")
        ended = killed_at(monkeypatch, step, lambda folder=folder: swap_set(folder, folder / "unfinished"))
        found = seen(folder)
        assert found in (OLD, NEW), step
        results.append(found)
        again = 0
        while not killed_at(monkeypatch, again, lambda folder=folder: finish_swap(folder)):  # killed in mending, too
            assert seen(folder) == found
            again += 1
        assert seen(folder) == found
        if found == NEW:
            assert sorted(name for name in os.listdir(folder) if name != "unfinished") == sorted([*NEW, "mer.log"])
        step += 1
    first = results.index(NEW)
    assert first > 0 and all(found == OLD for found in results[:first]) and all(f == NEW for f in results[first:])
    assert os.listdir(folder) and not (folder / "unfinished").exists() and not (folder / "arriving").exists()


def test_the_first_set_of_a_folder(tmp_path):
    write(tmp_path / "unfinished", NEW)
    swap_set(tmp_path, tmp_path / "unfinished")
    assert seen(tmp_path) == NEW and sorted(os.listdir(tmp_path)) == sorted(NEW)
