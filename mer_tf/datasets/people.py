"""Who is who: one set, one person and one clip under several spellings are one.

Whatever compares, groups or splits by people asks here, so that there is one rule: a set by its card
(``mer_tf.datasets.registry``), a subject by the rule of its set, else by ``spelling.subject_form``. Equal subject ids
of two sets are two people, unless the card of one says that its people are those of the other.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Sequence

from mer_tf.datasets.registry import CARDS, dataset_name, spellings_of
from mer_tf.datasets.spelling import clip_form, one_slip, plain, subject_form, subject_number
from mer_tf.errors import ConfigError

_NAMED = 5  # people told in one note
_log = logging.getLogger(__name__)


@functools.lru_cache(maxsize=4096)
def dataset_key(dataset: str) -> str:
    """What all spellings of a set's name share: the name on its card, else ``spelling.plain``.

    Raises:
        ConfigError: As ``dataset_name``.
    """
    name = dataset_name(dataset)
    return name if name in CARDS else plain(name)


@functools.lru_cache(maxsize=2**16)  # the checks of folds ask for every clip again
def person(dataset: str, subject: str) -> tuple[str, str]:
    """What all spellings of a person share.

    Args:
        dataset: Set, in any spelling.
        subject: Subject id, in any spelling.

    Returns:
        Key of the set whose people they are and of the subject in it: the canonical id where the set has a card that
        knows the subject.

    Raises:
        ConfigError: As ``dataset_name``.

    Example:
        >>> person("CASME II", "1"), person("mine", "Sub 01"), person("mine", "S1")
        (('casme2', 'sub01'), ('mine', '1'), ('mine', '1'))
        >>> person("SMIC-VIS", "s1") == person("SMIC-HS", "1")
        True
    """
    name = dataset_key(dataset)
    card = CARDS.get(name)
    return (card and card.people) or name, (card.subject(subject) if card else None) or subject_form(subject)


@functools.lru_cache(maxsize=2**16)
def clip_key(dataset: str, subject: str, clip: str) -> tuple[str, str, str]:
    """What all spellings of a clip share: the person, and the clip's name in the form of its set.

    Example:
        >>> clip_key("smic", "1", "s1_ne_01") == clip_key("SMIC-HS", "s01", "S01_ne_01")
        True
    """
    name, (_, subject) = dataset_key(dataset), person(dataset, subject)
    card = CARDS.get(name)
    return name, subject, clip_form(card.clip_name(clip_form(clip)) if card else clip)


class People:
    """Gives every person the spelling under which they come first.

    Example:
        >>> people = People()
        >>> people.add("SMEM", "S1"), people.add("smem", "subject 01")
        (('SMEM', 'S1'), ('SMEM', 'S1'))
        >>> people.note()
        '1 subject is spelled in several ways and read as one person: SMEM/S1 (also smem/subject 01)'
    """

    def __init__(self):
        self._datasets: dict[str, str] = {}
        self._first: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._others: dict[tuple[str, str, str], dict[str, None]] = {}
        self._numbers: dict[tuple[str, str, bool], str] = {}

    def add(self, dataset: str, subject: str) -> tuple[str, str]:
        """The set and the subject in the spelling in which they came first; a set with a card by its name there.

        Raises:
            ConfigError: The subject may be one that came before, and need not be (``1`` and ``P1``); the set may be a
                known one that came before, mistyped (``casmme2`` beside ``casme2``); or as ``dataset_name``.
        """
        key = (dataset_key(dataset), *person(dataset, subject))
        if key[0] not in self._datasets:
            self._check_set(key[0], dataset)
        name = self._datasets.setdefault(key[0], key[0] if key[0] in CARDS else dataset.strip())
        if key not in self._first:
            self._check(name, key, subject)
            self._first[key] = (name, subject)
        first = self._first[key]
        if subject != first[1]:
            self._others.setdefault(key, {})[f"{dataset}/{subject}"] = None
        return first

    def note(self) -> str:
        """The people who came under several spellings, in a sentence; ``""`` where nobody did."""
        found = [
            f"{'/'.join(self._first[key])} (also {', '.join(list(others)[:_NAMED])})"
            for key, others in list(self._others.items())[:_NAMED]
        ]
        if not found:
            return ""
        count = len(self._others)
        who = "1 subject is" if count == 1 else f"{count} subjects are"
        rest = f" and {count - _NAMED} more" if count > _NAMED else ""
        return f"{who} spelled in several ways and read as one person{'' if count == 1 else ' each'}: " + (
            ", ".join(found) + rest
        )

    def _check_set(self, key: str, dataset: str) -> None:
        for other in self._datasets:
            if (key in CARDS) == (other in CARDS):
                continue
            own, known = (self._datasets[other], key) if key in CARDS else (dataset.strip(), other)
            if any(one_slip(plain(own), spelling) for spelling in spellings_of(known)):
                raise ConfigError(
                    f"datasets {own!r} and {known!r} may be one set, whose people would then be on both sides of a "
                    f"split; write {known!r}, or give a set of your own another name"
                )

    def _check(self, name: str, key: tuple[str, str, str], subject: str) -> None:
        number, lettered = subject_number(key[2])
        other = self._numbers.get((key[0], number, not lettered))
        if other is not None:
            raise ConfigError(
                f"subjects {other!r} and {subject!r} of {name} may be one person; write one person in one way, and "
                "two people with different numbers or both with letters"
            )
        self._numbers.setdefault((key[0], number, lettered), subject)


def one_spelling(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Set and subject of each clip, every person in one spelling (the longest), whatever the order of the clips.

    Args:
        pairs: Set and subject of each clip.

    Returns:
        The same pairs, unless one person stands in them under several spellings.

    Raises:
        ConfigError: As ``People.add``.
    """
    people = People()
    found = {pair: people.add(*pair) for pair in sorted(set(pairs), key=_longest_first)}
    if note := people.note():
        _log.warning(note)
    return [found[pair] for pair in pairs]


def _longest_first(pair: tuple[str, str]) -> tuple[int, tuple[str, str]]:
    return -len(pair[1]), pair


def one_spelling_keys(keys: Iterable[str]) -> list[str]:
    """``one_spelling`` of keys ``dataset/subject``."""
    return _of_keys(one_spelling, keys)


def one_person(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """``one_spelling``, with one pair for a person in several sets: the first in the alphabet.

    Example:
        >>> one_person([("smic_vis", "s01"), ("smic_hs", "s1"), ("smic_vis", "s11"), ("casme", "sub01")])
        [('smic_hs', 's1'), ('smic_hs', 's1'), ('smic_vis', 's11'), ('casme', 'sub01')]
    """
    pairs = one_spelling(pairs)
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for pair in sorted(set(pairs)):
        first.setdefault(person(*pair), pair)
    return [first[person(*pair)] for pair in pairs]


def one_person_keys(keys: Iterable[str]) -> list[str]:
    """``one_person`` of keys ``dataset/subject``."""
    return _of_keys(one_person, keys)


def _of_keys(rule: Callable[[Sequence[tuple[str, str]]], list[tuple[str, str]]], keys: Iterable[str]) -> list[str]:
    parts = [(dataset, subject) for dataset, _, subject in (key.partition("/") for key in keys)]
    return ["/".join(filter(None, pair)) for pair in rule(parts)]
