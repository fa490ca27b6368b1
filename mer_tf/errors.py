"""Named errors. Each message names the object at fault, says what was expected and what was found, and what to try.

Two kinds are kept apart. A ``BadInputError`` is a fault of the configuration or of what the user pointed at: it
stops the run before work begins (exit status 2). A ``ClipError`` is a fault of one clip: the clip is counted, reported
and left out, or, under ``--strict``, ends the run (exit status 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import mer_tf

T = TypeVar("T")
_NEAR = 4  # names told where the one given is unknown
_LISTED = 30  # registries up to this size are told whole
_FIRST = 20  # of a larger one of which none is near


class MerError(Exception):
    """Base class of all errors of this package; ``str(error)`` is one line for a person."""

    exit_code = 1

    def __reduce__(self):
        # Worker processes pickle errors; by default the composed message would go to the constructor again.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[MerError], args: tuple, attributes: dict) -> MerError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class BadInputError(MerError):
    """Something that the user gave is wrong; no work was started."""

    exit_code = 2


class ConfigError(BadInputError):
    """A key is unknown, a value is out of range, or settings do not fit together."""


class UnknownNameError(ConfigError):
    """A name is not in a registry.

    Args:
        kind: What was looked up, for example ``"model"``.
        name: The unknown name.
        known: The names that exist. Of many only those near the unknown one are told.
        listing: Command that lists them all, or ``""``.
    """

    def __init__(self, kind: str, name: str, known, listing: str = ""):
        import difflib

        known = sorted(known)
        wanted = str(name)
        close = difflib.get_close_matches(wanted, known, n=4)
        close += [one for one in known if wanted and one.casefold().startswith(wanted.casefold())]
        close = list(dict.fromkeys(close))[:_NEAR]
        parts = [f"unknown {kind} {name!r}."]
        if close:
            parts.append(f"Did you mean {close[0]!r}?")
        if len(known) <= _LISTED:
            parts.append(f"Known: {', '.join(known)}")
        else:
            if close[1:]:
                parts.append(f"Also near: {', '.join(close[1:])}.")
            if not close and not listing:
                parts.append(f"Known: {', '.join(known[:_FIRST])} and {len(known) - _FIRST} more")
            elif listing:
                parts.append(f"All {len(known)} are listed by '{listing}'")
            else:
                parts.append(f"{len(known)} are known")
        super().__init__(" ".join(parts))


class DatasetNotFoundError(BadInputError):
    """The root folder or the annotation sheet of a dataset does not exist or cannot be read."""


class AnnotationError(BadInputError):
    """The annotation sheet lacks a column or holds values that cannot be used."""


class CountsDifferError(BadInputError):
    """Classes or subjects of a set do not add up to the published counts.

    Args:
        message: Expected, found and difference per class, and the clips that are known to be absent.
        differences: The differences as data, one entry per count that differs.
    """

    def __init__(self, message: str, differences: tuple = ()):
        super().__init__(message)
        self.differences = tuple(differences)


class EmptySplitError(BadInputError):
    """A split, fold or table holds no clip, or too few subjects or classes to work with."""


class LeakageError(BadInputError):
    """Something that belongs to a held-out subject would reach training."""


class PassportError(BadInputError):
    """A result passport has an unknown format, lacks a field, or disagrees with its predictions."""


class MissingFileError(BadInputError):
    """A file that is needed, such as the landmark model, does not exist."""


class OutputError(BadInputError):
    """Something cannot be written where the user said, or the disk is full."""


class MissingPackageError(BadInputError):
    """An optional package is not installed.

    Args:
        package: Import name of the package.
        extra: The extra of mer-tf that provides it.
    """

    def __init__(self, package: str, extra: str):
        super().__init__(f"package {package!r} is not installed; {how_to_install(extra)}")


def how_to_install(extra: str) -> str:
    """What to do to get an extra."""
    if mer_tf.IN_CHECKOUT:
        return f"install the extra {extra!r} in the checkout of mer-tf: pip install '.[{extra}]'"
    return f"install the extra {extra!r}: pip install 'mer-tf[{extra}]'"


# Import name of what only an extra installs -> that extra.
_EXTRAS = {
    **dict.fromkeys(("tensorflow", "keras", "tensorboard"), "tensorflow"),
    **dict.fromkeys(("tfx", "apache_beam", "ml_metadata", "tensorflow_transform", "tfx_bsl"), "pipeline"),
    **dict.fromkeys(("tensorflow_model_analysis", "tensorflow_data_validation"), "pipeline"),
    "grpc": "client",
    **dict.fromkeys(("grpc_health", "tensorflow_serving"), "serving"),
    **dict.fromkeys(("dlib", "face_recognition_models"), "face"),
    "kfp": "kubeflow",
    "tensorflow_addons": "addons",
}


def missing_package(error: ModuleNotFoundError) -> MissingPackageError | None:
    """The error for a person where a package of an extra is not installed; None for any other module."""
    package = (error.name or "").partition(".")[0]
    return MissingPackageError(package, _EXTRAS[package]) if package in _EXTRAS else None


class ProcessEndedError(MerError):
    """A worker process was killed, or ended by itself, before its task was done; also when it was tried again."""


def look_up(kind: str, name: Any, known: Mapping[str, T], listing: str = "") -> T:
    """``known[name]``; ``UnknownNameError`` with the same arguments where there is none."""
    try:
        return known[name]
    except (KeyError, TypeError):
        raise UnknownNameError(kind, name, known, listing) from None


class ServerError(MerError):
    """The prediction server cannot be reached, did not answer in time, or refused the request."""


class PortInUseError(BadInputError):
    """The requested port is in use."""


class ClipError(MerError):
    """A fault of one clip: the clip is left out and the run goes on; under ``--strict`` the fault ends the run.

    Args:
        message: What was expected, what was found, and what to try.
        clip: Clip key ``dataset/subject/clip``, or ``""`` if it is not known yet.
        frame: Frame number as annotated, or None.
    """

    def __init__(self, message: str, clip: str = "", frame: int | None = None):
        where = clip + (f" frame {frame}" if frame is not None else "")
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.clip = clip
        self.frame = frame

    def __reduce__(self):
        # Beam workers pickle errors; the default would pass the joined text as ``message``.
        return type(self), (self.message, self.clip, self.frame)

    def at(self, clip: str, frame: int | None = None) -> ClipError:
        """Returns the same error with the clip, and optionally the frame, named."""
        return type(self)(self.message, clip, self.frame if frame is None else frame)


class ImageError(ClipError):
    """An image file is missing, empty, truncated, too large, or not an image."""


class FrameOrderError(ClipError):
    """Onset, apex and offset are out of order, or a frame that is needed is not annotated or does not exist."""


class FaceNotFoundError(ClipError):
    """The detector found no face."""


class SeveralFacesError(ClipError):
    """The detector found more than one face where one was expected."""


class LandmarkError(ClipError):
    """The landmarks do not form a plausible face."""


class CropError(ClipError):
    """A crop box extends beyond the image or is too small."""
