"""Label mappings of users: a JSON file from emotions to classes.

The name under which such a mapping travels (in records, manifests and passports) says all that is needed once labels
are given, so that the file need not be at hand then: ``my@4f0c2a9b17de(negative,positive)`` is the file's name, a hash
of its rules, and its classes by index.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence

from mer_tf.errors import ConfigError
from mer_tf.files import read_json
from mer_tf.served import NO_MOTION

REMEDY = 'write one, for example {"disgust": "negative", "happiness": "positive"}'
KEYS = ("classes", "emotions", "datasets")
_NAME = re.compile(r"(?s:(.+))@([0-9a-f]{12})\(([^()]+)\)")
_MARKS = set("(),\n\r")


def is_file_name(name: str) -> bool:
    """Whether a name is that of a file, and neither a registered mapping nor the name of one that was read."""
    return classes_of(name) is None and (name.endswith(".json") or "/" in name or os.sep in name)


def classes_of(name: str) -> tuple[str, ...] | None:
    """Classes by index that the name of a user's mapping tells; None for any other name.

    Example:
        >>> classes_of("my@4f0c2a9b17de(negative,positive)"), classes_of("megc2019")
        (('negative', 'positive'), None)
    """
    found = _NAME.fullmatch(name)
    return tuple(found[3].split(",")) if found else None


def own_name(stem: str, classes: Sequence[str], rules) -> str:
    """The name of a user's mapping.

    Args:
        stem: What the user calls it.
        classes: Class names by index.
        rules: What decides the labels, of JSON types; its hash is part of the name.

    Raises:
        ConfigError: Fewer than two classes, one twice, or a name that cannot be one.
    """
    for name in classes:
        if not isinstance(name, str) or not name.strip() or _MARKS & set(name) or name == NO_MOTION:
            raise ConfigError(
                f"a class of mapping {stem!r} must be text without brackets and commas, and not {NO_MOTION!r}. "
                f"Received: {name!r}"
            )
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise ConfigError(
            f"mapping {stem!r} must have at least two different classes. Received: {', '.join(classes) or 'none'}"
        )
    text = json.dumps([list(classes), rules], sort_keys=True)
    return f"{stem}@{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:12]}({','.join(classes)})"


def read_rules(path: str | os.PathLike) -> tuple[str, tuple[str, ...], dict[str, str], dict[str, dict[str, str]]]:
    """A mapping file.

    Two forms are read: an object from emotion to class; or ``{"emotions": {...}, "classes": [...], "datasets":
    {...}}``, where ``classes`` gives their order and ``datasets`` holds, by the name of a set, rules that differ there.

    Returns:
        Name, class names by index (in the order in which they come first, unless the file says), the rules from
        emotion (case-folded) to class, and those of single sets.

    Raises:
        MissingFileError, BadInputError: The file cannot be read.
        ConfigError: It is no mapping.
    """
    path = os.fspath(path)
    where = f"mapping file {path!r}"
    content = read_json(path, "mapping file", REMEDY)
    if not isinstance(content, dict) or not content:
        raise ConfigError(f"{where} must hold one JSON object from emotion to class; {REMEDY}")
    if all(isinstance(value, str) for value in content.values()):
        content = {"emotions": content}
    for key in content:
        if key not in KEYS:
            said = f"{key!r} is none of {', '.join(KEYS)}, and not every value is a class"
            raise ConfigError(f"{where}: {said}; {REMEDY}")
    common = _rules(content.get("emotions", {}), where)
    own = content.get("datasets", {})
    if not isinstance(own, dict):
        raise ConfigError(f"{where}: datasets must be an object from set to rules. Received: {own!r}")
    special = {name: _rules(rules, f"{where}, set {name}") for name, rules in own.items()}
    used = list(dict.fromkeys([*common.values(), *(value for rules in special.values() for value in rules.values())]))
    classes = content.get("classes", used)
    if not isinstance(classes, list):
        raise ConfigError(f"{where}: classes must be a list of names. Received: {classes!r}")
    stem = os.path.basename(path).removesuffix(".json")
    name = own_name(stem, classes, [common, special])
    unknown = [value for value in used if value not in classes]
    if unknown:
        raise ConfigError(f"{where}: class {unknown[0]!r} is not among its classes ({', '.join(classes)})")
    return name, tuple(classes), common, special


def _rules(rules, where: str) -> dict[str, str]:
    if not isinstance(rules, Mapping) or not all(isinstance(value, str) for value in rules.values()):
        raise ConfigError(f"{where}: rules must be an object from emotion to class. Received: {rules!r}")
    found: dict[str, str] = {}
    for emotion, name in rules.items():
        key = " ".join(emotion.split()).casefold()
        if found.setdefault(key, name) != name:
            raise ConfigError(f"{where}: emotion {emotion!r} has two classes, {found[key]!r} and {name!r}")
    return found
