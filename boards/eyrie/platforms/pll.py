"""Clocks from an oscillator: the settings of each family's PLL, and the cell that has them.

Limits: Lattice FPGA-DS-02012 (ECP5), FPGA-DS-02008 (iCE40 UltraPlus); Gowin DS117 (GW1NR, grade C6/I5); Xilinx DS181
(Artix-7, grade -1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eyrie.synth.cells import Target


@dataclass(frozen=True, kw_only=True)
class Pll:
    """A PLL with its settings.

    Parameters
    ----------
    settings : dict of str to int
        Dividers, under the names that the family gives them.
    oscillator_hz : int
        The voltage-controlled oscillator's frequency, in Hz.
    verilog : str
        Cell between the nets ``clock``, ``clk`` and ``locked``.
    """

    settings: dict[str, int]
    oscillator_hz: int
    verilog: str


def make_pll(family: Target, source: int, clock: int) -> Pll | None:
    """A PLL that makes a clock of exactly so many Hz from a source of so many Hz; None if there is none."""
    return _MAKERS[family](source, clock)


def _ecp5(source: int, clock: int) -> Pll | None:
    # The output is fed back: the VCO runs at the output times its divider, which brings it near 600 MHz.
    for divide in range(1, 129):
        if source % divide or not 3_125_000 <= source // divide <= 400_000_000 or clock % (source // divide):
            continue
        multiply, post = clock // (source // divide), max(1, round(600_000_000 / clock))
        if multiply > 128 or post > 128 or not 400_000_000 <= clock * post <= 800_000_000:
            continue
        settings = {"CLKI_DIV": divide, "CLKFB_DIV": multiply, "CLKOP_DIV": post}
        parameters = settings | {"CLKOP_CPHASE": max(post // 2 - 1, 0), "CLKOP_FPHASE": 0}
        off = ('PLLRST_ENA("DISABLED")', 'INTFB_WAKE("DISABLED")', 'STDBY_ENABLE("DISABLED")')
        cell = _cell(
            "EHXPLLL",
            (*off, 'DPHASE_SOURCE("DISABLED")', 'FEEDBK_PATH("CLKOP")', 'CLKOP_ENABLE("ENABLED")', *_set(parameters)),
            (
                *("CLKI(clock)", "CLKOP(clk)", "CLKFB(clk)", "LOCK(locked)", "RST(1'b0)", "STDBY(1'b0)"),
                *("PHASESEL0(1'b0)", "PHASESEL1(1'b0)", "PHASEDIR(1'b1)", "PHASESTEP(1'b1)", "PHASELOADREG(1'b1)"),
                *("PLLWAKESYNC(1'b0)", "ENCLKOP(1'b0)"),
            ),
        )
        # Loop filter and charge pump, as Project Trellis's ecppll has them.
        filters = '(* ICP_CURRENT="12", LPF_RESISTOR="8", MFG_ENABLE_FILTEROPAMP="1", MFG_GMCREF_SEL="2" *)'
        return Pll(settings=settings, oscillator_hz=clock * post, verilog=f"  {filters}\n{cell}")
    return None


def _ice40(source: int, clock: int) -> Pll | None:
    for divide in range(16):
        compared = source / (divide + 1)
        if not 10e6 <= compared <= 133e6:
            continue
        for post in range(1, 7):
            vco = clock << post
            if not 533_000_000 <= vco <= 1_066_000_000 or vco * (divide + 1) % source:
                continue
            multiply = vco * (divide + 1) // source - 1
            if not 0 <= multiply <= 127:
                continue
            band = sum(compared >= limit for limit in (17e6, 26e6, 44e6, 66e6, 101e6)) + 1
            settings = {"DIVR": divide, "DIVF": multiply, "DIVQ": post, "FILTER_RANGE": band}
            cell = _cell(
                "SB_PLL40_PAD",
                ('FEEDBACK_PATH("SIMPLE")', *_set(settings)),
                ("PACKAGEPIN(clock)", "PLLOUTGLOBAL(clk)", "LOCK(locked)", "RESETB(1'b1)", "BYPASS(1'b0)"),
            )
            return Pll(settings=settings, oscillator_hz=vco, verilog=cell)
    return None


def _gowin(source: int, clock: int) -> Pll | None:
    for divide in range(64):
        if source % (divide + 1) or not 3_000_000 <= source // (divide + 1) <= 400_000_000:
            continue
        multiply, rest = divmod(clock * (divide + 1), source)
        if rest or not 1 <= multiply <= 64:
            continue
        for post in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
            if not 400_000_000 <= clock * post <= 1_200_000_000:
                continue
            settings = {"IDIV_SEL": divide, "FBDIV_SEL": multiply - 1, "ODIV_SEL": post}
            device = (f'FCLKIN("{source / 1e6:g}")', 'DEVICE("GW1NR-9C")')
            cell = _cell(
                "rPLL",
                (*device, 'CLKFB_SEL("internal")', *_set(settings)),
                (
                    *("CLKIN(clock)", "CLKOUT(clk)", "LOCK(locked)", "CLKFB(1'b0)", "RESET(1'b0)", "RESET_P(1'b0)"),
                    *("FBDSEL(6'b0)", "IDSEL(6'b0)", "ODSEL(6'b0)", "PSDA(4'b0)", "DUTYDA(4'b0)", "FDLY(4'b0)"),
                ),
            )
            return Pll(settings=settings, oscillator_hz=clock * post, verilog=cell)
    return None


def _xilinx(source: int, clock: int) -> Pll | None:
    for multiply in range(2, 65):
        vco = source * multiply
        if not 800_000_000 <= vco <= 1_600_000_000 or vco % clock or vco // clock > 128:
            continue
        settings = {"CLKFBOUT_MULT": multiply, "CLKOUT0_DIVIDE": vco // clock, "DIVCLK_DIVIDE": 1}
        cell = _cell(
            "PLLE2_BASE",
            (f"CLKIN1_PERIOD({1e9 / source:.3f})", *_set(settings)),
            (
                *("CLKIN1(clock)", "CLKOUT0(made)", "LOCKED(locked)", "CLKFBOUT(fed_back)", "CLKFBIN(fed_back)"),
                *("RST(1'b0)", "PWRDWN(1'b0)"),
            ),
        )
        nets = "  wire made, fed_back;\n  BUFG buffer (.I(made), .O(clk));\n"
        return Pll(settings=settings, oscillator_hz=vco, verilog=nets + cell)
    return None


_MAKERS: Mapping[Target, Callable[[int, int], Pll | None]] = {
    "ecp5": _ecp5,
    "ice40": _ice40,
    "gowin": _gowin,
    "xilinx": _xilinx,
}


def _set(values: Mapping[str, int]) -> list[str]:
    return [f"{name}({value})" for name, value in values.items()]


def _cell(kind: str, parameters: tuple[str, ...], ports: tuple[str, ...]) -> str:
    given, wired = (",\n".join(f"    .{item}" for item in items) for items in (parameters, ports))
    return f"  {kind} #(\n{given}\n  ) pll (\n{wired}\n  );\n"
