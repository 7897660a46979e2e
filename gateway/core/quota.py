"""How many rejects are kept: a flood of one fault of one device must not push out the rest."""

from dataclasses import dataclass, field
from typing import Final

_MINUTE_MS: Final = 60_000
_PAIRS_MAX: Final = 10_000


@dataclass(slots=True)
class Quota:
    """At most ``per_minute`` of each device and reason."""

    per_minute: int = 20
    _minute: int = 0
    _taken: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, device: str, reason: str, now_ms: int) -> bool:
        """Whether one more may be kept. Also false for a device that is one of too many in this minute."""
        minute = now_ms // _MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._taken.clear()
        taken = self._taken.get((device, reason), 0)
        if taken >= self.per_minute or (not taken and len(self._taken) >= _PAIRS_MAX):
            return False
        self._taken[device, reason] = taken + 1
        return True
