"""Parts of the tests of alarms: an engine, devices that send, and what it told."""

from collections.abc import Mapping
from datetime import timedelta, timezone

from msgspec import json

from gateway.core.alarms.alarm import AlarmKey, AlarmState, Severity, Transition
from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.rules import Condition, Limit, Rule, Rules, Values
from gateway.core.devices.device import Device, Series
from gateway.core.devices.snapshot import pack, unpack
from gateway.core.devices.streams import Streams
from gateway.core.process import Processor
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.readings.steps import RegisterStep
from gateway.core.status.silence import Silence
from schemas.readings import Value
from schemas.registry import RegisteredDevice
from tests.core.making import MINUTE_MS, NOW_MS, RULES, message, trusted_clock

ZONE = timezone(timedelta(hours=7))
EVERY_MS = 15 * MINUTE_MS


def rule(*when: Condition, name: str = "some", severity: Severity = Severity.WARNING, for_ms: int = 0) -> Rule:
    """A rule of some conditions."""
    return Rule(name, severity, when, {"vi": "", "en": ""}, {"vi": "", "en": ""}, for_ms)


def above(field: str, value: float, clear: float | None = None) -> Values:
    """A condition: a value above a limit."""
    return Values((Limit(field, "above", value, value if clear is None else clear),))


def below(field: str, value: float, clear: float | None = None) -> Values:
    """A condition: a value below a limit."""
    return Values((Limit(field, "below", value, value if clear is None else clear),))


def registered(name: str = "d1", /, **entry: object) -> RegisteredDevice:
    """An entry of the registry, every quarter of an hour where nothing else is said."""
    return RegisteredDevice(**{"id": name, "interval": "15min", "site": "s1", "area": "a1", "domain": "water", **entry})  # type: ignore[arg-type]


class Bed:
    """An engine on a bench."""

    def __init__(self, *rules: Rule, silence: Silence | None = None) -> None:
        self.silence = silence or Silence()
        self.alarms = Alarms(Rules(rules), self.silence, RULES, ZONE)
        self.field_sets = FieldSets()
        self.devices: dict[str, Device] = {}
        self._series: dict[str, Series] = {}

    def device(
        self, name: str = "d1", entry: RegisteredDevice | None = None, domain: str = "water", site: str = "s1"
    ) -> Device:
        """A device that may send."""
        found = self.devices[name] = Device(name, entry)
        self._series[name] = Series(site, found, domain)
        return found

    def send(self, time_ms: int, name: str = "d1", *, quality: int = 0, channel: str = "", **values: Value) -> list[str]:
        """Send a reading; what the engine tells of it."""
        return self.take(time_ms, values, name, quality=quality, channel=channel)

    def take(
        self, time_ms: int, values: Mapping[str, Value], name: str = "d1", *, quality: int = 0, channel: str = ""
    ) -> list[str]:
        """Send a reading whose fields are data of a test."""
        self.push(time_ms, values, name, quality=quality, channel=channel)
        return self.told()

    def push(
        self,
        time_ms: int,
        values: Mapping[str, Value],
        name: str = "d1",
        *,
        quality: int = 0,
        channel: str = "",
        step: RegisterStep | None = None,
    ) -> None:
        """Send a reading; what the engine tells of it stays in the engine."""
        device = self.devices.get(name) or self.device(name)
        device.last_seen_ms = max(device.last_seen_ms, time_ms)
        field_set = self.field_sets.of(tuple(values))
        given = {key: value if isinstance(value, bool | str) else float(value) for key, value in values.items()}
        series = self._series[name].tagged((("channel", channel),), []) if channel else self._series[name]
        self.alarms.reading(series, time_ms, field_set, field_set.values_of(given), quality, step)

    def tick(self, now_ms: int, *, clock_trusted: bool = True) -> list[str]:
        """Make a round; what the engine tells of it."""
        for _ in self.alarms.tick(now_ms, self.devices.values(), clock_trusted=clock_trusted):
            pass
        return self.told()

    def transitions(self) -> list[Transition]:
        """Take what changed."""
        return list(self.alarms.states.drain().transitions)

    def told(self) -> list[str]:
        """Take what changed, in words: ``raised some@d1``."""
        return [f"{change.change} {change.key.id}" for change in self.transitions()]

    def is_active(self, alarm: str = "some", place: str = "d1") -> bool:
        """Tell if an alarm is active."""
        state = self.alarms.states.find(AlarmKey(alarm, place))
        return state is not None and state.is_active


class Pipeline:
    """The core with an engine that knows one rule, that about leaks where no other is given.

    :ivar stored: the states of alarms as the shell stores them.
    """

    def __init__(self, *rules: Rule) -> None:
        self.stored: dict[AlarmKey, bytes] = {}
        self.alarms = Alarms(Rules(rules or (rule(above("alarm_leak", 0)),)), Silence(), RULES, ZONE)
        self.processor = Processor(Streams(), RULES, trusted_clock(), alarms=self.alarms)

    def send(self, payload: object, now_ms: int = NOW_MS, *, replayed: bool = False) -> list[str]:
        """Process a message; what the engine tells of it."""
        self.processor.process(message(payload), now_ms, replayed=replayed)
        transitions, states = self.alarms.states.drain()
        for key, state in states.items():
            self.stored.pop(key, None)
            if state is not None:
                self.stored[key] = json.encode(state)
        return [f"{change.change} {change.key.id}" for change in transitions]

    def restart(self, now_ms: int) -> None:
        """Begin anew with the states that were stored."""
        stored = [json.decode(state, type=AlarmState) for state in self.stored.values()]
        self.alarms = Alarms(self.alarms.rules, Silence(), RULES, ZONE)
        self.alarms.restore(stored, now_ms)
        devices = self.processor.streams.devices
        self.processor = Processor(Streams(), RULES, trusted_clock(), alarms=self.alarms)
        for name, device in devices.items():
            met = self.processor.streams.meet(name)
            assert isinstance(met, Device)
            unpack(pack(device, FieldSets()), met, FieldSets(), now_ms)


def at(turn: float) -> int:
    """The time of a turn of fifteen minutes."""
    return NOW_MS + round(turn * EVERY_MS)
