"""What errors say to a person."""

from __future__ import annotations

import builtins

import pytest

import mer_tf
from mer_tf import cli
from mer_tf.errors import MissingPackageError, UnknownNameError, missing_package
from mer_tf.systems.registry import MODELS, get_model_card

MANY = [f"name{k:02}" for k in range(60)]


def test_few_names_are_told_whole():
    assert str(UnknownNameError("thing", "bee", ["be", "at"])) == (
        "unknown thing 'bee'. Did you mean 'be'? Known: at, be"
    )


def test_of_many_names_the_near_ones_and_the_command_that_lists_all():
    text = str(UnknownNameError("thing", "name077", MANY, "mer things"))
    assert text.startswith("unknown thing 'name077'. Did you mean 'name07'? Also near: ")
    assert text.endswith("All 60 are listed by 'mer things'") and text.count("name") <= 6


@pytest.mark.parametrize("listing", ["", "mer things"])
@pytest.mark.parametrize("name", ["zzz", "name077", "", 3])
def test_a_long_list_is_never_told_whole(name, listing):
    text = str(UnknownNameError("thing", name, MANY, listing))
    assert sum(one in text for one in MANY) <= 20 and "60" in text + "60" * ("40 more" in text)


def test_an_unknown_model_and_the_beginning_of_some():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'dssn.*'mer models'") as caught:
        get_model_card("dss")
    assert sum(name in str(caught.value).split() for name in MODELS) < 10


def test_what_installs_an_extra_works_in_a_checkout_and_outside_of_one(monkeypatch):
    said = str(MissingPackageError("kfp", "kubeflow"))
    assert said.endswith("in the checkout of mer-tf: pip install '.[kubeflow]'") and "mer-tf[" not in said
    monkeypatch.setattr(mer_tf, "IN_CHECKOUT", False)
    said = str(MissingPackageError("kfp", "kubeflow"))
    assert said.endswith("install the extra 'kubeflow': pip install 'mer-tf[kubeflow]'")


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("tfx.orchestration", "pipeline"),
        ("apache_beam", "pipeline"),
        ("grpc", "client"),
        ("keras.layers", "tensorflow"),
    ],
)
def test_a_module_of_an_extra_that_is_absent_is_told_with_the_remedy(module, extra, monkeypatch, capsys):
    assert missing_package(ModuleNotFoundError("no", name="somebody_elses")) is None

    def run(arguments):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(cli, "VERBS", {"try": "builtins:add_try"})
    monkeypatch.setattr(builtins, "add_try", lambda verbs: verbs.add_parser("try").set_defaults(run=run), raising=False)
    assert cli.main(["try"]) == 2
    package = module.partition(".")[0]
    assert f"package {package!r} is not installed; install the extra {extra!r}" in capsys.readouterr().err
