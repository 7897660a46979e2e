"""Enrolling: devices get their accounts on the running broker, and lose them.

Mosquitto 2.0 writes the whole file of accounts once for each command, and serves nobody meanwhile: with 1,000 accounts that is
1.2 MB. So devices follow each other one at a time, and others have the broker for as long as each one took. Thousands get their
accounts in the file of a broker that is stopped (:func:`gateway.ingest.broker.dynamic_security.added`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final

from gateway.ingest.broker.administration import Administration
from gateway.ingest.broker.dynamic_security import BrokerAccount, creation, faults, listing, names, removal, role_of, topics_of
from gateway.ingest.broker.rights import NativeTopics, is_of_device, of_device
from schemas.enrolment import Enrolment

_PASSWORD_BYTES: Final = 18


@dataclass(frozen=True, slots=True)
class BrokerEntrance:
    """The way by which devices come to the broker; ``ca_sha256`` is of the authority that it trusts, None: of a known one."""

    host: str
    port: int
    ca_sha256: str | None

    def enrolment(self, place: NativeTopics, password: str) -> Enrolment:
        """All that the device needs."""
        return Enrolment(place.device, password, self.host, self.port, place.topic("readings"), self.ca_sha256)


class EnrolmentRefused(Exception):  # noqa: N818 - it says what happened
    """An account was refused, by the broker or because it is none of a device: ``why`` is told in sentences."""

    def __init__(self, why: Sequence[str]) -> None:
        super().__init__("; ".join(why))
        self.why = why


def refuse_others(name: str, topics: Iterable[str]) -> None:
    """Refuse an account that is there and, by the topics of its rights, not a device's but a gateway's or a service's."""
    if not is_of_device(name, topics):
        raise EnrolmentRefused([f"{name} is the account of a gateway or a service, not of a device; rename the device"])


def account_of(place: NativeTopics) -> BrokerAccount:
    """A new account of a device. It may use its own name as client id and no other, so it can take over nobody's session."""
    return BrokerAccount(place.device, of_device(place), token_urlsafe(_PASSWORD_BYTES), place.device)


class MosquittoAccounts(Administration):
    """The accounts of devices on Mosquitto. Use as an asynchronous context manager.

    :raises AdministrationFault, EnrolmentRefused: on entering, and by each method.
    """

    async def enrolled(self) -> set[str]:
        """The names of all accounts."""
        answers = await self.ask(listing())
        _refuse(faults(answers))
        return names(answers)

    async def enrol(self, place: NativeTopics, *, is_present: bool) -> BrokerAccount:
        """Make an account for a device; one ``is_present``: it ends, and its connection with it."""
        account = account_of(place)
        if is_present:
            refuse_others(account.name, topics_of(await self.ask(role_of(account.name))))
        replaced = removal(account.name) if is_present else []
        _refuse(faults(await self.ask([*replaced, *creation(account)])))
        return account

    async def enrol_all(self, places: Sequence[NativeTopics]) -> AsyncIterator[BrokerAccount]:
        """Make an account for each device, one at a time; yield it once the broker has it, whatever becomes of the next."""
        present = await self.enrolled()
        for place in places:
            began_s = time.perf_counter()
            yield await self.enrol(place, is_present=place.device in present)
            await asyncio.sleep(time.perf_counter() - began_s)

    async def revoke(self, name: str) -> bool:
        """Take an account away: its connection ends at once, its session, and what it left retained; tell if there was one."""
        was_there = name in await self.enrolled()
        topics = topics_of(await self.ask(role_of(name)))
        if was_there:
            refuse_others(name, topics)
        _refuse(faults(await self.ask(removal(name))))
        await self.end_session(name)
        await self.clear(topics)
        return was_there


def _refuse(why: Sequence[str]) -> None:
    if why:
        raise EnrolmentRefused(why)
