"""A small design through the real tools, onto a board with its PLL."""

from pathlib import Path

import pytest

from eyrie.common.emit import EmittedVerilog
from eyrie.eie.config import TINY
from eyrie.errors import MissingToolError
from eyrie.platforms.board import MHZ
from eyrie.platforms.boards import BOARDS
from eyrie.platforms.build_job import BuildJob
from eyrie.platforms.placed import best, map_cells, place
from eyrie.platforms.toolchain import TOOLCHAINS, PackError

ECHO = EmittedVerilog(
    text="""\
module eie_system(input clk, input rst, input rx, output reg tx);
  reg [7:0] line;
  always @(posedge clk) begin
    line <= rst ? 8'hff : {line, rx};
    tx <= rst | ^line;
  end
endmodule
""",
    top="eie_system",
    ports=(),
    modules={"eie_system": 1},
)


def job(clock: int) -> BuildJob:
    board = BOARDS["icebreaker"]
    return BuildJob(board=board, config=TINY, host=board.host_at(clock=clock * MHZ), system=ECHO, placer="heap")


def installed() -> bool:
    try:
        TOOLCHAINS["ice40"].nextpnr.find()
    except MissingToolError:
        return False
    return True


@pytest.mark.skipif(not installed(), reason="nextpnr is not installed (pip install 'eyrie[route]')")
def test_a_design_with_a_pll_becomes_a_bitstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path))
    echo = job(24)
    assert map_cells(echo).by_kind["SB_PLL40_PAD"] == 1
    placed = [place(echo, seed) for seed in (1, 2)]
    chosen = best(placed)
    ((reached, wanted),) = chosen.clocks.values()
    assert (chosen.passes, wanted) == (True, pytest.approx(24, abs=0.01))
    assert reached == chosen.run.fmax_mhz == max(one.run.fmax_mhz for one in placed)
    assert chosen.run.utilisation["ICESTORM_PLL"][0] == 1
    toolchain = TOOLCHAINS["ice40"]
    packed = toolchain.pack(chosen.design)
    assert b"\x7e\xaa\x99\x7e" in packed[:200]  # where the configuration of an iCE40 begins
    assert toolchain.pack(place(echo, chosen.run.seed).design) == packed
    with pytest.raises(PackError, match=r"^icepack: "):
        toolchain.pack(b"nothing that nextpnr wrote")
