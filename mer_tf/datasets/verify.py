"""Opening the pictures of a clip table: readers themselves only list files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

from mer_tf.errors import ClipError, EmptySplitError, ImageError
from mer_tf.preprocessing.images import decode_image, read_picture
from mer_tf.types import Clip, ClipTable, Problem


def check_images(
    table: ClipTable,
    *,
    all_frames: bool = False,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ClipTable:
    """Decodes frames of every clip and leaves out the clips that have an unreadable one.

    Args:
        table: The clips.
        all_frames: Every frame file; otherwise those of onset, apex and offset.
        strict: Raise the first unreadable picture.
        progress: Called with (clips done, clips in all).

    Returns:
        The table without those clips, each named among its problems with file and decoder message.

    Raises:
        ImageError: Under ``strict``.
        EmptySplitError: No clip is left.
    """
    kept, problems = [], list(table.problems)
    for done, clip in enumerate(table.clips, start=1):
        try:
            _check(clip, all_frames)
            kept.append(clip)
        except ClipError as error:
            if strict:
                raise
            problems.append(Problem("warning", "skipped", clip.key, str(error), dropped=True))
        if progress:
            progress(done, len(table.clips))
    if not kept:
        raise EmptySplitError(f"{table.dataset}: no clip has readable pictures; the first: {problems[-1].message}")
    partial = table.partial or len(kept) < len(table.clips)
    return dataclasses.replace(table, clips=tuple(kept), problems=tuple(problems), partial=partial)


def _check(clip: Clip, all_frames: bool) -> None:
    wanted = set(clip.frame_numbers) if all_frames else {clip.onset, clip.apex, clip.offset}
    size = None
    for number, path in zip(clip.frame_numbers, clip.frames):
        if number not in wanted:
            continue
        data = read_picture(path, clip.key, number)
        try:
            image = decode_image(data)
        except ImageError as error:
            raise ImageError(f"file {os.path.basename(path)!r}: {error.message}", clip.key, number) from error
        if size not in (None, image.shape):
            raise ImageError(
                f"file {os.path.basename(path)!r} is {image.shape[1]}x{image.shape[0]} and the frames before it "
                f"{size[1]}x{size[0]}",
                clip.key,
                number,
            )
        size = image.shape
