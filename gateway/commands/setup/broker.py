"""``gateway setup broker``: Mosquitto's configuration, and the accounts of those who are no devices.

How files are written, and the passwords in them, holds for RabbitMQ too.
"""

import argparse
import os
from contextlib import suppress
from grp import getgrnam
from pathlib import Path
from secrets import token_bytes, token_hex, token_urlsafe
from socket import AF_INET, AF_INET6, SOCK_DGRAM, getfqdn, gethostname, socket
from typing import Final, NamedTuple

from gateway.admin.broker.configuration import (
    MosquittoPlaces,
    MosquittoVersion,
    limits_conf,
    listeners_conf,
    port_limit,
    service_conf,
)
from gateway.commands.setup.accounts import gateways_of_broker
from gateway.commands.setup.settings import Settings, beside, put_settings
from gateway.commands.terminal import add_path, add_repeated, add_yes, confirmed, port, show, with_config
from gateway.ingest.broker.kept_accounts import KeptAccounts
from gateway.ingest.broker.rights import SALT_BYTES, SERVICES, BrokerAccount, document, names_in, of_administration, of_gateway
from gateway.support.config.files import ConfigurationFault, blaming, secret, text_of
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.private_files import READERS_MODE, as_owner, give_to_readers, placed
from schemas.printable import printable

_PASSWORD_BYTES: Final = 24
_ACCOUNTS: Final = "dynamic-security.json"
PLUGIN: Final = "mosquitto_dynamic_security.so"

_NEXT: Final = """
Next:
  1. put the broker's certificate and key where listeners.conf names them (`gateway setup certificates` makes them), and the
     certificate of the authority that signed it where devices and the gateway find it: enrolment.ca in gateway.yaml
  2. systemctl daemon-reload, restart Mosquitto, then the gateway; `gateway check --connect` tells if they find each other
  3. gateway devices enroll ID"""

_UPGRADED: Final = """
Next: systemctl daemon-reload, then restart Mosquitto and the gateway"""
_ENDING_BYTES, _SETTING = 16, "client_id_file"

PLAIN_MODE: Final = 0o644


class SetupFile(NamedTuple):
    """A file to write; a group that may read it, or that of its folder."""

    path: Path
    text: str
    mode: int
    group: str = ""


