"""Checks that every model must pass; a model's test subclasses ``ModelCase`` and names its facts."""

from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import pytest

from mer_tf.models.registry import build_model, get_model_card
from mer_tf.recipes import get_recipe


def trainable_weights(model) -> int:
    """Weights as the specifications count them: gamma and beta yes, moving statistics no."""
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))


class ModelCase:
    """Subclasses set ``name``, ``golden`` (weights with three classes) and ``inputs`` (name -> shape)."""

    name: str
    golden: int
    inputs: ClassVar[dict]

    def batch(self, count=2, seed=0):
        rng = np.random.default_rng(seed)
        return {name: rng.uniform(-1, 1, (count, *shape)).astype("float32") for name, shape in self.inputs.items()}

    @pytest.fixture(scope="class")
    def model(self):
        keras.utils.set_random_seed(0)
        return build_model(self.name)

    def test_golden_parameter_count(self, model):
        assert trainable_weights(model) == self.golden
        card = get_model_card(self.name)
        assert card.parameters == card.trainable_parameters == self.golden

    def test_inputs_are_those_of_the_recipe(self, model):
        recipe = get_recipe(get_model_card(self.name).recipe)
        assert recipe.network_inputs == self.inputs
        assert {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs} == self.inputs

    @pytest.mark.parametrize("count", [1, 3])
    def test_output_is_probabilities(self, model, count):
        output = np.asarray(model(self.batch(count), training=False))
        assert output.shape == (count, 3) and output.dtype == np.float32
        np.testing.assert_allclose(output.sum(axis=1), 1, rtol=1e-5)

    def test_a_sample_does_not_depend_on_its_neighbours_at_inference(self, model):
        batch = self.batch(3)
        alone = np.asarray(model({name: value[:1] for name, value in batch.items()}, training=False))
        np.testing.assert_allclose(np.asarray(model(batch, training=False))[:1], alone, atol=1e-5)

    def test_number_of_classes(self):
        assert build_model(self.name, num_classes=5).output_shape == (None, 5)

    def test_weight_names_are_unique(self, model):
        paths = [getattr(weight, "path", weight.name) for weight in model.weights]
        assert len(set(paths)) == len(paths)

    def test_config_round_trip(self, model):
        again = type(model).from_config(model.get_config())
        assert again.get_config() == model.get_config()
        assert [tuple(w.shape) for w in again.weights] == [tuple(w.shape) for w in model.weights]

    def test_save_and_load(self, model, tmp_path):
        path = tmp_path / "model.keras"
        model.save(path)
        loaded = keras.models.load_model(path)
        assert type(loaded) is type(model)
        batch = self.batch()
        np.testing.assert_allclose(
            np.asarray(loaded(batch, training=False)), np.asarray(model(batch, training=False)), atol=1e-6
        )

    def test_mixed_precision_keeps_float32_probabilities(self):
        before = keras.mixed_precision.global_policy()
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        try:
            model = build_model(self.name)
            output = model(self.batch(), training=True)
        finally:
            keras.mixed_precision.set_global_policy(before)
        assert output.dtype == "float32"
        assert np.isfinite(np.asarray(output)).all()
        assert {getattr(w.dtype, "name", w.dtype) for w in model.trainable_weights} == {"float32"}

    def test_same_seed_same_weights(self, model):
        keras.utils.set_random_seed(0)
        again = build_model(self.name)
        for one, other in zip(model.get_weights(), again.get_weights()):
            np.testing.assert_array_equal(one, other)
        keras.utils.set_random_seed(1)
        other = build_model(self.name)
        assert any((one != two).any() for one, two in zip(model.get_weights(), other.get_weights()))

    def test_an_explicit_seed_needs_no_global_one(self):
        models = [build_model(self.name, seed=seed) for seed in (4, 4, 5)]
        for one, other in zip(models[0].get_weights(), models[1].get_weights()):
            np.testing.assert_array_equal(one, other)
        differing = [(a != b).any() for a, b in zip(models[0].get_weights(), models[2].get_weights())]
        assert sum(differing) >= sum("kernel" in weight.name for weight in models[0].weights)
        batch = self.batch()
        outs = [np.asarray(model(batch, training=True)) for model in models]
        np.testing.assert_array_equal(outs[0], outs[1])

    def test_plain_fit_lowers_the_loss(self):
        keras.utils.set_random_seed(0)
        model = build_model(self.name, dropout=0.0)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy")
        losses = model.fit(self.batch(8), np.arange(8) % 3, epochs=6, batch_size=8, verbose=0).history["loss"]
        assert losses[-1] < 0.7 * losses[0]

    def test_one_class_is_refused(self):
        from mer_tf.errors import ConfigError

        with pytest.raises(ConfigError, match="num_classes"):
            build_model(self.name, num_classes=1)
