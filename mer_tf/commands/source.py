"""Arguments that name clips, shared by the verbs: one dataset folder, or a composite with the folder of each part."""

from __future__ import annotations

import dataclasses
import time

from mer_tf.console import Console, fill
from mer_tf.datasets.composites import COMPOSITES
from mer_tf.datasets.registry import CARDS, CSV, DEFAULT_DATASET, dataset_name, default_dataset, get_card
from mer_tf.datasets.spelling import plain
from mer_tf.datasets.summary import problem_lines
from mer_tf.errors import ConfigError, LeakageError
from mer_tf.types import ClipTable

DATASETS_HELP = f"{', '.join(CARDS)}, {CSV} (a list of your own clips), or a set of an installed package"
MAPPING_HELP = (
    "rule from emotions to classes: native (the set's own classes), megc2019, cbamnet, casme2_five, ... or your own "
    "JSON file from emotion to class (default: megc2019, which keeps 145 of the 255 clips of CASME II; macro5 for "
    "macro-expression sets, the list's own classes for csv)"
)


@dataclasses.dataclass(frozen=True)
class NearDuplicates:
    """What the look for one picture under two subjects found.

    Attributes:
        clips: Clips whose onset frame was looked at.
        seconds: Wall time.
        warning: The finding where it was allowed, else ``""``.
    """

    clips: int
    seconds: float
    warning: str = ""

    def to_json(self) -> dict:
        """Plain dictionary."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        found = f"warning: {self.warning}" if self.warning else "no picture stands under two subjects"
        return f"{found} ({self.clips} onset frames in {self.seconds:.1f} s)"


def add_roots(parser) -> None:
    """Adds ``--root``, the folders of a composite's parts."""
    parser.add_argument(
        "--root",
        dest="roots",
        action="append",
        default=[],
        metavar="DATASET=PATH",
        help="with --composite: the folder of one part; once for each part",
    )


def add_source(parser):
    """Adds ``--data``/``--dataset`` or ``--composite``/``--root``, mapping, faults and near-duplicates.

    Returns:
        The group of which exactly one must be given, for what else a verb reads.
    """
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", help="dataset folder as the distributor ships it, or a CSV file that lists your clips")
    what.add_argument("--composite", help=f"composite of several datasets: {', '.join(COMPOSITES)}")
    parser.add_argument("--dataset", help=f"with --data: {DATASETS_HELP} (default: {DEFAULT_DATASET})")
    add_roots(parser)
    parser.add_argument("--mapping", help=f"with --data: {MAPPING_HELP}")
    parser.add_argument("--label-list", metavar="CSV", help="with --composite: the organisers' list; it decides")
    parser.add_argument("--allow-partial", action="store_true", help="with --composite: accept other counts, flagged")
    parser.add_argument(
        "--allow-near-duplicates", action="store_true", help="warn where one picture stands under two subjects"
    )
    parser.add_argument("--strict", action="store_true", help="stop at the first fault of a clip")
    return what


def read_source(arguments, console: Console) -> ClipTable:
    """The clips that the arguments of ``add_source`` name; the reader's warnings and sources are noted on the console.

    Raises:
        ConfigError: Arguments that do not go together.
        BadInputError, ClipError: As the readers.
    """
    if arguments.composite is not None:
        from mer_tf.datasets.composites import get_composite

        composite = get_composite(arguments.composite)
        if arguments.dataset is not None:
            raise ConfigError("--dataset goes with --data; give each part of the composite as --root DATASET=PATH")
        if arguments.mapping not in (None, composite.mapping):
            raise ConfigError(
                f"composite {composite.name!r} is defined with the label mapping {composite.mapping!r}. "
                f"Received: --mapping {arguments.mapping}"
            )
        clips = read_parts(arguments)
    else:
        from mer_tf.datasets import get_reader

        for name in ("roots", "label_list", "allow_partial"):
            if getattr(arguments, name):
                flag = "--" + name.rstrip("s").replace("_", "-")
                raise ConfigError(f"{flag} goes with --composite; --data names one dataset folder")
        options = {} if arguments.mapping is None else {"mapping": arguments.mapping}
        reader = get_reader(named_dataset(arguments.dataset, console, arguments.data))
        clips = reader(arguments.data, strict=arguments.strict, **options)
        if not options:
            console.note(f"label mapping {clips.mapping} keeps {len(clips.clips)} clips of {clips.dataset}")
    lines, more = problem_lines(
        problem for problem in clips.problems if problem.severity == "warning" or problem.kind == "source"
    )
    for line in lines:
        console.note(fill(line))
    if more:
        console.note(f"{more} more like these: 'mer data check' with --all prints them")
    return clips


def read_parts(arguments) -> ClipTable:
    """The clips of the composite that ``--composite``, ``--root`` and the flags that go with them name."""
    from mer_tf.datasets.composites import read_composite

    return read_composite(
        arguments.composite,
        parse_roots(arguments.roots),
        strict=arguments.strict,
        allow_partial=arguments.allow_partial,
        label_list=arguments.label_list,
    )


def named_dataset(given: str | None, console: Console, data: str | None = None) -> str:
    """The set that ``--dataset`` names, or the default; of a name that may mean others too these are noted.

    Args:
        given: What ``--dataset`` says, or None.
        console: Where notes go.
        data: The folder or file that is to be read: one whose name ends in ``.csv`` is a list of clips.
    """
    if given is None:
        return DEFAULT_DATASET if data is None else default_dataset(data)
    card = get_card(given)
    family = f"{card.listed_as}_"
    if card.listed_as and plain(given) == plain(card.listed_as):
        others = ", ".join(name for name in CARDS if name.startswith(family) and name != card.name)
        console.note(fill(f"note: dataset {given!r} is read as {card.name}; there are {others} too"))
    return card.name


def check_near_duplicates(clips: ClipTable, arguments, console: Console) -> NearDuplicates:
    """Looks for one picture under two subjects, on the onset frames; before anything is trained.

    Raises:
        LeakageError: There is one, and ``--allow-near-duplicates`` was not given.
    """
    from mer_tf.protocols.near_duplicates import check_no_near_duplicates, clip_thumbnails

    start = time.perf_counter()
    thumbnails, subjects, names = clip_thumbnails(clips.clips, console.progress("near-duplicate frames"))
    warning = ""
    try:
        check_no_near_duplicates(thumbnails, subjects, names)
    except LeakageError as error:
        if not arguments.allow_near_duplicates:
            raise LeakageError(f"{error}, or go on with --allow-near-duplicates") from None
        warning = str(error)
        console.note(fill(f"warning: {warning}"))
    return NearDuplicates(len(names), round(time.perf_counter() - start, 3), warning)


def parse_roots(texts: list[str]) -> dict[str, str]:
    """``DATASET=PATH`` texts as path by dataset name; ``ConfigError`` for any that is not, or stands twice."""
    roots: dict[str, str] = {}
    for text in texts:
        spelled, _, path = text.partition("=")
        name = dataset_name(spelled)
        if not name or not path or name in roots:
            why = "stands twice" if name in roots else "is not DATASET=PATH"
            raise ConfigError(f"--root {text} {why}; give for example --root samm=/data/SAMM, once for each part")
        roots[name] = path
    return roots
