"""The devices that are known: as documents, by any spelling, with what is in memory about each."""

from math import nan

from gateway.core.batching.fair_shares import Flood
from gateway.core.devices.streams import Streams
from gateway.core.process import Processor
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import Register
from gateway.core.status.rungs import RungName
from gateway.core.status.silence import Silence
from gateway.core.status.verdict import Level
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.events import Events
from gateway.monitoring.status.known_devices import NATIVE, DeviceVerdicts, KnownDevices, device_document, nobody
from schemas.registry import RegisteredDevice, Registry
from tests.clocks import SetClock
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, RULES, message, topic, trusted_clock

EUI = "70B3D5E75E000001"
DEVICES = (
    RegisteredDevice("m1", domain="water", site="s1", area="a1", interval="15min"),  # type: ignore[arg-type]
    RegisteredDevice(EUI, model="acme-1"),
    RegisteredDevice("kitchen", source="Ổ cắm", profile="tasmota"),
)


class Watched:
    """A gateway's devices and their judge."""

    def __init__(self, *devices: RegisteredDevice) -> None:
        self.streams = Streams(Registry(devices=[*devices]).by_id())
        self.core = Processor(self.streams, RULES, trusted_clock())
        self.events = Events()
        self.events.influxdb_up = self.events.mqtt_connected = True
        self.silence = Silence()
        self.known = KnownDevices(self.streams, self.silence, RULES)
        deliveries = DeliveryLog(SetClock(NOW_MS))
        self.verdicts = DeviceVerdicts(RULES, self.core.trust, self.silence, self.events, deliveries)

    def send(self, name: str = "m1", at_ms: int = NOW_MS, **fields: object) -> None:
        """Send a reading."""
        self.core.process(message({"ts": at_ms, "flow_m3_h": 1.5, **fields}, topic(name)), at_ms)

    def level(self, name: str = "m1", now_ms: int = NOW_MS) -> Level:
        """The verdict in a word; the ladder never says another one."""
        device = self.known.find(name)
        assert device is not None
        found = self.verdicts.level(device, now_ms)
        assert found is self.verdicts.ladder(device, now_ms).level
        return found


def test_a_device_is_found_under_each_of_its_names() -> None:
    watched = Watched(*DEVICES)
    watched.send("stranger")
    for name, found in {"m1": "m1", EUI: EUI.lower(), EUI.lower(): EUI.lower(), "stranger": "stranger"}.items():
        device = watched.known.find(name)
        assert device is not None, name
        assert device.name == found
    entries = {name: watched.known.entry(name) for name in ("m1", EUI, EUI.lower(), "kitchen")}
    assert entries == {"m1": DEVICES[0], EUI: DEVICES[1], EUI.lower(): DEVICES[1], "kitchen": DEVICES[2]}
    assert watched.known.find("nobody") is None
    assert watched.known.entry("nobody") is None
    assert watched.known.entry("stranger") is None
    assert (
        nobody("x" * 100) == f"{'x' * 80!r} was never heard and is not registered; check its id and the topic that it sends to"
    )


def test_all_are_those_of_the_registry_once_and_who_was_heard_besides() -> None:
    watched = Watched(*DEVICES)
    watched.send("stranger")
    assert sorted(device.name for device in watched.known.all()) == sorted(["m1", EUI.lower(), "kitchen", "stranger"])
    assert sorted(entry.id for entry in watched.known.registry_entries()) == sorted([EUI, "kitchen", "m1"])
    stands = dict(watched.known.stands(NOW_MS))
    assert (str(stands["stranger"].presence), stands["stranger"].domain) == ("online", "water")
    assert str(stands["m1"].presence) != "online"
    *_, fleet = watched.known.look_at_fleet(NOW_MS)
    assert (sum(fleet.total.values()), fleet.unregistered) == (4, 1)


def test_a_fleet_is_looked_at_some_at_a_time() -> None:
    many = Watched(*(RegisteredDevice(f"m{number}") for number in range(401)))
    assert [sum(fleet.total.values()) for fleet in (many.known.look_at_fleet(NOW_MS))] == [200, 400, 401]


