"""TensorFlow Serving's messages for the client, without importing TensorFlow.

``tensorflow_serving.apis`` imports ``tensorflow.core``, and with it the whole of TensorFlow: seconds of start-up
and gigabytes of packages for a client that only moves arrays. The few messages a client needs are therefore
described here, field by field, and built at run time in a pool of their own (so that they never clash with the
generated ones). They are the same on the wire; a test compares every field with the generated messages.

Source: tensorflow/core/framework/{tensor,tensor_shape,types}.proto, tensorflow_serving/apis/{model,predict,
get_model_status,get_model_metadata}.proto, tensorflow_serving/util/status.proto, grpc/health/v1/health.proto.
"""

from __future__ import annotations

import math
import re

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# One line per message: type name=number; "*" repeated, "map" string to message, "?" a member of the oneof.
_MESSAGES = {
    "google.protobuf": """
        Int64Value: int64 value=1
    """,
    "tensorflow": """
        TensorShapeProto.Dim: int64 size=1, string name=2
        TensorShapeProto: TensorShapeProto.Dim* dim=2, bool unknown_rank=3
        TensorProto: enum dtype=1, TensorShapeProto tensor_shape=2, int32 version_number=3, bytes tensor_content=4, \
            float* float_val=5, double* double_val=6, int32* int_val=7, bytes* string_val=8, int64* int64_val=10, \
            bool* bool_val=11
    """,
    "tensorflow.serving": """
        ModelSpec: string name=1, google.protobuf.Int64Value? version=2, string? version_label=4, \
            string signature_name=3
        PredictRequest: ModelSpec model_spec=1, map<tensorflow.TensorProto> inputs=2, string* output_filter=3
        PredictResponse: ModelSpec model_spec=2, map<tensorflow.TensorProto> outputs=1
        GetModelStatusRequest: ModelSpec model_spec=1
        StatusProto: enum error_code=1, string error_message=2
        ModelVersionStatus: int64 version=1, enum state=2, StatusProto status=3
        GetModelStatusResponse: ModelVersionStatus* model_version_status=1
        GetModelMetadataRequest: ModelSpec model_spec=1, string* metadata_field=2
        GetModelMetadataResponse: ModelSpec model_spec=1
    """,
    "grpc.health.v1": """
        HealthCheckRequest: string service=1
        HealthCheckResponse: enum status=1
    """,
}

AVAILABLE = 30  # ModelVersionStatus.State
SERVING = 1  # HealthCheckResponse.ServingStatus

# DataType number -> (numpy type, field of TensorProto that holds values one by one)
_TYPES = {
    1: (np.dtype("<f4"), "float_val"),
    2: (np.dtype("<f8"), "double_val"),
    3: (np.dtype("<i4"), "int_val"),
    9: (np.dtype("<i8"), "int64_val"),
    10: (np.dtype("bool"), "bool_val"),
}
_STRING = 7


def _build_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    proto = descriptor_pb2.FieldDescriptorProto
    files = []
    for package, text in _MESSAGES.items():
        name = f"mer/{package}.proto"
        file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3", dependency=files)
        parents = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            full_name, fields = line.split(":")
            outer, _, inner = full_name.rpartition(".")
            # ``TensorShapeProto.Dim`` comes before its parent: make the parent now, fill it on its own line.
            if outer:
                parents[outer] = file.message_type.add(name=outer)
                message = parents[outer].nested_type.add(name=inner)
            else:
                message = parents.get(inner) or file.message_type.add(name=inner)
            for declaration in fields.split(","):
                kind, field_name, number = re.fullmatch(r"\s*(\S+) (\w+)=(\d+)", declaration).groups()
                field = message.field.add(name=field_name, number=int(number), label=proto.LABEL_OPTIONAL)
                if kind.endswith("*"):
                    field.label = proto.LABEL_REPEATED
                if kind.endswith("?"):
                    if not message.oneof_decl:
                        message.oneof_decl.add(name="version_choice")
                    field.oneof_index = 0
                _set_type(field, message, package, inner, kind.rstrip("*?"))
        pool.AddSerializedFile(file.SerializeToString())
        files = files + [name]
    return pool


