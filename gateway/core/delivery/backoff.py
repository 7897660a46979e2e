"""Waiting times before the next attempt."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubling waits with jitter: a province of gateways must not come back in step.

    :ivar first_s: the first wait; each further one doubles, up to ``longest_s``.
    """

    first_s: float
    longest_s: float
    attempts: int = 0

    def next_s(self, jitter: float, wish_s: float | None = None) -> float:
        """Seconds to wait: a quarter to all of the doubled wait by ``jitter`` (uniform in [0, 1)).

        Where the server has a wish, no less than that and up to a quarter more: it tells all the same.
        """
        wait_s = min(self.longest_s, self.first_s * float(1 << min(self.attempts, 16)))
        self.attempts += 1
        return max(wait_s * (0.25 + jitter * 0.75), (wish_s or 0.0) * (1 + jitter / 4))

    def reset(self) -> None:
        """An attempt succeeded."""
        self.attempts = 0
