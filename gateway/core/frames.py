"""Frames seen lately: a radio frame that two network gateways heard, or that was sent again, is one frame.

Known by what the profile names (frame counter, port and bytes, say), because the network stamps each copy with another time.
"""

from array import array
from collections.abc import Hashable
from typing import Final, Self, cast

FRAMES_MAX: Final = 32
_WORD: Final = (1 << 64) - 1


class RecentFrames(array):  # type: ignore[type-arg] # it is its words: an object around them would cost every device 100 bytes
    """The window of one device: two words a frame, its hash and its time in ms."""

    __slots__ = ()

    def __new__(cls) -> Self:
        """An empty window."""
        return cast("Self", super().__new__(cls, "Q"))

    def see(self, key: Hashable, at_ms: int, window_ms: int) -> bool:
        """Whether a frame was seen within the window around ``at_ms``, the time of the frame; remembered when not."""
        word = hash(key) & _WORD
        for at in range(0, len(self), 2):
            if self[at] == word and abs(at_ms - self[at + 1]) <= window_ms:
                return True
        if len(self) >= 2 * FRAMES_MAX:
            del self[:2]
        self.append(word)
        self.append(at_ms)
        return False
