"""The host application's side of Sparkplug B: births of edge nodes, and their messages read by them.

A node names its metrics at birth and may call them by alias afterwards; its messages count from 0 to 255. So data can be read
only after the births were heard. Rules: Eclipse Sparkplug 3.0, sections 4 to 6; comments name the devices that differ.

One :class:`SparkplugHost` serves a gateway. ``parse_address(topic)`` gives the address of a topic, worth keeping with its
stream; None for a topic that is not Sparkplug's. Every message goes through ``receive`` in order of arrival, births and deaths
too. The :class:`SparkplugVerdict` says what to do. Exactly one of the first three is set; of the others, what is set is to be
done:

- ``document``: the payload with its names; map it. Births hold values too. Where a metric's ``is_historical`` is true, its
  reading is historic; a value of None is absent.
- ``wait``: put the message into quarantine under this key for 10 minutes, then reject it as ``no_birth``.
- ``ignored``: not data; count it under this cause.
- ``save``: store these texts under their keys at once; delete where the text is None. Give all to ``restore`` at the start.
- ``released``: replay what waits under these keys in order of arrival, with ``replayed=True``. It may have to wait again.
- ``rebirth``: topic and payload; publish it, QoS 0, not retained.
- ``online``, ``offline``: devices whose state changed: the ``{device}`` level under the message's own ``{group}`` and
  ``{node}``; "" is the node itself.
- ``missing``: so many messages of the node, before this one, never arrived.

Decided here: a message is taken when every metric in it can be named and its number be read, also behind a gap in the sequence
and before any birth (a metric may bring its own name and type). So nothing is lost; a rebirth is requested for the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.decoders.sparkplug_b import Payload, encode_rebirth, sparkplug_b
from gateway.core.message import Undecodable
from gateway.core.sparkplug import births
from gateway.core.sparkplug.births import NAMESPACE, NODE, Address, Birth
from schemas.rejects import IgnoreCause, RejectReason

NODES_MAX: Final = 10_000
METRICS_KEPT_MAX: Final = 200_000
NODE_METRICS_MAX: Final = 20_000
"""Most nodes known, metrics named in all their births, and in those of one node with its devices."""

ASK_EVERY_MS: Final = 60_000
ASK_SELDOM_MS: Final = 3_600_000
"""Least time between two requests for a rebirth of one node; it doubles up to the second while births do not help."""

_NOT_DATA: Final = frozenset({"NCMD", "DCMD", "STATE"})
_SEQ_MODULUS: Final = 256


@dataclass(slots=True)
class SparkplugVerdict:
    """The decision on a message; the module's docstring explains the parts."""

    document: Payload | None = None
    wait: str | None = None
    ignored: IgnoreCause | None = None
    released: tuple[str, ...] = ()
    save: dict[str, str | None] = field(default_factory=dict)
    rebirth: tuple[str, bytes] | None = None
    online: tuple[str, ...] = ()
    offline: tuple[str, ...] = ()
    missing: int = 0


@dataclass(slots=True, eq=False)
class _EdgeNode:
    """One edge node.

    :ivar bd_seq: ties a death to its birth.
    :ivar births: of the node and of its devices, since the node's own birth.
    :ivar seq: of the newest message; None: any is right, since some nodes go on counting at a rebirth (eclipse-sparkplug #178).
    :ivar doubted: births may have been missed; a rebirth is requested until it comes.
    :ivar saved: hash of the text that was saved last, by device.
    """

    bd_seq: int | None = None
    births: dict[str, Birth] = field(default_factory=dict)
    seq: int | None = None
    doubted: bool = True
    saved: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The share of the bounds that its births take."""
        return sum(birth.size for birth in self.births.values())

    def follow(self, seq: int | None) -> int:
        """Take a message's sequence number; return how many before it are missing. Half the circle or more is a step back."""
        if seq is None:
            return 0
        steps = 0 if self.seq is None else (seq - self.seq - 1) % _SEQ_MODULUS
        self.seq = seq
        if steps:
            self.doubted = True
        return steps if steps < _SEQ_MODULUS // 2 else 0


