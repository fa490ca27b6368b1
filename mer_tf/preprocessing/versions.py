"""Versions of what makes a recipe's arrays: what the recipe's hash does not hold and yet changes numbers.

The same frames under the same recipe gave class probabilities up to 0.095 apart with another OpenCV and dlib. So the
versions travel with each record, are told by the served model, and are compared by the client before any work.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Mapping

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.files import check_regular

# What may be recorded, as a message calls it.
NAMES = {
    "opencv": "OpenCV",
    "dlib": "dlib",
    "landmark_model": "68-point model",
    "cascades": "OpenCV's cascades",
    "magnifier_weights": "magnifier weights",
    "liteflownet_weights": "LiteFlowNet weights",
}


def compared(name: str, version: str) -> str:
    """The part of a version that must agree: of OpenCV the major number, of everything else all of it."""
    return version.split(".")[0] if name == "opencv" else version


def known_versions(provenance: Mapping) -> dict[str, str]:
    """The versions among the facts of a clip's provenance."""
    return {name: str(provenance[name]) for name in NAMES if provenance.get(name)}


def common_versions(provenances: Iterable[Mapping]) -> dict[str, str]:
    """The versions that made a set of records; those that not every record tells are left out.

    Raises:
        ConfigError: Two records were made with versions that do not agree.
    """
    common: dict[str, str] | None = None
    for provenance in provenances:
        found = known_versions(provenance)
        if common is None:
            common = found
            continue
        for name in set(common) & set(found):
            if compared(name, common[name]) != compared(name, found[name]):
                raise ConfigError(
                    f"the records were prepared with different {NAMES[name]}: {common[name]} and {found[name]}; "
                    "prepare all of them on one machine"
                )
        common = {name: common[name] for name in common if name in found}
    return common or {}


def version_differences(trained: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """One sentence for each version that both sides know and that does not agree."""
    return [
        f"{title} is {here[name]} here, {trained[name]} in training"
        for name, title in NAMES.items()
        if name in trained and name in here and compared(name, trained[name]) != compared(name, here[name])
    ]


def file_digest(*paths: str | os.PathLike) -> str:
    """First 16 hexadecimal digits of the SHA-256 over the files.

    Raises:
        MissingFileError: A file cannot be read.
        BadInputError: It is a folder, a pipe or a device.
    """
    stamps = []
    for path in paths:
        check_regular(path)
        facts = os.stat(path)
        stamps.append((os.fspath(path), facts.st_size, facts.st_mtime_ns))
    return _digest(tuple(stamps))


@functools.lru_cache(maxsize=16)  # the landmark model has 100 MB; every clip of a process asks for it
def _digest(stamps: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for path, _, _ in stamps:
        try:
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise MissingFileError(f"file {path!r} cannot be read ({error.strerror})") from None
    return digest.hexdigest()[:16]
