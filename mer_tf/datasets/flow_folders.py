"""Flow pictures in folders: listing them, and finding the picture of a clip whatever its name and folder leave out."""

from __future__ import annotations

import collections
import dataclasses
import os
import re
from collections.abc import Iterator

from mer_tf.datasets.people import dataset_key, person
from mer_tf.datasets.registry import CARDS
from mer_tf.datasets.spelling import loose_clip_form, subject_form
from mer_tf.errors import ConfigError, DatasetNotFoundError, ImageError
from mer_tf.files import is_left_over, oddity
from mer_tf.types import Problem

MAX_FILES = 2_000_000
_PARTS = ("u_train", "u_test")
_SPLITS = ("train", "test", "val", "validation", "images", "pictures", "flow")
PICTURES, ARRAYS = ("png", "jpg", "jpeg", "bmp"), ("flo", "npy", "npz")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the CSV file."""

    dataset: str
    subject: str
    clip: str
    label: int

    @property
    def key(self) -> str:
        return f"{self.dataset}/{self.subject}/{self.clip}"

    @property
    def person(self) -> tuple[str, str]:
        return person(self.dataset, self.subject)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture file.

    Attributes:
        path: The file.
        stem: Its name without the ending.
        folders: Names of the folders from the given one down to it.
        label: Name of the class folder in which it lies, or ``""``.
        part: ``"u_train"`` or ``"u_test"`` where a folder of that name is above it, else ``""``.
    """

    path: str
    stem: str
    folders: tuple[str, ...]
    label: str = ""
    part: str = ""

    @property
    def above(self) -> tuple[str, ...]:
        """The folders that may name a subject: those above the one of its part, else all."""
        index = next((k for k, name in enumerate(self.folders) if name.casefold() == self.part), len(self.folders))
        return self.folders[:index]


def list_pictures(folder: str, problems: list[Problem], endings: tuple[str, ...] = PICTURES) -> list[Picture]:
    """Every picture below a folder, in order of the paths; a link to a folder is followed as the readers follow it.

    Left-overs of systems (``is_left_over``) are no pictures. With ``endings`` ``ARRAYS`` the files of flow are listed.
    """
    pattern = re.compile(rf"(.+?)\s*\.(?:{'|'.join(endings)})", re.IGNORECASE)
    pictures: list[Picture] = []
    same_folder = 0
    for base, parts, names in _walk(folder, (), (os.path.realpath(folder),), problems):
        part = next((name.casefold() for name in parts if name.casefold() in _PARTS), "")
        label = parts[-1] if parts and re.fullmatch(r"\d", parts[-1]) else ""
        here = set()
        for name in names:
            match = pattern.fullmatch(name)
            if match is None:
                continue
            if len(pictures) >= MAX_FILES:
                raise DatasetNotFoundError(f"folder {folder!r} holds more than {MAX_FILES} pictures; give a deeper one")
            stem = match[1].strip()
            if stem in here:
                same_folder += 1
                continue
            here.add(stem)
            pictures.append(Picture(os.path.join(base, name), stem, parts, label, part))
    if same_folder:
        message = f"{same_folder} pictures stand twice in a folder (blank before the extension); the first is used"
        problems.append(Problem("warning", "note", "", message))
    return pictures


