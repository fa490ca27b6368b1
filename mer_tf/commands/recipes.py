"""``mer recipes``: the named preprocessing configurations."""

from __future__ import annotations

import json

from mer_tf.console import fill, say, table


def add(verbs) -> None:
    parser = verbs.add_parser("recipes", help="named, hashed preprocessing configurations")
    parser.add_argument("name", nargs="?", metavar="NAME", help="one recipe in full, with what it assumes")
    parser.add_argument("--wide", action="store_true", help="all columns, one line per recipe")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.recipes import RECIPES, get_recipe

    if arguments.name is not None:
        recipe = get_recipe(arguments.name)
        say(json.dumps({**recipe.to_json(), "hash": recipe.hash}, indent=1) if arguments.json else _text(recipe))
        return 0
    if arguments.json:
        say(json.dumps([{**recipe.to_json(), "hash": recipe.hash} for recipe in RECIPES.values()], indent=1))
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
        say(table(header, rows, wide=True))
    else:
        say(table(header[:-1], [row[:-1] for row in rows]))
        say(fill(f"\n{len(rows)} recipes; --wide adds {header[-1]}"))
    return 0


def _text(recipe) -> str:
    """One recipe in full: settings by part, tensors, and assumptions."""

    def said(settings: dict) -> str:
        return ", ".join(f"{name} {value}" for name, value in settings.items())

    settings = recipe.to_json()
    parts = {part: said(settings[part]) for part in ("frames", "face")}
    if recipe.magnify.method != "none":
        parts["magnify"] = said(settings["magnify"])
    if recipe.measures_motion:
        parts["flow"] = said(settings["flow"])
    images = "RGB" if recipe.colour else "gray"
    lines = [
        f"{recipe.name}  ({recipe.hash})",
        recipe.source,
        "",
        *(f"{part:9} {text}" for part, text in parts.items()),
        f"{'crop':9} {recipe.crop_size} px, {images}"
        + f"; puzzle of {' and '.join(recipe.puzzle_parts)}, {recipe.puzzle_size} px" * bool(recipe.puzzle_size),
        *(f"{'array':9} {name} {'x'.join(map(str, shape))}" for name, shape in recipe.inputs.items()),
        *(
            f"{'input':9} {view.name} {'x'.join(map(str, shape))}: {view.content} of {view.array}, {view.normalisation}"
            for view, shape in zip(recipe.views, recipe.network_inputs.values())
        ),
        "",
        "Assumed, since the source does not state it:" if recipe.assumptions else "No assumptions are recorded.",
        *(f"- {text}" for text in recipe.assumptions),
    ]
    return "\n".join(lines)
