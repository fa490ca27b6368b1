"""The client's messages against TensorFlow Serving's generated ones."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import wrappers_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2, predict_pb2

from mer_tf.serving import messages

GENERATED = {
    "google.protobuf.Int64Value": wrappers_pb2.Int64Value,
    "tensorflow.TensorShapeProto": tensor_shape_pb2.TensorShapeProto,
    "tensorflow.TensorShapeProto.Dim": tensor_shape_pb2.TensorShapeProto.Dim,
    "tensorflow.TensorProto": tensor_pb2.TensorProto,
    "tensorflow.serving.ModelSpec": model_pb2.ModelSpec,
    "tensorflow.serving.PredictRequest": predict_pb2.PredictRequest,
    "tensorflow.serving.PredictResponse": predict_pb2.PredictResponse,
    "tensorflow.serving.GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "tensorflow.serving.GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    "tensorflow.serving.ModelVersionStatus": get_model_status_pb2.ModelVersionStatus,
    "tensorflow.serving.GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "tensorflow.serving.GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
}


def wire_type(field):
    """What decides the bytes: an enum is an int32."""
    return field.TYPE_INT32 if field.type == field.TYPE_ENUM else field.type


def repeated(field):
    return field.default_value == [] if not hasattr(field, "is_repeated") else field.is_repeated


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_every_field_is_the_generated_one(name):
    ours = messages._POOL.FindMessageTypeByName(name)
    theirs = GENERATED[name].DESCRIPTOR.fields_by_name
    assert ours.fields
    for field in ours.fields:
        same = theirs[field.name]
        assert (field.number, wire_type(field), repeated(field)) == (same.number, wire_type(same), repeated(same))
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            assert field.message_type.full_name == same.message_type.full_name
        assert (field.containing_oneof is None) == (same.containing_oneof is None)


def test_health_messages_are_the_generated_ones():
    health_pb2 = pytest.importorskip("grpc_health.v1.health_pb2")
    ours = messages.HealthCheckResponse.FromString(health_pb2.HealthCheckResponse(status="SERVING").SerializeToString())
    assert ours.status == messages.SERVING
    sent = messages.HealthCheckRequest(service="x").SerializeToString()
    assert health_pb2.HealthCheckRequest.FromString(sent).service == "x"


def test_constants():
    assert messages.AVAILABLE == get_model_status_pb2.ModelVersionStatus.AVAILABLE


@pytest.mark.parametrize(
    "value",
    [
        np.random.default_rng(0).normal(size=(2, 3, 1)).astype(np.float32),
        np.array([1.5, np.nan, -np.inf]),
        np.arange(6, dtype=np.int64).reshape(3, 2) - 3,
        np.array(7, np.int32),
        np.array([True, False]),
        np.zeros((0, 4), np.float32),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.arange(3, dtype=">f4"),
    ],
    ids=lambda value: f"{value.dtype.str}{value.shape}",
)
def test_tensors_both_ways(value):
    generated = tensor_pb2.TensorProto.FromString(messages.to_tensor(value).SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(generated), value)
    native = value.astype(value.dtype.newbyteorder("="))  # TensorFlow itself gets the other byte order wrong
    one_by_one = tf.make_tensor_proto(native)
    one_by_one.ClearField("tensor_content")
    field = {"f4": "float_val", "f8": "double_val", "i4": "int_val", "i8": "int64_val", "b1": "bool_val"}[
        native.dtype.str[1:]
    ]
    getattr(one_by_one, field)[:] = native.ravel().tolist()
    for theirs in (tf.make_tensor_proto(native), one_by_one):
        ours = messages.TensorProto.FromString(theirs.SerializeToString())
        np.testing.assert_array_equal(messages.to_array(ours), value)


def test_strings_both_ways():
    texts = [b"a", b"", b"\xff\x00"]
    generated = tensor_pb2.TensorProto.FromString(messages.to_tensor(texts).SerializeToString())
    assert list(tf.make_ndarray(generated)) == texts
    ours = messages.TensorProto.FromString(tf.make_tensor_proto(texts).SerializeToString())
    assert list(messages.to_array(ours)) == texts


def test_one_value_for_a_whole_shape():
    proto = messages.TensorProto(dtype=1, float_val=[2.5])
    for size in (2, 3):
        proto.tensor_shape.dim.add(size=size)
    np.testing.assert_array_equal(messages.to_array(proto), np.full((2, 3), 2.5, np.float32))


@pytest.mark.parametrize("value", [np.zeros(2, np.float16), np.zeros(2, np.uint8), ["text"], np.array([object()])])
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match="float32"):
        messages.to_tensor(value)


def test_values_that_do_not_fill_the_shape():
    proto = messages.to_tensor(np.zeros((2, 2), np.float32))
    proto.tensor_content = proto.tensor_content[:-1]
    with pytest.raises(ValueError, match="15 bytes"):
        messages.to_array(proto)
    proto = messages.TensorProto(dtype=1, float_val=[1, 2])
    proto.tensor_shape.dim.add(size=3)
    with pytest.raises(ValueError, match="2 values"):
        messages.to_array(proto)
    proto.tensor_shape.dim[0].size = -1
    with pytest.raises(ValueError, match="known"):
        messages.to_array(proto)
    with pytest.raises(ValueError, match="number 14"):
        messages.to_array(messages.TensorProto(dtype=14))
