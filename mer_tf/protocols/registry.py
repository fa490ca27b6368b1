"""The protocols by name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence

from mer_tf.datasets.people import one_spelling_keys
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.protocols import folds as splits
from mer_tf.protocols.leakage import check_no_leakage
from mer_tf.types import Fold


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way to split and score.

    Attributes:
        name: Registry name.
        summary: One line for a person.
        source: Paper and section.
        make: The function of ``mer_tf.protocols.folds`` that makes the folds.
        scoring: What the papers report under it: ``"pooled"``, ``"hold_out"`` (per direction, then the mean) or
            ``"class_mean"``.
        datasets: Names of the datasets that must all be there and no other; empty: any.
        mapping: Label mapping the published figures use, or ``""`` for any.
        published: (clips, subjects, clips per class) of the published set, or None.
        subjects_may_straddle: Whether a subject may stand on both sides.
        preset: Name of the preset with the settings published for it, of the models that have one of that name, where
            it is not that of leave-one-subject-out; or ``""``.
    """

    name: str
    summary: str
    source: str
    make: Callable[..., list[Fold]]
    scoring: str = "pooled"
    datasets: tuple[str, ...] = ()
    mapping: str = ""
    published: tuple[int, int, tuple[int, ...]] | None = None
    subjects_may_straddle: bool = False
    preset: str = ""


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "loso",
            "leave one subject out; all other subjects of all given datasets train",
            "Micro-Attention and ASTNet papers (single dataset), ATSCNN paper (composite)",
            splits.loso_folds,
        ),
        Protocol(
            "loso_within_dataset",
            "leave one subject out inside each dataset; only its own dataset trains",
            "not a protocol of the papers; named so that it is not taken for megc2019",
            splits.loso_within_dataset,
        ),
        Protocol(
            "megc2019",
            "composite of SMIC-HS, CASME II and SAMM (MEGC2019-CD, CDE 2019), leave one subject out",
            "MEGC 2019 challenge; Dual-ATME paper",
            splits.loso_folds,
            datasets=("smic_hs", "casme2", "samm"),
            mapping="megc2019",
            published=(442, 68, (250, 109, 83)),
        ),
        Protocol(
            "cde2018",
            "composite of CASME II and SAMM, objective classes I-V, leave one subject out",
            "MEGC 2018 challenge; Micro-Attention paper, Table 4",
            splits.loso_folds,
            datasets=("casme2", "samm"),
            mapping="objective",
            # The Micro-Attention paper prints 26 + 20 subjects; the label sheets hold 26 + 21.
            published=(253, 47, (49, 28, 119, 34, 23)),
            preset="cde",
        ),
        Protocol(
            "hde2018",
            "train on CASME II and test on SAMM, then the other way round; objective classes I-V",
            "MEGC 2018 challenge; Micro-Attention paper, Table 2",
            splits.hold_out_dataset,
            scoring="hold_out",
            datasets=("casme2", "samm"),
            mapping="objective",
            published=(253, 47, (49, 28, 119, 34, 23)),
            preset="hde",
        ),
        Protocol(
            "tenfold_subject",
            "ten contiguous groups of whole subjects",
            "CBAMNet paper, section 4, with cuts moved to subject borders",
            splits.tenfold_subject,
            scoring="class_mean",
        ),
        Protocol(
            "tenfold_numbering",
            "ten contiguous groups of clips numbered in subject order; subjects straddle; for reproduction only",
            "CBAMNet paper, section 4",
            splits.tenfold_numbering,
            scoring="class_mean",
            subjects_may_straddle=True,
        ),
        Protocol(
            "stratified_group_kfold",
            "five groups of whole subjects with about equal class shares, fixed by the seed",
            "not a protocol of the papers; the idea is that of scikit-learn's StratifiedGroupKFold",
            splits.stratified_group_kfold,
        ),
    )
}


@dataclasses.dataclass(frozen=True)
class Split:
    """Folds of a protocol over given clips, checked for leaks.

    Attributes:
        protocol: The protocol.
        folds: Its folds.
        class_counts: Clips per class and side of each fold (``mer_tf.protocols.class_counts``).
        straddling: Subjects tested in more than one fold; empty but under ``tenfold_numbering``.
        notes: What must be said with every figure, such as counts that are not the published ones.
    """

    protocol: Protocol
    folds: list[Fold]
    class_counts: list[dict]
    straddling: tuple[str, ...]
    notes: tuple[str, ...]


