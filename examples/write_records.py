"""Preprocesses every clip of a dataset and writes motion records, by the functions that `mer prepare` is made of.

python examples/write_records.py ROOT MOTION_FOLDER [RECIPE]      (what `mer prepare` does for large sets)
"""

import json
import pathlib
import sys

from mer_tf.datasets import read_casme2
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.errors import ClipError
from mer_tf.preprocessing import ClipPreprocessor, select_frames
from mer_tf.recipes import get_recipe
from mer_tf.records import encode_motion, write_motion_records


def main(root: str, out: str, recipe_name: str = "onset_apex_28_minmax") -> None:
    recipe = get_recipe(recipe_name)
    table = read_casme2(root, mapping="megc2019")
    records = []
    with ClipPreprocessor(recipe) as preprocessor:
        for clip in table.clips:
            try:
                numbers = select_frames(clip, recipe.frames).numbers
                frames = {number: pathlib.Path(clip.frame_path(number)).read_bytes() for number in numbers}
                records.append(encode_motion(clip, preprocessor.process_clip(clip, frames), recipe))
            except ClipError as error:  # one bad clip is named and left out
                print(f"left out: {error}")
    # What must go with every figure: whether the clips are drawn, and whether some are absent.
    facts = {"synthetic": is_synthetic_table(table), "partial": table.partial or len(records) < len(table.clips)}
    facts["done"] = len(records)
    print(f"{write_motion_records(f'{out}/motion-0.gz', records)} records of recipe {recipe.name} in {out}")
    pathlib.Path(out, "clips.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
