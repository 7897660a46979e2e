"""``gateway check``: validates the configuration and, with ``--connect``, the access to broker and InfluxDB."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from mqtt5 import PublishPacket, RetainHandling

from gateway.access.access import configured_token
from gateway.access.accounts import load_accounts
from gateway.broker.kinds import VERSION_TOPIC
from gateway.catalog import Catalog, survey, topic_filters
from gateway.codecs.sync_client import SyncCodecs
from gateway.commands.check_certificates import check_files, check_servers
from gateway.commands.check_group import BROKER_ROWS, broker_warning, filters_of_guest, group_warnings
from gateway.commands.check_link import link_line, link_warnings, planned_link
from gateway.commands.check_queue import check_queue
from gateway.commands.check_shares import share_warnings, shares_told, unread_devices
from gateway.commands.guest import ended, guest, open_as_guest, read
from gateway.config.alarm_rules import load_alarm_rules, rules_without_devices
from gateway.config.exposed_secrets import exposed_of_management, exposed_secrets
from gateway.config.files import DEFAULT_FILE, ConfigurationFault, load
from gateway.config.model import Config, Influxdb
from gateway.config.profile_files import ProfileFile
from gateway.config.registry import RegistryFault, fault_lines, load_registry
from gateway.config.shares import SharesFile, shares_of
from gateway.core.alarms.shipped import SHIPPED
from gateway.core.delivery.write_result import Fate, fate_of
from gateway.core.mqtt_session import DISCONNECT, Connected, ProtocolFault, Session, Subscribed
from gateway.core.profiles.matching import Profiles
from gateway.delivery.influxdb import InfluxdbClient, authorization
from gateway.explain.profile_tests import Checked, check_profile, unfilled
from gateway.i18n.findings import sentence
from gateway.intake.connection import BrokerAddress
from gateway.pipeline.options import broker_addresses, pair_topics, session_options
from gateway.reports.database_http import DatabaseHttp
from gateway.reports.open_store import is_victoria_metrics
from gateway.reports.store import StoreFault
from gateway.session_events import SessionEvents
from gateway.status.broker_session import of_session
from gateway.storage.recovery.set_aside import hindrance
from gateway.tls import handshake_fault
from gateway.tls_files import tls_contexts
from schemas.printable import printable
from schemas.registry import Registry, plain_name

_PATIENCE_S: Final = 5.0
_FILTERS_SHOWN: Final = 50
"""Most topic filters shown: of several gateways each has two a site."""
_NO_QUESTIONS: Final = (
    "influxdb.read_url: neither VictoriaMetrics nor InfluxDB answers questions there; that of a cluster is "
    "http://VMSELECT:8481/select/0/prometheus"
)
_ONLY_WRITTEN: Final = (
    "influxdb.url: a cluster of VictoriaMetrics is written there and asked elsewhere, and without influxdb.read_url, as "
    "http://VMSELECT:8481/select/0/prometheus, sums are not taken over and there are no reports"
)


@dataclass(slots=True)
class Faults:
    """Faults found, a line each.

    :ivar faults: the gateway refuses the configuration.
    :ivar warnings: it accepts the configuration, but this may be a mistake.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(path: Path | None, *, connect: bool) -> int:
    """Print the results; return 0, or 3 if something cannot be reached.

    A faulty file does not hide the results of the others.

    :raises ConfigurationFault: configuration, registry or a profile is faulty, or a test inside a profile fails.
    """
    config = load(path)
    session_options(config)
    tls_contexts(config)
    authorization(config.influxdb)
    configured_token(config)
    load_accounts(config.http.tokens_file)
    file = path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    _say(f"{file or 'no gateway.yaml in this folder'}: {'no faults' if file else 'using the defaults'}")
    check_files(config)
    found = Faults(warnings=exposed_secrets(config))
    registry = _registry(config, found)
    _check_alarm_rules(config, registry, found)
    _check_link(config, registry, found)
    if "/insert/" in config.influxdb.asked_url:
        found.warnings.append(f"{file or DEFAULT_FILE}: {_ONLY_WRITTEN}")
    found.warnings += group_warnings(config, file or DEFAULT_FILE)
    if (topics := pair_topics(config.mqtt)) is not None:
        _say(
            f"standby: this machine is {topics.machine} of {topics.client_id}; it watches the other as {config.mqtt.machine_id}"
        )
    catalog = replace(survey(config, registry), shares=_shares(config, found))
    of_devices = [*catalog.unknown, *catalog.device_faults(config.mqtt), *_check_shares(config, catalog, found)]
    found.faults += [*catalog.faults, *fault_lines(config.devices.registry, of_devices)]
    _check_profiles(config, catalog, found)
    for warning in found.warnings:
        print(printable(f"warning: {warning}"), file=sys.stderr)
    if found.faults:
        raise ConfigurationFault(found.faults)
    if why := hindrance(config.journal.path):
        print(f"{config.journal.path}: journal.path: {why}; the gateway would run without its journal", file=sys.stderr)
    filters = list(topic_filters(config, catalog))
    more = [f"  ... and {len(filters) - _FILTERS_SHOWN} more"] if len(filters) > _FILTERS_SHOWN else []
    _say("\nsubscribes to:", *(f"  {pattern}" for pattern in filters[:_FILTERS_SHOWN]), *more)
    if config.mqtt.share_group is not None:
        _say("\nmqtt.share_group, by broker:", *(f"  {line}" for line in _lines(BROKER_ROWS)))
    if not connect:
        return 0
    check_servers(config)
    out_of_reach = [fault for fault in (*asyncio.run(_try_both(config, catalog)), check_queue(config, catalog)) if fault]
    for fault in out_of_reach:
        print(printable(fault), file=sys.stderr)
    return 3 if out_of_reach else 0


