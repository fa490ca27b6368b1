"""What all layouts have in common: clips to write, a writer of frames and sheets, cells of a sheet."""

from __future__ import annotations

import dataclasses
import datetime
import io
import pathlib
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from mer_tf.datasets.aus import OBJECTIVE_CLASSES, objective_class
from mer_tf.datasets.card import DatasetCard
from mer_tf.errors import ConfigError
from mer_tf.synthetic.layouts.show import SyntheticSet

FrameSource = Callable[[], Iterable[tuple[int, np.ndarray]]]
JPEG_QUALITY = 93


@dataclasses.dataclass(frozen=True)
class LayoutClip:
    """One clip to write.

    Attributes:
        subject: Subject number.
        clip: Number of the clip within its subject, from 0.
        emotion: Emotion; one that the layout's set does not have is written as the nearest it has.
        aus: Action units as a sheet would hold them.
        onset: Frame number.
        apex: Frame number; None is written as a slash, as one distributor does.
        offset: Frame number, inclusive.
        frames: Callable that gives (frame number, picture: ``(height, width, 3)`` uint8 RGB or ``(height, width)``
            uint8 gray), or numbers alone for empty files.
        name: Clip name, for the layouts with free names (casme, casme2, samm); None for one made up.
        objective: Objective class 1 to 7; None for the one that follows from ``aus``.
    """

    subject: int
    clip: int
    emotion: str
    aus: str = ""
    onset: int = 1
    apex: int | None = None
    offset: int = 1
    frames: FrameSource | Sequence[int] = ()
    name: str | None = None
    objective: int | None = None

    def pictures(self) -> Iterator[tuple[int, np.ndarray | None]]:
        """Frame numbers with their picture, or with None for an empty file."""
        if callable(self.frames):
            yield from self.frames()
        else:
            for number in self.frames:
                yield number, None


@dataclasses.dataclass(frozen=True)
class LayoutSummary:
    """What was written.

    Attributes:
        root: Folder to point a reader at.
        layout: Layout name.
        dataset: Name of the reader.
        keys: Clip keys as the reader will give them, in the order of the clips.
        folders: Folder of each clip (of a still, its file).
        sheet: Annotation sheet, or None where the set has none.
        frames: Number of frame files.
    """

    root: pathlib.Path
    layout: str
    dataset: str
    keys: tuple[str, ...]
    folders: tuple[pathlib.Path, ...]
    sheet: pathlib.Path | None
    frames: int


@dataclasses.dataclass(frozen=True)
class SheetQuirks:
    """Faults to put into the sheet.

    Attributes:
        drop_column: Header of a column to leave out.
        duplicate_row: Whether to write the first row twice.
        number_ids: Whether subjects are number cells; None for the layout's own habit.
        preamble: Whether SAMM's rows of explanation are written.
    """

    drop_column: str = ""
    duplicate_row: bool = False
    number_ids: bool | None = None
    preamble: bool = True


