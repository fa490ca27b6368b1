"""The frames that a recipe reads of a clip, as the bytes of their files."""

from __future__ import annotations

from mer_tf.errors import FrameOrderError, ImageError
from mer_tf.preprocessing.images import read_picture
from mer_tf.preprocessing.select import select_frames
from mer_tf.recipes import FramesConfig
from mer_tf.types import Clip

MAX_FRAMES = 4096
MAX_CLIP_BYTES = 1 << 30  # a clip record is one protobuf message, at most 2 GiB


def read_frames(clip: Clip, frames: FramesConfig | None = None) -> dict[int, bytes]:
    """The frames a recipe reads of a clip, as encoded bytes by frame number.

    Args:
        clip: The clip.
        frames: ``recipe.frames``; default onset and apex (or its substitute).

    Raises:
        ImageError: For a file that is absent, empty or larger than 64 MiB, or frames of more than 1 GiB in all.
        FrameOrderError: Where the annotation does not name usable frames, or more than 4096.
    """
    numbers = select_frames(clip, frames or FramesConfig()).numbers
    if len(numbers) > MAX_FRAMES:
        raise FrameOrderError(
            f"{len(numbers)} frames are needed, from {numbers[0]} to {numbers[-1]}, more than the limit of "
            f"{MAX_FRAMES}; correct the row of the annotation sheet, or cut the clip",
            clip.key,
        )
    images, total = {}, 0
    for number in numbers:
        images[number] = read_picture(clip.frame_path(number), clip.key, number)
        total += len(images[number])
        if total > MAX_CLIP_BYTES:
            raise ImageError(f"the frames have more than {MAX_CLIP_BYTES} bytes in all", clip.key, number)
    return images
