"""``gateway backup``: all that makes this gateway, in one archive; and ``gateway restore``: a gateway made of it."""

import argparse
import os
import sqlite3
import time
from collections import Counter
from pathlib import Path

from gateway.admin.backup.archive import ArchiveFault, BackupManifest, VerifiedArchive, make_backup, verify_archive
from gateway.admin.backup.contents import BackupKind
from gateway.admin.backup.places import RestoredFile, Target, data_of_unit, first_of, places_of
from gateway.admin.backup.restoring import FilesThere, Restored, restore
from gateway.commands.finding import installed
from gateway.commands.privacy.device_places import BACKUP_CLOSED, BACKUP_MADE
from gateway.commands.running import record, user
from gateway.commands.setup.accounts import ACCOUNTS
from gateway.commands.terminal import add_path, add_repeated, add_yes, confirmed, refuse_present, show, tell, with_config
from gateway.ingest.storage.beside import InUse
from gateway.support.audit.forgotten import FORGOTTEN
from gateway.support.audit.log import AuditFault, AuditLog, Deed
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.private_files import as_owner, is_there

_WARNING = (
    "it holds passwords, keys and readings: keep it where nobody else can read it. "
    "To encrypt it: age -p FILE > FILE.age, or gpg -c FILE; then remove FILE"
)

_REFUSED_TO_ROOT = ": root reads it as the owner of its folder, who may not"
_DAMAGED = "if it is damaged, the gateway sets it aside at its next start and goes on"


def add_backup(backup: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway backup``."""
    with_config(backup, backup_command)
    backup.add_argument("file", type=Path, metavar="FILE", help="the archive to write, such as gateway-2026-11-26.tar.gz")
    backup.add_argument("--to", metavar="WHO", help="who gets it, or where it is kept: told when a device is forgotten")
    add_path(backup, "--accounts", "FILE", "the broker's accounts (default: where Debian has them)", ACCOUNTS)
    also = "a further file or folder, such as that of an authority of your own; may be given again"
    add_repeated(backup, "--also", also, type=Path, metavar="PATH")


def backup_command(config: Config, options: argparse.Namespace) -> None:
    """Make the archive; ConfigurationFault if it is there already, or a file cannot be read."""
    path = options.file
    refuse_present(path)
    if not path.absolute().parent.is_dir():
        raise ConfigurationFault([f"{path}: there is no folder {path.absolute().parent}"])
    if missing := [str(one) for one in options.also if not one.exists()]:
        raise ConfigurationFault([f"--also: {one} does not exist" for one in missing])
    # Before the files are read: so the archive's own log tells of it, and a restored one goes on behind it.
    record(config, BACKUP_MADE, subject={"file": str(path.absolute()), "to": options.to})
    try:
        manifest, digest = make_backup(config, path, WallClock().now_ms(), accounts=options.accounts, also=options.also)
    except OSError as error:
        who = "" if not isinstance(error, PermissionError) else _REFUSED_TO_ROOT if os.geteuid() == 0 else "; run it as root"
        raise ConfigurationFault([f"{error.filename or path}: {error.strerror or error}; there is no backup{who}"]) from error
    except AuditFault as fault:
        raise ConfigurationFault([f"{fault}; there is no backup"]) from fault
    except sqlite3.Error as error:
        raise ConfigurationFault(
            [f"{config.journal.path}: cannot be copied: {error}; there is no backup: {_DAMAGED}"]
        ) from error
    _tell_made(path, manifest, options.accounts)
    print(f"its SHA-256 is {digest}: note it where the archive is not, for restore --sha256")
    record(config, BACKUP_CLOSED, subject={"file": str(path.absolute()), "to": options.to}, after={"sha256": digest})


def _tell_made(path: Path, manifest: BackupManifest, accounts: Path) -> None:
    kinds = Counter(file.kind for file in manifest.files)
    with as_owner(path):
        size = path.stat().st_size
    show(f"{path}: {size} bytes, {len(manifest.files)} files:")
    for kind, count in kinds.items():
        print(f"    {kind:<26}{count}")
    print(f"{manifest.facts.readings} readings that wait for the database are in it; those that it has need its own backup")
    if BackupKind.BROKER_ACCOUNTS not in kinds:
        show(f"accounts of devices are not in it: {accounts} is not there; --accounts names the broker's file")
    print(f"the last entry of the audit log is {manifest.facts.audit}")
    print(_WARNING.replace("FILE", str(path)))


def add_restore(restore: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway restore``."""
    place = "the configuration's place on this machine (default: the one that it has below /etc)"
    restore.add_argument("-c", "--config", type=Path, metavar="FILE", help=place)
    restore.add_argument("file", type=Path, metavar="FILE", help="the archive")
    restore.add_argument("--dry-run", action="store_true", help="verify the archive, and list its files and their places")
    restore.add_argument("--replace", action="store_true", help="set files aside that are there already")
    left_out = "leave out readings that waited; the old machine has sent them"
    restore.add_argument("--without-journal", action="store_true", help=left_out)
    lists = "a list of the forgotten, from the old machine (FILE.forgotten beside the archive is read anyway)"
    add_repeated(restore, "--forgotten", lists, type=Path, metavar="FILE")
    add_path(restore, "--accounts", "FILE", "the broker's accounts on this machine (default: where Debian has them)", ACCOUNTS)
    data = "a folder of data of this machine, beside those that the gateway's unit names; may be given again"
    add_repeated(restore, "--data", data, type=Path, metavar="FOLDER")
    also = "a further file, or folder with all in it, that may be written; may be given again"
    add_repeated(restore, "--also", also, type=Path, metavar="PATH")
    told = "refuse any archive but the one with this SHA-256, which backup and the audit log told"
    restore.add_argument("--sha256", type=str.lower, metavar="HEX", help=told)
    add_yes(restore)
    restore.set_defaults(call=restore_command)


def restore_command(options: argparse.Namespace) -> int:
    """Restore; 1 if the archive cannot be used, ConfigurationFault if the gateway runs, or a file may not lie in its place."""
    archive: Path = options.file
    beside = archive.with_name(archive.name + FORGOTTEN)
    lists = [*options.forgotten, *([beside] if os.path.exists(beside) else [])]  # noqa: PTH110 - a closed folder is no fault here
    if missing := [str(one) for one in options.forgotten if not os.path.exists(one)]:  # noqa: PTH110
        raise ConfigurationFault([f"--forgotten: {one} does not exist, or is not for you to read" for one in missing])
    if not os.path.exists(archive):  # noqa: PTH110
        raise ConfigurationFault([f"{archive}: does not exist, or is not for you to read"])
    target = _target(options)
    try:
        verified = verify_archive(archive, options.sha256)
        places = places_of(verified.manifest, target)
        _tell_archive(archive, verified, places, options)
        if options.dry_run:
            return 0
        if options.replace and (there := sum(os.path.exists(file.path) for file in places.values())):  # noqa: PTH110
            confirmed(options, f"{there:,} files of this machine would be set aside, for those of the archive")
        result = restore(
            archive,
            verified.manifest,
            places,
            target,
            replace=options.replace,
            without_journal=options.without_journal,
            forgotten=lists,
        )
    except ArchiveFault as fault:
        tell(str(fault))
        return 1
    except InUse as fault:
        raise ConfigurationFault([f"{fault}: stop it first"]) from fault
    except FilesThere as there:
        what = "is there already, with other contents; --replace sets it aside"
        raise ConfigurationFault([f"{path}: {what}" for path in there.paths]) from there
    except OSError as error:
        raise ConfigurationFault([f"{error.filename or archive}: {error.strerror or error}; nothing was replaced"]) from error
    except sqlite3.Error as error:
        raise ConfigurationFault([f"{archive}: its store cannot be used: {error}; nothing was replaced"]) from error
    _record(places, archive, verified, result, is_compared=options.sha256 is not None)
    _tell_restored(places, verified.manifest, result)
    return 0


def _target(options: argparse.Namespace) -> Target:
    """The places of this machine; ConfigurationFault if it is not plain which configuration is meant."""
    config: Path | None = options.config
    if config is None:
        found = installed()
        if len(found) != 1:
            listed = f": {', '.join(map(str, found))}" if found else ""
            raise ConfigurationFault([f"this machine has {len(found)} configurations{listed}; name the one to restore with -c"])
        (config,) = found
        tell(f"configuration: {config}")
    config = config.absolute()
    return Target(config, (*data_of_unit(config), *options.data), options.accounts, tuple(options.also))


def _tell_archive(
    archive: Path, verified: VerifiedArchive, places: dict[str, RestoredFile], options: argparse.Namespace
) -> None:
    facts, manifest = verified.manifest.facts, verified.manifest
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(facts.made_ms / 1000))
    show(f"{archive}: whole; made {made} by gateway {manifest.version} ({manifest.commit}), {len(places)} files")
    print(f"its SHA-256 is {verified.sha256}")
    if options.sha256 is None:
        tell("no --sha256 was given: whether somebody changed it on its way is not known; backup and its audit log told it")
    if options.dry_run:
        for file in places.values():
            show(f"    {file.kind:<26}{file.path}")
    for link in verified.links:
        show(f"a link in the archive is not made: {link}")


