"""A model folder asked in this process, in the words of the client: no server is needed for it."""

from __future__ import annotations

import os

from mer_tf import served
from mer_tf.errors import MissingFileError, ServerError
from serving.client import Description, PredictionClient


class FolderClient(PredictionClient):
    """Loads a SavedModel and answers as a server of it would; a context manager.

    Args:
        folder: Folder of versions, of which the highest is taken, or of one SavedModel.

    Raises:
        MissingFileError: There is no SavedModel.
        ServerError: It cannot be loaded.
    """

    def __init__(self, folder: str | os.PathLike):
        from mer_tf.export import newest_version

        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow as tf

        path = os.path.abspath(folder)
        if not os.path.isfile(os.path.join(path, served.SAVED_MODEL)):
            path = os.path.join(path, str(newest_version(path)))
        if not os.path.isfile(os.path.join(path, served.SAVED_MODEL)):
            raise MissingFileError(f"folder {os.fspath(folder)} holds no SavedModel; make one with 'mer train'")
        self.address = os.fspath(folder)
        self._descriptions: dict[int, Description] = {}
        self._version = served.version_number(os.path.basename(path)) or 0
        try:
            self._model = tf.saved_model.load(path)
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
