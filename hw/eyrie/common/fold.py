"""Folding of equal modules, so that N equal processing elements become one module.

Amaranth writes a module for every instance. Here modules with the same body, in the text of RTLIL (the input language
of Yosys) and the same kind of place become one, from the leaves upwards, under a name that a person reads. Give equal
instances equal connections: Amaranth prunes unused ports and pulls constants inside, and two bodies that differ stay
two modules.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MODULE = re.compile(r"^(?:attribute .*\n)*module \\(\S+)\n((?:.*\n)*?)end\n", re.MULTILINE)
_CELL = re.compile(r"^  cell \\(\S+) (\S+)\n((?:    .*\n)*)  end\n", re.MULTILINE)
_PORT = re.compile(
    r"^((?:  attribute .*\n)*)  wire width (\d+) (input|output|inout) \d+ +(signed )?\\(\S+)\n\n?", re.MULTILINE
)
_INTERNAL_ATTRIBUTE = re.compile(r"^ *attribute \\(?:src|generator|top|hdlname|amaranth\.\S*) .*\n", re.MULTILINE)
_ZERO_INIT = re.compile(
    r"^  cell \$meminit_v2 \S+\n(?:    (?!connect \\DATA).*\n)*    connect \\DATA \d+'0+\n(?:    .*\n)*  end\n\n?",
    re.MULTILINE,
)
# Wires without bits, and what drives them. Verilog cannot express them: [-1:0] is two bits.
_EMPTY_WIRE = re.compile(r"^(?:  attribute .*\n)*  wire width 0 (?:.* )?(\S+)\n\n?", re.MULTILINE)
_EMPTY_ALIAS = re.compile(r"^connect \S+ \{ *\}\n", re.MULTILINE)
_OPERATOR = re.compile(r"^  cell \$\S+ \S+\n(?:    .*\n)*?    connect \\Y (\S+)\n(?:    .*\n)*  end\n\n?", re.MULTILINE)
# Assertions and prints carry their number within the whole design; only their order within a module means anything.
_PRIORITY = re.compile(r"^(    parameter signed \\PRIORITY 32')(1[01]{31})$", re.MULTILINE)
# A port that no signal of the module stands for alone gets the number of a net of the whole design for a name.
_NUMBERED_PORT = re.compile(r"\\(port\$\d+\$\d+)")
_OWN_NUMBERED_PORT = re.compile(r"(?<!    connect )\\(port\$\d+\$\d+)")
_ALIAS = re.compile(r"^connect \\(\S+) (.+)$", re.MULTILINE)
_CHUNK = re.compile(r"(\d+)'[01x]+|\\(\S+) \[(\d+)(?::(\d+))?\]")
_NUMBERED = re.compile(r"(?:_\d+)+$")


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of the top module.

    Parameters
    ----------
    name : str
        Its name in Verilog.
    direction : str
        ``"input"``, ``"output"`` or ``"inout"``.
    width : int
        Bits.
    signed : bool
        Whether the bits are a two's complement number.
    """

    name: str
    direction: str
    width: int
    signed: bool


@dataclass(frozen=True, kw_only=True)
class FoldedDesign:
    """A design in which every module body stands once.

    Parameters
    ----------
    text : str
        RTLIL; the top module first.
    top : str
        Name of the top module.
    ports : tuple of Port
        Ports of the top module: clock, reset, then by name.
    modules : dict of str to int
        Module names and how many instances of each the whole design holds, the top counting as one.
    """

    text: str
    top: str
    ports: tuple[Port, ...]
    modules: dict[str, int]


def fold(rtlil: str, *, prefix: str, drop_zero_init: bool = False) -> FoldedDesign:
    """Fold modules with equal bodies and one name; source positions and the order of ports make no difference.

    The top module keeps its name. Another is named after its place: ``prefix`` and the names on the path below the
    top, from the first numbered one on and without numbers at their ends, joined by underscores
    (``top.array.pe_17.queue`` becomes ``eie_pe_queue``). Different bodies that want one name get ``_2``, ``_3`` in the
    order of the text. Equal bodies in places that differ in more than a number stay apart, so that a module's name
    does not depend on what else happens to have its geometry.

    Parameters
    ----------
    rtlil : str
        What ``amaranth.back.rtlil.convert`` returns: the top module first, others called ``top.path.of.names``.
    prefix : str
        First part of every name below the top.
    drop_zero_init : bool
        Leave out initial values of memories that are zero in every word. Simulators then show unknown values for
        words that were never written, and iCE40's single-port memories, which have no initial value, can be used.

    Raises
    ------
    ValueError
        If the text holds no module, or a module contains itself.
    """
    text = _INTERNAL_ATTRIBUTE.sub("", rtlil)
    if drop_zero_init:
        text = _ZERO_INIT.sub("", text)
    bodies, port_names = {}, {}
    for match in _MODULE.finditer(text):
        bodies[match[1]], port_names[match[1]] = _independent_of_design(match[2])
    if not bodies:
        raise ValueError("RTLIL text holds no module")
    cells = {path: [match[1] for match in _CELL.finditer(body)] for path, body in bodies.items()}
    children = {path: [kind for kind in kinds if kind in bodies] for path, kinds in cells.items()}
    external = {kind for kinds in cells.values() for kind in kinds} - bodies.keys()
    top = next(iter(bodies))

    bottom_up = _bottom_up(top, children)
    wanted = {path: _wanted_name(path, top, prefix) for path in bottom_up}
    same_as: dict[str, str] = {}
    seen: dict[tuple[str, str], str] = {}
    for path in bottom_up:
        same_as[path] = seen.setdefault((wanted[path], _rename_cells(bodies[path], same_as, port_names)), path)
    members: dict[str, list[str]] = {}
    for path in bodies:
        if path in same_as:
            members.setdefault(same_as[path], []).append(path)
    instances = Counter({top: 1})
    for path in reversed(bottom_up):
        for child in children[path]:
            instances[child] += instances[path]

    used = {*external}
    names = {first: _unused(wanted[first], used) for first in members}
    renamed = {path: names[first] for path, first in same_as.items()}
    parts = (f"module \\{names[one]}\n{_rename_cells(bodies[one], renamed, port_names)}end\n" for one in members)
    return FoldedDesign(
        text="\n".join(parts),
        top=top,
        ports=tuple(
            Port(name=name, direction=direction, width=int(width), signed=bool(signed))
            for _, width, direction, signed, name in _PORT.findall(bodies[top])
        ),
        modules={names[first]: sum(instances[path] for path in paths) for first, paths in members.items()},
    )


