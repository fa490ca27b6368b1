"""``mer data sets``: what is known of the published sets, and from where."""

from __future__ import annotations

import json
import pathlib

import pytest

from mer_tf.cli import main
from mer_tf.datasets.registry import CARDS

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "datasets.md"


def test_every_set_has_a_line(capsys):
    assert main(["data", "sets"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    alone = {line[0]: line[-1] == "yes" for line in lines if line and line[0] in CARDS}
    assert alone == {name: bool(card.known_from) for name, card in CARDS.items()}
    assert {name for name, unseen in alone.items() if unseen} == {"casme3", "mmew", "4dme", "dfme"}


@pytest.mark.parametrize("name", CARDS)
def test_one_set(capsys, name):
    card = CARDS[name]
    assert main(["data", "sets", card.title]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for said in (card.known_from, card.hint, card.people and f"its people are those of {card.people}"):
        assert said in text
    for published in (card.counts or {}).values():
        assert all(one.source in text for one in published)
    assert main(["data", "sets", name, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["counts"].keys() == (card.counts or {}).keys() and facts["known_from"] == card.known_from


def test_the_page_names_the_sets_that_nobody_saw():
    page = PAGE.read_text(encoding="utf-8")
    for card in CARDS.values():
        if card.known_from:
            assert f"| {card.title} |" in page
            assert f"`{card.sheets[0]}`" in page