@dataclasses.dataclass(frozen=True)
class WrittenClip:
    """One clip on disk.

    Attributes:
        key: Clip key as the reader will give it.
        folder: Its folder (of a still, its file).
        clip: What was asked for, without the frames.
        numbers: Frame numbers as the files bear them.
        shift: What was added to the clip's own numbers to get these.
        emotion: The emotion as the layout spells it.
        row: Cells of its row of the sheet.
        objective: Cells of its row of a second sheet, of objective classes.
    """

    key: str
    folder: pathlib.Path
    clip: LayoutClip
    numbers: tuple[int, ...]
    shift: int
    emotion: str
    row: tuple = ()
    objective: tuple = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """How a distributor ships a set, and what its synthetic twin shows.

    Attributes:
        card: The set.
        variant: One of the card's variants, or ``""``.
        show: People, emotions, camera and length of the clips.
        write: Writes one clip; gets the writer, the clip, and its index in the set.
        folders: Folders it makes in the root.
        sheets: Annotation sheets it makes in the root, the one with the labels first.
        finish: Writes the sheets and what else lies beside the clips, when all clips are written.
        apex: Header of the column of apex frames, or ``""``.
        stills: Whether a clip is a file and not a folder.
        strays: Number of files with the name of a picture that belong to no clip.
    """

    card: DatasetCard
    variant: str = ""
    show: SyntheticSet
    write: Callable[[LayoutWriter, LayoutClip, int], WrittenClip]
    folders: tuple[str, ...]
    sheets: tuple[str, ...] = ()
    finish: Callable[[LayoutWriter, Sequence[WrittenClip]], None] | None = None
    apex: str = ""
    stills: bool = False
    strays: int = 0

    @property
    def name(self) -> str:
        """The set's name, with the variant where there is one."""
        return f"{self.card.name}_{self.variant}" if self.variant else self.card.name

    @property
    def dataset(self) -> str:
        """Name of the reader."""
        return self.card.name

    @property
    def truth(self) -> bool:
        """Whether ground truth is written beside the clips: for micro-expressions."""
        return self.card.kind == "micro"


class LayoutWriter:
    """Writes the clips of one layout, all of them or those of some subjects.

    Args:
        root: Root folder, which exists.
        layout: The layout.
        quirks: Faults of the sheet; none when None.
    """

    def __init__(self, root: pathlib.Path, layout: Layout, quirks: SheetQuirks | None = None):
        self.root, self.layout = root, layout
        self.quirks = quirks or SheetQuirks()
        self.taken: dict[tuple, int] = {}
        self._seen: set[str] = set()

    def write(self, clip: LayoutClip, index: int) -> WrittenClip:
        """Writes the frames of a clip.

        Args:
            clip: The clip. All clips of a subject go to the same writer, in order.
            index: Index of the clip in the set.

        Raises:
            ConfigError: A second clip of that name, or an emotion that the set does not have.
        """
        return self.layout.write(self, clip, index)

    def finish(self, written: Sequence[WrittenClip]) -> LayoutSummary:
        """Writes what lies beside the clips, the sheet last.

        Args:
            written: Every clip of the set, in order.
        """
        if self.layout.finish:
            self.layout.finish(self, written)
        return LayoutSummary(
            root=self.root,
            layout=self.layout.name,
            dataset=self.layout.dataset,
            keys=tuple(clip.key for clip in written),
            folders=tuple(clip.folder for clip in written),
            sheet=self.root / self.layout.sheets[0] if self.layout.sheets else None,
            frames=sum(len(clip.numbers) for clip in written),
        )

    def key(self, subject: str, name: str) -> str:
        """Key of a clip, refused the second time."""
        key = f"{self.layout.dataset}/{subject}/{name}"
        if key in self._seen:
            raise ConfigError(f"{key} would be written twice")
        self._seen.add(key)
        return key

    def frames(self, pictures, folder: pathlib.Path, name: Callable[[int], str], *, gray: bool = False):
        """Writes pictures; returns their numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        numbers = []
        for number, picture in pictures:
            _write_picture(folder / name(number), picture, gray)
            numbers.append(number)
        return tuple(numbers)

    def sheet(self, name: str, header: Sequence, rows: list[list], *, preamble=(), titles=("Sheet1",)) -> None:
        """Writes a workbook with one filled sheet, with the faults that are asked for."""
        import openpyxl

        keep = [index for index, title in enumerate(header) if not title or title != self.quirks.drop_column]
        book = openpyxl.Workbook()
        book.active.title = titles[0]
        for row in preamble if self.quirks.preamble else ():
            book.active.append(list(row))
        for row in [list(header), *rows, *(rows[:1] if self.quirks.duplicate_row else ())]:
            book.active.append([row[index] for index in keep])
        for title in titles[1:]:
            book.create_sheet(title)
        save_workbook(book, self.root / name)

    def subject_cell(self, number: int, text: str, *, number_ids: bool):
        """A subject as the layout writes it, or as the quirks say."""
        as_number = number_ids if self.quirks.number_ids is None else self.quirks.number_ids
        return number if as_number else text


def write_rows(writer: LayoutWriter, written: Sequence[WrittenClip], *, header: Sequence, titles=("Sheet1",)) -> None:
    """A ``Layout.finish`` for sets with one sheet: the header, and the row of each clip."""
    writer.sheet(writer.layout.sheets[0], header, [list(clip.row) for clip in written], titles=titles)


def save_workbook(book, path: pathlib.Path, then: datetime.datetime = datetime.datetime(2014, 5, 8)) -> None:
    """Saves an openpyxl workbook with fixed dates, so that the same cells give the same bytes."""
    book.properties.created = then
    raw = io.BytesIO()
    book.save(raw)
    stamp = f"{then.isoformat()}Z".encode()
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename == "docProps/core.xml":  # openpyxl stamps the time of saving
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, data)
            target.writestr(zipfile.ZipInfo(item.filename, then.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    part.replace(path)


_ENCODING = {
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY),
    ".jpeg": (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY),
    ".tiff": (cv2.IMWRITE_TIFF_COMPRESSION, 1),  # none, as distributed
}


def _write_picture(path: pathlib.Path, picture: np.ndarray | None, gray: bool) -> None:
    if picture is None:
        path.touch()
        return
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY if gray else cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(path.suffix, picture, _ENCODING.get(path.suffix, ()))
    if not done:
        raise OSError(f"OpenCV could not encode {path}")
    path.write_bytes(data.tobytes())


def units_cell(clip: LayoutClip):
    """A cell of one unit is a number, as in the distributors' sheets."""
    return int(clip.aus) if clip.aus.isdigit() else clip.aus or None


