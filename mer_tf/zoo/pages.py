"""Pages about the systems, made from their cards, docstrings and counts; TensorFlow is not imported.

``make docs`` writes them; ``mer models NAME`` prints one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator, Sequence

from mer_tf.atomic import write_text
from mer_tf.console import fill, table
from mer_tf.recipes import get_recipe
from mer_tf.systems.card import ModelCard
from mer_tf.systems.counts import LAYER_COLUMNS, all_counts, all_layers
from mer_tf.systems.registry import MODELS, get_model_card
from mer_tf.zoo.code_map import CODE_MAP
from mer_tf.zoo.docstrings import layer_targets, module_file, names_of, read_doc, relative

INDEX = "README.md"
# Titles of citations that are long; the table of the zoo needs short ones.
_SHORT = re.compile(r"^(.*?)(?::| \d{4},|, \d{4}| 20\d\d)")
_METRICS = ("uf1", "uar", "accuracy", "f1", "war", "accuracy_gain")
_CONFIDENCE = {
    "exact": "exact: public code or a complete table exists",
    "fitted": "fitted: the layout was found by the published complexity figures",
    "inferred": "inferred: something had to be chosen, see the assumptions",
}
_RULE = (
    "FLOPs and memory by one rule, that of torchstat, which seed 004 used: see `mer_tf/zoo/complexity.py`. A "
    "multiplication with its addition is one operation; one clip, 4 bytes per value."
)


@dataclasses.dataclass(frozen=True)
class Block:
    """A heading (``level`` > 0), a paragraph or list item (``text``), or a table (``header``).

    Text is as in docstrings: names between double backticks.
    """

    text: str = ""
    level: int = 0
    item: bool = False
    header: tuple[str, ...] = ()
    rows: tuple[tuple, ...] = ()
    code: tuple[int, ...] = ()  # columns that are set as code


# ---- facts ------------------------------------------------------------------------------------------------------


def short_paper(card: ModelCard) -> str:
    """Authors or first words of the citation."""
    stand_in, _, paper = card.paper.rpartition(" in the code of ")
    match = _SHORT.match(paper)
    return f"{'code of ' if stand_in else ''}{match.group(1) if match else paper}".rstrip(", ")


def main_figure(card: ModelCard) -> str:
    """The figure of the widest published part, such as ``"UF1 0.679 (megc2019 full)"``, or ``""``."""
    parts = sorted(card.published, key=lambda part: not part.endswith("full"))
    for part in parts:
        for metric in _METRICS:
            if metric in card.published[part]:
                return f"{_metric_name(metric)} {card.published[part][metric]:.4g} ({part})"
    return ""


def zoo_table(names: Sequence[str] | None = None) -> tuple[tuple[str, ...], list[tuple]]:
    """Header and rows of the table of all systems, or of some."""
    header = (
        "model",
        "paper",
        "seed",
        "input",
        "recipe",
        "parameters",
        "trainable",
        "MFLOPs",
        "confidence",
        "published",
    )
    rows = []
    for name in MODELS if names is None else names:
        card = get_model_card(name)
        counts = all_counts().get(name, {})
        flops = counts.get("flops")
        rows.append(
            (
                name,
                short_paper(card),
                card.seed,
                inputs_text(card),
                card.recipe,
                card.parameters,
                card.trainable_parameters,
                None if flops is None else flops / 1e6,
                card.confidence,
                main_figure(card),
            )
        )
    return header, rows


def inputs_text(card: ModelCard) -> str:
    """Names and shapes of the network's inputs."""
    return ", ".join(
        f"{name} {'x'.join(map(str, shape))}" for name, shape in get_recipe(card.recipe).network_inputs.items()
    )


# ---- one page ---------------------------------------------------------------------------------------------------