def _independent_of_design(body: str) -> tuple[str, dict[str, str]]:
    """The body without what depends on the rest of the design, and the new names of its numbered ports.

    Ports are declared at the start: clock, reset, then by name.
    """
    body = _without_empty_wires(body)
    port_names = _name_numbered_ports(body)
    body = _OWN_NUMBERED_PORT.sub(lambda match: "\\" + port_names[match[1]], body)
    ranks = {bits: rank for rank, bits in enumerate(sorted(set(match[2] for match in _PRIORITY.finditer(body))))}
    body = _PRIORITY.sub(lambda match: f"{match[1]}{(1 << 32) - len(ranks) + ranks[match[2]]:032b}", body)
    ports = sorted(_PORT.findall(body), key=lambda port: (port[4] != "clk", port[4] != "rst", port[4]))
    declared = (
        f"{attributes}  wire width {width} {direction} {number} {signed}\\{name}\n\n"
        for number, (attributes, width, direction, signed, name) in enumerate(ports, 1)
    )
    return "".join(declared) + _PORT.sub("", body), port_names


def _without_empty_wires(body: str) -> str:
    empty = set(_EMPTY_WIRE.findall(body))
    if not empty:
        return body
    body = _EMPTY_ALIAS.sub("", _EMPTY_WIRE.sub("", body))
    return _OPERATOR.sub(lambda match: "" if match[1] in empty else match[0], body)


def _name_numbered_ports(body: str) -> dict[str, str]:
    """Names for numbered ports after the signals of the module that they are, or are part of."""
    widths = {name: int(width) for _, width, _, _, name in _PORT.findall(body) if name.startswith("port$")}
    if not widths:
        return {}
    whole: dict[str, str] = {}
    part: dict[str, str] = {}
    # Of several signals the one with the shortest name; one that Amaranth had to name itself has a dollar in it.
    for signal, value in sorted(_ALIAS.findall(body), key=lambda alias: ("$" in alias[0], len(alias[0]))):
        chunks = _CHUNK.findall(value)
        if signal in widths:  # an output: the signal is on the other side
            if len(chunks) == 1 and chunks[0][1] not in widths:
                _, name, high, low = chunks[0]
                part.setdefault(signal, f"{name}_{high}" + (f"_{low}" if low else ""))
            continue
        position = 0
        for constant, name, high, low in reversed(chunks):
            width = int(constant) if constant else int(high) - int(low or high) + 1
            if name in widths and width == widths[name]:
                if len(chunks) == 1:
                    whole.setdefault(name, signal)
                place = f"{position + width - 1}_{position}" if width > 1 else str(position)
                part.setdefault(name, f"{signal}_{place}")
            position += width
    used = set(re.findall(r"\\(\S+)", body))
    names = {}
    for port in dict.fromkeys(_NUMBERED_PORT.findall(_PORT.sub("", body))):
        if port in widths:
            names[port] = _unused(re.sub(r"\W+", "_", whole.get(port) or part.get(port) or "port").strip("_"), used)
    return names


def _rename_cells(body: str, names: Mapping[str, str], port_names: Mapping[str, Mapping[str, str]]) -> str:
    """The body with its submodules' types and numbered ports replaced, and their connections sorted."""

    def rename(match: re.Match[str]) -> str:
        kind, instance, connections = match.groups()
        if kind not in names:
            return match[0]
        for old, new in port_names[kind].items():
            connections = connections.replace(f"    connect \\{old} ", f"    connect \\{new} ")
        return f"  cell \\{names[kind]} {instance}\n{''.join(sorted(connections.splitlines(True)))}  end\n"

    return _CELL.sub(rename, body)


def _bottom_up(top: str, children: Mapping[str, Sequence[str]]) -> list[str]:
    """The top and all modules below it, each after those it contains."""
    finished: dict[str, bool] = {}

    def visit(path: str) -> None:
        finished[path] = False
        for child in children[path]:
            if child not in finished:
                visit(child)
            elif not finished[child]:
                raise ValueError(f"module {child} contains itself")
        del finished[path]
        finished[path] = True

    visit(top)
    return list(finished)


def _wanted_name(path: str, top: str, prefix: str) -> str:
    if path == top:
        return top
    parts = [re.sub(r"\W", "_", part) for part in path.removeprefix(f"{top}.").split(".")]
    first = next((place for place, part in enumerate(parts) if _NUMBERED.search(part)), 0)
    return "_".join([prefix, *(_NUMBERED.sub("", part) or part for part in parts[first:])])


def _unused(name: str, used: set[str]) -> str:
    """The name, or with the first number that makes it new; enters it in ``used``."""
    unique, number = name, 2
    while unique in used:
        unique, number = f"{name}_{number}", number + 1
    used.add(unique)
    return unique
