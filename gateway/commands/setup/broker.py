"""``gateway setup broker``: Mosquitto's configuration, and the accounts of those who are no devices."""

import argparse
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from typing import Final

from gateway.admin.broker.mosquitto import BrokerFiles, BrokerPorts, MosquittoVersion, limits_conf, listeners_conf
from gateway.commands.setup.files import PLAIN_MODE, SECRET_MODE, SetupFile, refuse_present, show_files, write_file
from gateway.ingest.broker.dynamic_security import SALT_BYTES, BrokerAccount, document
from gateway.ingest.broker.rights import SERVICES, of_administration, of_gateway
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config

_PASSWORD_BYTES: Final = 24
_PLUGIN: Final = "mosquitto_dynamic_security.so"

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
        SetupFile(options.conf / "province.conf", limits_conf(version, used.plugins), PLAIN_MODE),
        SetupFile(options.conf / "listeners.conf", listeners_conf(version, used, ports), PLAIN_MODE),
        SetupFile(used.accounts, document((one, token_bytes(SALT_BYTES)) for one in accounts), SECRET_MODE),
        *(SetupFile(options.secrets / f"{one.name}.password", f"{one.password}\n", SECRET_MODE) for one in accounts),
    ]
    if options.dry_run:
        show_files(wanted)
        return 0
    if not options.replace:
        refuse_present([file.path for file in wanted], "and all accounts of devices with it")
    for file in wanted:
        write_file(file)
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
