"""Rights on the broker: what each account may publish, subscribe to and receive. What is not named is denied.

Dynamic security of Mosquitto 2.0 puts no name in the place of ``%u``. So every device has a role of its own, with its site,
domain and name written out.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

COMMANDS: Final = "$CONTROL/dynamic-security/v1"
"""Topic at which dynamic security takes commands."""
ANSWERS: Final = f"{COMMANDS}/response"
SENT: Final = ("readings", "status")
"""Last levels of the topics that a device publishes to."""
HEARD: Final = ("command", "alarms")
"""Last levels of the topics that a device reads."""


class AclType(StrEnum):
    """An access, as dynamic security calls it."""

    PUBLISH = "publishClientSend"
    RECEIVE = "publishClientReceive"
    SUBSCRIBE = "subscribePattern"
    SUBSCRIBE_LITERALLY = "subscribeLiteral"


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
