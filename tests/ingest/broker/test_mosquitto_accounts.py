"""Accounts on Mosquitto: its plugin's file, and the commands that a running broker takes, over one connection."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import mqtt5
import pytest

from gateway.core.mqtt_session import SessionOptions
from gateway.ingest.broker.enrolling import AdministrationFault, BrokerEntrance, EnrolmentRefused, MosquittoAccounts, account_of
from gateway.ingest.broker.kept_accounts import KeptAccounts
from gateway.ingest.broker.rights import (
    ANSWERS,
    COMMANDS,
    AclType,
    BrokerAccount,
    NativeTopics,
    Right,
    added,
    creation,
    document,
    faults,
    names_in,
    of_administration,
    of_device,
    of_gateway,
    without,
)
from gateway.ingest.intake.connection import BrokerAddress

Found = TypeVar("Found")

PLACE = NativeTopics("ward-1", "water", "m1")
TOPICS = [f"iot/v1/ward-1/water/m1/{last}" for last in ("alarms", "command", "readings", "status")]
SALT = b"twelve bytes"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Mosquitto:
    """A broker with the plugin: its accounts, and what clients did.

    :ivar roles: account → the topics of its rights.
    :ivar commands: what the plugin was asked to do, and who connected, in this order.
    :ivar connects: the client ids that connected.
    :ivar cleared: topics that were published to without a payload, retained.
    :ivar refuses: reject the subscription to answers.
    """

    def __init__(self) -> None:
        self.roles: dict[str, list[str]] = {"gateway-1": ["#"]}
        self.commands: list[str] = []
        self.connects: list[str] = []
        self.disconnects = 0
        self.cleared: list[str] = []
        self.refuses = False
        self.is_silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client."""
        data = b""
        while more := await reader.read(65536):
            data += more
            while data:
                packet, size = mqtt5.read(memoryview(data))
                data = data[size:]
                writer.write(self._answer(packet))
        writer.close()

    def _answer(self, packet: object) -> bytes:
        if isinstance(packet, mqtt5.ConnectPacket):
            self.connects.append(packet.client_id)
            assert packet.session_expiry_interval == 0, "nothing waits for a name that is never used again"
            self.commands.append(f"connect {packet.client_id}")
            return mqtt5.ConnAckPacket().write()
        if isinstance(packet, mqtt5.SubscribePacket):
            granted = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
            code = mqtt5.SubAckReasonCode.NOT_AUTHORIZED if self.refuses else granted
            return mqtt5.SubAckPacket(packet.packet_id, [code] * len(packet.topic_filters)).write()
        self.disconnects += isinstance(packet, mqtt5.DisconnectPacket)
        if not isinstance(packet, mqtt5.PublishPacket):
            return b""
        if packet.topic != COMMANDS:
            assert (packet.retain, packet.payload) == (True, b"")
            self.cleared.append(packet.topic)
            return b""
        done = [self._do(command) for command in json.loads(packet.payload or b"")["commands"]]
        return b"" if self.is_silent else mqtt5.PublishPacket(ANSWERS, json.dumps({"responses": done}).encode()).write()

    def _do(self, command: dict[str, Any]) -> dict[str, Any]:
        did, name = command["command"], command.get("rolename", command.get("username", ""))
        self.commands.append(f"{did} {name}".rstrip())
        said: dict[str, Any] = {"command": did}
        match did:
            case "listClients":
                return said | {"data": {"clients": list(self.roles)}}
            case "getRole" if name in self.roles:
                return said | {"data": {"role": {"acls": [{"topic": topic} for topic in self.roles[name]]}}}
            case "createRole" if name not in self.roles:
                self.roles[name] = [acl["topic"] for acl in command["acls"]]
            case "createRole":
                return said | {"error": "Role already exists"}
            case "deleteRole" if self.roles.pop(name, None) is None:
                return said | {"error": "Role not found"}
        return said


