"""Compares a network of this package with the code that its authors published, weight for weight.

The other code is not part of this repository: give a checkout of it, and a Python that has PyTorch. Its own class is
built there with random weights; the same weights are then put into the network here, and both see the same inputs.
Dropout is off on both sides.

    python tools/compare_published.py PATH/TO/CHECKOUT ststnet --torch-python PATH/TO/python

One long file, because both halves must agree about every line of the table in between.

docs/faithfulness.md says which repository and commit each system was compared with, and what came out.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from unittest import mock

import numpy as np

STEPS, SEED = 5, 7


@dataclasses.dataclass(frozen=True)
class Pair:
    """A network here and its class in the published code.

    Attributes:
        file: Module of the class, relative to the checkout.
        name: Name of the class.
        inputs: Name of each input here -> (height, width, channels), in the order of the class's arguments.
        optimizer: Class in ``torch.optim`` and its arguments, as the published training script has them.
        options: Options of the network here that follow the published code.
        settings: Training settings here beside the preset's.
        preset: Preset here that follows the published code.
        arguments: Arguments of the class.
        one_input: Whether the class takes all inputs as the channels of one tensor.
        low: Lowest value of the inputs; the highest is 1.
        output: Which of several outputs are the logits.
        flattened: Name of a linear layer there -> (parts, channels, height, width) of the maps it sees, flattened with
            the channels first, part after part.
        order: Names of the layers there in the order of the layers here; that of their first use by default.
        given: Names of the inputs in the order of the class's arguments, where it takes some twice or some are unused.
        tables: Name of a module there -> its parameter that is neither weight nor bias.
        classes: Number of classes.
        batch: Number of clips.
        aliases: Name that the published module uses and lacks -> the name that is meant.
        missing: Module there -> names that the class's module imports from it although it has none of them.
        cosine: Weight of one minus the cosine of the first two outputs, added to the loss.
        focal: Whether the loss is focal with gamma 2, not cross-entropy.
    """

    file: str
    name: str
    inputs: dict
    optimizer: tuple
    options: dict = dataclasses.field(default_factory=dict)
    settings: dict = dataclasses.field(default_factory=dict)
    preset: str = "paper"
    arguments: dict = dataclasses.field(default_factory=dict)
    one_input: bool = False
    low: float = 0.0
    output: int | None = None
    flattened: dict = dataclasses.field(default_factory=dict)
    order: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    tables: dict = dataclasses.field(default_factory=dict)
    classes: int = 3
    batch: int = 6
    aliases: dict = dataclasses.field(default_factory=dict)
    missing: dict = dataclasses.field(default_factory=dict)
    cosine: float = 0.0
    focal: bool = False


def _adam(rate):
    return ("Adam", {"lr": rate})


_FACE28, _FACE112 = {"face": (28, 28, 3)}, {"face": (112, 112, 3)}
_RCN_BASE = {"num_input": 3, "featuremaps": 64, "num_classes": 3}
_RCN = {
    "file": "MeNets.py",
    "inputs": _FACE28,
    "optimizer": ("SGD", {"lr": 5e-4, "momentum": 0.9}),
    "arguments": {**_RCN_BASE, "pool_size": 5},
    "flattened": {"classifier": (1, 64, 5, 5)},
    "order": ("classifier", "conv1", "stream1", "stream2", "stream3", "rcls", "dbl", "ebl"),
}


_OFF_BLOCK = ("botneck", "conv.0", "conv.1", "conv.3", "conv.4")
_MACNN_BLOCK = ("botneck", "conv.0", "conv.2")
_MICRO_BLOCK = ("convm", "convl_1.0", "convl_1.1", "convl_2.0", "convl_2.1", "convr")
_MMNET_BLOCK = ("conv1", "bn1", "conv2", "bn2", "downsample", "attn")
_TRANSFORMER = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "norm1", "norm2")
_OFF_HEAD = {"dense.0": (1, 8, 7, 7)}


def _attention(name):
    """The projections of a self-attention of several heads: each is one layer of this package."""
    return tuple(f"{name}.sa_blocks.*.w_{which}" for which in "qkv")


PAIRS = {
    "ststnet": Pair(
        "main.py",
        "STSTNet",
        _FACE28,
        _adam(5e-5),
        preset="code",
        options={"padding": 2},
        flattened={"fc": (1, 16, 5, 5)},
    ),
    "dual_atme": Pair(
        "Me_Model_att.py",
        "MEROIInception",
        {"face": (28, 28, 3), "puzzle": (28, 28, 3)},
        _adam(1e-3),
        preset="code",
        options={"attention": "shared"},
        low=-1.0,
        output=2,
        flattened={"fc.0": (1, 96, 7, 7)},
        order=(
            *(f"Inception{branch}_{block}" for branch in (1, 2) for block in (1, 2)),
            "cbam.shared_MLP.0",
            "cbam.shared_MLP.2",
            "cbam.conv2d",
            "fc",
        ),
        cosine=0.01,
        focal=True,
    ),
    "rcn": Pair(**{**_RCN, "file": "RCNs.py", "arguments": {**_RCN_BASE, "num_layers": 1}}, name="RecNet"),
    **{f"rcn_{variant}": Pair(**_RCN, name=f"RCN_{variant.upper()}") for variant in "aswc"},
    "rcn_f": Pair(**_RCN, name="RCN_F", options={"replicate_bug": True}, aliases={"RCN_E": "RCN_F"}),
    "off_apexnet": Pair(
        "models/off_apexnet.py",
        "OffApexNet",
        {"u": (28, 28, 1), "v": (28, 28, 1)},
        _adam(1e-4),
        options={"activation": "none"},
        one_input=True,
        flattened={"dense.0": (2, 16, 7, 7)},
    ),
    "dual_inception_atscnn_setup": Pair(
        "models/dual_inception.py",
        "DualInception",
        {"u": (28, 28, 1), "v": (28, 28, 1)},
        _adam(1e-3),
        options={"size": 28},
        one_input=True,
        flattened={"dense.0": (1, 128, 7, 7)},
    ),
    "ststnet_atscnn_setup": Pair(
        "models/ststnet.py",
        "STSTNet",
        _FACE28,
        _adam(5e-5),
        options={"size": 28},
        flattened={"dense.0": (1, 16, 5, 5)},
    ),
    "micro_attention_atscnn_setup": Pair(
        "models/micro_attention.py",
        "MicroAttention",
        {"face": (224, 224, 3)},
        ("SGD", {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}),
        options={"size": 224},
        flattened={"dense.0": (1, 256, 7, 7)},
        order=("conv", *(f"ma.{block}.{layer}" for block in (0, 2, 4) for layer in _MICRO_BLOCK), "dense"),
    ),
    "macnn": Pair(
        "models/macnn.py",
        "MACNN",
        _FACE112,
        _adam(1e-3),
        options={"size": 112},
        flattened={"dense.0": (1, 256, 7, 7)},
        order=(*(f"res_vgg.{block}.{layer}" for block in range(4) for layer in _MACNN_BLOCK), "aconv", "dense"),
    ),
    "off_tanet": Pair(
        "models/off_tanet.py",
        "OffTANet",
        _FACE112,
        _adam(1e-3),
        options={"size": 112},
        flattened=_OFF_HEAD,
        order=(
            "conv1",
            *(f"res{block}.{layer}" for block in (1, 2) for layer in _OFF_BLOCK),
            *(f"eres.{layer}" for layer in ("botneck", "conv1", "ca.fc1", "ca.fc2", "spa.conv1")),
            *_attention("eres.sa"),
            "eres.conv2",
            "dense",
        ),
    ),
    "mini_aorcnn": Pair(
        "models/arfnet.py",
        "ARFNet",
        _FACE112,
        _adam(1e-3),
        options={"size": 112},
        flattened=_OFF_HEAD,
        order=("conv1", "res1", "res2", "sa.botneck", *_attention("sa.sa.0"), *_attention("sa.sa.1"), "dense"),
    ),
    "mmnet": Pair(
        "CASME2_3.py",
        "MMNet",
        {"onset": (224, 224, 3), "apex": (224, 224, 3)},
        ("AdamW", {"lr": 8e-4, "weight_decay": 0.7}),
        settings={"schedule": "constant"},
        given=("onset", "onset", "onset", "onset", "apex", *["onset"] * 5),
        classes=5,
        batch=3,
        low=-1.0,
        flattened={"main_branch.fc": (1, 512, 14, 14)},
        tables={"vit_pos": "pos_embed"},
        missing={"CA_block": ("resnet50",)},
        order=(
            "conv_act",
            "main_branch.conv1",
            "main_branch.bn1",
            *(f"main_branch.layer{block}.0.{layer}" for block in range(1, 5) for layer in _MMNET_BLOCK),
            "vit_pos.patch_embed.proj",
            "vit_pos!",
            *(f"vit_pos.blocks.{block}.{layer}" for block in range(3) for layer in _TRANSFORMER),
            "vit_pos.norm",
            "main_branch.fc",
        ),
    ),
    "kfc_mer": Pair(
        "Code/Code_SMIC_3class/models.py",
        "KFC_MER_Model",
        {"flow": (224, 224, 3), "strain": (224, 224, 3), "parsing": (224, 224, 10)},
        ("SGD", {"lr": 0.01, "momentum": 0.9}),
        given=("flow", "parsing", "strain", "parsing"),
        batch=2,
        flattened={"fc1": (1, 1024, 14, 14)},
        order=(
            *(
                f"{layer}"
                for stream in (1, 2)
                for layer in (
                    f"conv{stream}_1.0",
                    f"conv{stream}_1.1",
                    f"conv{stream}_1.3",
                    f"conv{stream}_1.4",
                    f"conv{stream}_1.6",
                    f"bn{stream}_1",
                    f"CondNet{stream}",
                    f"sft_branch{stream}.SFT_scale_conv",
                    f"sft_branch{stream}.SFT_shift_conv",
                    *(f"layer{stream}_{stage}.{block}" for stage in (1, 2) for block in (0, 1)),
                )
            ),
            "fc1",
            "fc2",
        ),
    ),
}


# ---------------------------------------------------------------------------------------------- with PyTorch


class _Absent:
    """Finds every module that is not installed and gives an object that takes any use in its place."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec):
        module = mock.MagicMock(name=spec.name)
        module.__path__, module.__spec__, module.__all__ = [], spec, []
        return module

    def exec_module(self, module):
        pass


