"""Emitted Verilog as a shared library, behind functions that Python calls."""

from importlib import resources
from pathlib import Path

from eyrie.bench.cache import Progress
from eyrie.bench.native import Recipe, build_native

# What the design prints goes to standard error; vl_stop and vl_fatal are the harness's, which do not end the process.
_DEFINES = (
    "-DVL_TIME_CONTEXT",
    "-DVL_USER_STOP",
    "-DVL_USER_FATAL",
    "-DVL_PRINTF(...)=fprintf(stderr,__VA_ARGS__)",
)


def build_library(
    verilog: str,
    *,
    top: str,
    activation_width: int,
    not_inlined: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Path:
    """An EIE engine in this Verilog as a shared library behind the functions of ``harness.cpp``.

    The first time for a given text takes from seconds to a minute; after that it is found in the cache.

    Parameters
    ----------
    verilog : str
        The Verilog.
    top : str
        Its top module, with the ports of an engine.
    activation_width : int
        Bits of an activation, 8 to 16.
    not_inlined : tuple of str
        Modules with many instances.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    MissingToolError
        If Verilator or a C++ compiler is missing.
    ToolError
        If one of them fails.
    """
    main_defines = (f"-DEYRIE_ACTIVATION_WIDTH={activation_width}",)
    return build_native(
        _recipe("harness.cpp", main_defines), verilog, top=top, not_inlined=not_inlined, progress=progress
    )


def build_rowstat_library(
    verilog: str, *, top: str, not_inlined: tuple[str, ...] = (), progress: Progress | None = None
) -> Path:
    """A row-stationary engine in this Verilog as a shared library behind the functions of ``rowstat_harness.cpp``.

    Parameters and errors are those of `build_library`.
    """
    return build_native(_recipe("rowstat_harness.cpp"), verilog, top=top, not_inlined=not_inlined, progress=progress)


def _recipe(harness: str, main_defines: tuple[str, ...] = ()) -> Recipe:
    sources = resources.files("eyrie.bench")
    return Recipe(
        output="engine.so",
        main="".join(sources.joinpath(name).read_text() for name in ("stalls.h", harness)),
        defines=_DEFINES,
        main_defines=main_defines,
        link_flags=("-shared",),
    )
