"""From a harness to the transition relation that a solver takes."""

from pathlib import Path

from eyrie.common.emit import run_yosys
from eyrie.formal.harness import TOP, Harness

# Memories start with any content: words that nobody wrote mean nothing. What Yosys would leave open is any value too.
_BEGIN = f"""\
read_rtlil design.il
hierarchy -top {TOP}
delete */t:$meminit*
proc
flatten
memory_collect
memory_map
"""
_END = f"""\
async2sync
chformal -lower
opt_clean
setundef -undriven -anyseq
opt -keepdc -fast
check
dffunmap
hierarchy -smtcheck -top {TOP}
write_smt2 -wires design.smt2
"""


def write_model(harness: Harness, folder: Path, only: str | None = None) -> None:
    """Write ``design.smt2``.

    Parameters
    ----------
    harness : Harness
    folder : Path
    only : str or None
        Leave this assertion and no other.

    Raises
    ------
    YosysError
        If a signal that the harness looks at is not there.
    """
    text = harness.rtlil(only)
    peeks = [f"delete -input {TOP}/w:{name}\nconnect -set {name} {path}\n" for name, path in harness.peeks.items()]
    script = "".join([_BEGIN, f"cd {TOP}\n", *peeks, "cd ..\n", _END])
    outputs, _ = run_yosys(script, {"design.il": text}, ["design.smt2"])
    (folder / "design.smt2").write_text(outputs["design.smt2"], encoding="utf-8")
