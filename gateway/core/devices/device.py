"""A device and where its readings go: the small and bounded state that the core keeps of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

from gateway.core.devices.limits import NO_GUARD, Guard, sizes_of
from gateway.core.devices.setback import Setback, setback_after
from gateway.core.message import Arrival, Outcome
from gateway.core.readings.clock_trust import WrongClock
from gateway.core.readings.counters import CounterState
from gateway.core.readings.duplicates import RecentFrames, RecentKeys
from gateway.core.readings.line_protocol import Tags, series_pattern
from gateway.core.readings.native import Drop
from schemas.quantities import DOMAINS, RAISED_BY
from schemas.registry import RegisteredDevice
from schemas.rejects import DropCause
from schemas.topics import SIMULATED_PREFIX

_SET_BACK_MS = 60_000
MESSAGE_KEPT_BYTES: Final = 4096
"""Most bytes of a message that is kept while nobody looks at its device."""
_WHOLE_BYTES: Final = 1 << 40
"""Above the size of any message."""
TAG_VALUES_MAX = 64
"""Most values of one tag of one device: a tag that always changes would create a flood of series."""
NO_PARAMS: Final[Mapping[str, float | int | str | bool]] = MappingProxyType({})
"""Entry of a device that is not in the registry."""


Attribute = TypeVar("Attribute")
_NOTHING: Final[dict[str, Any]] = {}


class Seldom(Generic[Attribute]):
    """An attribute that few devices have: it stands in the owner's ``seldom`` only where its value is not the default."""

    def __init__(self, default: Attribute) -> None:
        self._default = default
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type) -> Attribute:  # noqa: ANN401 - whoever has such attributes
        value: Attribute = (owner.seldom or _NOTHING).get(self._name, self._default)
        return value

    def __set__(self, owner: Any, value: Attribute) -> None:  # noqa: ANN401
        if value != self._default:
            owner.seldom = {**(owner.seldom or {}), self._name: value}
        elif owner.seldom is not None:
            owner.seldom = {name: kept for name, kept in owner.seldom.items() if name != self._name} or None


class Replay(NamedTuple):
    """The newest message of a device that was replayed and stamped: number of the replay, arrival, and hash of its payload."""

    number: int
    came_ms: int
    payload: int


