"""The export of the audit log's head by MQTT: its hash proves all entries before it, on whatever machine keeps it.

The broker retains the newest head under ``gateway/v1/{gateway}/audit`` as ``NUMBER:HASH``, ready for ``--known``.
A subscriber elsewhere that writes down each head can show that an entry was changed or taken out afterwards. Commands append to
the log too, also while the gateway does not run; so the job looks at the end of the file.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

from gateway.ingest.intake.connection import Connection
from gateway.support.audit.chain import ChainLink
from gateway.support.audit.log import AuditFault, AuditLog

_LOOK_EVERY_S: Final = 1.0
_REPEAT_EVERY_S: Final = 3600.0
"""Heads go out without an acknowledgement, so the last one is repeated."""


class AuditExport:
    """Publishes while ``audit.mqtt`` is set."""

    def __init__(self, audit: AuditLog, connection: Connection, gateway: str) -> None:
        self._audit = audit
        self._connection = connection
        self._topic = f"gateway/v1/{gateway}/audit"

    async def run(self) -> None:
        """Publish until cancelled: at each new entry, and each hour."""
        published: ChainLink | None = None
        repeat_s = 0.0
        while True:
            head: ChainLink | None = None
            with suppress(AuditFault):  # who writes the next entry is told
                head = await asyncio.to_thread(self._audit.head)
            if head is not None and (head != published or time.monotonic() >= repeat_s):
                payload = f"{head.number}:{head.hash}".encode()
                if self._connection.publish(self._topic, payload, retain=True):
                    published, repeat_s = head, time.monotonic() + _REPEAT_EVERY_S
            await asyncio.sleep(_LOOK_EVERY_S)
