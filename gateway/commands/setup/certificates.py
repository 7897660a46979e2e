"""``gateway setup certificates``: an authority of one's own and what it signs, as files in one folder."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.commands.terminal import add_repeated, add_yes, confirmed, show
from gateway.ingest.broker.rights import SERVICES
from gateway.support.config.files import ConfigurationFault, blaming
from gateway.support.private_files import as_owner, is_there, placed, read_bytes
from schemas.topics import is_name

try:
    from gateway.admin.broker.certificates import (
        Authority,
        CertificateUse,
        Signed,
        as_files,
        load_authority,
        names_of,
        new_authority,
    )
except ModuleNotFoundError as error:
    raise ConfigurationFault(
        [f"{error.name} is missing; it comes with the extra: pip install 'province-gateway[certificates]'"]
    ) from error

_KEY_MODE, _CERTIFICATE_MODE = 0o600, 0o644
_AUTHORITY: Final = "ca"
_REVOKED: Final = "ca.crl"
_ACCOUNTS: Final = frozenset({"gateway", "administration", *SERVICES})
"""Accounts that ``setup broker`` makes for services."""


class CertificateFolder:
    """A folder with an authority and its certificates; each method raises ConfigurationFault if a file is at fault."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def issue(self, use: CertificateUse, names: list[str]) -> None:
        """A certificate with a new key."""
        path = self._folder / f"{names[0]}.crt"
        if is_there(path):
            how = f"`gateway setup certificates renew {names[0]}` makes it anew"
            raise ConfigurationFault([f"{path}: is there already; {how}"])
        self._write(names[0], self._authority().sign(use, names, datetime.now(UTC)))

    def renew(self, name: str) -> None:
        """The same certificate for some more years, with a new key."""
        try:
            use, names = names_of(self._read(f"{name}.crt"))
        except ValueError as error:
            raise ConfigurationFault([f"{self._folder / name}.crt: {error}"]) from error
        self._write(name, self._authority().sign(use, names, datetime.now(UTC)))

    def revoke(self, name: str) -> None:
        """Put a certificate on the list of those taken back."""
        path = self._folder / _REVOKED
        before = read_bytes(path) if is_there(path) else None
        listed = self._authority().take_back([self._read(f"{name}.crt")], before, datetime.now(UTC))
        self._put(_REVOKED, listed, _CERTIFICATE_MODE)

    def _authority(self) -> Authority:
        """The authority of the folder, made if there is none."""
        if not is_there(self._folder / f"{_AUTHORITY}.crt"):
            made = new_authority("Authority of the gateway", datetime.now(UTC))
            self._write(_AUTHORITY, as_files(made))
            self._put(_REVOKED, made.take_back([], None, datetime.now(UTC)), _CERTIFICATE_MODE)
            return made
        try:
            return load_authority(Signed(self._read(f"{_AUTHORITY}.crt"), self._read(f"{_AUTHORITY}.key")))
        except ValueError as error:
            raise ConfigurationFault([f"{self._folder / _AUTHORITY}.key: {error}"]) from error

    def _read(self, name: str) -> bytes:
        with blaming(f"{self._folder / name}: cannot be read"):
            return read_bytes(self._folder / name)

    def _write(self, name: str, signed: Signed) -> None:
        self._put(f"{name}.key", signed.key, _KEY_MODE)
        self._put(f"{name}.crt", signed.certificate, _CERTIFICATE_MODE)

    def _put(self, name: str, content: bytes, mode: int) -> None:
        """Write a file whole, or leave the old one."""
        path = self._folder / name
        with blaming(f"{path}: cannot be written"), as_owner(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with placed(path, mode) as file:
                file.write(content)
        show(f"{path}: written")


def add_options(certificates: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup certificates``."""
    certificates.add_argument("action", choices=["server", "client", "service", "renew", "revoke"], help="what to do")
    certificates.add_argument("name", metavar="NAME", help="name or address of the server; account of the device or service")
    add_repeated(certificates, "--also", "a further name or address of a server", metavar="NAME")
    folder = "folder with the authority and its certificates"
    certificates.add_argument("--to", type=Path, required=True, metavar="DIR", help=folder)
    add_yes(certificates)
    certificates.set_defaults(call=setup_certificates)


def setup_certificates(options: argparse.Namespace) -> int:
    """Carry out the action; ConfigurationFault if a name is none, or a file cannot be used."""
    folder, names = CertificateFolder(options.to), [options.name, *options.also]
    for name in names:
        if not is_name(name):
            raise ConfigurationFault([f"{name}: a name or an address is 1 to 64 of A-Z a-z 0-9 . _ : -"])
    if options.action != "revoke" and options.name == _AUTHORITY:
        raise ConfigurationFault([f"{options.name}: is the name of the authority's own files; choose another one"])
    if options.action == CertificateUse.CLIENT and options.name in _ACCOUNTS:
        why = "is the account of a service, and a device with its certificate would have the rights of that"
        raise ConfigurationFault([f"{options.name}: {why}; name the device, or make the certificate of a `service`"])
    match options.action:
        case "renew":
            folder.renew(options.name)
        case "revoke":
            confirmed(options, f"the certificate of {options.name} would be taken back for good: who shows it is cut off")
            folder.revoke(options.name)
        case use:
            folder.issue(CertificateUse(use), names if use == CertificateUse.SERVER else names[:1])
    print(_NEXT[options.action].format(folder=options.to, name=options.name))
    return 0


_NEXT: Final = {
    "server": "{name}.crt and {name}.key go to the server; {folder}/ca.key must never leave this machine",
    "client": "{name}.crt and {name}.key go to the device; {folder}/ca.key must never leave this machine",
    "service": "{name}.crt and {name}.key go to the service or gateway; {folder}/ca.key must never leave this machine",
    "renew": "copy {name}.crt and {name}.key as before; the old certificate is good until it ends, or until it is revoked",
    "revoke": "copy {folder}/ca.crl to the broker and reload it: systemctl reload mosquitto",
}
