"""An engine behind AXI under cocotb, driven by somebody else's models of the bus."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.bench.cache import Progress
from eyrie.bench.cocotb_run import BenchResult, SimulatorName, run_cocotb
from eyrie.bench.emitted import PE_MODULE
from eyrie.bench.link_job import LinkJob
from eyrie.common.emit import EmittedVerilog, emit_verilog
from eyrie.compile.schedule import Receive
from eyrie.eie.config import EieConfig
from eyrie.errors import MissingToolError
from eyrie.host.config import HostConfig

AXI_TOP = "eie_axi"
"""Name of the top module."""

_BENCH = "eyrie.bench.cocotb_benches.eie_axi"
_ARRAYS = ("words", "inputs", "outputs", "counts")


@dataclass(frozen=True, kw_only=True, eq=False)
class AxiJob:
    """A network and samples, as the bench takes them.

    Parameters
    ----------
    words : uint32 (n,)
        Image.
    inputs : int64 (samples, n_in)
    outputs : int64 (samples, n_out)
        What the output stream brings.
    counts : bool (n_out,)
        Which of them mean something; the others fill up.
    """

    words: npt.NDArray[np.uint32]
    inputs: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.int64]
    counts: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, job: LinkJob) -> "AxiJob":
        """A job whose network takes its whole input at once."""
        transfers = job.network.schedule.transfers
        elements = np.concatenate([one.elements for one in transfers if isinstance(one, Receive)])
        return cls(words=job.words, inputs=job.inputs, outputs=job.outputs[:, elements], counts=elements >= 0)


def save_jobs(path: Path, jobs: Sequence[AxiJob]) -> None:
    """Write jobs to an ``.npz`` file."""
    arrays: dict[str, Any] = {
        f"{name}_{number}": getattr(job, name) for number, job in enumerate(jobs) for name in _ARRAYS
    }
    np.savez(path, **arrays)


def load_jobs(path: Path) -> list[AxiJob]:
    """Read what `save_jobs` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        count = len(arrays.files) // len(_ARRAYS)
        return [AxiJob(**{name: arrays[f"{name}_{number}"] for name in _ARRAYS}) for number in range(count)]


def emit_axi(config: EieConfig, host: HostConfig) -> EmittedVerilog:
    """Verilog of the engine with its AXI ports.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """
    from eyrie.host.eie_axi import EieAxi  # elaboration is not needed by those who only name the top

    return emit_verilog(EieAxi(config, host), name=AXI_TOP, prefix="eie")


def run_axi_bench(
    emitted: EmittedVerilog,
    jobs: Sequence[LinkJob],
    *,
    simulator: SimulatorName,
    work_dir: Path,
    seed: int,
    progress: Progress | None = None,
) -> tuple[BenchResult, ...]:
    """Run `eyrie.bench.cocotb_benches.eie_axi`; parameters, result and errors as those of `run_cocotb`."""
    if importlib.util.find_spec("cocotbext") is None or importlib.util.find_spec("cocotbext.axi") is None:
        raise MissingToolError("cocotbext-axi is not installed: pip install cocotbext-axi")
    work_dir.mkdir(parents=True, exist_ok=True)
    path = work_dir.resolve() / "jobs.npz"
    save_jobs(path, [AxiJob.of(job) for job in jobs])
    repeated = (PE_MODULE,) if emitted.modules.get(PE_MODULE, 1) > 1 else ()
    return run_cocotb(
        emitted.text,
        top=emitted.top,
        test_module=_BENCH,
        simulator=simulator,
        work_dir=work_dir,
        seed=seed,
        environment={"EYRIE_BENCH_JOBS": str(path)},
        not_inlined=repeated,
        progress=progress,
    )
