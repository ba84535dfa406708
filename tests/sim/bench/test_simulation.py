"""The harness around a compiled engine sees what is wrong. The engine here is a fake one that can misbehave."""

from pathlib import Path

import numpy as np
import pytest

from eyrie.bench.compiled import build_library
from eyrie.bench.simulation import STREAMS, CoreSimulation, SimulationError

IDENTIFICATION = 0x8123456789ABCDEF
END = 0
"""Input that ends a run of the fake engine; for any other it puts out one more than it."""

FAKE = f"""\
module fake(clk, rst, load__payload, load__valid, load__ready, i__payload, i__valid, i__ready, o__payload, o__valid,
  o__ready, start, busy, done, error, loaded, identification, cycles);
  input clk, rst, load__valid, i__valid, o__ready, start;
  input [32:0] load__payload;
  input signed [10:0] i__payload;
  output load__ready, i__ready, o__valid;
  output signed [10:0] o__payload;
  output reg busy, done, loaded;
  output reg [3:0] error;
  output [63:0] identification;
  output reg [31:0] cycles;
  reg [7:0] mode;
  reg first, valid, last;
  reg signed [10:0] value;
  reg [31:0] unwritten;
  assign load__ready = !busy;
  assign i__ready = busy && (!valid || o__ready) && !last && !done;
  assign o__valid = valid;
  assign o__payload = value;
  assign identification = mode == "u" ? unwritten : 64'h{IDENTIFICATION:x};
  always @(posedge clk) begin
    done <= 0;
    if (done) busy <= 0;
    if (busy) cycles <= cycles + 1;
    if (load__valid && load__ready) begin
      if (first) begin mode <= load__payload; loaded <= 0; error <= 0; end
      first <= load__payload[32];
      if (load__payload[32]) begin loaded <= load__payload[7:0] != "x"; error <= load__payload[7:0] == "x" ? 5 : 0; end
    end
    if (start && !busy) begin
      error <= loaded ? 0 : 6;
      busy <= loaded;
      cycles <= 0;
    end
    if (valid && o__ready) valid <= 0;
    if (i__valid && i__ready) begin
      if (i__payload == {END}) begin last <= 1; valid <= mode == "s"; value <= 0; end
      else begin valid <= 1; value <= i__payload + 1; end
`ifdef EYRIE_ASSERT
      if (i__payload == 77) begin $write("an assertion"); $stop; end
`endif
    end
    if (valid && !o__ready && mode == "w") valid <= 0;
    if (valid && !o__ready && mode == "c") value <= value + 1;
    if (last && !valid && mode != "h") begin last <= 0; done <= 1; end
    if (rst) begin busy <= 0; done <= 0; loaded <= 0; error <= 0; first <= 1; valid <= 0; last <= 0; mode <= 0; end
  end
endmodule
"""


@pytest.fixture(scope="module")
def library() -> Path:
    return build_library(FAKE, top="fake", activation_width=11)


@pytest.fixture
def core(library: Path) -> CoreSimulation:
    return CoreSimulation(library)


def load(core: CoreSimulation, mode: str) -> None:
    core.load(np.array([ord(mode), 1, 2], np.uint32))


def activations(*values: int) -> np.ndarray:
    return np.array([*values, END], np.int32)


def test_values_go_through_with_their_signs(core: CoreSimulation) -> None:
    load(core, "n")
    assert (core.loaded, core.error, core.busy) == (True, 0, False)
    core.start()
    assert core.busy
    values = (5, -1024, 1022, -3)
    outputs = core.exchange(activations(*values), len(values), wait_done=True)
    assert outputs.tolist() == [value + 1 for value in values]
    assert (core.done, core.busy) == (True, False)
    assert core.identification == IDENTIFICATION


