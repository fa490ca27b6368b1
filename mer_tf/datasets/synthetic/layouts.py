"""Writes clips in the layout of every set that the readers know, with the real quirks of folders and sheets.

Frames come from the caller, so that the same writer serves rendered faces, small pictures in tests, and empty files in
listing benchmarks::

    clips = [LayoutClip(1, 0, "happiness", aus="6+12", onset=46, apex=59, offset=86, frames=range(40, 90))]
    write_layout("out", "samm", clips)

Quirks that are written: text and number cells for the same column, blank columns, two apex columns, explanation before
the header, subjects without padding, camera counters, clip names that repeat across subjects, empty sequences, stray
files. ``damage_layout`` makes corrupt and partial variants of what was written.
"""

from __future__ import annotations

import dataclasses
import datetime
import io
import os
import pathlib
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from mer_tf.datasets.aus import OBJECTIVE_CLASSES, objective_class
from mer_tf.datasets.expected import CASME2_CLIPS, MEGC_CASME2, MEGC_SAMM, MEGC_SMIC
from mer_tf.datasets.jaffe import CODES as JAFFE_CODES
from mer_tf.errors import ConfigError, UnknownNameError

FrameSource = Callable[[], Iterable[tuple[int, np.ndarray]]]


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
        frames: Callable that gives (frame number, ``(height, width, 3)`` uint8 RGB), or numbers alone for empty files.
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
    try:
        dataset, write = LAYOUTS[layout]
    except KeyError:
        raise UnknownNameError("layout", layout, LAYOUTS) from None
    clips = list(clips)
    if not clips:
        raise ConfigError("there is no clip to write")
    root = pathlib.Path(out)
    root.mkdir(parents=True, exist_ok=True)
    writer = _Writer(root, dataset, quirks or SheetQuirks())
    write(writer, clips)
    return LayoutSummary(root, layout, dataset, tuple(writer.keys), tuple(writer.folders), writer.sheet, writer.frames)


DAMAGE = (
    "missing_clip", "empty_clip", "gap", "late_frames", "empty_image", "truncated_image", "stray_files", "extra_clip",
    "no_sheet", "cut_sheet",
)  # fmt: skip


