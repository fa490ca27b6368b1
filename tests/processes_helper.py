"""Functions that tests run in worker processes; a process imports this module alone."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import ClassVar

from mer_tf.console import announce
from mer_tf.processes import Processes


def double(number):
    return 2 * number


def length(data: bytes):
    return len(data)


def die(data=None, how=signal.SIGKILL):
    announce("tests", 0.75)
    time.sleep(0.3)
    announce("tests", 0.0)  # sends what was held back
    os.kill(os.getpid(), how)


def die_once(path):
    """Dies on the first attempt, and says on the second how many others run."""
    if not os.path.exists(path):
        open(path, "w").close()
        die()
    announce("tests")
    return "survived"


def leave(status):
    os._exit(status)


def fail(error):
    raise error


def pid():
    return os.getpid()


def unpicklable():
    return lambda: None


def wait(folder):
    """Leaves a file named by this process, then never ends by itself."""
    open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(600)


def killed_over(clip: str):
    """Stands for the preprocessing of a clip: 'black' kills its process whenever it is tried."""
    if clip == "black":
        die()


def no_preprocessor(recipe, landmark_model):
    """Stands for ``mer_tf.preparation.worker.warm_up``."""


class Made(str):
    """Stands for the arrays of a clip."""

    provenance: ClassVar[dict] = {}


def work(recipe, landmark_model, clip, frames):
    """Stands for ``mer_tf.preparation.worker.work``."""
    killed_over(clip.clip)
    return Made(f"made of {clip.clip}"), None, 0.0


def ready(data, config):
    """Stands for the start of a process that trains folds."""


def train(job):
    """Stands for the training of a fold."""
    die()


if __name__ == "__main__":
    with Processes(2) as processes:
        for _ in range(2):
            processes.submit(wait, sys.argv[1])
        time.sleep(600)