def _set_type(field, message, package: str, owner: str, kind: str) -> None:
    proto = descriptor_pb2.FieldDescriptorProto
    if kind.startswith("map<"):
        entry_name = field.name.title() + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=proto.LABEL_OPTIONAL, type=proto.TYPE_STRING)
        value = entry.field.add(name="value", number=2, label=proto.LABEL_OPTIONAL)
        _set_type(value, entry, package, owner, kind[4:-1])
        field.label = proto.LABEL_REPEATED
        field.type, field.type_name = proto.TYPE_MESSAGE, f".{package}.{owner}.{entry_name}"
    elif kind == "enum":
        # An enum is an int32 on the wire; its names are not needed here.
        field.type = proto.TYPE_INT32
    elif hasattr(proto, f"TYPE_{kind.upper()}"):
        field.type = getattr(proto, f"TYPE_{kind.upper()}")
    else:
        known_package = kind.startswith(tuple(f"{name}." for name in _MESSAGES))
        field.type, field.type_name = proto.TYPE_MESSAGE, f".{kind}" if known_package else f".{package}.{kind}"


_POOL = _build_pool()


def _message(full_name: str):
    descriptor = _POOL.FindMessageTypeByName(full_name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_POOL).GetPrototype(descriptor)  # protobuf 3.20


TensorProto = _message("tensorflow.TensorProto")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message("tensorflow.serving.GetModelMetadataResponse")
HealthCheckRequest = _message("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = _message("grpc.health.v1.HealthCheckResponse")


def to_tensor(array, proto=None):
    """A ``TensorProto`` of an array (float32, float64, int32, int64, bool) or of a list of bytes.

    Args:
        array: What to send.
        proto: Message to fill; a new one by default.

    Raises:
        TypeError: For any other type.
    """
    proto = TensorProto() if proto is None else proto
    if isinstance(array, list | tuple) and all(isinstance(item, bytes) for item in array):
        proto.dtype = _STRING
        proto.tensor_shape.dim.add(size=len(array))
        proto.string_val.extend(array)
        return proto
    array = np.asarray(array)
    for number, (dtype, _) in _TYPES.items():
        if array.dtype.newbyteorder("<") == dtype:
            proto.dtype = number
            break
    else:
        raise TypeError(f"a tensor must be float32, float64, int32, int64, bool or bytes. Received: {array.dtype}")
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_content = np.ascontiguousarray(array, dtype=dtype).tobytes()
    return proto


def to_array(proto) -> np.ndarray:
    """The array of a ``TensorProto``; strings come as an object array of bytes.

    Raises:
        ValueError: Where the values do not fill the shape, or the type is not one of those above.
    """
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if min(shape, default=0) < 0 or proto.tensor_shape.unknown_rank:
        raise ValueError(f"a tensor's shape must be known. Received: {shape}")
    count = math.prod(shape)
    if proto.dtype == _STRING:
        values = np.empty(len(proto.string_val), dtype=object)
        values[:] = list(proto.string_val)
    elif proto.dtype in _TYPES:
        dtype, field = _TYPES[proto.dtype]
        if proto.tensor_content:
            if len(proto.tensor_content) != count * dtype.itemsize:
                raise ValueError(f"{len(proto.tensor_content)} bytes do not fill shape {shape} of {dtype}")
            return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
        values = np.array(getattr(proto, field), dtype)
    else:
        raise ValueError(f"tensor type number {proto.dtype} is not supported")
    if values.size == 1 and count > 1:
        # TensorFlow's short form of a constant tensor. The sizes here are those of answers of a few classes.
        return np.broadcast_to(values, (count,)).reshape(shape)
    if values.size != count:
        raise ValueError(f"{values.size} values do not fill shape {shape}")
    return values.reshape(shape)
