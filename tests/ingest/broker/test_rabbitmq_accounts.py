"""Accounts and definitions as RabbitMQ keeps them."""

import base64
import hashlib

import pytest

from gateway.ingest.broker.rabbitmq.accounts import (
    administration_account,
    device_account,
    expression,
    gateway_account,
    password_hash,
    service_account,
    topics_in,
    watch_account,
)
from gateway.ingest.broker.rabbitmq.management import differences, joined, policies, unroutable
from gateway.ingest.broker.rights import SERVICES, NativeTopics

DOCUMENTED = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
"""Of the password test12, in RabbitMQ's documentation."""


def is_taken(password: str, kept: str) -> bool:
    """Tell if RabbitMQ takes a password for the hash it keeps: a salt of four bytes, then SHA-256 of salt and password."""
    raw = base64.b64decode(kept)
    return hashlib.sha256(raw[:4] + password.encode()).digest() == raw[4:]


def test_a_hash_is_one_that_rabbitmq_takes_the_password_for_and_no_other() -> None:
    assert is_taken("test12", DOCUMENTED)
    assert is_taken("secret", password_hash("secret"))
    assert not is_taken("secret2", password_hash("secret"))


def test_an_account_that_is_printed_does_not_tell_its_password() -> None:
    assert "hunter2" not in repr(gateway_account("gateway-1", "hunter2"))


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        (["iot/v1/w/water/m1/readings"], r"^(?:iot\.v1\.w\.water\.m1\.readings)$"),
        (
            ["iot/v1/+/+/+/alarms", "spBv1.0/+/NCMD/+"],
            r"^(?:iot\.v1\.[^.]+\.[^.]+\.[^.]+\.alarms|spBv1___0\.[^.]+\.NCMD\.[^.]+)$",
        ),
        (["#"], "^(?:.*)$"),
        ([], "^$"),
    ],
)
def test_topic_filters_become_expressions_over_routing_keys(filters: list[str], text: str) -> None:
    assert expression(filters) == text


def test_a_device_has_its_own_queues_and_topics_alone() -> None:
    found = device_account(NativeTopics("ward-1", "water", "m1"), "secret").definitions()
    (user,), (permission,), (topics,) = found["users"], found["permissions"], found["topic_permissions"]
    assert (user["name"], user["tags"], "secret" in str(found)) == ("m1", [], False)
    assert permission["configure"] == "^(?:mqtt-subscription-m1qos[01])$"
    assert permission["read"] == permission["write"] == r"^(?:amq\.topic|mqtt-subscription-m1qos[01])$"
    assert topics["write"] == r"^(?:iot\.v1\.ward-1\.water\.m1\.readings|iot\.v1\.ward-1\.water\.m1\.status)$"
    assert topics["read"] == r"^(?:iot\.v1\.ward-1\.water\.m1\.command|iot\.v1\.ward-1\.water\.m1\.alarms)$"


def test_the_topics_of_a_device_are_found_again_in_its_rights_and_those_of_a_gateway_are_not_one_by_one() -> None:
    (rights,) = device_account(NativeTopics("ward-1", "water", "m1"), "s").definitions()["topic_permissions"]
    assert topics_in(rights["write"]) == ["iot/v1/ward-1/water/m1/readings", "iot/v1/ward-1/water/m1/status"]
    assert [topics_in(expression(filters)) for filters in (["a/+/b"], ["a/#"], [])] == [[], [], []]


def test_a_password_has_one_hash_and_another_password_another() -> None:
    assert password_hash("secret") == password_hash("secret") != password_hash("secret2")


def test_what_is_missing_or_different_is_named_and_what_else_is_there_is_left_alone() -> None:
    wanted = joined(
        [
            policies(["gateway-1", "gateway-2"]),
            unroutable(["iot/v1/+/+/+/readings"]),
            gateway_account("gateway-1", "s").definitions(),
        ]
    )
    assert list(differences(wanted, wanted)) == []
    live = {**wanted, "policies": [*wanted["policies"][:1], {"name": "of somebody else", "vhost": "/"}]}
    live["queues"] = [{**wanted["queues"][0], "arguments": {"x-queue-type": "classic"}}]
    assert list(differences(wanted, live)) == [
        "policies: gateway-topics: is missing",
        "queues: gateway.unroutable: arguments: is not as it should be",
    ]