def their_half(pair: Pair, checkout: str, out: str) -> None:
    """Builds the published class, and writes weights, outputs, gradients and what training makes of them."""
    import torch

    with contextlib.suppress(ImportError):
        importlib.import_module("torchvision")
    torch.set_num_threads(1)
    torch.__version__ = str(torch.__version__)
    convolution = torch.nn.Conv2d.__init__

    def possible(self, in_channels, out_channels, *rest, groups=1, **others):
        # One published script asks for more groups than divide its channels, which no PyTorch builds.
        convolution(self, in_channels, out_channels, *rest, groups=1 if in_channels % groups else groups, **others)

    torch.nn.Conv2d.__init__ = possible
    file = os.path.join(checkout, pair.file)
    sys.path[:0] = [checkout, os.path.dirname(file)]
    if not any(isinstance(finder, _Absent) for finder in sys.meta_path):
        sys.meta_path.append(_Absent())
    for other, names in pair.missing.items():
        for name in names:
            setattr(importlib.import_module(other), name, None)
    spec = importlib.util.spec_from_file_location("published", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for missing, meant in pair.aliases.items():
        setattr(module, missing, getattr(module, meant))
    torch.manual_seed(SEED)
    net = getattr(module, pair.name)(**pair.arguments)
    modules = dict(net.named_modules())
    for part in modules.values():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        if hasattr(part, "drop_prob"):
            part.drop_prob = 0.0
    inputs = {name: torch.tensor(value.transpose(0, 3, 1, 2).copy()) for name, value in _inputs(pair).items()}
    labels = torch.tensor(_labels(pair))
    given = [inputs[name] for name in pair.given or inputs]
    given = [torch.cat(given, 1)] if pair.one_input else given

    used = []
    hooks = [
        part.register_forward_hook(lambda *_, name=name: used.append(name) if name not in used else None)
        for name, part in modules.items()
        if list(part.parameters(recurse=False))
    ]
    net.eval()(*given)
    for hook in hooks:
        hook.remove()
    names = _ordered(pair, used, modules)
    starts = [_arrays(pair, modules, group) for group in names]
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():  # what starts at 0 and 1 is moved, so that it cannot hide
        for name in used:
            part = modules[name]
            if hasattr(part, "running_mean"):
                part.running_mean.normal_(0, 0.1, generator=generator)
                part.running_var.uniform_(0.5, 1.5, generator=generator)
                part.weight.uniform_(0.5, 1.5, generator=generator)
                part.bias.normal_(0, 0.1, generator=generator)
            elif name in pair.tables:
                getattr(part, pair.tables[name]).normal_(0, 0.1, generator=generator)

    def forward():
        outputs = net(*given)
        return outputs, outputs if pair.output is None else outputs[pair.output]

    def loss_of():
        outputs, logits = forward()
        logs = torch.log_softmax(logits, 1)
        one = -logs.gather(1, labels[:, None])[:, 0]
        loss = ((1 - torch.exp(-one)) ** 2 * one if pair.focal else one).mean()
        if pair.cosine:
            loss = loss + pair.cosine * (1 - torch.cosine_similarity(outputs[0], outputs[1], dim=1)).mean()
        return loss

    weights = [_arrays(pair, modules, group) for group in names]
    state = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        evaluation = torch.softmax(net.eval() and forward()[1], 1).numpy()
    net.train()
    loss_of().backward()
    gradients = [_arrays(pair, modules, group, gradient=True) for group in names]
    net.load_state_dict(state)
    kind, arguments = pair.optimizer
    optimizer = getattr(torch.optim, kind)(net.parameters(), **arguments)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        trained = torch.softmax(net.eval() and forward()[1], 1).numpy()
    found = {"evaluation": evaluation, "trained": trained, "losses": np.array(losses)}
    for what, parts in (
        ("start", starts),
        ("weight", weights),
        ("gradient", gradients),
        ("after", [_arrays(pair, modules, group) for group in names]),
    ):
        for number, arrays in enumerate(parts):
            found.update({f"{what}/{number}/{role}": array for role, array in arrays.items()})
    found["names"] = np.array(["|".join(group) for group in names])
    np.savez(out, **found)


def _ordered(pair: Pair, used: list[str], modules) -> list[list[str]]:
    """Names of the layers there, in the order of the layers here; several where they are one layer here.

    A convolution of several groups is as many layers here: ``name#0``, ``name#1``.
    """
    used = [
        f"{name}#{group}" if groups > 1 else name
        for name in used
        for groups in [getattr(modules[name], "groups", 1)]
        for group in range(groups)
    ]
    if not pair.order:
        return [[name] for name in used]
    groups: list[list[str]] = []
    for wanted in pair.order:
        if wanted.endswith("!"):  # the module alone, not its parts
            groups.append([wanted[:-1]])
        elif "*" in wanted:
            pattern = re.compile(re.escape(wanted).replace(r"\*", r"\d+"))
            groups.append([name for name in used if pattern.fullmatch(name)])
        else:
            groups += [[name] for name in used if re.match(rf"{re.escape(wanted)}($|[.#])", name)]
    left = set(used) - {name for group in groups for name in group}
    if left:
        raise SystemExit(f"no place is given for the layers {sorted(left)}")
    return groups


def _arrays(pair: Pair, modules, group: list[str], gradient: bool = False) -> dict[str, np.ndarray]:
    """Weights (or gradients) of a layer there in the layout of this package."""
    parts = []
    for name in group:
        name, _, share = name.partition("#")
        part, arrays = modules[name], {}
        if name in pair.tables:
            value = getattr(part, pair.tables[name])
            parts.append({"table": (value.grad if gradient else value).detach().numpy()[0].copy()})
            continue
        norm = hasattr(part, "running_mean") or type(part).__name__ == "LayerNorm"
        for own, role in (("weight", "gamma"), ("bias", "beta")) if norm else (("weight", "kernel"), ("bias", "bias")):
            value = getattr(part, own, None)
            if value is None:
                continue
            array = (value.grad if gradient else value).detach().numpy().copy()
            if share:
                array = np.split(array, part.groups)[int(share)]
            if role == "kernel" and array.ndim == 4:
                array = array.transpose(2, 3, 1, 0)
            elif role == "kernel":
                array = array.T
                if name in pair.flattened:
                    many, channels, height, width = pair.flattened[name]
                    array = array.reshape(many, channels, height, width, -1).transpose(0, 2, 3, 1, 4)
                    array = array.reshape(-1, array.shape[-1])
            arrays[role] = array
        if norm and not gradient and hasattr(part, "running_mean"):
            arrays["moving_mean"] = part.running_mean.numpy().copy()
            arrays["moving_variance"] = part.running_var.numpy().copy()
        parts.append(arrays)
    return {role: np.concatenate([part[role] for part in parts], axis=-1) for role in parts[0]}


# ---------------------------------------------------------------------------------------------- with TensorFlow


def our_half(system: str, pair: Pair, found: dict[str, np.ndarray]) -> list[tuple[str, float, float]]:
    """What is compared, the largest difference, and the largest value it is a difference of."""
    import tensorflow as tf

    from mer_tf.layers.seeded_dropout import SeededDropout
    from mer_tf.recipes import get_recipe
    from mer_tf.systems.registry import get_model_card
    from mer_tf.training.config import TrainConfig
    from mer_tf.training.losses import make_loss
    from mer_tf.training.trainer import FoldTrainer, initialised_model

    def unchanged(self, inputs, training=None):
        return inputs

    SeededDropout.call = unchanged

    config = TrainConfig.from_preset(system, pair.preset, epochs=STEPS, batch_size=pair.batch, num_classes=pair.classes)
    options = {**config.model_options, **pair.options}
    config = dataclasses.replace(config, model_options=options, augment={}, mirror=False, **pair.settings)
    model, _ = initialised_model(config, SEED)
    layers = _layers(model)
    if len(layers) != len(found["names"]):
        theirs = "\n".join(found["names"])
        raise SystemExit(
            f"{len(layers)} layers here:\n" + "\n".join(layers) + f"\n{len(found['names'])} there:\n{theirs}"
        )
    starts = {name: {role: np.array(value) for role, value in parts.items()} for name, parts in layers.items()}
    for number, (name, parts) in enumerate(layers.items()):
        for role, variable in parts.items():
            array = found[f"weight/{number}/{role}"]
            if np.squeeze(array).shape != tuple(size for size in variable.shape if size != 1) and array.size != int(
                np.prod(variable.shape)
            ):
                raise SystemExit(f"{name} {role} is {variable.shape}, {found['names'][number]} is {array.shape}")
            variable.assign(array.reshape(variable.shape))
    inputs = {name: tf.constant(value) for name, value in _inputs(pair).items()}
    labels = _labels(pair)
    rows = [("outputs in evaluation", model(inputs, training=False).numpy(), found["evaluation"])]

    loss, _ = make_loss(config, np.bincount(labels, minlength=pair.classes))
    before = model.get_weights()
    with tf.GradientTape() as tape:
        total = tf.reduce_mean(loss.call(tf.constant(labels, tf.int32), model(inputs, training=True)))
        total += sum(tf.cast(extra, total.dtype) for extra in model.losses)
    wanted, values = [], []
    for number, parts in enumerate(layers.values()):
        for role, variable in parts.items():
            if f"gradient/{number}/{role}" in found:
                wanted.append(found[f"gradient/{number}/{role}"].ravel())
                values.append(variable)
    got = [np.ravel(gradient) for gradient in tape.gradient(total, values)]
    rows.append(("gradients of the first step", np.concatenate(got), np.concatenate(wanted)))
    model.set_weights(before)

    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "start.weights.h5")
        model.save_weights(file)
        recipe = get_recipe(get_model_card(config.model).recipe)
        sides = {name: shape[0] for name, shape in pair.inputs.items() if len(shape) == 3}
        views = [dataclasses.replace(view, size=sides.get(view.name, view.size)) for view in recipe.views]
        recipe = dataclasses.replace(recipe, views=tuple(views))  # published sizes may be others
        trainer = FoldTrainer(dataclasses.replace(config, initial_weights=file), recipe)
        trained = trainer.fit({name: np.array(value) for name, value in inputs.items()}, labels, seed=SEED)
    losses = np.array([epoch["loss"] for epoch in trainer.history])
    rows.append((f"losses of {STEPS} steps", losses, found["losses"]))
    rows.append((f"outputs after {STEPS} steps", trained(inputs, training=False).numpy(), found["trained"]))
    after = [
        (np.ravel(variable), found[f"after/{number}/{role}"].ravel())
        for number, parts in enumerate(_layers(trained).values())
        for role, variable in parts.items()
    ]
    rows.append((f"weights after {STEPS} steps", *(np.concatenate(side) for side in zip(*after))))
    told = [(what, float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())) for what, ours, theirs in rows]
    for number, (name, parts) in enumerate(starts.items()):
        for role, ours in parts.items():
            theirs = found[f"start/{number}/{role}"]
            if abs(np.std(ours) - np.std(theirs)) > 0.3 * max(np.std(ours), np.std(theirs)) and (
                theirs.size >= 64 or not ours.any() or not theirs.any()
            ):
                told.append((f"start of {name} {role}: SD {np.std(ours):.4f}, there", float(np.std(theirs)), np.nan))
    return told


