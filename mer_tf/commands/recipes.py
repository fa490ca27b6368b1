"""``mer recipes``: the named preprocessing configurations."""

from __future__ import annotations

import json

from mer_tf.console import table


def add(verbs) -> None:
    parser = verbs.add_parser("recipes", help="named, hashed preprocessing configurations")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.recipes import RECIPES

    if arguments.json:
        print(json.dumps([{**recipe.to_json(), "hash": recipe.hash} for recipe in RECIPES.values()], indent=1))
        return 0
    rows = [
        (
            recipe.name,
            recipe.hash,
            ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in recipe.network_inputs.items()),
            recipe.source,
        )
        for recipe in RECIPES.values()
    ]
    print(table(("recipe", "hash", "network input", "source"), rows))
    return 0