def system_page(name: str) -> list[Block]:
    """What is known of one system.

    Raises:
        UnknownNameError: No system has that name.
    """
    card = get_model_card(name)
    doc = _main_doc(card)
    recipe = get_recipe(card.recipe)
    blocks = [Block(name, level=1), *(Block(text) for text in doc.summary)]
    facts = [
        ("paper", card.paper),
        ("compared in", f"seed {card.seed}"),
        ("confidence", _CONFIDENCE.get(card.confidence, card.confidence)),
        ("input", card.input),
        ("recipe", f"``{card.recipe}``, hash ``{recipe.hash}``: {recipe.source}"),
        ("network inputs", inputs_text(card)),
        *((label.lower(), text) for label in ("Inputs", "Output", "Returns") for text in doc.sections.get(label, ())),
        ("code", f"``{doc.file}``, ``{doc.name}``"),
    ]
    if card.options:
        options = {key: value for key, value in card.options.items() if key != "name"}
        if options:
            facts.append(("made of its class by", ", ".join(f"``{key}={value!r}``" for key, value in options.items())))
    blocks.append(Block(header=("fact", ""), rows=tuple(facts)))
    blocks += _network(card) if card.is_network else _feature(card)
    blocks += _options(card)
    blocks.append(Block("Assumptions", level=2))
    assumptions = [*doc.sections.get("Assumption", ()), *_config_assumptions(card), *recipe.assumptions]
    blocks += [Block(text, item=True) for text in assumptions] or [Block("None are recorded.")]
    blocks += _map(card)
    blocks += _presets(card)
    blocks += _published(card)
    return blocks


def _main_doc(card: ModelCard):
    """The documented class of a network; the function of a feature, or its class where there is no function."""
    module, _, name = card.builder.partition(":")
    if not card.is_network:
        names = names_of(relative(module_file(module)))
        if name not in names:
            name = min(n for n in names if n[0].isupper() and "." not in n and not n.endswith("Config"))
    return read_doc(f"{module}:{name}")


def _network(card: ModelCard) -> list[Block]:
    counts = all_counts().get(card.name)
    if counts is None:
        return [Block("Counts", level=2), Block("Not counted yet; run ``make counts``.")]
    rows = (
        ("weights, moving statistics left out", f"{counts['parameters']:,}"),
        ("trained", f"{counts['trainable_parameters']:,}"),
        ("fixed (moving statistics, frozen weights)", f"{counts['fixed']:,}"),
        ("FLOPs", f"{counts['flops']:,} ({counts['flops'] / 1e6:,.2f} M)"),
        ("memory read and written", f"{counts['traffic'] / 2**20:,.2f} MiB"),
        ("activations (outputs of all layers)", f"{counts['activations'] / 2**20:,.2f} MiB"),
    )
    layers = tuple(
        (row["name"], row["kind"], "x".join(map(str, row["output"])), *(f"{row[k]:,}" for k in ("parameters", "flops")))
        for row in (dict(zip(LAYER_COLUMNS, values)) for values in all_layers()[card.name])
    )
    statement = "Three classes, one clip. " + _RULE.replace("`", "``")
    return [
        Block("Counts", level=2),
        Block(statement),
        Block(header=("count", "value"), rows=rows),
        Block("Layers", level=2),
        Block(header=("layer", "kind", "output", "weights", "FLOPs"), rows=layers, code=(0,)),
    ]


def _feature(card: ModelCard) -> list[Block]:
    found = all_counts().get(card.name, {}).get("dimension", {})
    rows = tuple((preset, f"{length:,}") for preset, length in found.items())
    return [Block("Length of the feature", level=2), Block(header=("preset", "numbers per clip"), rows=rows, code=(0,))]


def _options(card: ModelCard) -> list[Block]:
    if card.is_network:
        title, docs = "Options", [(read_doc(card.builder), "")]
    else:
        title, docs = "Settings of the feature and of the classifier", list(_config_docs(card))
    blocks = [Block(title, level=2)]
    for doc, heading in docs:
        if heading:
            blocks.append(Block(heading, level=3))
        rows = tuple(
            (option, default, re.sub(r" ?Defaults to [^.]*(?:\.\d[^.]*)?\.$", "", text))
            for option, default, text in doc.options
            if not option.startswith("*")
        )
        blocks.append(Block(header=("option", "default", "meaning"), rows=rows, code=(0, 1)))
    return blocks


