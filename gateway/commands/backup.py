"""``gateway backup``: all that makes this gateway, in one archive."""

import argparse
import os
import sqlite3
from collections import Counter
from pathlib import Path

from gateway.admin.backup.archive import BackupManifest
from gateway.admin.backup.making import make_backup
from gateway.commands.options import add_config
from gateway.commands.privacy.copies_given import BACKUP_MADE
from gateway.commands.recording import record
from gateway.support.audit.log import AuditFault
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault, load
from schemas.printable import printable

_WARNING = (
    "it holds passwords, keys and readings: keep it where nobody else can read it. "
    "To encrypt it: age -p FILE > FILE.age, or gpg -c FILE; then remove FILE"
)

_REFUSED_TO_ROOT = ": root reads it as the owner of its folder, who may not"
_DAMAGED = "if it is damaged, the gateway sets it aside at its next start and goes on"


def add_options(backup: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway backup``."""
    add_config(backup)
    backup.add_argument("file", type=Path, metavar="FILE", help="the archive to write, such as gateway-2026-11-26.tar.gz")
    backup.add_argument("--to", metavar="WHO", help="who gets it, or where it is kept: told when a device is forgotten")
    backup.add_argument(
        "--accounts",
        type=Path,
        default=Path("/var/lib/mosquitto/dynamic-security.json"),
        metavar="FILE",
        help="the broker's accounts (default: where Debian has them)",
    )
    backup.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a further file or folder, such as that of an authority of your own; may be given again",
    )
    backup.set_defaults(call=backup_command)


def backup_command(options: argparse.Namespace) -> int:
    """Run ``gateway backup``; return the exit status.

    :raises ConfigurationFault: the configuration is faulty, a file cannot be read, or the archive is there already.
    """
    config, path = load(options.config), options.file
    if path.exists():
        raise ConfigurationFault([f"{path}: is there already: remove it, or name another file"])
    if not path.absolute().parent.is_dir():
        raise ConfigurationFault([f"{path}: there is no folder {path.absolute().parent}"])
    if missing := [str(one) for one in options.also if not one.exists()]:
        raise ConfigurationFault([f"--also: {one} does not exist" for one in missing])
    if config.file is None and not config.journal.path.exists():
        raise ConfigurationFault(["gateway.yaml: is not here, and no gateway has run here: name the configuration with -c"])
    # Before the files are read: so the archive's own log tells of it, and a restored one goes on behind it.
    record(config, BACKUP_MADE, subject={"file": str(path.absolute()), "to": options.to})
    try:
        manifest = make_backup(config, path, WallClock().now_ms(), accounts=options.accounts, also=options.also)
    except OSError as error:
        who = "" if not isinstance(error, PermissionError) else _REFUSED_TO_ROOT if os.geteuid() == 0 else "; run it as root"
        raise ConfigurationFault([f"{error.filename or path}: {error.strerror or error}; there is no backup{who}"]) from error
    except AuditFault as fault:
        raise ConfigurationFault([f"{fault}; there is no backup"]) from fault
    except sqlite3.Error as error:
        raise ConfigurationFault(
            [f"{config.journal.path}: cannot be copied: {error}; there is no backup: {_DAMAGED}"]
        ) from error
    _tell(path, manifest, options.accounts)
    return 0


def _tell(path: Path, manifest: BackupManifest, accounts: Path) -> None:
    kinds = Counter(file.kind for file in manifest.files)
    print(printable(f"{path}: {path.stat().st_size} bytes, {len(manifest.files)} files:"))
    for kind, count in kinds.items():
        print(f"    {kind:<26}{count}")
    print(f"{manifest.facts.readings} readings that wait for the database are in it; those that it has need its own backup")
    if "broker accounts" not in kinds:
        print(printable(f"accounts of devices are not in it: {accounts} is not there; --accounts names the broker's file"))
    print(f"the last entry of the audit log is {manifest.facts.audit}")
    print(_WARNING.replace("FILE", str(path)))
