"""``--option NAME=VALUE``: constructor options of a model, shared by the verbs that train."""

from __future__ import annotations

import json

from mer_tf.errors import ConfigError


def add_options(parser) -> None:
    """Adds ``--option``."""
    parser.add_argument(
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="constructor option of the model, for example sigmoid=false; once for each",
    )


def parse_options(texts: list[str]) -> dict:
    """``NAME=VALUE`` texts as a dictionary; a value that is not JSON is text.

    Raises:
        ConfigError: A text is not of that form, or a name stands twice.
    """
    options: dict = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name or name in options:
            why = "stands twice" if name in options else "is not NAME=VALUE"
            raise ConfigError(f"--option {text} {why}; give for example --option sigmoid=false")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options


def preset_options(model: str, preset: str, texts: list[str]) -> dict:
    """The preset's constructor options with those of ``--option`` put over them, inside groups as well.

    Args:
        model: Registry name.
        preset: Name of one of its presets; an unknown one has no options here, and is refused where it is used.
        texts: The values of ``--option``.
    """
    from mer_tf.systems.registry import get_model_card

    merged = dict(get_model_card(model).presets.get(preset, {}).get("model_options", {}))
    for name, value in parse_options(texts).items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if both else value
    return merged
