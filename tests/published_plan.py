"""Clips whose counts per subject and class are the published ones, with invented frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mer_tf.datasets.registry import CARDS
from mer_tf.errors import UnknownNameError
from mer_tf.synthetic.layouts import LayoutClip

_MEGC = {name: CARDS[name].expected("megc2019")[0].per_subject for name in ("casme2", "samm", "smic_hs")}


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


def _casme2_rows() -> Iterator[dict]:
    """255 rows: MEGC2019 per subject, its two exceptions, fear and sadness, the rest "others"."""
    repression, sadness = 27, 7
    classes = _objective_columns((25, 15, 99, 26, 20, 1, 69))
    for key, total in CARDS["casme2"].expected("native_casme2")[0].clips_per_subject.items():
        subject = int(key[-2:])
        negative, positive, surprise = _MEGC["casme2"].get(key, (0, 0, 0))
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
    subjects = sorted({*_MEGC["samm"], "samm/025"})
    coded = {subject: index for index, subject in enumerate(subjects[:21])}  # the subjects with classes I to V
    usable, rest = _objective_columns((24, 13, 20, 8, 3)), _objective_columns((0, 0, 0, 0, 0, 7, 84))
    left = 68
    for key in subjects:
        negative, positive, surprise = _MEGC["samm"].get(key, (0, 0, 0))
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
    for key, counts in _MEGC["smic_hs"].items():
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