def test_each_account_may_use_the_queues_of_its_own_client_ids_and_no_other() -> None:
    own = r"mqtt-subscription-a\.bqos[01]"
    found = {
        "gateway": gateway_account("a.b", "s").definitions(),
        "administration": administration_account("a", "s").definitions(),
        "service": service_account("flows", "s", SERVICES["node-red"]).definitions(),
        "watch": watch_account("w", "s").definitions(),
    }
    permissions = {name: one["permissions"][0] for name, one in found.items()}
    gateway = own.replace("qos", "(?:-[a-z]+-[0-9a-f]{8})?qos")
    assert permissions["gateway"]["configure"] == f"^(?:{gateway})$"
    assert permissions["administration"]["configure"] == "^(?:mqtt-subscription-.*)$"
    assert permissions["service"]["read"] == r"^(?:amq\.topic|mqtt-subscription-flows.*qos[01])$"
    only_reads = {"user": "w", "vhost": "/", "configure": "^$", "write": "^$", "read": r"^(?:gateway\.unroutable)$"}
    assert permissions["watch"] == only_reads
    assert {name: one["users"][0]["tags"] for name, one in found.items() if one["users"][0]["tags"]} == {
        "administration": ["administrator"],
        "watch": ["monitoring"],
    }
    assert found["watch"]["users"][0]["hashing_algorithm"] == "rabbit_password_hashing_sha256"
    topics = {name: one["topic_permissions"][0] for name, one in found.items()}
    assert topics["watch"] == {"user": "w", "vhost": "/", "exchange": "amq.topic", "write": "^$", "read": "^$"}
    assert topics["service"]["read"] == r"^(?:iot\.v1\..*)$"
    lasts = "|".join(rf"iot\.v1\.[^.]+\.[^.]+\.[^.]+\.{last}" for last in ("readings", "status", "command", "alarms"))
    assert (topics["administration"]["write"], topics["administration"]["read"]) == (f"^(?:{lasts})$", "^$")


def test_sessions_outlive_reconnections_and_nothing_that_was_acknowledged_is_dropped() -> None:
    sessions, topics = policies(["gateway-1.a", "gateway-2"])["policies"]
    kept = {"delivery-limit": -1, "overflow": "reject-publish"}
    assert (sessions["definition"], sessions["apply-to"], sessions["priority"]) == (kept, "queues", 100)
    assert sessions["pattern"] == r"^mqtt-subscription-(?:gateway-1\.a|gateway-2)qos1$"
    assert topics["definition"] == {"alternate-exchange": "gateway.unroutable"}
    assert (topics["pattern"], topics["apply-to"]) == (r"^amq\.topic$", "exchanges")


def test_what_no_gateway_reads_waits_whole_and_is_handed_on() -> None:
    found = unroutable(["iot/v1/+/+/+/readings", "iot/v1/+/+/+/readings"])
    (exchange,), (queue,), bindings = found["exchanges"], found["queues"], found["bindings"]
    assert (exchange["name"], exchange["type"], exchange["durable"]) == ("gateway.unroutable", "topic", True)
    assert queue["arguments"] == {
        "x-queue-type": "quorum",
        "x-max-length-bytes": 2**30,
        "x-delivery-limit": -1,
        "x-dead-letter-exchange": "amq.topic",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    keys = ["iot.v1.*.*.*.readings", "iot.v1.#.readings", "iot.v1.#.status"]
    assert [one["routing_key"] for one in bindings] == keys, "names with a dot are a level more"
    assert {(one["source"], one["destination"]) for one in bindings} == {("gateway.unroutable",) * 2}
    assert list(joined([found, policies(["g"])])) == ["policies", "exchanges", "queues", "bindings"]