def objective_cell(clip: LayoutClip) -> int:
    """Objective class of a clip, 1 to 7."""
    if clip.objective is not None:
        return clip.objective
    return OBJECTIVE_CLASSES.index(objective_class(clip.aus) or "VII") + 1


def episode_name(clip: int) -> str:
    """A clip name as irregular as the distributor's, and the same for every subject."""
    episode, take = clip + 1, (clip * 5) % 3 + 1
    pattern = ("EP{0:02d}_{1:02d}f", "EP{0:02d}_{1}", "EP{0:02d}_{1:02d}", "EP{0:02d}_{1:02d}_{2:02d}")[clip % 4]
    return pattern.format(episode, take, (take + 1) % 3 + 1)


# Emotions of micro-expressions as posed ones.
POSED = {"repression": "anger", "tense": "anger"}


def translate(table: dict[str, str], emotion: str, known: Iterable[str]) -> str:
    """An emotion as a layout spells it; ``ConfigError`` where it has none such."""
    emotion = table.get(emotion, emotion)
    if emotion not in known:
        raise ConfigError(f"emotion {emotion!r} has no place in this layout; it knows {', '.join(known)}")
    return emotion


def written_clip(key, folder, clip, numbers, emotion, row=(), objective=(), shift=0) -> WrittenClip:
    """What ``Layout.write`` gives back."""
    clip = dataclasses.replace(clip, frames=())
    return WrittenClip(key, folder, clip, tuple(numbers), shift, emotion, tuple(row), tuple(objective))


def apex_cell(clip: LayoutClip):
    """Apex of a clip; a slash where it has none."""
    return "/" if clip.apex is None else clip.apex


def to_apex(clip: LayoutClip, start: int = 0) -> list[tuple[int, np.ndarray | None]]:
    """The frames from neutral to apex, numbered anew."""
    wanted = (item for item in clip.pictures() if clip.apex is None or clip.onset <= item[0] <= clip.apex)
    return [(number, picture) for number, (_, picture) in enumerate(wanted, start=start)]
