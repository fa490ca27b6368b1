"""Writes clips in the layout of every set that the readers know, with the real quirks of folders and sheets.

Frames come from the caller, so that the same writer serves rendered faces, small pictures in tests, and empty files in
listing benchmarks::

    clips = [LayoutClip(1, 0, "happiness", aus="6+12", onset=46, apex=59, offset=86, frames=range(40, 90))]
    write_layout("out", "samm", clips)

Quirks that are written: text and number cells for the same column, blank columns, two apex columns, explanation before
the header, subjects without padding, camera counters, clip names that repeat across subjects, empty sequences, stray
files. A layout writes clip by clip, so that processes can share the work, and its sheet from what they give back.
"""

from __future__ import annotations

import dataclasses
import datetime
import io
import os
import pathlib
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from mer_tf.datasets.aus import OBJECTIVE_CLASSES, objective_class
from mer_tf.datasets.jaffe import CODES as JAFFE_CODES
from mer_tf.errors import ConfigError, UnknownNameError

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


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a distributor ships a set.

    Attributes:
        dataset: Name of the reader.
        write: Writes one clip; gets the writer, the clip, and its index in the set.
        folders: Folders it makes in the root.
        sheets: Annotation sheets it makes in the root, the one with the labels first.
        finish: Writes the sheets and what else lies beside the clips, when all clips are written.
        apex: Header of the column of apex frames, or ``""``.
        stills: Whether a clip is a file and not a folder.
        strays: Number of files with the name of a picture that belong to no clip.
    """

    dataset: str
    write: Callable[[LayoutWriter, LayoutClip, int], WrittenClip]
    folders: tuple[str, ...]
    sheets: tuple[str, ...] = ()
    finish: Callable[[LayoutWriter, Sequence[WrittenClip]], None] | None = None
    apex: str = ""
    stills: bool = False
    strays: int = 0


def get_layout(name: str) -> Layout:
    """The layout of that name; ``UnknownNameError`` lists the known ones."""
    try:
        return LAYOUTS[name]
    except KeyError:
        raise UnknownNameError("layout", name, LAYOUTS) from None


def write_layout(
    out: str | os.PathLike, layout: str, clips: Iterable[LayoutClip], *, quirks: SheetQuirks | None = None
) -> LayoutSummary:
    """Writes clips as the distributor of a set would.

    Args:
        out: Root folder; made where it is absent.
        layout: A key of ``LAYOUTS``.
        clips: What to write.
        quirks: Faults of the sheet; none when None.

    Returns:
        Counts, names and places.

    Raises:
        UnknownNameError: Unknown layout.
        ConfigError: No clip, or more clips of an expression than the layout has room for.
    """
    get_layout(layout)
    clips = list(clips)
    if not clips:
        raise ConfigError("there is no clip to write")
    root = pathlib.Path(out)
    root.mkdir(parents=True, exist_ok=True)
    writer = LayoutWriter(root, layout, quirks)
    return writer.finish([writer.write(clip, index) for index, clip in enumerate(clips)])


class LayoutWriter:
    """Writes the clips of one layout, all of them or those of some subjects.

    Args:
        root: Root folder, which exists.
        layout: A key of ``LAYOUTS``.
        quirks: Faults of the sheet; none when None.
    """

    def __init__(self, root: pathlib.Path, layout: str, quirks: SheetQuirks | None = None):
        self.root, self.name, self.layout = root, layout, get_layout(layout)
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
            layout=self.name,
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


def tiny_frames(numbers: Iterable[int], *, seed: int = 0, size: tuple[int, int] = (24, 32)) -> FrameSource:
    """A frame source of small noise pictures.

    Args:
        numbers: Frame numbers.
        seed: Same seed and number, same picture.
        size: Height and width.
    """
    numbers = tuple(numbers)

    def frames():
        for number in numbers:
            yield number, np.random.default_rng((seed, number)).integers(0, 256, (*size, 3), dtype=np.uint8)

    return frames


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


def _units(clip: LayoutClip):
    """A cell of one unit is a number, as in the distributors' sheets."""
    return int(clip.aus) if clip.aus.isdigit() else clip.aus or None


