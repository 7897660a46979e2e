"""The brokers, and what ``mqtt.share_group`` does with each: a table, which ``gateway check`` shows."""

from typing import Final, NamedTuple

VERSION_TOPIC: Final = "$SYS/broker/version"
SESSION_MAX_S: Final = 60
"""Longest session of a member: only when it has ended do all its messages go to the others."""


class BrokerKind(NamedTuple):
    """A kind of broker.

    :ivar version: the beginning of the version that it publishes; empty: it publishes none there.
    :ivar dead_member: the fate of the messages for a member that is away.
    :ivar fits: the settings that fit it.
    """

    name: str
    version: str
    dead_member: str
    fits: str


BROKERS: Final = (
    BrokerKind(
        "Mosquitto 2",
        "mosquitto version 2",
        "a part of all waits for it until its session ends, and then is gone",
        "one gateway, or each its own sites (mqtt.subscriptions); else session_expiry of 60s at most",
    ),
    BrokerKind(
        "RabbitMQ 4",
        "",
        "there are no shared subscriptions",
        "mqtt.shares: `gateway setup rabbitmq` gives each gateway its sites",
    ),
    BrokerKind(
        "EMQX 5",
        "",
        "a part of all goes on to its session, up to 1,000 messages, until that ends",
        "mqtt.share_group with session_expiry of 60s at most, strategy hash_topic; raise max_inflight and max_mqueue_len",
    ),
    BrokerKind(
        "VerneMQ",
        "",
        "those that are there come first",
        "mqtt.share_group with session_expiry of 60s at most",
    ),
    BrokerKind(
        "HiveMQ 4",
        "",
        "not tried here",
        "mqtt.share_group with session_expiry of 60s at most",
    ),
    BrokerKind(
        "NanoMQ",
        "",
        "its turn goes on; before summer 2026 what it missed was dropped",
        "one gateway, or each its own sites (mqtt.subscriptions)",
    ),
)
"""The rows of Mosquitto and RabbitMQ were measured, those of EMQX, VerneMQ and NanoMQ read."""


def kind_of(version: str) -> BrokerKind | None:
    """The kind of broker that publishes this version; None: not known."""
    return next((kind for kind in BROKERS if kind.version and version.startswith(kind.version)), None)
