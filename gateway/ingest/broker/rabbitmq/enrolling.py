"""Enrolling on RabbitMQ: accounts of devices are made by its management API, hundreds at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from secrets import token_hex
from typing import Any, Final, Self

from gateway.core.mqtt_session import SessionOptions
from gateway.ingest.broker.enrolling import AdministrationFault, account_of, as_faults, linked, refuse_others
from gateway.ingest.broker.rabbitmq.accounts import VHOST, device_account, queue_of, topics_in
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault, joined
from gateway.ingest.broker.rights import BrokerAccount, NativeTopics
from gateway.ingest.intake.connection import BrokerAddress

_TOGETHER: Final = 200


class RabbitMqAccounts:
    """The accounts of devices on RabbitMQ, as those on Mosquitto; ``address`` of MQTT is there to clear what is retained."""

    def __init__(self, api: ManagementApi, address: BrokerAddress, options: SessionOptions) -> None:
        self._api = api
        self._address = address
        self._options = replace(options, client_id=f"{options.client_id}-{token_hex(4)}", session_expiry_s=0)

    async def __aenter__(self) -> Self:
        await self._ask("whoami")
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def enrolled(self) -> set[str]:
        """The names of all accounts."""
        return {str(user["name"]) for user in await self._ask("users")}

    async def enrol(self, place: NativeTopics, *, is_present: bool) -> BrokerAccount:
        """Make an account for a device."""
        if is_present:
            await self._end(place.device)
        return (await self._make([place]))[0]

    async def enrol_all(self, places: Sequence[NativeTopics]) -> AsyncIterator[BrokerAccount]:
        """Make an account for each device."""
        present = await self.enrolled()
        for begin in range(0, len(places), _TOGETHER):
            some = places[begin : begin + _TOGETHER]
            for place in some:
                if place.device in present:
                    await self._end(place.device)
            for account in await self._make(some):
                yield account

    async def revoke(self, name: str) -> bool:
        """Take an account away; tell if there was one."""
        was_there = name in await self.enrolled()
        if was_there:
            await self.clear(await self._end(name))
        with suppress(_NotThere):
            await self._ask("queues", VHOST, queue_of(name), method="DELETE")
        return was_there

    async def clear(self, topics: Iterable[str]) -> None:
        """Remove what is retained at these topics."""
        listed = list(topics)
        if not listed:
            return
        with as_faults(self._address):
            async with linked(self._address, self._options) as link:
                await link.clear(listed)

    async def _end(self, name: str) -> list[str]:
        """Take a device's account away, and its connection with it; return the topics of its rights."""
        rights = await self._ask("users", name, "topic-permissions")
        topics = [topic for right in rights for key in ("write", "read") for topic in topics_in(right[key])]
        refuse_others(name, topics)
        await self._ask("users", name, method="DELETE")
        return topics

    async def _make(self, places: Sequence[NativeTopics]) -> list[BrokerAccount]:
        accounts = [account_of(place) for place in places]
        made = joined(device_account(place, one.password).definitions() for place, one in zip(places, accounts, strict=True))
        await self._ask("definitions", method="POST", body=made)
        return accounts

    async def _ask(self, *path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - each caller knows what it asked for
        try:
            return await asyncio.to_thread(self._api.ask, *path, method=method, body=body)
        except ManagementFault as fault:
            raise (_NotThere if fault.is_missing else AdministrationFault)(str(fault)) from fault


class _NotThere(AdministrationFault):
    """A thing that was asked for does not exist."""
