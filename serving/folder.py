"""A model folder asked in this process, in the words of the client: no server is needed for it."""

from __future__ import annotations

import os
import pathlib

from mer_tf.errors import ServerError
from mer_tf.serving.client import Description, PredictionClient
from mer_tf.serving.versions import version_folders


class FolderClient(PredictionClient):
    """Loads a SavedModel and answers as a server of it would; a context manager.

    Args:
        folder: Folder of versions, of which the highest is taken, or of one SavedModel.

    Raises:
        MissingFileError: There is no SavedModel.
        ServerError: It cannot be loaded.
    """

    def __init__(self, folder: str | os.PathLike):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow as tf

        self._version, path = version_folders(pathlib.Path(folder).absolute())[0]
        self.address = os.fspath(folder)
        self._descriptions: dict[int, Description] = {}
        try:
            self._model = tf.saved_model.load(str(path))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise ServerError(f"the model in {path} cannot be loaded: {' '.join(str(error).split())[:300]}") from error

    def close(self) -> None:
        """Lets the model go."""
        self._model = None

    def _predict(self, signature: str, inputs: dict) -> tuple[dict, int]:
        import tensorflow as tf

        try:
            answer = self._model.signatures[signature](**{name: tf.constant(array) for name, array in inputs.items()})
        except KeyError as error:
            raise ServerError(f"the model in {self.address} has no signature {signature!r}; export it again") from error
        except (ValueError, TypeError, tf.errors.OpError) as error:
            said = " ".join(str(error).split())[:300]
            raise ServerError(f"the model in {self.address} refuses the request: {said}") from error
        return {name: tensor.numpy() for name, tensor in answer.items()}, self._version
