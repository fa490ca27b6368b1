"""Your own clips, classes and network, as files: a list, a mapping, a Python file.

python examples/own_material.py ROOT OUT
"""

import json
import pathlib
import sys

import mer_tf as mer

# %% arguments
ROOT, OUT = sys.argv[1:] or ("build/examples/clips", "build/examples/own")

# %% [markdown]
# A list of clips: here those of a drawn set; for yours write the file with a spreadsheet program.

# %%
out = pathlib.Path(OUT)
out.mkdir(parents=True, exist_ok=True)
rows = [f"{clip.subject};{pathlib.Path(clip.frames[0]).parent};{clip.emotion}" for clip in mer.read(ROOT).clips]
(out / "clips.csv").write_text("\n".join(["subject;path;emotion", *rows]))
(out / "two.json").write_text(json.dumps({"disgust": "bad", "repression": "bad", "happiness": "good"}))
clips = mer.read(out / "clips.csv", mapping=str(out / "two.json"))
print(f"{len(clips.clips)} clips, label mapping {clips.mapping}")

# %% [markdown]
# A network: a function that gives a Keras model, and what it takes.
# %%
NET = """
import keras
CARD = {"recipe": "onset_apex_28_minmax", "preset": {"epochs": 3, "batch_size": 8}}
def build(num_classes):
    x = inputs = keras.Input((28, 28, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, activation="relu")(x))
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))
"""
(out / "net.py").write_text(NET)
passport = mer.loso(mer.prepare(clips, "onset_apex_28_minmax", out / "motion"), f"{out}/net.py:build", out / "run")
print(f"{passport['model']}: UF1 {passport['metrics']['full']['uf1']:.3f}")
