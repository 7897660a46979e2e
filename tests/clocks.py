"""A wall clock for tests, which shows what it is set to."""

from gateway.support.clock import WallClock


class SetClock(WallClock):
    """Shows one time until another is set."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        """Return the time that it is set to."""
        return self.at_ms

    def now_and_steady_ms(self) -> tuple[int, int]:
        """Return the time that it is set to, and that it was not set otherwise."""
        return self.at_ms, self.at_ms