def _registry(config: Config, found: Faults) -> Registry:
    """The registry; without devices if it is faulty, so that the profiles are still checked."""
    try:
        registry = load_registry(config.devices.registry)
    except ConfigurationFault as fault:
        found.faults += fault.lines
        _say(f"{config.devices.registry}: faulty")
        return Registry()
    there = f"{_count(len(registry.devices), 'device')}, {_count(len(registry.areas), 'area')}"
    is_there = config.devices.registry.exists()
    _say(f"{config.devices.registry}: {there if is_there else 'does not exist; no device is registered'}")
    return registry


def _shares(config: Config, found: Faults) -> SharesFile | None:
    """The shares of several gateways; None: it reads all, or they are faulty."""
    try:
        return shares_of(config.mqtt)
    except ConfigurationFault as fault:
        found.faults += fault.lines
        return None


def _check_shares(config: Config, catalog: Catalog, found: Faults) -> list[RegistryFault]:
    """Look at the shares; return the registered devices that no gateway would hear."""
    path, name = config.mqtt.shares, config.mqtt.client_id
    if path is None or catalog.shares is None:
        return []
    _say(shares_told(path, catalog.shares, name))
    found.warnings += share_warnings(path, catalog, catalog.shares, name)
    if catalog.management is not None:
        found.warnings += exposed_of_management(path, catalog.management)
    return unread_devices(catalog, catalog.shares)


def _check_alarm_rules(config: Config, registry: Registry, found: Faults) -> None:
    """Read the rules of alarms."""
    path = config.alarms.rules
    try:
        rules = load_alarm_rules(path)
    except ConfigurationFault as fault:
        found.faults += fault.lines
        _say(f"{path}: faulty")
        return
    found.warnings += [f"{path}: rules: {text}" for text in rules_without_devices(rules, registry)]
    if path.exists():
        own = sum(rule.name not in SHIPPED.by_name for rule in rules.rules)
        _say(f"{path}: {_count(len(rules.rules), 'rule')} of alarms, {own} of them your own")


