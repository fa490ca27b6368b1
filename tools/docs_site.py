"""The documentation as one site of HTML pages: ``make site``.

MkDocs takes pages from one folder, and refers to code by its import name. So the pages of the repository are laid into
a folder under ``build/`` in their own places, which keeps their links, the code beside them under its installed names,
and the references are generated: of the command from its parsers, of Python from docstrings. A broken link or anchor
ends the build.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/site"
PAGES, CODE = BUILD / "pages", BUILD / "code"
CONFIG = ROOT / "mkdocs.yml"
BESIDE = ("components", "serving", "tfx_pipeline")
FOLDERS = ("docs", "examples", "kubeflow", *BESIDE)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def main() -> int:
    """Lays the pages out and runs MkDocs; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the reference imports what it tells of
    shutil.rmtree(BUILD, ignore_errors=True)
    lay_pages()
    lay_code()
    write_reference()
    found = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])  # ruff is called
    environment = {**os.environ, "PATH": found, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(CONFIG)]
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if status == 0:
        print(f"{BUILD.relative_to(ROOT)}/html/index.html")
    return status


def lay_pages() -> None:
    """Copies every page of the repository, and whatever files the pages link to."""
    copy(ROOT / "docs/site.css")
    pages = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
    for page in pages:
        copy(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            if "://" not in link and target.is_file() and target.suffix != ".md":
                copy(target)


def copy(file: pathlib.Path) -> None:
    """Copies a file of the repository to its place among the pages."""
    place = PAGES / file.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, place)


def lay_code() -> None:
    """Copies the packages as they lie where they are installed."""
    only_code = shutil.ignore_patterns("__pycache__", "*.json", "*.csv")
    shutil.copytree(ROOT / "mer_tf", CODE / "mer_tf", ignore=only_code)
    for name in BESIDE:
        shutil.copytree(ROOT / name, CODE / "mer_tf" / name, ignore=only_code)
    for file in CODE.rglob("*.py"):  # by this word mkdocstrings knows that sessions follow
        file.write_text(re.sub(r"^( *)Example:$", r"\1Examples:", file.read_text(encoding="utf-8"), flags=re.MULTILINE))


def write_reference() -> None:
    """A page for each module that the navigation names, and one of all verbs."""
    folder = PAGES / "reference"
    folder.mkdir()
    (folder / "commands.md").write_text(commands(), encoding="utf-8")
    for module in modules_in_navigation():
        (folder / f"{module}.md").write_text(page_of(module), encoding="utf-8")


def modules_in_navigation() -> list[str]:
    """Modules whose page ``mkdocs.yml`` lists: that list is the only one."""
    return re.findall(r"reference/(mer_tf[\w.]*)\.md$", CONFIG.read_text(encoding="utf-8"), re.MULTILINE)


def page_of(name: str) -> str:
    """The directives of one module: its docstring, then each public name where it is defined."""
    module = importlib.import_module(name)
    public = getattr(module, "__all__", None) or [
        each
        for each, value in vars(module).items()
        if not each.startswith("_") and getattr(value, "__module__", None) == name
    ]
    lines = [f"# {name}", "", f"::: {name}", "    options: {members: false, show_root_heading: false}", ""]
    for each in public:
        value = getattr(module, each)
        if inspect.isclass(value) or inspect.isfunction(value):
            lines += [f"::: {value.__module__}.{value.__qualname__}", ""]
    return "\n".join(lines)


def commands() -> str:
    """The help of every verb, as the command prints it."""
    from mer_tf.cli import build_parser

    os.environ["COLUMNS"] = "84"  # what a page shows without scrolling
    lines = ["# The command `mer`", "", "What `--help` prints, verb by verb.", ""]

    def add(parser: argparse.ArgumentParser, level: int) -> None:
        below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if level > 1:
            lines.extend([f"{'#' * level} {parser.prog}", ""])
        if level == 1 or not below:
            lines.extend(["```text", parser.format_help().rstrip(), "```", ""])
        for action in below:
            for verb in dict.fromkeys(action.choices.values()):
                add(verb, level + 1)

    add(build_parser(), 1)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
