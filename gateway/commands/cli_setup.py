"""The command line of ``gateway setup``."""

import argparse
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from gateway.support.config.files import ConfigurationFault
from schemas.durations import parse_duration
from schemas.topics import is_name


def _setup_broker(options: argparse.Namespace) -> int:
    from gateway.commands.setup.broker import setup_broker  # noqa: PLC0415 - a command pays only for what it uses

    return setup_broker(options)


def _setup_certificates(options: argparse.Namespace) -> int:
    try:
        from gateway.commands.setup.certificates import setup_certificates  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationFault(
            [f"{error.name} is missing; it comes with the extra: pip install 'province-gateway[certificates]'"]
        ) from error
    return setup_certificates(options)


def _setup_copy(options: argparse.Namespace) -> int:
    from gateway.commands.setup.copy import setup_copy  # noqa: PLC0415

    return setup_copy(options)


def _setup_influxdb(options: argparse.Namespace) -> int:
    from gateway.commands.setup.influxdb import setup_influxdb  # noqa: PLC0415

    return setup_influxdb(options)


def _setup_rabbitmq(options: argparse.Namespace) -> int:
    from gateway.commands.setup.rabbitmq import setup_rabbitmq  # noqa: PLC0415

    return setup_rabbitmq(options)


def _setup_token(options: argparse.Namespace) -> int:
    from gateway.commands.setup.token import setup_token  # noqa: PLC0415

    return setup_token(options)


def _setup_access(options: argparse.Namespace) -> int:
    from gateway.commands.setup.access import setup_access  # noqa: PLC0415

    return setup_access(options)


def add_setup(setup: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    """The subjects of ``gateway setup``."""
    subjects = setup.add_subparsers(required=True, metavar="SUBJECT")
    token = subjects.add_parser("token", parents=[with_config], help="give an account of http.tokens_file a token")
    token.set_defaults(command=_setup_token)
    token.add_argument("name", metavar="NAME", help="the account: one word, such as lan.nguyen")
    token.add_argument("role", nargs="?", metavar="ROLE", help="read, technician or admin")
    what = token.add_mutually_exclusive_group()
    what.add_argument("--replace", action="store_true", help="give a new token in place of the old one")
    what.add_argument("--remove", action="store_true", help="remove the account")
    _add_access(subjects.add_parser("access", parents=[with_config], help="let an agency read one domain, or areas of it"))
    _add_broker(subjects.add_parser("broker", parents=[with_config], help="write Mosquitto's configuration and accounts"))
    _add_certificates(subjects.add_parser("certificates", help="make, renew and revoke certificates of your own"))
    _add_influxdb(subjects.add_parser("influxdb", parents=[with_config], help="set up the database, and accounts that use it"))
    _add_rabbitmq(subjects.add_parser("rabbitmq", parents=[with_config], help="share out a province among several gateways"))
    _add_copy(subjects.add_parser("copy", parents=[with_config], help="copy one database into another, and change over"))


def _add_copy(copy: argparse.ArgumentParser) -> None:
    copy.set_defaults(command=_setup_copy)
    copy.add_argument(
        "--to", type=Path, required=True, metavar="FILE", help="a gateway.yaml whose section influxdb leads to the new database"
    )
    copy.add_argument("--since", type=_day, metavar="D", help="the first day to copy, such as 2026-01-01 (default: all)")
    copy.add_argument(
        "--progress", type=Path, metavar="FILE", help="file that keeps how far it is (default: copy.json, beside the journal)"
    )
    copy.add_argument("--dry-run", action="store_true", help="say from where to where, and copy nothing")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write for example 2026-01-01") from error


def _add_influxdb(influxdb: argparse.ArgumentParser) -> None:
    influxdb.set_defaults(command=_setup_influxdb)
    kept = "such as 800d, or forever"
    influxdb.add_argument(
        "--keep",
        type=_kept,
        default=timedelta(days=1100),
        metavar="T",
        help=f"how long readings are kept, {kept} (default: 1100d)",
    )
    influxdb.add_argument(
        "--keep-rollups", type=_kept, default=None, metavar="T", help="the same for influxdb.rollups (default: forever)"
    )
    influxdb.add_argument("--change-retention", action="store_true", help="change how long a database that is there keeps")
    influxdb.add_argument("--admin", metavar="NAME", help="InfluxDB 1: a user with all privileges, if it asks for users")
    influxdb.add_argument(
        "--admin-password-file", type=Path, metavar="FILE", help="InfluxDB 1: a file with the password of that user"
    )
    influxdb.add_argument(
        "--admin-token-file", type=Path, metavar="FILE", help="InfluxDB 2 and 3: a file with a token of all rights"
    )
    influxdb.add_argument(
        "--secrets", type=Path, metavar="DIR", help="folder for passwords and tokens (default: secrets, beside gateway.yaml)"
    )
    influxdb.add_argument("--replace", action="store_true", help="give new passwords and tokens; the old ones end")
    influxdb.add_argument(
        "--victoria-metrics", action="store_true", help="write VictoriaMetrics' files though it does not run yet"
    )
    influxdb.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        metavar="DIR",
        help="write VictoriaMetrics' files below this folder (default: /)",
    )
    influxdb.add_argument("--dry-run", action="store_true", help="say what would be done")