def damage_layout(written: LayoutSummary, kind: str, clip: int = 0) -> pathlib.Path:
    """Damages a written set.

    Args:
        written: What ``write_layout`` returned.
        kind: One of ``DAMAGE``.
        clip: Index of the clip that is damaged.

    Returns:
        The file or folder that was damaged.

    Raises:
        UnknownNameError: Unknown kind.
        ConfigError: The set has no sheet to damage.
    """
    if kind not in DAMAGE:
        raise UnknownNameError("damage", kind, DAMAGE)
    if kind.endswith("sheet"):
        if written.sheet is None:
            raise ConfigError(f"layout {written.layout!r} has no sheet")
        if kind == "no_sheet":
            written.sheet.unlink()
        else:
            data = written.sheet.read_bytes()
            written.sheet.write_bytes(data[: len(data) // 2])
        return written.sheet
    folder = written.folders[clip]
    if folder.is_file():  # a still
        return _damage_picture(folder, kind)
    files = sorted(folder.iterdir(), key=lambda file: int((re.findall(r"\d+", file.stem) or ["0"])[-1]))
    if kind == "missing_clip":
        shutil.rmtree(folder)
    elif kind == "empty_clip":
        for file in files:
            file.unlink()
    elif kind == "gap":
        files[len(files) // 2].unlink()
    elif kind == "late_frames":
        for file in files[: len(files) - 1]:
            file.unlink()
    elif kind == "stray_files":
        for name in ("Thumbs.db", ".DS_Store", "._1.jpg", "notes.txt", "picture.jpg"):
            (folder / name).write_bytes(b"stray")
    elif kind == "extra_clip":
        extra = folder.with_name(folder.name + "x")
        shutil.copytree(folder, extra)
        return extra
    else:
        for file in files:
            _damage_picture(file, kind)
    return folder


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


def published_plan(dataset: str, *, frames: int = 6) -> list[LayoutClip]:
    """Clips with invented frames whose counts per subject and class are the published ones.

    Args:
        dataset: ``"casme2"`` (255 rows, labels of 2014), ``"samm"`` (159 rows) or ``"smic_hs"`` (164 clips).
        frames: Empty frame files per clip, at least 3.

    Returns:
        Clips for ``write_layout``. Which clip of a subject has which label is invented, apart from the clips that
        protocols name; so is which of them has which objective class.

    Raises:
        UnknownNameError: Nothing is published for that set.
    """
    plans = {"casme2": _casme2_rows, "samm": _samm_rows, "smic_hs": _smic_rows}
    if dataset not in plans:
        raise UnknownNameError("dataset with counts per subject", dataset, plans)
    clips = []
    for row in plans[dataset]():
        onset = row.pop("onset", 10)
        offset = row.pop("offset", onset + frames - 1)
        apex = row.pop("apex", onset + frames // 2)
        wanted = row.pop("wanted", ())
        numbers = sorted({*range(onset, onset + frames), *wanted})
        clips.append(LayoutClip(**row, onset=onset, apex=apex, offset=offset, frames=numbers))
    return clips


class _Writer:
    def __init__(self, root: pathlib.Path, dataset: str, quirks: SheetQuirks):
        self.root, self.dataset, self.quirks = root, dataset, quirks
        self.keys: list[str] = []
        self._seen: set[str] = set()
        self.folders: list[pathlib.Path] = []
        self.sheet: pathlib.Path | None = None
        self.frames = 0

    def clip(self, subject: str, name: str, folder: pathlib.Path) -> pathlib.Path:
        key = f"{self.dataset}/{subject}/{name}"
        if key in self._seen:
            raise ConfigError(f"{key} would be written twice")
        self._seen.add(key)
        self.keys.append(key)
        self.folders.append(folder)
        return folder

    def write_frames(self, pictures, folder: pathlib.Path, name: Callable[[int], str], *, gray: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in pictures:
            _write_picture(folder / name(number), picture, gray)
            self.frames += 1

    def write_sheet(self, path: pathlib.Path, header: Sequence, rows: list[list], *, preamble=(), titles=("Sheet1",)):
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
        save_workbook(book, path)
        if self.sheet is None:
            self.sheet = path

    def subject_cell(self, number: int, text: str, *, number_ids: bool):
        as_number = number_ids if self.quirks.number_ids is None else self.quirks.number_ids
        return number if as_number else text


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


def _write_picture(path: pathlib.Path, picture: np.ndarray | None, gray: bool) -> None:
    if picture is None:
        path.touch()
        return
    pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY if gray else cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(path.suffix, pixels)
    if not done:
        raise OSError(f"OpenCV could not encode {path}")
    path.write_bytes(data.tobytes())


def _damage_picture(file: pathlib.Path, kind: str) -> pathlib.Path:
    if kind == "missing_clip":
        file.unlink()
    elif kind == "empty_image":
        file.write_bytes(b"")
    elif kind == "truncated_image":
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
    else:
        raise ConfigError(f"a still cannot be damaged by {kind!r}")
    return file


def _units(clip: LayoutClip):
    """A cell of one unit is a number, as in the distributors' sheets."""
    return int(clip.aus) if clip.aus.isdigit() else clip.aus or None


def _objective(clip: LayoutClip) -> int:
    if clip.objective is not None:
        return clip.objective
    return OBJECTIVE_CLASSES.index(objective_class(clip.aus) or "VII") + 1


def _episode(clip: LayoutClip) -> str:
    """Names as irregular as the distributor's, and the same for every subject."""
    pattern = ("EP{0:02d}_{1:02d}f", "EP{0:02d}_{1}", "EP{0:02d}_{1:02d}", "EP{0:02d}_{1:02d}_{2:02d}")[clip.clip % 4]
    return clip.name or pattern.format(clip.clip + 1, clip.clip * 5 % 3 + 1, clip.clip % 3 + 1)


def _translate(table: dict[str, str], emotion: str, known: Iterable[str]) -> str:
    emotion = table.get(emotion, emotion)
    if emotion not in known:
        raise ConfigError(f"emotion {emotion!r} has no place in this layout; it knows {', '.join(known)}")
    return emotion


def _casme(writer: _Writer, clips: list[LayoutClip]) -> None:
    known = ("tense", "disgust", "repression", "surprise", "happiness", "sadness", "fear", "contempt", "amusement")
    header = ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion"]
    rows = []
    for clip in clips:
        subject, name = f"sub{clip.subject:02d}", _episode(clip)
        folder = writer.clip(subject, name, writer.root / "CASME_raw_selected" / subject / name)
        writer.write_frames(clip.pictures(), folder, lambda number, name=name: f"{name}-{number}.jpg")
        emotion = _translate({"others": "tense"}, clip.emotion, known)
        tie = None if clip.apex is None or clip.clip % 5 else clip.apex + 1
        cells = [clip.onset, "/" if clip.apex is None else clip.apex, tie, clip.offset, None, _units(clip), emotion]
        rows.append([writer.subject_cell(clip.subject, f"{clip.subject:02d}", number_ids=True), name, None, *cells])
    writer.write_sheet(writer.root / "CASME_coding.xlsx", header, rows)


def _casme2(writer: _Writer, clips: list[LayoutClip], *, year: int = 2014, cropped: bool = False) -> None:
    known = ("others", "disgust", "happiness", "repression", "surprise", "sadness", "fear")
    header = ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units"]
    header += ["Estimated Emotion", *(["Objective Classes"] if year == 2019 else [])]
    rows, classes = [], []
    for clip in clips:
        subject, name = f"sub{clip.subject:02d}", _episode(clip)
        frames = "Cropped" if cropped else "CASME2_RAW_selected"
        folder = writer.clip(subject, name, writer.root / frames / subject / name)
        writer.write_frames(clip.pictures(), folder, ("reg_img{}.jpg" if cropped else "img{}.jpg").format)
        identity = writer.subject_cell(clip.subject, f"{clip.subject:02d}", number_ids=False)
        cells = [clip.onset, "/" if clip.apex is None else clip.apex, clip.offset, None, _units(clip)]
        cells += [_translate({"other": "others"}, clip.emotion, known), *([_objective(clip)] if year == 2019 else [])]
        rows.append([identity, name, None, *cells])
        classes.append([identity, name, _objective(clip)])
    sheet = "CASME2-coding-20190701.xlsx" if year == 2019 else "CASME2-coding-20140508.xlsx"
    writer.write_sheet(writer.root / sheet, header, rows, titles=("Sheet1", "Sheet2", "Sheet3"))
    if year == 2014:
        name = writer.root / "CASME2-ObjectiveClasses.xlsx"
        writer.write_sheet(name, ["Subject", "Filename", "Objective Class"], classes, titles=("Sheet1", "Sheet2"))


def _samm(writer: _Writer, clips: list[LayoutClip]) -> None:
    known = ("Anger", "Happiness", "Other", "Surprise", "Contempt", "Disgust", "Fear", "Sadness")
    header = [
        "Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro",
        "Action Units", "Estimated Emotion", "Objective Classes", "Notes",
    ]  # fmt: skip
    rows = []
    for clip in clips:
        subject = f"{clip.subject:03d}"
        name = clip.name or f"{subject}_{clip.clip // 9 + 1}_{clip.clip % 9 + 1}"
        folder = writer.clip(subject, name, writer.root / "SAMM" / subject / name)
        width = 5 if clip.clip % 7 else 4  # some copies do not pad every name alike
        frame_name = f"{subject}_{{:0{width}d}}.jpg".format
        writer.write_frames(clip.pictures(), folder, frame_name, gray=True)
        emotion = _translate({"Others": "Other", "Repression": "Anger"}, clip.emotion.capitalize(), known)
        units = f"{clip.aus} " if clip.clip % 5 == 4 else clip.aus  # a trailing blank
        cells = [int(name.split("_")[1]), clip.onset, "/" if clip.apex is None else clip.apex, clip.offset]
        cells += [clip.offset - clip.onset + 1, "Micro - 1/2", units, emotion, _objective(clip), None]
        rows.append([writer.subject_cell(clip.subject, subject, number_ids=False), name, *cells])
    preamble = [["Micro-expression codes"], [], ["Symbol", "Meaning"], ["/", "or"], ["?", "unclear offset"]]
    preamble += [["L", "left side"], ["R", "right side"], ["A", "asymmetric"], *([[None]] * 5)]
    path = writer.root / "SAMM_Micro_FACS_Codes_v2.xlsx"
    writer.write_sheet(path, header, rows, preamble=preamble, titles=("MICRO_ONLY",))


_SMIC = {"happiness": "positive", "positive": "positive", "surprise": "surprise"}
_SMIC_TOKENS = {"negative": "ne", "positive": "po", "surprise": "sur"}


def _counter(clip: LayoutClip, number: int) -> int:
    """A camera counter: five digits for some clips, eight for others."""
    start = 17_500_000 if clip.subject % 3 == 2 else 90_000
    return start + 1000 * clip.subject + number


def _smic(writer: _Writer, clips: list[LayoutClip], *, part: str, cropped: bool) -> None:
    for clip in clips:
        emotion = _SMIC.get(clip.emotion, "negative")
        base, token = f"s{clip.subject}", f"{_SMIC_TOKENS[emotion]}_{clip.clip + 1:02d}"
        folder = writer.root / ("SMIC_all_cropped" if cropped else "SMIC_all_raw") / part / base / "micro" / emotion
        folder = writer.clip(f"s{clip.subject:02d}", f"s{clip.subject:02d}_{token}", folder / f"{base}_{token}")
        pattern = "reg_image{:06d}.bmp" if cropped else "image{:06d}.bmp"
        writer.write_frames(clip.pictures(), folder, lambda n, c=clip, p=pattern: p.format(_counter(c, n)))


def _smic_e(writer: _Writer, clips: list[LayoutClip]) -> None:
    header = ["Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Onset3F", "Offset3F", None]
    header += ["FirstF", "LastF", "TotalMF1", "TotalMF2", "TotalMF3", "TotalVL", "Emotion"]
    rows = []
    for index, clip in enumerate(clips):
        emotion = _SMIC.get(clip.emotion, "negative")
        base = f"s{clip.subject}"
        token = f"{_SMIC_TOKENS[emotion]}_{clip.clip + 1:02d}"
        folder = writer.root / "HS_long" / "SMIC_HS_E" / base / f"{base}_{token}"
        writer.clip(f"s{clip.subject:02d}", f"s{clip.subject:02d}_{token}", folder)
        pictures = [(_counter(clip, number), picture) for number, picture in clip.pictures()]
        writer.write_frames(pictures, folder, "image{:06d}.jpg".format)
        onset, offset = _counter(clip, clip.onset), _counter(clip, clip.offset)
        first, last = (pictures[0][0], pictures[-1][0]) if pictures else (onset, offset)
        second, third = [None, None], [None, None]
        if index % 20 == 3 and first < onset:
            second = [first, onset - 1]  # a second event that precedes the first one
        if index % 20 == 4:
            third = [last + 1000, last + 1040]  # numbers far outside the clip
        cells = [onset, offset, *second, *third, None, first, last, offset - onset + 1, None, None]
        subject = writer.subject_cell(clip.subject, base, number_ids=True)
        rows.append([subject, f"{base}_{token}", None, *cells, last - first + 1, emotion])
    rows += [[None] * len(header)] * 3
    writer.write_sheet(writer.root / "SMIC-HS-E_annotation.xlsx", header, rows, titles=("HS", "VIS"))


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


def _to_apex(clip: LayoutClip) -> list[tuple[int, np.ndarray | None]]:
    """The frames from neutral to apex."""
    return [item for item in clip.pictures() if clip.apex is None or clip.onset <= item[0] <= clip.apex]


def _ckplus(writer: _Writer, clips: list[LayoutClip]) -> None:
    images = writer.root / "cohn-kanade-images"
    for clip in clips:
        emotion = _translate({**_POSED, "others": "contempt"}, clip.emotion, _CK_CODES)
        subject, take = f"S{clip.subject:03d}", f"{clip.clip + 1:03d}"
        name = f"{subject}_{take}"
        folder = writer.clip(subject, name, images / subject / take)
        pictures = [(index, picture) for index, (_, picture) in enumerate(_to_apex(clip), start=1)]
        writer.write_frames(pictures, folder, (name + "_{:08d}.png").format, gray=clip.subject % 2 == 0)
        labels = writer.root / "Emotion" / subject / take
        labels.mkdir(parents=True, exist_ok=True)
        stem = f"{name}_{len(pictures):08d}"
        (labels / f"{stem}_emotion.txt").write_text(f"   {_CK_CODES[emotion]:.7e}\n")
        codes = writer.root / "FACS" / subject / take
        codes.mkdir(parents=True, exist_ok=True)
        units = [int(unit) for unit in re.findall(r"\d+", clip.aus)]
        (codes / f"{stem}_facs.txt").write_text("".join(f"   {unit:.7e}   {unit % 6:.7e}\n" for unit in units))
    subject = f"S{clips[0].subject:03d}"
    for base in (images, writer.root / "Emotion"):  # an unlabelled sequence, and its empty label folder
        (base / subject / "099").mkdir(parents=True, exist_ok=True)
        (base / ".DS_Store").write_bytes(b"stray")
    (images / subject / "099" / f"{subject}_099_00000001.png").touch()


def _ck48(writer: _Writer, clips: list[LayoutClip]) -> None:
    for clip in clips:
        emotion = _translate(
            {**_POSED, "others": "contempt"}, clip.emotion, [name for name in _CK_CODES if name != "neutral"]
        )
        subject = f"S{clip.subject:03d}"
        name = f"{subject}_{clip.clip + 1:03d}"
        folder = writer.root / "CK+48" / {"happiness": "happy"}.get(emotion, emotion)
        pictures = _to_apex(clip)
        peak = [(index, picture) for index, (_, picture) in enumerate(pictures, start=1)][-3:]
        peak = [(index, None if picture is None else cv2.resize(picture, (48, 48))) for index, picture in peak]
        writer.write_frames(peak, folder, (name + "_{:08d}.png").format, gray=True)
        writer.clip(subject, name, folder / f"{name}_{peak[-1][0]:08d}.png")


def _oulu(writer: _Writer, clips: list[LayoutClip]) -> None:
    known = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
    conditions = [(camera, light) for light in ("Strong", "Weak", "Dark") for camera in ("VL", "NI")]
    taken: set[tuple] = set()
    for clip in clips:
        emotion = _translate({**_POSED, "others": "fear"}, clip.emotion, known).capitalize()
        subject = f"P{clip.subject:03d}"
        free = [item for item in conditions if (subject, *item, emotion) not in taken]
        if not free:
            raise ConfigError(f"{subject} has more than {len(conditions)} clips of {emotion}; the layout has no room")
        camera, light = free[0]
        taken.add((subject, camera, light, emotion))
        folder = writer.root / "OriginalImg" / camera / light / subject / emotion
        writer.clip(subject, f"{camera}_{light}_{emotion}", folder)
        pictures = [(index, picture) for index, (_, picture) in enumerate(_to_apex(clip))]
        writer.write_frames(pictures, folder, "{:03d}.jpeg".format)


def _jaffe(writer: _Writer, clips: list[LayoutClip]) -> None:
    codes = {emotion: code for code, emotion in JAFFE_CODES.items()}
    folder = writer.root / "jaffe"
    for running, clip in enumerate(clips, start=1):
        emotion = _translate({**_POSED, "others": "neutral"}, clip.emotion, codes)
        subject = chr(65 + clip.subject // 26 % 26) + chr(65 + clip.subject % 26)
        name = f"{subject}.{codes[emotion]}{clip.clip + 1}.{running}"
        pictures = _to_apex(clip)[-1:]
        writer.write_frames(pictures, folder, lambda _, name=name: f"{name}.tiff", gray=True)
        writer.clip(subject, name, folder / f"{name}.tiff")
    (folder / "README").write_text("pictures of expressions\n")
    (folder / ".DS_Store").write_bytes(b"stray")


def _mug(writer: _Writer, clips: list[LayoutClip]) -> None:
    known = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    takes: dict[tuple[str, str], int] = {}
    for clip in clips:
        emotion = _translate({**_POSED, "others": "neutral"}, clip.emotion, known)
        subject = f"{clip.subject:03d}"
        take = takes.setdefault((subject, emotion), 0)
        takes[subject, emotion] += 1
        folder = writer.root / "subjects3" / subject / emotion / f"take{take:03d}"
        writer.clip(subject, f"{emotion}_take{take:03d}", folder)
        writer.write_frames(clip.pictures(), folder, "img_{:04d}.jpg".format)


LAYOUTS: dict[str, tuple[str, Callable[[_Writer, list[LayoutClip]], None]]] = {
    "casme": ("casme", _casme),
    "casme2": ("casme2", _casme2),
    "casme2_2019": ("casme2", lambda writer, clips: _casme2(writer, clips, year=2019)),
    "casme2_cropped": ("casme2", lambda writer, clips: _casme2(writer, clips, cropped=True)),
    "samm": ("samm", _samm),
    **{
        f"smic_{part.lower()}{suffix}": (
            f"smic_{part.lower()}",
            lambda writer, clips, part=part, cropped=bool(suffix): _smic(writer, clips, part=part, cropped=cropped),
        )
        for part in ("HS", "VIS", "NIR")
        for suffix in ("", "_cropped")
    },
    "smic_e": ("smic_e", _smic_e),
    "ckplus": ("ckplus", _ckplus),
    "ck48": ("ck48", _ck48),
    "oulu_casia": ("oulu_casia", _oulu),
    "jaffe": ("jaffe", _jaffe),
    "mug": ("mug", _mug),
}  # fmt: skip


def _casme2_rows() -> Iterator[dict]:
    """255 rows: MEGC2019 per subject, its two exceptions, fear and sadness, the rest "others"."""
    repression, sadness = 27, 7
    classes = _objective_columns((25, 15, 99, 26, 20, 1, 69))
    for key, total in CASME2_CLIPS.items():
        subject = int(key[-2:])
        negative, positive, surprise = MEGC_CASME2.get(key, (0, 0, 0))
        named = {4: [("disgust", "EP12_01f")], 5: [("disgust", "EP09_05f")], 9: [("fear", "EP13_02")]}
        named |= {10: [("fear", "EP13_01")]}
        rows: list[tuple[str, str | None]] = list(named.get(subject, ()))
        few = min(negative // 2, repression)
        repression -= few
        emotions = ["repression"] * few + ["disgust"] * (negative - few) + ["happiness"] * positive
        emotions += ["surprise"] * surprise
        rest = total - len(rows) - len(emotions)
        sad = min(rest // 2, sadness) if subject not in (10, 18) else 0
        sadness -= sad
        rows += [(emotion, None) for emotion in emotions + ["sadness"] * sad + ["others"] * (rest - sad)]
        for index, (emotion, name) in enumerate(rows):
            row = {"subject": subject, "clip": index, "emotion": emotion, "name": name, "objective": next(classes)}
            if name == "EP12_01f":
                row |= {"onset": 261, "apex": None, "offset": 321, "wanted": range(261, 322)}
            elif name == "EP09_05f":
                row |= {"apex": 10}
            yield row


def _samm_rows() -> Iterator[dict]:
    """159 rows: MEGC2019 per subject, "Other" for one further subject, two wrong apex cells."""
    emotions = ["anger"] * 57 + ["contempt"] * 12 + ["disgust"] * 9 + ["fear"] * 8 + ["sadness"] * 6
    subjects = sorted({*MEGC_SAMM, "samm/025"})
    coded = {subject: index for index, subject in enumerate(subjects[:21])}  # the subjects with classes I to V
    usable, rest = _objective_columns((24, 13, 20, 8, 3)), _objective_columns((0, 0, 0, 0, 0, 7, 84))
    left = 68
    for key in subjects:
        negative, positive, surprise = MEGC_SAMM.get(key, (0, 0, 0))
        own = [emotions.pop() for _ in range(negative)] + ["happiness"] * positive + ["surprise"] * surprise
        if key == "samm/025":
            own = ["other"] * 26
        # At least one clip of classes I to V for each of the 21, and 68 in all.
        share = (
            0 if key not in coded else min(len(own), max(left - (20 - coded[key]), 1), 5 if coded[key] < 20 else left)
        )
        left -= share
        for index, emotion in enumerate(own):
            subject = int(key[-3:])
            row = {"subject": subject, "clip": index, "emotion": emotion}
            row["objective"] = next(usable) if index < share else next(rest)
            if (subject, index) == (28, 0):
                row |= {"name": "028_4_1", "onset": 1071, "apex": 1143, "offset": 1134, "wanted": range(1071, 1135)}
            elif (subject, index) == (32, 0):
                row |= {"name": "032_3_1", "onset": 4896, "apex": 1930, "offset": 4970, "wanted": range(4896, 4971)}
            yield row


def _smic_rows() -> Iterator[dict]:
    for key, counts in MEGC_SMIC.items():
        emotions = [name for name, count in zip(("negative", "positive", "surprise"), counts) for _ in range(count)]
        for index, emotion in enumerate(emotions):
            yield {"subject": int(key[-2:]), "clip": index, "emotion": emotion}


def _objective_columns(counts: Sequence[int]) -> Iterator[int]:
    """Class numbers with those counts, mixed, the frequent ones first."""
    left = list(counts)
    while any(left):
        index = max(range(len(left)), key=left.__getitem__)
        left[index] -= 1
        yield index + 1