def _objective(clip: LayoutClip) -> int:
    if clip.objective is not None:
        return clip.objective
    return OBJECTIVE_CLASSES.index(objective_class(clip.aus) or "VII") + 1


def episode_name(clip: int) -> str:
    """A clip name as irregular as the distributor's, and the same for every subject."""
    episode, take = clip + 1, (clip * 5) % 3 + 1
    pattern = ("EP{0:02d}_{1:02d}f", "EP{0:02d}_{1}", "EP{0:02d}_{1:02d}", "EP{0:02d}_{1:02d}_{2:02d}")[clip % 4]
    return pattern.format(episode, take, (take + 1) % 3 + 1)


def _translate(table: dict[str, str], emotion: str, known: Iterable[str]) -> str:
    emotion = table.get(emotion, emotion)
    if emotion not in known:
        raise ConfigError(f"emotion {emotion!r} has no place in this layout; it knows {', '.join(known)}")
    return emotion


def _written(key, folder, clip, numbers, emotion, row=(), objective=(), shift=0) -> WrittenClip:
    clip = dataclasses.replace(clip, frames=())
    return WrittenClip(key, folder, clip, tuple(numbers), shift, emotion, tuple(row), tuple(objective))


def _apex_cell(clip: LayoutClip):
    return "/" if clip.apex is None else clip.apex


# --- CASME

_CASME_HEADER = ("Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion")
_CASME = ("tense", "disgust", "repression", "surprise", "happiness", "sadness", "fear", "contempt", "amusement")