@asynccontextmanager
async def serving(broker: Mosquitto) -> AsyncIterator[MosquittoAccounts]:
    """The accounts on it, not open yet."""
    async with await asyncio.start_server(broker.serve, "127.0.0.1") as server:
        address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        yield MosquittoAccounts(
            address, SessionOptions("administration", username="enroller"), KeptAccounts(Path("journal.db"))
        )


def told(broker: Mosquitto, story: Callable[[MosquittoAccounts], Awaitable[Found]]) -> Found:
    """Open the accounts and tell a story with them."""

    async def tell() -> Found:
        async with serving(broker) as accounts, accounts:
            return await story(accounts)

    return asyncio.run(tell())


def test_accounts_are_made_and_ended_over_one_connection_that_is_closed_in_order() -> None:
    broker = Mosquitto()

    async def story(accounts: MosquittoAccounts) -> tuple[list[BrokerAccount], list[bool]]:
        made = [await accounts.enrol(PLACE, is_present=False)]
        made += [one async for one in accounts.enrol_all([PLACE, PLACE._replace(device="m2")])]
        assert await accounts.enrolled() == {"gateway-1", "m1", "m2"}
        return made, [await accounts.revoke("m1"), await accounts.revoke("m1")]

    made, revoked = told(broker, story)
    assert [(one.name, one.client_id) for one in made] == [("m1", "m1"), ("m1", "m1"), ("m2", "m2")]
    assert len({one.password for one in made}) == 3
    assert revoked == [True, False]
    assert broker.cleared == TOPICS
    administration, *others = broker.connects
    assert administration.startswith("administration-")
    assert others == ["m1", "m1"], "the session of an ended device is ended by a client of its name"
    assert broker.disconnects == 3
    made_m1, ended_m1 = ["createRole m1", "createClient m1"], ["getRole m1", "deleteClient m1", "deleteRole m1"]
    looks = ["listClients"]  # that the broker which made it still runs
    assert broker.commands[1:10] == [*made_m1, *looks, "listClients", *ended_m1, *made_m1]
    revoking = ["listClients", *ended_m1, "connect m1"]
    assert broker.commands[-10:] == revoking * 2, "else it could open its session again"


def test_no_account_but_a_devices_is_given_or_ended() -> None:
    broker = Mosquitto()

    async def story(accounts: MosquittoAccounts) -> None:
        for ending in (accounts.revoke("gateway-1"), accounts.enrol(PLACE._replace(device="gateway-1"), is_present=True)):
            with pytest.raises(EnrolmentRefused, match="gateway-1 is the account of a gateway or a service"):
                await ending
        with pytest.raises(EnrolmentRefused) as refused:
            await accounts.enrol(PLACE._replace(device="gateway-1"), is_present=False)
        assert refused.value.why == ["createRole: Role already exists"]
        await accounts.clear([])

    told(broker, story)
    assert (list(broker.roles), broker.cleared) == (["gateway-1"], [])


def test_who_may_not_administer_and_a_broker_that_is_away_or_silent_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.broker.enrolling._PATIENCE_S", 0.05)

    async def ask(accounts: MosquittoAccounts) -> None:
        await accounts.enrolled()

    broker = Mosquitto()
    broker.refuses = True
    with pytest.raises(AdministrationFault, match=r"127.0.0.1:\d+: the account enroller may not administer the broker"):
        told(broker, ask)
    silent = Mosquitto()
    silent.is_silent = True
    with pytest.raises(AdministrationFault, match=r"no answer within 0.05 s"):
        told(silent, ask)

    async def away() -> None:
        async with MosquittoAccounts(
            BrokerAddress("127.0.0.1", 1), SessionOptions("administration"), KeptAccounts(Path("journal.db"))
        ):
            pass

    with pytest.raises(AdministrationFault, match=r"^mqtt://127.0.0.1:1: Connection refused"):
        asyncio.run(away())


