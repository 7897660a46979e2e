"""Points that gateways write while something is wrong, minute by minute: one gateway a trouble, and a good one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Severity, Transition
from gateway.core.alarms.alarm import Change as AlarmChange
from gateway.monitoring.alarms.documents import alarm_point

Fields = dict[str, float | bool]
MINUTE_MS = 60_000
WRITTEN_MIN = (*range(90), *range(1440, 1464))
"""Minutes with points: an hour and a half, and the same time a day later."""

PAUSES_MIN = {*range(13, 17), *range(25, 29), *range(41, 45), *range(54, 58)}
"""Minutes in which a gateway writes nothing, since it is slow or starts again: less than five together."""

GOOD: Fields = {
    "pending": 12.0,
    "mqtt": True,
    "clock": True,
    "expired": 0.0,
    "lost": 0.0,
    "imbalance": 0.0,
    "broker_dropped": 0.0,
    "certificate_days": 200.0,
    "suspended_codecs": 0.0,
    "waits": 0.0,
}


def _good(minute: int) -> Fields:
    """A good gateway: started again at 50, twice away from the broker for a moment, some messages rejected."""
    return {"rejects": float(minute if minute < 50 else minute - 50), "mqtt": minute not in {20, 21, 60}}


@dataclass(frozen=True)
class StoredStory:
    """A gateway with a trouble.

    :ivar alert: the alert that must come; empty: none.
    :ivar fields: minute → the fields that differ from those of a good gateway; None: it writes nothing.
    :ivar told_min: the first minute at which people may be told; they must be by four minutes later.
    :ivar over_min: the same for its end, which they must be told by seven minutes later.
    """

    gateway: str
    alert: str
    fields: Callable[[int], Fields | None]
    told_min: int = 0
    over_min: int = 0


def _while(begin: int, end: int, fields: Fields) -> Callable[[int], Fields]:
    return lambda minute: fields if begin <= minute < end else {}


STORIES = (
    StoredStory("good", "", _good),
    StoredStory("dead", "GatewayAbsent", lambda minute: None if 10 <= minute < 32 else {}, 14, 32),
    StoredStory("pauses", "", lambda minute: None if minute in PAUSES_MIN else {}),
    StoredStory("waits", "GatewayWaits", _while(10, 30, {"waits": 2.0}), 10, 30),
    StoredStory("mqtt", "GatewayMqttAway", _while(10, 30, {"mqtt": False}), 15, 30),
    StoredStory("filling", "GatewayJournalFilling", _while(10, 30, {"full_s": 7000.0}), 15, 30),
    StoredStory("expired", "GatewayReadingsExpired", _while(10, 9999, {"expired": 500.0}), 10, 24),
    StoredStory("lost", "GatewayReadingsLost", _while(10, 9999, {"lost": 3.0}), 10, 1449),
    StoredStory("imbalance", "GatewayLedgerImbalance", _while(10, 30, {"imbalance": -2.0}), 15, 30),
    StoredStory("rejects", "GatewayRejectsRising", lambda m: {"rejects": 30.0 * min(20, max(0, m - 10))}, 17, 42),
    StoredStory("dropped", "GatewayBrokerDropped", _while(10, 9999, {"broker_dropped": 7.0}), 10, 69),
    StoredStory("clock", "GatewayClockDoubted", _while(10, 40, {"clock": False}), 25, 40),
    StoredStory("certificate", "GatewayCertificateEnds", _while(10, 80, {"certificate_days": 20.0}), 70, 80),
    StoredStory("codec", "GatewayCodecSuspended", _while(10, 40, {"suspended_codecs": 1.0}), 25, 40),
)


def own_points(begin_ms: int) -> Iterator[str]:
    """The points of all gateways."""
    for story in STORIES:
        for minute in WRITTEN_MIN:
            fields = story.fields(minute)
            if fields is not None:
                text = ",".join(f"{name}={value!r}" for name, value in ({"rejects": 0.0} | GOOD | fields).items())
                yield f"gateway,gateway={story.gateway} {text} {begin_ms + minute * MINUTE_MS - 20_000}"


def days(begin_ms: int) -> Iterator[str]:
    """Completeness: power was bad yesterday, and is good as soon as today is written; a simulated device never sent."""
    yesterday, today = begin_ms - 26 * 3_600_000, begin_ms + 80 * MINUTE_MS
    for device, domain, received, time_ms in (
        ("w1", "water", 99.0, yesterday),
        ("sim-w2", "water", 0.0, yesterday),
        ("p1", "power", 60.0, yesterday),
        ("p2", "power", 100.0, yesterday),
        ("p1", "power", 99.0, today),
    ):
        yield f"completeness,device={device},domain={domain} received={received},expected=100.0 {time_ms}"


@dataclass(frozen=True)
class AlarmStory:
    """An alarm of a device or site, from its beginning to its end.

    :ivar planned: minutes of planned work.
    """

    place: str
    severity: Severity = Severity.CRITICAL
    begin: int = 10
    end: int = 40
    planned: range = range(0)
    simulated: bool = False
    is_site: bool = False

    @property
    def tags(self) -> AlarmTags:
        """Its tags."""
        return AlarmTags(area="a", site=self.place) if self.is_site else AlarmTags("a", self.place, "water", "s")

    def points(self, begin_ms: int) -> Iterator[str]:
        """Its points: when it begins, every five minutes, and when it ends."""
        state = AlarmState(AlarmKey("leak", self.place), self.severity, self.tags, begin_ms, 1.0, simulated=self.simulated)
        over = Transition.of(state, AlarmChange.CLEARED, begin_ms + self.end * MINUTE_MS)
        told = dict.fromkeys(range(self.begin, self.end, 5), state) | {self.end: over}
        for minute, what in told.items():
            yield alarm_point(what, begin_ms + minute * MINUTE_MS, silenced=minute in self.planned)


ALARMS = (
    AlarmStory("d1"),
    AlarmStory("ward-1", is_site=True),
    AlarmStory("d2", planned=range(100)),
    AlarmStory("d3", end=60, planned=range(31)),
    AlarmStory("sim-d4", simulated=True),
    AlarmStory("ward-9", simulated=True, is_site=True),
    AlarmStory("d5", Severity.WARNING, 20, 50),
    AlarmStory("d6", Severity.INFO),
)

TOLD: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "DeviceAlarmCritical": {"d1": (10, 40), "ward-1": (10, 40), "d3": (35, 60)},
    "DeviceAlarmWarning": {"d5": (20, 50)},
}
"""Alert → place → minutes at which people are told of its beginning and of its end. Work at d3 is over after 30."""
