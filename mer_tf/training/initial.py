"""The weights a run starts from: which file, by content, and what of it was taken."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.files import check_regular
from mer_tf.training.config import TrainConfig

if TYPE_CHECKING:
    from mer_tf.systems.transfer import TransferReport

_CHUNK = 1 << 20


def weights_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a weight file's bytes.

    Raises:
        MissingFileError: There is no such file.
        BadInputError: It is a folder, a pipe or a device.
    """
    digest = hashlib.sha256()
    check_regular(path, "weight file")
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise MissingFileError(f"there is no weight file {os.fspath(path)} ({error.strerror or error})") from error
    return digest.hexdigest()


def check_initial_weights(config: TrainConfig, sha256: str) -> None:
    """Raises ``ConfigError`` where the initial weights are not those of a hash; an empty hash says nothing.

    Raises:
        MissingFileError: There is no such file.
    """
    if sha256 and weights_hash(config.initial_weights) != sha256:
        raise ConfigError(
            f"initial weights {config.initial_weights} are not those that the pipeline was made with (SHA-256 "
            f"{sha256[:12]}...); bring that file back, or make the pipeline again"
        )


def initial_weights_facts(config: TrainConfig) -> dict:
    """Facts of the initial weights for a passport; the model is built and filled once, so that mistakes show early.

    Args:
        config: Settings with ``initial_weights``.

    Returns:
        ``file``, ``sha256``, and of an ``.npz`` the names ``<layer>/<weight>`` under ``taken``, ``new`` and ``unused``
        with the one-line ``summary``.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: It does not fit the model.
    """
    from mer_tf.training.trainer import initialised_model

    sha256 = weights_hash(config.initial_weights)
    return weights_facts(config, sha256, initialised_model(config)[1])


def weights_facts(config: TrainConfig, sha256: str, report: TransferReport | None) -> dict:
    """What ``initial_weights_facts`` returns, of weights whose hash and report (None: all taken) are known."""
    facts = {"file": config.initial_weights, "sha256": sha256}
    if report is None:
        return {**facts, "summary": "all weights taken"}
    return {**facts, "summary": str(report), **report.to_json()}
