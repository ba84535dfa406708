"""Files that are cut, damaged, not ONNX, inconsistent or spread over two: read exactly, or one line that says why."""

import gzip
import pickle

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from eyrie.errors import InputError
from eyrie.model.onnx_import import load_onnx

W = np.random.default_rng(7).normal(size=(3, 4)).astype(np.float32)


def one_layer(graph, weight=W):
    graph.input()
    graph.weight("fc.weight", weight)
    graph.weight("fc.bias", np.arange(len(weight)))
    graph.node("Gemm", ["x", "fc.weight", "fc.bias"], "y", "gemm", transB=1)
    graph.output("y")
    return graph


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"This is not a model.\n", id="text"),
        pytest.param(pickle.dumps({"weight": [1.0]}), id="pickle"),
        pytest.param(b"PK\x03\x04\x14\x00\x00\x00", id="zip"),
        pytest.param(b"\x00" * 64, id="zeros"),
        pytest.param(TensorProto(dims=[1], data_type=1, float_data=[1.0]).SerializeToString(), id="tensor"),
        pytest.param(gzip.compress(b"neither is this"), id="compressed text"),
    ],
)
def test_a_file_that_is_not_onnx(tmp_path, refusal, data):
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    assert refusal(path).startswith("is not an ONNX model")