class SparkplugHost:
    """All edge nodes that a gateway hears."""

    def __init__(self) -> None:
        self._nodes: dict[str, _EdgeNode] = {}
        self._kept = 0
        self._requests = _Requests()

    def receive(self, address: Address, payload: bytes, now_ms: int, *, replayed: bool = False) -> SparkplugVerdict:
        """Decide on a message. One that is ``replayed`` from quarantine does not count for the sequence.

        :raises Undecodable: ``bad_payload`` if it is not Sparkplug B, ``unknown_device`` when a birth exceeds the bounds.
        """
        if address.verb in _NOT_DATA:
            return SparkplugVerdict(ignored=IgnoreCause.NOT_DATA)
        message = sparkplug_b(payload)
        if address.verb == "NDEATH":
            return self._node_death(address, message)
        if address.verb == "NBIRTH":
            return self._node_birth(address, message)
        node = self._nodes.get(address.node_key)
        missing = node.follow(message["seq"]) if node and not replayed else 0
        if address.verb == "DBIRTH":
            verdict = self._device_birth(address, message)
        elif address.verb == "DDEATH":
            verdict = self._device_death(address)
        else:
            verdict = self._data(address, message)
        verdict.missing = missing
        needs_birth = verdict.wait or node is None or node.doubted
        if needs_birth and not replayed and self._requests.is_due(address.node_key, now_ms):
            verdict.rebirth = f"{NAMESPACE}/{address.group}/NCMD/{address.node}", encode_rebirth(now_ms)
        return verdict

    def _data(self, address: Address, message: Payload) -> SparkplugVerdict:
        node = self._nodes.get(address.node_key)
        birth = node.births.get(address.device) if node else None
        if all(births.resolve(metric, birth) for metric in message["metrics"]):
            return SparkplugVerdict(document=message)
        return SparkplugVerdict(wait=address.key)

    def _node_birth(self, address: Address, message: Payload) -> SparkplugVerdict:
        node = self._nodes.get(address.node_key) or _EdgeNode()
        self._kept -= node.size
        former, node.births, node.doubted = node.births, {}, True  # aliases of the session before must not be used any more
        self._keep(address, node, births.birth_of(message))
        node.seq, node.doubted, node.bd_seq = None, False, births.bd_seq_of(message)
        verdict = self._born(address, node, message)
        verdict.offline = tuple(device for device in node.saved if device not in former and device != NODE)
        for device in verdict.offline:  # they were not born again since the birth before this one
            del node.saved[device]
            verdict.save[address.key_of(device)] = None
        return verdict

    def _device_birth(self, address: Address, message: Payload) -> SparkplugVerdict:
        node = self._nodes.get(address.node_key) or _EdgeNode()
        self._forget(node, address.device)
        self._keep(address, node, births.birth_of(message))
        return self._born(address, node, message)

    def _keep(self, address: Address, node: _EdgeNode, birth: Birth) -> None:
        """Keep a birth if it fits the bounds."""
        if node.size + birth.size > NODE_METRICS_MAX or self._kept + birth.size > METRICS_KEPT_MAX:
            raise _too_many(f"{len(birth.types)} metrics of {address.key}, with those known before, are too many to be kept")
        if address.node_key not in self._nodes and len(self._nodes) >= NODES_MAX:
            raise _too_many(f"{address.node_key} would be edge node {len(self._nodes) + 1}; at most {NODES_MAX} are followed")
        self._nodes[address.node_key] = node
        self._kept += birth.size
        node.births[address.device] = birth

    @staticmethod
    def _born(address: Address, node: _EdgeNode, message: Payload) -> SparkplugVerdict:
        verdict = SparkplugVerdict(document=message, released=(address.key,), online=(address.device,))
        text = births.to_text(node.births[address.device], node.bd_seq)
        if NODE in node.births and node.saved.get(address.device) != hash(text):
            node.saved[address.device] = hash(text)
            verdict.save[address.key] = text
        return verdict

    def _node_death(self, address: Address, message: Payload) -> SparkplugVerdict:
        """Mark the node and all its devices as offline, unless this death belongs to a session before its birth."""
        verdict = SparkplugVerdict(ignored=IgnoreCause.STATUS)
        node = self._nodes.get(address.node_key)
        bd_seq = births.bd_seq_of(message)
        if node and (bd_seq is None or node.bd_seq is None or bd_seq == node.bd_seq):
            del self._nodes[address.node_key]
            self._kept -= node.size
            verdict.offline = tuple(sorted(node.births.keys() | node.saved.keys() | {NODE}))
            verdict.save = {address.key_of(device): None for device in node.saved}
        return verdict

    def _device_death(self, address: Address) -> SparkplugVerdict:
        verdict = SparkplugVerdict(ignored=IgnoreCause.STATUS, offline=(address.device,))
        node = self._nodes.get(address.node_key)
        if node is not None:
            self._forget(node, address.device)
            if node.saved.pop(address.device, None) is not None:
                verdict.save = {address.key: None}
        return verdict

    def _forget(self, node: _EdgeNode, device: str) -> None:
        birth = node.births.pop(device, None)
        self._kept -= birth.size if birth else 0

    def restore(self, texts: Mapping[str, str]) -> list[str]:
        """Take the births that were saved: key → text. Births since then were missed, so rebirths will be requested.

        :return: keys of obsolete texts, to be deleted: of an older session of their node, or damaged.
        """
        nodes_first = sorted(texts, key=lambda key: key.count("/"))
        return [key for key in nodes_first if not self._restore_one(key, texts[key])]

    def _restore_one(self, key: str, text: str) -> bool:
        address, saved = births.address_of(key), births.from_text(text)
        if address is None or saved is None:
            return False
        birth, bd_seq = saved
        node = self._nodes.get(address.node_key) if address.device else _EdgeNode(bd_seq)
        if node is None or node.bd_seq != bd_seq:
            return False
        try:
            self._keep(address, node, birth)
        except Undecodable:
            return False
        node.saved[address.device] = hash(text)
        return True


class _Requests:
    """Pacing of requests for births: the longer they do not help, the rarer they become. A quiet time resets the pace."""

    def __init__(self) -> None:
        self._next: dict[str, tuple[int, int]] = {}

    def is_due(self, node_key: str, now_ms: int) -> bool:
        """Tell if a request is due now, and count it as made."""
        due_ms, wait_ms = self._next.pop(node_key, (0, 0))
        calm = now_ms >= due_ms + wait_ms
        set_back = due_ms - now_ms > ASK_SELDOM_MS
        due = now_ms >= due_ms or set_back
        if due:
            wait_ms = ASK_EVERY_MS if calm or set_back else min(2 * wait_ms, ASK_SELDOM_MS)
            due_ms = now_ms + wait_ms
        self._next[node_key] = (due_ms, wait_ms)
        if len(self._next) > NODES_MAX:
            del self._next[next(iter(self._next))]
        return due


def _too_many(detail: str) -> Undecodable:
    return Undecodable(RejectReason.UNKNOWN_DEVICE, detail)