def test_a_document_says_what_is_known_now_and_no_more() -> None:
    watched = Watched(*DEVICES)
    watched.send(seq=1)
    watched.send(at_ms=NOW_MS + MINUTE_MS, seq=4)
    watched.send("stranger")
    m1, stranger, never = (watched.known.find(name) for name in ("m1", "stranger", "kitchen"))
    assert m1 is not None
    assert stranger is not None
    assert never is not None
    assert device_document(m1, watched.silence, NOW_MS + 2 * MINUTE_MS) == {
        "id": "m1",
        "registered": True,
        "state": "online",
        "presence": "online",
        "online": True,
        "last_seen": NOW_MS + MINUTE_MS,
        "silent_after_s": 2700.0,
        "site": "s1",
        "domain": "water",
        "area": "a1",
        "interval_s": 900.0,
        "seq_missing": 2,
        "clock_offset_s": 0.0,
    }
    unknown = device_document(stranger, watched.silence, NOW_MS + 2 * HOUR_MS)
    assert (unknown["registered"], unknown["state"], unknown["presence"]) == (False, "unregistered", "silent")
    assert (unknown["online"], unknown["site"], unknown["area"], unknown["interval_s"]) == (False, None, None, None)
    assert (unknown["domain"], unknown["silent_after_s"]) == ("water", 3600.0)
    blank = device_document(never, watched.silence, NOW_MS)
    assert (blank["last_seen"], blank["clock_offset_s"], blank["interval_s"]) == (None, None, None)


def test_a_verdict_without_any_fault_is_quick_and_each_fault_is_weighed() -> None:
    watched = Watched(*DEVICES)
    watched.send()
    assert watched.level() is Level.GOOD
    assert watched.level(now_ms=NOW_MS + 2 * HOUR_MS) is not Level.GOOD, "silent"
    for trouble in ("influxdb_up", "mqtt_connected"):
        setattr(watched.events, trouble, False)
        watched.level()
        setattr(watched.events, trouble, True)
    watched.events.floods = [Flood(topic("m2"), 50.0, 0.5)]
    assert watched.level() is Level.GOOD, "another one floods"
    watched.events.floods = [Flood(topic("m1"), 50.0, 0.5)]
    assert watched.level() is not Level.GOOD
    watched.events.floods = []
    watched.send("stranger")
    assert watched.level("stranger") is not Level.GOOD
    device = watched.known.find("m1")
    assert device is not None
    device.offset_ms = -59_999
    assert watched.level() is Level.GOOD
    for offset_ms in (-50 * 24 * HOUR_MS, -2 * HOUR_MS, 2 * MINUTE_MS, 10 * MINUTE_MS):
        device.offset_ms = offset_ms
        assert watched.level() is not Level.GOOD, offset_ms
    device.offset_ms, device.earlier_offset_ms = None, 10 * MINUTE_MS
    assert watched.level() is not Level.GOOD, "an earlier run knew it last"
    device.earlier_offset_ms = None
    device.counters = CounterState()
    device.counters.restore(Register("volume_m3", nan, NOW_MS))
    watched.level()
    device.counters = None
    device.offset_ms, device.not_taken_ms = 0, NOW_MS
    watched.level()


def test_the_evidence_is_what_the_device_sent_and_what_became_of_it() -> None:
    watched = Watched(*DEVICES)
    watched.send(volume_m3=5)
    watched.events.floods = [Flood(topic("m1"), 7.0, 0.5)]
    m1, kitchen, eui = (watched.known.find(name) for name in ("m1", "kitchen", EUI))
    assert m1 is not None
    assert kitchen is not None
    assert eui is not None
    seen = watched.verdicts.evidence(m1, NOW_MS + 1)
    assert (seen.now_ms, seen.arrival_ms, seen.heard_ms, seen.elsewhere) == (NOW_MS + 1, NOW_MS, NOW_MS, False)
    assert (seen.profile, seen.has_readings, seen.registered, seen.domain) == (NATIVE, True, True, "water")
    assert (seen.flood, seen.mqtt_connected, seen.clock_doubted, seen.offset_ms) == (
        Flood(topic("m1"), 7.0, 0.5),
        True,
        False,
        0,
    )
    nothing = watched.verdicts.evidence(kitchen, NOW_MS)
    assert (nothing.profile, nothing.has_readings, nothing.registers, nothing.wrong_since_ms) == ("tasmota", False, (), 0)
    assert (nothing.flood, nothing.awaits_sums) == (None, False)
    assert watched.verdicts.evidence(eui, NOW_MS).profile == "acme-1"


def test_what_is_on_disk_is_weighed_too() -> None:
    watched = Watched(*DEVICES)
    watched.send("stranger")
    stranger = watched.known.find("stranger")
    assert stranger is not None
    rungs = {rung.name: rung for rung in watched.verdicts.ladder_with(stranger, NOW_MS, profile=None, waiting=3).rungs}
    assert (rungs[RungName.REGISTERED].code, rungs[RungName.REGISTERED].args) == ("waits_registration", {"count": 3})
