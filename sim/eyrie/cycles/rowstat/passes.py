"""Passes: delivery of a unit's values, its computation, and how each waits for the other.

A unit is a slot of a step of a pass. Delivery of a unit is decided upon once the one before has all its values and
there is space in the slot's region, that is, some units before have been computed; a unit is computed after the one
before, once its values and its filters are there. Within a pass that soon repeats itself, and is not followed further.
"""

from dataclasses import dataclass

from eyrie.rowstat.control_timing import (
    COMMAND_LATENCY,
    FINISH_AHEAD,
    READY_LATENCY,
    SHORTEST_DELIVERY,
    SPACE_LATENCY,
    UNIT_DELIVERED_LATENCY,
)

_SPACE = COMMAND_LATENCY - 1 - FINISH_AHEAD + SPACE_LATENCY
"""From the end of a unit, the decision on it and its cycles, to a decision on values that take its place."""
_VALUES = UNIT_DELIVERED_LATENCY + READY_LATENCY
"""From the cycle of a unit's last value to the decision on its computation."""
_PASS_BEGUN = 2
"""From the cycle in which a pass becomes the next one, in DELIVER or COMPUTE, to the decision on its first unit."""
_NEVER = -(1 << 60)


@dataclass(frozen=True, kw_only=True)
class LayerTiming:
    """What the timing of a layer's passes depends on; see the commands' fields.

    Parameters
    ----------
    slots, steps, window, advance, region, rows, unit : int
        ``unit`` are the cycles that compute takes for a unit.
    """

    slots: int
    steps: int
    window: int
    advance: int
    region: int
    rows: int
    unit: int

    def lags(self) -> list[int]:
        """How many steps before a step the one lies whose computation makes space for it, by steps of a pass.

        The last entry holds for all further steps.
        """
        steady = (self.region - self.window) // self.advance
        length = (self.steps - 1) * self.advance + self.window  # positions of a pass
        first = (self.region // length + 1) * self.steps
        lags = []
        for step in range(first, first + min(self.steps, steady + 1)):
            oldest = step
            while self._position(oldest - 1) >= self._position(step) + self.window - self.region:
                oldest -= 1
            lags.append(step - oldest + 1)
        return lags

    def _position(self, step: int) -> int:
        number, within = divmod(step, self.steps)
        return number * ((self.steps - 1) * self.advance + self.window) + within * self.advance


@dataclass(frozen=True, kw_only=True)
class PassTimes:
    """When a pass happened.

    Parameters
    ----------
    delivery_decided : int
        Decision on the last unit's delivery.
    delivered : int
        Last cycle of the delivery.
    last_value : int
        Cycle of the last value, which is the same unless the last slot has no channels; -1 if no slot has any.
    first_decided, last_decided : int
        Decisions on the first and the last unit's computation.
    last_units : tuple of int
        Decisions on the last step's units.
    waits : dict of str to int
        Cycles without a unit before each of the pass's units, by cause: ``ifmap``, ``filter``, and ``begin`` for those
        before the first unit that are due to neither.
    """

    delivery_decided: int
    delivered: int
    last_value: int
    first_decided: int
    last_decided: int
    last_units: tuple[int, ...]
    waits: dict[str, int]


class LayerPasses:
    """The passes of a layer, one after the other.

    Parameters
    ----------
    layer : LayerTiming
    computed : int
        First cycle in which compute has nothing to do.
    """

    def __init__(self, layer: LayerTiming, computed: int) -> None:
        self.layer = layer
        self._lags = layer.lags()
        self._kept = max(self._lags) * layer.slots
        self._units = [_NEVER] * self._kept  # decisions on the last units' computation
        self._delivery_free = 0
        self._compute_free = computed

    def add(self, deliver_begun: int, compute_begun: int, channels: tuple[int, ...], blocks: list[int]) -> PassTimes:
        """The next pass.

        Parameters
        ----------
        deliver_begun, compute_begun : int
            Cycles in which the pass becomes the next one.
        channels : tuple of int
            Channels of each slot.
        blocks : list of int
            Cycles in which the slots' blocks of filters are announced.
        """
        layer, units = self.layer, self._units
        slots, unit = layer.slots, layer.unit
        free = max(self._delivery_free, deliver_begun + _PASS_BEGUN)
        idle_from = self._compute_free
        next_unit = max(idle_from, compute_begun + _PASS_BEGUN)
        waits = {"ifmap": 0, "filter": 0, "begin": next_unit - idle_from}
        first_decided, last_value = 0, -1
        decided = delivered = free
        lengths = [n * layer.rows * layer.window for n in channels]
        places = [max(1, n) for n in lengths]
        spaces = [max(SHORTEST_DELIVERY, n) for n in lengths]
        after = unit + _SPACE
        seen: dict[tuple[int, ...], tuple[int, int]] = {}
        step = 0
        while step < layer.steps:
            lag = self._lags[min(step, len(self._lags) - 1)] * slots
            for slot in range(slots):
                decided = units[-lag] + after
                if free > decided:
                    decided = free
                free = decided + spaces[slot]
                delivered = decided + places[slot]
                if lengths[slot]:
                    last_value = delivered
                computed = delivered + _VALUES
                cause = "ifmap"
                if not step and blocks[slot] + READY_LATENCY > computed:
                    computed, cause = blocks[slot] + READY_LATENCY, "filter"
                if next_unit >= computed:
                    computed = next_unit
                else:
                    waits[cause] += computed - next_unit
                if not step and not slot:
                    first_decided = computed
                next_unit = computed + unit
                units.append(computed)
            if not step:
                lengths = [n * layer.rows * layer.advance for n in channels]
                places = [max(1, n) for n in lengths]
                spaces = [max(SHORTEST_DELIVERY, n) for n in lengths]
            step += 1
            if len(self._lags) <= step < layer.steps:
                # What comes depends on these differences alone: once they come back, so does all that was between.
                state = (free - next_unit, *(time - next_unit for time in units[-lag:]))
                before = seen.get(state)
                if before is None:
                    seen[state] = step, next_unit
                else:
                    period, shift = step - before[0], next_unit - before[1]
                    times = (layer.steps - step) // period
                    waits["ifmap"] += times * (shift - period * slots * unit)
                    step += times * period
                    shift *= times
                    units[-lag:] = [time + shift for time in units[-lag:]]
                    free, next_unit = free + shift, next_unit + shift
                    decided, delivered = decided + shift, delivered + shift
                    last_value = last_value + shift if any(channels) else last_value
                    seen = {}
        del units[: -self._kept]
        self._delivery_free, self._compute_free = free, next_unit
        return PassTimes(
            delivery_decided=decided,
            delivered=delivered,
            last_value=last_value,
            first_decided=first_decided,
            last_decided=next_unit - unit,
            last_units=tuple(units[-slots:]),
            waits=waits,
        )
