"""``gateway devices forget``: what is known of a device is removed from every place, read back, and said.

The gateway holds its devices in memory and would write them again, so it must not run meanwhile; the broker keeps what arrives.
Each step may be repeated: a command that was interrupted is given again. The order makes that possible. First the device loses
its account, so that nothing more comes; it is noted in the list of the forgotten, so that no restore brings it back; the
registry, which knows its names, comes after database and store; the details of the audit log, which know who got copies, last.
"""

import argparse
import asyncio
import sqlite3
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

from gateway.commands import reaching
from gateway.commands.privacy.device_places import (
    CopyGiven,
    NamedDevice,
    archives_at_hand,
    audit_entries,
    copies_given,
    named_device,
    stored_rows,
    tell_copies,
)
from gateway.commands.running import record, store
from gateway.commands.terminal import Actions, add_action, add_yes, confirmed, show
from gateway.ingest.broker.enrolling import AdministrationFault, EnrolmentRefused
from gateway.ingest.broker.rights import HEARD, SENT
from gateway.ingest.database.open_store import open_store, places_of_points
from gateway.ingest.database.store import StoreFault
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.forgetting import DeviceNames, forget, photos_of
from gateway.ingest.storage.photos import photos_file
from gateway.monitoring.reports.seals import Seals
from gateway.onboarding.registration import FileChanged, change_registry, device_accounts, is_configured, topics_of_device
from gateway.support.audit.forgotten import FORGOTTEN, forgotten_beside, join
from gateway.support.audit.log import AuditFault, AuditLog
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.private_files import as_owner, read_bytes
from gateway.support.registry.changes import ChangeRefused, retire
from gateway.support.registry.registry import load_registry

_STAYS: Final = (
    "what areas and parents used, this device among others, stays: hourly_area, daily_area, balance and so on\n"
    "a device whose messages come by a network server must leave that too, or its next message makes it known again"
)
_AGAIN: Final = "repeat the command: what is done stays done"

Held = dict[str, int]
"""How much a place holds of a device, by place."""


def add_forget(actions: Actions) -> None:
    """Add the action, with its options."""
    forgotten = add_action(actions, "forget", "remove all that is known of a device, from every place", forget_device)
    forgotten.add_argument("id", nargs="?", metavar="ID", help="the device")
    forgotten.add_argument("--check", action="store_true", help="only tell what is known of it, by place")
    forgotten.add_argument(
        "--again", action="store_true", help="all who were forgotten, in the database: after it was restored from a backup"
    )
    add_yes(forgotten)


def forget_device(config: Config, options: argparse.Namespace) -> int:
    """Forget; 1 if something is left, ConfigurationFault if the gateway runs or others have the device as a parent."""
    if (options.id is None) != options.again:
        raise ConfigurationFault(
            ["devices forget: name the device, or --again for all on the list, after the database was restored"]
        )
    try:
        with reaching(StoreFault, AdministrationFault, EnrolmentRefused, advice=f"; {_AGAIN}"):
            if options.again:
                asyncio.run(_delete_listed(config, options))
                return 0
            device = named_device(config, options.id)
            if options.check:
                _tell_sealed(config, device)
                return _tell_check(device, asyncio.run(_held(config, device)))
            if not options.yes:
                held = asyncio.run(_held(config, device))
                known = ", ".join(f"{place}: {count:,}" for place, count in held.items() if count)
                confirmed(options, f"{device.id} would be forgotten for good: {known or 'nothing is known of it'}")
            with store(config) as file:
                if file is None:
                    _cut_off(config, device)
                    raise ConfigurationFault([_RUNNING])
                return _forget(config, device, file)
    except (AuditFault, DatabaseFault) as fault:
        raise ConfigurationFault([f"{fault}; {_AGAIN}"]) from fault
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationFault([f"{getattr(error, 'filename', None) or config.journal.path}: {error}; {_AGAIN}"]) from error


_RUNNING: Final = (
    "the gateway runs, and holds its devices in memory: stop it, repeat the command, start it again; "
    "the broker keeps what arrives meanwhile"
)


def _cut_off(config: Config, device: NamedDevice) -> None:
    """Take the account away while the gateway still runs: what the device has sent before is then delivered."""
    if is_configured(config):
        asyncio.run(_revoke(config, device))
        show(f"{device.id}: has no account on the broker any more")


def _forget(config: Config, device: NamedDevice, file: Database) -> int:
    """Forget a device; return the exit status."""
    _refuse_parent(config, device)
    if waiting := file.to_salvage():
        raise ConfigurationFault(
            [f"{path}: is read at the next start: start the gateway once, then forget" for path in waiting]
        )
    before, copies = asyncio.run(_held(config, device)), copies_given(config, device)
    is_asked = is_configured(config)
    if is_asked:
        asyncio.run(_revoke(config, device))
    digest = _note(config, device, copies)
    limit = asyncio.run(_delete_points(config, device))
    names = DeviceNames(device.names)
    file.run_here(forget, names)
    asyncio.run(file.give_pages_back())
    photos_of(photos_file(config.journal.path), names, remove=True)
    _leave_registry(config, device)
    tell_copies(config, copies)  # before the entries that name them lose their details
    AuditLog(config.journal.path).forget(names.__contains__)
    after = asyncio.run(_held(config, device))
    _tell(before, after)
    print(f"{limit}\n{_STAYS}")
    _tell_sealed(config, device)
    if not is_asked:
        print("the broker was not asked (enrolment is not configured): take an account and retained messages away there")
    # The subject is a hash with a key of this gateway: the log tells that somebody was forgotten, and not who.
    record(config, "device forgotten", subject={"forgotten": digest}, before=before, after=after)
    show(f"{device.id}: " + ("something is left" if any(after.values()) else "forgotten; start the gateway again"))
    return 1 if any(after.values()) else 0


