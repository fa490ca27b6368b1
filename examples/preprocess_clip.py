"""From the frames of one clip to the tensors that a network takes.

python examples/preprocess_clip.py ROOT [RECIPE]
"""

import pathlib
import sys

from mer_tf.datasets import read_casme2
from mer_tf.preprocessing import ClipPreprocessor, network_input, select_frames
from mer_tf.recipes import get_recipe


def main(root: str, recipe_name: str = "onset_apex_28") -> None:
    clip = read_casme2(root).clips[0]
    recipe = get_recipe(recipe_name)
    numbers = select_frames(clip, recipe.frames).numbers
    frames = {number: pathlib.Path(clip.frame_path(number)).read_bytes() for number in numbers}
    with ClipPreprocessor(recipe) as preprocessor:  # detection, alignment, flow: OpenCV and dlib
        made = preprocessor.process_clip(clip, frames)
    print(f"{clip.key}, label {clip.label}, recipe {recipe.name} ({recipe.hash})")
    for name, array in made.tensors.items():
        print(f"array {name}: {array.shape}, {array.min():.2f} to {array.max():.2f}")
    batch = {name: array[None] for name, array in made.tensors.items()}
    for name, tensor in network_input(batch, recipe).items():  # strain, range, size: TensorFlow operations
        print(f"network input {name}: {tuple(tensor.shape[1:])}")


if __name__ == "__main__":
    main(*sys.argv[1:])