def _casme(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    subject, name = f"sub{clip.subject:02d}", clip.name or episode_name(clip.clip)
    emotion = _translate({"others": "tense"}, clip.emotion, _CASME)
    key, folder = writer.key(subject, name), writer.root / "CASME_raw_selected" / subject / name
    numbers = writer.frames(clip.pictures(), folder, lambda number: f"{name}-{number}.jpg")
    tie = None if clip.apex is None or clip.clip % 5 else clip.apex + 1
    cells = [clip.onset, _apex_cell(clip), tie, clip.offset, None, _units(clip), emotion]
    identity = writer.subject_cell(clip.subject, f"{clip.subject:02d}", number_ids=True)
    return _written(key, folder, clip, numbers, emotion, [identity, name, None, *cells])


def _casme_sheet(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    writer.sheet(writer.layout.sheets[0], _CASME_HEADER, [list(clip.row) for clip in written])


# --- CASME II

_CASME2_HEADER = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
                  "Estimated Emotion")  # fmt: skip
_CASME2 = ("others", "disgust", "happiness", "repression", "surprise", "sadness", "fear")


def _casme2(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    subject, name = f"sub{clip.subject:02d}", clip.name or episode_name(clip.clip)
    emotion = _translate({"other": "others"}, clip.emotion, _CASME2)
    frames = writer.layout.folders[0]
    key, folder = writer.key(subject, name), writer.root / frames / subject / name
    pattern = "reg_img{}.jpg" if frames == "Cropped" else "img{}.jpg"
    numbers = writer.frames(clip.pictures(), folder, pattern.format)
    identity = writer.subject_cell(clip.subject, f"{clip.subject:02d}", number_ids=False)
    row = [identity, name, None, clip.onset, _apex_cell(clip), clip.offset, None, _units(clip), emotion]
    return _written(key, folder, clip, numbers, emotion, row, [identity, name, _objective(clip)])


def _casme2_sheets(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    coding, *objective = writer.layout.sheets
    titles = ("Sheet1", "Sheet2", "Sheet3")
    if objective:  # 2014: the objective classes lie in a sheet of their own
        header = ["Subject", "Filename", "Objective Class"]
        writer.sheet(objective[0], header, [list(clip.objective) for clip in written], titles=titles[:2])
        writer.sheet(coding, _CASME2_HEADER, [list(clip.row) for clip in written], titles=titles)
    else:
        rows = [[*clip.row, clip.objective[-1]] for clip in written]
        writer.sheet(coding, [*_CASME2_HEADER, "Objective Classes"], rows, titles=titles)


# --- SAMM

_SAMM_HEADER = (
    "Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro",
    "Action Units", "Estimated Emotion", "Objective Classes", "Notes",
)  # fmt: skip
_SAMM = ("Anger", "Happiness", "Other", "Surprise", "Contempt", "Disgust", "Fear", "Sadness")


def _samm(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    subject = f"{clip.subject:03d}"
    name = clip.name or f"{subject}_{clip.clip // 9 + 1}_{clip.clip % 9 + 1}"
    emotion = _translate({"Others": "Other", "Repression": "Anger"}, clip.emotion.capitalize(), _SAMM)
    key, folder = writer.key(subject, name), writer.root / "SAMM" / subject / name
    width = 5 if clip.clip % 7 else 4  # some copies do not pad every name alike
    numbers = writer.frames(clip.pictures(), folder, f"{subject}_{{:0{width}d}}.jpg".format, gray=True)
    units = f"{clip.aus} " if clip.clip % 5 == 4 else clip.aus  # a trailing blank
    cells = [int(name.split("_")[1]), clip.onset, _apex_cell(clip), clip.offset]
    cells += [clip.offset - clip.onset + 1, "Micro - 1/2", units, emotion, _objective(clip), None]
    row = [writer.subject_cell(clip.subject, subject, number_ids=False), name, *cells]
    return _written(key, folder, clip, numbers, emotion, row)


def _samm_sheet(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    preamble = [["Micro-expression codes"], [], ["Symbol", "Meaning"], ["/", "or"], ["?", "unclear offset"]]
    preamble += [["L", "left side"], ["R", "right side"], ["A", "asymmetric"], *([[None]] * 5)]
    rows = [list(clip.row) for clip in written]
    writer.sheet(writer.layout.sheets[0], _SAMM_HEADER, rows, preamble=preamble, titles=("MICRO_ONLY",))


# --- SMIC

_SMIC = {"happiness": "positive", "positive": "positive", "surprise": "surprise"}
_SMIC_TOKENS = {"negative": "ne", "positive": "po", "surprise": "sur"}


def _counter(clip: LayoutClip) -> int:
    """What a camera counter adds: numbers have five digits for some clips, eight for others."""
    return (17_500_000 if clip.subject % 3 == 2 else 90_000) + 1000 * clip.subject


def _counted(clip: LayoutClip) -> Iterator[tuple[int, np.ndarray | None]]:
    return ((number + _counter(clip), picture) for number, picture in clip.pictures())


def _smic(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = _SMIC.get(clip.emotion, "negative")
    base, token = f"s{clip.subject}", f"{_SMIC_TOKENS[emotion]}_{clip.clip + 1:02d}"
    top, part = writer.layout.folders[0], writer.layout.dataset.rpartition("_")[2].upper()
    key = writer.key(f"s{clip.subject:02d}", f"s{clip.subject:02d}_{token}")
    folder = writer.root / top / part / base / "micro" / emotion / f"{base}_{token}"
    pattern = "reg_image{:06d}.bmp" if top == "SMIC_all_cropped" else "image{:06d}.bmp"
    numbers = writer.frames(_counted(clip), folder, pattern.format)
    return _written(key, folder, clip, numbers, emotion, shift=_counter(clip))


_SMIC_E_HEADER = (
    "Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Onset3F", "Offset3F", None, "FirstF",
    "LastF", "TotalMF1", "TotalMF2", "TotalMF3", "TotalVL", "Emotion",
)  # fmt: skip


def _smic_e(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = _SMIC.get(clip.emotion, "negative")
    base, token = f"s{clip.subject}", f"{_SMIC_TOKENS[emotion]}_{clip.clip + 1:02d}"
    key = writer.key(f"s{clip.subject:02d}", f"s{clip.subject:02d}_{token}")
    folder = writer.root / "HS_long" / "SMIC_HS_E" / base / f"{base}_{token}"
    numbers = writer.frames(_counted(clip), folder, "image{:06d}.jpg".format)
    onset, offset = clip.onset + _counter(clip), clip.offset + _counter(clip)
    first, last = (numbers[0], numbers[-1]) if numbers else (onset, offset)
    second, third = [None, None], [None, None]
    if index % 20 == 3 and first < onset:
        second = [first, onset - 1]  # a second event that precedes the first one
    if index % 20 == 4:
        third = [last + 1000, last + 1040]  # numbers far outside the clip
    cells = [onset, offset, *second, *third, None, first, last, offset - onset + 1, None, None, last - first + 1]
    row = [writer.subject_cell(clip.subject, base, number_ids=True), f"{base}_{token}", None, *cells, emotion]
    return _written(key, folder, clip, numbers, emotion, row, shift=_counter(clip))


def _smic_e_sheet(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    rows = [*(list(clip.row) for clip in written), *([[None] * len(_SMIC_E_HEADER)] * 3)]
    writer.sheet(writer.layout.sheets[0], _SMIC_E_HEADER, rows, titles=("HS", "VIS"))


# --- Macro-expressions

_POSED = {"repression": "anger", "tense": "anger"}
_CK_CODES = {
    "neutral": 0,
    "anger": 1,
    "contempt": 2,
    "disgust": 3,
    "fear": 4,
    "happiness": 5,
    "sadness": 6,
    "surprise": 7,
}


def _to_apex(clip: LayoutClip, start: int = 0) -> list[tuple[int, np.ndarray | None]]:
    """The frames from neutral to apex, numbered anew."""
    wanted = (item for item in clip.pictures() if clip.apex is None or clip.onset <= item[0] <= clip.apex)
    return [(number, picture) for number, (_, picture) in enumerate(wanted, start=start)]


def _ckplus(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = _translate({**_POSED, "others": "contempt"}, clip.emotion, _CK_CODES)
    subject, take = f"S{clip.subject:03d}", f"{clip.clip + 1:03d}"
    name = f"{subject}_{take}"
    key, folder = writer.key(subject, name), writer.root / "cohn-kanade-images" / subject / take
    gray = clip.subject % 2 == 0  # both kinds are in the set
    numbers = writer.frames(_to_apex(clip, 1), folder, (name + "_{:08d}.png").format, gray=gray)
    units = [int(unit) for unit in re.findall(r"\d+", clip.aus)]
    texts = {
        "Emotion": ("emotion", f"   {_CK_CODES[emotion]:.7e}\n"),
        "FACS": ("facs", "".join(f"   {unit:.7e}   {unit % 6:.7e}\n" for unit in units)),
    }
    for top, (kind, text) in texts.items():
        labels = writer.root / top / subject / take
        labels.mkdir(parents=True, exist_ok=True)
        (labels / f"{name}_{len(numbers):08d}_{kind}.txt").write_text(text)
    return _written(key, folder, clip, numbers, emotion)


def _ckplus_strays(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    """An unlabelled sequence, its empty label folder, and stray files."""
    subject = f"S{written[0].clip.subject:03d}"
    for name in ("cohn-kanade-images", "Emotion"):
        (writer.root / name / subject / "099").mkdir(parents=True, exist_ok=True)
        (writer.root / name / ".DS_Store").write_bytes(b"stray")
    (writer.root / "cohn-kanade-images" / subject / "099" / f"{subject}_099_00000001.png").touch()


def _ck48(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    known = [name for name in _CK_CODES if name != "neutral"]
    emotion = _translate({**_POSED, "others": "contempt"}, clip.emotion, known)
    subject = f"S{clip.subject:03d}"
    name = f"{subject}_{clip.clip + 1:03d}"
    key, folder = writer.key(subject, name), writer.root / "CK+48" / {"happiness": "happy"}.get(emotion, emotion)
    peak = _to_apex(clip, 1)[-3:]
    peak = [(number, None if picture is None else cv2.resize(picture, (48, 48))) for number, picture in peak]
    numbers = writer.frames(peak, folder, (name + "_{:08d}.png").format, gray=True)
    return _written(key, folder / f"{name}_{numbers[-1]:08d}.png", clip, numbers, emotion)


OULU_CONDITIONS = tuple((camera, light) for light in ("Strong", "Weak", "Dark") for camera in ("VL", "NI"))


def _oulu(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    known = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
    emotion = _translate({**_POSED, "others": "fear"}, clip.emotion, known).capitalize()
    subject = f"P{clip.subject:03d}"
    count = writer.taken.get((subject, emotion), 0)
    if count == len(OULU_CONDITIONS):
        raise ConfigError(f"{subject} has more than {count} clips of {emotion}; the layout has no room")
    writer.taken[subject, emotion] = count + 1
    camera, light = OULU_CONDITIONS[count]
    key = writer.key(subject, f"{camera}_{light}_{emotion}")
    folder = writer.root / "OriginalImg" / camera / light / subject / emotion
    return _written(key, folder, clip, writer.frames(_to_apex(clip), folder, "{:03d}.jpeg".format), emotion)


def _jaffe(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    codes = {emotion: code for code, emotion in JAFFE_CODES.items()}
    emotion = _translate({**_POSED, "others": "neutral"}, clip.emotion, codes)
    subject = chr(65 + clip.subject // 26 % 26) + chr(65 + clip.subject % 26)
    name = f"{subject}.{codes[emotion]}{clip.clip + 1}.{index + 1}"
    key, folder = writer.key(subject, name), writer.root / "jaffe"
    writer.frames(_to_apex(clip)[-1:], folder, lambda _: f"{name}.tiff", gray=True)
    return _written(key, folder / f"{name}.tiff", clip, (index + 1,), emotion)


def _jaffe_strays(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    (writer.root / "jaffe" / "README").write_text("pictures of expressions\n")
    (writer.root / "jaffe" / ".DS_Store").write_bytes(b"stray")


def _mug(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    known = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    emotion = _translate({**_POSED, "others": "neutral"}, clip.emotion, known)
    subject = f"{clip.subject:03d}"
    take = writer.taken.get((subject, emotion), 0)
    writer.taken[subject, emotion] = take + 1
    key = writer.key(subject, f"{emotion}_take{take:03d}")
    folder = writer.root / "subjects3" / subject / emotion / f"take{take:03d}"
    return _written(key, folder, clip, writer.frames(clip.pictures(), folder, "img_{:04d}.jpg".format), emotion)


_CASME2_2014 = ("CASME2-coding-20140508.xlsx", "CASME2-ObjectiveClasses.xlsx")
_CASME2_RAW = ("CASME2_RAW_selected",)
LAYOUTS: dict[str, Layout] = {
    "casme": Layout("casme", _casme, ("CASME_raw_selected",), ("CASME_coding.xlsx",), _casme_sheet, "ApexF1"),
    "casme2": Layout("casme2", _casme2, _CASME2_RAW, _CASME2_2014, _casme2_sheets, "ApexFrame"),
    "casme2_2019": Layout(
        "casme2", _casme2, _CASME2_RAW, ("CASME2-coding-20190701.xlsx",), _casme2_sheets, "ApexFrame"
    ),
    "casme2_cropped": Layout("casme2", _casme2, ("Cropped",), _CASME2_2014, _casme2_sheets, "ApexFrame"),
    "samm": Layout("samm", _samm, ("SAMM",), ("SAMM_Micro_FACS_Codes_v2.xlsx",), _samm_sheet, "Apex Frame"),
    **{
        f"smic_{part}{suffix}": Layout(f"smic_{part}", _smic, (f"SMIC_all_{suffix[1:] or 'raw'}",))
        for part in ("hs", "vis", "nir")
        for suffix in ("", "_cropped")
    },
    "smic_e": Layout("smic_e", _smic_e, ("HS_long",), ("SMIC-HS-E_annotation.xlsx",), _smic_e_sheet),
    "ckplus": Layout("ckplus", _ckplus, ("cohn-kanade-images", "Emotion", "FACS"), finish=_ckplus_strays, strays=1),
    "ck48": Layout("ck48", _ck48, ("CK+48",), stills=True),
    "oulu_casia": Layout("oulu_casia", _oulu, ("OriginalImg",)),
    "jaffe": Layout("jaffe", _jaffe, ("jaffe",), finish=_jaffe_strays, stills=True),
    "mug": Layout("mug", _mug, ("subjects3",)),
}
