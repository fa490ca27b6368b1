"""The page of the papers' tables: every printed figure stands in it, and every command on it is one of the real CLI."""

from __future__ import annotations

import collections
import functools
import itertools
import os
import re
import shlex

import pytest

from mer_tf.cli import build_parser
from mer_tf.commands.options import parse_options, parse_settings
from mer_tf.commands.sweep import check_arguments
from mer_tf.datasets import READERS
from mer_tf.datasets.composites import COMPOSITES
from mer_tf.datasets.mappings import get_mapping
from mer_tf.protocols.registry import PROTOCOLS
from mer_tf.recipes import get_recipe
from mer_tf.systems.published import SETTINGS, published_results
from mer_tf.systems.registry import MODELS, check_recipe
from mer_tf.training.config import TrainConfig
from mer_tf.zoo.docstrings import read_doc
from mer_tf.zoo.tables import NO_COMMAND, commands, further_entries, owner, run_commands, tables_text

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMANDS = tuple(dict.fromkeys(commands()))


@functools.cache
def parser():
    return build_parser()


def words(command: str) -> dict[str, list[str]]:
    """Values of each option of a command line."""
    found, line = collections.defaultdict(list), shlex.split(command)
    for option, value in itertools.pairwise(line):
        if option.startswith("--") and not value.startswith("--"):
            found[option].append(value)
    return found


def test_committed_page_is_what_the_code_says():
    with open(os.path.join(ROOT, "docs", "tables.md"), encoding="utf-8") as file:
        assert file.read() == tables_text(), "run 'make docs'"


def test_every_printed_figure_stands_in_a_row():
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in tables_text().splitlines()]
    cells = collections.defaultdict(set)
    for row in rows:
        if len(row) > 2:
            cells[row[0], row[1]].update(row[2:])
    for row in published_results():
        assert f"{row.value:,.10g}" in cells[row.system, row.dataset], row


def test_every_row_has_a_command_or_a_reason():
    on_page = set(COMMANDS)
    for row in published_results():
        found = owner(row)
        if found is None:
            assert NO_COMMAND[row.paper_id, row.system]
        else:
            assert set(run_commands(row, *found)) <= on_page, row
    for entry in further_entries():
        assert set(entry["commands"]) <= on_page
        assert entry["commands"] or entry["remark"], entry


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_those_of_the_program(command):
    arguments = parser().parse_args(shlex.split(command)[1:])
    assert arguments.run
    given = words(command)
    for option, known in (("--model", MODELS), ("--protocol", PROTOCOLS), ("--composite", COMPOSITES)):
        assert set(given[option]) <= set(known)
    if arguments.run.__module__.endswith((".prepare", ".data")):
        assert set(given["--dataset"]) <= set(READERS)
    for name in given["--mapping"]:
        get_mapping(name)
    for name in given["--recipe"]:
        get_recipe(name)
    for model in given["--model"]:
        card = MODELS[model]
        pictures = command.startswith("mer pretrain") and not given["--data"]
        preset = (*given["--preset"], "macro" if pictures else "paper")[0]
        TrainConfig.from_preset(card.trunk or model if pictures else model, preset)
        parse_settings(given["--set"])
        taken = {option[0] for option in read_doc(card.builder).options} if card.is_network else set()
        assert {text.partition("=")[0] for text in given["--option"]} <= taken
        if command.startswith("mer sweep"):
            for _, config, _ in check_arguments(arguments, weights_here=False)[0]:
                assert config.model == model
        else:
            parse_options(given["--option"])
        for folder in given["--data"]:
            check_recipe(model, get_recipe(folder.rsplit("/", 1)[1]))


def test_what_a_run_reads_is_written_above_and_no_two_write_to_one_place():
    written = {}
    for command in COMMANDS:
        given = words(command)
        if re.match("mer (loso|sweep|pretrain)", command):
            weights = [path.rpartition("/")[0] for path in given["--initial-weights"] if "/" in path]
            for source in (*given["--data"], *weights):
                assert source in written, f"nothing writes {source}: {command}"
        for out in given["--out"]:
            if not out.endswith((".png", ".html")):
                assert written.setdefault(out, command) == command
    for command in COMMANDS:
        if command.startswith("mer report"):
            assert {word for word in command.split() if word.startswith("runs/")} <= set(written), command


def test_studies_are_one_sweep_with_the_value_of_each_row():
    lines = tables_text().splitlines()
    assert sum(line.startswith("mer sweep") for line in lines) == 5
    for system, flag, value in (
        ("Dual-ATME, lambda = 0.0001", "--option", "0.0001"),
        ("Dual-ATME, lambda = 0.01 (default)", "--option", "0.01"),
        ("Dual-ATME, CE + SGD", "--preset", "cross_entropy_sgd"),
        ("Dual-ATME, focal + Adam (default)", "--preset", "paper"),
    ):
        row = next(row for row in published_results() if row.system == system)
        (command,) = run_commands(row, *owner(row))
        assert value in [one for text in words(command)[flag] for one in text.rpartition("=")[2].split(",")]
    assert [len(check_arguments(parser().parse_args(shlex.split(line)[1:]), weights_here=False)[0]) for line in lines
            if line.startswith("mer sweep")] == [5, 4, 4, 5, 3]  # fmt: skip


def test_runs_of_a_row_have_its_protocol_and_clips():
    for row in published_results():
        found = owner(row)
        if found and row.protocol in SETTINGS:
            command = run_commands(row, *found)[-1]
            assert words(command)["--protocol"] == [SETTINGS[row.protocol].protocols[0]]
