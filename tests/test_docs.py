"""What the pages say exists does exist: commands, options, names, files, make targets, modules, versions."""

from __future__ import annotations

import argparse
import ast
import functools
import itertools
import pathlib
import re
import shlex

import pytest
from test_floors import FLOORS

import mer_tf
from mer_tf.cli import build_parser
from mer_tf.datasets import READERS
from mer_tf.datasets.composites import COMPOSITES
from mer_tf.datasets.long_videos import LONG_SETS
from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.registry import CSV
from mer_tf.protocols.registry import PROTOCOLS
from mer_tf.recipes import RECIPES
from mer_tf.systems.registry import MODELS

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("mer_tf", "components", "tfx_pipeline", "serving")
FOLDERS = (*PACKAGES, "benchmarks", "docs", "examples", "kubeflow", "requirements", "tests", "tools")
# A page per system and the tables of results are generated from the code, and tested where they are made.
# The changelog names what is gone as well; a test of its own looks at its verbs.
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.md")))
    if path.parent != ROOT / "docs/models"
    and path not in (ROOT / "docs/results.md", ROOT / "docs/tables.md", ROOT / "CHANGELOG.md")
)
# Values that a page gives to these options must be known names, unless they are placeholders in capitals.
KNOWN = {
    "--composite": COMPOSITES,
    "--dataset": (*READERS, CSV, *LONG_SETS),
    "--model": MODELS,
    "--protocol": PROTOCOLS,
    "--recipe": RECIPES,
}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}\S.*\n)+", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
MODULE = re.compile(rf"(?<![\w.])(?:{'|'.join(PACKAGES)})(?:\.\w+)+")


@functools.cache
def blocks(page: pathlib.Path) -> str:
    """Lines of code of a page, those that end in a backslash joined to the next."""
    text = page.read_text(encoding="utf-8")
    code = [block for _, block in FENCE.findall(text)] + INDENTED.findall(FENCE.sub("", text))
    return re.sub(r"\\\n\s*", "", "\n".join(code))


@functools.cache
def spans(page: pathlib.Path) -> tuple[str, ...]:
    """Code inside the sentences and tables of a page; a span may run over the end of its line."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    paragraphs = [re.sub(r"\n\s*", " ", paragraph) for paragraph in re.split(r"\n\s*\n", prose)]
    return tuple(span for paragraph in paragraphs for span in SPAN.findall(paragraph))


def words_of(line: str) -> list[str]:
    """Arguments of a ``mer`` command line, without a file that its output goes to; empty for another line."""
    found = re.match(r"\s*(?:\$ )?(?:\.venv/bin/)?mer (\w.*)", line)
    words = shlex.split(found[1], comments=True) if found else []
    return words[: words.index(">")] if ">" in words else words


def each(find):
    """Pairs of page and finding, for parametrized tests."""
    return [
        pytest.param(page, found, id=f"{page.relative_to(ROOT)}:{found}"[:100])
        for page in PAGES
        for found in dict.fromkeys(find(page))
    ]


@functools.cache
def parser() -> argparse.ArgumentParser:
    return build_parser()


@functools.cache
def actions(words: tuple[str, ...]) -> dict[str, argparse.Action]:
    """Option -> action of the sub-command that the first words lead to."""
    found = parser()
    for word in words:
        below = [action for action in found._actions if isinstance(action, argparse._SubParsersAction)]
        if not below:
            break
        if word not in below[0].choices:
            raise AssertionError(f"'mer {' '.join(words)}': there is no {word!r}")
        found = below[0].choices[word]
    return {option: action for action in found._actions for option in action.option_strings}


def check_names(words: list[str]) -> None:
    if words[0] in ("serve", "predict", "watch"):
        return  # its --model is a folder
    for option, value in itertools.pairwise(words):
        if value.endswith((".json", ".csv")) or ".py:" in value:
            continue  # a file of the user's own
        if option in KNOWN and not value.isupper():
            assert value in KNOWN[option], f"{option} {value}"
        if option == "--mapping" and not value.isupper():
            get_mapping(value)


@pytest.mark.parametrize(("page", "line"), each(lambda page: [x for x in blocks(page).splitlines() if words_of(x)]))
def test_command_lines_are_accepted(page, line):
    words = words_of(line)
    check_names(words)
    assert parser().parse_args(words).run


@pytest.mark.parametrize(("page", "span"), each(lambda page: [x for x in spans(page) if words_of(x)]))
def test_commands_in_sentences_have_their_options(page, span):
    words = words_of(span.replace("'", ""))
    if words[0].isupper():
        return  # `mer VERB --help`
    known = actions(tuple(word for word in words if not word.startswith("-"))[:2])
    check_names(words)
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in known, f"{span!r} has no option {word}"


@functools.cache
def options() -> set[str]:
    """Every option of every verb, of pytest and of the make variables' tools."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    return set(re.findall(r"""["'](--[a-z][a-z-]+)["']""", text))


# Options of programs that are not ours.
FOREIGN = {
    "--enable_batching",
    "--batching_parameters_file",
    "--model_config_file",
    "--ssl_config_file",
    "--doctest-modules",
}


@pytest.mark.parametrize(("page", "span"), each(lambda page: [x for x in spans(page) if x.startswith("--")]))
def test_options_in_sentences_exist(page, span):
    option = re.match(r"--[\w-]+", span)[0]
    assert option in options() | FOREIGN


def links(page: pathlib.Path) -> list[str]:
    return LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("page", "link"), each(links))
def test_links_lead_somewhere(page, link):
    if "://" not in link:
        assert (page.parent / link).exists()


