"""`RoundingShift`: the same as its formula, on every input."""

from typing import Any

from amaranth.hdl import Mux, Signal, signed

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_INPUT, _SHIFT, _OUTPUT = 9, 3, 4
_LOWEST, _HIGHEST = -(1 << _OUTPUT - 1), (1 << _OUTPUT - 1) - 1


def _build(rounding_shift: Any) -> Harness:
    dut = rounding_shift.RoundingShift(input_width=_INPUT, shift_width=_SHIFT, output_width=_OUTPUT)
    h = Harness(dut, driven={"relu"})
    relu = h.constant(1, name="relu_of_all")
    h.m.d.comb += dut.relu.eq(relu)

    # The formula as it stands in the docstring, and its result after the latency.
    half, exact = Signal(1 << _SHIFT, name="half"), Signal(signed(_INPUT + 2), name="exact")
    clamped, result = Signal(signed(_OUTPUT), name="clamped"), Signal(signed(_OUTPUT), name="result_0")
    h.m.d.comb += [
        half.eq((1 << dut.shift) >> 1),
        exact.eq((dut.i + half) >> dut.shift),
        clamped.eq(Mux(exact > _HIGHEST, _HIGHEST, Mux(exact < _LOWEST, _LOWEST, exact))),
        result.eq(Mux(relu & clamped[-1], 0, clamped)),
    ]
    valid: Any = dut.i_valid
    for age in range(1, rounding_shift.LATENCY + 1):
        result, valid = h.before(result, name=f"result_{age}"), h.before(valid, name=f"valid_{age}")
    h.prove("result", ~dut.valid | (dut.o == result))
    h.prove("latency", dut.valid == valid)
    h.prove("nothing", dut.valid | (dut.o == 0))
    return h


PROOF = Proof(
    name="rounding-shift",
    module="eyrie.common.rounding_shift",
    component="RoundingShift",
    configuration=f"{_INPUT} bits by 0 to {(1 << _SHIFT) - 1} to {_OUTPUT} bits",
    build=_build,
    properties=(
        Property(
            name="result",
            says="clamp((i + 2 ** (shift - 1)) >> shift), of negative ones 0 with ReLU.",
            broken=Broken(old="over.eq(~rounded[-1] & rounded[-2])", new="over.eq(0)"),
        ),
        Property(
            name="latency",
            says="A result comes three cycles after each input, and at no other time.",
            broken=Broken(old="self.valid.eq(valid[1])", new="self.valid.eq(valid[0])"),
        ),
        Property(
            name="nothing",
            says="Without a result the output is 0.",
            broken=Broken(old="high.eq(valid[1] & Mux(", new="high.eq(Mux("),
        ),
    ),
)
