"""The list of the forgotten: keyed hashes of the ids of devices, beside the journal.

A backup holds what was there when it was made, also of a device that was forgotten since. So a restore needs to know the
forgotten, and nobody else may learn them from the list: it holds hashes with a key of this gateway. A backup has the key, and
the list lies beside it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gateway.support.private_files import is_there, read_bytes, replace_bytes
from schemas.registry import device_key

FORGOTTEN: Final = ".forgotten"
"""Behind the name of the journal, and of a backup that the list lies beside."""
_KEY_BYTES: Final = 32
_WORDS: Final = 2


class ForgottenDevices:
    """A list, which need not exist, with its key, made when first needed; OSError if a file cannot be read or written."""

    def __init__(self, path: Path, key_path: Path) -> None:
        self.path = path
        self.key_path = key_path

    def digest(self, device: str) -> str:
        """The hash that stands for a device."""
        return hmac.new(self.key(), device_key(device).encode(), hashlib.sha256).hexdigest()

    def add(self, device: str, at_ms: int) -> str:
        """Note that a device was forgotten; return its hash."""
        digest = self.digest(device)
        join(self.path, {digest: at_ms})
        return digest

    def since(self, at_ms: int, *lists: Path) -> frozenset[str]:
        """The hashes of devices that were forgotten later than an instant, in this list and others."""
        found = [read(path) for path in (self.path, *lists)]
        return frozenset(digest for one in found for digest, forgotten_ms in one.items() if forgotten_ms > at_ms)

    def among(self, devices: Iterable[str], digests: frozenset[str]) -> list[str]:
        """Those of some devices that hashes stand for."""
        return sorted(device for device in set(devices) if digests and self.digest(device) in digests)

    def join(self, other: Path) -> None:
        """Add the hashes of another list."""
        if digests := read(other):
            join(self.path, digests)

    def key(self) -> bytes:
        """The key; it is made if there is none."""
        if not is_there(self.key_path):
            replace_bytes(self.key_path, f"{secrets.token_hex(_KEY_BYTES)}\n".encode())
        return bytes.fromhex(read_bytes(self.key_path).decode("ascii").strip())


def forgotten_beside(journal: Path) -> ForgottenDevices:
    """The list of a gateway, beside its journal."""
    return ForgottenDevices(journal.with_name(journal.name + FORGOTTEN), journal.with_name(f"{journal.name}{FORGOTTEN}-key"))


def read(path: Path) -> dict[str, int]:
    """The hashes of a list, each with the time of the last forgetting; none if it is missing."""
    if not is_there(path):
        return {}
    lines = [line.split() for line in read_bytes(path).decode(errors="replace").splitlines()]
    return {words[1]: int(words[0]) for words in lines if len(words) == _WORDS and words[0].isdecimal()}


def join(path: Path, digests: dict[str, int]) -> None:
    """Add hashes to a list."""
    both = read(path) | digests
    lines = (f"{at_ms} {digest}\n" for digest, at_ms in sorted(both.items(), key=lambda pair: pair[1]))
    replace_bytes(path, "".join(lines).encode())
