"""Names text files with trailing blanks, Windows line ends, or no single newline at their end.

    .venv/bin/python tools/check_text.py FILE...      # without a file: every file that git tracks

CSV files may keep the line ends of whoever wrote them.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys


def faults(data: bytes) -> list[str]:
    """What is wrong with the bytes of a text file, in words; nothing for binary and for empty files."""
    if not data or b"\0" in data:
        return []
    lines = data.split(b"\n")
    found = [f"line {n}: trailing blanks" for n, line in enumerate(lines, 1) if line != line.rstrip(b" \t\r")]
    if not data.endswith(b"\n"):
        found.append("no newline at the end")
    elif data.endswith(b"\n\n"):
        found.append("blank lines at the end")
    return found


def tracked() -> list[str]:
    """Files that git tracks in this folder; none, with a remark, outside a checkout."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        print("check_text: not a git checkout, so no text file was checked", file=sys.stderr)
        return []
    return [name for name in listed.decode().split("\0") if name]


def main(names: list[str]) -> int:
    """Prints one line per fault; returns 1 where there is any."""
    status = 0
    for path in map(pathlib.Path, names or tracked()):
        if path.suffix != ".csv" and path.is_file():
            for fault in faults(path.read_bytes()):
                print(f"{path}: {fault}")
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
