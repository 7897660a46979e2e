"""The link of a cabinet: what is sent waits for what was sent before it, and is on its way for a while."""

import asyncio
import zlib
from dataclasses import dataclass
from typing import Final

from gateway.core.batching.pacing import WRITE_BYTES, LinkBudget
from gateway.core.batching.write_result import Answer
from tests.campaigns.recovery.centre import Centre

TIMEOUT_S: Final = 5.0
"""``influxdb.timeout``."""


@dataclass(frozen=True)
class Radio:
    """A kind of link: 4G at the edge of its cell.

    :ivar bytes_per_s: upwards.
    :ivar way_s: one way.
    """

    bytes_per_s: float = 125_000.0
    way_s: float = 0.04


FOUR_G: Final = Radio()


class RadioLink:
    """The centre as a cabinet sees it over its link."""

    def __init__(self, centre: Centre, radio: Radio, link: LinkBudget) -> None:
        self.link = link
        self._centre = centre
        self._radio = radio
        self._free_s = 0.0
        self._loop = asyncio.get_running_loop()

    async def write(self, gzip: bytes) -> Answer:
        """Post a body."""
        began_s, sent_bytes = self._loop.time(), len(gzip) + WRITE_BYTES
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._written(gzip, sent_bytes)
        except TimeoutError:
            return Answer(0, f"no answer within {TIMEOUT_S:g} s")
        finally:
            self.link.sent(sent_bytes, began_s, self._loop.time())

    async def _written(self, gzip: bytes, sent_bytes: int) -> Answer:
        now_s = self._loop.time()
        self._free_s = max(now_s, self._free_s) + sent_bytes / self._radio.bytes_per_s
        await asyncio.sleep(self._free_s - now_s + self._radio.way_s)
        if not self._centre.is_up:
            await asyncio.sleep(self._radio.way_s)
            return Answer(0, "Connection refused")
        took = await self._centre.write(zlib.decompress(gzip, wbits=31).count(b"\n") + 1)
        await asyncio.sleep(self._radio.way_s)
        return Answer(204) if took else Answer(503, "too many writes", self._centre.retry_after_s)
