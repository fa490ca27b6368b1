from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mer_tf.datasets.aus import OBJECTIVE_RULES, ActionUnit, objective_class, objective_name, parse_aus


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("12", [[(12, "", "")]]),
        (" 4 + 7 ", [[(4, "", "")], [(7, "", "")]]),
        ("4+L5", [[(4, "", "")], [(5, "L", "")]]),
        ("R12C+A14B", [[(12, "R", "C")], [(14, "A", "B")]]),
        ("T10", [[(10, "T", "")]]),
        ("L12 or L14", [[(12, "L", ""), (14, "L", "")]]),
        ("(R6 or R12)+R15", [[(6, "R", ""), (12, "R", "")], [(15, "R", "")]]),
        ("10A/B", [[(10, "", "A"), (10, "", "B")]]),
        ("A/L12", [[(12, "A", ""), (12, "L", "")]]),
        ("6/12", [[(6, "", ""), (12, "", "")]]),
        ("au4+AU7", [[(4, "", "")], [(7, "", "")]]),
    ],
)
def test_grammar(text, terms):
    parsed = parse_aus(text)
    assert [[(unit.number, unit.side, unit.intensity) for unit in term] for term in parsed.terms] == terms
    assert parsed.text == text
    assert not parsed.unparsed


def test_reference_doubt_and_uncodable():
    parsed = parse_aus("ref(L10)+A12B")
    assert parsed.terms[0] == (ActionUnit(10, "L", "", reference=True),)
    assert parse_aus("14?").terms[0][0].doubtful
    parsed = parse_aus("4+?")
    assert (parsed.numbers, parsed.uncodable) == ({4}, 1)


def test_alternatives_stay_alternatives():
    parsed = parse_aus("(R6 or R12)+R15")
    assert parsed.numbers == {6, 12, 15}
    assert parsed.combinations() == {frozenset({6, 15}), frozenset({12, 15})}


@pytest.mark.parametrize("text", ["brow", "4+x9", "4+(5", "12F", "1234"])
def test_outside_the_grammar_is_kept_as_text(text):
    parsed = parse_aus(text)
    assert parsed.unparsed
    assert objective_class(parsed) is None


@given(st.text(max_size=60) | st.text("0123456789LRATB+/?() orABCDE", max_size=60))
def test_any_text_is_answered(text):
    parsed = parse_aus(text)
    assert parsed.text == text
    assert parsed.combinations()
    objective_class(parsed)


def test_huge_cells_are_bounded():
    assert parse_aus("1+" * 100_000).unparsed
    assert len(parse_aus("+".join(["1/2"] * 40)).combinations()) <= 1024


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("6", "I"), ("12", "I"), ("6+12", "I"), ("6+7+12", "I"), ("7+12", "I"),
        ("1+2", "II"), ("5", "II"), ("25", "II"), ("1+2+25", "II"), ("25+26", "II"), ("5+24", "II"),
        ("23", "III"), ("4", "III"), ("4+7", "III"), ("4+5", "III"), ("4+5+7", "III"), ("17+24", "III"),
        ("4+6+7", "III"), ("4+38", "III"),
        ("10", "IV"), ("9", "IV"), ("4+9", "IV"), ("4+40", "IV"), ("4+5+40", "IV"), ("4+7+9", "IV"), ("4+9+17", "IV"),
        ("4+7+10", "IV"), ("4+5+7+9", "IV"), ("7+10", "IV"),
        ("1", "V"), ("15", "V"), ("1+4", "V"), ("6+15", "V"), ("15+17", "V"),
        ("1+2+4", "VI"), ("20", "VI"),
        ("4+10", "VII"), ("14", "VII"), ("12+15", "VII"), ("?", "VII"), ("4+?", "VII"),
        ("L12C", "I"), ("R4+L7", "III"), ("12+6", "I"), ("A/L12", "I"), ("6 or 12", "I"),
        ("L12 or L14", None), ("", None), ("  ", None),
    ],
)  # fmt: skip
def test_objective_classes_follow_the_table(text, name):
    assert objective_class(text) == name


def test_no_combination_is_in_two_classes():
    combinations = [numbers for rules in OBJECTIVE_RULES.values() for numbers in rules]
    assert len(combinations) == len(set(combinations)) == 36


@pytest.mark.parametrize(
    ("cell", "name"), [("1", "I"), ("7", "VII"), ("3.0", "III"), (" iv ", "IV"), ("8", None), ("0", None), ("x", None)]
)
def test_objective_cells(cell, name):
    assert objective_name(cell) == name
