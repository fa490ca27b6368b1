"""Files are whole, links are followed, and what is no file is written to as it is."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import threading

import pytest

from mer_tf import atomic


def test_a_link_stays_and_what_it_leads_to_is_new(tmp_path):
    target, link = tmp_path / "elsewhere" / "real.txt", tmp_path / "link.txt"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    atomic.write_text(link, "new")
    assert link.is_symlink() and target.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "link.txt"]


def test_a_link_to_nothing_yet_makes_what_it_leads_to(tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to("later.txt")
    atomic.write_text(link, "new")
    assert link.is_symlink() and (tmp_path / "later.txt").read_text() == "new"


def test_a_pipe_stays_a_pipe_and_gets_the_text(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    atomic.write_text(pipe, "text\n")
    reader.join()
    assert got == ["text\n"] and stat.S_ISFIFO(os.stat(pipe).st_mode)


@pytest.mark.parametrize("name", ["/dev/null", "link"])
def test_a_device_stays_a_device(tmp_path, name):
    path = tmp_path / "null" if name == "link" else name
    if name == "link":
        path.symlink_to("/dev/null")
    atomic.write_text(path, "text")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and stat.S_ISCHR(os.stat(path).st_mode)


def test_dev_stdout_shares_the_place_with_what_is_printed(tmp_path):
    code = "from mer_tf import atomic; atomic.write_text('/dev/stdout', 'first\\n'); print('second')"
    with open(tmp_path / "out.txt", "w") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True, cwd=os.getcwd())
    assert (tmp_path / "out.txt").read_text() == "first\nsecond\n"
    read, write = os.pipe()
    atomic.write_text(f"/dev/fd/{write}", "text")  # as >(command) gives it
    os.close(write)
    with os.fdopen(read) as file:
        assert file.read() == "text"


def test_a_full_device_is_named_and_nothing_is_left(tmp_path):
    with pytest.raises(OSError) as caught:
        atomic.write_text("/dev/full", "text")
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == "/dev/full"
    path = tmp_path / "large.bin"
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            atomic.write_bytes(path, bytes(1 << 18))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(path)
    assert os.listdir(tmp_path) == ["large.bin"] and path.read_bytes() == b"old"


def test_permissions_of_a_file_stay(tmp_path):
    path = tmp_path / "private.txt"
    path.write_text("old")
    path.chmod(0o600)
    atomic.write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_mount_point_is_written_in_place(tmp_path, monkeypatch):
    """A single file that a container mounts cannot be replaced by renaming."""
    path = tmp_path / "mounted.txt"
    path.write_text("old text")
    inode = path.stat().st_ino

    def busy(source, target):
        raise OSError(errno.EBUSY, "busy", source)

    monkeypatch.setattr(os, "replace", busy)
    atomic.write_text(path, "new")
    assert path.read_text() == "new" and path.stat().st_ino == inode and os.listdir(tmp_path) == ["mounted.txt"]


def test_names_of_any_bytes_come_back(tmp_path):
    name = os.fsdecode(b"M\xfcller")
    atomic.write_text(tmp_path / name, f"{name} \ud800".replace(" \ud800", ""))
    assert (tmp_path / name).read_bytes() == b"M\xfcller"
    assert atomic.encoded("\ud800") == b"\\ud800"