def test_a_file_that_is_missing_or_a_folder(tmp_path):
    for path in (tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(InputError) as caught:
            load_onnx(path)
        assert str(caught.value).startswith(f"cannot read {path}: ")


def test_a_file_that_is_cut_anywhere(graph, refusal):
    path = one_layer(graph).save()
    data = path.read_bytes()
    load_onnx(path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert refusal(path).startswith("is not an ONNX model, or only a part of one"), length


def test_a_compressed_file_that_is_cut_anywhere(graph, refusal):
    path = one_layer(graph).save()
    data = gzip.compress(path.read_bytes())
    for length in range(2, len(data)):
        path.write_bytes(data[:length])
        assert "gzip file" in refusal(path), length


def test_a_compressed_file_that_is_damaged(graph, refusal):
    path = one_layer(graph).save()
    data = bytearray(gzip.compress(path.read_bytes()))
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert refusal(path).startswith("is a damaged gzip file: ")


def test_a_compressed_file_that_would_fill_the_memory(graph, refusal, monkeypatch):
    monkeypatch.setattr("eyrie.model.onnx_read.LARGEST_MODEL", 10**5)
    path = one_layer(graph).save()
    path.write_bytes(gzip.compress(bytes(10**6)))
    assert refusal(path) == "holds more than the 100000 bytes that an ONNX model can have"


@pytest.mark.parametrize("seed", range(10))
def test_flipped_bits_give_a_network_or_one_line(graph, seed):
    """Whatever a flipped bit makes of the file: no other exception, and no network with values that are not finite."""
    rng = np.random.default_rng(seed)
    one_layer(graph)
    graph.node("Relu", ["y"], "r")
    graph.node("Identity", ["r"], "i")
    graph.outputs[0].name = "i"
    path = graph.save()
    data = path.read_bytes()
    refusals = []
    for _ in range(100):
        damaged = bytearray(data)
        for position in rng.integers(0, 8 * len(data), rng.integers(1, 4)):
            damaged[position // 8] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        try:
            network = load_onnx(path)
        except InputError as error:
            refusals.append(str(error))
        else:
            assert all(np.isfinite(layer.weight).all() for layer in network.layers), f"seed {seed}"
    assert 0 < len(refusals) < 100, f"seed {seed}"
    assert [text for text in refusals if len(text.splitlines()) != 1] == [], f"seed {seed}"


def set_weight(**fields):
    def change(model):
        tensor = model.graph.initializer[0]
        for name, value in fields.items():
            if name == "dims":
                tensor.dims[:] = value
            elif name == "float_data":
                tensor.ClearField("raw_data")
                tensor.float_data[:] = value
            else:
                setattr(tensor, name, value)

    return change


def with_value(value):
    weight = W.copy()
    weight[1, 2] = value
    return set_weight(raw_data=weight.tobytes())


MALFORMED = {
    "empty graph": (lambda m: m.graph.ClearField("node"), "the graph is empty, it has no node"),
    "no output": (lambda m: m.graph.ClearField("output"), "the graph has no output"),
    "output of no node": (
        lambda m: setattr(m.graph.output[0], "name", "z"),
        "output 'z' of the graph is not computed by any node",
    ),
    "output that is a weight": (
        lambda m: setattr(m.graph.output[0], "name", "fc.bias"),
        "output 'fc.bias' of the graph does not depend on its input",
    ),
    "no input": (lambda m: m.graph.ClearField("input"), "the graph has 0 inputs; it must have one"),
    "two inputs": (
        lambda m: m.graph.input.append(helper.make_tensor_value_info("state", 1, [1, 4])),
        "the graph has 2 inputs ('x', 'state'); it must have one",
    ),
    "input without batch": (
        lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [4])),
        "input 'x' of the graph must have shape (samples, inputs), not rank 1",
    ),
    "input of text": (
        lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.STRING, [1, 4])),
        "input 'x' of the graph holds STRING; it must hold numbers",
    ),
    "input of an unknown type": (
        lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 99, [1, 4])),
        "input 'x' of the graph holds 99; it must hold numbers",
    ),
    "input that is a sequence": (
        lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info("x", 1, [1, 4])),
        "input 'x' of the graph must be a tensor",
    ),
    "input of another size": (
        lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, ["batch", 5])),
        "Gemm 'gemm' takes 4 inputs, but samples have shape [5]",
    ),
    "old operators": (
        lambda m: setattr(m.opset_import[0], "version", 6),
        "uses operator set 6; export it with one from 7 to ",
    ),
    "operators of the future": (
        lambda m: setattr(m.opset_import[0], "version", 10**6),
        "uses operator set 1000000; export it with one from 7 to ",
    ),
    "two versions of operators": (
        lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 21)),
        "declares two versions of the operator set ''; one is needed",
    ),
    "domain that is not declared": (
        lambda m: m.graph.node[0].CopyFrom(helper.make_node("Scaler", ["x"], ["y"], "s", domain="ai.onnx.ml")),
        "ai.onnx.ml.Scaler 's' is of the operator set 'ai.onnx.ml', which the model does not declare",
    ),
    "input that its set of operators does not have": (
        lambda m: (
            setattr(m.opset_import[0], "version", 9),
            m.graph.node.append(helper.make_node("Dropout", ["y", "fc.bias"], ["z"], "d")),
            setattr(m.graph.output[0], "name", "z"),
        ),
        "Dropout 'd' has 2 inputs; at least 1 and at most 1 fit",
    ),
    "operator that its set does not have": (
        lambda m: (
            m.graph.node[0].CopyFrom(helper.make_node("Scaler", ["x"], ["y"], "s", domain="ai.onnx.ml")),
            m.opset_import.append(helper.make_opsetid("ai.onnx.ml", 0)),
        ),
        "ai.onnx.ml.Scaler 's' is not defined in version 0 of its operator set",
    ),
    "weight with a NaN": (
        with_value(np.nan),
        "Gemm 'gemm': its weight 'fc.weight' holds a NaN or an infinity; all values must be finite",
    ),
    "weight with a signalling NaN": (
        set_weight(raw_data=b"\x01\x00\x80\x7f" * 12),
        "Gemm 'gemm': its weight 'fc.weight' holds a NaN or an infinity",
    ),
    "weight with an infinity": (with_value(-np.inf), "Gemm 'gemm': its weight 'fc.weight' holds a NaN or an infinity"),
    "weight of a terabyte": (
        set_weight(dims=[10**6, 10**6]),
        "tensor 'fc.weight' of shape (1000000, 1000000) needs 4000000000000 bytes of data, but 48 are there",
    ),
    "weight of a terabyte as a list": (
        set_weight(dims=[10**6, 10**6], float_data=[1.0]),
        "tensor 'fc.weight' of shape (1000000, 1000000) needs 1000000000000 values, but 1 are there",
    ),
    "weight of a product beyond 64 bits": (
        set_weight(dims=[2**62, 2**62]),
        "tensor 'fc.weight' of shape (4611686018427387904, 4611686018427387904) needs ",
    ),
    "weight without data": (
        lambda m: m.graph.initializer[0].ClearField("raw_data"),
        "tensor 'fc.weight' of shape (3, 4) needs 12 values, but 0 are there",
    ),
    "weight with more data": (
        set_weight(raw_data=bytes(52)),
        "tensor 'fc.weight' of shape (3, 4) needs 48 bytes of data, but 52 are there",
    ),
    "weight of negative size": (
        set_weight(dims=[-3, -4]),
        "tensor 'fc.weight' has shape (-3, -4); sizes must not be negative",
    ),
    "weight of too many dimensions": (
        set_weight(dims=[12] + [1] * 70),
        "tensor 'fc.weight' has 71 dimensions; at most 32 are supported",
    ),
    "weight of 8 bits": (
        set_weight(data_type=TensorProto.INT8),
        "tensor 'fc.weight' has element type INT8; DOUBLE, FLOAT, FLOAT16 are supported",
    ),
    "weight of bfloat16": (
        set_weight(data_type=TensorProto.BFLOAT16),
        "tensor 'fc.weight' has element type BFLOAT16; DOUBLE, FLOAT, FLOAT16 are supported",
    ),
    "weight of an unknown type": (set_weight(data_type=77), "tensor 'fc.weight' has element type 77; "),
    "weight in segments": (
        lambda m: m.graph.initializer[0].segment.CopyFrom(TensorProto.Segment(begin=0, end=4)),
        "tensor 'fc.weight' is stored in segments, which is not supported",
    ),
    "weight twice": (
        lambda m: m.graph.initializer.append(m.graph.initializer[0]),
        "the graph defines 'fc.weight' a second time",
    ),
    "sparse weight": (
        lambda m: m.graph.sparse_initializer.append(
            helper.make_sparse_tensor(
                numpy_helper.from_array(np.ones(1, dtype=np.float32), "s"),
                numpy_helper.from_array(np.zeros(1, dtype=np.int64), "i"),
                [3, 4],
            )
        ),
        "tensor 's' is stored as a sparse tensor; store it dense",
    ),
    "missing weight": (
        lambda m: m.graph.initializer.pop(0),
        "Gemm 'gemm' uses 'fc.weight', which no node before it computes; the graph has a loop or is cut",
    ),
    "name of two lines": (
        lambda m: (setattr(m.graph.node[0], "op_type", "Con\nv"), setattr(m.graph.node[0], "name", "a\nb")),
        "'Con\\nv' 'a\\nb' is not supported; ",
    ),
    "name without end": (
        lambda m: (setattr(m.graph.node[0], "op_type", "Gelu"), setattr(m.graph.node[0], "name", "a" * 10**6)),
        f"Gelu '{'a' * 97}...' is not supported; ",
    ),
    "node without a name": (
        lambda m: (setattr(m.graph.node[0], "op_type", "Gelu"), m.graph.node[0].ClearField("name")),
        "Gelu 'y' is not supported; ",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_model_that_is_malformed(graph, refusal, tmp_path, case):
    change, message = MALFORMED[case]
    model = one_layer(graph).model()
    change(model)
    path = tmp_path / "damaged.onnx"
    path.write_bytes(model.SerializeToString())
    assert refusal(path).startswith(message)


def test_a_name_that_is_not_text(graph, refusal, tmp_path):
    """Protocol buffers hand such a name over as bytes."""
    data = one_layer(graph).save().read_bytes()
    path = tmp_path / "damaged.onnx"
    path.write_bytes(data.replace(b"fc.weight", b"fc.\xff\xfeight"))
    assert np.array_equal(load_onnx(path).layers[0].weight, W)
    path.write_bytes(data.replace(b"gemm", b"ge\xffm").replace(b"Gemm", b"Gelu"))
    assert refusal(path).startswith(r"Gelu 'ge\\xffm' is not supported")


@pytest.fixture
def in_two_files(graph, tmp_path):
    """A model whose weight is stored in ``net.onnx.data`` beside it."""
    path = tmp_path / "net.onnx"
    onnx.save_model(
        one_layer(graph).model(),
        path,
        save_as_external_data=True,
        location="net.onnx.data",
        size_threshold=0,
    )
    return path


def change_second_file(path, **entries):
    """Overwrite what the model says of where the weight is."""
    model = onnx.load_model(path, load_external_data=False)
    tensor = model.graph.initializer[0]
    for entry in list(tensor.external_data):
        if entry.key in entries:
            tensor.external_data.remove(entry)
    for key, value in entries.items():
        if value is not None:
            tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


def test_weights_in_a_second_file(in_two_files, monkeypatch, tmp_path):
    assert (tmp_path / "net.onnx.data").stat().st_size >= W.nbytes
    layer = load_onnx(in_two_files).layers[0]
    assert np.array_equal(layer.weight, W)
    assert np.array_equal(layer.bias, np.arange(3))
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(load_onnx(in_two_files.relative_to(tmp_path)).layers[0].weight, W)


def test_a_compressed_model_with_weights_in_a_second_file(in_two_files):
    in_two_files.write_bytes(gzip.compress(in_two_files.read_bytes()))
    assert np.array_equal(load_onnx(in_two_files).layers[0].weight, W)


def test_a_second_file_in_a_folder_below_and_without_a_length(in_two_files, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w").write_bytes(W.tobytes())
    change_second_file(in_two_files, location="data/w", offset=None, length=None, an_unknown_key="1")
    assert np.array_equal(load_onnx(in_two_files).layers[0].weight, W)


def test_a_second_file_that_is_missing(in_two_files, refusal, tmp_path):
    (tmp_path / "net.onnx.data").unlink()
    expected = "tensor 'fc.weight' is stored in the file 'net.onnx.data', which is missing beside the model"
    assert refusal(in_two_files) == expected


def test_a_second_file_that_is_cut(in_two_files, refusal, tmp_path):
    data = tmp_path / "net.onnx.data"
    data.write_bytes(data.read_bytes()[: W.nbytes - 1])
    assert refusal(in_two_files).startswith("tensor 'fc.weight' ")


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", "..", ""])
def test_a_second_file_outside_the_folder_is_not_opened(in_two_files, refusal, tmp_path, location):
    (tmp_path.parent / "secret").write_bytes(W.tobytes())
    change_second_file(in_two_files, location=location, offset=None)
    message = refusal(in_two_files)
    assert message.startswith("tensor 'fc.weight' is stored in the file '")
    assert message.endswith("', which is not in the folder of the model")


def test_a_link_out_of_the_folder_is_not_followed(in_two_files, refusal, tmp_path):
    secret = tmp_path.parent / "secret"
    secret.write_bytes(W.tobytes())
    (tmp_path / "link").symlink_to(secret)
    change_second_file(in_two_files, location="link", offset=None)
    expected = "tensor 'fc.weight' is stored in the file 'link', which is not in the folder of the model"
    assert refusal(in_two_files) == expected


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        # Where the file ends before the offset, what is said depends on the version of onnx.
        ({"offset": "1000000"}, ""),
        ({"offset": "-4"}, "cannot be read from the file 'net.onnx.data': "),
        ({"offset": "many"}, "cannot be read from the file 'net.onnx.data': "),
        ({"location": "a\x00b"}, "cannot be read from the file 'a\\x00b': "),
        ({"location": "."}, "cannot be read from the file '.': "),
        (
            {"length": "1000000000000"},
            "needs 48 bytes of data, but its part of the file 'net.onnx.data' is said to have '1000000000000'",
        ),
        ({"length": None, "offset": "4"}, "of shape (3, 4) needs 48 bytes of data, but "),
    ],
)
def test_a_place_in_the_second_file_that_cannot_be(in_two_files, refusal, entries, message):
    change_second_file(in_two_files, **entries)
    assert refusal(in_two_files).startswith(f"tensor 'fc.weight' {message}")
