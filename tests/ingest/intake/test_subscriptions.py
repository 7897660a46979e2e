"""Subscriptions that the broker holds are saved when they change, so that the next run can give up those it does not want."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mqtt5 import RetainHandling

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
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
        made = Subscriptions(database, Told().subscribe, filters(*patterns))
        given_up = made.stale
        made.confirm()
        made.unsubscribed(given_up)
        task = asyncio.create_task(made.run())
        async with asyncio.timeout(PATIENCE_S):
            while await database.run(keyvalue.get, "subscriptions") != json.dumps(patterns):
                pass
        task.cancel()
        return given_up

    return asyncio.run(saved())


def test_the_next_run_gives_up_what_its_configuration_no_longer_names(database: Database) -> None:
    assert run(database, "a/#", "b/#") == []
    assert run(database, "b/#", "c/#") == ["a/#"]
    assert run(database, "c/#") == ["b/#"]


def test_a_filter_is_given_up_again_until_the_broker_has_confirmed_that(database: Database) -> None:
    """A gateway that is killed between both answers would be sent what another one has by now."""
    assert run(database, "a/#") == []

    async def killed_early() -> list[str]:
        made = Subscriptions(database, Told().subscribe, filters("b/#"))
        made.confirm()
        task = asyncio.create_task(made.run())
        async with asyncio.timeout(PATIENCE_S):
            while await database.run(keyvalue.get, "subscriptions") != json.dumps(["b/#", "a/#"]):
                pass
        task.cancel()
        return made.stale

    assert asyncio.run(killed_early()) == ["a/#"]
    assert run(database, "b/#") == ["a/#"]


def test_nothing_counts_as_confirmed_or_is_saved_before_the_broker_has_answered_for_what_is_wanted_now(
    database: Database,
) -> None:
    async def story() -> None:
        made = Subscriptions(database, Told().subscribe, filters("a/#"))
        assert not made.settled
        made.unsubscribed(["old/#"])
        assert not made.held
        made.confirm()
        assert made.held
        assert made.confirmed
        made.replace(filters("b/#"))
        assert not made.confirmed

    asyncio.run(story())


def test_a_second_change_does_not_forget_what_the_first_has_to_give_up(database: Database) -> None:
    async def story() -> list[str]:
        made = Subscriptions(database, Told().subscribe, filters("a/#"))
        made.replace(filters("b/#"))
        made.replace(filters("c/#"))
        return made.stale

    assert asyncio.run(story()) == ["a/#", "b/#"]


def test_a_change_is_sent_at_once_and_with_it_the_wish_to_hear_of_drops(database: Database) -> None:
    async def story() -> list[tuple[list[str], list[str]]]:
        told = Told()
        made = Subscriptions(database, told.subscribe, filters("a/#"))
        made.replace(filters("b/#"))
        made.replace({})
        return told.sent

    assert asyncio.run(story()) == [(["b/#", BROKER_DROPPED], ["a/#"]), ([], ["a/#", "b/#"])]


def test_states_are_asked_for_in_small_packets_each_after_the_answer_to_the_one_before(database: Database) -> None:
    async def story() -> list[tuple[list[str], list[str]]]:
        told = Told()
        made = Subscriptions(database, told.subscribe, filters("a/#"), states=[f"a/{number}/status" for number in range(250)])
        made.send()
        assert [wanted for wanted, _ in told.sent] == [["a/#", BROKER_DROPPED]], "readings come first"
        made.confirm()
        for sent in (2, 3, 4):
            assert not made.settled
            made.answered()
            assert len(told.sent) == sent
        made.answered()
        assert made.settled
        return told.sent[1:]

    assert [len(wanted) for wanted, _ in asyncio.run(story())] == [100, 100, 50]


def test_a_changed_registry_asks_for_new_states_alone_and_gives_up_the_old(database: Database) -> None:
    async def story() -> list[tuple[list[str], list[str]]]:
        told = Told()
        made = Subscriptions(database, told.subscribe, filters("a/#"), states=["a/1/status", "a/2/status"])
        made.replace(filters("a/#"), ["a/2/status", "a/3/status"])
        made.answered()
        assert len(told.sent) == 1, "what is given up is not answered for yet"
        made.answered()
        assert len(told.sent) == 2
        made.answered()
        assert not made.settled, "nothing was confirmed"
        return told.sent

    assert asyncio.run(story()) == [(["a/#", BROKER_DROPPED], ["a/1/status"]), (["a/3/status"], [])]


def test_states_that_the_last_run_asked_for_are_given_up_with_its_filters(database: Database) -> None:
    async def story() -> list[str]:
        made = Subscriptions(database, Told().subscribe, filters("a/#"), states=["a/1/status"])
        made.confirm()
        task = asyncio.create_task(made.run())
        async with asyncio.timeout(PATIENCE_S):
            while not await database.run(keyvalue.get, "subscriptions"):
                pass
        task.cancel()
        return Subscriptions(database, Told().subscribe, filters("a/#")).stale

    assert asyncio.run(story()) == ["a/1/status"]


def test_a_filter_that_the_broker_lost_is_given_up_before_it_is_asked_for_again(database: Database) -> None:
    async def story() -> list[tuple[list[str], list[str]]]:
        told = Told()
        made = Subscriptions(database, told.subscribe, filters("a/#", "b/#"))
        made.confirm()
        before = made.sent
        made.renew(["b/#"])
        assert (made.sent, made.settled) == (before + 1, False), "who looks meanwhile sees that it was sent"
        made.answered()
        assert not made.settled
        made.answered()
        assert made.settled
        return told.sent

    assert asyncio.run(story()) == [([], ["b/#"]), (["b/#"], [])]


def test_hundreds_that_are_given_up_go_in_small_packets_behind_what_is_wanted(database: Database) -> None:
    async def story() -> list[tuple[list[str], list[str]]]:
        told, old = Told(), [f"a/{number}/status" for number in range(250)]
        made = Subscriptions(database, told.subscribe, filters("a/#"), old)
        made.replace(filters("a/#"), ["new/status"])
        for _ in range(5):
            made.answered()
        made.confirm()
        assert made.settled
        return told.sent

    sent = asyncio.run(story())
    assert [len(given_up) for _, given_up in sent] == [100, 0, 100, 50]
    assert [wanted for wanted, _ in sent] == [["a/#", BROKER_DROPPED], ["new/status"], [], []]
    assert len({topic for _, given_up in sent for topic in given_up}) == 250
