"""Writing a change of the registry to its file: the one way for pages, API and commands.

The file belongs to people, who edit it too. So it is locked against other writers of the gateway, read again, checked with the
change as ``gateway check`` would check it, edited in place, and replaced at once. A change that was made for another version of
the file is refused, and what differs is told.

And enrolment as it is configured: who may ask the broker for accounts of devices, and by what way these come to it.
"""

import fcntl
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

from gateway.core.mqtt_session import SessionOptions
from gateway.ingest.broker.enrolling import BrokerEntrance, MosquittoAccounts
from gateway.ingest.broker.kept_accounts import KeptAccounts
from gateway.ingest.broker.rabbitmq.management import ManagementApi, RabbitMqAccounts
from gateway.ingest.broker.rights import NativeTopics
from gateway.ingest.catalog import survey
from gateway.runtime.pipeline.options import broker_address
from gateway.support.audit.log import Details
from gateway.support.config.files import ConfigurationFault, blaming, secret, text_of
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.private_files import as_owner, replace_file
from gateway.support.registry.changes import ChangeRefused, MakeChange, RegistryChange, faults_of
from gateway.support.registry.csv_file import RegistryRow, merge, read_rows, row_faults
from gateway.support.registry.edit import edit
from gateway.support.registry.registry import (
    KnownRegistry,
    free,
    load_registry,
    parent_faults,
    registry_faults,
    text_if_there,
    version_of_text,
)
from gateway.support.tls import tls_context
from schemas.durations import format_duration
from schemas.enrolment import DEFAULT_PORT
from schemas.registry import RegisteredDevice, Registry, device_key

EntryPair = tuple[dict[str, object] | None, dict[str, object] | None]
"""The entry of a device before and after a change; None where there is none."""


class FileChanged(Exception):  # noqa: N818 - says what it is
    """The registry's file is not the one that a change was made for; ``version``: of the file that is there now."""

    def __init__(self, path: Path, version: str) -> None:
        super().__init__(f"{path} was changed meanwhile; nothing was written")
        self.version = version


@dataclass(frozen=True, slots=True)
class WrittenChange:
    """A change that stands in the file.

    :ivar devices: the ids of the devices that were added, changed or taken out; empty if nothing had to be written.
    :ivar details: details for the audit log: an action and its details for each of them.
    :ivar text: the file as it was; None if there was none.
    :ivar seen, version: of the file before and after.
    :ivar registry: the registry that the file holds now; None if nothing had to be written.
    :ivar backup: the copy of the file as it was; None if there was none.
    """

    devices: list[str]
    details: list[tuple[str, Details]]
    text: str | None
    seen: str
    version: str
    backup: Path | None = None
    comments_kept: bool = True
    registry: Registry | None = None


def change_registry(
    config: Config, make: MakeChange, seen: str | None = None, known: KnownRegistry | None = None
) -> WrittenChange:
    """Write a change to the registry's file, made for the version ``seen`` of it, or for any. In any fault it is as it was.

    A file of the version that is ``known`` is not read again. ChangeRefused if the change has faults, FileChanged if the file
    has another version, ConfigurationFault if it is faulty, or cannot be read or written.
    """
    path = config.devices.registry
    with blaming(f"{path}: devices.registry: cannot be written"), _locked(path):
        text = text_if_there(path)
        version = version_of_text(text)
        if seen is not None and seen != version:
            raise FileChanged(path, version)
        before = known.registry if known is not None and known.version == version else load_registry(path)
        change = make(replace(before, devices=list(before.devices)))
        if not change:
            return WrittenChange([], [], text, version, version)
        check(config, change)
        edition = edit(text or "", change)
        details = list(details_of(change))
        free(change.before.devices)
        if version_of_text(text_if_there(path)) != version:  # an editor knows no lock
            raise FileChanged(path, version_of_text(text_if_there(path)))
        backup = replace_file(path, edition.text)
    devices = [str(about["subject"]["device"]) for _, about in details]
    return WrittenChange(
        devices, details, text, version, version_of_text(edition.text), backup, edition.comments_kept, change.registry
    )


def put_back(config: Config, written: WrittenChange) -> None:
    """Put the file back as it was before a change, unless changed since; ConfigurationFault if it cannot be written."""
    path = config.devices.registry
    with blaming(f"{path}: devices.registry: cannot be put back"), _locked(path):
        if version_of_text(text_if_there(path)) != written.version:
            return
        if written.text is None:
            with as_owner(path.parent):
                path.unlink()
        else:
            replace_file(path, written.text)


def check(config: Config, change: RegistryChange) -> None:
    """Refuse, by ChangeRefused, what ``gateway check`` would refuse; ConfigurationFault if it is a profile that is faulty."""
    registry = change.registry
    catalog = survey(config, registry)
    if catalog.faults:
        raise ConfigurationFault(list(catalog.faults))
    among = registry_faults(registry)  # there were none before
    each = [*catalog.unknown, *catalog.device_faults(config.mqtt)]
    for device in change.devices if among or each else ():
        own = [fault for fault in each if registry.devices[int(fault[0][1])] is device]  # others are not its fault
        if found := faults_of([*among, *own], registry, device):
            raise ChangeRefused(device.id, found)


