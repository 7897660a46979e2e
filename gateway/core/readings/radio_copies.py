"""Frames seen lately: a radio frame that two network gateways heard, or that was sent again, is one frame.

Copies are recognised by the profile's key (frame counter, port, bytes ...): the network stamps each with another time.
"""

from collections.abc import Hashable
from struct import Struct
from typing import Final

FRAMES_MAX: Final = 32
FRAME_WINDOW_MS: Final = 600_000
"""Time for which a radio frame is remembered by default."""

_WORD: Final = Struct(">q")
_FRAME: Final = Struct(">qq")


class RecentFrames(bytearray):
    """The window of one device: two words a frame, its hash and its time in ms. Found in bytes faster than in a list."""

    __slots__ = ()

    def see(self, key: Hashable, at_ms: int, window_ms: int) -> bool:
        """Tell if a frame was seen within the window around ``at_ms``, its time; remember it if not."""
        word = hash(key)
        packed = _WORD.pack(word)
        at = self.find(packed)
        while at >= 0:
            if at % _FRAME.size == 0 and abs(at_ms - _FRAME.unpack_from(self, at)[1]) <= window_ms:
                return True
            at = self.find(packed, at + 1)
        if len(self) >= FRAMES_MAX * _FRAME.size:
            del self[: _FRAME.size]
        self.extend(_FRAME.pack(word, at_ms))
        return False

    def knows(self, key: Hashable, at_ms: int, window_ms: int) -> bool:
        """Tell the same without remembering it."""
        return RecentFrames(self).see(key, at_ms, window_ms)

    def forget_newest(self) -> None:
        """Forget the newest frame, because it will come again."""
        del self[-_FRAME.size :]