@dataclass(slots=True, eq=False)
class Device(RecentKeys):
    """One device: its small and bounded state, with its window of duplicates.

    :ivar offset_ms: the newest time that it told, less the gateway's then; None: it told none in this run.
    :ivar timed_ms: the arrival of the newest reading with a time of its own.
    :ivar shows_too_much_ms: the ms that its clock is ahead, as a person said (``params.clock_offset``), and its times are
        reduced by; None: nobody has.
    :ivar clock: its clock, if that is wrong, or its readings come late.
    :ivar clock_span: the span in which this offset lay when it was last told (:class:`DeviceClocks`).
    :ivar source: the name that it sends under, from the registry or its first message; empty before one came.
    :ivar earlier_offset_ms: the offset that an earlier run knew last. It says nothing of the clock of this run.
    :ivar keeps_bytes: most bytes of a message of it that is kept; -1: none is.
    :ivar last_message: its newest message, for its page; None: not kept, or too large.
    :ivar last_outcome: the outcome of that message, while somebody looks at the device.
    :ivar not_taken_ms: the last time at which InfluxDB refused one of its readings; 0: never.
    :ivar setback: the fault of its newest message; None: it became readings in full.
    :ivar domain: the domain in which it was first heard.
    :ivar guard: its limits, put here by the alarm engine.
    :ivar goodbye_ms: the last time at which it, or its will, said that it is offline.
    :ivar registered_ms: the time at which the registry first named it, for a device that was never heard.
    :ivar reserved: its place does not count against the limit of devices (:mod:`gateway.core.devices.places`).
    :ivar share: the name of the share that it is in, if readings are shared out among gateways.
    """

    name: str
    registered: RegisteredDevice | None
    source: str = ""
    admitted: bool = True
    clock_span: int | None = None
    counters: CounterState | None = None
    domain: str | None = None
    goodbye_ms: int = 0
    guard: Guard = NO_GUARD
    keeps_bytes: int = -1
    last_message: Arrival | None = None
    last_seen_ms: int = 0
    last_seq: int = -1
    last_stamp_ms: int = 0
    offset_ms: int | None = None
    online: bool | None = None
    registered_ms: int = 0
    reserved: bool = False
    seen_frames: RecentFrames | None = None
    seldom: dict[str, Any] | None = None
    seq_missing: int = 0
    series: "dict[str, Series] | None" = None
    share: str = ""
    shows_too_much_ms: int | None = None
    streams: int = 0
    timed_ms: int = 0

    clock = Seldom[WrongClock | None](None)
    earlier_offset_ms = Seldom[int | None](None)

    last_outcome = Seldom[Outcome | None](None)
    last_replay = Seldom[Replay | None](None)
    last_replay_stamp_ms = Seldom(0)
    not_taken_ms = Seldom(0)
    setback = Seldom[Setback | None](None)
    tag_values = Seldom[dict[str, set[str]] | None](None)

    def __post_init__(self) -> None:
        self.shows_too_much_ms = None if self.registered is None else self.registered.clock_offset_ms

    def allowed_tags(self, given: Iterable[tuple[str, str]], dropped: list[Drop]) -> list[tuple[str, str]]:
        """The tags that are accepted for this device; a value beyond the limit of a tag is dropped."""
        known, allowed = self.tag_values or {}, []
        for tag, text in given:
            values = known.setdefault(tag, set())
            if text in values or len(values) < TAG_VALUES_MAX:
                values.add(text)
                allowed.append((tag, text))
            else:
                dropped.append((tag, DropCause.BAD_TAG))
        self.tag_values = known or None
        return allowed

    def take_entry(self, registered: RegisteredDevice | None) -> None:
        """Take its entry of another registry. What its clock told by the correction before says nothing of this one."""
        self.registered, too_much_ms = registered, None if registered is None else registered.clock_offset_ms
        if too_much_ms != self.shows_too_much_ms:
            self.shows_too_much_ms = too_much_ms
            self.offset_ms = self.earlier_offset_ms = self.clock = self.clock_span = None

    @property
    def measures(self) -> str | None:
        """Its domain, from the registry, else the one it was first heard in."""
        return (self.registered.domain if self.registered is not None else None) or self.domain

    @property
    def params(self) -> Mapping[str, float | int | str | bool]:
        """Its parameters in the registry."""
        return self.registered.params if self.registered is not None else NO_PARAMS

    @property
    def last_sign_ms(self) -> int:
        """The time of the last message or last will of the device."""
        return max(self.last_seen_ms, self.goodbye_ms, self.last_stamp_ms)

    @property
    def newest_here_ms(self) -> int:
        """The time of its newest reading that this gateway received, told or stamped; 0: it received none."""
        return max(self.newest_ms, self.last_stamp_ms)

    @property
    def has_left(self) -> bool:
        """True when it said goodbye and nothing came from it since."""
        return self.online is False and self.last_seen_ms <= self.goodbye_ms

    @property
    def is_blank(self) -> bool:
        """True when it never sent anything, live or retained, neither a reading nor a state."""
        sent = self.newest_ms or self.counters is not None or self.last_stamp_ms
        return not (self.last_seen_ms or sent or self.online is not None)

    @property
    def is_noted(self) -> bool:
        """True when its next outcome must be noted: somebody looks at it, or the last one was a setback."""
        return self.keeps_bytes == _WHOLE_BYTES or (self.seldom is not None and self.setback is not None)

    @property
    def is_simulated(self) -> bool:
        """True when a simulator sends its readings."""
        return self.name.startswith(SIMULATED_PREFIX)

    def watch(self) -> None:
        """Keep its messages whole from now on, with what becomes of them: somebody looks at it."""
        self.keeps_bytes = _WHOLE_BYTES

    def keep(self, arrival: Arrival) -> None:
        """Keep its newest message, unless it is too large."""
        self.last_message = arrival if len(arrival.message.payload) <= self.keeps_bytes else None

    def note(self, outcome: Outcome, arrival: Arrival) -> None:
        """Note what became of its newest message. One that became a reading needs no note, unless :attr:`is_noted`."""
        if self.keeps_bytes == _WHOLE_BYTES and self.last_message is arrival:
            self.last_outcome = outcome
        if arrival.now_ms >= self.last_seen_ms:  # one that arrived before others tells nothing of now
            self.setback = setback_after(outcome, arrival.now_ms, self.setback)

    def say(self, now_ms: int, *, online: bool) -> None:
        """Note from its status message or last will that it is online or offline."""
        self.online = online
        if not online:
            self.goodbye_ms = now_ms

    @property
    def raised_bounds(self) -> dict[str, float]:
        """Field → the greater maximum that the registry gives it: a meter behind a transformer has a scale of its own."""
        given = {name: value for name in RAISED_BY if isinstance(value := self.params.get(name), int | float)}
        return {field: float(value) for name, value in given.items() for field in RAISED_BY[name]}

    def rate_counters(self) -> None:
        """Tell its counters the sizes of their meters, as the registry has them now."""
        if self.counters is not None:
            self.counters.rate(sizes_of(self.params))

    def went_on_elsewhere(self) -> None:
        """Note that another gateway has read it since: its sums are asked for, what its sequence lacks here is not missing."""
        self.last_seq = -1
        if self.counters is not None:
            self.counters.ask_again()

    def stamp(self, now_ms: int, *, replayed: bool = False, parity: int | None = None) -> int:
        """The gateway's time for a reading without its own. Two readings of one device never share a millisecond.

        :param parity: 0 or 1 where another gateway may stamp readings of the device too: its stamps have the other one.
        """
        if replayed:  # it came long ago, among readings that come now: it follows its own stamps
            self.last_replay_stamp_ms = _next_ms(self.last_replay_stamp_ms, now_ms, parity)
            return self.last_replay_stamp_ms
        self.last_stamp_ms = _next_ms(self.last_stamp_ms, now_ms, parity)
        return self.last_stamp_ms

    def begin_replay(self, arrival: Arrival, number: int) -> None:
        """Prepare for stamping a message that is replayed. However often that is, its time is the one that was kept with it.

        Further readings of it, all of one ``number``, follow, and other messages that came in the same millisecond.
        """
        came_ms, before = arrival.now_ms, self.last_replay
        replay = Replay(number, came_ms, hash(arrival.message.payload))
        if before is not None and before.number != number:
            is_other = before[1:] != replay[1:]
            if not (is_other and before.came_ms <= came_ms <= self.last_replay_stamp_ms):
                self.last_replay_stamp_ms = 0
        self.last_replay = replay


