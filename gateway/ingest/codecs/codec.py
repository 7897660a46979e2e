"""One maker's codec, with its text and behaviour, and a call of it that waits for its answer."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.ingest.codecs.protocol import CodecAnswer

STRIKES: Final = 3
STRIKES_WITHIN_S: Final = 60.0
SUSPENDED_FOR_S: Final = 600.0


@dataclass(slots=True, eq=False)
class Codec:
    """A codec that overran three times within a minute is suspended for ten minutes, then on trial until it answers in time.

    If one device sent all three frames, only its frames wait: it may be one meter whose frames the codec cannot handle. If
    other devices show the same, the codec is suspended for all.

    :ivar number: its number in the child.
    :ivar why: the reason of a suspension or trial; empty without one.
    :ivar device: the only device that it is suspended or on trial for; empty: for all.
    """

    key: str
    number: int
    source: str
    why: str = ""
    device: str = ""
    _strikes: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=STRIKES))
    _until_s: float = 0.0

    @property
    def suspended_as(self) -> str:
        """The suspended codec, with its device, for people."""
        return f"{self.key} for {self.device}" if self.device else self.key

    def is_resting(self, now_s: float) -> bool:
        """True if it must not be called, even for one device only."""
        return bool(self.why) and now_s < self._until_s

    def is_suspended(self, now_s: float, device: str = "") -> bool:
        """Tell if it must not be called for a frame of ``device``."""
        return self.is_resting(now_s) and self.device in {"", device}

    def overran(self, fault: str, now_s: float, device: str = "") -> bool:
        """Count an overrun; return True if it leads to a suspension. On trial, one is enough."""
        if self.is_suspended(now_s, device):
            return False
        self._strikes.append((device, now_s))
        is_often = len(self._strikes) == STRIKES and now_s - self._strikes[0][1] <= STRIKES_WITHIN_S
        if self.why and self.device in {"", device} and not self.is_resting(now_s):
            pass  # on trial for this frame: the suspension is renewed
        elif is_often:
            is_alone = not self.why and {one for one, _ in self._strikes} == {device}
            self.device = device if is_alone else ""
        else:
            return False
        self._strikes.clear()
        self.why, self._until_s = fault, now_s + SUSPENDED_FOR_S
        return True

    def in_time(self, now_s: float, device: str = "") -> None:
        """Note an answer in time, which ends a trial, unless the call was made before the suspension."""
        if not self.is_resting(now_s) and self.device in {"", device}:
            self.why = self.device = ""


@dataclass(slots=True, eq=False)
class Call:
    """A call that waits for its answer, of a frame of ``device``; ``deaths``: children that ended while they were in it."""

    codec: Codec
    arguments: bytes
    then: Callable[[CodecAnswer], None]
    device: str
    deaths: int = 0
