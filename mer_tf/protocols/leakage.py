"""The check that nothing held out reaches training; it runs before any work."""

from __future__ import annotations

from collections.abc import Sequence

from mer_tf.datasets.people import clip_key, dataset_key, one_spelling_keys, person
from mer_tf.errors import ConfigError, EmptySplitError, LeakageError
from mer_tf.types import Fold


def check_no_leakage(
    fold: Fold,
    subject_keys: Sequence[str],
    clip_keys: Sequence[str],
    augmented: Sequence[bool] | None = None,
) -> None:
    """Stops a fold in which anything of a held-out subject would reach training.

    Under ``tenfold_numbering`` (``fold.subjects_may_straddle``) only clips are asserted.

    Args:
        fold: The split.
        subject_keys: ``dataset/subject`` of each clip.
        clip_keys: ``dataset/subject/clip`` of each clip (of the parent clip for derived examples).
        augmented: Whether each example is an augmented copy of its parent clip; none is where None.

    Raises:
        LeakageError: A subject or a clip is on both sides, be it under two spellings or under what may be two, or an
            augmented copy is on the test side.
        EmptySplitError: A side is empty.
        ConfigError: An index is out of range or occurs twice on one side, or lists differ in length.
    """
    if len(subject_keys) != len(clip_keys):
        raise ConfigError(f"subject keys and clip keys differ in number: {len(subject_keys)}, {len(clip_keys)}")
    if augmented is not None and len(augmented) != len(clip_keys):
        raise ConfigError(f"augmented must have one entry per clip. Received: {len(augmented)}, {len(clip_keys)}")
    for side, indices in (("training", fold.train), ("test", fold.test)):
        if not indices:
            raise EmptySplitError(f"fold {fold.name}: the {side} side is empty")
        if not (min(indices) >= 0 and max(indices) < len(clip_keys)):
            raise ConfigError(f"fold {fold.name}: a {side} index is outside 0..{len(clip_keys) - 1}")
        if len(set(indices)) != len(indices):
            raise ConfigError(f"fold {fold.name}: a clip stands twice on the {side} side")
    kinds = [("clip", clip_keys)] + ([] if fold.subjects_may_straddle else [("subject", subject_keys)])
    for kind, keys in kinds:
        train, test = ({keys[i] for i in side} for side in (fold.train, fold.test))
        shared = train & test
        if shared:
            raise LeakageError(
                f"fold {fold.name}: {kind} {min(shared)} is in training and test"
                + (f" (and {len(shared) - 1} more)" if len(shared) > 1 else "")
                + "; split by subject"
            )
        if kind == "subject" or fold.subjects_may_straddle:  # else a clip goes where its subject does
            _check_spellings(fold.name, kind, train, test)
    copies = sorted(clip_keys[i] for i in fold.test if augmented is not None and augmented[i])
    if copies:
        raise LeakageError(
            f"fold {fold.name}: an augmented copy of {copies[0]} is in test"
            + (f" (and {len(copies) - 1} more)" if len(copies) > 1 else "")
            + "; augment training clips only, after the split"
        )


def _check_spellings(fold: str, kind: str, train: set[str], test: set[str]) -> None:
    """Raises ``LeakageError`` where one subject or clip stands on both sides under two spellings, or may do so."""
    form, parts = (person, 2) if kind == "subject" else (clip_key, 3)
    trained = {form(*_parts(key, parts)): key for key in sorted(train)}
    for key in sorted(test):
        other = trained.get(form(*_parts(key, parts)))
        if other is not None:
            if kind == "subject" and dataset_key(key.partition("/")[0]) != dataset_key(other.partition("/")[0]):
                raise LeakageError(
                    f"fold {fold}: subject {key} is in test, and {other}, the same person in another set, in training; "
                    "split by person, or leave out one of the sets"
                )
            raise LeakageError(
                f"fold {fold}: {kind} {key} is in test, and {other}, the same {kind} in another spelling, in training; "
                "write it in one way and split by subject"
            )
    if kind == "subject":
        try:
            one_spelling_keys([*train, *test])
        except ConfigError as error:
            raise LeakageError(f"fold {fold}: {error}") from error


def _parts(key: str, count: int) -> list[str]:
    """A key in its parts; what it lacks is empty."""
    return [*key.split("/", count - 1), *[""] * count][:count]