def _walk(
    base: str, parts: tuple[str, ...], above: tuple[str, ...], problems: list[Problem]
) -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """Path, folder names and file names of a folder and those below it; a link back to one above is left out."""
    try:
        with os.scandir(base) as found:
            entries = sorted((entry for entry in found if not is_left_over(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        message = f"folder {base!r} cannot be listed ({error.strerror or error}); its pictures are not read"
        problems.append(Problem("warning", "skipped", "", message))
        return
    folders = {entry.name: entry.path for entry in entries if entry.is_dir()}
    yield base, parts, [entry.name for entry in entries if entry.name not in folders]
    for name, path in folders.items():
        real = os.path.realpath(path)
        if real not in above:
            yield from _walk(path, (*parts, name), (*above, real), problems)


def unused_pictures(pictures: list[Picture], used: dict[str, str]) -> list[str]:
    """Names of pictures of which no copy belongs to a row: with their folder where another of that name does."""
    taken = {picture.stem for picture in pictures if picture.path in used}
    return sorted(
        {
            "/".join((*picture.folders, picture.stem)) if picture.stem in taken else picture.stem
            for picture in pictures
            if picture.path not in used and not (picture.part and picture.stem in taken)
        }
    )


class Shelf:
    """The pictures by name, to find those of a row.

    A picture is of a subject because its name says so, or else because its folder does. Folders of classes, of sets and
    of the parts of a split say nothing of a subject, nor does the folder above ``u_train``, which holds all the others.
    """

    def __init__(self, pictures: list[Picture], rows: list[Row], classes: tuple[str, ...]):
        self.by_stem: dict[str, list[Picture]] = collections.defaultdict(list)
        self.by_form: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        exact = {f"{row.subject}_{row.clip}" for row in rows}
        for picture in pictures:
            self.by_stem[picture.stem].append(picture)
        for stem in self.by_stem:
            if stem not in exact:  # a picture that one row names exactly is no other row's
                for form in _forms(stem):
                    self.by_form[form].append(stem)
        self.people = {row.person for row in rows}
        self.digits = {row.subject for row in rows if re.fullmatch(r"\d", row.subject)}
        self.neutral = {*_PARTS, *_SPLITS, *(name.casefold() for name in classes)}
        self.sets = {row.person[0] for row in rows}
        siblings: dict[tuple[str, ...], set[str]] = collections.defaultdict(set)
        for picture in pictures:
            for depth, name in enumerate(picture.above):
                if not self._says_nothing(name):
                    siblings[picture.above[:depth]].add(name)
        # Where one folder is named after a subject, so are those beside it.
        self.by_subject = {
            above
            for above, names in siblings.items()
            if any(person(dataset, name) in self.people for dataset in self.sets for name in names)
        }

    def find(self, row: Row, folder: str) -> list[Picture]:
        """The copies of a row's picture, the first to be read: by subject and clip as written, by the clip alone, then
        by either in any spelling.

        Raises:
            ImageError: There is none, or several that differ.
        """
        clip = loose_clip_form(row.clip)
        named = {(subject_form(row.person[1]), clip), (subject_form(row.subject), clip)}
        loose = sorted({stem for form in (*sorted(named), ("", clip)) for stem in self.by_form.get(form, ())})
        elsewhere: list[Picture] = []
        for stems in ([f"{row.subject}_{row.clip}"], [row.clip], loose):
            own = []
            for stem in stems:
                named_so = not named.isdisjoint(_forms(stem)) or _begins_with(row, stem)
                own += self._of(row, self.by_stem.get(stem, []), named_so, elsewhere)
            found = sorted({picture.stem for picture in own})
            if len(found) > 1:
                raise ImageError(_told(row, folder, f"fits several pictures ({', '.join(found[:3])})"), row.key)
            if own:
                return self._alike(row, own, folder, named_so)
        if elsewhere:
            where = "/".join((*elsewhere[0].folders, elsewhere[0].stem))
            raise ImageError(
                f"has no picture that is surely its own: {where!r} lies in a folder that does not name subject "
                f"{row.subject!r}; name the folder after the subject, or the picture '{row.subject}_{row.clip}.png'",
                row.key,
            )
        raise ImageError(_told(row, folder, "has no picture"), row.key)

    def _of(self, row: Row, copies: list[Picture], named: bool, elsewhere: list[Picture]) -> list[Picture]:
        """The copies that may be the row's: those in folders of its subject, else those in nobody's."""
        owners = {picture.path: self._owner(row, picture) for picture in copies}
        for wanted in ("own", "nobody"):
            found = [picture for picture in copies if owners[picture.path] == wanted]
            if found:
                # In the layout of one folder per held-out subject every other folder has the same picture.
                return found + [one for one in copies if named and one.part and owners[one.path] != wanted]
        others = [picture for picture in copies if owners[picture.path] == "other"]
        if named:
            return others
        elsewhere += others
        return []

    def _owner(self, row: Row, picture: Picture) -> str:
        """``"own"``, ``"other"`` or ``"nobody"``, by the folders; ``"foreign"`` in the folder of another set."""
        owner = "nobody"
        for depth in reversed(range(len(picture.above))):
            name = picture.above[depth]
            found = _set_of(name)
            if found in CARDS or found in self.sets:
                if found != row.person[0]:
                    return "foreign"
                continue
            if owner != "nobody" or self._says_nothing(name):
                continue
            if person(row.dataset, name) == row.person:
                owner = "own"
            elif self._is_subject(row, name) or picture.above[:depth] in self.by_subject:
                owner = "other"
        if picture.part == "u_train":  # it holds the clips of all but the folder's subject
            return "other" if owner == "own" else "nobody"
        return owner

    def _says_nothing(self, name: str) -> bool:
        if re.fullmatch(r"\d", name):
            return name not in self.digits
        return name.casefold() in self.neutral or _set_of(name) in CARDS

    def _is_subject(self, row: Row, name: str) -> bool:
        card = CARDS.get(row.person[0])
        known = card is not None and card.subject_id(name) is not None
        return known or person(row.dataset, name) in self.people or subject_form(name).isdigit()

    def _alike(self, row: Row, copies: list[Picture], folder: str, named: bool) -> list[Picture]:
        """The copies, unless they differ; below ``u_train`` and ``u_test`` a name with the subject is proof enough."""
        loose = [picture for picture in copies if not (named and picture.part)]
        if len(loose) > 1 and len({_bytes(picture.path) for picture in loose}) > 1:
            names = " and ".join(repr("/".join((*picture.folders, picture.stem))) for picture in loose[:2])
            raise ImageError(
                _told(row, folder, f"fits several pictures that differ ({names}); give the folder of one of them"),
                row.key,
            )
        return copies


def _forms(stem: str) -> set[tuple[str, str]]:
    """Subject and clip as which a name may be read, in the forms that all spellings share; the clip alone too."""
    forms = {("", loose_clip_form(stem))}
    for match in re.finditer("_", stem):
        forms.add((subject_form(stem[: match.start()]), loose_clip_form(stem[match.end() :])))
    return forms


def _begins_with(row: Row, stem: str) -> bool:
    """Whether a name begins with the row's subject, as ``s1_ne_01`` and ``006_1_2`` do; two digits may be a count."""
    subject = stem.partition("_")[0]
    return person(row.dataset, subject) == row.person and not re.fullmatch(r"\d{1,2}", subject)


def _told(row: Row, folder: str, why: str) -> str:
    return f"{why}: '{row.subject}_{row.clip}.png' (nor '{row.clip}.png') was looked for in {folder!r}"


def _set_of(name: str) -> str:
    try:
        return dataset_key(name)
    except ConfigError:  # the spelling of several sets
        return ""


def _bytes(path: str) -> bytes:
    if oddity(path):
        return b""
    with open(path, "rb") as file:
        return file.read()
