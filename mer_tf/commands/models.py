"""``mer models``: the systems of the zoo, without importing TensorFlow."""

from __future__ import annotations

import json

from mer_tf.console import table


def add(verbs) -> None:
    parser = verbs.add_parser("models", help="every system: paper, input, parameter count, presets")
    parser.add_argument("name", nargs="?", help="show one system with its presets")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    import dataclasses

    from mer_tf.models.registry import MODELS, get_model_card

    cards = [get_model_card(arguments.name)] if arguments.name else list(MODELS.values())
    if arguments.json:
        print(json.dumps([dataclasses.asdict(card) for card in cards], indent=1))
        return 0
    header = ("model", "seed", "parameters", "recipe", "presets", "input")
    rows = [(card.name, card.seed, card.parameters, card.recipe, ", ".join(card.presets), card.input) for card in cards]
    print(table(header, rows))
    if arguments.name:
        print(f"\n{cards[0].paper}")
        for name, settings in cards[0].presets.items():
            print(f"\npreset {name}")
            print(table(("setting", "value"), [(key, str(value)) for key, value in settings.items()]))
    return 0
