"""What the docstring of a class or function says, read from its source file: nothing is imported or run."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import os
import re

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ROOT = os.path.dirname(_PACKAGE)
# Paragraphs that start like this have a place of their own.
_LABELS = ("Args", "Attributes", "Inputs", "Output", "Parameters", "Source", "Assumption", "Returns", "Raises", "Warns")
_OTHERS = ("Example", "Examples", "Variants", "Call arguments")
_START = re.compile(rf"^({'|'.join((*_LABELS, *_OTHERS))}):\s*(.*)$")


@dataclasses.dataclass(frozen=True)
class SourceDoc:
    """A documented class or function.

    Attributes:
        name: Its name.
        file: Path below the repository, with forward slashes.
        module: First paragraph of the module's docstring.
        summary: Paragraphs before the first label.
        options: (name, default as written or ``""``, description) of ``Args`` or ``Attributes``.
        sections: Label -> its paragraphs, such as ``"Assumption"``.
    """

    name: str
    file: str
    module: str
    summary: tuple[str, ...]
    options: tuple[tuple[str, str, str], ...]
    sections: dict[str, tuple[str, ...]]

    @property
    def source(self) -> str:
        """Paper and place: its ``Source`` lines, or else what the module says of itself."""
        return " ".join(self.sections.get("Source", ())) or self.module


def module_file(module: str) -> str:
    """Path of a module of this package; its parents are not imported."""
    path = os.path.join(_ROOT, *module.split("."))
    return os.path.join(path, "__init__.py") if os.path.isdir(path) else f"{path}.py"


def relative(path: str) -> str:
    """A path below the repository with forward slashes."""
    return os.path.relpath(path, _ROOT).replace(os.sep, "/")


@functools.cache
def read_doc(target: str) -> SourceDoc:
    """The documentation of ``"module:name"``.

    Raises:
        ValueError: The module has no such class or function at its top level.
    """
    module, _, name = target.partition(":")
    path = module_file(module)
    tree = _tree(path)
    node = next(
        (
            node
            for node in tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        ),
        None,
    )
    if node is None:
        raise ValueError(f"{relative(path)} has no class or function {name!r}")
    summary, sections, entries = _split(ast.get_docstring(node) or "")
    defaults = _class_defaults(node) if isinstance(node, ast.ClassDef) else _defaults(node.args)
    options = [(key, defaults.get(key, ""), text) for key, text in entries]
    base = _base(node, tree)
    if base:
        known = {key for key, _, _ in options}
        options[-1:-1] = [option for option in read_doc(base).options if option[0] not in known]
        assumptions = *sections.get("Assumption", ()), *read_doc(base).sections.get("Assumption", ())
        sections = {**sections, "Assumption": assumptions}
    options = tuple(options)
    head = (ast.get_docstring(tree) or "").split("\n\n")
    about = next((_joined(text) for text in head if text.startswith("Source:")), _joined(head[0]))
    return SourceDoc(name, relative(path), about.removeprefix("Source: "), summary, options, sections)


def _base(node, tree: ast.Module) -> str | None:
    """``"module:name"`` of the network or layer whose options and assumptions a class has too."""
    inherits = re.search(r"Options of ``(\w+)``", ast.get_docstring(node) or "")
    name = inherits and inherits.group(1)
    for line in tree.body:
        if isinstance(line, ast.ImportFrom) and name in [alias.name for alias in line.names]:
            return f"{line.module}:{name}"
    return None


def default_of(target: str, option: str):
    """Default of an argument of ``"module:name"``; None where it has none, or none that is a plain value."""
    written = next((default for name, default, _ in read_doc(target).options if name == option), "")
    try:
        return ast.literal_eval(written)
    except (SyntaxError, ValueError):
        return None


@functools.cache
def layer_targets() -> dict[str, str]:
    """Class name -> ``"module:name"`` of every layer of the package."""
    folder = os.path.join(_PACKAGE, "layers")
    found = {}
    for file in sorted(os.listdir(folder)):
        if file.endswith(".py") and file != "__init__.py":
            for node in _tree(os.path.join(folder, file)).body:
                if isinstance(node, ast.ClassDef):
                    found[node.name] = f"mer_tf.layers.{file[:-3]}:{node.name}"
    return found


def names_of(path: str) -> set[str]:
    """Top-level names that a file of the repository defines; methods as ``Class.method``."""
    names = set()
    for node in _tree(os.path.join(_ROOT, path)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names.update(f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef))
    return names


@functools.cache
def _tree(path: str) -> ast.Module:
    with open(path, encoding="utf-8") as file:
        return ast.parse(file.read())


def _joined(text: str) -> str:
    return " ".join(text.split())


def _split(docstring: str):
    """Summary paragraphs, labelled paragraphs, and the entries of ``Args`` or ``Attributes``."""
    summary: list[str] = []
    sections: dict[str, list[str]] = {}
    entries: list[list[str]] = []
    label, open_paragraph = "", False
    for line in inspect.cleandoc(docstring).split("\n"):
        start = _START.match(line)
        if start:
            label, open_paragraph = start.group(1), True
            sections.setdefault(label, []).append(start.group(2))
        elif not line.strip():
            if label not in ("Args", "Attributes") or not entries:
                label = label if label in _OTHERS else ""
            open_paragraph = False
        elif label in ("Args", "Attributes") and line.startswith("    "):
            entry = re.match(r"^    (\*{0,2}\w+(?:, \w+)*): (.*)$", line)
            if entry:
                entries.append([entry.group(1), entry.group(2)])
            elif entries:
                entries[-1][1] += f" {line.strip()}"
        elif label and label not in ("Args", "Attributes"):
            sections[label][-1] += f"\n{line}" if label in _OTHERS else f" {line.strip()}"
        else:
            label = ""
            if open_paragraph and summary:
                summary[-1] += f" {line.strip()}"
            else:
                summary.append(line.strip())
            open_paragraph = True
    for other in _OTHERS:
        sections.pop(other, None)
    kept: dict[str, tuple[str, ...]] = {}
    for key, texts in sections.items():
        for text in map(_joined, texts):
            # One label may follow another on the same line.
            parts = re.split(r"(?<=[.)`]) (Assumption|Output): ", text)
            for name, part in zip([key, *parts[1::2]], parts[::2]):
                if part:
                    kept[name] = (*kept.get(name, ()), part)
    return tuple(map(_joined, summary)), kept, tuple((key, _joined(text)) for key, text in entries)


def _class_defaults(node: ast.ClassDef) -> dict[str, str]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return _defaults(part.args)
    return {  # a dataclass
        part.target.id: ast.unparse(part.value)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None
    }


def _defaults(arguments: ast.arguments) -> dict[str, str]:
    names = [argument.arg for argument in arguments.args]
    found = dict(zip(names[len(names) - len(arguments.defaults) :], arguments.defaults))
    found.update({a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults) if d is not None})
    return {name: ast.unparse(value) for name, value in found.items()}
