"""Evaluation protocols: subjects in, folds out, and the checks that nothing held out reaches training.

The unit of evaluation is a clip, the unit of splitting a subject (``dataset/subject``).
Source: specification protocols 1, 3.1, 3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mer_tf.errors import ConfigError, EmptySplitError, LeakageError, UnknownNameError
from mer_tf.types import Clip, Fold


def loso_folds(
    clips: Sequence[Clip] | Sequence[str],
    labels: Sequence[int] | None = None,
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
) -> list[Fold]:
    """Leave one subject out: each subject's clips are tested once by a model trained on all others.

    Args:
        clips: Clips; or, with ``labels``, the subject key of each clip.
        labels: Class index of each clip; read from the clips where None.
        num_classes: Number of classes that each training side must hold. Defaults to ``len(classes)``, or the
            largest label plus one.
        classes: Class names, for messages.

    Returns:
        One fold per subject, in order of the subject keys, named by the key; indices point into ``clips``.

    Raises:
        EmptySplitError: No clip, one subject only, or a class that a training side lacks.
        ConfigError: A clip without label, or a label out of range.
    """
    if labels is None:
        keys = [clip.subject_key for clip in clips]
        labels = [clip.label for clip in clips]
        for clip in clips:
            if clip.label is None:
                raise ConfigError(f"{clip.key} has no label under mapping {clip.mapping!r}; leave it out of the split")
    else:
        keys = [str(key) for key in clips]
    labels = [int(label) for label in labels]
    if len(keys) != len(labels):
        raise ConfigError(f"each clip needs one label. Received: {len(keys)} clips, {len(labels)} labels")
    if not keys:
        raise EmptySplitError("there are no clips to split; check the data folder and the label mapping")
    if num_classes is None:
        num_classes = len(classes) if classes is not None else max(labels) + 1
    for key, label in zip(keys, labels):
        if not 0 <= label < num_classes:
            raise ConfigError(f"a clip of {key} has label {label}, expected 0..{num_classes - 1}")
    subjects = sorted(set(keys))
    if len(subjects) < 2:
        raise EmptySplitError(
            f"leave-one-subject-out needs at least two subjects, found one ({subjects[0]}); add subjects"
        )
    folds = []
    for subject in subjects:
        train = tuple(i for i, key in enumerate(keys) if key != subject)
        test = tuple(i for i, key in enumerate(keys) if key == subject)
        present = {labels[i] for i in train}
        for label in range(num_classes):
            if label not in present:
                name = repr(classes[label]) if classes is not None else str(label)
                raise EmptySplitError(
                    f"fold {subject}: class {name} has no training clip; "
                    "only that subject, or nobody, shows it; add subjects or use another label mapping"
                )
        folds.append(Fold(subject, train, test))
    return folds


PROTOCOLS: dict[str, Callable[..., list[Fold]]] = {"loso": loso_folds}


def get_protocol(name: str) -> Callable[..., list[Fold]]:
    """The function that makes the folds of that protocol; an unknown name lists the known ones."""
    try:
        return PROTOCOLS[name]
    except KeyError:
        raise UnknownNameError("protocol", name, PROTOCOLS) from None


def check_no_leakage(fold: Fold, subject_keys: Sequence[str], clip_keys: Sequence[str]) -> None:
    """Stops a fold in which anything of a held-out subject would reach training.

    Args:
        fold: The split.
        subject_keys: ``dataset/subject`` of each clip.
        clip_keys: ``dataset/subject/clip`` of each clip (of the parent clip for derived examples).

    Raises:
        LeakageError: A subject or a clip is on both sides.
        EmptySplitError: A side is empty.
        ConfigError: An index is out of range or stands twice on one side.
    """
    if len(subject_keys) != len(clip_keys):
        raise ConfigError(f"subject keys and clip keys differ in number: {len(subject_keys)}, {len(clip_keys)}")
    for side, indices in (("training", fold.train), ("test", fold.test)):
        if not indices:
            raise EmptySplitError(f"fold {fold.name}: the {side} side is empty")
        if not (min(indices) >= 0 and max(indices) < len(clip_keys)):
            raise ConfigError(f"fold {fold.name}: a {side} index is outside 0..{len(clip_keys) - 1}")
        if len(set(indices)) != len(indices):
            raise ConfigError(f"fold {fold.name}: a clip stands twice on the {side} side")
    for kind, keys in (("clip", clip_keys), ("subject", subject_keys)):
        shared = {keys[i] for i in fold.train} & {keys[i] for i in fold.test}
        if shared:
            raise LeakageError(
                f"fold {fold.name}: {kind} {min(shared)} is in training and test"
                + (f" (and {len(shared) - 1} more)" if len(shared) > 1 else "")
                + "; split by subject"
            )
