"""Subscriptions that the broker holds are saved when they change, so that the next run can give up those it does not want."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mqtt5 import RetainHandling

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.intake.subscriptions import Subscriptions
from gateway.storage import keyvalue
from gateway.storage.database import Database
from tests.waiting import PATIENCE_S


class Told:
    """In the connection's place: what it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], list[str]]] = []

    def subscribe(self, wanted: dict[str, RetainHandling], stale: list[str]) -> None:
        """Note it."""
        self.sent.append((list(wanted), stale))


def filters(*patterns: str) -> dict[str, RetainHandling]:
    return dict.fromkeys(patterns, RetainHandling.SEND_ALWAYS)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A file that lasts over the runs of a gateway."""
    made = Database(tmp_path / "journal.db")
    made.open()
    yield made
    made.close()


def run(database: Database, *patterns: str) -> list[str]:
    """Run a gateway that wants these until the broker's confirmation is saved; return what it gives up."""

    async def saved() -> list[str]:
        made = Subscriptions(database, Told(), filters(*patterns))
        made.confirm()
        task = asyncio.create_task(made.run())
        async with asyncio.timeout(PATIENCE_S):
            while await database.run(keyvalue.get, "subscriptions") != json.dumps(patterns):
                pass
        task.cancel()
        return made.stale

    return asyncio.run(saved())


def test_the_next_run_gives_up_what_its_configuration_no_longer_names(database: Database) -> None:
    assert run(database, "a/#", "b/#") == []
    assert run(database, "b/#", "c/#") == ["a/#"]
    assert run(database, "c/#") == ["b/#"]


def test_a_second_change_does_not_forget_what_the_first_has_to_give_up(database: Database) -> None:
    async def story() -> list[str]:
        made = Subscriptions(database, Told(), filters("a/#"))
        made.replace(filters("b/#"))
        made.replace(filters("c/#"))
        return made.stale

    assert asyncio.run(story()) == ["a/#", "b/#"]


def test_a_change_is_sent_at_once_and_with_it_the_wish_to_hear_of_drops(database: Database) -> None:
    async def story() -> list[tuple[list[str], list[str]]]:
        told = Told()
        made = Subscriptions(database, told, filters("a/#"))
        made.replace(filters("b/#"))
        made.replace({})
        return told.sent

    assert asyncio.run(story()) == [(["b/#", BROKER_DROPPED], ["a/#"]), ([], ["a/#", "b/#"])]
