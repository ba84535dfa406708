"""When a device is said to be stuck."""

import time


class StuckWatch:
    """Tells when nothing has moved for too long: for so many looks at a device in a row, and for so long.

    Parameters
    ----------
    patience : int
        Looks.
    seconds : float
        Time that must have passed as well; 0 where a device's time is not that of the clock on the wall.
    """

    def __init__(self, patience: int, seconds: float) -> None:
        self._patience, self._seconds = patience, seconds
        self._looks, self._begun = 0, time.monotonic()

    def is_stuck(self, *, moved: bool = False) -> bool:
        """Count a look at the device; whether it was one too many."""
        if moved:
            self._looks, self._begun = 0, time.monotonic()
            return False
        self._looks += 1
        return self._looks >= self._patience and time.monotonic() - self._begun >= self._seconds

    @property
    def since(self) -> str:
        """How long nothing moved, as the end of a message, where time counts."""
        return f"; nothing moved for {time.monotonic() - self._begun:.1f} s" if self._seconds else ""
