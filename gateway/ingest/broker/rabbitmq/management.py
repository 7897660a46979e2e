"""RabbitMQ's management API, one request at a time: definitions, wanted ones against those that are there, and enrolling.

Accounts of devices are made by it hundreds at a time.
"""

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final, Self
from urllib.parse import quote

from gateway.core.gateways.sharing import routing_key
from gateway.core.mqtt_session import SessionOptions
from gateway.ingest.broker.enrolling import AdministrationFault, account_of, as_faults, linked, refuse_others
from gateway.ingest.broker.rabbitmq.accounts import TOPICS, UNROUTABLE, VHOST, device_account, queue_of, topics_in
from gateway.ingest.broker.rights import BrokerAccount, NativeTopics
from gateway.ingest.intake.connection import BrokerAddress
from gateway.support.plain_http import NoAnswer, PlainHttp

Definitions = Mapping[str, Sequence[Mapping[str, Any]]]
"""Kind → its entries, as ``rabbitmqctl export_definitions`` writes them."""

HANDED_ON: Final = {
    "dead-letter-exchange": TOPICS,
    "dead-letter-strategy": "at-least-once",
    "overflow": "reject-publish",  # without it the strategy is not applied
}
"""The settings of a queue by which what is rejected there is routed again, and kept until it has arrived."""

_UNROUTABLE_MAX_BYTES: Final = 2**30
_PRIORITY: Final = 100
_NAMED_BY: Final = {
    "users": ("name",),
    "permissions": ("user", "vhost"),
    "topic_permissions": ("user", "vhost", "exchange"),
    "policies": ("name", "vhost"),
    "exchanges": ("name", "vhost"),
    "queues": ("name", "vhost"),
    "bindings": ("source", "destination", "routing_key", "vhost"),
}
"""Kind → the keys by which one of its entries is known. Kinds are in the order in which RabbitMQ wants them."""

_STRAYED: Final = ("iot.v1.#.readings", "iot.v1.#.status")
"""Routing keys of native messages whose topics have a dot, which is a level more."""
_QUOTED: Final = 300
_OLDEST: Final = 4
"""Older ones do not know all settings that `gateway setup rabbitmq` writes."""
_NO_SUCH_THING: Final = '{"error"'
"""The beginning of RabbitMQ's own answer about what is not there: another server's is a page."""
_WHY: Final = {
    401: "user or password are wrong",
    403: "the user may not do that",
    404: "is this the management API of RabbitMQ?",
}
_TOGETHER: Final = 200


def policies(gateways: Iterable[str]) -> Definitions:
    """Policies without which RabbitMQ loses what it has acknowledged."""
    sessions = "|".join(gateway.replace(".", r"\.") for gateway in gateways)
    limits = {
        "delivery-limit": -1,  # else the 21st reconnection deletes what was out each time
        "overflow": "reject-publish",  # a limit that somebody sets later refuses, and drops nothing
    }
    of_sessions = _policy("gateway-sessions", f"^{queue_of(f'(?:{sessions})')}$", "queues", limits)
    return {
        "policies": [of_sessions, _policy("gateway-topics", r"^amq\.topic$", "exchanges", {"alternate-exchange": UNROUTABLE})]
    }


def unroutable(filters: Iterable[str]) -> Definitions:
    """The place for messages that a single gateway would read by its ``filters``, and none of several does."""
    keys = dict.fromkeys([*map(routing_key, filters), *_STRAYED])
    limits = {"x-queue-type": "quorum", "x-max-length-bytes": _UNROUTABLE_MAX_BYTES, "x-delivery-limit": -1}
    replayed = {f"x-{key}": value for key, value in HANDED_ON.items()}
    named = {"name": UNROUTABLE, "vhost": VHOST, "durable": True, "auto_delete": False}
    bound = {"source": UNROUTABLE, "vhost": VHOST, "destination": UNROUTABLE, "destination_type": "queue", "arguments": {}}
    return {
        "exchanges": [named | {"type": "topic", "internal": False, "arguments": {}}],
        "queues": [named | {"arguments": limits | replayed}],
        "bindings": [bound | {"routing_key": key} for key in keys],
    }