def add_options(broker: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup broker``."""
    with_config(broker, setup_broker, or_defaults=True)
    broker.add_argument("--mosquitto", choices=["2.0", "2.1"], default="2.0", help="its version (default: 2.0)")
    add_path(broker, "--conf", "DIR", "folder of its configuration", "/etc/mosquitto/conf.d")
    add_path(broker, "--state", "DIR", "folder that the broker may write", "/var/lib/mosquitto")
    add_path(broker, "--secrets", "DIR", "folder for the passwords (default: secrets, beside gateway.yaml)")
    add_path(broker, "--unit", "DIR", "folder of what is added to its service", "/etc/systemd/system/mosquitto.service.d")
    add_path(broker, "--plugins", "DIR", "folder of Mosquitto's plugins (default: as in Debian)")
    add_path(broker, "--certificate", "FILE", "of the broker", "/etc/mosquitto/certs/broker.crt")
    add_path(broker, "--key", "FILE", "of the broker", "/etc/mosquitto/certs/broker.key")
    add_path(broker, "--client-certificates", "CA.crt", "devices show certificates of this authority, no passwords")
    add_path(broker, "--revoked", "CA.crl", "certificates that the authority took back")
    add_name(broker)
    broker.add_argument("--port", type=port, default=8883, help="for devices (default: 8883)")
    broker.add_argument("--services-port", type=port, default=1883, help="for services of this machine (default: 1883)")
    add_repeated(broker, "--service", "an account for it; may be given again", choices=["chirpstack", "node-red"])
    how = broker.add_mutually_exclusive_group()
    how.add_argument("--replace", action="store_true", help="write anew what is there; all accounts of devices end")
    how.add_argument(
        "--upgrade", action="store_true", help="add what a broker set up by an earlier version lacks; accounts stay"
    )
    broker.add_argument("--dry-run", action="store_true", help="print what would be written")
    add_yes(broker)


def add_name(setup: argparse.ArgumentParser) -> None:
    """Add ``--name``."""
    setup.add_argument("--name", metavar="NAME", help="name or address of this machine for devices (default: its address)")


def setup_broker(config: Config, options: argparse.Namespace) -> None:
    """Write the files; ConfigurationFault if one is there already or cannot be written, or the plugin is missing."""
    if options.upgrade:
        _upgrade([*_of_service(config, options), *_session(config, options)], options)
        own = broker_settings(config, options)["mqtt"].items()
        put_settings(config.file, {"mqtt": {key: to for key, to in own if key == _SETTING}}, dry_run=options.dry_run)
        print(_UPGRADED)
        return
    wanted = broker_files(config, options)
    if options.dry_run:
        show_files(wanted)
    elif not options.replace and (present := [file.path for file in wanted if file.path.exists()]):
        lost = "--replace writes it anew, and all accounts of devices with it"
        raise ConfigurationFault([f"{path}: is there already; {lost}" for path in present])
    else:
        if (accounts := wanted[-1].path).exists():
            confirmed(options, f"{accounts}: {_ending(accounts)} would end; each device needs a new one, on the spot")
        write_broker(config, wanted)
    put_settings(config.file, broker_settings(config, options), dry_run=options.dry_run)
    print(_NEXT)


def _ending(accounts: Path) -> str:
    try:
        return f"{len(names_in(text_of(accounts))):,} accounts"
    except (ConfigurationFault, ValueError):  # it is written anew because it is damaged
        return "all accounts"


def broker_files(config: Config, options: argparse.Namespace) -> list[SetupFile]:
    """The files; the accounts come last, and with them the broker is set up. ConfigurationFault if the plugin is missing."""
    used = MosquittoPlaces(
        accounts=options.state / _ACCOUNTS,
        plugins=_plugins(options.plugins),
        certificate=options.certificate,
        key=options.key,
        devices_ca=options.client_certificates,
        revoked=options.revoked,
        devices_port=options.port,
        services_port=options.services_port,
    )
    version, accounts = MosquittoVersion(options.mosquitto), _accounts(config, options)
    return [
        SetupFile(options.conf / "province.conf", limits_conf(version, used.plugins), PLAIN_MODE),
        SetupFile(options.conf / "listeners.conf", listeners_conf(version, used), PLAIN_MODE),
        *_of_service(config, options),
        *_session(config, options),
        *(SetupFile(_password_file(config, options, one.name), f"{one.password}\n", READERS_MODE) for one in accounts),
        SetupFile(used.accounts, document((one, token_bytes(SALT_BYTES)) for one in accounts), READERS_MODE),
    ]


def _of_service(config: Config, options: argparse.Namespace) -> list[SetupFile]:
    """The files that are added to the broker's service."""
    accounts, limit = options.state / _ACCOUNTS, options.conf / "gateway_broker.nft"
    return [
        SetupFile(limit, port_limit(options.port), PLAIN_MODE),
        SetupFile(options.unit / "gateway.conf", service_conf(accounts, _file_of(config), limit), PLAIN_MODE),
    ]


def _session(config: Config, options: argparse.Namespace) -> list[SetupFile]:
    """The end of the client id that no account may learn; RabbitMQ has a way of its own."""
    if config.mqtt.shares is not None:
        return []
    named = None if options.secrets else config.mqtt.client_id_file
    path = named or Path(options.secrets or _file_of(config).parent / "secrets") / "gateway.session"
    return [SetupFile(path, f"{token_hex(_ENDING_BYTES)}\n", READERS_MODE)]


def write_broker(config: Config, wanted: list[SetupFile]) -> None:
    """Write the files; what gateways kept of accounts of before ends, or it would be put back."""
    for one in gateways_of_broker(config):
        with blaming(f"{one.journal.path}: accounts that were kept"), KeptAccounts(one.journal.path).taken():
            pass
    for file in wanted:
        write_file(file)


def broker_settings(config: Config, options: argparse.Namespace) -> Settings:
    """The settings of the broker in gateway.yaml."""
    name = config.mqtt.username or "gateway"
    own, administration = (_password_file(config, options, one) for one in (name, config.enrolment.username))
    mqtt = {"username": name, "password_file": beside(config.file, own)}
    mqtt |= [(_SETTING, beside(config.file, one.path)) for one in _session(config, options)]
    parts = split_url(config.mqtt.url)
    if (parts.scheme, parts.port or options.services_port) != ("mqtt", options.services_port):
        mqtt = {"url": f"mqtt://localhost:{options.services_port}"} | mqtt
    enrolment = {"password_file": beside(config.file, administration)}
    if config.enrolment.url is None or options.name is not None:
        host = options.name or machine_names()[0]
        enrolment = {"url": f"mqtts://{f'[{host}]' if ':' in host else host}:{options.port}"} | enrolment
    if config.enrolment.ca is None and (ca := _file_of(config).with_name("ca.crt")).exists():
        enrolment["ca"] = beside(config.file, ca)
    return {"mqtt": mqtt, "enrolment": enrolment}


_ELSEWHERE: Final = ((AF_INET, "192.0.2.1"), (AF_INET6, "2001:db8::1"))
"""Addresses that nobody has; the way to them tells our own."""


def machine_names() -> list[str]:
    """Addresses and names of this machine; the first one is what others reach."""
    addresses = []
    for family, elsewhere in _ELSEWHERE:
        with suppress(OSError), socket(family, SOCK_DGRAM) as asking:
            asking.connect((elsewhere, 9))  # sends nothing
            addresses.append(str(asking.getsockname()[0]))
    return list(dict.fromkeys([*addresses, getfqdn(), gethostname(), "localhost"]))


def _password_file(config: Config, options: argparse.Namespace, account: str) -> Path:
    """The file of an account's password: where the option says, or gateway.yaml, or beside it."""
    files = {config.mqtt.username: config.mqtt.password_file, config.enrolment.username: config.enrolment.password_file}
    named = None if options.secrets else files.get(account)
    return Path(named or (options.secrets or _file_of(config).parent / "secrets") / f"{account}.password")


def _file_of(config: Config) -> Path:
    """The configuration that the broker's service names: this one, or the one of an installation."""
    return config.file or Path("/etc/gateway/gateway.yaml")


def _accounts(config: Config, options: argparse.Namespace) -> list[BrokerAccount]:
    """The accounts; one whose password is there keeps it, unless all is to be written anew."""
    rights = {
        config.mqtt.username or "gateway": of_gateway(),
        config.enrolment.username: of_administration(),
        **{name: SERVICES[name] for name in options.service},
    }
    files = {name: _password_file(config, options, name) for name in rights}
    known = {name: secret(None, file) for name, file in files.items() if file.exists() and not options.replace}
    return [BrokerAccount(name, allowed, known.get(name) or token_urlsafe(_PASSWORD_BYTES)) for name, allowed in rights.items()]


def _plugins(folder: Path | None) -> Path:
    """The folder of Mosquitto's plugins, by default Debian's; ConfigurationFault if the plugin is not there."""
    for found in [folder] if folder else sorted(Path("/usr/lib").glob("*-linux-gnu*")):
        if (found / PLUGIN).exists():
            return found
    where = folder or "/usr/lib/*"
    raise ConfigurationFault([f"{where}: {PLUGIN} is not there; it comes with Mosquitto 2 (--plugins names another folder)"])


def show_files(wanted: list[SetupFile]) -> None:
    """Print the files, without what is secret."""
    for file in wanted:
        show(f"# {file.path}")
        print(printable(file.text, layout=True) if file.mode == PLAIN_MODE else "# (secret)\n")


def write_file(file: SetupFile) -> None:
    """Write a file and say so; its folder's owner or group may read it. ConfigurationFault if it cannot be written."""
    with blaming(f"{file.path}: cannot be written"), as_owner(file.path.parent):
        file.path.parent.mkdir(parents=True, exist_ok=True)
        with placed(file.path, file.mode) as opened:
            give_to_readers(opened.fileno(), file.path)
            if file.group and os.geteuid() == 0:
                os.fchown(opened.fileno(), -1, getgrnam(file.group).gr_gid)
            opened.write(file.text.encode())
    show(f"{file.path}: written")


def _upgrade(wanted: list[SetupFile], options: argparse.Namespace) -> None:
    """Add files to a broker that is set up; a secret that is there stays, and so does a file that a person wrote."""
    missing = [file for file in wanted if file.mode == PLAIN_MODE or not file.path.exists()]
    if options.dry_run:
        show_files(missing)
        return
    for file in missing:
        if file.path.exists() and not text_of(file.path).startswith(file.text.partition("\n")[0]):
            raise ConfigurationFault([f"{file.path}: is not of this command: rename it, and give the command again"])
    for file in missing:
        write_file(file)