def _kept(text: str) -> timedelta | None:
    """Read how long something is kept; None: for ever."""
    if text == "forever":
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add_access(access: argparse.ArgumentParser) -> None:
    access.set_defaults(command=_setup_access)
    access.add_argument("agency", metavar="AGENCY", help="the account: one word, such as so-xay-dung")
    access.add_argument("--domain", metavar="DOMAIN", help="the domain that it may read: water, power, traffic or urban")
    access.add_argument(
        "--area", action="append", default=[], metavar="CODE", help="only this area; may be given again (default: all)"
    )
    access.add_argument(
        "--vmauth", type=Path, metavar="FILE", help="configuration of vmauth that gets the account, to read VictoriaMetrics"
    )
    what = access.add_mutually_exclusive_group()
    what.add_argument("--replace", action="store_true", help="give a new token and limit in place of the old ones")
    what.add_argument("--remove", action="store_true", help="remove the account")


def _add_broker(broker: argparse.ArgumentParser) -> None:
    broker.set_defaults(command=_setup_broker)
    broker.add_argument("--mosquitto", choices=["2.0", "2.1"], default="2.0", help="its version (default: 2.0)")
    broker.add_argument(
        "--conf", type=Path, default=Path("/etc/mosquitto/conf.d"), metavar="DIR", help="folder of its configuration"
    )
    broker.add_argument(
        "--state", type=Path, default=Path("/var/lib/mosquitto"), metavar="DIR", help="folder that the broker may write"
    )
    broker.add_argument("--secrets", type=Path, default=Path("/etc/gateway"), metavar="DIR", help="folder for the passwords")
    broker.add_argument("--plugins", type=Path, metavar="DIR", help="folder of Mosquitto's plugins (default: as in Debian)")
    broker.add_argument(
        "--certificate", type=Path, default=Path("/etc/mosquitto/certs/broker.crt"), metavar="FILE", help="of the broker"
    )
    broker.add_argument(
        "--key", type=Path, default=Path("/etc/mosquitto/certs/broker.key"), metavar="FILE", help="of the broker"
    )
    broker.add_argument(
        "--client-certificates", type=Path, metavar="CA.crt", help="devices show certificates of this authority, no passwords"
    )
    broker.add_argument("--revoked", type=Path, metavar="CA.crl", help="certificates that the authority took back")
    broker.add_argument("--port", type=_port, default=8883, help="for devices (default: 8883)")
    broker.add_argument("--services-port", type=_port, default=1883, help="for services of this machine (default: 1883)")
    broker.add_argument(
        "--service",
        action="append",
        default=[],
        choices=["chirpstack", "node-red"],
        help="an account for it; may be given again",
    )
    broker.add_argument("--replace", action="store_true", help="write anew what is there; all accounts of devices end")
    broker.add_argument("--dry-run", action="store_true", help="print what would be written")


