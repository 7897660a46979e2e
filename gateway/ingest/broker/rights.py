"""Rights on the broker: what each account may publish, subscribe to and receive; and how Mosquitto's dynamic security says it.

What is not named is denied. An account (the plugin's *client*) has one role of its own name, and the role holds its rights.
Mosquitto 2.0 puts no name in the place of ``%u``. So every device has a role of its own, with its site, domain and name
written out. What is not the plugin's file raises :class:`ValueError`. Source: mosquitto.org/documentation/dynamic-security.
"""

import base64
import hashlib
import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

COMMANDS: Final = "$CONTROL/dynamic-security/v1"
"""Topic at which dynamic security takes commands."""
ANSWERS: Final = f"{COMMANDS}/response"
SENT: Final = ("readings", "status")
"""Last levels of the topics that a device publishes to."""
HEARD: Final = ("command", "alarms")
"""Last levels of the topics that a device reads."""
BrokerCommand = dict[str, Any]
SALT_BYTES: Final = 12
_ITERATIONS: Final = 101
"""As the plugin itself does; the passwords are random, so nobody guesses them."""
_NO_SUCH: Final = ("Client not found", "Role not found")


class AclType(StrEnum):
    """An access, as dynamic security calls it."""

    PUBLISH = "publishClientSend"
    RECEIVE = "publishClientReceive"
    SUBSCRIBE = "subscribePattern"
    SUBSCRIBE_LITERALLY = "subscribeLiteral"


_DEFAULTS: Final = {AclType.PUBLISH: False, AclType.RECEIVE: False, "subscribe": False, "unsubscribe": True}


class Right(NamedTuple):
    """An access that is allowed at a topic, or at all topics of a filter."""

    acl_type: AclType
    topic: str


class NativeTopics(NamedTuple):
    """A device where it stands: the levels of its topics."""

    site: str
    domain: str
    device: str

    def topic(self, last: str) -> str:
        """The native topic that ends in ``last``."""
        return f"iot/v1/{self.site}/{self.domain}/{self.device}/{last}"


def of_device(place: NativeTopics) -> list[Right]:
    """A device publishes under its own name, and reads what is meant for it."""
    heard = [place.topic(last) for last in HEARD]
    return [
        *(Right(AclType.PUBLISH, place.topic(last)) for last in SENT),
        *(Right(acl_type, topic) for topic in heard for acl_type in (AclType.SUBSCRIBE_LITERALLY, AclType.RECEIVE)),
    ]


def is_of_device(name: str, topics: Iterable[str]) -> bool:
    """Tell if an account is a device's, by the topics of its rights; else a device of its name must not get or end it."""
    return any(topic.startswith("iot/v1/") and topic.endswith(f"/{name}/{SENT[0]}") for topic in topics)


def of_reader(filters: list[str]) -> list[Right]:
    """A service reads all topics of some filters; ``#`` does not reach those that begin with ``$``."""
    return [Right(acl_type, one) for one in filters for acl_type in (AclType.SUBSCRIBE, AclType.RECEIVE)]


def of_gateway() -> list[Right]:
    """The gateway reads everything, since profiles come and go.

    It publishes alarms, the head of its audit log, and what its standby must know; it asks Sparkplug nodes for their births.
    One that leaves a site to another gateway sends itself a message behind what still waits for it.
    """
    return [
        *of_reader(["#", "$SYS/broker/publish/messages/dropped"]),
        Right(AclType.PUBLISH, "iot/v1/+/+/+/alarms"),
        Right(AclType.PUBLISH, "gateway/v1/+/audit"),
        Right(AclType.PUBLISH, "gateway/v1/+/fence"),
        Right(AclType.PUBLISH, "gateway/v1/+/machines/+"),
        Right(AclType.PUBLISH, "gateway/v1/+/journals/+"),
        Right(AclType.PUBLISH, "gateway/v1/+/alarms/+"),
        Right(AclType.PUBLISH, "spBv1.0/+/NCMD/+"),
    ]


def of_administration() -> list[Right]:
    """Whoever makes accounts asks dynamic security, and clears what a device left retained."""
    return [
        Right(AclType.PUBLISH, COMMANDS),
        *of_reader([ANSWERS]),
        *(Right(AclType.PUBLISH, f"iot/v1/+/+/+/{last}") for last in (*SENT, *HEARD)),
    ]


SERVICES: Final = {
    "chirpstack": [Right(AclType.PUBLISH, "application/#"), *of_reader(["application/#"])],
    "node-red": [Right(AclType.PUBLISH, "iot/v1/+/+/+/command"), *of_reader(["iot/v1/#"])],
}


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """One that may connect, by ``client_id`` or, if it is None, any; ``mark`` (``textname``) tells it from earlier ones."""

    name: str
    rights: Sequence[Right]
    password: str = field(repr=False)
    client_id: str | None = None
    mark: str = ""


