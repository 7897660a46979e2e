"""Accounts of devices that were made or taken away since the broker last started, in a file beside the journal.

Theory of operation
-------------------
The broker's own file of accounts is not safe against a kill or a power cut: Mosquitto 2.0.11 writes it in place, 2.0.21 does
not sync it. Nor may the gateway read it. So whoever makes an account or takes one away appends a line here, synced, before
anybody is told that it is done. The line holds what the broker's file would: a salted hash, no password. Before the broker
starts, :mod:`gateway.admin.broker.putting_back` compares its file with these lines, keeps a copy of what it found whole, and
empties this file.

A line that a power cut left unfinished was told to nobody. Of several lines about an account the last one counts. What cannot
be read or written raises :class:`OSError`.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gateway.ingest.broker.rights import BrokerAccount, NativeTopics, of_device, stored
from gateway.ingest.storage.beside import beside
from gateway.support.private_files import as_owner, make_folder, private, sync_folder

AccountChanges = Mapping[str, dict[str, Any] | None]
"""Account → its client and role, as the broker stores them; None: it was taken away."""
_SUFFIX: Final = ".accounts"
_LARGEST_BYTES: Final = 64 * 2**20


class KeptAccounts:
    """The file of one gateway."""

    def __init__(self, journal: Path) -> None:
        self.path = beside(journal, _SUFFIX)

    def made(self, accounts: Iterable[tuple[BrokerAccount, bytes]]) -> None:
        """Keep new accounts, with random bytes as salt for each."""
        self._append({"name": one.name, **stored(one, salt)} for one, salt in accounts)

    def taken_away(self, name: str) -> None:
        """Keep that an account is gone."""
        self._append([{"name": name}])

    def _append(self, lines: Iterable[dict[str, Any]]) -> None:
        make_folder(self.path.parent)
        is_new = not self.path.exists()
        with open(self.path, "a+b", opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                torn = file.read(1) != b"\n"
                file.write(b"\n" if torn else b"")
            file.writelines(json.dumps(line).encode() + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            with as_owner(self.path.parent):
                sync_folder(self.path.parent)

    @contextmanager
    def taken(self) -> Iterator[AccountChanges]:
        """The changes; once all went well with them the file is emptied. Nobody appends meanwhile."""
        if not self.path.exists():
            yield {}
            return
        with open(self.path, "r+b", opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield changes_in(file.read(_LARGEST_BYTES))
            file.truncate(0)
            os.fsync(file.fileno())


def changes_in(data: bytes) -> AccountChanges:
    """The changes in a file's bytes; what is no account of a device is left out."""
    found: dict[str, dict[str, Any] | None] = {}
    for line in data.splitlines():
        try:
            said = json.loads(line)
            name = str(said["name"])
            if "client" not in said:
                found[name] = None
            elif _is_of_device(name, said["client"], said["role"]):
                found[name] = {"client": said["client"], "role": said["role"]}
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            continue
    return found


_FREE: Final = {"textname", "password", "salt", "iterations"}
"""What differs from account to account of one name."""


def _is_of_device(name: str, client: dict[str, Any], role: dict[str, Any]) -> bool:
    """Tell if an account is what the gateway makes for a device and nothing more: its file is not root's, the broker's is."""
    _, _, site, domain, *_ = role["acls"][0]["topic"].split("/")
    made = stored(BrokerAccount(name, of_device(NativeTopics(site, domain, name)), "", client_id=name), b"")
    is_one_place = not {*"+#/"} & {*site, *domain, *name}
    return is_one_place and role == made["role"] and _fixed(client) == _fixed(made["client"])


def _fixed(client: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in client.items() if key not in _FREE}
