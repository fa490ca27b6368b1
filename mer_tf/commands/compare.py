"""``mer compare``: two prediction files of the same clips, without importing TensorFlow."""

from __future__ import annotations

import json

from mer_tf.console import fill, say, table


def add(verbs) -> None:
    parser = verbs.add_parser("compare", help="two prediction files: paired bootstrap over subjects, McNemar")
    parser.add_argument("a", metavar="A", help="folder of a run, prediction CSV or challenge log")
    parser.add_argument("b", metavar="B", help="the same of another method, for the same clips")
    parser.add_argument("--classes", help="class names by index (default: as 'mer evaluate' for A)")
    parser.add_argument("--draws", type=int, default=10000, help="bootstrap draws and permutations")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: %(default)s)")
    parser.add_argument("--within-dataset", action="store_true", help="draw subjects within each dataset")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.commands.evaluate import class_names, prediction_file
    from mer_tf.errors import ConfigError
    from mer_tf.metrics.comparison import compare
    from mer_tf.metrics.predictions import read_any

    if arguments.seed < 0:
        raise ConfigError(f"--seed must be at least 0. Received: {arguments.seed}")
    a, b = prediction_file(arguments.a), prediction_file(arguments.b)
    classes = class_names(arguments.classes, a)
    result = compare(
        read_any(a, len(classes)),
        read_any(b, len(classes)),
        len(classes),
        draws=arguments.draws,
        seed=arguments.seed,
        within_dataset=arguments.within_dataset,
    )
    say(json.dumps(result, indent=1) if arguments.json else format_comparison(result))
    return 0


def format_comparison(result: dict) -> str:
    """The result of ``compare`` for a person."""
    clips, bootstrap, mcnemar = result["clips"], result["bootstrap"], result["mcnemar"]
    lines = [
        fill(
            f"{clips['common']} clips in common ({clips['only_a']} only in A, {clips['only_b']} only in B: left out), "
            f"{bootstrap['subjects']} subjects"
        ),
    ]
    if left_out := ", ".join(result["datasets_left_out"]):
        lines.append(fill(f"warning: no clip of {left_out} is in both files; is the set named alike in both?"))
    lines.append("")
    rows = []
    for key, name in (("uf1", "UF1"), ("uar", "UAR"), ("accuracy", "accuracy")):
        value = bootstrap[key]
        low, high = value["interval"]
        interval = f"{low:+.3f} to {high:+.3f}"
        difference = f"{value['difference']:+.3f}"
        rows.append(
            (name, value["a"], value["b"], difference, interval, p_text(value["p"]), p_text(result["permutation"][key]))
        )
    header = ("pooled", "A", "B", "A - B", f"{bootstrap['level']:.0%} interval", "p bootstrap", "p permutation")
    holm = ", ".join(f"{name.upper()} {p_text(p)}" for name, p in result["holm"].items())
    redrawn = f", {bootstrap['redrawn']} drawn again for lack of a class" if bootstrap["redrawn"] else ""
    lines += [
        table(header, rows),
        fill(f"subjects are drawn and swapped, {bootstrap['draws']} times{redrawn}; Holm over UF1 and UAR: {holm}"),
        "",
        fill(
            f"McNemar on clips (secondary: accuracy only, ignores subjects): only A right {mcnemar['only_a_right']}, "
            f"only B right {mcnemar['only_b_right']}, p {p_text(mcnemar['p_exact'])} exact, "
            f"{p_text(mcnemar['p_mid'])} mid"
        ),
    ]
    return "\n".join(lines)


def p_text(p: float) -> str:
    """A p value with two significant digits."""
    return f"{p:.2g}" if p >= 0.0001 else f"{p:.1e}"
