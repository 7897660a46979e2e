"""Accounts of Mosquitto that a kill or a power cut left empty, torn or old, put back before the broker starts.

Theory of operation
-------------------
Beside the broker's file lies a copy of it, as it was when the broker last started; what was made and taken away since is kept
by the gateways (:mod:`gateway.ingest.broker.kept_accounts`). Both together are what the file must hold.

* The file cannot be read, or is gone: the copy takes its place, and the damaged one is kept beside it.
* The file is whole: it counts, with all that others changed in it. A power cut may have left an older one in its place.

Either way an account that was made since and is missing, or is an earlier one of that name, is put back; one that was taken
away since goes again. The result is on disk, synced, before it becomes the new copy, and the copy before the gateways' files
are emptied. So a power cut at any moment leaves enough for the next start. Mosquitto does not run meanwhile.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gateway.ingest.broker.kept_accounts import AccountChanges
from gateway.ingest.broker.rights import is_of_device, read, written
from gateway.support.config.files import ConfigurationFault
from gateway.support.private_files import as_owner, place_for_readers, private, read_bytes, sync_folder

_COPY: Final = ".copy"
_DAMAGED: Final = ".damaged"
_LOST: Final = "put it back from a backup, or write it anew by `gateway setup broker --replace`, and enrol all devices again"


@dataclass(slots=True)
class PutBack:
    """Tells what was done.

    :ivar names: accounts that were put back; ``gone``: those that were taken away again.
    :ivar damaged: the file that could not be read, kept aside; None: the broker's file was whole, or missing.
    :ivar copy_ms: time at which the copy was made that took the place of the file; 0: the file stayed.
    """

    names: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    damaged: Path | None = None
    copy_ms: int = 0


def put_back(accounts: Path, changes: AccountChanges) -> PutBack:
    """Make the broker's file whole, and copy it; OSError if it cannot be read or written, ConfigurationFault without a copy."""
    done, copy = PutBack(), accounts.with_name(accounts.name + _COPY)
    with as_owner(accounts.parent):
        found, kept = _bytes(accounts), _bytes(copy)
        whole = _whole(found)
        if whole is None:
            if (whole := _whole(kept)) is None:
                raise ConfigurationFault([f"{accounts}: cannot be read, and there is no copy: {_LOST}"])
            done.copy_ms = copy.stat().st_mtime_ns // 1_000_000
            done.names = [str(client["username"]) for client in whole["clients"]]
            if found is not None:
                done.damaged = accounts.with_name(accounts.name + _DAMAGED)
                accounts.replace(done.damaged)
        _apply(whole, changes, done)
        data = written(whole).encode() if done.names or done.gone or found is None else found
        if data != found:
            place_for_readers(accounts, data)
        else:  # Mosquitto does not see to it
            with open(accounts, "rb", opener=private) as file:
                os.fsync(file.fileno())
            sync_folder(accounts.parent)
        if data != kept:
            place_for_readers(copy, data)
    return done


def _apply(whole: dict[str, Any], changes: AccountChanges, done: PutBack) -> None:
    """Bring changes into a file that can be read, and note them. An account of no device stays as it is."""
    clients = {str(client["username"]): client for client in whole["clients"]}
    roles = {str(role["rolename"]): role for role in whole["roles"]}
    for name, made in changes.items():
        there = clients.get(name)
        if not _is_of_device(name, there, roles.get(name)):
            continue
        if made is None:
            if there is not None or name in roles:
                clients.pop(name, None)
                roles.pop(name, None)
                done.gone.append(name)
        elif there is None or name not in roles or there.get("textname") != made["client"].get("textname"):
            clients[name], roles[name] = made["client"], made["role"]
            done.names.append(name)
    whole["clients"], whole["roles"] = list(clients.values()), list(roles.values())
    done.names = sorted({*done.names} - {*done.gone})


def _is_of_device(name: str, client: Mapping[str, Any] | None, role: Mapping[str, Any] | None) -> bool:
    """Tell if a name is a device's, or nobody's. A person's account has roles of other names; a role may have no account."""
    if role is None:
        return all(one.get("rolename") == name for one in (client or {}).get("roles", []))
    return is_of_device(name, [str(acl.get("topic")) for acl in role.get("acls", [])])


def _bytes(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return read_bytes(path)
    return None


def _whole(data: bytes | None) -> dict[str, Any] | None:
    """The plugin's file; None: it is not whole."""
    try:
        found = read((data or b"").decode())
        has_names = all(client["username"] for client in found["clients"]) and all(role["rolename"] for role in found["roles"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if found["clients"] and has_names else None