def paths_in(page: pathlib.Path) -> list[str]:
    """Words of code that begin with a folder of the repository."""
    words = [word.strip(",;:()\"'") for text in (*spans(page), *blocks(page).splitlines()) for word in text.split()]
    return [
        word
        for word in words
        if word.split("/")[0] in FOLDERS and "/" in word and not re.search(r"[*<>{}]|foonet|NAME|_X\b|\bx\.py", word)
    ]


@pytest.mark.parametrize(("page", "path"), each(paths_in))
def test_named_files_exist(page, path):
    path = path.split("::")[0]
    assert (ROOT / path).exists() or (page.parent / path).exists()


def make_words(page: pathlib.Path) -> list[str]:
    found = []
    for text in (*spans(page), *blocks(page).splitlines()):
        line = re.match(r"\s*(?:\$ )?make ([^#|]*)", text)
        for word in shlex.split(line[1]) if line else ():
            if re.fullmatch(r"[a-z-]+|[A-Z_]+=.*", word):
                found.append(word)
    return found


@pytest.mark.parametrize(("page", "word"), each(make_words))
def test_make_knows_its_words(page, word):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8") + (ROOT / "tools/setup.sh").read_text(encoding="utf-8")
    if "=" in word:
        assert re.search(rf"\$[({{]{word.split('=')[0]}\b", makefile)
    else:
        assert re.search(rf"^{word}:.*## ", makefile, re.MULTILINE)


@functools.cache
def sources() -> tuple[pathlib.Path, ...]:
    files = [path for package in (*PACKAGES, "tests", "benchmarks", "tools") for path in (ROOT / package).rglob("*")]
    kept = (".py", ".csv", ".json", ".config")
    return tuple(path for path in files if path.suffix in kept and path != pathlib.Path(__file__))


@functools.cache
def code_words() -> set[str]:
    """Every word of the code and of its data, and the names of its modules."""
    found = {path.stem for path in sources()}
    for path in sources():
        found.update(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize(("page", "name"), each(lambda page: [x for x in spans(page) if NAME.fullmatch(x)]))
def test_names_are_names_in_the_code(page, name):
    """Models, recipes, protocols, datasets, settings, functions: whatever is spelled like one."""
    elsewhere = {"face_recognition_models", "multi_processing", "tensorflow_model_server", "tensorflow_serving"}
    assert name in code_words() | elsewhere


def modules_in(page: pathlib.Path) -> list[str]:
    return [found for text in (*spans(page), blocks(page)) for found in MODULE.findall(text)]


@pytest.mark.parametrize(("page", "name"), each(modules_in))
def test_modules_and_what_is_in_them_exist(page, name):
    parts = name.split(".")
    place = ROOT
    while parts and ((place / parts[0]).is_dir() or (place / f"{parts[0]}.py").exists()):
        place /= parts.pop(0)
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if parts and parts[0] not in ("py", "proto", "json", "csv"):
        assert re.search(rf"\b{parts[0]}\b", file.read_text(encoding="utf-8")), f"{file} has no {parts[0]}"


def python_blocks(page: pathlib.Path) -> list[str]:
    return [block for language, block in FENCE.findall(page.read_text(encoding="utf-8")) if language == "python"]


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.stem)
def test_python_on_a_page_imports_what_there_is(page):
    for block in python_blocks(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in PACKAGES:
                source = ROOT / node.module.replace(".", "/")
                file = source / "__init__.py" if source.is_dir() else source.with_suffix(".py")
                words = set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
                assert [alias.name for alias in node.names if alias.name not in words] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_cites_what_is_not_here(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"design\.md|style\.md|\bspecification (?:models|preprocessing|protocols|datasets)\b", text)


def test_no_docstring_cites_a_specification_that_is_not_here():
    cited = re.compile(r"specification[:,]? (?:models|preprocessing|protocols|datasets)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if cited.search(line)
    ]
    assert not found


def test_the_index_has_every_page():
    linked = {(ROOT / "docs" / link).resolve() for link in links(ROOT / "docs/README.md")}
    assert {path for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"} <= linked
    assert ROOT / "docs/models/README.md" in linked
    assert "docs/README.md" in links(ROOT / "README.md")


def test_the_architecture_page_has_the_floors():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| (.+?) \|", text, re.MULTILINE)
    assert [set(SPAN.findall(row)) for row in rows] == [set(floor) for floor in FLOORS]


def test_every_verb_is_on_a_page_for_users():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    verbs = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
    assert [verb for verb in verbs if not re.search(rf"\bmer {verb}\b", text)] == []


def test_the_verbs_of_the_changelog_exist():
    verbs = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
    assert {words_of(span)[0] for span in spans(ROOT / "CHANGELOG.md") if words_of(span)} <= set(verbs)


def test_one_version():
    version = re.escape(mer_tf.__version__)
    assert re.search(rf"^version: {version}$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.search(rf"^## {version}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"mer-tf:(\d[\w.]*)", (ROOT / "kubeflow/README.md").read_text())) == {mer_tf.__version__}
    assert mer_tf.__version__ not in (ROOT / "setup.py").read_text(encoding="utf-8")


def test_the_citation_lists_the_paper_of_each_seed():
    notes = re.findall(r'notes: "(.+)"', (ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert notes == ["CBAMNet", "Dual-ATME", "micro-attention", "ASTNet", "ATSCNN"]


def test_make_help_says_how_to_run_some_tests():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    helped = [line for line in makefile.splitlines() if "## " in line]
    assert any("PYTEST_ARGS" in line for line in helped)
    for path in re.search(r"^FAST = (.*)$", makefile.replace("\\\n", " "), re.MULTILINE)[1].split():
        assert list(ROOT.glob(path)), path