def _check_link(config: Config, registry: Registry, found: Faults) -> None:
    """Say how the budget of the link will be divided, if it has one."""
    if (planned := planned_link(config, registry)) is not None:
        _say(link_line(*planned))
        found.warnings += link_warnings(planned[0])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _check_profiles(config: Config, catalog: Catalog, found: Faults) -> None:
    """Run the tests inside all profiles and print a table; return the failures of the active ones."""
    everything = survey(config, catalog.registry, all_shipped=True)
    devices = Counter(profile.name for device in catalog.registry.devices for profile in catalog.profiles.named(device))
    rows = [_HEAD]
    with SyncCodecs(everything.codecs) as codecs:
        for name, file in sorted(everything.files.items(), key=lambda item: (item[1].shipped, item[0])):
            active_profiles = name in catalog.files
            verdict, of_file = _check_profile(file, everything, codecs)
            if active_profiles:
                found.faults += of_file.faults
                found.warnings += of_file.warnings
            codec = file.compiled.codec.name if file.compiled.codec else "-"
            whose = "shipped" if file.shipped else "yours"
            rows.append((name, whose, "yes" if active_profiles else "no", str(devices[name]), codec, verdict))
        unprotected = codecs.unprotected
    _say("", *_lines(rows))
    if len(catalog.files) < len(everything.files):
        _say(_HOW_IN_FORCE)
    _say(*[f"missing protection against codecs: {text}" for text in unprotected])
    if not catalog.faults:  # else a model may be that of a profile which cannot be read
        found.warnings += _models_of_none(config.devices.registry, everything)


def _models_of_none(path: Path, everything: Catalog) -> Iterator[str]:
    """Models of registered devices that no profile has: a typing error would leave the device unread."""
    devices: dict[str, list[str]] = {}
    for device in everything.registry.devices:
        if device.model is not None and device.profile is None and not everything.profiles.named(device):
            devices.setdefault(device.model, []).append(device.id)
    there = {
        plain_name(model): model for file in everything.files.values() for model in (file.model.profile, *file.model.models)
    }
    for model, ids in devices.items():
        close = get_close_matches(plain_name(model), there, n=1)
        meant = f"did you mean {there[close[0]]}?" if close else "this is correct if they send iot/v1/… themselves"
        who = ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
        yield f"{path}: devices: no profile has the model {model} ({who}); {meant}"


def _check_profile(file: ProfileFile, everything: Catalog, codecs: SyncCodecs) -> tuple[str, Faults]:
    """The verdict on one profile, and its faults."""
    codec = file.compiled.codec
    if codec is not None and (wrong := codecs.fault(codec.name)):
        return f"codec: {wrong}", Faults([f"{file.codec}: codec: {wrong}"])
    alone = Profiles([file.compiled], everything.profiles.envelopes)
    checked = check_profile(file.compiled.name, file.model.tests, alone, codecs)
    failed = [test for test in checked if test.faults]
    verdict = f"{len(failed)} of {len(checked)} FAIL" if failed else f"{len(checked)} of {len(checked)} pass"
    faults = [f"{file.path}: tests: {test.name}: {fault}" for test in failed for fault in test.faults]
    return verdict, Faults(faults, [] if file.shipped else [*file.warnings, *_of_tests(file, checked)])


def _of_tests(file: ProfileFile, checked: Sequence[Checked]) -> Iterator[str]:
    """Name the fields of a profile that none of its tests fills."""
    if not any(test.faults for test in checked):  # a test that fails may be the one that fills it
        yield from (f"{file.path}: {text}" for text in unfilled(file.model, checked))


_HEAD: Final = ("profile", "from", "active", "devices", "codec", "tests")
_HOW_IN_FORCE: Final = "(a shipped profile is active when profiles.enable or a registered device names it)"


def _lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


async def _try_both(config: Config, catalog: Catalog) -> list[str]:
    places = [place for place in (config.influxdb, config.influxdb.of_rollups()) if place is not None]
    brokers = [await _try_broker(address, config, catalog) for address in broker_addresses(config.mqtt)]
    written = [await _try_influxdb(place) for place in places]
    return [*brokers, *written, *[await _try_questions(place) for place in places if place.read_url is not None]]


