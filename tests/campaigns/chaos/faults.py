"""All that happens in a cabinet on a mountain road: a table of faults, how each begins and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.readings.clock_trust import FEWEST_DEVICES
from tests.campaigns.chaos.surroundings import Resolver
from tests.campaigns.rig.schedule import Kind
from tests.campaigns.rig.world import World

Act = Callable[[World], object]

GATEWAY, BROKER, INFLUXDB, DISK = "gateway", "broker", "InfluxDB", "disk"
MQTT, HTTP = "link to the broker", "link to InfluxDB"
HOUR_S, YEAR_S = 3600, 365 * 86400
LOSS: Final = 0.05
BROKER_KILLS: Final = 0.5
"""A broker that is killed takes with it what would have tried the gateway."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault, and how it is done."""

    kind: Kind
    begin: Act
    end: Act


def _fault(name: str, parts: set[str], begin: Act, end: Act, longest_s: float = 8.0, share: float = 1.0) -> Fault:
    return Fault(Kind(name, frozenset(parts), longest_s, share), begin, end)


def _of_link(name: str, part: str, begin: Act, longest_s: float = 8.0) -> Fault:
    return _fault(name, {part}, begin, lambda world: (world.mqtt if part == MQTT else world.http).heal(), longest_s)


def _answers(status: int, headers: dict[str, str], body: str) -> Fault:
    return _of_link(f"InfluxDB answers {status}", HTTP, lambda world: world.http.answer(status, headers, body))


def _cut_power(world: World) -> None:
    for part in (world.gate, world.broker, world.influxdb):
        part.kill()


def _power_returns(world: World) -> None:
    world.broker.start()
    world.influxdb.start()
    world.start_gateway()


def _forget_names(world: World, resolver: Resolver) -> None:
    """Connections must be made again, or no name would be resolved."""
    world.surroundings.set_resolver(resolver)
    for link in (world.mqtt, world.http):
        link.reset()
        link.heal()


def _find_names(world: World) -> None:
    world.surroundings.set_resolver(Resolver.ANSWERS)


def _set_clock(world: World, off_s: int) -> None:
    """Not of a gateway that has heard too few devices to hold its clock against: that is tests/system/test_system_clock.py."""
    if off_s == 0 or world.heard() >= FEWEST_DEVICES:
        world.surroundings.set_clock(off_s)


def _fill_disk(world: World, *, full: bool) -> None:
    world.disk_full = full
    world.limit_disk()


FAULTS: Final = {
    fault.kind.name: fault
    for fault in (
        # Processes.
        _fault("gateway killed", {GATEWAY}, lambda w: w.gate.kill(), lambda w: w.start_gateway(), 4.0),
        _fault("gateway stopped in order", {GATEWAY}, lambda w: w.stop_gateway(), lambda w: w.start_gateway(), 3.0),
        _fault("gateway paused", {GATEWAY}, lambda w: w.gate.pause(), lambda w: w.gate.resume()),
        _fault("broker killed", {BROKER}, lambda w: w.broker.kill(), lambda w: w.broker.start(), 4.0, BROKER_KILLS),
        _fault("broker restarted in order", {BROKER}, lambda w: w.broker.stop(), lambda w: w.broker.start(), 3.0),
        _fault("broker paused", {BROKER}, lambda w: w.broker.pause(), lambda w: w.broker.resume()),
        _fault("InfluxDB killed", {INFLUXDB}, lambda w: w.influxdb.kill(), lambda w: w.influxdb.start()),
        _fault("InfluxDB paused", {INFLUXDB}, lambda w: w.influxdb.pause(), lambda w: w.influxdb.resume()),
        _fault("power cut", {GATEWAY, BROKER, INFLUXDB}, _cut_power, _power_returns, 2.0, BROKER_KILLS),
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
        # Around the gateway.
        _fault("names gone", {MQTT, HTTP}, lambda w: _forget_names(w, Resolver.GONE), _find_names),
        _fault("names without answer", {MQTT, HTTP}, lambda w: _forget_names(w, Resolver.SILENT), _find_names),
        _fault("disk full", {DISK}, lambda w: _fill_disk(w, full=True), lambda w: _fill_disk(w, full=False)),
        _fault("clock an hour back", {GATEWAY}, lambda w: _set_clock(w, -HOUR_S), lambda w: _set_clock(w, 0)),
        _fault("clock a year ahead", {GATEWAY}, lambda w: _set_clock(w, YEAR_S), lambda w: _set_clock(w, 0)),
    )
}
AWAY: Final = frozenset({"gateway killed", "gateway stopped in order", "gateway paused", "power cut"})
"""While one of these is on, nobody expects the gateway to answer."""
KINDS: Final = tuple(fault.kind for fault in FAULTS.values())
