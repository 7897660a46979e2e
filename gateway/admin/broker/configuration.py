"""Configuration of brokers: limits, listeners, TLS, accounts and the service, as files of Mosquitto and of RabbitMQ.

Mosquitto: measured on 2.0.21. What is different in 2.1 is written from its documentation and has not run.

There is no ``memory_limit`` beside dynamic security: with both, 2.0.21 made 27 of 50 accounts, and neither answered nor logged.
Queues, packets and connections stay bounded.
"""

import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from socket import AF_INET, AF_INET6, socket
from string import Template
from typing import Final

_CHECKOUT: Final = Path(__file__).parents[3]
_DEVICES_PORT: Final = 8883
_PROGRAM: Final = "/opt/gateway/current/bin/gateway"
_SNAPSHOTS: Final = "persistence true\nautosave_interval 120\n"
_DATABASE: Final = """# Sessions and queues are written to a database as they change, once a second.
global_plugin {plugins}/mosquitto_persist_sqlite.so
plugin_opt_sync full
plugin_opt_flush_period 1
"""
_MEMORY_LIMIT: Final = re.compile(r"(?:^#.*\n)+^memory_limit .*\n\n", re.MULTILINE)
_SHOWN_TO_RABBITMQ: Final = (
    "# Whoever comes shows a certificate. Its name is the account of who has no password, and the client id of a device."
)


class MosquittoVersion(StrEnum):
    """Versions whose configuration differs."""

    V2_0 = "2.0"
    V2_1 = "2.1"


@dataclass(frozen=True, slots=True)
class MosquittoPlaces:
    """Ports of the listeners, and the files and folders that the configuration names.

    :ivar accounts: the file of dynamic security; the broker writes it, and a second one beside it.
    :ivar devices_ca: the authority of the devices' certificates; None: devices have passwords.
    :ivar revoked: the list of certificates that this authority took back; None: there is none.
    """

    accounts: Path
    plugins: Path
    certificate: Path
    key: Path
    devices_ca: Path | None = None
    revoked: Path | None = None
    devices_port: int = _DEVICES_PORT
    services_port: int = 1883


def deployed(folder: str, name: str) -> str:
    """A file that comes with every release: from the checkout, or from the installed package."""
    checkout = _CHECKOUT / "deploy" / folder / name
    source = checkout if checkout.exists() else files("gateway") / "data" / folder / name
    return source.read_text(encoding="utf-8")


def province_conf() -> str:
    """Limits of a broker for a province."""
    return deployed("mosquitto", "province.conf")


def port_limit(port: int) -> str:
    """The table of nftables that limits what devices send, for their port."""
    return deployed("nftables", "gateway_broker.nft").replace(f"devices_port = {_DEVICES_PORT}", f"devices_port = {port}")


def limits_conf(version: MosquittoVersion, plugins: Path) -> str:
    """Limits and what is kept on disk: snapshots, or from 2.1 on a database that is written as things change."""
    text = _MEMORY_LIMIT.sub("", province_conf())
    if version is MosquittoVersion.V2_0:
        return text
    before, _, after = text.partition(_SNAPSHOTS)
    limits, _, _ = before.rpartition("\n\n")  # without the comment on snapshots
    return f"{limits}\n\n{_DATABASE.format(plugins=plugins)}{after}"


def listeners_conf(version: MosquittoVersion, places: MosquittoPlaces) -> str:
    """Listeners, TLS and accounts."""
    lines = ["# Devices show a password. With `--client-certificates` each shows a certificate instead."]
    if places.devices_ca is not None:
        lines = [
            "# A certificate for each device; the name in it is the account.",
            f"cafile {places.devices_ca}",
            *([f"crlfile {places.revoked}"] if places.revoked else []),
            "require_certificate true",
            "use_identity_as_username true",
        ]
    key = "plugin" if version is MosquittoVersion.V2_0 else "global_plugin"
    services = "\n".join(f"listener {places.services_port} {address}" for address in _loopbacks() or ["localhost"])
    own = {"plugin_key": key, "client_certificates": "\n".join(lines), "services": services}
    return _filled("listeners.conf", places, version=version.value, **own)


def _loopbacks() -> list[str]:
    """The loopback addresses of this machine: Mosquitto ends at a name that it cannot find, or an address that is not there."""
    found = []
    for family, address in ((AF_INET, "127.0.0.1"), (AF_INET6, "::1")):
        with suppress(OSError), socket(family) as tried:
            tried.bind((address, 0))
            found.append(address)
    return found


def service_conf(accounts: Path, config: Path, limit: Path) -> str:
    """The drop-in of Mosquitto's service; ``config``: of the gateway that puts accounts back; ``limit``: the table to load."""
    template = (files("gateway.admin.broker") / "service.conf").read_text(encoding="utf-8")
    named = {"accounts": accounts, "config": config, "limit": limit}
    return Template(template).substitute({name: _unit_word(path) for name, path in named.items()}, program=_PROGRAM)


def _unit_word(path: Path) -> str:
    """A path as one word of a unit's line."""
    text = str(path.absolute()).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"'


@dataclass(frozen=True, slots=True)
class RabbitMqPlaces:
    """Ports of the listeners, and the files of certificates; without ``clients_ca`` clients need a password alone."""

    certificate: Path
    key: Path
    clients_ca: Path | None = None
    devices_port: int = _DEVICES_PORT
    services_port: int = 1883
    amqp_port: int = 5672
    management_port: int = 15672


def rabbitmq_conf(places: RabbitMqPlaces, session_expiry: timedelta, receive_maximum: int) -> str:
    """The file for RabbitMQ's ``conf.d``, by which no session ends early and none is slow, by the wishes of a gateway.

    The broker allows no less than the seven days that are usual.
    """
    lines = ["# Clients show a password. With `--client-certificates` each shows a certificate too, or a certificate alone."]
    if places.clients_ca is not None:
        lines = [
            _SHOWN_TO_RABBITMQ,
            f"ssl_options.cacertfile = {places.clients_ca}",
            "ssl_options.verify = verify_peer",
            "ssl_options.fail_if_no_peer_cert = true",
            "ssl_cert_login_from = common_name",
            "mqtt.ssl_cert_login = true",
            "mqtt.ssl_cert_client_id_from = subject_alternative_name",
            "mqtt.ssl_cert_login_san_type = dns",
        ]
    expiry_s = int(max(session_expiry, timedelta(days=7)).total_seconds())
    own = {"client_certificates": "\n".join(lines), "session_expiry_s": expiry_s, "prefetch": receive_maximum}
    return _filled("rabbitmq.conf", places, **own)


def _filled(name: str, places: MosquittoPlaces | RabbitMqPlaces, **more: object) -> str:
    """A template, with the names of its places and some more."""
    template = (files("gateway.admin.broker") / name).read_text(encoding="utf-8")
    return Template(template).substitute(asdict(places), **more)