def test_a_run_may_be_cut_into_exchanges(core: CoreSimulation) -> None:
    load(core, "n")
    core.start()
    first = core.exchange(np.array([4, 6], np.int32), 2)
    assert not core.done
    core.wait(50)
    assert core.busy
    second = core.exchange(activations(8), 1, wait_done=True)
    assert [*first.tolist(), *second.tolist()] == [5, 7, 9]


def test_a_second_run_has_its_own_end(core: CoreSimulation) -> None:
    load(core, "n")
    for _ in range(2):
        core.start()
        assert not core.done
        core.exchange(activations(1), 1, wait_done=True)
        assert core.done


def test_an_error_is_read(core: CoreSimulation) -> None:
    core.start()
    assert (core.error, core.busy) == (6, False)
    core.load(np.array([1, ord("x")], np.uint32))
    assert (core.error, core.loaded) == (5, False)


def test_one_word_is_a_load_stream(core: CoreSimulation) -> None:
    core.load(np.array([ord("n")], np.uint32))
    assert core.loaded


def test_an_engine_that_hangs_is_given_up(core: CoreSimulation) -> None:
    load(core, "h")
    core.start()
    with pytest.raises(SimulationError, match="did not finish within 200 cycles"):
        core.exchange(activations(1), 1, wait_done=True, max_cycles=200)
    core.reset()
    assert not core.busy
    with pytest.raises(SimulationError, match="did not finish within 30 cycles"):
        core.exchange(activations(1), 1, max_cycles=30)  # nobody started it


@pytest.mark.parametrize("mode", ["w", "c"])
def test_an_output_that_changes_while_it_is_stalled(core: CoreSimulation, mode: str) -> None:
    load(core, mode)
    core.start()
    core.exchange(activations(1, 2), 2, wait_done=True)  # without stalls there is nothing to see
    core.set_stalls("o", "alternate", seed=3)
    core.start()
    with pytest.raises(SimulationError, match="withdrew or changed"):
        core.exchange(activations(1, 2, 3), 3, wait_done=True)


def test_an_output_too_many(core: CoreSimulation) -> None:
    load(core, "s")
    core.start()
    with pytest.raises(SimulationError, match="more outputs than the 2 expected"):
        core.exchange(activations(1, 2), 2, wait_done=True)


def test_an_assertion_ends_the_call_and_not_the_process(
    core: CoreSimulation, capfd: pytest.CaptureFixture[str]
) -> None:
    load(core, "n")
    core.start()
    with pytest.raises(SimulationError, match="assertion"):
        core.exchange(activations(1, 77, 2), 3, wait_done=True)
    assert capfd.readouterr() == ("", "an assertion")


def run_cycles(library: Path, stream: str, stall: str, seed: int, probability: int = 128) -> int:
    core = CoreSimulation(library)
    core.set_stalls(stream, stall, seed=seed, probability=probability)  # type: ignore[arg-type]
    if stream == "load":
        return core.load(np.arange(1, 301, dtype=np.uint32))
    load(core, "n")
    core.start()
    values = tuple(range(100, 400))
    assert core.exchange(activations(*values), 300, wait_done=True).tolist() == [value + 1 for value in values]
    return core.cycles


@pytest.mark.parametrize("stream", STREAMS)
def test_stalls_are_what_they_say(library: Path, stream: str) -> None:
    free = run_cycles(library, stream, "never", 1)
    assert run_cycles(library, stream, "random", 1, probability=0) == free
    assert run_cycles(library, stream, "alternate", 1) > free
    assert run_cycles(library, stream, "gaps", 1) > 2 * free
    some, more = (run_cycles(library, stream, "random", 1, probability=p) for p in (64, 250))
    assert free < some < more
    assert more > 10 * free
    # The seed decides, and nothing else does.
    again, other = (run_cycles(library, stream, "random", seed, probability=64) for seed in (1, 2))
    assert again == some != other


def test_what_was_never_written_is_random(library: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        core = CoreSimulation(library, seed=seed)
        load(core, "u")
        found.append(core.identification)
    assert found[0] == found[1] != found[2]
