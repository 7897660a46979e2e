"""The side that a copy fills: points, written until they are confirmed, and the progress, in a file that outlives the copy.

Whatever kills it, the next one goes on there.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import random
from typing import Final

import msgspec

from gateway.core.batching.batch import packed
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Fate, fate_of
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import Output
from gateway.support.config.files import ConfigurationFault, blaming
from gateway.support.private_files import read_bytes, replace_file

_LINES_MAX: Final = 5000
_TRIES: Final = 8
_FIRST_S, _LONGEST_S = 0.5, 15.0


class CopyTarget:
    """A database that takes points; ``where``: its address and bucket, for people."""

    def __init__(self, writer: Output, where: str) -> None:
        self.where = where
        self._writer = writer
        self._most = _LINES_MAX

    async def write(self, lines: Sequence[str]) -> None:
        """Write lines, on return all are confirmed; StoreFault if the database refuses or is away for a minute."""
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


class JobProgress(msgspec.Struct, omit_defaults=True):
    """The progress of one measurement."""

    copied_ms: int = 0  # all before this time was copied once
    first_ms: int = 0  # the first window with points began here; 0: none was found
    points: int = 0  # points that were copied, those that were copied again included


class CopyProgress(msgspec.Struct):
    """The progress of a copy."""

    route: str  # from where to where; another route begins anew
    since_ms: int  # the beginning of what is copied
    compared_ms: int = 0  # the time at which the last run that compared everything began; 0: none did
    jobs: dict[str, JobProgress] = {}

    def job(self, name: str) -> JobProgress:
        """The progress of a measurement."""
        return self.jobs.setdefault(name, JobProgress(self.since_ms))


class ProgressFile:
    """The file. A kill leaves it as it was before or after a step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, route: str, since_ms: int) -> CopyProgress:
        """Take up a copy, or begin one; ConfigurationFault if the file cannot be read."""
        if not self.path.exists():
            return CopyProgress(route, since_ms)
        try:
            found = msgspec.json.decode(read_bytes(self.path), type=CopyProgress)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationFault(
                [f"{self.path}: cannot be read ({error}); remove it to copy from the beginning"]
            ) from error
        same = found.route == route and found.since_ms == since_ms
        return found if same else CopyProgress(route, since_ms)

    def save(self, progress: CopyProgress) -> None:
        """Save it, on return it is on disk; ConfigurationFault if it cannot be written."""
        with blaming(f"{self.path}: cannot be written"):
            replace_file(self.path, msgspec.json.format(msgspec.json.encode(progress)).decode())
