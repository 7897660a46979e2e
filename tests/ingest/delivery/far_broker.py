"""The reading side of a broker, for tests that do not look at it."""

from collections.abc import Callable
from math import inf


class FarBroker:
    """A broker so far away that its messages are read as they come."""

    round_trip_s = inf

    def read_apart(self, seconds: float) -> None:
        """Read as messages come."""

    def read_later(self, seconds: float) -> None:
        """Fail: nobody waits for the messages of a far broker."""
        raise AssertionError(seconds)

    def read_now(self, then: Callable[[], None]) -> None:
        """Read nothing."""
        then()
