"""Reading an ONNX file and its tensors safely.

Nothing is believed before it is checked: a file is parsed as a protocol buffer and nothing else, a tensor is allocated
only when the bytes for it are really there, and weights in a second file come from the model's own folder.
"""

import math
import warnings
import zlib
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from eyrie.errors import InputError

FLOAT_TYPES = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16})
"""Element types that become float64."""

INTEGER_TYPES = frozenset({TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL})
"""Element types that become int64; they hold shapes, axes and flags."""

MAX_RANK = 32
"""Dimensions that a tensor can have, far more than any network needs; NumPy itself stops at 32 or 64."""

LARGEST_MODEL = 2**31 - 1
"""Bytes that a protocol buffer can have."""

_BYTES_OF_ONE: dict[int, int] = {
    TensorProto.FLOAT: 4,
    TensorProto.DOUBLE: 8,
    TensorProto.FLOAT16: 2,
    TensorProto.INT32: 4,
    TensorProto.INT64: 8,
    TensorProto.BOOL: 1,
}
_GZIP_MAGIC = b"\x1f\x8b"


def parse_model(data: bytes) -> onnx.ModelProto:
    """Parse the bytes of an ONNX file, compressed with gzip or not. Weights in a second file are not read yet.

    Raises
    ------
    InputError
        If they are not ONNX, or cut.
    """
    if data.startswith(_GZIP_MAGIC):
        data = _decompress(data)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise InputError("is not an ONNX model, or only a part of one") from None
    if not model.HasField("graph") or not model.opset_import:
        raise InputError("is not an ONNX model, or only a part of one: it has no graph or no operator set")
    return model


def read_tensor(tensor: TensorProto, folder: Path) -> np.ndarray:
    """Convert a tensor to float64 (float types) or int64 (integers and booleans) after checking its size.

    Parameters
    ----------
    tensor : onnx.TensorProto
        Left as it is, except that values from a second file are read into it.
    folder : Path
        Folder of the model; a second file must be in it or below it.

    Raises
    ------
    InputError
        Naming the tensor, if its type is another, its data does not match its shape, or its second file is missing,
        outside the folder or too short.
    """
    label = f"tensor {quoted(tensor.name)}"
    if tensor.data_type not in FLOAT_TYPES | INTEGER_TYPES:
        raise InputError(f"{label} has element type {type_name(tensor.data_type)}; {_names(FLOAT_TYPES)} are supported")
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape):
        raise InputError(f"{label} has shape {shape}; sizes must not be negative")
    if tensor.HasField("segment"):
        raise InputError(f"{label} is stored in segments, which is not supported")
    elements = math.prod(shape)
    expected_bytes = elements * _BYTES_OF_ONE[tensor.data_type]
    if external_data_helper.uses_external_data(tensor):
        _read_second_file(tensor, folder, label, expected_bytes)
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != expected_bytes:
            raise InputError(
                f"{label} of shape {shape} needs {expected_bytes} bytes of data, but {len(tensor.raw_data)} are there"
            )
    else:
        stored = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type)))
        if stored != elements:
            raise InputError(f"{label} of shape {shape} needs {elements} values, but {stored} are there")
    if len(shape) > MAX_RANK:
        raise InputError(f"{label} has {len(shape)} dimensions; at most {MAX_RANK} are supported")
    # A signalling NaN would warn; it is refused where it is used, like every NaN.
    with np.errstate(invalid="ignore"):
        array = numpy_helper.to_array(tensor)
        return array.astype(np.float64 if tensor.data_type in FLOAT_TYPES else np.int64)


def type_name(data_type: int) -> str:
    """Name of an ONNX element type, such as ``FLOAT16``, or its number if there is none."""
    return TensorProto.DataType.Name(data_type) if data_type in TensorProto.DataType.values() else str(data_type)


def text_of(name: str | bytes) -> str:
    """A name from the file as text; protocol buffers hand over as bytes what is not UTF-8."""
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else name


def quoted(name: str | bytes) -> str:
    """A name from the file in quotes for a message: one line, at most 100 characters of it."""
    text = text_of(name)
    return repr(text if len(text) <= 100 else f"{text[:97]}...")


def _names(types: frozenset[int]) -> str:
    return ", ".join(sorted(type_name(data_type) for data_type in types))


def _decompress(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        model = decompressor.decompress(data, LARGEST_MODEL + 1)
    except zlib.error as error:
        raise InputError(f"is a damaged gzip file: {error}") from None
    if len(model) > LARGEST_MODEL:
        raise InputError(f"holds more than the {LARGEST_MODEL} bytes that an ONNX model can have")
    if not decompressor.eof:
        raise InputError("is a gzip file that is cut")
    return model


def _read_second_file(tensor: TensorProto, folder: Path, label: str, expected_bytes: int) -> None:
    entries = {text_of(entry.key): text_of(entry.value) for entry in tensor.external_data}
    location = entries.get("location", "")
    file = f"the file {quoted(location)}"
    length = entries.get("length", str(expected_bytes))
    if length != str(expected_bytes):
        raise InputError(
            f"{label} needs {expected_bytes} bytes of data, but its part of {file} is said to have {quoted(length)}"
        )
    try:
        if not location or not (folder / location).resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{label} is stored in {file}, which is not in the folder of the model")
        if not (folder / location).exists():
            raise InputError(f"{label} is stored in {file}, which is missing beside the model")
        # Keys that ONNX does not define are only warned of there, and none of them matters here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        # Older versions of onnx leave this to the caller.
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    except (onnx.checker.ValidationError, ValueError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{label} cannot be read from {file}: {reason}") from None
