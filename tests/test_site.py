"""The navigation of the documentation site has every page and every public module; building it is ``make site``."""

from __future__ import annotations

import importlib
import pathlib
import re
import sys

import pytest

import mer_tf

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
docs_site = pytest.importorskip("docs_site")
NAVIGATION = re.findall(r"(?:- |: )([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_page_is_in_the_navigation_once():
    written = {
        str(page.relative_to(ROOT))
        for folder in docs_site.FOLDERS
        for page in (ROOT / folder).rglob("*.md")
        if page.parent != ROOT / "docs/models"
    } | {page.name for page in ROOT.glob("*.md")}
    named = [page for page in NAVIGATION if not page.startswith("reference/")]
    assert len(named) == len(set(named)) and set(named) == written | {"docs/models/README.md"}


def test_every_public_module_has_a_page_of_reference():
    public = set(re.findall(r"``(mer_tf\.[\w.]+)``", mer_tf.__doc__)) - {"mer_tf.models"}  # an entry point
    assert public <= set(docs_site.modules_in_navigation())


@pytest.mark.parametrize("name", ["mer_tf.types", "mer_tf.preprocessing", "mer_tf.protocols"])
def test_a_page_names_what_is_public_where_it_is_defined(name):
    named = re.findall(r"^::: ([\w.]+)$", docs_site.page_of(name), re.MULTILINE)
    assert named[0] == name and len(named) > 4
    for each in named[1:]:
        module, _, attribute = each.rpartition(".")
        assert getattr(importlib.import_module(module), attribute).__doc__


def test_the_page_of_commands_has_every_verb():
    text = docs_site.commands()
    for verb in ("data synth", "pipeline compile", "loso", "report"):
        assert f"# mer {verb}\n" in text and f"usage: mer {verb} " in text