def _config_docs(card: ModelCard) -> Iterator[tuple]:
    """(documentation of a settings class, heading) of a feature and of its classifier."""
    module, _, name = card.builder.partition(":")
    configs = [n for n in names_of(relative(module_file(module))) if n.endswith("Config")]
    wanted = "".join(part.title() for part in name.split("_")) + "Config"
    chosen = wanted if wanted in configs else min(configs)
    yield read_doc(f"{module}:{chosen}"), f"``feature``: ``{chosen}``"
    yield read_doc("mer_tf.training.svm:SvmConfig"), "``svm``: ``SvmConfig``"


def _config_assumptions(card: ModelCard) -> list[str]:
    if card.is_network:
        return []
    return [text for doc, _ in _config_docs(card) for text in doc.sections.get("Assumption", ())]


def _map(card: ModelCard) -> list[Block]:
    doc = _main_doc(card)
    rows = [("the whole", doc.source.removesuffix(" as a Keras model."), f"{doc.file}", doc.name)]
    rows += CODE_MAP.get(doc.name, ())
    named = {(row[2], row[3]) for row in rows}
    if card.is_network:
        kinds = dict.fromkeys(row[1] for row in all_layers().get(card.name, ()))
        for kind in kinds:
            if kind in layer_targets():
                layer = read_doc(layer_targets()[kind])
                if (layer.file, layer.name) not in named:
                    rows.append((_first_sentence(layer), _source_of(layer), layer.file, layer.name))
    recipe = get_recipe(card.recipe)
    rows.append(("preprocessing", recipe.source, "mer_tf/recipes", card.recipe))
    card_file = f"{os.path.dirname(doc.file)}/card.py"
    rows.append(("training settings, published figures", f"seed {card.seed} and the paper", card_file, "CARDS"))
    cells = tuple((what, paper, f"``{file}``: ``{name}``") for what, paper, file, name in rows)
    return [Block("From the paper to the code", level=2), Block(header=("what", "paper", "code"), rows=cells)]


def _first_sentence(doc) -> str:
    return re.split(r"(?<=\.) ", doc.summary[0])[0].rstrip(".") if doc.summary else doc.name


def _source_of(doc) -> str:
    if doc.sections.get("Source"):
        return doc.source
    return doc.module if re.search(r"\d{4}", doc.module) else "of this package"


def _presets(card: ModelCard) -> list[Block]:
    blocks = [Block("Training settings", level=2)]
    for number, (preset, settings) in enumerate(card.presets.items()):
        same = [other for other in list(card.presets)[:number] if card.presets[other] == settings]
        blocks.append(Block(f"Preset ``{preset}``", level=3))
        if same:
            blocks.append(Block(f"As ``{same[0]}``."))
            continue
        rows = tuple((key, _value(value)) for key, value in _flat(settings))
        blocks.append(Block(header=("setting", "value"), rows=rows, code=(0, 1)))
    return blocks


