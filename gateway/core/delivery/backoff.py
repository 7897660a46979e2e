"""Waiting times before the next attempt."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubling waits with jitter, so that the gateways of a province do not retry in step.

    :ivar first_s: the first wait; each further one doubles, up to ``longest_s``.
    """

    first_s: float
    longest_s: float
    attempts: int = 0

    def next_s(self, jitter: float, wish_s: float | None = None) -> float:
        """Seconds to wait: a quarter to all of the doubled wait by ``jitter`` (uniform in [0, 1)).

        If the server asks for a time, at least that and up to a quarter more: it asks every client for the same.
        """
        wait_s = min(self.longest_s, self.first_s * float(1 << min(self.attempts, 16)))
        self.attempts += 1
        return max(wait_s * (0.25 + jitter * 0.75), (wish_s or 0.0) * (1 + jitter / 4))

    def reset(self) -> None:
        """Start again from the first wait after a success."""
        self.attempts = 0
