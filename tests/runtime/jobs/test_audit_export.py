"""The head of the audit log goes out when it changes, and again now and then: nobody acknowledges it."""

import asyncio
from pathlib import Path

import pytest

from gateway.ingest.intake.connection import Connection
from gateway.runtime.jobs import exports
from gateway.runtime.jobs.exports import AuditExport
from gateway.support.audit.chain import Deed
from gateway.support.audit.log import AuditLog
from tests.ingest.delivery.delivering import until
from tests.waiting import PATIENCE_S

DEED = Deed(1_790_000_000_000, "lan", "technician", "meter exchanged")


class Broker(Connection):
    """In the broker's place: the heads that it gets, one after the other, and where and how."""

    def __init__(self) -> None:
        self.is_open = True
        self.asked = 0
        self.heads: list[str] = []
        self.places: set[tuple[str, bool]] = set()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Take it, if the connection is open."""
        self.places.add((topic, retain))
        self.asked += 1
        if self.is_open:
            self.heads.append(payload.decode())
        return self.is_open


@pytest.fixture
def audit(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "journal.db")


def added(audit: AuditLog) -> str:
    """Add an entry; what is to be published then."""
    audit.record(DEED, {})
    head = audit.head()
    return f"{head.number}:{head.hash}"


def test_each_head_is_published_once_also_one_that_came_while_the_broker_was_away(
    audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, looks, expected = Broker(), 0, [added(audit)]
    head_of = audit.head

    def head() -> object:
        nonlocal looks
        looks += 1
        return head_of()

    async def story() -> None:
        exporting = asyncio.create_task(AuditExport(audit, broker, "gateway-1").run())
        await until(lambda: looks > 3)
        broker.is_open = False
        expected.append(added(audit))
        await until(lambda: broker.asked > 2)
        broker.is_open = True
        await until(lambda: len(broker.heads) == 2)
        seen = looks
        await until(lambda: looks > seen + 3)
        exporting.cancel()

    monkeypatch.setattr(exports, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(audit, "head", head)
    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))
    assert broker.heads == expected
    assert broker.places == {("gateway/v1/gateway-1/audit", True)}, "retained"


def test_a_head_that_stays_is_published_again(audit: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(broker: Broker) -> list[str]:
        exporting = asyncio.create_task(AuditExport(audit, broker, "gateway-1").run())
        await until(lambda: len(broker.heads) > 2)
        exporting.cancel()
        return broker.heads

    monkeypatch.setattr(exports, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(exports, "_REPEAT_EVERY_S", 0.01)
    head = added(audit)
    assert {*asyncio.run(asyncio.wait_for(story(Broker()), PATIENCE_S))} == {head}
