"""``mer recipes``: the named preprocessing configurations."""

from __future__ import annotations

import json

from mer_tf.console import fill, table


def add(verbs) -> None:
    parser = verbs.add_parser("recipes", help="named, hashed preprocessing configurations")
    parser.add_argument("--wide", action="store_true", help="all columns, one line per recipe")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.recipes import RECIPES

    if arguments.json:
        print(json.dumps([{**recipe.to_json(), "hash": recipe.hash} for recipe in RECIPES.values()], indent=1))
        return 0
    header = ("recipe", "hash", "source", "network input")
    rows = [
        (
            recipe.name,
            recipe.hash,
            recipe.source,
            ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in recipe.network_inputs.items()),
        )
        for recipe in RECIPES.values()
    ]
    if arguments.wide:
        print(table(header, rows, wide=True))
    else:
        print(table(header[:-1], [row[:-1] for row in rows]))
        print(fill(f"\n{len(rows)} recipes; --wide adds {header[-1]}"))
    return 0
