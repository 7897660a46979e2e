"""``gateway setup broker``: Mosquitto's configuration, and the accounts of those who are no devices."""

import argparse
import os
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from typing import Final, NamedTuple

from gateway.broker.dynamic_security import SALT_BYTES, BrokerAccount, document
from gateway.broker.mosquitto import BrokerFiles, BrokerPorts, MosquittoVersion, limits_conf, listeners_conf
from gateway.broker.rights import SERVICES, of_administration, of_gateway
from gateway.config.files import ConfigurationFault, load
from gateway.config.model import Config
from schemas.printable import printable

_PASSWORD_BYTES: Final = 24
_PLUGIN: Final = "mosquitto_dynamic_security.so"
_SECRET_MODE, _PLAIN_MODE = 0o640, 0o644

_NEXT: Final = """
Next:
  1. put the broker's certificate and key where listeners.conf names them (`gateway setup certificates` makes them)
  2. in gateway.yaml:
       mqtt:
         url: mqtt://localhost:{services_port}
         username: gateway
         password_file: {secrets}/gateway.password
       enrolment:
         url: mqtts://NAME-OF-THIS-MACHINE:{port}
         ca: ca.crt
         password_file: {secrets}/administration.password
  3. restart Mosquitto, then the gateway; `gateway check --connect` tells if they find each other
  4. gateway devices enroll ID"""


class _File(NamedTuple):
    """A file to write, with the rights of its folder's group."""

    path: Path
    text: str
    mode: int


def setup_broker(options: argparse.Namespace) -> int:
    """Run ``gateway setup broker``; return the exit status.

    :raises ConfigurationFault: a file is there already, cannot be written, or the plugin is missing.
    """
    config = load(options.config)
    used = BrokerFiles(
        accounts=options.state / "dynamic-security.json",
        plugins=_plugins(options.plugins),
        certificate=options.certificate,
        key=options.key,
        devices_ca=options.client_certificates,
        revoked=options.revoked,
    )
    version = MosquittoVersion(options.mosquitto)
    accounts = _accounts(config, options.service)
    ports = BrokerPorts(options.services_port, options.port)
    wanted = [
        _File(options.conf / "province.conf", limits_conf(version, used.plugins), _PLAIN_MODE),
        _File(options.conf / "listeners.conf", listeners_conf(version, used, ports), _PLAIN_MODE),
        _File(used.accounts, document((one, token_bytes(SALT_BYTES)) for one in accounts), _SECRET_MODE),
        *(_File(options.secrets / f"{one.name}.password", f"{one.password}\n", _SECRET_MODE) for one in accounts),
    ]
    if options.dry_run:
        _show(wanted)
        return 0
    if not options.replace:
        _refuse_present([file.path for file in wanted])
    for file in wanted:
        _write(file)
        print(printable(f"{file.path}: written"))
    print(_NEXT.format(secrets=options.secrets, port=options.port, services_port=options.services_port))
    return 0


def _accounts(config: Config, services: list[str]) -> list[BrokerAccount]:
    rights = {
        config.mqtt.username or "gateway": of_gateway(),
        config.enrolment.username: of_administration(),
        **{name: SERVICES[name] for name in services},
    }
    return [BrokerAccount(name, allowed, token_urlsafe(_PASSWORD_BYTES)) for name, allowed in rights.items()]


def _plugins(folder: Path | None) -> Path:
    """The folder of Mosquitto's plugins, where Debian puts them if none is given.

    :raises ConfigurationFault: the plugin is not there.
    """
    for found in [folder] if folder else sorted(Path("/usr/lib").glob("*-linux-gnu*")):
        if (found / _PLUGIN).exists():
            return found
    where = folder or "/usr/lib/*"
    raise ConfigurationFault([f"{where}: {_PLUGIN} is not there; it comes with Mosquitto 2 (--plugins names another folder)"])


def _refuse_present(paths: list[Path]) -> None:
    """:raises ConfigurationFault: one of them is there."""
    present = [path for path in paths if path.exists()]
    if present:
        raise ConfigurationFault(
            [f"{path}: is there already; --replace writes it anew, and all accounts of devices with it" for path in present]
        )


def _show(wanted: list[_File]) -> None:
    for file in wanted:
        print(printable(f"# {file.path}"))
        print(file.text if file.mode == _PLAIN_MODE else "# (secret)\n")


def _write(file: _File) -> None:
    """Write a file; root gives it the owner and the group of its folder, the service that uses it.

    :raises ConfigurationFault: it cannot be written.
    """
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.unlink(missing_ok=True)
        descriptor = os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(file.text)
        if os.geteuid() == 0:
            folder = file.path.parent.stat()
            os.chown(file.path, folder.st_uid, folder.st_gid)
    except OSError as error:
        raise ConfigurationFault([f"{file.path}: cannot be written: {error.strerror}"]) from error
