"""Makes a report of runs."""

from __future__ import annotations

from collections.abc import Sequence

from mer_tf import __version__
from mer_tf.document import Document, Section
from mer_tf.errors import EmptySplitError
from mer_tf.report import sections as parts
from mer_tf.report.beside import beside
from mer_tf.report.experiments import group_runs
from mer_tf.report.passports import Run


def build_report(
    runs: Sequence[Run], *, title: str = "Micro-expression recognition results", command: str = ""
) -> Document:
    """The report of some runs.

    Args:
        runs: Runs of any models, protocols and seeds (``read_run``).
        title: Heading.
        command: Command that makes the report again, shown at its end.

    Returns:
        The report, to be rendered by ``to_html`` or ``to_markdown``. The same runs give the same report.

    Raises:
        EmptySplitError: No runs.
        ConfigError: Two runs of one experiment and seed differ.
    """
    if not runs:
        raise EmptySplitError("there are no runs to report")
    experiments, dropped = group_runs(runs)
    intro = parts.intro(experiments, dropped)
    sections = [parts.summary(experiments), *parts.side_by_side(experiments)]
    for experiment in experiments:
        level = 2 if len(experiments) == 1 else 3
        own = [
            beside(experiment, level),
            parts.classes(experiment, level),
            parts.subjects(experiment, level),
            parts.mistakes(experiment, level),
            parts.seeds(experiment, level),
            parts.averages(experiment, level),
            parts.config(experiment, level),
        ]
        if len(experiments) > 1:
            sections.append(Section(experiment.name, [], 2))
        sections.extend(own)
    sections.append(parts.reading())
    again = f" Made by: {command}" if command else ""
    footer = f"mer-tf {__version__}. Every figure is computed from the runs' predictions.{again}"
    return Document(title, intro, sections, footer, contents=True)