def joined(parts: Iterable[Definitions]) -> dict[str, list[Mapping[str, Any]]]:
    """All definitions as one document, kinds in RabbitMQ's order."""
    listed = list(parts)
    found = {kind: [entry for part in listed for entry in part.get(kind, ())] for kind in _NAMED_BY}
    return {kind: entries for kind, entries in found.items() if entries}


def differences(wanted: Definitions, live: Definitions) -> Iterator[str]:
    """Name each wanted definition that is missing, or is not as it is wanted; what else is there is left alone."""
    for kind, entries in wanted.items():
        keys = _NAMED_BY[kind]
        there = {tuple(entry.get(key) for key in keys): entry for entry in live.get(kind, ())}
        for entry in entries:
            name = " ".join(str(entry[key]) for key in keys if key != "vhost")
            found = there.get(tuple(entry[key] for key in keys))
            if found is None:
                yield f"{kind}: {name}: is missing"
            elif wrong := [key for key, value in entry.items() if found.get(key) != value]:
                yield f"{kind}: {name}: {', '.join(wrong)}: is not as it should be"


def _policy(name: str, pattern: str, apply_to: str, definition: dict[str, Any]) -> dict[str, Any]:
    of = {"name": name, "vhost": VHOST, "pattern": pattern, "apply-to": apply_to}
    return of | {"definition": definition, "priority": _PRIORITY}


class ManagementFault(Exception):  # noqa: N818 - it says what happened
    """The API refuses with a ``status``, or does not answer; ``is_missing``: it answers that there is no such thing."""

    def __init__(self, text: str, status: int | None = None, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.is_missing = is_missing


class ManagementApi:
    """The API at a ``url`` such as ``http://127.0.0.1:15672``, with an account; ``tls`` is for one that begins with https.

    Each method raises :class:`ManagementFault` if it does not answer, or not with success.
    """

    def __init__(self, url: str, username: str, password: str, tls: ssl.SSLContext | None = None) -> None:
        login = b64encode(f"{username}:{password}".encode()).decode()
        self._http = PlainHttp(url, {"Authorization": f"Basic {login}", "Content-Type": "application/json"}, tls)
        self.url = self._http.url

    def ask(self, *path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - each caller knows what it asked for
        """The document at ``/api/PATH``, whose parts are quoted here; None: the answer is empty."""
        where = f"/api/{'/'.join(quote(part, safe='') for part in path)}"
        try:
            answer = self._http.send(method, where, body)
        except NoAnswer as fault:
            raise ManagementFault(str(fault)) from fault
        status, text = answer.status, answer.text()
        if status >= HTTPStatus.MULTIPLE_CHOICES:  # success ends there
            is_missing = status == HTTPStatus.NOT_FOUND and text.startswith(_NO_SUCH_THING)
            why = text[:_QUOTED] if is_missing else _WHY.get(status, text[:_QUOTED])
            raise ManagementFault(f"{self.url}: {method} {where}: {status} {why}", status, is_missing=is_missing)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise ManagementFault(f"{self.url}: this is not the management API of RabbitMQ") from error

    def find(self, *path: str) -> Any:  # noqa: ANN401 - the same
        """The document at ``/api/PATH``; None: there is no such thing, or the answer is empty."""
        try:
            return self.ask(*path)
        except ManagementFault as fault:
            if fault.is_missing:
                return None
            raise

    def refuse_older(self) -> None:
        """Return if its version is one that a gateway can work with; else that is a fault as well."""
        version = str(self.ask("overview").get("rabbitmq_version", ""))
        major = version.partition(".")[0]
        if major.isdecimal() and int(major) < _OLDEST:
            raise ManagementFault(f"{self.url}: needs RabbitMQ {_OLDEST}, this is {version}")


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
