"""The folder that TensorBoard is shown: links to the logs of some runs, the pooled ones first, folds only if asked for.

TensorBoard lists every folder that holds event files as a run of its own. With 68 folds a run that is a list nobody
reads, and slow; so what it is given is a folder made for it, in which each run stands under one name. Its files are
links, so nothing is copied, and what runs write later is found by ``View.update``.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import os
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence

from mer_tf import output
from mer_tf.board.events import FINAL, POOLED, PRETRAIN, PROFILE, is_event_file, write_events
from mer_tf.board.hparams import compared, settings_of
from mer_tf.board.projector import CLIPS_FILE, CONFIG_FILE, INPUTS_FILE, PROBABILITIES_FILE
from mer_tf.console import printable, shown
from mer_tf.errors import BadInputError, ConfigError, MissingFileError, UnknownNameError
from mer_tf.files import oddity
from mer_tf.run_files import LOGS, PASSPORT_FILE, PRETRAINED_FILE, SETTINGS_FILE, SWEEP_FILE

ALL = "all"
_LOSO = "loso"  # of a pipeline: the logs of its cross-validation, beside those of the final model
_TABLES = (CLIPS_FILE, INPUTS_FILE, PROBABILITIES_FILE, CONFIG_FILE)
_DEEPEST = 6  # folders from one that was named down to that of a run, or from logs down to those of a fold
_FOLDS = "folds"
_HPARAMS = ".hparams"


@dataclasses.dataclass(frozen=True)
class RunLogs:
    """Where the logs of a run are.

    Attributes:
        name: What it is called.
        folder: Folder of the run.
    """

    name: str
    folder: str

    def passport(self) -> dict | None:
        """Its passport; None where there is none that can be read, as of a run that is not finished."""
        path = os.path.join(self.folder, PASSPORT_FILE)
        if oddity(path):
            return None
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            settings_of(found)
            return found
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # damaged
            return None

    def parts(self) -> tuple[str, dict[str, str], dict[str, str]]:
        """The folders of its logs: that of the whole run or ``""``, others of the whole by name, folds by name."""
        pooled, whole, folds = "", {}, {}
        root = os.path.join(self.folder, LOGS)
        for path in _event_folders(root):
            parts = [part for part in os.path.relpath(path, root).split(os.sep) if part != os.curdir]
            base = root
            if parts[:1] == [_LOSO]:
                base, parts = os.path.join(root, _LOSO), parts[1:]
            if parts == [POOLED]:
                pooled = path
            elif not parts:
                whole[FINAL] = path  # of 'mer train'
            elif parts[0] in (FINAL, PRETRAIN, PROFILE):
                whole[parts[0]] = os.path.join(base, parts[0])  # with what is below it
            else:
                folds["/".join(map(urllib.parse.unquote, parts))] = path
        return pooled, whole, folds


def find_runs(paths: Sequence[str | os.PathLike]) -> list[RunLogs]:
    """The runs that some folders hold.

    Args:
        paths: Folder of a run (of ``mer loso``, ``mer pipeline run``, ``mer pretrain``, ``mer train``), or one that has
            runs in it, such as that of a sweep; the passport of a run stands for its folder.

    Returns:
        The runs, each once, under names that differ.

    Raises:
        MissingFileError: A folder does not exist.
        BadInputError: Something named is no folder, or there is no run in it, or none has logs.
    """
    found: dict[str, RunLogs] = {}
    several = len({os.path.realpath(path) for path in paths}) > 1
    titles = _titles([_folder(path) for path in paths])
    for path, title in titles.items():
        inside = list(_runs_in(path))
        if not inside:
            raise BadInputError(_without_logs(path))
        for folder in inside:
            place = os.path.relpath(folder, path)
            parts = [] if place == os.curdir else place.split(os.sep)
            name = "/".join([title, *parts] if several or not parts else parts)
            found.setdefault(os.path.realpath(folder), RunLogs(printable(shown(name)), folder))
    return list(found.values())


class View:
    """A folder of links to the logs of runs.

    Args:
        runs: The runs.
        folder: Where the links are made; it must be empty or a view, or not there yet.
        folds: Names of folds that are shown as well, each a name or a pattern such as ``casme2/*``, or ``"all"``.

    Raises:
        ConfigError: The folder holds something else.
        UnknownNameError: No run has such a fold.
    """

    def __init__(self, runs: Sequence[RunLogs], folder: str | os.PathLike, folds: Sequence[str] = ()):
        self.runs, self.folder, self._folds = list(runs), os.fspath(folder), tuple(folds)
        self._compared: dict[str, Mapping] = {}
        self._mark = os.path.join(self.folder, ".mer-tensorboard")
        if os.path.isdir(self.folder) and os.listdir(self.folder) and not os.path.exists(self._mark):
            raise ConfigError(f"{self.folder} holds other files; give a folder for the links that is new or empty")
        known = {name for run in self.runs for name in run.parts()[2]}
        for wanted in self._folds:
            if wanted != ALL and not fnmatch.filter(known, wanted) and wanted not in known:
                raise UnknownNameError("fold", wanted, known)

    def update(self) -> None:
        """Makes the links that are missing and removes those to what is no longer there."""
        os.makedirs(self.folder, exist_ok=True)
        with open(self._mark, "a", encoding="utf-8"):
            pass
        wanted = {link: target for run in self.runs for link, target in self._links(run)}
        for base, folders, files in os.walk(self.folder):
            for name in (*folders, *files):
                path = os.path.join(base, name)
                if os.path.islink(path) and wanted.get(os.path.relpath(path, self.folder)) != os.readlink(path):
                    os.unlink(path)
        for link, target in wanted.items():
            path = os.path.join(self.folder, link)
            if not os.path.islink(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.symlink(target, path)
        self._compare()

    @property
    def has_pooled(self) -> bool:
        """Whether a run has logs of the whole."""
        return any(run.parts()[0] for run in self.runs)

    @property
    def unfinished(self) -> list[str]:
        """Names of the runs of which all folds are listed, as there are no logs of the whole."""
        return [run.name for run in self.runs if _is_unfinished(*run.parts())]

    @property
    def left_out(self) -> int:
        """How many folds are not listed."""
        return sum(len(parts[2]) - len(self._shown(*parts)) for parts in (run.parts() for run in self.runs))

    def _links(self, run: RunLogs) -> Iterator[tuple[str, str]]:
        pooled, whole, folds = run.parts()
        if pooled:
            for name in sorted(os.listdir(pooled)):
                if is_event_file(name) or name in _TABLES:
                    yield os.path.join(run.name, name), os.path.abspath(os.path.join(pooled, name))
        for name, path in whole.items():
            yield os.path.join(run.name, name), os.path.abspath(path)
        for name, path in self._shown(pooled, whole, folds).items():
            yield os.path.join(run.name, _FOLDS, _safe(name)), os.path.abspath(path)

    def _shown(self, pooled: str, whole: Mapping[str, str], folds: Mapping[str, str]) -> dict[str, str]:
        if ALL in self._folds or _is_unfinished(pooled, whole, folds):
            return dict(folds)
        return {
            name: path
            for name, path in folds.items()
            if any(name == wanted or fnmatch.fnmatchcase(name, wanted) for wanted in self._folds)
        }

    def _compare(self) -> None:
        """Runs that can be compared get what the tab HParams needs; they are finished ones, and at least two."""
        passports = {run.name: passport for run in self.runs if (passport := run.passport()) is not None}
        if len(passports) < 2 or passports == self._compared:
            return
        for name, events in compared(passports).items():
            place = os.path.join(self.folder, name)
            written = write_events(place, events, _HPARAMS)
            for other in os.listdir(place):
                if other.endswith(_HPARAMS) and other != written:
                    os.unlink(os.path.join(place, other))
        self._compared = passports


def _is_unfinished(pooled: str, whole: Mapping[str, str], folds: Mapping[str, str]) -> bool:
    return bool(folds) and not pooled


def _safe(name: str) -> str:
    """A fold's name as a path that leads nowhere else, and that TensorBoard can show."""
    parts = [urllib.parse.quote(shown(part), safe=" ,=+-_") or "%" for part in name.split("/")]
    return os.path.join(*(part.replace(".", "%2E") if set(part) == {"."} else part for part in parts))


def _folder(path: str | os.PathLike) -> str:
    path = os.fspath(path)
    if os.path.basename(path) in (PASSPORT_FILE, PRETRAINED_FILE, SWEEP_FILE):
        path = os.path.dirname(path) or os.curdir
    if not os.path.lexists(path):
        raise MissingFileError(f"there is no run {path}; give the folder that a run was written to (its --out)")
    if not os.path.isdir(path):
        raise BadInputError(f"{path} is no folder; give the folder that a run was written to (its --out)")
    path = os.path.abspath(path)
    if os.path.basename(path) == LOGS and not os.path.isdir(os.path.join(path, LOGS)):
        return os.path.dirname(path)  # what 'tensorboard --logdir' is given
    return path


def _titles(folders: Sequence[str]) -> dict[str, str]:
    """Folder -> the shortest end of its path that no other has."""
    folders = list(dict.fromkeys(folders))
    found = {}
    for folder in folders:
        parts = folder.strip(os.sep).split(os.sep)
        for length in range(1, len(parts) + 1):
            end = parts[-length:]
            if sum(other.strip(os.sep).split(os.sep)[-length:] == end for other in folders) == 1:
                break
        found[folder] = "/".join(end)
    return found


def _runs_in(path: str, depth: int = 0) -> Iterator[str]:
    """Folders with logs: this one, else those in it."""
    if next(_event_folders(os.path.join(path, LOGS)), None) is not None:
        yield path
        return
    if depth == _DEEPEST:
        return
    try:
        inside = sorted(entry.name for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in inside:
        if not name.startswith("."):
            yield from _runs_in(os.path.join(path, name), depth + 1)


def _event_folders(root: str, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Folders that hold event files; links are followed, but not in a circle."""
    real = os.path.realpath(root)
    if real in seen or len(seen) > _DEEPEST:
        return
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return
    if any(is_event_file(entry.name) and entry.is_file() for entry in entries):
        yield root
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith("."):
            yield from _event_folders(entry.path, (*seen, real))


def _without_logs(path: str) -> str:
    known = (SETTINGS_FILE, PASSPORT_FILE, PRETRAINED_FILE, SWEEP_FILE)
    if output.read_settings(path) is not None or any(os.path.exists(os.path.join(path, name)) for name in known):
        return f"{path}: the run has left no logs for TensorBoard yet, or they were removed; run its command (again)"
    return (
        f"{path} is no folder of a run, and none is in it; give one that 'mer loso', 'mer sweep', 'mer pretrain' or "
        "'mer pipeline run' wrote (its --out)"
    )
