"""Dynamic security: Mosquitto's accounts and rights, in the documents that its plugin keeps and the commands that it takes.

An account (the plugin's *client*) has one role of its own name, and the role holds its rights. What no role allows is denied.
What is not the plugin's file raises :class:`ValueError`. Source: mosquitto.org/documentation/dynamic-security.
"""

import base64
import hashlib
import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.ingest.broker.rights import AclType, Right

BrokerCommand = dict[str, Any]

SALT_BYTES: Final = 12
_ITERATIONS: Final = 101
"""As the plugin itself does; the passwords are random, so nobody guesses them."""
_DEFAULTS: Final = {AclType.PUBLISH: False, AclType.RECEIVE: False, "subscribe": False, "unsubscribe": True}
_NO_SUCH: Final = ("Client not found", "Role not found")


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """One that may connect, by ``client_id`` alone or, if that is None, by any."""

    name: str
    rights: Sequence[Right]
    password: str = field(repr=False)
    client_id: str | None = None


def document(accounts: Iterable[tuple[BrokerAccount, bytes]]) -> str:
    """The plugin's file with these accounts and ``SALT_BYTES`` random bytes for each, before the broker's first start."""
    listed = list(accounts)
    clients = [_client(account, salt) for account, salt in listed]
    roles = [{"rolename": account.name, "acls": _acls(account.rights)} for account, _ in listed]
    return json.dumps({"defaultACLAccess": _DEFAULTS, "clients": clients, "groups": [], "roles": roles}, indent="\t") + "\n"


def added(text: str, accounts: Iterable[tuple[BrokerAccount, bytes]]) -> str:
    """The plugin's file with further accounts; those of the same names are replaced."""
    new = json.loads(document(accounts))
    return _changed(text, {one["username"] for one in new["clients"]}, new)


def without(text: str, names: Container[str]) -> str:
    """The plugin's file without some accounts."""
    return _changed(text, names, {"clients": [], "roles": []})


def names_in(text: str) -> set[str]:
    """The names of the accounts in the plugin's file."""
    return {str(client["username"]) for client in _read(text)["clients"]}


def _read(text: str) -> dict[str, Any]:
    whole = json.loads(text)
    if not isinstance(whole, dict) or not {"clients", "roles"} <= whole.keys():
        raise ValueError("it holds no accounts of dynamic security")
    return whole


def _changed(text: str, leaving: Container[str], new: dict[str, Any]) -> str:
    whole = _read(text)
    for key, name in (("clients", "username"), ("roles", "rolename")):
        whole[key] = [one for one in whole[key] if one[name] not in leaving] + new[key]
    return json.dumps(whole, indent="\t") + "\n"


def _client(account: BrokerAccount, salt: bytes) -> dict[str, Any]:
    digest = hashlib.pbkdf2_hmac("sha512", account.password.encode(), salt, _ITERATIONS)
    return {
        "username": account.name,
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
    return [
        {"command": "createRole", "rolename": account.name, "acls": _acls(account.rights)},
        client | {"roles": [{"rolename": account.name}]},
    ]


def removal(name: str) -> list[BrokerCommand]:
    """Commands that take an account away; the broker ends its connection at once."""
    return [{"command": "deleteClient", "username": name}, {"command": "deleteRole", "rolename": name}]


def listing() -> list[BrokerCommand]:
    """The command that asks for the names of all accounts."""
    return [{"command": "listClients", "verbose": False, "count": -1, "offset": 0}]


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
