"""Accounts on RabbitMQ: what each may declare, publish and read, from the same rights as on Mosquitto.

Theory of operation
-------------------
A session of MQTT is a queue, ``mqtt-subscription-CLIENT_IDqos1``. Who may neither declare nor read that queue cannot take the
session over, read from it, or end it by a clean start: RabbitMQ refuses the connection. So each account may use the queues of
its own client id and of no other.

One thing that does not stop: a connection is closed for another one of its client id before that one is refused. A device
that does so again and again would keep a gateway from its work, though it gets no message and none is lost. So nobody can
guess the client ids of gateways (:func:`gateway.admin.broker.share_planning.client_ids`). What RabbitMQ 4.0.5 looks at earlier
helps little: a virtual host of their own would take devices away from the exchange, and limits of connections do not tell
client ids apart. Only a certificate does, whose alternative name must be the client id.

Topics are limited by expressions over routing keys, in which a level ends in a dot.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.gateways.sharing import routing_key
from gateway.ingest.broker.rights import AclType, NativeTopics, Right, of_administration, of_device, of_gateway

VHOST: Final = "/"
TOPICS: Final = "amq.topic"
"""The exchange of all MQTT messages."""
UNROUTABLE: Final = "gateway.unroutable"
"""Exchange and queue of what no gateway reads."""

_SALT_BYTES: Final = 4
_HASHING: Final = "rabbit_password_hashing_sha256"
_NOTHING: Final = "^$"
_GUEST: Final = "(?:-[a-z]+-[0-9a-f]{8})?"
"""What is added to the client id of a gateway by commands that connect beside it: ``gateway check --connect``."""


@dataclass(frozen=True, slots=True)
class RabbitMqAccount:
    """One that may connect.

    :ivar queues: an expression for the names of queues that it may read, and declare if it ``declares`` any.
    :ivar publishes, reads: topic filters.
    :ivar tags: rights in the management API.
    """

    name: str
    password: str = field(repr=False)
    queues: str
    publishes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    declares: bool = True

    def definitions(self) -> dict[str, list[dict[str, Any]]]:
        """The account as RabbitMQ's definitions have it."""
        whose = {"user": self.name, "vhost": VHOST}
        own = f"^(?:{self.queues})$"
        uses = f"^(?:{_plain(TOPICS)}|{self.queues})$" if self.publishes or self.reads else own
        configure, write = (own, uses) if self.declares else (_NOTHING, _NOTHING)
        password = {"password_hash": password_hash(self.password), "hashing_algorithm": _HASHING}
        topics = {"exchange": TOPICS, "write": expression(self.publishes), "read": expression(self.reads)}
        return {
            "users": [{"name": self.name, **password, "tags": list(self.tags)}],
            "permissions": [whose | {"configure": configure, "write": write, "read": uses}],
            "topic_permissions": [whose | topics],
        }


def queue_of(client_id: str) -> str:
    """The name of the queue that a client's session is, for what it subscribed to at QoS 1."""
    return f"mqtt-subscription-{client_id}qos1"


def gateway_account(client_id: str, password: str) -> RabbitMqAccount:
    """A gateway. It is called as its client id, and reads what its session is bound to."""
    return _of_client(client_id, password, of_gateway(), more=_GUEST)


def device_account(place: NativeTopics, password: str) -> RabbitMqAccount:
    """A device: it publishes under its own name, reads what is meant for it, and has its own name as client id."""
    return _of_client(place.device, password, of_device(place))


def administration_account(name: str, password: str) -> RabbitMqAccount:
    """The one that makes accounts of devices; it ends their sessions, and clears what they left retained."""
    clears = tuple(right.topic for right in of_administration() if right.topic.startswith("iot/"))
    return RabbitMqAccount(name, password, "mqtt-subscription-.*", publishes=clears, tags=("administrator",))


def service_account(name: str, password: str, rights: Iterable[Right]) -> RabbitMqAccount:
    """A service, whose client ids begin with its name."""
    return _of_client(name, password, rights, more=".*")


def watch_account(name: str, password: str) -> RabbitMqAccount:
    """The one that gateways watch the broker by. It takes what no gateway reads and rejects it: the broker routes it again."""
    return RabbitMqAccount(name, password, _plain(UNROUTABLE), tags=("monitoring",), declares=False)


def expression(filters: Iterable[str]) -> str:
    """The expression for the routing keys of topic filters."""
    found = [_plain(routing_key(one)).replace("*", "[^.]+").replace("#", ".*") for one in filters]
    return f"^(?:{'|'.join(found)})$" if found else _NOTHING


def topics_in(text: str) -> list[str]:
    """The topics in an expression that names them one by one; empty if it names others too."""
    listed = text.removeprefix("^(?:").removesuffix(")$").split("|")
    return [] if any(sign in text for sign in "*[") or text == _NOTHING else [one.replace(r"\.", "/") for one in listed]


def password_hash(password: str) -> str:
    """The hash RabbitMQ keeps of a password. Passwords are random, so its salt comes from them: it is the same each time."""
    salt = hashlib.sha256(password.encode()).digest()[:_SALT_BYTES]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _of_client(client_id: str, password: str, rights: Iterable[Right], more: str = "") -> RabbitMqAccount:
    listed = list(rights)
    publishes = tuple(right.topic for right in listed if right.acl_type is AclType.PUBLISH)
    reads = tuple(right.topic for right in listed if right.acl_type is AclType.RECEIVE)
    return RabbitMqAccount(client_id, password, f"mqtt-subscription-{_plain(client_id)}{more}qos[01]", publishes, reads)


def _plain(text: str) -> str:
    return text.replace(".", r"\.")
