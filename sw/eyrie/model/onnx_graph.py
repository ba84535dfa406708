"""What a graph says of itself before it is walked: operator sets, its one input, and the nodes that matter."""

from onnx import GraphProto, ModelProto, TensorProto, defs

from eyrie.errors import InputError
from eyrie.model.layer import Shape
from eyrie.model.onnx_node import Node
from eyrie.model.onnx_read import quoted, text_of, type_name

OLDEST_OPSET = 7
"""Since this version of the operators, constants broadcast as they do in NumPy."""

_INPUT_TYPES = frozenset(
    {
        *(TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BOOL),
        *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64),
        *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64),
    }
)


def opset_versions(model: ModelProto) -> dict[str, int]:
    """Version of each operator domain that the model declares; the default domain is the empty string.

    Raises
    ------
    InputError
        If a domain is declared with two versions, or the default one with a version that is too old or not known yet.
    """
    versions: dict[str, int] = {}
    for opset in model.opset_import:
        domain = "" if opset.domain == "ai.onnx" else text_of(opset.domain)
        if versions.setdefault(domain, opset.version) != opset.version:
            raise InputError(f"declares two versions of the operator set {quoted(domain)}; one is needed")
    newest = defs.onnx_opset_version()
    if not OLDEST_OPSET <= versions.get("", 0) <= newest:
        raise InputError(f"uses operator set {versions.get('', 0)}; export it with one from {OLDEST_OPSET} to {newest}")
    return versions


def graph_input(graph: GraphProto) -> tuple[str, int | None, Shape | None]:
    """Name of the graph's one input, its batch size and the shape of a sample, the latter None where it is open.

    Raises
    ------
    InputError
        If there is not exactly one input besides the weights, or it is not a tensor of numbers with a batch dimension.
    """
    weights = {text_of(tensor.name) for tensor in graph.initializer}
    inputs = [value for value in graph.input if text_of(value.name) not in weights]
    if len(inputs) != 1:
        names = ", ".join(quoted(value.name) for value in inputs[:5])
        raise InputError(f"the graph has {len(inputs)} inputs{f' ({names})' if inputs else ''}; it must have one")
    name = text_of(inputs[0].name)
    if not inputs[0].type.HasField("tensor_type"):
        raise InputError(f"input {quoted(name)} of the graph must be a tensor")
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type not in _INPUT_TYPES:
        raise InputError(f"input {quoted(name)} of the graph holds {type_name(tensor.elem_type)}; it must hold numbers")
    if not tensor.HasField("shape"):
        return name, None, None
    # Exporters write an open size as a name, as nothing, or as 0.
    sizes = [size.dim_value if size.dim_value > 0 else None for size in tensor.shape.dim]
    if len(sizes) < 2:
        raise InputError(f"input {quoted(name)} of the graph must have shape (samples, inputs), not rank {len(sizes)}")
    sample = [size for size in sizes[1:] if size is not None]
    return name, sizes[0], tuple(sample) if len(sample) == len(sizes) - 1 else None


def needed_nodes(graph: GraphProto) -> list[Node]:
    """The nodes on which the graph's outputs depend, in order.

    Raises
    ------
    InputError
        If the graph has no nodes.
    """
    if not graph.node:
        raise InputError("the graph is empty, it has no node")
    needed = {text_of(output.name) for output in graph.output}
    nodes = []
    for proto in reversed(graph.node):
        node = Node.from_proto(proto)
        if not needed.isdisjoint(node.outputs):
            # An optional input that is left out has an empty name.
            needed.update(name for name in node.inputs if name)
            nodes.append(node)
    return nodes[::-1]
