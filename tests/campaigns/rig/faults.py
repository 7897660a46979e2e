"""Faults of a world: how each begins, goes on and ends. The table has what any campaign of one gateway may choose from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from tests.campaigns.rig.schedule import Deed, Kind
from tests.campaigns.rig.world import World

W_contra = TypeVar("W_contra", contravariant=True)
V = TypeVar("V")


@dataclass(frozen=True)
class Fault(Generic[W_contra]):
    """A kind of fault, and how it is done.

    :ivar again: done each second while it lasts.
    """

    kind: Kind
    begin: Callable[[W_contra, Deed], object]
    end: Callable[[W_contra, Deed], object]
    again: Callable[[W_contra], object] | None = None


def nothing(_: object) -> None:
    """Nothing is to be done."""


def fault(
    name: str,
    parts: set[str],
    begin: Callable[[V], object],
    end: Callable[[V], object] = nothing,
    longest_s: float = 8.0,
    share: float = 1.0,
    again: Callable[[V], object] | None = None,
) -> Fault[V]:
    """A fault that is the same whenever it comes."""
    kind = Kind(name, frozenset(parts), longest_s, share)
    return Fault(kind, lambda world, _: begin(world), lambda world, _: end(world), again)


def by_name(faults: Iterable[Fault[V]]) -> dict[str, Fault[V]]:
    """A table of them."""
    return {each.kind.name: each for each in faults}


GATEWAY, BROKER, INFLUXDB = "gateway", "broker", "InfluxDB"
MQTT, HTTP = "link to the broker", "link to InfluxDB"
LOSS: Final = 0.05
BROKER_KILLS: Final = 0.5
"""A broker that is killed takes with it what would have tried the gateway."""


def _of_link(name: str, part: str, begin: Callable[[World], object], longest_s: float = 8.0) -> Fault[World]:
    return fault(name, {part}, begin, lambda world: (world.mqtt if part == MQTT else world.http).heal(), longest_s)


def _answers(status: int, headers: dict[str, str], body: str) -> Fault[World]:
    return _of_link(f"InfluxDB answers {status}", HTTP, lambda world: world.http.answer(status, headers, body))


FAULTS: Final = by_name(
    (
        # Processes.
        fault("gateway killed", {GATEWAY}, lambda w: w.gate.kill(), lambda w: w.gate.start(), 4.0),
        fault("gateway stopped in order", {GATEWAY}, lambda w: w.gate.stop(), lambda w: w.gate.start(), 3.0),
        fault("gateway paused", {GATEWAY}, lambda w: w.gate.pause(), lambda w: w.gate.resume()),
        fault("broker killed", {BROKER}, lambda w: w.broker.kill(), lambda w: w.broker.start(), 4.0, BROKER_KILLS),
        fault("broker restarted in order", {BROKER}, lambda w: w.broker.stop(), lambda w: w.broker.start(), 3.0),
        fault("broker paused", {BROKER}, lambda w: w.broker.pause(), lambda w: w.broker.resume()),
        fault("InfluxDB killed", {INFLUXDB}, lambda w: w.influxdb.kill(), lambda w: w.influxdb.start()),
        fault("InfluxDB paused", {INFLUXDB}, lambda w: w.influxdb.pause(), lambda w: w.influxdb.resume()),
        fault("power cut", {GATEWAY, BROKER, INFLUXDB}, World.cut_power, World.return_power, 2.0, BROKER_KILLS),
        # The link to the broker.
        _of_link("MQTT cut", MQTT, lambda w: w.mqtt.cut()),
        _of_link("MQTT reset", MQTT, lambda w: w.mqtt.reset(), 3.0),
        _of_link("MQTT half open", MQTT, lambda w: w.mqtt.half_open()),
        _of_link("MQTT 600 ms late", MQTT, lambda w: w.mqtt.delay(0.6)),
        _of_link("MQTT 5 s late", MQTT, lambda w: w.mqtt.delay(5.0)),
        _of_link("MQTT loses 5 %", MQTT, lambda w: w.mqtt.lose(LOSS, seed=1)),
        # The link to InfluxDB.
        _of_link("HTTP cut", HTTP, lambda w: w.http.cut()),
        _of_link("HTTP reset", HTTP, lambda w: w.http.reset(), 3.0),
        _of_link("HTTP half open", HTTP, lambda w: w.http.half_open()),
        _of_link("HTTP connections forgotten", HTTP, lambda w: w.http.forget(), 1.0),
        _of_link("HTTP 600 ms late", HTTP, lambda w: w.http.delay(0.6)),
        _of_link("HTTP 5 s late", HTTP, lambda w: w.http.delay(5.0)),
        _of_link("HTTP loses 5 %", HTTP, lambda w: w.http.lose(LOSS, seed=2)),
        _of_link("204 lost on the way back", HTTP, lambda w: w.http.lose_answer()),
        _of_link("204 replaced by 502", HTTP, lambda w: w.http.answer(502, body="Bad Gateway", forward=True)),
        # What answers in InfluxDB's place, to the gateway's own points too.
        _answers(200, {}, "<html>Please top up your data plan</html>"),
        _answers(400, {}, '{"error":"unable to parse"}'),
        _answers(401, {}, '{"error":"authorization failed"}'),
        _answers(404, {}, '{"error":"database not found: \\"iot\\""}'),
        _answers(413, {}, '{"error":"Request Entity Too Large"}'),
        _answers(422, {}, '{"error":"field type conflict"}'),
        _answers(429, {"Retry-After": "2"}, ""),
        _answers(500, {}, '{"error":"engine: no space left on device"}'),
        _answers(503, {}, "timeout"),
    )
)