def _tell_sealed(config: Config, device: NamedDevice) -> None:
    months = sorted({month for month, _ in Seals(config.journal.path).lines_of(device.names)})
    if months:
        show(
            f"{device.id}: its lines of {len(months)} closed months stay ({months[0]} to {months[-1]}), with contract "
            "number and amounts: the law on accounting keeps vouchers for 5 to 10 years; they tell no name and no address"
        )


def _refuse_parent(config: Config, device: NamedDevice) -> None:
    """ConfigurationFault if others have the device as their parent."""
    if device.entry is not None:
        try:
            retire(load_registry(config.devices.registry), device.id)
        except ChangeRefused as refused:
            raise ConfigurationFault([str(refused)]) from None


async def _revoke(config: Config, device: NamedDevice) -> None:
    """Take account, session and retained messages away."""
    topics = []
    if device.entry is not None and device.entry.site and device.entry.domain:
        place = topics_of_device(device.id, device.entry)
        topics = [place.topic(last) for last in (*SENT, *HEARD)]
    async with device_accounts(config) as broker:
        await broker.revoke(device.id)
        await broker.clear(topics)


def _note(config: Config, device: NamedDevice, copies: list[CopyGiven]) -> str:
    """Note the device in the list of the forgotten, and beside every backup that can be reached; return its hash."""
    forgotten, now_ms = forgotten_beside(config.journal.path), WallClock().now_ms()
    digests = {forgotten.add(name, now_ms): now_ms for name in device.names}
    for archive in archives_at_hand(copies):
        join(archive.with_name(archive.name + FORGOTTEN), digests)
    return forgotten.digest(device.id)


async def _delete_points(config: Config, device: NamedDevice) -> str:
    """Delete the points of a device, where the database can; return what is left for a while, or for good."""
    limits: dict[str, None] = {}
    for place in places_of_points(config.influxdb):
        async with open_store(place, to_delete=True) as database:
            if database.can_delete:
                await database.delete(device.names)
            limits[database.limit] = None
    return "\n".join(limits)


async def _delete_listed(config: Config, options: argparse.Namespace) -> None:
    """Delete the points of every device on the list of the forgotten: a backup of the database has brought them back."""
    forgotten = forgotten_beside(config.journal.path)
    listed = forgotten.since(0)
    deleted = Counter[str]()
    for place in places_of_points(config.influxdb):
        async with open_store(place, to_delete=True) as database:
            for name in forgotten.among(await database.devices(), listed):
                if named_device(config, name).entry is not None:
                    show(f"{name}: is registered again, and stays")
                elif number := sum((await database.counted([name], WallClock().now_ms())).values()):
                    if not database.can_delete:
                        raise StoreFault(database.limit)
                    confirmed(options, f"{name}, who was forgotten: {number:,} points would be deleted again")
                    await database.delete([name])
                    deleted[name] += number
    record(config, "devices forgotten again", subject={}, after={"devices": len(deleted), "points": deleted.total()})
    print(f"{len(listed)} on the list; {len(deleted)} of them were in the database, with {deleted.total()} points: deleted")


def _leave_registry(config: Config, device: NamedDevice) -> None:
    """Take the device out of the registry, without an entry of the audit log, and out of the copy beside it."""
    if device.entry is not None:
        try:
            change_registry(config, partial(retire, name=device.id))
        except (ChangeRefused, FileChanged) as fault:
            raise ConfigurationFault([f"{fault}; {_AGAIN}"]) from None
    copy = _copy_of_registry(config)
    if _copies(copy, device):
        with as_owner(copy.parent):
            copy.unlink()


def _copy_of_registry(config: Config) -> Path:
    return config.devices.registry.with_name(config.devices.registry.name + ".bak")


def _copies(copy: Path, device: NamedDevice) -> bool:
    return copy.exists() and any(name.encode() in read_bytes(copy) for name in device.names)


async def _held(config: Config, device: NamedDevice) -> Held:
    """Read back what each place holds of a device."""
    held: Held = {"points in the database": 0}
    for place in places_of_points(config.influxdb):
        async with open_store(place) as database:
            await database.all_shown(device.names, WallClock().now_ms())
            held["points in the database"] += sum((await database.counted(device.names, WallClock().now_ms())).values())
    held |= {title: len(rows) for title, rows in stored_rows(config, device).items()}
    held["photo"] = photos_of(photos_file(config.journal.path), DeviceNames(device.names), remove=False)
    held["registry"] = int(named_device(config, device.id).entry is not None)
    held["copy of the registry (.bak)"] = int(_copies(_copy_of_registry(config), device))
    held["details of the audit log"] = len(audit_entries(config, device))
    if is_configured(config):
        async with device_accounts(config) as broker:
            held["account on the broker"] = int(device.id in await broker.enrolled())
    return held


def _tell_check(device: NamedDevice, held: Held) -> int:
    for place, count in held.items():
        print(f"{place:<30}{count:>10}")
    show(f"{device.id}: " + ("something of it is known" if any(held.values()) else "nothing of it is known"))
    return 1 if any(held.values()) else 0


def _tell(before: Held, after: Held) -> None:
    print(f"{'':<30}{'before':>10}{'read back':>10}")
    for place, count in before.items():
        print(f"{place:<30}{count:>10}{after.get(place, 0):>10}")
