"""Back-pressure for codecs: messages for an overloaded codec wait on disk and delay no others.

A message that waits for an answer is not acknowledged, and a broker hands over only a limited number of those. All codecs
share one queue. When its head has waited too long, the cause is the codecs that fill at least their share of it.
"""

from collections import Counter
from typing import Final

PATIENCE_S: Final = 0.2


class CodecBackpressure:
    """All codec calls that are not answered yet."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[str, float]] = {}
        self._count: Counter[str] = Counter()
        self._behind: set[str] = set()
        self._last_number = 0

    def may_ask(self, codec: str, now_s: float) -> bool:
        """Tell if one more call of ``codec`` would be answered soon."""
        if self._asked and codec not in self._behind:
            _, oldest_s = next(iter(self._asked.values()))
            if now_s - oldest_s > PATIENCE_S and self._count[codec] * len(self._count) >= len(self._asked):
                self._behind.add(codec)
        return codec not in self._behind

    def ask(self, codec: str, now_s: float) -> int:
        """Register a call; return its number, for :meth:`answered`."""
        self._last_number += 1
        self._asked[self._last_number] = codec, now_s
        self._count[codec] += 1
        return self._last_number

    def answered(self, number: int) -> bool:
        """Note an answer; return True if its codec has caught up with that and may be called again."""
        codec, _ = self._asked.pop(number)
        self._count[codec] -= 1
        if self._count[codec]:
            return False
        del self._count[codec]
        caught_up = codec in self._behind
        self._behind.discard(codec)
        return caught_up
