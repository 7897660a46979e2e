"""A native reading as bytes: its payload, and its row of the ledger. Pure.

Its values are encoded once for both, since writing them is a third of what a reading costs besides its physics.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from firmware_sim.devices.source import Sample, SensorValue
from firmware_sim.faults import Spoilt, encode
from schemas.quantities import Quality

NOT_SPOILT: Final = Spoilt(b"")
_TIMELESS: Final = Quality.SIMULATED | Quality.GATEWAY_TIME


class EncodedParts(NamedTuple):
    """Parts of a reading, each as members of a JSON object that others stand before: ``,"ph":7.2,"orp_mv":650``, or empty."""

    tags: bytes
    values: bytes
    health: bytes

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Encode a measurement."""
        tags = _members(sample.tags) if sample.tags else b""
        health = _members(sample.health) if sample.health else b""
        return cls(tags, _members(sample.values), health)

    def payload(self, told_ms: int | None, seq: int) -> bytes:
        """Return the payload; ``told_ms``: the time that the device tells, None: it has no clock."""
        stamp = b"" if told_ms is None else b'"ts":%d,' % told_ms
        return b'{%b"seq":%d%b%b%b}' % (stamp, seq, *self)

    def row(self, begin: bytes, time_ms: int | None, seq: int, spoilt: Spoilt = NOT_SPOILT) -> bytes:
        """Return the row of the ledger; ``begin`` is that of all rows of the device.

        :param time_ms: None: the gateway gives the time.
        :param spoilt: what leaves the device in place of the payload.
        """
        told, quality = (b"null", _TIMELESS) if time_ms is None else (b"%d" % time_ms, Quality.SIMULATED)
        drop, more = b"[]", b',"h":{%b}' % self.health[1:] if self.health else b""
        if spoilt is not NOT_SPOILT:
            drop = encode(spoilt.dropped)
            quality |= Quality.VALUE_DROPPED if spoilt.dropped else 0
            more += b',"expect":%b' % encode(spoilt.reason) if spoilt.reason is not None else b""
        values = (begin, self.tags, told, seq, self.values[1:], quality, drop, more)
        return b'%b%b},"ts":%b,"seq":%d,"f":{%b},"q":%d,"drop":%b%b}' % values


def row_begin(topic: str, domain: str, device: str, site: str) -> bytes:
    """Return the begin of a device's rows, up to its text tags."""
    return encode({"t": topic, "m": domain, "tags": {"device": device, "site": site}})[:-2]


def _members(part: Mapping[str, SensorValue | str]) -> bytes:
    return b"," + encode(part)[1:-1]
