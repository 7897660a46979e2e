"""Publications: documents that stand for others to read until newer ones do, and carry no readings.

:func:`publish_and_wait` keeps one: it publishes what has changed, waits for news, and tries again what was not taken. Brokers
acknowledge none of it and may forget it, so each hour all of it is published again. There are three: the lists of alarms
(:mod:`gateway.monitoring.alarms.senders`), and here the head of the audit log, by MQTT, and the open data of each night.

The hash of a head proves all entries before it, on whatever machine keeps it. The broker retains the newest head under
``gateway/v1/{gateway}/audit`` as ``NUMBER:HASH``, ready for ``--known``. A subscriber elsewhere that writes down each head can
show that an entry was changed or taken out afterwards. Commands append to the log too, also while the gateway does not run; so
the end of the file is looked at.

Open data are those of yesterday, and again those of a week ago, when late readings have come. What was done is seen by the
files, so a restart does it neither twice nor not at all.

A command of the gateway that makes figures of many devices is a process of its own (:func:`printed`): in the gateway it would
hold readings up. It has the lowest priority and is the first to go when memory is short.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from gateway.ingest.intake.connection import Connection
from gateway.support.audit.log import AuditFault, AuditLog, ChainLink
from gateway.support.clock import WallClock
from gateway.support.config.model import Config

log = logging.getLogger("gateway.exports")

_REPEAT_EVERY_S: Final = 3600.0
_LOOK_EVERY_S: Final = 1.0
_FROM: Final = time(3)
"""Local time from which it is done: the roll-ups of the day are written before."""
_DAYS_AGO: Final = (1, 8)
_EXPORT_EVERY_S: Final = 600.0
_AFTER_FAULT_S: Final = 3600.0
_PATIENCE_S: Final = 1800.0
_FAULT_LETTERS: Final = 500
_LOWEST_PRIORITY: Final = 19
_FIRST_TO_GO: Final = "900"


class CommandFailed(Exception):  # noqa: N818 - says what it is
    """The command failed; the text says why."""


def configured(config: Config) -> list[str]:
    """The option that leads a command to this configuration."""
    return ["-c", str(config.file)] if config.file is not None else []


async def printed(name: str, arguments: Sequence[str]) -> str:
    """The output of a command that makes the thing called ``name``; without one it raises :class:`CommandFailed`."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the gateway, which ends it
        )
    except OSError as error:
        raise CommandFailed(f"{name} cannot be started: {error.strerror}") from error
    _stand_back(process.pid)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out, said = await process.communicate()
    except TimeoutError as error:
        raise CommandFailed(f"{name} was not ready within {_PATIENCE_S / 60:.0f} minutes") from error
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode:
        why = said.decode(errors="replace").strip()[-_FAULT_LETTERS:]
        raise CommandFailed(why or f"{name} ended with status {process.returncode}")
    return out.decode()


def _stand_back(pid: int) -> None:
    """Let a process come after the gateway where CPU or memory is short."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _LOWEST_PRIORITY)
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(_FIRST_TO_GO)  # Linux only


class Publication(Protocol):
    """Something that stands where others read it."""

    async def publish(self, *, again: bool) -> bool:
        """Publish what has changed, or all of it ``again``; False: not all was taken, and it is to be tried again."""

    async def wait(self, *, taken: bool) -> None:
        """Wait for news, or, if it was not taken, for the next try; never much longer than an hour."""


async def publish_and_wait(publication: Publication) -> None:
    """Keep something published until cancelled: at each change, each hour, and when a place that was away is back."""
    repeat_s = 0.0
    while True:
        is_due = monotonic() >= repeat_s
        is_taken = await publication.publish(again=is_due)
        if is_due and is_taken:
            repeat_s = monotonic() + _REPEAT_EVERY_S
        await publication.wait(taken=is_taken)


class AuditExport:
    """The head of the audit log, while ``audit.mqtt`` is set."""

    def __init__(self, audit: AuditLog, connection: Connection, gateway: str) -> None:
        self._audit = audit
        self._connection = connection
        self._topic = f"gateway/v1/{gateway}/audit"
        self._published: ChainLink | None = None

    async def publish(self, *, again: bool) -> bool:
        """Publish the newest head."""
        try:
            head = await asyncio.to_thread(self._audit.head)
        except AuditFault:  # who writes the next entry is told
            return False
        if head == self._published and not again:
            return True
        is_taken = self._connection.publish(self._topic, f"{head.number}:{head.hash}".encode(), retain=True)
        if is_taken:
            self._published = head
        return is_taken

    async def wait(self, *, taken: bool) -> None:
        """Wait for the next look."""
        del taken
        await asyncio.sleep(_LOOK_EVERY_S)


class OpenExport:
    """The files of open data, while ``open_data.nightly`` is set."""

    def __init__(self, config: Config, clock: WallClock) -> None:
        self._config = config
        self._clock = clock
        self._zone = ZoneInfo(config.time.zone)

    async def publish(self, *, again: bool) -> bool:
        """Write the days that are due."""
        del again  # seen by the files
        for day in await asyncio.to_thread(self.due):
            try:
                await printed("the open export", ["export", "open", *configured(self._config), "--day", day.isoformat()])
            except CommandFailed as fault:
                log.warning("the open data of %s could not be written, and are tried again: %s", day, fault)
                return False
            log.info("the open data of %s are written", day)
        return True

    async def wait(self, *, taken: bool) -> None:
        """Wait for the next night, or the next try."""
        await asyncio.sleep(_EXPORT_EVERY_S if taken else _AFTER_FAULT_S)

    def due(self) -> list[date]:
        """The days to write now."""
        from gateway.monitoring.exports.open_files import OpenFiles  # noqa: PLC0415 - it loads the words of all languages

        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, self._zone)
        begins = datetime.combine(now.date(), _FROM, self._zone)
        if now < begins:
            return []
        try:
            listed = OpenFiles(self._config.journal.path).listed()
        except OSError as error:
            log.warning("%s cannot be read: %s", error.filename, error.strerror)
            return []
        done = {file.day for file in listed if file.made_ms >= begins.timestamp() * 1000}
        days = [now.date() - timedelta(days=ago) for ago in _DAYS_AGO]
        return [day for day in days if day.isoformat() not in done]
