"""Enrolling: devices get their accounts on the running broker, and lose them.

Mosquitto 2.0 writes the whole file of accounts once for each command, and serves nobody meanwhile: with 1,000 accounts that is
1.2 MB. So devices follow each other one at a time, and others have the broker for as long as each one took. Thousands get their
accounts in the file of a broker that is stopped (:func:`gateway.broker.dynamic_security.added`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final

from gateway.broker.administration import Administration
from gateway.broker.dynamic_security import BrokerAccount, creation, faults, listing, names, removal, role_of, topics_of
from gateway.broker.rights import NativeTopics, of_device
from schemas.enrolment import Enrolment

_PASSWORD_BYTES: Final = 18


@dataclass(frozen=True, slots=True)
class BrokerEntrance:
    """The way by which devices come to the broker.

    :ivar ca_sha256: fingerprint of the authority that signed the broker's certificate; None: one that every system knows.
    """

    host: str
    port: int
    ca_sha256: str | None

    def enrolment(self, place: NativeTopics, password: str) -> Enrolment:
        """All that the device needs."""
        return Enrolment(place.device, password, self.host, self.port, place.topic("readings"), self.ca_sha256)


class EnrolmentRefused(Exception):  # noqa: N818 - it says what happened
    """The broker refused an account.

    :ivar why: sentences of the broker.
    """

    def __init__(self, why: Sequence[str]) -> None:
        super().__init__("; ".join(why))
        self.why = why


def account_of(place: NativeTopics) -> BrokerAccount:
    """A new account of a device. It may use its own name as client id and no other, so it can take over nobody's session."""
    return BrokerAccount(place.device, of_device(place), token_urlsafe(_PASSWORD_BYTES), place.device)


async def enrolled(broker: Administration) -> set[str]:
    """The names of all accounts.

    :raises AdministrationFault, EnrolmentRefused: they cannot be listed.
    """
    answers = await broker.ask(listing())
    _refuse(faults(answers))
    return names(answers)


async def enrol(broker: Administration, place: NativeTopics, *, is_present: bool) -> BrokerAccount:
    """Make an account for a device.

    :param is_present: it has one already, which ends, and its connection with it.
    :raises AdministrationFault, EnrolmentRefused: the account was not made.
    """
    account = account_of(place)
    replaced = removal(account.name) if is_present else []
    _refuse(faults(await broker.ask([*replaced, *creation(account)])))
    return account


async def enrol_all(broker: Administration, places: Sequence[NativeTopics]) -> AsyncIterator[BrokerAccount]:
    """Make an account for each device; yield each as soon as the broker has it.

    :raises AdministrationFault, EnrolmentRefused: an account was not made; those before it were.
    """
    present = await enrolled(broker)
    for place in places:
        began_s = time.perf_counter()
        yield await enrol(broker, place, is_present=place.device in present)
        await asyncio.sleep(time.perf_counter() - began_s)


async def revoke(broker: Administration, name: str) -> bool:
    """Take an account away: its connection ends at once, its session, and what it left retained.

    :returns: there was one.
    :raises AdministrationFault, EnrolmentRefused: it could not be taken away.
    """
    was_there = name in await enrolled(broker)
    topics = topics_of(await broker.ask(role_of(name)))
    _refuse(faults(await broker.ask(removal(name))))
    await broker.end_session(name)
    await broker.clear(topics)
    return was_there


def _refuse(why: Sequence[str]) -> None:
    if why:
        raise EnrolmentRefused(why)