def get_protocol(name: str) -> Protocol:
    """The protocol of that name; an unknown name lists the known ones."""
    try:
        return PROTOCOLS[name]
    except (KeyError, TypeError):
        raise UnknownNameError("protocol", name, PROTOCOLS) from None


def make_split(
    protocol: str | Protocol,
    subject_keys: Sequence[str],
    labels: Sequence[int],
    clip_keys: Sequence[str],
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
    mapping: str = "",
    seed: int = 0,
    folds: int | None = None,
    augmented: Sequence[bool] | None = None,
) -> Split:
    """Folds of a protocol, checked: datasets and mapping are the protocol's, and nothing leaks.

    Args:
        protocol: Name or protocol.
        subject_keys: ``dataset/subject`` of each clip.
        labels: Class index of each clip.
        clip_keys: ``dataset/subject/clip`` of each clip (of the parent clip for derived examples).
        num_classes: Number of classes. Defaults to ``len(classes)``, or the largest label plus one.
        classes: Class names, for messages.
        mapping: Name of the label mapping, or ``""`` where unknown; must be the protocol's where it has one.
        seed: Seed of the protocols that draw.
        folds: Number of folds of the k-fold protocols; None takes theirs.
        augmented: Whether each example is an augmented copy.

    Returns:
        The split.

    Raises:
        LeakageError, EmptySplitError, ConfigError: See ``check_no_leakage`` and ``mer_tf.protocols.folds``.
    """
    protocol = get_protocol(protocol) if isinstance(protocol, str) else protocol
    if len(clip_keys) != len(subject_keys):
        raise ConfigError(f"each clip needs one key. Received: {len(subject_keys)}, {len(clip_keys)}")
    if protocol.mapping and mapping and mapping != protocol.mapping:
        raise ConfigError(
            f"protocol {protocol.name!r} is defined with the label mapping {protocol.mapping!r}. Received: {mapping!r}"
        )
    subject_keys = one_spelling_keys(subject_keys)
    _check_datasets(protocol, subject_keys)
    options = {
        "clip_keys": clip_keys,
        "num_classes": num_classes,
        "classes": classes,
        "seed": seed,
        **({} if folds is None else {"folds": folds}),
    }
    takes = inspect.signature(protocol.make).parameters
    if folds is not None and "folds" not in takes:
        raise ConfigError(f"protocol {protocol.name!r} decides its number of folds itself. Received: {folds}")
    made = protocol.make(subject_keys, labels, **{key: value for key, value in options.items() if key in takes})
    for fold in made:
        check_no_leakage(fold, subject_keys, clip_keys, augmented)
    if num_classes is None:
        num_classes = len(classes) if classes is not None else max(int(label) for label in labels) + 1
    counts = splits.class_counts(made, labels, num_classes)
    straddling = tuple(splits.straddling_subjects(made, subject_keys))
    return Split(protocol, made, counts, straddling, _notes(protocol, made, subject_keys, labels, straddling))


def _check_datasets(protocol: Protocol, subject_keys: Sequence[str]) -> None:
    names = {key.partition("/")[0] for key in subject_keys}
    if protocol.datasets and names and names != set(protocol.datasets):
        raise ConfigError(
            f"protocol {protocol.name!r} takes the datasets {', '.join(protocol.datasets)} together. "
            f"Received: {', '.join(sorted(names))}; use loso for other sets"
        )


def _notes(protocol, made, subject_keys, labels, straddling) -> tuple[str, ...]:
    notes = []
    if protocol.published:
        clips, subjects, per_class = protocol.published
        found = tuple(sum(int(label) == k for label in labels) for k in range(len(per_class)))
        here = (len(labels), len(set(subject_keys)), found)
        if here != (clips, subjects, per_class):
            notes.append(
                f"partial: {here[0]} clips of {here[1]} subjects ({'/'.join(map(str, found))}), published are "
                f"{clips} of {subjects} ({'/'.join(map(str, per_class))}); not comparable with published figures"
            )
    if protocol.subjects_may_straddle:
        total = len(set(subject_keys))
        notes.append(
            f"{len(straddling)} of {total} subjects are tested in more than one fold, so models are tested on people "
            "they were trained on; use tenfold_subject for an honest figure"
        )
    return tuple(notes)
