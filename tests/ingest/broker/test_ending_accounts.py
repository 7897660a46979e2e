"""Requests to RabbitMQ when a device's account ends; a real node answers them in ``campaigns/rabbitmq/test_enrolling.py``."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.core.mqtt_session import SessionOptions
from gateway.ingest.broker.enrolling import EnrolmentRefused
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault, RabbitMqAccounts
from gateway.ingest.broker.rights import NativeTopics
from gateway.ingest.intake.connection import BrokerAddress

TOPIC = "iot/v1/ward-1/water/m1"
PLACE = NativeTopics("ward-1", "water", "m1")
RIGHTS = {
    "m1": (
        r"^(?:iot\.v1\.ward-1\.water\.m1\.readings|iot\.v1\.ward-1\.water\.m1\.status)$",
        r"^(?:iot\.v1\.ward-1\.water\.m1\.command)$",
    ),
    "gateway-2": (r"^(?:gateway\.v1\.gateway-2\.fence)$", r"^(?:iot\.v1\.[^.]*\.[^.]*\.[^.]*\.readings)$"),
}
"""Account → expressions for the routing keys that it may write, and read."""


class Api(ManagementApi):
    """In the API's place: two accounts, and what was asked to change."""

    def __init__(self) -> None:
        self.changes: list[str] = []

    def ask(self, *path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401, ARG002 - as the API has it
        """Answer."""
        if method != "GET":
            self.changes.append(f"{method} {' '.join(path)}")
        if path[0] == "queues":
            raise ManagementFault("no such queue", 404, is_missing=True)
        if path[-1] == "topic-permissions":
            write, read = RIGHTS[path[1]]
            return [{"write": write, "read": read}]
        return [{"name": name} for name in RIGHTS]


class Accounts(RabbitMqAccounts):
    """Accounts on it; what is to be cleared is noted."""

    def __init__(self) -> None:
        self.api, self.cleared = Api(), list[str]()
        super().__init__(self.api, BrokerAddress("127.0.0.1", 1), SessionOptions("administration"))

    async def clear(self, topics: Iterable[str]) -> None:
        """Note the topics."""
        self.cleared += topics


def test_a_revoked_account_ends_before_what_it_left_is_cleared_on_all_topics_of_its_rights() -> None:
    accounts = Accounts()
    assert asyncio.run(accounts.revoke("m1"))
    assert accounts.api.changes == ["DELETE users m1", "DELETE queues / mqtt-subscription-m1qos1"]
    assert accounts.cleared == [f"{TOPIC}/{last}" for last in ("readings", "status", "command")]


def test_an_old_account_ends_with_its_connection_before_the_new_one_is_made() -> None:
    one, many = Accounts(), Accounts()
    asyncio.run(one.enrol(PLACE, is_present=True))

    async def all_of_them() -> list[str]:
        places = [PLACE, PLACE._replace(device="m2")]
        return [account.name async for account in many.enrol_all(places)]

    assert asyncio.run(all_of_them()) == ["m1", "m2"]
    assert one.api.changes == many.api.changes == ["DELETE users m1", "POST definitions"]


def test_hundreds_of_accounts_are_made_at_a_time_each_once() -> None:
    accounts, places = Accounts(), [PLACE._replace(device=f"new-{number}") for number in range(401)]

    async def all_of_them() -> list[str]:
        return [account.name async for account in accounts.enrol_all(places)]

    assert asyncio.run(all_of_them()) == [place.device for place in places]
    assert accounts.api.changes == ["POST definitions"] * 3


def test_no_account_but_a_devices_is_ended() -> None:
    accounts = Accounts()
    for ending in (accounts.revoke("gateway-2"), accounts.enrol(PLACE._replace(device="gateway-2"), is_present=True)):
        with pytest.raises(EnrolmentRefused, match="gateway-2 is the account of a gateway or a service"):
            asyncio.run(ending)
    assert (accounts.api.changes, accounts.cleared) == ([], [])
