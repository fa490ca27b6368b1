"""Whether clips are drawn or recorded.

``mer data synth`` leaves ``synthetic.json`` beside what it writes. What is computed from such a folder carries the
flag, so that no table can put drawn faces beside published figures.
"""

from __future__ import annotations

import os

from mer_tf.types import ClipTable

SYNTHETIC_FILE = "synthetic.json"
_ABOVE = 3  # folders above the one a user points at
_ABOVE_FRAMES = 8  # folders above a frame: the deepest layout has five between its frames and its root


def is_synthetic(folder: str | os.PathLike) -> bool:
    """Whether a data folder was generated: it, or one of the three folders above it, holds ``synthetic.json``."""
    return _marked(os.path.abspath(folder), _ABOVE, {})


def is_synthetic_table(table: ClipTable) -> bool:
    """Whether any clip of a table is drawn: the table says so, or its frames lie under a generated folder."""
    if table.synthetic:
        return True
    known: dict[tuple[str, int], bool] = {}
    folders = {os.path.dirname(os.path.abspath(clip.frames[0])) for clip in table.clips if clip.frames}
    return any(_marked(folder, _ABOVE_FRAMES - 1, known) for folder in sorted(folders))


def _marked(folder: str, above: int, known: dict[tuple[str, int], bool]) -> bool:
    place = (folder, above)
    if place not in known:
        parent = os.path.dirname(folder)
        known[place] = os.path.exists(os.path.join(folder, SYNTHETIC_FILE)) or (
            above > 0 and parent != folder and _marked(parent, above - 1, known)
        )
    return known[place]
