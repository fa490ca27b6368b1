"""Single pictures through a recipe's first half, in parallel, into one file of 8-bit pictures that is never held in
memory as a whole.

A finished picture is known by the SHA-256 of its image file, so that a run that was killed, or another one on the same
files, goes on where the file ends.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from mer_tf import output
from mer_tf.errors import ClipError, ConfigError, ImageError, ProcessEndedError
from mer_tf.preprocessing.clip import ClipPreprocessor
from mer_tf.preprocessing.deciding import deciding
from mer_tf.processes import Processes
from mer_tf.recipes import Recipe

FORMAT = 1
DATA_FILE = "pictures.u8"
INDEX_FILE = "pictures.jsonl"

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Source:
    """A picture to make.

    Attributes:
        path: Image file.
        clip: Clip key, for messages.
        number: Frame number, for messages.
    """

    path: str
    clip: str = ""
    number: int | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
    """What was made.

    Attributes:
        images: uint8 (pictures in the file, height, width, channels), mapped from the file.
        rows: Row in ``images`` of each source; -1 where it has a fault.
        hashes: SHA-256 of each source's image file, ``""`` where it cannot be read.
        faults: Fault of a source by its index.
        reused: Number of sources that an earlier run had made.
    """

    images: np.ndarray
    rows: np.ndarray
    hashes: tuple[str, ...]
    faults: dict[int, ClipError]
    reused: int = 0


def check_picture_recipe(recipe: Recipe) -> tuple[int, ...]:
    """Shape of a recipe's one picture; ``ConfigError`` where it is not made of a single frame."""
    if recipe.frames.span != "apex" or list(recipe.kinds.values()) != ["image"]:
        raise ConfigError(
            f"recipe {recipe.name!r} is made of {recipe.frames.span.replace('_', ' ')} frames; single pictures need a "
            "recipe of one frame and one image, such as apex_224_gray"
        )
    return next(iter(recipe.inputs.values()))


def hash_files(sources: Sequence[Source]) -> tuple[tuple[str, ...], dict[int, ClipError]]:
    """SHA-256 of each image file, and the fault of each that cannot be read (its hash is ``""``)."""
    hashes, faults = [], {}
    for index, source in enumerate(sources):
        try:
            with open(source.path, "rb") as file:
                hashes.append(_digest(file))
        except OSError as error:
            faults[index] = _unreadable(source, error)
            hashes.append("")
    return tuple(hashes), faults


