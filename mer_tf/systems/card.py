"""What the package knows of a model before building it (no TensorFlow)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from mer_tf.systems.counts import all_counts

ASSUMED = "assumed"
NO_PAPER = ""  # ``paper_id`` of what this package adds
# Sources of settings that papers leave out.
BETAS = {"beta_1": "assumed, Adam's usual value", "beta_2": "assumed, Adam's usual value"}
NOT_STATED = {"schedule": "assumed, none is stated", "mirror": "assumed, none is stated"}


@dataclasses.dataclass(frozen=True)
class PublishedAs:
    """A system's name in the tables of one of the five papers.

    Attributes:
        paper_id: Number of the paper (``mer_tf.systems.published.PAPERS``).
        name: Name in the column ``system`` of ``published_results.csv``.
        preset: Preset with the settings of these figures.
        options: Constructor options of these figures, beside those of the card.
        tables: Tables that the settings hold for; empty for all in which the name stands.
        recipe: Recipe of these figures, where it is not the card's.
    """

    paper_id: str
    name: str
    preset: str = "paper"
    options: dict = dataclasses.field(default_factory=dict)
    tables: tuple[str, ...] = ()
    recipe: str = ""


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """Facts of one system.

    Attributes:
        name: Registry name.
        paper_id: Number of the paper, among the five, that the system comes from or is compared in; ``NO_PAPER`` for
            what none of them names.
        paper: Citation.
        input: What the network takes, in words.
        recipe: Name of the recipe whose network inputs it takes.
        presets: Name -> training settings (keys of ``mer_tf.training.TrainConfig``).
        sources: Name of a preset -> setting -> where its value comes from: ``"paper, ..."``, ``"code, ..."`` or
            ``"assumed"``, a reason after it where there is one. The key ``""`` holds for the settings that are not
            named; ``"augment"`` holds for all keys below it.
        builder: ``"module:Class"`` of the Keras model, or ``"module:function"`` of a hand-crafted feature.
        published_as: Names in the tables of the five papers.
        megc2019_as: Names in ``published_megc2019.csv``.
        starts_from: Weights that the published training starts from; ``""`` where it starts anew or says nothing.
        trunk: The system whose training on pictures of macro-expressions gives this one's first weights; ``""`` where
            there is none, or where it is trained so itself.
        pictures: Recipe of the single pictures that this system is trained on first, where it is not ``recipe``.
        small: Constructor options (JSON values) of a small network of the same kind, for tests and trials; ``"size"``
            is the side of its inputs, ``"frames"`` their number.
        options: Constructor options that make the class this system (settings that make the feature this one); they
            cannot be set otherwise.
        confidence: ``"exact"`` (public code or a complete table), ``"fitted"`` (layout found by the published
            complexity figures), ``"inferred"`` (something had to be chosen; the class says what) or ``"own"`` (of this
            package; no paper describes it).
        kind: ``"network"``, or ``"feature"`` of a hand-crafted one with its classifier.
    """

    name: str
    paper_id: str
    paper: str
    input: str
    recipe: str
    presets: dict[str, dict]
    sources: dict[str, dict[str, str]]
    builder: str
    published_as: tuple[PublishedAs, ...] = ()
    megc2019_as: tuple[str, ...] = ()
    starts_from: str = ""
    trunk: str = ""
    pictures: str = ""
    small: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    confidence: str = "exact"
    kind: str = "network"

    @property
    def is_network(self) -> bool:
        """Whether it is a Keras model; False for a hand-crafted feature with its classifier."""
        return self.kind == "network"

    @property
    def default_preset(self) -> str:
        """Name of the preset that is taken where none is asked for."""
        return "paper" if "paper" in self.presets else next(iter(self.presets))

    @property
    def parameters(self) -> int | None:
        """Weights with three classes, moving statistics left out; None for a feature and where not yet counted."""
        return all_counts().get(self.name, {}).get("parameters")

    @property
    def trainable_parameters(self) -> int | None:
        """Weights that training changes; None for a feature and where not yet counted."""
        return all_counts().get(self.name, {}).get("trainable_parameters")

    @property
    def published(self) -> dict[str, dict[str, float]]:
        """Published figures: paper, protocol and data -> metric -> value (``mer_tf.systems.published``)."""
        from mer_tf.systems.published import figures_of

        return figures_of(self)

    def source(self, preset: str, setting: str) -> str:
        """Where the value of a preset's setting comes from; ``setting`` is flat, as ``"augment.rotation"``."""
        found = self.sources.get(preset, {})
        while setting:
            if setting in found:
                return found[setting]
            setting = setting.rpartition(".")[0]
        return found.get("", ASSUMED)

    def to_json(self) -> dict:
        """Plain dictionary, as ``mer models --json`` prints it; ``seed`` is the former name of ``paper_id``."""
        found = dataclasses.asdict(self)
        found["seed"] = self.paper_id
        for name in ("parameters", "trainable_parameters", "published"):
            found[name] = getattr(self, name)
        return found


def flat(settings: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Settings with the nested ones by dotted names: ``{"augment": {"copies": 2}}`` gives ``("augment.copies", 2)``."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