def _record(
    places: dict[str, RestoredFile], archive: Path, verified: VerifiedArchive, result: Restored, *, is_compared: bool
) -> None:
    """Go on with the audit log behind the entry with which that of the backup ends."""
    if (journal := first_of(places.values(), BackupKind.STORE)) is None:
        return
    facts = verified.manifest.facts
    about = {"file": str(archive.absolute()), "made_ms": facts.made_ms, "audit": facts.audit}
    about |= {"sha256": verified.sha256, "compared": is_compared}
    after = {"files": len(result.placed), "readings": result.readings, "forgotten": len(result.forgotten)}
    deed = Deed(WallClock().now_ms(), user(), "command", "backup restored")
    try:
        AuditLog(journal).record(deed, {"subject": about, "after": after})
    except AuditFault as fault:
        raise ConfigurationFault([f"everything is restored, but that is not in the audit log: {fault}"]) from fault


def _tell_restored(places: dict[str, RestoredFile], manifest: BackupManifest, result: Restored) -> None:
    for path in result.aside:
        show(f"set aside: {path}")
    same = len(places) - len(result.placed)
    print(f"{len(result.placed)} files restored; {same} were there as the backup has them, or newer")
    print(f"{result.readings} readings wait in the journal; InfluxDB holds them once, even if the old machine wrote them since")
    print("sums are taken over from the database when a device is next heard")
    print(f"the audit log goes on behind {manifest.facts.audit}")
    if result.forgotten:
        print(f"{len(result.forgotten)} devices that were forgotten since are forgotten again")
    if manifest.facts.is_running:
        print("the gateway ran when the backup was made: stop the old one for good, they have one client id")
    if any(file.kind is BackupKind.BROKER_ACCOUNTS for file in result.placed):
        print("restart the broker, so that it reads its accounts")
    registry, config = (first_of(places.values(), kind) for kind in (BackupKind.REGISTRY, BackupKind.CONFIGURATION))
    if registry is not None and is_there(folder := registry.parent / "registry"):
        show(f"the service cannot change {registry}: run install.sh again, which moves it into {folder}")
    show("then: gateway check --connect" + (f" -c {config}" if config else ""))