def document(accounts: Iterable[tuple[BrokerAccount, bytes]]) -> str:
    """The plugin's file with these accounts and ``SALT_BYTES`` random bytes for each, before the broker's first start."""
    listed = list(accounts)
    made = [stored(account, salt) for account, salt in listed]
    clients, roles = [one["client"] for one in made], [one["role"] for one in made]
    return written({"defaultACLAccess": _DEFAULTS, "clients": clients, "groups": [], "roles": roles})


def stored(account: BrokerAccount, salt: bytes) -> dict[str, dict[str, Any]]:
    """An account as the plugin's file has it."""
    return {"client": _client(account, salt), "role": {"rolename": account.name, "acls": _acls(account.rights)}}


def added(text: str, accounts: Iterable[tuple[BrokerAccount, bytes]]) -> str:
    """The plugin's file with further accounts; those of the same names are replaced."""
    new = json.loads(document(accounts))
    return _changed(text, {one["username"] for one in new["clients"]}, new)


def without(text: str, names: Container[str]) -> str:
    """The plugin's file without some accounts."""
    return _changed(text, names, {"clients": [], "roles": []})


def names_in(text: str) -> set[str]:
    """The names of the accounts in the plugin's file."""
    return {str(client["username"]) for client in read(text)["clients"]}


def read(text: str) -> dict[str, Any]:
    """The plugin's file."""
    whole = json.loads(text)
    if not isinstance(whole, dict) or not {"clients", "roles"} <= whole.keys():
        raise ValueError("it holds no accounts of dynamic security")
    return whole


def _changed(text: str, leaving: Container[str], new: dict[str, Any]) -> str:
    whole = read(text)
    for key, name in (("clients", "username"), ("roles", "rolename")):
        whole[key] = [one for one in whole[key] if one[name] not in leaving] + new[key]
    return written(whole)


def written(whole: dict[str, Any]) -> str:
    """The text of the plugin's file."""
    return json.dumps(whole, indent="\t") + "\n"


def _client(account: BrokerAccount, salt: bytes) -> dict[str, Any]:
    digest = hashlib.pbkdf2_hmac("sha512", account.password.encode(), salt, _ITERATIONS)
    return {
        "username": account.name,
        **({"textname": account.mark} if account.mark else {}),
        **({"clientid": account.client_id} if account.client_id else {}),
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": _ITERATIONS,
        "roles": [{"rolename": account.name}],
    }


def _acls(rights: Iterable[Right]) -> list[dict[str, Any]]:
    return [{"acltype": right.acl_type, "topic": right.topic, "allow": True} for right in rights]


def creation(account: BrokerAccount) -> list[BrokerCommand]:
    """Commands that make an account."""
    client: BrokerCommand = {"command": "createClient", "username": account.name, "password": account.password}
    if account.client_id:
        client["clientid"] = account.client_id
    if account.mark:
        client["textname"] = account.mark
    return [
        {"command": "createRole", "rolename": account.name, "acls": _acls(account.rights)},
        client | {"roles": [{"rolename": account.name}]},
    ]


def removal(name: str) -> list[BrokerCommand]:
    """Commands that take an account away; the broker ends its connection at once."""
    return [{"command": "deleteClient", "username": name}, {"command": "deleteRole", "rolename": name}]


def listing(count: int = -1) -> list[BrokerCommand]:
    """The command that asks for the names of all accounts, or of some."""
    return [{"command": "listClients", "verbose": False, "count": count, "offset": 0}]


def names(answers: Iterable[BrokerCommand]) -> set[str]:
    """The names that answer :func:`listing`."""
    return {name for answer in answers for name in answer.get("data", {}).get("clients", [])}


def role_of(name: str) -> list[BrokerCommand]:
    """The command that asks for the rights of an account."""
    return [{"command": "getRole", "rolename": name}]


def topics_of(answers: Iterable[BrokerCommand]) -> list[str]:
    """The topics in the answer to :func:`role_of`; empty if there is no such account."""
    acls = [acl for answer in answers for acl in answer.get("data", {}).get("role", {}).get("acls", [])]
    return sorted({acl["topic"] for acl in acls})


def faults(answers: Iterable[BrokerCommand]) -> list[str]:
    """Collect what the plugin refused, in its words; an account to take away may be gone already."""
    return [
        f"{answer.get('command', 'a command')}: {answer['error']}"
        for answer in answers
        if "error" in answer and not (answer.get("command", "").startswith("delete") and answer["error"] in _NO_SUCH)
    ]
