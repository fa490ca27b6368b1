"""What lies outside a run and would still change its numbers: threads, and Keras settings another project left behind.

Floating-point sums depend on the order in which they are added, and that order on the number of threads. Training here
therefore computes with one thread a process, and is spread over processes by folds: the same seed gives the same
predictions, bit by bit, for any number of workers. Between processors of different kinds, and between oneDNN switched
on and off (``TF_ENABLE_ONEDNN_OPTS``), the last digits still differ, and on a GPU they may from run to run
(TensorFlow's ``TF_DETERMINISTIC_OPS=1`` is for that; not tried here): ``facts`` records what was in force.

Importing this module loads neither TensorFlow nor Keras.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import logging
import os
import pathlib
import platform
import sys

from mer_tf import __version__
from mer_tf.errors import ConfigError

KERAS_SETTINGS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
# Variables that choose other kernels, and with them other last digits.
ENVIRONMENT = (
    "TF_ENABLE_ONEDNN_OPTS",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_MAX_CPU_ISA",
    "TF_XLA_FLAGS",
    "TF_DETERMINISTIC_OPS",
    "NVIDIA_TF32_OVERRIDE",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
)

# Packages whose versions change the numbers of a training; Keras and TensorFlow those of a recipe with a network too.
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")
# Parts of this package that show results and decide none, and those that decide nothing before training.
_SHOWING = ("commands", "api.py", "board", "report", "show", "zoo", "cli.py", "console.py", "document.py")
_TRAINING = ("systems", "training", "protocols", "metrics", "synthetic", "export.py", "passport.py")

_log = logging.getLogger(__name__)


@functools.cache
def claim_one_thread() -> bool:
    """Lets TensorFlow compute with one thread in this process and in those it spawns, unless it has started already.

    Modules that train call it when they are imported.

    Returns:
        Whether this process computes with one thread; the first call decides.
    """
    claimed = all(os.environ.get(name) == "1" for name in _THREADS)
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # read when TensorFlow starts, also in spawned processes
    if claimed or "tensorflow" not in sys.modules:
        return True
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # operations have run
        return False
    return True


@functools.cache
def set_keras() -> None:
    """Sets Keras to float32, channels last and epsilon 1e-7, whatever its configuration file says.

    The packages that define layers and networks call it when they are imported, before any layer is made.

    Raises:
        ConfigError: Keras runs on another backend than TensorFlow.
    """
    import keras

    backend = keras.backend.backend()
    if backend != "tensorflow":
        place = "the environment variable KERAS_BACKEND" if os.environ.get("KERAS_BACKEND") else keras_file()
        raise ConfigError(f"Keras runs on {backend!r}, set by {place}; mer-tf needs the backend 'tensorflow'")
    changed = {name: _keras(name) for name, wanted in KERAS_SETTINGS.items() if _keras(name) != wanted}
    for name in changed:
        getattr(keras.backend, f"set_{name}")(KERAS_SETTINGS[name])
    if changed:
        found = ", ".join(f"{name} {value}" for name, value in changed.items())
        _log.warning("Keras was set to %s (%s); mer-tf uses %s", found, keras_file(), _wanted(changed))


def check_keras() -> None:
    """Raises ``ConfigError`` where settings of Keras were changed, after import, to such as change predictions."""
    import keras

    set_keras()
    for name, wanted in KERAS_SETTINGS.items():
        if _keras(name) != wanted:
            raise ConfigError(
                f"Keras is set to {name} {_keras(name)!r}; networks are trained with {wanted!r}: call "
                f"keras.backend.set_{name}({wanted!r}), or look into {keras_file()}"
            )
    policy = keras.mixed_precision.dtype_policy() if hasattr(keras, "config") else keras.mixed_precision.global_policy()
    if policy.name != "float32":
        raise ConfigError(f"Keras is set to the precision policy {policy.name!r}; networks are trained with 'float32'")


def keras_file() -> str:
    """Path of Keras's configuration file, which may not exist."""
    folder = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    return os.path.join(folder, "keras.json")


def facts() -> dict:
    """What a passport records: threads of a training process, processor, variables and settings of Keras set aside.

    Returns:
        ``{"threads": 1, "processor": str, "environment": {NAME: value}, "keras": {...}, "keras_set_aside": {...}}``;
        the last holds what the user's configuration file says otherwise.
    """
    aside = {}
    try:
        with open(keras_file(), encoding="utf-8") as file:
            content = json.load(file)
        aside = {name: content[name] for name, value in KERAS_SETTINGS.items() if content.get(name, value) != value}
    except (OSError, ValueError, AttributeError):
        pass  # no file, or none that Keras can read
    return {
        "threads": 1,
        "processor": processor(),
        "environment": environment(),
        "keras": dict(KERAS_SETTINGS),
        "keras_set_aside": aside,
    }


def deciding() -> dict:
    """What decides the numbers of a training beside settings and data: part of the key of every result that is kept.

    Returns:
        ``{"code": str, "packages": {NAME: version}, "environment": {NAME: value}}``. The processor is not in it: it
        changes the last digits only, and a run may be finished on another machine.
    """
    return {"code": code_version(), "packages": package_versions(), "environment": environment()}


def environment() -> dict[str, str]:
    """The variables in force that choose other kernels."""
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Versions of the installed packages among ``names``; nothing is imported."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def code_version(training: bool = True) -> str:
    """The version of this package with a digest of the code that decides numbers: a checkout changes between releases.

    Args:
        training: Whether the code of networks, training and scores is covered, or only what comes before it.

    Returns:
        For example ``"0.9.0+4f0c2a9b17de"``.
    """
    root = pathlib.Path(__file__).parent
    left_out = _SHOWING if training else _SHOWING + _TRAINING
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if inner.parts[0] in left_out or path.suffix not in (".py", ".json", ".csv", ".npz"):
            continue
        digest.update(f"{inner.as_posix()}\n".encode() + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def processor() -> str:
    """Name of this machine's processor."""
    if sys.platform == "linux":
        try:
            with open("/proc/cpuinfo", encoding="utf-8") as file:
                found = dict(line.split(":", 1) for line in file if line.startswith(("model name", "cpu family")))
            return next(value.strip() for name, value in found.items() if name.startswith("model name"))
        except (OSError, StopIteration):
            pass
    return platform.processor() or platform.machine()


def _keras(name: str):
    import keras

    return getattr(keras.backend, name)()


def _wanted(names) -> str:
    return ", ".join(f"{name} {KERAS_SETTINGS[name]}" for name in names)
