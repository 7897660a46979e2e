"""``gateway setup rabbitmq``: the shares of several gateways, RabbitMQ's configuration, its policies and accounts."""

import argparse
import json
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Final, NamedTuple

from gateway.admin.broker.configuration import RabbitMqPlaces, rabbitmq_conf
from gateway.admin.broker.share_planning import ENDING_BYTES, SharesPlan, client_ids, plan, shares_text
from gateway.commands import UNREACHABLE, reaching
from gateway.commands.setup.broker import PLAIN_MODE, SetupFile, show_files, write_file
from gateway.commands.terminal import add_path, add_repeated, add_yes, confirmed, number, port, show, tell, with_config
from gateway.core.gateways.queue_members import TOO_FEW_NODES, ClusterSeen
from gateway.core.gateways.sharing import Share
from gateway.ingest.broker.rabbitmq.accounts import (
    UNROUTABLE,
    VHOST,
    RabbitMqAccount,
    administration_account,
    gateway_account,
    queue_of,
    service_account,
    watch_account,
)
from gateway.ingest.broker.rabbitmq.management import (
    Definitions,
    ManagementApi,
    ManagementFault,
    differences,
    joined,
    policies,
    unroutable,
)
from gateway.ingest.broker.rabbitmq.queues import see_queues, spread
from gateway.ingest.broker.rights import SERVICES
from gateway.ingest.catalog import Catalog, load_catalog, topic_filters
from gateway.support.config.files import ConfigurationFault, blaming, secret, text_of
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.config.strict_yaml import parse
from gateway.support.private_files import READERS_MODE
from gateway.support.registry.shares import faults_of, load_shares
from gateway.support.tls import tls_context
from schemas.topics import is_name

_PASSWORD_BYTES: Final = 24
_gateways: Final = number("a number of gateways from 1 to 64", 1, 64)
_WATCH: Final = "gateway-watch"

_COLONS: Final = "[{rabbitmq_mqtt, [{ignore_colons_in_username, true}]}]."

_FIRST: Final = """
On each node of RabbitMQ:
  1. put its certificate and key where {conf} names them (`gateway setup certificates` makes them)
  2. rabbitmq-plugins enable rabbitmq_mqtt rabbitmq_management
  3. systemctl restart rabbitmq-server
  4. if there are several: make them one cluster (docs/rabbitmq.md says how)
Then on one of them:
  5. rabbitmqctl import_definitions {definitions}
     or, over its management API and with a look at what came of it, and at the nodes that queues stand on:
     gateway setup rabbitmq --apply http://127.0.0.1:{port} --admin NAME --admin-password-file FILE"""
_NEXT: Final = """
In gateway.yaml of each gateway, with its own name for the first:
       mqtt:
         client_id: {first}
         username: {first}
         password_file: {password}
         shares: {shares}
       enrolment:
         url: mqtts://NAME-OF-THE-BROKER:{devices_port}
         ca: ca.crt
         management: http://127.0.0.1:{port}
         password_file: {administration}
Then `gateway check --connect`, and a restart. `gateway devices enroll` makes the accounts of devices."""


