"""Folding of equal modules, so that N equal processing elements become one module.

Amaranth writes a module for every instance. Here modules with the same body, in the text of RTLIL (the input language
of Yosys), become one, from the leaves upwards, under a name that a person reads. Give equal instances equal
connections: Amaranth prunes unused ports and pulls constants inside, and two bodies that differ stay two modules.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MODULE = re.compile(r"^(?:attribute .*\n)*module \\(\S+)\n((?:.*\n)*?)end\n", re.MULTILINE)
_CELL = re.compile(r"^  cell \\(\S+) (\S+)\n((?:    .*\n)*)  end\n", re.MULTILINE)
_PORT = re.compile(r"^  wire width (\d+) (input|output|inout) \d+ +(signed )?\\(\S+)\n", re.MULTILINE)
_PORT_BLOCK = re.compile(
    r"^((?:  attribute .*\n)*)  wire width (\d+) (input|output|inout) \d+ +(signed )?(\\\S+)\n\n?", re.MULTILINE
)
_INTERNAL_ATTRIBUTE = re.compile(r"^ *attribute \\(?:src|generator|hdlname|amaranth\.\S*) .*\n", re.MULTILINE)
_ZERO_INIT = re.compile(
    r"^  cell \$meminit_v2 \S+\n(?:    (?!connect \\DATA).*\n)*    connect \\DATA \d+'0+\n(?:    .*\n)*  end\n\n?",
    re.MULTILINE,
)
_TRAILING_NUMBERS = re.compile(r"(?:_\d+)+$")


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
    """Fold modules with equal bodies; names, source positions and the order of ports make no difference.

    The top module keeps its name. Another is named after its place: ``prefix`` and the names on the path below the
    top, without trailing numbers, joined by underscores (``top.pe_17.queue`` becomes ``eie_pe_queue``). One body that
    stands in several places is named after what their names have in common; different bodies that want one name get
    ``_2``, ``_3`` in the order of the text.

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
        If the text holds no module, or modules contain one another.
    """
    text = _INTERNAL_ATTRIBUTE.sub("", rtlil)
    if drop_zero_init:
        text = _ZERO_INIT.sub("", text)
    bodies = {match[1]: _canonical_ports(match[2]) for match in _MODULE.finditer(text)}
    if not bodies:
        raise ValueError("RTLIL text holds no module")
    cells = {path: [match[1] for match in _CELL.finditer(body)] for path, body in bodies.items()}
    children = {path: [kind for kind in kinds if kind in bodies] for path, kinds in cells.items()}
    external = {kind for kinds in cells.values() for kind in kinds} - bodies.keys()
    top = next(iter(bodies))
    bottom_up = _bottom_up(top, children)
    same_as: dict[str, str] = {}
    seen: dict[str, str] = {}
    for path in bottom_up:
        same_as[path] = seen.setdefault(_rename_cells(bodies[path], same_as), path)
    instances = Counter({top: 1})
    for path in reversed(bottom_up):
        for child in children[path]:
            instances[child] += instances[path]
    members: dict[str, list[str]] = {}
    for path in bodies:
        if path in same_as:
            members.setdefault(same_as[path], []).append(path)
    names = _choose_names(members, top, prefix, external)
    renamed = {path: names[first] for path, first in same_as.items()}
    return FoldedDesign(
        text="\n".join(f"module \\{names[first]}\n{_rename_cells(bodies[first], renamed)}end\n" for first in members),
        top=top,
        ports=tuple(
            Port(name=match[4], direction=match[2], width=int(match[1]), signed=bool(match[3]))
            for match in _PORT.finditer(bodies[top])
        ),
        modules={names[first]: sum(instances[path] for path in paths) for first, paths in members.items()},
    )


def _canonical_ports(body: str) -> str:
    """The body with its ports declared at its start, in an order that does not depend on what drives them."""
    ports = sorted(_PORT_BLOCK.findall(body), key=lambda port: (port[4] != "\\clk", port[4] != "\\rst", port[4]))
    declared = [
        f"{attributes}  wire width {width} {direction} {number} {signed}{name}\n\n"
        for number, (attributes, width, direction, signed, name) in enumerate(ports, 1)
    ]
    return "".join(declared) + _PORT_BLOCK.sub("", body)


def _rename_cells(body: str, names: dict[str, str]) -> str:
    """The body with its submodules' types replaced and their connections sorted."""

    def rename(match: re.Match[str]) -> str:
        kind, instance, connections = match.groups()
        if kind not in names:
            return match[0]
        return f"  cell \\{names[kind]} {instance}\n{''.join(sorted(connections.splitlines(True)))}  end\n"

    return _CELL.sub(rename, body)


def _bottom_up(top: str, children: dict[str, list[str]]) -> list[str]:
    """All modules below and including the top, each after those it contains."""
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
    parts = path.removeprefix(f"{top}.").split(".")
    plain = [re.sub(r"\W", "_", part) for part in parts]
    return "_".join([prefix, *(_TRAILING_NUMBERS.sub("", part) or part for part in plain)])


def _shared_name(names: Sequence[str]) -> str:
    """The underscored words with which all names begin, then those with which all end."""
    words = [name.split("_") for name in names]
    shortest = min(len(name) for name in words)
    head = 0
    while head < shortest and len({name[head] for name in words}) == 1:
        head += 1
    tail = 0
    while tail < shortest - head and len({name[-1 - tail] for name in words}) == 1:
        tail += 1
    return "_".join(words[0][:head] + words[0][len(words[0]) - tail :])


def _choose_names(members: dict[str, list[str]], top: str, prefix: str, taken: Iterable[str]) -> dict[str, str]:
    used = {top, prefix, *taken}
    names = {top: top}
    wanted = {
        first: list(dict.fromkeys(_wanted_name(path, top, prefix) for path in paths))
        for first, paths in members.items()
        if first != top
    }
    # Bodies that stand in one kind of place have the first call on a name.
    for first, candidates in sorted(wanted.items(), key=lambda item: len(item[1]) > 1):
        name = _shared_name(candidates)
        if name in used and len(candidates) > 1:
            name = candidates[0]
        number = 2
        unique = name
        while unique in used:
            unique = f"{name}_{number}"
            number += 1
        used.add(unique)
        names[first] = unique
    return names