def make_pictures(
    sources: Sequence[Source],
    recipe: Recipe,
    folder: str | os.PathLike,
    *,
    hashes: Sequence[str] | None = None,
    workers: int = 1,
    landmark_model: str | os.PathLike | None = None,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Makes the picture of every source and keeps it in a folder.

    Args:
        sources: Image files; several may hold the same bytes.
        recipe: A recipe of one frame and one image.
        folder: Holds ``pictures.u8`` (the pictures one after another) and ``pictures.jsonl`` (a line for each); made if
            absent. Pictures of another recipe, landmark model, code or other versions are replaced.
        hashes: From ``hash_files``, where that was done already.
        workers: Processes; 1 works in this one.
        landmark_model: As ``ClipPreprocessor``.
        strict: Raise the first fault of a picture instead of counting it.
        progress: Called with (pictures done, pictures in all).

    Returns:
        The pictures. Memory for them is the system's file cache.

    Raises:
        ConfigError: The recipe needs more than one frame, or another run writes to the folder.
        MissingPackageError, MissingFileError: The detector or its model is not there.
        ClipError: Under ``strict``.
    """
    shape = check_picture_recipe(recipe)
    if workers < 1:
        raise ConfigError(f"workers must be at least 1. Received: {workers}")
    faults: dict[int, ClipError] = {}
    if hashes is None:
        hashes, faults = hash_files(sources)
    else:
        faults = {index: _unreadable(sources[index]) for index, found in enumerate(hashes) if not found}
    if strict and faults:
        raise faults[min(faults)]
    preprocessor = ClipPreprocessor(recipe, landmark_model=landmark_model)
    preprocessor.versions()  # what is missing shows before earlier pictures are thrown away for it
    with _Store(os.fspath(folder), recipe, shape, deciding(recipe, landmark_model)) as store:
        first: dict[str, int] = {}
        for index, found in enumerate(hashes):
            if found and found not in store.rows:
                first.setdefault(found, index)
        todo = list(first.values())
        reused = sum(found in store.rows for found in hashes)
        failed: dict[str, ClipError] = {}
        if progress is not None:
            progress(len(sources) - len(todo), len(sources))
        if todo:
            preprocessor.open()  # what is not installed shows here, not in a process that dies of it
            for done, (index, made) in enumerate(_made(sources, todo, preprocessor, workers), 1):
                if isinstance(made, ClipError):
                    if strict:
                        raise made
                    failed[hashes[index]] = made
                else:
                    store.append(hashes[index], made)
                if progress is not None:
                    progress(len(sources) - len(todo) + done, len(sources))
        for index, found in enumerate(hashes):
            if found in failed:
                faults[index] = failed[found].at(sources[index].clip, sources[index].number)
        rows = np.array([store.rows.get(found, -1) for found in hashes], np.int64)
        count = len(store.rows)
        images = np.empty((0, *shape), np.uint8)
        if count:
            images = np.memmap(store.data_path, np.uint8, mode="r", shape=(count, *shape))
        return Pictures(images, rows, tuple(hashes), dict(sorted(faults.items())), reused)


class _Store:
    """The two files: a picture is appended first and its line after, so that a line speaks of a whole picture."""

    def __init__(self, folder: str, recipe: Recipe, shape: tuple[int, ...], made_with: dict):
        self.folder, self.shape = folder, shape
        self.data_path, self.index_path = os.path.join(folder, DATA_FILE), os.path.join(folder, INDEX_FILE)
        self.header = {"format": FORMAT, "recipe_hash": recipe.hash, "shape": list(shape), "made_with": made_with}
        self.rows: dict[str, int] = {}

    def __enter__(self) -> _Store:
        with contextlib.ExitStack() as stack:
            stack.enter_context(output.locked(self.folder))
            self._index = stack.enter_context(open(self.index_path, "a+", encoding="utf-8"))
            self._load()
            self._data = stack.enter_context(open(self.data_path, "ab"))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exception) -> None:
        self._open.close()

    def append(self, found: str, picture: np.ndarray) -> None:
        if picture.shape != self.shape or picture.dtype != np.uint8:
            raise ValueError(f"a picture must be uint8 {self.shape}. Received: {picture.dtype} {picture.shape}")
        self._data.write(picture.tobytes())
        self._data.flush()
        self._index.write(json.dumps({"sha256": found}) + "\n")
        self._index.flush()
        self.rows[found] = len(self.rows)

    def _load(self) -> None:
        size = int(np.prod(self.shape))
        whole = os.path.getsize(self.data_path) // size if os.path.exists(self.data_path) else 0
        self._index.seek(0)
        lines = self._index.read().split("\n")
        end = lines.pop()  # what follows the last line break: a line that was cut off by a kill
        try:
            same = bool(lines) and json.loads(lines[0]) == self.header
            found = [json.loads(line)["sha256"] for line in lines[1 : 1 + whole]] if same else []
        except (ValueError, KeyError, TypeError):
            same, found = False, []
        if not same and os.path.exists(self.data_path):
            _log.info("%s holds pictures of another recipe or version; they are made again", self.folder)
            os.unlink(self.data_path)  # not emptied: an earlier run may still look at it
        elif same and os.path.getsize(self.data_path) > len(found) * size:
            os.truncate(self.data_path, len(found) * size)
        if end or not same or len(found) < len(lines) - 1:
            self._index.truncate(0)
            rows = (self.header, *({"sha256": sha} for sha in found))
            self._index.write("".join(json.dumps(row) + "\n" for row in rows))
            self._index.flush()
        self.rows = {sha: row for row, sha in enumerate(found)}


_WORKER: dict[str, ClipPreprocessor] = {}


def _open_worker(preprocessor: ClipPreprocessor) -> None:
    cv2.setNumThreads(1)
    _WORKER["preprocessor"] = preprocessor.open()


def _work(source: Source) -> np.ndarray | ClipError:
    return _one(_WORKER["preprocessor"], source)


def _one(preprocessor: ClipPreprocessor, source: Source) -> np.ndarray | ClipError:
    """The picture, or its fault; crops are rounded to 8 bits by the preprocessor, so nothing is lost here."""
    try:
        with open(source.path, "rb") as file:
            data = file.read()
    except OSError as error:
        return _unreadable(source, error)
    try:
        made = preprocessor.process(data, clip=source.clip, numbers=[source.number])
    except ClipError as error:
        return error
    return next(iter(made.tensors.values())).astype(np.uint8)


def _made(sources, todo: list[int], preprocessor, workers: int) -> Iterator[tuple[int, np.ndarray | ClipError]]:
    workers = min(workers, len(todo))
    if workers == 1:
        for index in todo:
            yield index, _one(preprocessor, sources[index])
        return
    with Processes(workers, _open_worker, preprocessor) as processes:
        # A few ahead, so that finished pictures do not pile up before they are written.
        waiting: dict[concurrent.futures.Future, int] = {}
        for index in todo:
            waiting[processes.submit(_work, sources[index])] = index
            if len(waiting) >= 4 * workers:
                done, _ = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    yield _result(future, sources, waiting.pop(future))
        for future in concurrent.futures.as_completed(tuple(waiting)):
            yield _result(future, sources, waiting[future])


def _result(future: concurrent.futures.Future, sources, index: int) -> tuple[int, np.ndarray | ClipError]:
    try:
        return index, future.result()
    except ProcessEndedError as error:
        source = sources[index]
        return index, ImageError(f"{error}, twice", source.clip, source.number)


def _unreadable(source: Source, error: OSError | None = None) -> ImageError:
    why = f" ({error.strerror or error})" if error is not None else ""
    return ImageError(f"image file {source.path!r} cannot be read{why}", source.clip, source.number)


def _digest(file) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
