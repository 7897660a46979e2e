"""Births of Sparkplug B: their origin, their metrics, and their stored form."""

from typing import Final, NamedTuple

import msgspec

from gateway.core.decoders.sparkplug_b import Metric, Payload, typed

LEVEL_MAX: Final = 128
"""Longest group, node or device."""

NAMESPACE: Final = "spBv1.0"
NODE: Final = ""
"""The edge node itself among its devices."""

_VERBS: Final = {4: frozenset({"NBIRTH", "NDATA", "NDEATH", "NCMD"}), 5: frozenset({"DBIRTH", "DDATA", "DDEATH", "DCMD"})}
"""By number of topic levels."""


class Address(NamedTuple):
    """A topic of Sparkplug: ``spBv1.0/{group}/{verb}/{node}[/{device}]``; device is "" for the node's own."""

    group: str
    verb: str
    node: str
    device: str = NODE

    @property
    def node_key(self) -> str:
        """The node among all nodes."""
        return f"{self.group}/{self.node}"

    @property
    def key(self) -> str:
        """The node, or the device of it, among all."""
        return self.key_of(self.device)

    def key_of(self, device: str) -> str:
        """The same for another device of the node."""
        return f"{self.node_key}/{device}" if device else self.node_key


STATE: Final = Address("", "STATE", "")
"""Topic of host applications' states, in JSON or as a word. It has no node."""


def parse_address(topic: str) -> Address | None:
    """The address in a topic; None if it is not a Sparkplug topic."""
    levels = topic.split("/")
    if levels[0] == "STATE" or levels[:2] == [NAMESPACE, "STATE"]:
        return STATE
    verbs = _VERBS.get(len(levels))
    if levels[0] != NAMESPACE or not verbs or levels[2] not in verbs:
        return None
    return Address(*levels[1:]) if all(0 < len(level) <= LEVEL_MAX for level in levels) else None


def address_of(key: str) -> Address | None:
    """The address of a birth's key; None if it is not such a key."""
    levels = key.split("/")
    return Address(levels[0], "", *levels[1:]) if len(levels) in {2, 3} else None


class Birth(NamedTuple):
    """The birth of a node or device: alias → name, name → data type."""

    names: dict[int, str]
    types: dict[str, str | None]

    @property
    def size(self) -> int:
        """The share of the bounds that it takes. An empty one counts too."""
        return 1 + len(self.types)


def birth_of(message: Payload) -> Birth:
    """The birth in a message."""
    metrics = [(metric["name"], metric["alias"], metric["type"]) for metric in message["metrics"]]
    return Birth(
        {alias: name for name, alias, _ in metrics if name is not None and alias is not None},
        {name: kind for name, _, kind in metrics if name is not None},
    )


def bd_seq_of(message: Payload) -> int | None:
    """The number that ties a node's death to its birth."""
    value = next((metric["value"] for metric in message["metrics"] if metric["name"] == "bdSeq"), None)
    return value if isinstance(value, int) else None


def resolve(metric: Metric, birth: Birth | None) -> bool:
    """Give a metric its name, its type, and the value that follows from them. False: that needs another birth."""
    name, alias = metric["name"], metric["alias"]
    if name is None and alias is not None:
        name = metric["name"] = birth.names.get(alias) if birth else None
        if name is None:
            return False
    if metric["type"] is None and name is not None:
        metric["type"] = birth.types.get(name) if birth else None
        metric["value"] = typed(metric["value"], metric["type"])
        if metric["type"] is None and type(metric["value"]) is int:  # it may be a negative one
            return False
    return True


class _Saved(msgspec.Struct):
    """The stored form of a birth: the session of its node, and name, alias and data type of each metric."""

    bd_seq: int | None
    metrics: list[tuple[str, int | None, str | None]]


def to_text(birth: Birth, bd_seq: int | None) -> str:
    """The stored form of a birth, with the session of its node."""
    aliases = {name: alias for alias, name in birth.names.items()}
    return msgspec.json.encode(_Saved(bd_seq, [(name, aliases.get(name), kind) for name, kind in birth.types.items()])).decode()


def from_text(text: str) -> tuple[Birth, int | None] | None:
    """A birth that was saved, and the session of its node; None when the text is damaged."""
    try:
        saved = msgspec.json.decode(text, type=_Saved)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    names = {alias: name for name, alias, _ in saved.metrics if alias is not None}
    return Birth(names, {name: kind for name, _, kind in saved.metrics}), saved.bd_seq
