"""Action units: the text of an annotation sheet in parsed form, and the objective classes that follow from it.

Grammar: terms joined by ``+``. A term is an action unit or a choice of several: ``L12 or L14``, ``(R6 or R12)``,
``A/L12``, ``10A/B``. An action unit is an optional side (``L``, ``R``) or asymmetry (``A``, ``T``, ``B``), the
number, and an optional intensity ``A`` to ``E``; ``ref(...)`` marks one that was coded by reference, ``?`` one that
could not be coded. Blanks do not matter.

Assumption: ``or`` binds tighter than ``+``, because the sheets put choices of single units between plus signs.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re

SIDES = ("L", "R", "A", "T", "B")
OBJECTIVE_CLASSES = ("I", "II", "III", "IV", "V", "VI", "VII")
MAX_TEXT = 500
_MAX_CHOICES = 1024

_UNIT = re.compile(
    r"(?:AU)?(?P<sides>[LRATB]?(?:/[LRATB])*)(?P<number>\d{1,3})(?P<grades>[A-E]?(?:/[A-E])*)(?P<doubt>\??)"
)
_REFERENCE = re.compile(r"REF\(([^()]*)\)")
_OR = re.compile(r"\s+OR\s+|(?<=\))OR(?=\()", re.IGNORECASE)

# Davison et al. 2018, objective classes: sides and intensities ignored; VII is everything else.
OBJECTIVE_RULES: dict[str, tuple[frozenset[int], ...]] = {
    name: tuple(frozenset(int(unit) for unit in text.split("+")) for text in texts.split())
    for name, texts in {
        "I": "6 12 6+12 6+7+12 7+12",
        "II": "1+2 5 25 1+2+25 25+26 5+24",
        "III": "23 4 4+7 4+5 4+5+7 17+24 4+6+7 4+38",
        "IV": "10 9 4+9 4+40 4+5+40 4+7+9 4+9+17 4+7+10 4+5+7+9 7+10",
        "V": "1 15 1+4 6+15 15+17",
        "VI": "1+2+4 20",
    }.items()
}


@dataclasses.dataclass(frozen=True)
class ActionUnit:
    """One action unit as coded.

    Attributes:
        number: FACS number.
        side: ``"L"``, ``"R"``, ``"A"`` (asymmetric), ``"T"`` (top), ``"B"`` (bottom) or ``""``.
        intensity: ``"A"`` to ``"E"``, or ``""``.
        reference: Whether it stands in ``ref(...)``.
        doubtful: Whether a question mark follows it.
    """

    number: int
    side: str = ""
    intensity: str = ""
    reference: bool = False
    doubtful: bool = False


@dataclasses.dataclass(frozen=True)
class ActionUnits:
    """A parsed cell.

    Attributes:
        text: The cell as it is in the sheet.
        terms: One tuple per term: the alternatives, of which one holds.
        uncodable: Number of terms that are a question mark alone.
        unparsed: Terms outside the grammar, as written.
    """

    text: str
    terms: tuple[tuple[ActionUnit, ...], ...] = ()
    uncodable: int = 0
    unparsed: tuple[str, ...] = ()

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of all units, of every alternative."""
        return frozenset(unit.number for term in self.terms for unit in term)

    def combinations(self) -> frozenset[frozenset[int]]:
        """Every set of numbers that the alternatives allow."""
        choices = [sorted({unit.number for unit in term}) for term in self.terms]
        return frozenset(frozenset(choice) for choice in itertools.islice(itertools.product(*choices), _MAX_CHOICES))


@functools.lru_cache(maxsize=4096)
def parse_aus(text: str) -> ActionUnits:
    """Parses the action-unit cell of a sheet; never raises for what it finds in one.

    Args:
        text: The cell.

    Example:
        >>> [[unit.number for unit in term] for term in parse_aus("(R6 or R12)+R15").terms]
        [[6, 12], [15]]
        >>> sorted((unit.side, unit.number) for unit in parse_aus("A/L12").terms[0])
        [('A', 12), ('L', 12)]
        >>> parse_aus("4+?").uncodable
        1
    """
    terms, unparsed, uncodable = [], [], 0
    if len(text) > MAX_TEXT:
        return ActionUnits(text, unparsed=(text,))
    for piece in _split(text.strip().upper()):
        if piece == "?":
            uncodable += 1
            continue
        term = _term(piece)
        if term is None:
            unparsed.append(piece)
        else:
            terms.append(term)
    return ActionUnits(text, tuple(terms), uncodable, tuple(unparsed))


def objective_class(aus: ActionUnits | str) -> str | None:
    """Objective class by the published rule, ``"I"`` to ``"VII"``.

    Args:
        aus: Parsed units or the text.

    Returns:
        The class; None where the text is empty or outside the grammar, or where the alternatives disagree. A clip
        with a unit that could not be coded is none of the named combinations, hence ``"VII"``.

    Source: the Micro-Attention paper, table of objective classes (Davison et al. 2018). The published class column
    goes before this rule, which reproduces 241 of 255 rows of CASME II (2014) and 144 of 159 of SAMM.
    """
    aus = parse_aus(aus) if isinstance(aus, str) else aus
    if aus.unparsed or not (aus.terms or aus.uncodable):
        return None
    if aus.uncodable:
        return "VII"
    found = {_class_of(numbers) for numbers in aus.combinations()}
    return found.pop() if len(found) == 1 else None


def objective_name(text: str) -> str | None:
    """``"I"`` to ``"VII"`` of a cell that holds ``1`` to ``7`` or a Roman number; None for anything else."""
    text = text.strip().upper()
    if re.fullmatch(r"[1-7](\.0*)?", text):
        return OBJECTIVE_CLASSES[int(text[0]) - 1]
    return text if text in OBJECTIVE_CLASSES else None


def _class_of(numbers: frozenset[int]) -> str:
    return next((name for name, rules in OBJECTIVE_RULES.items() if numbers in rules), "VII")


def _split(text: str) -> list[str]:
    """Pieces between plus signs that stand outside parentheses."""
    pieces, depth, start = [], 0, 0
    for index, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "+" and depth <= 0:
            pieces.append(text[start:index])
            start = index + 1
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip()]


def _term(piece: str) -> tuple[ActionUnit, ...] | None:
    reference = _REFERENCE.fullmatch(piece)
    if reference:
        units = _term(reference[1].strip())
        return units and tuple(dataclasses.replace(unit, reference=True) for unit in units)
    if piece.startswith("(") and piece.endswith(")") and "(" not in piece[1:]:
        piece = piece[1:-1].strip()
    units: list[ActionUnit] = []
    for choice in _OR.split(piece):
        found = _choice("".join(choice.split()))
        if found is None:
            return None
        units += found
    return tuple(dict.fromkeys(units))


def _choice(text: str) -> list[ActionUnit] | None:
    match = _UNIT.fullmatch(text)
    if match:
        sides, grades = match["sides"].split("/"), match["grades"].split("/")
        return [
            ActionUnit(int(match["number"]), side, grade, doubtful=bool(match["doubt"]))
            for side in sides
            for grade in grades
        ]
    if "/" in text:  # a slash between whole units: 6/12
        units = [_choice(part) for part in text.split("/")]
        return None if None in units else [unit for part in units for unit in part]
    return None
