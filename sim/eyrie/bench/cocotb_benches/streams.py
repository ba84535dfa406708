"""Streams under cocotb: sources and sinks with stalls, and checks that a stream keeps to its protocol.

Everybody acts in the same way in each cycle: set inputs after the falling edge, look at valid and ready when they have
settled, know that a transfer happens at the next rising edge. It means the same in every simulator.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from cocotb.triggers import FallingEdge, ReadOnly


class StreamSource:
    """Drives ``NAME__payload`` and ``NAME__valid``.

    Once valid is high it stays so, and the payload with it, until the word is taken; ``stalls`` says for each word and
    cycle before that whether to hold it back.
    """

    def __init__(self, dut: Any, name: str, stalls: Iterator[bool]) -> None:
        self._clock = dut.clk
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._mask = (1 << len(self._payload)) - 1
        self._stalls = stalls
        self._valid.value = 0
        self._payload.value = 0

    async def send(self, payloads: Sequence[int]) -> None:
        """Send all of them; returns in the cycle after the last was taken."""
        for payload in payloads:
            while next(self._stalls):
                self._valid.value = 0
                await FallingEdge(self._clock)
            self._payload.value = payload & self._mask
            self._valid.value = 1
            await ReadOnly()
            while not int(self._ready.value):
                await FallingEdge(self._clock)
                await ReadOnly()
            await FallingEdge(self._clock)
        self._valid.value = 0

    def abandon(self) -> None:
        """Withdraw a word; for a reset."""
        self._valid.value = 0


class StreamSink:
    """Drives ``NAME__ready``, collects signed payloads, and checks that the other side keeps what it offers."""

    def __init__(self, dut: Any, name: str, stalls: Iterator[bool]) -> None:
        self.received: list[int] = []
        self._dut = dut
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._stalls = stalls
        self._ready.value = 0

    async def run(self) -> None:
        """Take words for ever.

        Raises
        ------
        AssertionError
            If valid falls, or the payload changes, before a word was taken.
        """
        pending: int | None = None
        while True:
            await FallingEdge(self._dut.clk)
            self._ready.value = not next(self._stalls)
            await ReadOnly()
            if int(self._dut.rst.value):
                pending = None
                continue
            valid = int(self._valid.value)
            assert pending is None or valid, f"valid fell while {pending} had not been taken"
            if not valid:
                continue
            payload = self._payload.value.to_signed()
            assert pending in (None, payload), f"payload changed from {pending} to {payload} while stalled"
            pending = payload
            if int(self._ready.value):
                self.received.append(payload)
                pending = None