def _next_ms(last_ms: int, now_ms: int, parity: int | None) -> int:
    """The next stamp. If the clock was set back by more than a minute the last one was wrong: it is not followed."""
    ahead_ms = last_ms - now_ms
    next_ms = now_ms if ahead_ms < 0 or ahead_ms > _SET_BACK_MS else last_ms + 1
    return next_ms if parity is None else next_ms + (next_ms + parity) % 2


class Series:
    """The series of one device in one domain: the tags that never change; ``key`` is its own among those of one message."""

    __slots__ = ("_tagged", "device", "key", "pattern")

    def __init__(self, site: str, device: Device, domain: str, own: Tags = ()) -> None:
        area = device.registered.area if device.registered else None
        self.device = device
        self.pattern = series_pattern(domain, site, area or "", own, simulated=device.is_simulated)
        self.key = hash((self.pattern.key, device.name))
        if device.domain is None and domain in DOMAINS:
            device.domain = self.pattern.domain
        self._tagged: dict[Tags, Series] | None = None

    @property
    def domain(self) -> str:
        """The domain of its readings."""
        return self.pattern.domain

    @property
    def site(self) -> str:
        """The site of the device."""
        return self.pattern.site

    def tagged(self, given: Tags, dropped: list[Drop]) -> "Series":
        """The series of a reading that brings tags of its own; a value beyond the limit of a tag is dropped."""
        series = self._tagged.get(given) if self._tagged is not None else None
        if series is not None:
            return series
        own = tuple(self.device.allowed_tags(given, dropped))
        series = Series(self.site, self.device, self.domain, own) if own else self
        if own == given:
            self._tagged = self._tagged or {}
            if len(self._tagged) < TAG_VALUES_MAX:
                self._tagged[given] = series
        return series