async def _try_broker(address: BrokerAddress, config: Config, catalog: Catalog) -> str:
    """Connect beside a running gateway, which keeps its session, and subscribe as the gateway would."""
    options = session_options(config)
    session = Session(guest(options, "check"))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer, granted_s = await open_as_guest(address, options)
            async with ended(writer):
                wanted = filters_of_guest(topic_filters(config, catalog), config) | _watched(config)
                answer = await _subscribe(session, wanted, reader, writer)
    except TimeoutError:
        return f"{address}: no answer within {_PATIENCE_S:g} s"
    except OSError as error:
        return f"{address}: {handshake_fault(error, tls=address.tls is not None)}"
    except ProtocolFault as fault:
        return f"{address}: {fault}"
    _warn_of_expiry(address, granted_s, options.session_expiry_s)
    _say(f"{address}: {'connected' if answer.refused else 'connected and subscribed'}")
    if warning := broker_warning(config, answer.version):
        print(printable(f"warning: {address}: {warning}"), file=sys.stderr)
    return "; ".join(f"{address}: subscription {pattern} refused: {why}" for pattern, why in answer.refused.items())


def _warn_of_expiry(address: BrokerAddress, granted_s: int | None, asked_s: int) -> None:
    """Say that the broker keeps the session of an absent gateway for less time than it was asked for."""
    session = SessionEvents(expiry_s=None if granted_s is None else (granted_s, asked_s))
    for finding in of_session(session, 0, shared=False):
        print(printable(f"warning: {address}: {sentence(finding)}"), file=sys.stderr)


class _BrokerAnswer(NamedTuple):
    """The answers that a guest got: the refused filters with their reasons, and the version, where the broker publishes it."""

    refused: dict[str, str]
    version: str


def _watched(config: Config) -> dict[str, RetainHandling]:
    """The filters by which two machines of a pair hear each other."""
    topics = pair_topics(config.mqtt)
    return {} if topics is None else dict.fromkeys(topics.filters, RetainHandling.SEND_NEVER)


async def _subscribe(
    session: Session,
    filters: dict[str, RetainHandling],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> _BrokerAnswer:
    """Connect, subscribe, disconnect. The version is asked for first: it is retained, so it comes before the second answer."""
    writer.write(session.connect())
    version, answered = "", False
    while data := await read(reader, writer, session):
        for event in session.receive(data):
            if isinstance(event, Connected):
                writer.write(session.subscribe({VERSION_TOPIC: RetainHandling.SEND_ALWAYS}))
                writer.write(session.subscribe(filters))
            elif isinstance(event, PublishPacket) and event.topic == VERSION_TOPIC:
                version = bytes(event.payload).decode(errors="replace")
            elif isinstance(event, Subscribed) and answered:
                writer.write(DISCONNECT)
                return _BrokerAnswer(event.refused, version)
            elif isinstance(event, Subscribed):
                answered = True
    raise ProtocolFault("the broker closed the connection")


async def _try_influxdb(place: Influxdb) -> str:
    """Send an empty write: it checks address, rights and bucket without leaving a point."""
    async with InfluxdbClient(place) as influxdb:
        answer = await influxdb.write(_EMPTY_GZIP)
    where = f"{place.url} bucket {place.bucket}"
    if fate_of(answer) is Fate.WRITTEN:
        _say(f"{where}: accepts writes")
        return ""
    return f"{where}: {answer.describe()}"


async def _try_questions(place: Influxdb) -> str:
    """See that a database answers at the address for questions."""
    http = DatabaseHttp(place)
    try:
        name = "VictoriaMetrics" if await is_victoria_metrics(http) else await http.version()
    except StoreFault as fault:
        return str(fault)
    if not name:
        return f"{http.url}: {_NO_QUESTIONS}"
    _say(f"{http.url}: answers questions")
    return ""


_EMPTY_GZIP = bytes.fromhex("1f8b08000000000000ff03000000000000000000")


def _say(*lines: str) -> None:
    for line in lines:
        print(printable(line, layout=True))
