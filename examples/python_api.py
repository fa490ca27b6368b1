"""The verbs of `mer` as Python calls: read, prepare, cross-validate, report, train, ask.

python examples/python_api.py ROOT OUT
"""

import sys

import mer_tf as mer

# %% arguments
ROOT, OUT = sys.argv[1:] or ("build/examples/clips", "build/examples/api")

# %% [markdown]
# Clips of a folder as its distributor ships it, here drawn ones. `problems` names everything that was noticed.

# %%
clips = mer.read(ROOT, mapping="megc2019")
print(f"{len(clips.clips)} clips of {len(clips.subjects)} subjects, classes {', '.join(clips.classes)}")

# %% [markdown]
# Detection, alignment and optical flow, as the recipe says; then leave-one-subject-out cross-validation.

# %%
motion = mer.prepare(clips, "onset_apex_28_minmax", f"{OUT}/motion")
passport = mer.loso(motion, "ststnet", f"{OUT}/run", epochs=3, seed=1)
print(f"{passport['folds']} folds, UF1 {passport['metrics']['full']['uf1']:.3f}")
print(mer.evaluate(f"{OUT}/run")["full"]["confusion"])
print(mer.write_report([f"{OUT}/run"], f"{OUT}/report.md"))

# %% [markdown]
# The final model on all clips, and its answer for a folder of frames.

# %%
version = mer.train(motion, "ststnet", f"{OUT}/model", epochs=3, seed=1)
answer = mer.predict(version, clips.clips[0].frames[0].rpartition("/")[0])
print(answer["class"], {name: round(value, 3) for name, value in answer["probabilities"].items()})
