"""``mer models``: the systems of the zoo. Only ``--plot`` and ``--recount`` import TensorFlow."""

from __future__ import annotations

import json
import os

from mer_tf.console import table
from mer_tf.errors import ConfigError


def add(verbs) -> None:
    parser = verbs.add_parser("models", help="every system: paper, input, weights, operations, presets")
    parser.add_argument("name", nargs="?", help="show one system: layers, options, assumptions, presets, results")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", metavar="FILE", help="draw the named network's layers (.svg or .png)")
    parser.add_argument("--write-docs", metavar="DIR", help="write a page per system and an index, as in docs/models")
    parser.add_argument("--recount", action="store_true", help="count all networks anew (after a change; source tree)")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.systems.registry import get_model_card

    if arguments.name:
        get_model_card(arguments.name)  # an unknown name before anything else
    if arguments.plot and not arguments.name:
        raise ConfigError("--plot draws one network: name it, as in 'mer models atscnn --plot atscnn.svg'")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.recount:
        from mer_tf.zoo.recount import write_counts

        print("\n".join(write_counts()))
        return 0
    if arguments.write_docs:
        from mer_tf.zoo.pages import write_pages

        print(f"{len(write_pages(arguments.write_docs))} pages in {arguments.write_docs}")
        return 0
    if arguments.plot:
        from mer_tf.zoo.graph import draw_system

        draw_system(arguments.name, arguments.plot)
        print(arguments.plot)
        return 0
    return _show(arguments)


def _show(arguments) -> int:
    from mer_tf.systems.counts import all_counts
    from mer_tf.systems.registry import MODELS, get_model_card

    if arguments.json:
        names = [arguments.name] if arguments.name else list(MODELS)
        facts = [{**get_model_card(name).to_json(), "counts": all_counts().get(name)} for name in names]
        print(json.dumps(facts, indent=1))
        return 0
    from mer_tf.document import to_terminal
    from mer_tf.zoo.pages import system_page, zoo_table

    print(to_terminal(system_page(arguments.name)) if arguments.name else table(*zoo_table()))
    return 0
