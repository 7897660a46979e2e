"""Writing points to the database that a copy fills: whole batches, again until they are confirmed."""

import asyncio
from collections.abc import Sequence
from random import random
from typing import Final

from gateway.core.batching.batch import packed
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Fate, fate_of
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import Writer

_LINES_MAX: Final = 5000
_TRIES: Final = 8
_FIRST_S, _LONGEST_S = 0.5, 15.0


class CopyTarget:
    """A database that takes points.

    :ivar where: its address and bucket, for people.
    """

    def __init__(self, writer: Writer, where: str) -> None:
        self.where = where
        self._writer = writer
        self._most = _LINES_MAX

    async def write(self, lines: Sequence[str]) -> None:
        """Write lines; on return all are confirmed.

        :raises StoreFault: the database refuses them, or does not answer for a minute.
        """
        at = 0
        while at < len(lines):
            some = lines[at : at + self._most]
            if await self._confirmed(some):
                at += len(some)
            else:
                self._most = max(1, len(some) // 2)

    async def _confirmed(self, lines: Sequence[str]) -> bool:
        """Write some lines; False: they are too many for one write."""
        body, backoff = packed(lines), Backoff(_FIRST_S, _LONGEST_S)
        for _ in range(_TRIES):
            answer = await self._writer.write(body)
            fate = fate_of(answer)
            if fate is Fate.WRITTEN:
                return True
            if fate is Fate.SPLIT_SMALLER and len(lines) > 1:
                return False
            if fate is Fate.EXPIRED:
                how = "let it keep longer, or leave the oldest out by --since"
                raise StoreFault(f"{self.where} keeps nothing that old ({answer.describe()}): {how}")
            if fate is not Fate.RETRY:
                raise StoreFault(f"{self.where} refuses points: {answer.describe()}")
            await asyncio.sleep(backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret
        raise StoreFault(f"{self.where} takes no points: {answer.describe()}")