def add_options(rabbitmq: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup rabbitmq``."""
    with_config(rabbitmq, setup_rabbitmq, or_defaults=True)
    which = rabbitmq.add_mutually_exclusive_group()
    which.add_argument("--gateways", type=_gateways, metavar="N", help="how many gateways; for a first file of shares")
    which.add_argument(
        "--names", type=_named, metavar="NAME,NAME", help="their client ids (default: some that nobody can guess)"
    )
    add_repeated(rabbitmq, "--topic", 'a share of its own, such as "application/7/#"', metavar="FILTER")
    add_repeated(rabbitmq, "--group", "a Sparkplug group, a share of its own", metavar="NAME")
    add_repeated(rabbitmq, "--service", "an account for it; may be given again", choices=["chirpstack", "node-red"])
    conf = "/etc/rabbitmq/conf.d/90-gateway.conf"
    add_path(rabbitmq, "--conf", "FILE", f"RabbitMQ's configuration, to be put on each node (default: {conf})", conf)
    add_path(rabbitmq, "--certificate", "FILE", "of the broker", "/etc/rabbitmq/certs/broker.crt")
    add_path(rabbitmq, "--key", "FILE", "of the broker", "/etc/rabbitmq/certs/broker.key")
    add_path(rabbitmq, "--client-certificates", "CA.crt", "whoever comes over TLS shows a certificate of this authority")
    rabbitmq.add_argument("--port", type=port, default=8883, help="for devices (default: 8883)")
    rabbitmq.add_argument("--services-port", type=port, default=1883, help="for services of this machine (default: 1883)")
    rabbitmq.add_argument("--management-port", type=port, default=15672, help="of the management API (default: 15672)")
    add_path(rabbitmq, "--secrets", "DIR", "folder for passwords (default: secrets, beside gateway.yaml)")
    rabbitmq.add_argument("--apply", metavar="URL", help="set policies and accounts on the broker whose management API this is")
    rabbitmq.add_argument("--admin", metavar="NAME", default="guest", help="RabbitMQ's administrator (default: guest)")
    add_path(rabbitmq, "--admin-password-file", "FILE", "a file with the administrator's password")
    add_path(rabbitmq, "--ca", "CA.crt", "the authority of an API with https")
    rabbitmq.add_argument("--replace", action="store_true", help="write the file of shares anew; sites may move")
    rabbitmq.add_argument("--dry-run", action="store_true", help="say what would be written and set")
    add_yes(rabbitmq)


def setup_rabbitmq(config: Config, options: argparse.Namespace) -> int:
    """Set up; 3 when the management API does not answer or refuses, ConfigurationFault if an option is wrong."""
    api = None if options.apply is None else _api(options)
    alone = config.model_copy(update={"mqtt": config.mqtt.model_copy(update={"shares": None})})  # it reads all there is
    catalog, places = load_catalog(alone), _places(config, options)
    written: list[SetupFile] = []
    if places.shares.exists() and not options.replace:
        gateways = _present(places.shares, options)
    else:
        names = _names(places.shares, options)
        planned = _planned(catalog, names, options)
        gateways, text = list(planned.gateways), shares_text(planned, _management(places, options))
        if faults := faults_of(parse(text)):
            raise ConfigurationFault([f"{places.shares}: {'.'.join(map(str, place))}: {what}" for place, what in faults])
        if places.shares.exists() and not options.dry_run:
            confirmed(options, f"{places.shares} would be written anew: what was moved by hand is lost, and sites change hands")
        written.append(SetupFile(places.shares, text, PLAIN_MODE))
    accounts = [
        *_accounts(gateways, places.secrets, options.service),
        administration_account(name := config.enrolment.username, _password(places.secrets, name)),
    ]
    wanted = joined([policies(gateways), unroutable(topic_filters(alone, catalog)), *(one.definitions() for one in accounts)])
    written += [SetupFile(places.password(one.name), f"{one.password}\n", READERS_MODE) for one in accounts]
    if api is None:
        written += [
            SetupFile(options.conf, _conf(config, options), PLAIN_MODE),
            SetupFile(places.definitions, json.dumps(wanted, indent=2) + "\n", READERS_MODE),
        ]
    if options.dry_run:
        show_files(written)
    else:
        for file in written:
            if file.path.exists() and text_of(file.path) == file.text:
                show(f"{file.path}: is as it should be")
            else:
                write_file(file)
    if api is not None:
        return _apply(api, wanted, [*map(queue_of, gateways), UNROUTABLE], dry_run=options.dry_run)
    print(_FIRST.format(conf=options.conf, definitions=places.definitions, port=options.management_port))
    print(
        _NEXT.format(
            first=gateways[0],
            password=places.password(gateways[0]),
            shares=places.shares,
            devices_port=options.port,
            port=options.management_port,
            administration=places.password(config.enrolment.username),
        )
    )
    return 0


class _SetupPlaces(NamedTuple):
    """The file of shares, and the folder of secrets."""

    shares: Path
    secrets: Path

    @property
    def definitions(self) -> Path:
        """The file for ``rabbitmqctl import_definitions``."""
        return self.secrets / "rabbitmq-definitions.json"

    def password(self, name: str) -> Path:
        """The file with the password of an account."""
        return self.secrets / f"{name}.password"


def _places(config: Config, options: argparse.Namespace) -> _SetupPlaces:
    base = (config.file or Path("gateway.yaml").absolute()).parent
    return _SetupPlaces(config.mqtt.shares or base / "shares.yaml", options.secrets or base / "secrets")


# Shares.


def _present(path: Path, options: argparse.Namespace) -> list[str]:
    """The gateways in the file that is there, and those that leave: what waits for these must not be lost either."""
    found = load_shares(path)
    if options.names not in {None, tuple(found.gateways)} or options.gateways not in {None, len(found.gateways)}:
        wanted = options.gateways or ", ".join(options.names)
        there = f"{len(found.gateways)} ({', '.join(found.gateways)})"
        raise ConfigurationFault(
            [f"{path}: gateways: are {there}, not {wanted}: edit the list there, or --replace writes the file anew"]
        )
    show(f"{path}: is there, and stays as it is")
    return [*found.gateways, *found.leaving]


def _names(path: Path, options: argparse.Namespace) -> list[str]:
    """The client ids of gateways for a new file of shares; those in one that it replaces stay, with their sessions."""
    if options.names is not None:
        return list(options.names)
    if options.gateways is None:
        raise ConfigurationFault([f"{path}: is not there yet; --gateways N says how many share out what comes"])
    try:
        present = load_shares(path).gateways if path.exists() else ()
    except ConfigurationFault as fault:
        kept = (
            f"{path}: the client ids there must be kept: mend the file, or remove it for new ids, which read nothing that waits"
        )
        raise ConfigurationFault([*fault.lines, kept]) from fault
    return client_ids(options.gateways, token_hex(ENDING_BYTES), present)


def _planned(catalog: Catalog, names: list[str], options: argparse.Namespace) -> SharesPlan:
    """Plan the shares, and say how even they are."""
    others = [*(Share(topic=topic) for topic in options.topic), *(Share(group=group) for group in options.group)]
    planned = plan(catalog.registry.devices, names, others, lambda device: bool(catalog.profiles.named(device)))
    loads = ", ".join(f"{name} {load:.0%}" for name, load in planned.loads.items())
    show(f"{len(planned.shares)} shares; of the readings get {loads}")
    if not planned.is_even:
        tell("the sites are too few or too large to share them out evenly")
    if colons := sum(":" in device.id for device in catalog.registry.devices):
        tell(f"{colons} devices have a colon in their id: RabbitMQ refuses their accounts unless advanced.config has {_COLONS}")
    if planned.profiled and not others:
        tell(f"{planned.profiled} devices send by profiles, not under iot/v1: name their topics by --topic and --group")
    return planned


def _management(places: _SetupPlaces, options: argparse.Namespace) -> str:
    """The section of that name: how the gateways watch the broker."""
    password = places.password(_WATCH)
    if password.is_relative_to(places.shares.parent):
        password = password.relative_to(places.shares.parent)
    url = options.apply or f"http://127.0.0.1:{options.management_port}"
    return f"{{url: {json.dumps(url)}, username: {_WATCH}, password_file: {json.dumps(str(password))}}}"


# Accounts and files.


def _accounts(gateways: Iterable[str], folder: Path, services: Container[str]) -> Iterator[RabbitMqAccount]:
    """The accounts, with the passwords that are in their files already."""
    for name in gateways:
        yield gateway_account(name, _password(folder, name))
    for name in SERVICES:
        if name in services or (folder / f"{name}.password").exists():
            yield service_account(name, _password(folder, name), SERVICES[name])
    yield watch_account(_WATCH, _password(folder, _WATCH))


def _password(folder: Path, name: str) -> str:
    path = folder / f"{name}.password"
    return (secret(None, path) if path.exists() else None) or token_urlsafe(_PASSWORD_BYTES)


def _conf(config: Config, options: argparse.Namespace) -> str:
    broker = RabbitMqPlaces(
        options.certificate.absolute(),
        options.key.absolute(),
        options.client_certificates and options.client_certificates.absolute(),
        options.port,
        options.services_port,
        management_port=options.management_port,
    )
    return rabbitmq_conf(broker, config.mqtt.session_expiry, config.mqtt.receive_maximum)


# The broker.


def _apply(api: ManagementApi, wanted: Definitions, queues: Sequence[str], *, dry_run: bool) -> int:
    """Bring the definitions to the broker and the queues to its nodes, and ask both back."""
    with reaching(ManagementFault):
        api.refuse_older()
        before = list(differences(wanted, api.ask("definitions")))
        if before and not dry_run:
            api.ask("definitions", method="POST", body=wanted)
        left = before if dry_run else list(differences(wanted, api.ask("definitions")))
        few = see_queues(api, queues).few
        cluster, refused = (see_queues(api, queues), []) if dry_run else spread(api, queues)
    for line in before:
        show(f"{line}{'' if line in left else '; set'}")
    still_few = {queue.name for queue in cluster.few}
    for name, members, _ in few:
        done = "" if name in still_few else "; the others were added"
        show(f"queues: {name}: of {cluster.wanted} nodes stands on {', '.join(members)} only{done}")
    if not (before or few or cluster.away):
        show(f"{api.url}: all is as it should be")
    for line in [*refused, *_advice(api, cluster)]:
        tell(line)
    if left and not dry_run:
        tell(f"{api.url}: {len(left)} settings did not take; remove what stands in their place, and repeat this command")
    return UNREACHABLE if not dry_run and (left or still_few or cluster.away) else 0


def _advice(api: ManagementApi, cluster: ClusterSeen) -> Iterator[str]:
    """Say what to do about members of queues and nodes that are still missing."""
    for name, node in cluster.additions():
        yield f"on a node of RabbitMQ type: rabbitmq-queues add_member --vhost {VHOST} {name} {node}"
    for queue in cluster.away:
        yield f"queues: {queue.name}: is not served on {', '.join(queue.away)}"
    if absent := set(cluster.nodes) - set(cluster.running):
        yield f"{api.url}: start RabbitMQ on {', '.join(sorted(absent))}, and repeat this command"
    if len(cluster.nodes) == TOO_FEW_NODES:
        yield f"{api.url}: there are two nodes, and nothing is taken once either of them dies: use three"


def _api(options: argparse.Namespace) -> ManagementApi:
    """The management API as its administrator; ConfigurationFault if address, password or authority cannot be used."""
    url, ca = options.apply, options.ca
    parts = None
    with suppress(ValueError):
        parts = split_url(url)
    if parts is None or parts.hostname is None or parts.scheme not in {"http", "https"}:
        raise ConfigurationFault([f"--apply: {url!r} is no address; write http://127.0.0.1:15672"])
    if parts.username is not None:
        raise ConfigurationFault(["--apply: write no user into the address: --admin and --admin-password-file are for that"])
    if options.admin_password_file is None:
        raise ConfigurationFault(["--admin-password-file: name the file with the password of RabbitMQ's administrator"])
    with blaming(f"{ca}: cannot be used"):
        tls = tls_context(ca) if parts.scheme == "https" else None
    return ManagementApi(url, options.admin, secret(None, options.admin_password_file) or "", tls)


def _named(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if wrong := [name for name in names if not is_name(name)]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is no client id: 1 to 64 of A-Z a-z 0-9 . _ : -")
    return names
