"""Lists of clips with their class, as the MEGC organisers hand out (``combined_3class_gt.csv``).

No header; columns dataset, subject, clip, class. SAMM's subjects are not padded there, SMIC's are; both sides of a
join are brought to one form here.
"""

from __future__ import annotations

import os

from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.registry import CARDS, dataset_name
from mer_tf.datasets.spelling import clean
from mer_tf.errors import AnnotationError
from mer_tf.files import read_rows

MAX_BYTES = 16 * 2**20
_LOST = ("samm", "032", "032_3_1")


def canonical_key(dataset: str, subject: str, clip: str) -> tuple[str, str, str] | None:
    """Dataset, subject and clip in the form the readers use; None where the subject or dataset is unknown.

    Example:
        >>> canonical_key("SAMM", "6", "006_1_2"), canonical_key("smic", "s1", "s1_ne_01")
        (('samm', '006', '006_1_2'), ('smic_hs', 's01', 's01_ne_01'))
    """
    card = CARDS.get(dataset_name(dataset))
    if card is None:
        return None
    found, clip = card.subject_id(subject), card.clip_name(clean(clip))
    return (card.name, found, clip) if found and clip else None


def read_label_list(path: str | os.PathLike, mapping: LabelMapping) -> dict[tuple[str, str, str], int]:
    """Reads a list of clips.

    Args:
        path: CSV file without a header: dataset, subject, clip, class (index or name); further columns are ignored.
        mapping: Its classes are those of the list.

    Returns:
        Class index by (dataset, subject, clip) in canonical form.

    Raises:
        MissingFileError: No such file.
        AnnotationError: A row that cannot be used, a clip that stands twice, or the damaged ``-2`` variant of the
            organisers' list, which has blank rows and lacks a clip.
    """
    path = os.fspath(path)
    rows = list(read_rows(path, "label list", limit=MAX_BYTES, errors="replace", error=AnnotationError))
    while rows and not any(cell.strip() for cell in rows[-1][1]):
        rows.pop()
    entries: dict[tuple[str, str, str], int] = {}
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            raise AnnotationError(
                f"label list {path!r} row {number} is blank: this is the damaged '-2' variant of the organisers' list, "
                "which lacks a clip; use combined_3class_gt.csv"
            )
        key = canonical_key(*cells[:3]) if len(cells) >= 4 else None
        label = _label(cells[3], mapping) if len(cells) >= 4 else None
        if key is None or label is None:
            raise AnnotationError(
                f"label list {path!r} row {number} is {','.join(row)[:80]!r}; expected, without a header: dataset "
                f"({', '.join(CARDS)}), subject, clip, class (0 to {len(mapping.classes) - 1} or "
                f"{', '.join(mapping.classes)})"
            )
        if key in entries:
            raise AnnotationError(f"label list {path!r} row {number} repeats clip {'/'.join(key)}")
        entries[key] = label
    if len(entries) == 441 and _LOST not in entries:
        raise AnnotationError(
            f"label list {path!r} has 441 clips and lacks {'/'.join(_LOST)}: this is the damaged '-2' variant of the "
            "organisers' list; use combined_3class_gt.csv"
        )
    if not entries:
        raise AnnotationError(f"label list {path!r} names no clip")
    return entries


def _label(text: str, mapping: LabelMapping) -> int | None:
    if text.casefold() in mapping.classes:
        return mapping.classes.index(text.casefold())
    if text in mapping.classes:
        return mapping.classes.index(text)
    digits = text.removesuffix(".0")
    return int(digits) if digits.isascii() and digits.isdigit() and int(digits) < len(mapping.classes) else None
