"""Reading ``shares.yaml``: which gateways there are, and what they share out among themselves."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import ValidationError

from gateway.core.gateways.sharing import Share, assign, filters_of, overlap
from gateway.support.config.files import ConfigurationFault, FilePlaces, read_yaml
from gateway.support.config.model import Mqtt
from gateway.support.config.setting_types import check_address
from gateway.support.registry.registry import KeyPath, RegistryFault, fault_lines, faults_in
from schemas.shares import ManagementSpec, SharesSpec


class ManagementSection(ManagementSpec):
    """The HTTP API of the broker, at an address that holds no secret."""

    url: Annotated[str, check_address("http", "https", secrets="management.username and management.password_file")]


class _SharesSection(SharesSpec):
    management: ManagementSection | None = None


@dataclass(frozen=True)
class SharesFile:
    """The file as the gateways use it. Each of them reads the same one."""

    gateways: Sequence[str]
    shares: Sequence[Share]
    management: ManagementSection | None = None  # the broker's HTTP API; None: nobody watches it
    leaving: Sequence[str] = ()  # gateways that run until they have given up all that they had

    @cached_property
    def assigned(self) -> Mapping[Share, str]:
        """Share → its gateway."""
        return assign(self.shares, self.gateways)

    def gateway_called(self, name: str) -> str:
        """The only gateway whose client id begins with the name and a dash, as ``gateway-1`` does; else the name."""
        found = [one for one in (*self.gateways, *self.leaving) if one == name or one.startswith(f"{name}-")]
        return found[0] if len(found) == 1 else name

    def of(self, gateway: str) -> list[Share]:
        """The shares of a gateway, in the order of the file."""
        return [share for share, whose in self.assigned.items() if whose == gateway]


def shares_of(mqtt: Mqtt) -> SharesFile | None:
    """The shares of this gateway and of the others, None: it reads all; ConfigurationFault if it cannot use them."""
    if mqtt.shares is None:
        return None
    found = load_shares(mqtt.shares)
    if mqtt.client_id not in {*found.gateways, *found.leaving}:
        known = ", ".join(found.gateways)
        raise ConfigurationFault([f"{mqtt.shares}: gateways: mqtt.client_id {mqtt.client_id} is not among them ({known})"])
    return found


def leader_of(mqtt: Mqtt, shares: SharesFile | None) -> str:
    """The client id of the gateway that speaks for all of several; empty: none is named."""
    return mqtt.share_leader or (shares.gateways[0] if shares is not None else "")


def load_shares(path: Path) -> SharesFile:
    """The shares in ``path``; ConfigurationFault naming file, key, fault and line."""
    document = read_yaml(path)
    if faults := faults_of(document):
        raise ConfigurationFault(fault_lines(path, faults))
    found = _SharesSection.model_validate(document)
    management = found.management
    if management is not None:
        places = FilePlaces(path.absolute().parent, os.environ.get("CREDENTIALS_DIRECTORY", ""))
        management = management.model_copy(update={"password_file": places.find(management.password_file, "password_file")})
    return SharesFile(found.gateways, _shares(found), management, found.leaving)


def faults_of(document: object) -> list[RegistryFault]:
    """The faults of what such a file says."""
    try:
        found = _SharesSection.model_validate({} if document is None else document)
    except ValidationError as error:
        return faults_in(error)
    return [*_of_gateways(found), *_overlaps(_shares(found))]


def _shares(found: _SharesSection) -> list[Share]:
    """The shares; one without a weight has the mean of the others."""
    weights = [share.weight for share in found.shares if share.weight is not None]
    usual = sum(weights) / len(weights) if weights else 1.0
    return [Share(one.site, one.domain, one.group, one.topic, one.weight or usual, one.gateway) for one in found.shares]


def _of_gateways(found: _SharesSection) -> Iterator[RegistryFault]:
    """Gateways that occur twice, and shares of gateways that do not exist."""
    for number, name in enumerate(found.gateways):
        if found.gateways.index(name) != number:
            yield ("gateways", number), f"{name} occurs twice"
    for number, name in enumerate(found.leaving):
        if name in found.gateways:
            yield ("leaving", number), f"{name} is among the gateways too"
    for number, share in enumerate(found.shares):
        if share.gateway is not None and share.gateway not in found.gateways:
            yield ("shares", number, "gateway"), f"{share.gateway} is not among the gateways"


def _overlaps(shares: Sequence[Share]) -> Iterator[RegistryFault]:
    """Shares that take the same messages. Sites and groups are compared by name, topics one by one."""
    named: dict[object, list[int]] = defaultdict(list)
    for number, share in enumerate(shares):
        named[share.site, share.group].append(number)
    topics = named.pop((None, None), [])
    pairs = [
        *((before, number) for numbers in named.values() for at, number in enumerate(numbers) for before in numbers[:at]),
        *((before, topic) for topic in topics for before in range(len(shares)) if before not in topics or before < topic),
    ]
    for before, number in pairs:
        if any(overlap(one, other) for one in filters_of(shares[before]) for other in filters_of(shares[number])):
            place: KeyPath = ("shares", number)
            yield place, f"takes messages of shares.{before} too, and two gateways would write them"
