"""Names and formats of the files that runs leave behind, in one place for those who write and those who read."""

from __future__ import annotations

PASSPORT_FILE = "passport.json"
PASSPORT_FORMAT = 1
FLOW_FIELD = "flow_images"  # of the passport, where the motion was computed elsewhere
ENSEMBLE, NESTED = "ensemble", "nested"  # ``kind`` of a passport that is not of one system with one set of settings
PREDICTIONS_FILE = "predictions.csv"
EPOCHS_FILE = "epochs.csv"  # predictions of every epoch, where they were asked for
SUB_CLIPS_FILE = "sub_clips.csv"  # predictions of sub-sequences of the held-out clips, where they were asked for
# Of the file that each finished fold leaves. 1 tossed the coins of mirroring only where it was asked for.
FOLDS_FORMAT = 2
LOGS = "logs"  # folder of what TensorBoard reads
SETTINGS_FILE = "run_settings.json"  # of the run that began in the folder
SWEEP_FILE = "sweep.csv"  # the table of a sweep
CLIPS_FILE = "clips.json"  # beside records: what happened to each clip, and what they are
MANIFEST_FILE = "manifest.csv"
MANIFEST_FORMAT = 1
WEIGHTS_FILE = "weights.npz"  # of a pre-training
NETWORK_FILE = "network.weights.h5"  # of one on drawn motion: the last layer as well
PRETRAINED_FILE = "pretrain.json"
PRETRAINED_FORMAT = 1