def _add_certificates(certificates: argparse.ArgumentParser) -> None:
    certificates.set_defaults(command=_setup_certificates)
    certificates.add_argument("action", choices=["server", "client", "service", "renew", "revoke"], help="what to do")
    certificates.add_argument("name", metavar="NAME", help="name or address of the server; account of the device or service")
    certificates.add_argument(
        "--also", action="append", default=[], metavar="NAME", help="a further name or address of a server"
    )
    certificates.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="folder with the authority and its certificates"
    )


def _add_rabbitmq(rabbitmq: argparse.ArgumentParser) -> None:
    rabbitmq.set_defaults(command=_setup_rabbitmq)
    which = rabbitmq.add_mutually_exclusive_group()
    which.add_argument("--gateways", type=_count, metavar="N", help="how many gateways; for a first file of shares")
    which.add_argument(
        "--names", type=_names, metavar="NAME,NAME", help="their client ids (default: some that nobody can guess)"
    )
    rabbitmq.add_argument(
        "--topic", action="append", default=[], metavar="FILTER", help='a share of its own, such as "application/7/#"'
    )
    rabbitmq.add_argument("--group", action="append", default=[], metavar="NAME", help="a Sparkplug group, a share of its own")
    rabbitmq.add_argument(
        "--service",
        action="append",
        default=[],
        choices=["chirpstack", "node-red"],
        help="an account for it; may be given again",
    )
    rabbitmq.add_argument(
        "--conf",
        type=Path,
        default=Path("/etc/rabbitmq/conf.d/90-gateway.conf"),
        metavar="FILE",
        help="RabbitMQ's configuration, to be put on each node (default: /etc/rabbitmq/conf.d/90-gateway.conf)",
    )
    rabbitmq.add_argument(
        "--certificate", type=Path, default=Path("/etc/rabbitmq/certs/broker.crt"), metavar="FILE", help="of the broker"
    )
    rabbitmq.add_argument(
        "--key", type=Path, default=Path("/etc/rabbitmq/certs/broker.key"), metavar="FILE", help="of the broker"
    )
    rabbitmq.add_argument(
        "--client-certificates",
        type=Path,
        metavar="CA.crt",
        help="whoever comes over TLS shows a certificate of this authority",
    )
    rabbitmq.add_argument("--port", type=_port, default=8883, help="for devices (default: 8883)")
    rabbitmq.add_argument("--services-port", type=_port, default=1883, help="for services of this machine (default: 1883)")
    rabbitmq.add_argument("--management-port", type=_port, default=15672, help="of the management API (default: 15672)")
    rabbitmq.add_argument(
        "--secrets", type=Path, metavar="DIR", help="folder for passwords (default: secrets, beside gateway.yaml)"
    )
    rabbitmq.add_argument("--apply", metavar="URL", help="set policies and accounts on the broker whose management API this is")
    rabbitmq.add_argument("--admin", metavar="NAME", default="guest", help="RabbitMQ's administrator (default: guest)")
    rabbitmq.add_argument("--admin-password-file", type=Path, metavar="FILE", help="a file with the administrator's password")
    rabbitmq.add_argument("--ca", type=Path, metavar="CA.crt", help="the authority of an API with https")
    rabbitmq.add_argument("--replace", action="store_true", help="write the file of shares anew; sites may move")
    rabbitmq.add_argument("--dry-run", action="store_true", help="say what would be written and set")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _GATEWAYS_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of gateways from 1 to {_GATEWAYS_MAX}")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _PORT_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 1 to {_PORT_MAX}")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if wrong := [name for name in names if not is_name(name)]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is no client id: 1 to 64 of A-Z a-z 0-9 . _ : -")
    return names


_GATEWAYS_MAX: Final = 64
_PORT_MAX: Final = 65535
