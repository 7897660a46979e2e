"""``gateway check``: validates the configuration and, with ``--connect``, the access to broker and InfluxDB.

What takes more than some lines for one part stands in a module beside this one.
"""

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from gateway.commands import OK, UNREACHABLE
from gateway.commands.check import servers
from gateway.commands.check.profiles import Faults, check_one_profile, check_profiles
from gateway.commands.finding import find_config
from gateway.commands.terminal import add_config, say, show, tell, warn
from gateway.core.alarms.shipped import SHIPPED
from gateway.core.gateways.sharing import Share, filters_of, loads_of
from gateway.core.status.verdict import of_certificates
from gateway.ingest.catalog import Catalog, survey, topic_filters
from gateway.ingest.delivery.influxdb import authorization
from gateway.ingest.storage.recovery.set_aside import hindrance
from gateway.monitoring.status.troubles import of_port
from gateway.runtime.jobs.certificates import certificate_ends, not_after_ms, shown_by, tls_servers
from gateway.runtime.pipeline.options import broker_addresses, pair_topics, session_options
from gateway.support.access.accounts import configured_token, load_accounts
from gateway.support.access.exposed_secrets import exposed_of_management, exposed_secrets
from gateway.support.clock import WallClock
from gateway.support.config.files import DEFAULT_FILE, ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.findings import sentence
from gateway.support.port_limit import open_port
from gateway.support.registry.alarm_rules import load_alarm_rules, rules_without_devices
from gateway.support.registry.registry import RegistryFault, fault_lines, load_registry
from gateway.support.registry.shares import SharesFile, shares_of
from gateway.support.tls import tls_contexts
from schemas.registry import RegisteredDevice, Registry
from schemas.shares import has_dot
from schemas.topics import NativeTopic, matches

_FILTERS_SHOWN: Final = 50
"""Most topic filters shown: of several gateways each has two a site."""

