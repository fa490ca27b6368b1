"""The result passport: everything needed to read, repeat and trust a cross-validation result, in one JSON file."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence

import mer_tf
from mer_tf import atomic, metrics, numerics
from mer_tf.metrics.predictions import write_predictions
from mer_tf.recipes import Recipe
from mer_tf.run_files import FLOW_FIELD, PASSPORT_FILE, PASSPORT_FORMAT, PREDICTIONS_FILE
from mer_tf.systems.own import short_name
from mer_tf.types import Prediction

PACKAGES = (
    "tensorflow",
    "keras",
    "tfx",
    "apache-beam",
    "tensorflow-addons",
    "numpy",
    "scikit-learn",
    "opencv-contrib-python-headless",
    "opencv-python-headless",
    "opencv-python",
    "dlib-bin",
    "dlib",
    "protobuf",
    "tensorboard",
)


def write_passport(
    out_dir: str | os.PathLike,
    *,
    predictions: Iterable[Prediction],
    classes: Sequence[str],
    config: Mapping,
    recipe: Recipe,
    data_fingerprint: str,
    protocol: str,
    wall_seconds: float,
    mapping: str | None = None,
    draws: int = 2000,
    synthetic: bool = False,
    partial: bool = False,
    extra: Mapping | None = None,
) -> dict:
    """Writes ``predictions.csv`` and ``passport.json`` into ``out_dir``.

    Args:
        out_dir: Folder of the run; made if absent.
        predictions: Held-out predictions, one per clip.
        classes: Class names by index.
        config: Resolved training config (``TrainConfig.to_json()``).
        recipe: Recipe of the inputs; of flow computed elsewhere, the one that names its kind, of which what was not
            run is left out.
        data_fingerprint: Fingerprint of the clips.
        protocol: Protocol name.
        wall_seconds: Wall time of the run in seconds.
        mapping: Label mapping name.
        draws: Bootstrap draws for the intervals.
        synthetic: Whether the clips are drawn, not recorded.
        partial: Whether clips that belong to the set are absent; also said inside ``metrics``.
        extra: Further top-level fields; must not repeat a field of the passport.

    Returns:
        The passport as written.

    Raises:
        EmptySplitError, ConfigError: The predictions cannot be scored (see ``mer_tf.metrics.scores``).
        ValueError: ``extra`` repeats a field, or a value is not finite.
    """
    predictions = sorted(predictions, key=lambda p: (p.dataset, p.subject, p.clip))
    pooled = metrics.scores(predictions, classes)
    if partial:
        pooled["partial"] = True
    config = dict(config)
    not_run = (extra or {}).get(FLOW_FIELD, {}).get("not_run", ())  # no step is claimed that nobody took here
    passport = {
        "format": PASSPORT_FORMAT,
        "protocol": protocol,
        "classes": list(classes),
        "mapping": mapping,
        "model": short_name(config["model"]) if config.get("model") else None,
        "config": config,
        "recipe": {key: value for key, value in recipe.to_json().items() if key not in not_run},
        "recipe_hash": recipe.hash,
        "data_fingerprint": data_fingerprint,
        "seeds": {"global": config.get("seed"), "fold": "first 31 bits of sha256('<global seed>:<fold name>')"},
        "folds": len({p.fold for p in predictions}),
        "clips": len(predictions),
        "synthetic": bool(synthetic),
        "partial": bool(partial),
        "metrics": pooled,
        "bootstrap": metrics.bootstrap_interval(predictions, len(classes), draws=draws),
        "recall_spread_pop": metrics.recall_spread_pop(pooled["full"]["confusion"]),
        "fold_means": metrics.fold_means(predictions, len(classes)),
        "per_subject": metrics.per_subject(predictions, len(classes)),
        "predictions": PREDICTIONS_FILE,
        "wall_seconds": round(float(wall_seconds), 3),
        "versions": versions(),
        "commit": git_commit(),
        "platform": platform.platform(),
        "numerics": numerics.facts(),
    }
    for key, value in (extra or {}).items():
        if key in passport:
            raise ValueError(f"`extra` must not repeat a field of the passport. Received: {key!r}")
        passport[key] = value
    text = json.dumps(_plain(passport), indent=2, allow_nan=False) + "\n"
    write_predictions(os.path.join(out_dir, PREDICTIONS_FILE), predictions)
    atomic.write_text(os.path.join(out_dir, PASSPORT_FILE), text)
    return json.loads(text)


def versions() -> dict[str, str]:
    """Versions of Python, this package and the installed packages that matter for a number."""
    own = {"python": platform.python_version(), "mer-tf": mer_tf.__version__}
    return own | numerics.package_versions(PACKAGES)


def git_commit() -> str | None:
    """Commit of the checkout this package runs from, with ``+changes`` when files differ; None outside a checkout."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(mer_tf.__file__)))
    if not os.path.exists(os.path.join(folder, ".git")):
        return None  # an installed copy; a repository further up would be somebody else's

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", folder, *words], capture_output=True, text=True, timeout=20, check=True, errors="replace"
        )
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return commit + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _plain(value):
    """JSON types only; numpy scalars and arrays become numbers and lists, non-finite numbers are refused."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a passport holds finite numbers only. Received: {value}")
    return value
