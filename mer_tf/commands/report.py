"""``mer report``: runs beside each other and beside the published figures, as a page and as Markdown."""

from __future__ import annotations

import json

from mer_tf.console import Console
from mer_tf.run_files import PASSPORT_FILE


def add(verbs) -> None:
    parser = verbs.add_parser("report", help="tables beside the published numbers, confusion matrices, as HTML or .md")
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"folder of a run, or its {PASSPORT_FILE}")
    parser.add_argument(
        "--out", action="append", required=True, metavar="FILE", help="report.html or report.md; may be given twice"
    )
    parser.add_argument(
        "--title", default="Micro-expression recognition results", help="heading (default: %(default)s)"
    )
    parser.add_argument(
        "--synthetic",
        action="store_true",
        help="the clips of these runs were generated; for passports that do not say so themselves",
    )
    parser.add_argument("--tables", metavar="DIR", help="also write every table as CSV and as LaTeX into this folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    import os
    import shlex

    from mer_tf import atomic, output
    from mer_tf.errors import ConfigError
    from mer_tf.report import build_report, read_run, to_html, to_markdown

    renderers = {".html": to_html, ".htm": to_html, ".md": to_markdown}
    for path in arguments.out:
        if os.path.splitext(path)[1].lower() not in renderers:
            raise ConfigError(f"--out must end in .html or .md. Received: {path!r}")
        output.check_file(path)
    if arguments.tables is not None:
        output.check_folder(arguments.tables, "--tables")
    runs = [read_run(path, synthetic=True if arguments.synthetic else None) for path in arguments.runs]
    words = ["mer", "report", *map(_shown, arguments.runs), *(["--synthetic"] if arguments.synthetic else [])]
    for path in arguments.out:
        words += ["--out", _shown(path)]
    report = build_report(runs, title=arguments.title, command=" ".join(shlex.quote(word) for word in words))
    for path in arguments.out:
        atomic.write_text(path, renderers[os.path.splitext(path)[1].lower()](report))
    if arguments.tables is not None:
        _write_tables(report, arguments.tables)
    console = Console()
    if arguments.json:
        facts = [
            {"path": run.path, "model": run.passport["model"], "protocol": run.passport["protocol"], "seed": run.seed,
             "synthetic": run.synthetic, "metrics": run.passport["metrics"]}
            for run in runs
        ]  # fmt: skip
        console.result(json.dumps({"out": arguments.out, "runs": facts}, indent=1))
    else:
        for path in arguments.out:
            console.result(path)
    return 0


def _write_tables(report, folder: str) -> None:
    import os

    from mer_tf import atomic
    from mer_tf.document import tables, to_csv, to_latex

    for number, (place, table) in enumerate(tables(report), 1):
        stem = os.path.join(folder, f"{number:03}-{place[:80]}")
        atomic.write_text(f"{stem}.csv", to_csv(table))
        atomic.write_text(f"{stem}.tex", to_latex(table))


def _shown(path: str) -> str:
    """A path as it may be printed in a report: no folders of the machine it was made on."""
    import os

    return os.path.basename(os.path.normpath(path)) if os.path.isabs(path) else path
