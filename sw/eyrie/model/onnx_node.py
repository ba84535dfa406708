"""One node of an ONNX graph, with its attributes checked against the operator's schema."""

from dataclasses import dataclass

import onnx
from onnx import AttributeProto, NodeProto

from eyrie.errors import InputError
from eyrie.model.onnx_read import quoted, text_of

_DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """A node as the import sees it.

    Parameters
    ----------
    operator : str
        Operator, with its domain in front unless that is the default one: ``Gemm``, ``ai.onnx.ml.Scaler``.
    name : str
        Name of the node, or of its first output where it has none.
    inputs, outputs : tuple of str
        Names of tensors; an optional one that is left out is empty.
    attributes : dict
        By name.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, AttributeProto]

    @classmethod
    def from_proto(cls, proto: NodeProto) -> "Node":
        domain, operator = text_of(proto.domain), text_of(proto.op_type)
        outputs = tuple(text_of(name) for name in proto.output)
        return cls(
            operator=operator if domain in _DEFAULT_DOMAINS else f"{domain}.{operator}",
            name=text_of(proto.name) or (outputs[0] if outputs else ""),
            inputs=tuple(text_of(name) for name in proto.input),
            outputs=outputs,
            attributes={text_of(attribute.name): attribute for attribute in proto.attribute},
        )

    @property
    def label(self) -> str:
        """Operator and name, for messages."""
        operator = self.operator if self.operator.replace(".", "_").isidentifier() else quoted(self.operator)
        return f"{operator} {quoted(self.name)}"

    def check(self, opsets: dict[str, int]) -> None:
        """Check the number of inputs and outputs, and the name and type of every attribute, by the operator's schema.

        Parameters
        ----------
        opsets : dict
            Version of each domain that the model uses; the default domain is the empty string.

        Raises
        ------
        InputError
            Naming the node and what does not fit.
        """
        domain, _, operator = self.operator.rpartition(".")
        if domain not in opsets:
            raise InputError(f"{self.label} is of the operator set {quoted(domain)}, which the model does not declare")
        try:
            schema = onnx.defs.get_schema(operator, opsets[domain], domain)
        except onnx.defs.SchemaError:
            raise InputError(f"{self.label} is not defined in version {opsets[domain]} of its operator set") from None
        for kind, names, low, high in (
            ("inputs", self.inputs, schema.min_input, schema.max_input),
            ("outputs", self.outputs, schema.min_output, schema.max_output),
        ):
            if not low <= len(names) <= high or not all(names[:low]):
                raise InputError(f"{self.label} has {len(names)} {kind}; at least {low} and at most {high} fit")
        for name, attribute in self.attributes.items():
            if name not in schema.attributes:
                known = ", ".join(sorted(schema.attributes)) or "none"
                raise InputError(f"{self.label} has an attribute {quoted(name)}; its attributes are: {known}")
            # The enumeration has values, though its stub does not say so.
            if attribute.type != schema.attributes[name].type.value:  # type: ignore[attr-defined]
                raise InputError(f"{self.label}: attribute {quoted(name)} has the wrong type")

    def integer(self, name: str, default: int) -> int:
        """Value of an attribute of type INT."""
        return self.attributes[name].i if name in self.attributes else default

    def real(self, name: str, default: float) -> float:
        """Value of an attribute of type FLOAT."""
        return self.attributes[name].f if name in self.attributes else default

    def text(self, name: str, default: str) -> str:
        """Value of an attribute of type STRING."""
        return text_of(self.attributes[name].s) if name in self.attributes else default

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Value of an attribute of type INTS, None if the node does not have it."""
        return tuple(self.attributes[name].ints) if name in self.attributes else None

    def reals(self, name: str) -> tuple[float, ...] | None:
        """Value of an attribute of type FLOATS, None if the node does not have it."""
        return tuple(self.attributes[name].floats) if name in self.attributes else None
