"""Schema of motion records: every feature is known from the recipe, so nothing is inferred."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from mer_tf import features
from mer_tf.recipes import Recipe


def motion_schema(recipe: Recipe) -> schema_pb2.Schema:
    """Dense, required features: facts and recipe as scalars, one float tensor per input of the recipe."""
    schema = schema_pb2.Schema()
    for name in (*features.FACTS_BYTES, features.RECIPE, features.RECIPE_HASH, features.PROVENANCE):
        _add(schema, name, schema_pb2.BYTES)
    for name in features.FACTS_INT:
        _add(schema, name, schema_pb2.INT)
    for name in features.FACTS_FLOAT:
        _add(schema, name, schema_pb2.FLOAT)
    for name, shape in recipe.inputs.items():
        _add(schema, name, schema_pb2.FLOAT, shape)
    return schema


def _add(schema: schema_pb2.Schema, name: str, kind: int, shape: tuple[int, ...] = ()) -> None:
    feature = schema.feature.add(name=name, type=kind)
    feature.presence.min_fraction = 1.0
    feature.presence.min_count = 1
    feature.shape.SetInParent()  # a shape without dimensions is a scalar
    for size in shape:
        feature.shape.dim.add(size=size)