def _flat(settings: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _published(card: ModelCard) -> list[Block]:
    blocks = [Block("Published results", level=2)]
    if not card.published:
        return [*blocks, Block("None are printed for this system.")]
    found = {metric for figures in card.published.values() for metric in figures}
    metrics = [m for m in _METRICS if m in found] + sorted(found - set(_METRICS))
    rows = tuple(
        (part, *(f"{figures[m]:.4g}" if m in figures else None for m in metrics))
        for part, figures in card.published.items()
    )
    blocks.append(Block(header=("part", *map(_metric_name, metrics)), rows=rows))
    blocks.append(Block("As printed; misprints that are known stand in ``mer_tf/report/misprints.json``."))
    return blocks


def _metric_name(metric: str) -> str:
    return metric.upper() if metric in ("uf1", "uar", "war", "f1") else metric.replace("_", " ")


# ---- rendering --------------------------------------------------------------------------------------------------


def to_markdown(blocks: Sequence[Block]) -> str:
    """The blocks as Markdown."""
    lines: list[str] = []
    for block, after in zip(blocks, [*blocks[1:], Block()]):
        if block.level:
            lines += [f"{'#' * block.level} {_markdown(block.text)}", ""]
        elif block.header:
            right = [
                all(row[i] is None or re.fullmatch(r"[\d,.]+", str(row[i])) for row in block.rows)
                for i in range(len(block.header))
            ]
            lines.append("| " + " | ".join(block.header) + " |")
            lines.append("|" + "|".join("---:" if r and block.rows else "---" for r in right) + "|")
            for row in block.rows:
                cells = (_cell(value, number in block.code) for number, value in enumerate(row))
                lines.append("| " + " | ".join(cells) + " |")
            lines.append("")
        elif block.item:
            lines.append(f"- {_markdown(block.text)}")
            if not after.item:
                lines.append("")
        else:
            lines += [_markdown(block.text), ""]
    return "\n".join(lines).rstrip() + "\n"


def to_terminal(blocks: Sequence[Block]) -> str:
    """The blocks as plain text."""
    parts = []
    for block in blocks:
        if block.level == 1:
            parts.append(_plain(block.text))
        elif block.level:
            parts.append(f"\n{_plain(block.text)}")
        elif block.header:
            rows = [[None if value is None else _plain(str(value)) for value in row] for row in block.rows]
            parts.append(table(block.header, rows))
        else:
            parts.append(fill(f"{'- ' if block.item else ''}{_plain(block.text)}", "  " if block.item else ""))
    return "\n".join(parts)


def _plain(text: str) -> str:
    return text.replace("``", "")


def _markdown(text: str) -> str:
    """Docstring text as Markdown: code between single backticks, everything else escaped."""
    parts = re.split(r"(``.*?``)", text)
    return "".join(
        f"`{part[2:-2]}`" if part.startswith("``") else re.sub(r"([\\*_<|])", r"\\\1", part) for part in parts if part
    )


def _cell(value, code: bool) -> str:
    if value is None or value == "":
        return "–" if value is None else ""
    text = " ".join(str(value).split())
    if code:
        return "`" + text.replace("|", "\\|") + "`"
    return _markdown(text)


# ---- files ------------------------------------------------------------------------------------------------------


def page_text(name: str) -> str:
    """The page of one system as Markdown."""
    return to_markdown([*system_page(name), Block("Generated by ``make docs``; do not edit.")])


def index_text() -> str:
    """The table of all systems as Markdown, each with its page."""
    header, rows = zoo_table()
    cells = []
    for row in rows:
        shown = [_cell(_number(value), False) for value in row]
        cells.append("| " + " | ".join([f"[{row[0]}]({row[0]}.md)", *shown[1:]]) + " |")
    right = ("parameters", "trainable", "MFLOPs")
    return "\n".join(
        [
            "# Systems",
            "",
            f"{len(rows)} systems: networks and hand-crafted features of the five papers and of what they are compared "
            "with. Weights are those of three classes, moving statistics left out.",
            "",
            _RULE,
            "",
            "| " + " | ".join(header) + " |",
            "|" + "|".join("---:" if title in right else "---" for title in header) + "|",
            *cells,
            "",
            "Confidence: " + "; ".join(_CONFIDENCE.values()) + ".",
            "",
            "Generated by `make docs`; do not edit.",
            "",
        ]
    )


def _number(value):
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else value


def write_pages(folder: str | os.PathLike) -> list[str]:
    """Writes the index and a page per system; pages of systems that are no more are removed.

    Args:
        folder: Made if missing.

    Returns:
        Paths of the written files.
    """
    folder = os.fspath(folder)
    paths = [os.path.join(folder, INDEX)]
    write_text(paths[0], index_text())
    for name in MODELS:
        paths.append(os.path.join(folder, f"{name}.md"))
        write_text(paths[-1], page_text(name))
    ending = "Generated by `make docs`; do not edit.\n"
    for file in sorted(os.listdir(folder)):
        path = os.path.join(folder, file)
        if file.endswith(".md") and path not in paths:
            with open(path, encoding="utf-8") as old:
                if old.read().endswith(ending):
                    os.unlink(path)
    return paths