def spreadsheet_change(config: Config, file: Path, data: bytes | None = None) -> tuple[RegistryChange, list[RegistryRow]]:
    """Merge a spreadsheet, its bytes in ``data`` or read, into the registry; return the change, and the rows that made it.

    :raises ConfigurationFault: with every faulty cell, also those with which ``gateway check`` would refuse the registry.
    """
    registry = load_registry(config.devices.registry)
    rows = read_rows(file, registry, data)
    change = merge(registry, rows)
    known = survey(config, change.registry)
    of_devices = [*known.unknown, *known.device_faults(config.mqtt), *parent_faults(change.registry)]
    if faults := [*known.faults, *row_faults(file, rows, change.registry, of_devices)]:
        raise ConfigurationFault(faults)
    return change, rows


def entry_document(device: RegisteredDevice) -> dict[str, object]:
    """The filled keys of a device as ``devices.yaml`` has them."""
    return {key: _written(value) for key, value in asdict(device).items() if value not in (None, {})}


def details_of(change: RegistryChange) -> Iterator[tuple[str, Details]]:
    """Details of a change for the audit log: an action and its details for each device."""
    for device in change.added:
        yield "device registered", {"subject": {"device": device.id}, "after": entry_document(device)}
    for before, after in change.changed.values():
        both = {"before": entry_document(before), "after": entry_document(after)}
        yield "device changed", {"subject": {"device": after.id}, **both}
    for device in change.retired.values():
        yield "device retired", {"subject": {"device": device.id}, "before": entry_document(device)}


def differences(before: Mapping[str, RegisteredDevice], registry: Registry) -> dict[str, EntryPair]:
    """The devices, by the key of their id, in which two registries differ: id → its entry before and after, None if missing."""
    after = {device_key(device.id): device for device in registry.devices}
    found: dict[str, EntryPair] = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old != new:
            name = (new or old or after[key]).id
            found[name] = (entry_document(old) if old else None, entry_document(new) if new else None)
    return dict(sorted(found.items()))


def _written(value: object) -> object:
    if isinstance(value, timedelta):
        return format_duration(value)
    return value.isoformat() if isinstance(value, date) else value


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The folder of the file, for one writer at a time."""
    with as_owner(path):
        folder = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


class NotEnrollable(Exception):  # noqa: N818 - it says what the device is
    """The registry does not say where a device publishes; the text says what to do."""


def is_configured(config: Config) -> bool:
    """Tell if devices can be given accounts."""
    return config.enrolment.url is not None and config.enrolment.password_file is not None


def device_accounts(config: Config) -> MosquittoAccounts | RabbitMqAccounts:
    """The accounts of devices on the broker, not open yet; ConfigurationFault if password or certificate cannot be used."""
    enrolment = config.enrolment
    password = secret(None, enrolment.password_file)
    if password is None:
        raise ConfigurationFault(
            ["gateway.yaml: enrolment.password_file: name the file with the password that `gateway setup broker` wrote"]
        )
    address, account = broker_address(config.mqtt), SessionOptions("administration", enrolment.username, password.encode())
    if enrolment.management is None:
        return MosquittoAccounts(address, account, KeptAccounts(config.journal.path))
    tls = tls_context(enrolment.ca) if split_url(enrolment.management).scheme == "https" else None
    return RabbitMqAccounts(ManagementApi(enrolment.management, enrolment.username, password, tls), address, account)


def entrance_of(config: Config) -> BrokerEntrance:
    """The way by which devices come to the broker; ConfigurationFault if it is not configured."""
    url, ca = config.enrolment.url, config.enrolment.ca
    if url is None:
        example = "mqtts://broker.example.vn:8883"
        raise ConfigurationFault([f"gateway.yaml: enrolment.url: write the address that devices connect to, such as {example}"])
    parts = split_url(url)
    return BrokerEntrance(parts.hostname or "", parts.port or DEFAULT_PORT, _fingerprint(ca) if ca else None)


def topics_of_device(name: str, device: RegisteredDevice | None) -> NativeTopics:
    """The topics of a device; NotEnrollable if it is not registered, or has no site or domain."""
    if device is None:
        raise NotEnrollable(f"{name}: is not registered; `gateway devices add {name} --site S --domain D` registers it")
    if not device.site or not device.domain:
        raise NotEnrollable(f"{name}: its topics need a site and a domain; `gateway devices edit {name} --site S --domain D`")
    return NativeTopics(device.site, device.domain, device.id)


def _fingerprint(ca: Path) -> str:
    try:
        return sha256(ssl.PEM_cert_to_DER_cert(text_of(ca).strip())).hexdigest()
    except ValueError as error:
        raise ConfigurationFault([f"{ca}: enrolment.ca: is no certificate: {error}"]) from error
