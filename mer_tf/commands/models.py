"""``mer models``: the systems of the zoo. Only ``--plot`` imports TensorFlow."""

from __future__ import annotations

import json

from mer_tf.console import fill, say, table
from mer_tf.errors import ConfigError

# What fits a terminal; '--wide' shows every column of the zoo.
_COLUMNS = ("model", "input", "recipe", "parameters")
# What a user has of each clip -> what it is.
TAKES = {
    "flow-images": "onset-apex flow of the whole face, as pictures or arrays",
    "puzzle-images": "the same of the HARS puzzle, or of both",
    "apex": "the apex frame",
    "frames": "onset and apex frames",
    "clips": "every frame",
}


def add(verbs) -> None:
    parser = verbs.add_parser("models", help="every system: paper, input, weights, operations, presets")
    parser.add_argument(
        "name", nargs="?", help="show one system, or FILE.py:FUNCTION: layers, options, assumptions, presets, results"
    )
    parser.add_argument("--paper", metavar="TEXT", help="systems whose paper says so (author, title or number)")
    parser.add_argument("--input", metavar="TEXT", help="systems with such an input, for example 28x28x3 or strain")
    parser.add_argument("--recipe", help="systems on that recipe, see 'mer recipes'")
    parser.add_argument(
        "--takes",
        choices=TAKES,
        help="systems that run on what you have of each clip: "
        + ", ".join(f"{name} ({what})" for name, what in TAKES.items()),
    )
    parser.add_argument("--wide", action="store_true", help="all columns, one line per system")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", metavar="FILE", help="draw the named network's layers as an .svg picture")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.recipes import get_recipe
    from mer_tf.systems.registry import get_model_card, is_own

    filters = [name for name in ("paper", "input", "recipe", "takes") if getattr(arguments, name) is not None]
    if arguments.name:
        get_model_card(arguments.name)  # an unknown name before anything else
        if filters:
            raise ConfigError(f"--{filters[0]} chooses among all systems; leave the name out")
    if arguments.recipe is not None:
        get_recipe(arguments.recipe)
    if arguments.plot and not arguments.name:
        raise ConfigError("--plot draws one network: name it, as in 'mer models atscnn --plot atscnn.svg'")
    if arguments.plot:
        from mer_tf import output
        from mer_tf.zoo.graph import draw_system

        output.check_file(arguments.plot, "--plot")
        draw_system(arguments.name, arguments.plot)
        say(arguments.plot)
        return 0
    names = [arguments.name] if arguments.name else chosen(arguments)
    if arguments.name and is_own(arguments.name) and not arguments.json:
        say(_own(arguments.name))
    elif arguments.json:
        from mer_tf.systems.counts import all_counts

        facts = [{**get_model_card(name).to_json(), "counts": all_counts().get(name)} for name in names]
        say(json.dumps(facts, indent=1))
    elif arguments.name:
        from mer_tf.document import to_terminal
        from mer_tf.zoo.pages import system_page

        say(to_terminal(system_page(arguments.name)))
    else:
        say(_listed(names, arguments.wide))
    return 0


def _own(name: str) -> str:
    """What is known of a user's network; it is built, as a training would."""
    from mer_tf.systems.own import short_name
    from mer_tf.systems.registry import get_model_card, recipe_of_model
    from mer_tf.training import TrainConfig
    from mer_tf.training.trainer import initialised_model

    card = get_model_card(name)
    config = TrainConfig.from_preset(card.name)
    recipe = recipe_of_model(card.name) if card.recipe else None
    model, _ = initialised_model(config, recipe=recipe)
    inputs = {} if recipe is None else recipe.network_inputs
    yields = ", ".join(f"{key} {'x'.join(map(str, shape))}" for key, shape in inputs.items())
    rows = [
        ("model", short_name(card.name)),
        ("code", config.model_code[:12]),
        ("recipe", f"{recipe.name} ({yields})" if recipe else "that of the records; its CARD names none"),
        ("weights", f"{model.count_params()} with {config.num_classes} classes"),
        *((f"preset {key}", json.dumps(settings)) for key, settings in card.presets.items()),
    ]
    return table(("own network", "value"), rows)


def chosen(arguments) -> list[str]:
    """Names of the systems that every filter lets through."""
    from mer_tf.systems.registry import MODELS
    from mer_tf.zoo.pages import inputs_text

    names = []
    for name, card in MODELS.items():
        facts = card.to_json()
        paper = arguments.paper is None or (
            arguments.paper == facts["seed"] or arguments.paper.casefold() in facts["paper"].casefold()
        )
        shape = arguments.input is None or arguments.input.casefold() in inputs_text(card).casefold()
        recipe = arguments.recipe in (None, card.recipe)
        if paper and shape and recipe and (arguments.takes is None or arguments.takes in takes(card)):
            names.append(name)
    return names


def takes(card) -> tuple[str, ...]:
    """Keys of ``TAKES``: what a system's recipe reads of a clip, and what can stand for it."""
    from mer_tf.recipes import get_recipe
    from mer_tf.recipes.outside import maps_of

    recipe = get_recipe(card.recipe)
    frames = "clips" if recipe.frames.is_sequence else "apex" if recipe.frames.span == "apex" else "frames"
    maps = maps_of(recipe)
    return (frames, *(("puzzle-images" if "puzzle" in maps else "flow-images",) if maps else ()))


def _listed(names: list[str], wide: bool) -> str:
    from mer_tf.zoo.pages import zoo_table

    if not names:
        return "no system fits; 'mer models' lists all"
    header, rows = zoo_table(names)
    shown = range(len(header)) if wide else [header.index(title) for title in _COLUMNS]
    text = table([header[k] for k in shown], [[row[k] for k in shown] for row in rows], wide=wide)
    if wide:
        return text
    hidden = ", ".join(title for title in header if title not in _COLUMNS)
    return f"{text}\n\n" + fill(f"{len(names)} systems; 'mer models NAME' shows one, --wide adds {hidden}")