def test_a_broker_that_closes_the_connection_is_named() -> None:
    async def story() -> None:
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1") as server:
            address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
            async with MosquittoAccounts(address, SessionOptions("administration"), KeptAccounts(Path("journal.db"))):
                pass

    with pytest.raises(AdministrationFault, match="the broker closed the connection"):
        asyncio.run(story())


def test_the_plugins_file_takes_further_accounts_replaces_those_of_a_name_and_loses_others() -> None:
    first, second = account_of(PLACE), BrokerAccount("gateway-1", of_gateway(), "secret")
    text = document([(first, SALT), (second, SALT)])
    assert names_in(text) == {"m1", "gateway-1"}
    whole = json.loads(text)
    client = whole["clients"][0]
    digest = hashlib.pbkdf2_hmac("sha512", first.password.encode(), SALT, 101)
    assert (base64.b64decode(client["password"]), base64.b64decode(client["salt"])) == (digest, SALT)
    assert (client["iterations"], client["roles"]) == (101, [{"rolename": "m1"}])
    assert [one.get("clientid") for one in whole["clients"]] == ["m1", None], "a service may use any client id"
    allowed = {"publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": True}
    assert (whole["defaultACLAccess"], whole["groups"]) == (allowed, [])

    again = json.loads(added(text, [(BrokerAccount("m1", [Right(AclType.PUBLISH, "a/b")], "new"), SALT)]))
    assert [one["username"] for one in again["clients"]] == ["gateway-1", "m1"]
    assert again["roles"][1] == {
        "rolename": "m1",
        "acls": [{"acltype": "publishClientSend", "topic": "a/b", "allow": True}],
    }
    left = without(text, {"m1", "unknown"})
    assert names_in(left) == {"gateway-1"}
    assert [role["rolename"] for role in json.loads(left)["roles"]] == ["gateway-1"]
    assert text.endswith("}\n")
    for other in ("[]", '{"clients": []}'):
        with pytest.raises(ValueError, match="no accounts of dynamic security"):
            names_in(other)


def test_commands_give_a_device_its_name_as_client_id_and_errors_are_told_but_for_what_is_gone_already() -> None:
    role, client = creation(account_of(PLACE))
    assert (role["rolename"], client["clientid"], client["roles"]) == ("m1", "m1", [{"rolename": "m1"}])
    assert "clientid" not in creation(BrokerAccount("flows", [], "secret"))[1]
    answers = [
        {"command": "deleteClient", "error": "Client not found"},
        {"command": "deleteRole", "error": "Role not found"},
        {"command": "deleteRole", "error": "Internal error"},
        {"command": "getRole", "error": "Role not found"},
        {"error": "Invalid"},
        {"command": "createRole"},
    ]
    assert faults(answers) == ["deleteRole: Internal error", "getRole: Role not found", "a command: Invalid"]


def test_a_device_may_publish_under_its_own_name_alone_and_read_what_is_meant_for_it() -> None:
    rights = of_device(PLACE)
    assert sorted({right.topic for right in rights}) == TOPICS
    assert {right.topic.rpartition("/")[2] for right in rights if right.acl_type is AclType.PUBLISH} == {"readings", "status"}
    for heard in ("command", "alarms"):
        types = {right.acl_type for right in rights if right.topic.endswith(heard)}
        assert types == {AclType.SUBSCRIBE_LITERALLY, AclType.RECEIVE}
    cleared = {right.topic for right in of_administration() if right.topic.startswith("iot/")}
    assert cleared == {f"iot/v1/+/+/+/{topic.rpartition('/')[2]}" for topic in TOPICS}


def test_a_device_is_told_where_the_broker_is_and_what_it_may_call_itself() -> None:
    told_ = BrokerEntrance("broker.example.vn", 8883, "AB" * 32).enrolment(PLACE, "secret")
    assert (told_.host, told_.port, told_.topic, told_.ca_sha256) == ("broker.example.vn", 8883, TOPICS[2], "AB" * 32)


def test_an_account_that_is_printed_does_not_tell_its_password() -> None:
    assert "hunter2" not in repr(BrokerAccount("m1", [], "hunter2"))