_KNOWN_ID: Final = (
    "mqtt.client_id_file: is not set, so every account of the broker's services may take the gateway's session; "
    "`gateway setup broker --upgrade` sets it"
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway check``."""
    add_config(command)
    command.add_argument("--connect", action="store_true", help="also connect to the broker and InfluxDB")
    command.add_argument(
        "profile", nargs="?", type=Path, metavar="PROFILE", help="file of one profile: check it alone, with the tests inside it"
    )
    command.set_defaults(call=check)


def check(options: argparse.Namespace) -> int:
    """Check one profile, or all there is; ConfigurationFault if something in it is at fault."""
    if options.profile is None:
        return _check_all(options)
    if options.config or options.connect:
        raise ConfigurationFault(["check: a profile is checked by itself: leave -c and --connect out"])
    check_one_profile(options.profile)
    return OK


def _check_all(options: argparse.Namespace) -> int:
    """Print the results; 3 if something cannot be reached. A faulty file does not hide the results of the others."""
    config = find_config(options.config)
    session_options(config)
    tls_contexts(config)
    authorization(config.influxdb)
    configured_token(config)
    load_accounts(config.http.tokens_file)
    say(f"{config.file}: no faults" if config.file else "no gateway.yaml: using the defaults")
    _tell_ends(certificate_ends(config))
    found = Faults(warnings=exposed_secrets(config))
    if config.enrolment.password_file and config.enrolment.management is None and config.mqtt.client_id_file is None:
        found.warnings.append(f"{config.file or DEFAULT_FILE}: {_KNOWN_ID}")
    registry = _registry(config, found)
    _check_alarm_rules(config, registry, found)
    if (planned := servers.planned_link(config, registry)) is not None:
        say(servers.link_line(*planned))
        found.warnings += servers.link_warnings(planned[0])
    found.warnings += map(sentence, of_port(open_port(config)))
    if "/insert/" in config.influxdb.asked_url:
        found.warnings.append(f"{config.file or DEFAULT_FILE}: {servers.ONLY_WRITTEN}")
    if (topics := pair_topics(config.mqtt)) is not None:
        say(
            f"standby: this machine is {topics.machine} of {topics.client_id}; it watches the other as {config.mqtt.machine_id}"
        )
    catalog = survey(config, registry)._replace(shares=_shares(config, found))
    of_devices = [*catalog.unknown, *catalog.device_faults(config.mqtt), *_check_shares(config, catalog, found)]
    found.faults += [*catalog.faults, *fault_lines(config.devices.registry, of_devices)]
    check_profiles(config, catalog, found)
    for warning in found.warnings:
        warn(warning)
    if found.faults:
        raise ConfigurationFault(found.faults)
    if why := hindrance(config.journal.path):
        tell(f"{config.journal.path}: journal.path: {why}; the gateway would run without its journal")
    filters = list(topic_filters(config, catalog))
    more = [f"  ... and {len(filters) - _FILTERS_SHOWN} more"] if len(filters) > _FILTERS_SHOWN else []
    say("\nsubscribes to:", *(f"  {pattern}" for pattern in filters[:_FILTERS_SHOWN]), *more)
    if not options.connect:
        return OK
    shown = asyncio.run(_shown_by_servers(config))
    _tell_ends({setting: not_after_ms(certificate) for setting, certificate in shown.items()})
    tried = (*asyncio.run(_try(config, catalog)), servers.check_queue(config, catalog), *servers.unnamed(config, shown))
    out_of_reach = [fault for fault in tried if fault]
    for fault in out_of_reach:
        tell(fault)
    return UNREACHABLE if out_of_reach else OK


def _registry(config: Config, found: Faults) -> Registry:
    """The registry; without devices if it is faulty, so that the profiles are still checked."""
    path = config.devices.registry
    with found.of_file(path):
        registry = load_registry(path)
        there = f"{_count(len(registry.devices), 'device')}, {_count(len(registry.areas), 'area')}"
        say(f"{path}: {there if path.exists() else 'does not exist; no device is registered'}")
        return registry
    return Registry()


def _shares(config: Config, found: Faults) -> SharesFile | None:
    """The shares of several gateways; None: it reads all, or they are faulty."""
    with found.of_file(config.mqtt.shares):
        return shares_of(config.mqtt)
    return None


def _check_shares(config: Config, catalog: Catalog, found: Faults) -> list[RegistryFault]:
    """Look at the shares; return the registered devices that no gateway would hear."""
    path, name = config.mqtt.shares, config.mqtt.client_id
    if path is None or catalog.shares is None:
        return []
    say(shares_told(path, catalog.shares, name))
    found.warnings += share_warnings(path, catalog, catalog.shares, name)
    if catalog.management is not None:
        found.warnings += exposed_of_management(path, catalog.management)
        found.faults += servers.unusable(catalog.management, config.mqtt)
    return unread_devices(catalog, catalog.shares)


def _check_alarm_rules(config: Config, registry: Registry, found: Faults) -> None:
    path = config.alarms.rules
    with found.of_file(path):
        rules = load_alarm_rules(path)
        found.warnings += [f"{path}: rules: {text}" for text in rules_without_devices(rules, registry)]
        if path.exists():
            own = sum(rule.name not in SHIPPED.by_name for rule in rules.rules)
            say(f"{path}: {_count(len(rules.rules), 'rule')} of alarms, {own} of them your own")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


async def _try(config: Config, catalog: Catalog) -> list[str]:
    """Try the broker and the databases; return the reasons why some cannot be used, empty for those that can."""
    places = [place for place in (config.influxdb, config.influxdb.of_rollups()) if place is not None]
    brokers = [await servers.try_broker(address, config, catalog) for address in broker_addresses(config.mqtt)]
    written = [await servers.try_writing(place) for place in places]
    return [*brokers, *written, *[await servers.try_asking(place) for place in places if place.read_url is not None]]


_DAY_MS: Final = 86_400_000


async def _shown_by_servers(config: Config) -> dict[str, bytes]:
    shown = {}
    for server in tls_servers(config):
        try:
            certificate = await shown_by(server)
            not_after_ms(certificate)  # it can be read
        except (OSError, ValueError, IndexError, KeyError) as error:
            why = (isinstance(error, OSError) and error.strerror) or str(error) or "no answer in time"
            show(f"{server.setting}: its certificate cannot be seen: {why}")
        else:
            shown[server.setting] = certificate
    return shown


def _tell_ends(ends: Mapping[str, int]) -> None:
    now_ms = WallClock().now_ms()
    days_left = {which: (end_ms - now_ms) / _DAY_MS for which, end_ms in ends.items()}
    for which, days in days_left.items():
        print(f"{which}: the certificate ends in {int(days)} days" if days > 0 else f"{which}: the certificate has ended")
    for finding in of_certificates(days_left):
        warn(sentence(finding))


# Shares of several gateways: what none of them reads, and how even they are.

_UNEVEN: Final = 0.15
_NO_TOPICS: Final = (
    "no share is a topic or a group, but {} registered devices send by profiles: their messages come to no gateway"
)


def unread_devices(catalog: Catalog, shares: SharesFile) -> list[RegistryFault]:
    """Name the registered devices that no gateway would hear, each place in the registry once for a site and domain."""
    read, told = _Read(shares.shares), set[tuple[str, str]]()
    found: list[RegistryFault] = []
    for at, device in enumerate(catalog.registry.devices):
        if catalog.profiles.named(device) or device.site is None or device.domain is None:
            continue
        found += [(("devices", at, key), what) for key, what in _dots(device)]
        if device.id in shares.gateways:
            found.append((("devices", at, "id"), f"{device.id} is a gateway: at the broker the device could be it; rename it"))
        place = (device.site, device.domain)
        if "." not in device.site and place not in told and not read.takes(device):
            told.add(place)
            found.append((("devices", at, "site"), f"{device.site} ({device.domain}) is in no share: no gateway reads it"))
    return found


def share_warnings(path: Path, catalog: Catalog, shares: SharesFile, client_id: str) -> Iterator[str]:
    """Say what may be a mistake in the shares."""
    loads = loads_of(shares.assigned, shares.gateways)
    fair = 1 / len(shares.gateways)
    if shares.shares and any(abs(load - fair) > _UNEVEN * fair for load in loads.values()):
        parts = ", ".join(f"{name} {load:.0%}" for name, load in loads.items())
        yield f"{path}: shares: the weights give {parts}; split a large site by domain"
    if not shares.of(client_id):
        yield f"{path}: shares: none is of {client_id}: it reads nothing"
    profiled = sum(bool(catalog.profiles.named(device)) for device in catalog.registry.devices)
    if profiled and all(share.site is not None for share in shares.shares):
        yield f"{path}: shares: {_NO_TOPICS.format(profiled)}"


def shares_told(path: Path, shares: SharesFile, client_id: str) -> str:
    """One line on the part of a gateway."""
    own, load = shares.of(client_id), loads_of(shares.assigned, shares.gateways).get(client_id, 0.0)
    return f"{path}: {client_id} has {len(own)} of {len(shares.shares)} shares, {load:.0%} of the readings"


class _Read:
    """The messages that the gateways read together."""

    def __init__(self, shares: Sequence[Share]) -> None:
        self._places = {(share.site, share.domain) for share in shares if share.site is not None}
        self._filters = [pattern for share in shares if share.site is None for pattern in filters_of(share)]

    def takes(self, device: RegisteredDevice) -> bool:
        """Tell if one of them reads the device's own topic."""
        if {(device.site, None), (device.site, device.domain)} & self._places:
            return True
        topic = str(NativeTopic(device.site or "", device.domain or "", device.id, "readings"))
        return any(matches(pattern, topic) for pattern in self._filters)


def _dots(device: RegisteredDevice) -> Iterator[tuple[str, str]]:
    for key, name in (("site", device.site), ("source" if device.source else "id", device.source or device.id)):
        if name is not None and (what := has_dot(name)):
            yield key, what
