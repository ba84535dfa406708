"""What a command waits for: that a counter has got as far as the command says."""

from amaranth.hdl import Value

from eyrie.rowstat.commands import COUNT_BITS


def reached(counter: Value, wait: Value) -> Value:
    """Whether ``counter`` is at ``wait`` or beyond, modulo ``2 ** COUNT_BITS`` and less than half of that apart."""
    return ~(counter - wait)[COUNT_BITS - 1]
