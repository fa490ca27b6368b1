"""A run's numbers depend on nothing outside it: not on threads, and not on another project's Keras settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mer_tf import numerics
from mer_tf.errors import ConfigError

# A short cross-validation as a user's script has it; prints the probabilities in full.
SCRIPT = """
import os
import sys

if __name__ == "__main__":
    if "started" in sys.argv:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(4)
        tf.linalg.matmul(tf.ones((64, 64)), tf.ones((64, 64)))
    import numpy as np

    from mer_tf import numerics
    from mer_tf.recipes import get_recipe
    from mer_tf.training import MotionData, TrainConfig, run_loso

    rng = np.random.default_rng(0)
    data = MotionData(
        tensors={"face": rng.uniform(-1, 1, (12, 28, 28, 3)).astype("float32")},
        labels=np.arange(12) % 3,
        datasets=["casme2"] * 12,
        subjects=[f"sub{k // 6}" for k in range(12)],
        clips=[f"EP{k % 6}" for k in range(12)],
        recipe=get_recipe("onset_apex_28"),
        network=True,
    )
    config = TrainConfig("dual_atme_aars", loss="focal", batch_size=6, epochs=2, seed=3)
    predictions = run_loso(data, config, sys.argv[1], workers=int(sys.argv[2]))
    print(numerics.facts()["keras_set_aside"], numerics.claim_one_thread(), file=sys.stderr)
    print([p.probabilities for p in predictions])
"""


@pytest.fixture(scope="module")
def probabilities(tmp_path_factory):
    """A function: runs the script in a process of its own -> its standard output and error."""
    root = tmp_path_factory.mktemp("threads")
    (root / "script.py").write_text(SCRIPT)

    def run(*words: str, keras: dict | None = None, **environment: str):
        home = root / f"home{len(list(root.iterdir()))}"
        home.mkdir()
        if keras is not None:
            (home / "keras.json").write_text(json.dumps(keras))
        inherited = {key: value for key, value in os.environ.items() if key not in numerics._THREADS}
        path = os.pathsep.join([os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, str(root / "script.py"), str(home / "run"), *words],
            env={**inherited, "PYTHONPATH": path, "KERAS_HOME": str(home), **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="module")
def plain(probabilities):
    code, out, err = probabilities("1")
    assert code == 0, err
    assert "{} True" in err
    return out


@pytest.mark.slow
def test_a_process_that_had_started_with_four_threads_gives_the_same(probabilities, plain):
    code, out, err = probabilities("1", "started")
    assert "{} False" in err
    assert (code, out) == (0, plain)


@pytest.mark.slow
def test_keras_settings_of_another_project_change_nothing_for_two_workers(probabilities, plain):
    settings = {"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_first"}
    code, out, err = probabilities("2", keras={**settings, "backend": "tensorflow"})
    assert (code, out) == (0, plain), err
    assert f"{settings} True" in err
    assert "Keras was set to floatx float64" in err
    assert "keras.json" in err


def test_settings_changed_after_import_are_refused():
    keras = pytest.importorskip("keras")
    import mer_tf.layers  # noqa: F401
    from mer_tf.training import FoldTrainer, TrainConfig

    numerics.check_keras()
    for name, value in (("floatx", "float64"), ("epsilon", 1e-3), ("image_data_format", "channels_first")):
        try:
            getattr(keras.backend, f"set_{name}")(value)
            with pytest.raises(ConfigError, match=rf"set to {name} .*keras\.json"):
                FoldTrainer(TrainConfig("dual_atme_aars"))
        finally:
            getattr(keras.backend, f"set_{name}")(numerics.KERAS_SETTINGS[name])
    try:
        keras.mixed_precision.set_global_policy("mixed_float16")
        with pytest.raises(ConfigError, match="precision policy 'mixed_float16'"):
            numerics.check_keras()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    numerics.check_keras()


def test_the_code_version_follows_the_code_that_decides_numbers(monkeypatch, tmp_path):
    files = {"training/loss.py": True, "preprocessing/flow.py": False, "commands/verb.py": None}  # covered by both, ...
    for name in files:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(numerics, "__file__", str(tmp_path / "numerics.py"))

    def versions():
        numerics.code_version.cache_clear()
        return numerics.code_version(), numerics.code_version(training=False)

    try:
        for name, training in files.items():
            whole, before = versions()
            (tmp_path / name).write_text("two")
            assert (versions()[0] != whole, versions()[1] != before) == (training is not None, training is False)
    finally:
        numerics.code_version.cache_clear()


def test_facts_name_the_processor_and_the_variables(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    facts = numerics.facts()
    assert facts["threads"] == 1
    assert facts["environment"]["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert facts["processor"]
    assert facts["keras_set_aside"] == {}
    (tmp_path / "keras.json").write_text('{"floatx": "float16", "epsilon": 1e-07, "backend": "tensorflow"}')
    assert numerics.facts()["keras_set_aside"] == {"floatx": "float16"}
    json.dumps(facts)
