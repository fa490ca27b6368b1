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