def _layers(model) -> dict[str, dict]:
    """Variables of each layer by role, layers in the order in which they were made."""
    groups: dict[str, dict] = {}
    for variable in sorted(model.variables, key=lambda variable: int(variable._unique_id.rsplit("_", 1)[1])):
        scope, _, role = variable.name.split(":")[0].rpartition("/")
        if role == "state":
            continue  # of dropout
        for known in ("kernel", "bias"):
            if role.endswith(f"_{known}"):
                scope, role = f"{scope}/{role[: -len(known) - 1]}", known
        groups.setdefault(scope, {})[role] = variable
    return groups


def _inputs(pair: Pair) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(SEED)
    return {
        name: rng.uniform(pair.low, 1, (pair.batch, *shape)).astype(np.float32) for name, shape in pair.inputs.items()
    }


def _labels(pair: Pair) -> np.ndarray:
    return np.arange(pair.batch, dtype=np.int64) % 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", help="folder of the published code")
    parser.add_argument("system", nargs="+", choices=PAIRS, metavar="SYSTEM", help=", ".join(PAIRS))
    parser.add_argument("--torch-python", default=sys.executable, help="a Python with PyTorch; this one by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--theirs", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.theirs:
        for system in arguments.system:
            out = os.path.join(arguments.theirs, f"{system}.npz")
            their_half(PAIRS[system], os.path.abspath(arguments.checkout), out)
        return
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.torch_python, __file__, arguments.checkout, *arguments.system, "--theirs", folder]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run(command, check=True, env=environment)
        for system in arguments.system:
            with np.load(os.path.join(folder, f"{system}.npz")) as file:
                told[system] = our_half(system, PAIRS[system], dict(file))
            if not arguments.json:
                print(system)
                for what, value, size in told[system]:
                    print(f"  {what:58} {value:10.2e}" + ("" if np.isnan(size) else f"  of {size:.3g}"), flush=True)
    if arguments.json:
        rows = {
            system: [{"what": what, "difference": value, "largest": None if np.isnan(size) else size}
                     for what, value, size in rows]
            for system, rows in told.items()
        }  # fmt: skip
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
