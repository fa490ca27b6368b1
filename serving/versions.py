"""The version folders of a served model."""

from __future__ import annotations

import pathlib

from mer_tf.errors import MissingFileError
from mer_tf.served import SAVED_MODEL, version_number


def version_folders(model_dir: pathlib.Path) -> list[tuple[int, pathlib.Path]]:
    """Versions and their folders, highest first; names count as versions where TensorFlow Serving reads them so.

    Raises:
        MissingFileError: There is no such folder, or no version in it.
    """
    if not model_dir.is_dir():
        raise MissingFileError(
            f"no model folder {model_dir}; make one with 'mer pipeline run' or 'mer train', or give another --model"
        )
    if (model_dir / SAVED_MODEL).is_file():
        number = version_number(model_dir.resolve().name)
        return [(1 if number is None else number, model_dir)]
    numbered = ((version_number(folder.name), folder) for folder in model_dir.iterdir())
    found = [(number, folder) for number, folder in numbered if number is not None and (folder / SAVED_MODEL).is_file()]
    if not found:
        raise MissingFileError(
            f"no version in {model_dir} (a folder named by an integer that holds {SAVED_MODEL}); "
            "make one with 'mer pipeline run' or 'mer train', or give another --model"
        )
    return sorted(found, reverse=True)
