"""Planning of shares: the sites of the registry, weighted by what their devices send, as the text of ``shares.yaml``."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, count, islice
from typing import Final

from gateway.core.gateways.sharing import TOLERANCE, Share, assign, loads_of
from gateway.support.registry.yaml_file import scalar
from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice

_USUAL: Final = timedelta(minutes=15)
"""The interval of a device whose registration names none."""
ENDING_BYTES: Final = 5
"""Chance at the end of a client id: at a thousand tries a second it is guessed after some 17 years."""
_ENDING: Final = re.compile(rf"-([0-9a-f]{{{2 * ENDING_BYTES}}})$")
_HEAD: Final = """# Which gateway reads which messages, the same file on each of them (mqtt.shares in gateway.yaml). Written by
# `gateway setup rabbitmq`, edited by hand afterwards; `gateway check` reads it, a reload puts it into force.
# A share is a site, a domain of a site, a Sparkplug group or a topic filter. weight: readings per hour, an estimate.
# `gateway: NAME` gives it to that gateway in any case.
"""


@dataclass(frozen=True, slots=True)
class SharesPlan:
    """The shares of some gateways; ``profiled``: devices that only a share of their own topic or group takes."""

    gateways: Sequence[str]
    shares: Sequence[Share]
    profiled: int = 0

    @property
    def loads(self) -> dict[str, float]:
        """Gateway → its part of all readings, from 0 to 1."""
        return loads_of(assign(self.shares, self.gateways), self.gateways)

    @property
    def is_even(self) -> bool:
        """Tell if each gateway has about its part."""
        fair = 1 / len(self.gateways)
        return all(abs(load - fair) <= TOLERANCE * fair for load in self.loads.values())


def client_ids(number: int, ending: str, present: Sequence[str] = ()) -> list[str]:
    """The client ids of gateways. They cannot be guessed, for RabbitMQ ends the connection of a client for any other of its id.

    All end alike, in random hexadecimal digits: in those of ids that are ``present`` and stay, or in these.
    """
    found = next((match[1] for name in present if (match := _ENDING.search(name))), ending)
    new = (name for at in count(1) if (name := f"gateway-{at}-{found}") not in present)
    return [*present[:number], *islice(new, max(0, number - len(present)))]


def plan(
    devices: Iterable[RegisteredDevice],
    gateways: Sequence[str],
    others: Sequence[Share],
    is_profiled: Callable[[RegisteredDevice], bool],
) -> SharesPlan:
    """Share out the sites of native devices. While that is uneven, the largest site is split by its domains.

    :param others: shares of topics and groups, whose weight nobody knows: they count as a site does.
    """
    listed = list(devices)
    native = [device for device in listed if device.site and device.domain and not is_profiled(device)]
    rates, sites = defaultdict[tuple[str, str], float](float), defaultdict[str, float](float)
    for device in native:
        site, domain, rate = device.site or "", device.domain or "", timedelta(hours=1) / (device.interval or _USUAL)
        rates[site, domain] += rate
        sites[site] += rate
    usual = sum(sites.values()) / len(sites) if sites else 1.0
    weighted = [replace(share, weight=usual) for share in others]
    whole = {site: [Share(site=site, weight=round(rate, 1))] for site, rate in sorted(sites.items())}
    found = SharesPlan(gateways, [*chain.from_iterable(whole.values()), *weighted], sum(map(is_profiled, listed)))
    for site in sorted(sites, key=lambda site: (-sites[site], site)):
        if found.is_even:
            break
        whole[site] = [
            Share(site=site, domain=domain, weight=round(rates[site, domain], 1))
            for domain in DOMAINS
            if (site, domain) in rates
        ]
        found = replace(found, shares=[*chain.from_iterable(whole.values()), *weighted])
    return found


def shares_text(planned: SharesPlan, management: str | None) -> str:
    """The file; ``management``: its section of that name, on one line. None: nobody watches the broker."""
    lines = [_HEAD, f"gateways: [{', '.join(map(scalar, planned.gateways))}]"]
    lines += [f"management: {management}"] if management else []
    lines += ["shares:" if planned.shares else "shares: []"]
    return "\n".join([*lines, *(f"  - {{{_entries(share)}}}" for share in planned.shares), ""])


def _entries(share: Share) -> str:
    given = {"site": share.site, "domain": share.domain, "group": share.group, "topic": share.topic, "gateway": share.gateway}
    found = [f"{key}: {scalar(value)}" for key, value in given.items() if value is not None]
    return ", ".join([*found, f"weight: {share.weight:g}"])
