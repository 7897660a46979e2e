"""The states of all alarms: begin, raise and end them, tell of overdue ones again, and collect the changes for the shell."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from gateway.core.alarms.alarm import (
    Acknowledged,
    AlarmKey,
    AlarmState,
    AlarmTags,
    Change,
    Drained,
    Severity,
    Standing,
    Transition,
)
from gateway.core.alarms.rules import Rule, Rules

_STANDING_MAX: Final = 64
"""Most conditions and channels that one alarm follows; further ones are ignored while these stand."""
_TOGETHER: Final = 200
"""Alarms looked at between two pauses of the caller."""


class Place(NamedTuple):
    """A device or site that has alarms; after ``gap_ms`` without a reading a pending condition starts again."""

    name: str
    tags: AlarmTags
    gap_ms: int
    registered: bool = False
    simulated: bool = False


class Sight(NamedTuple):
    """A condition that is met.

    :ivar name: the condition, with the channel on which it stands.
    :ivar since_ms: its beginning, if that is earlier than the first reading that met it; None: it is that reading.
    """

    name: str
    time_ms: int
    value: float
    field: str = ""
    since_ms: int | None = None


class States:
    """States by place and rule; ``wake`` is called at the first transition after each drain, and must look at nothing here.

    What only moves on, as a condition of which nobody is told yet, wakes nobody.
    """

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self._places: dict[str, dict[str, AlarmState]] = {}
        self._transitions: list[Transition] = []
        self._changed: dict[AlarmKey, None] = {}

    def __iter__(self) -> Iterator[AlarmState]:
        return (state for states in self._places.values() for state in states.values())

    def has(self, place: str) -> bool:
        """Tell if anything is pending or active at a place."""
        return place in self._places

    def at(self, place: str) -> Mapping[str, AlarmState]:
        """The states of a place, by rule."""
        return self._places.get(place, {})

    def find(self, key: AlarmKey) -> AlarmState | None:
        """The state of an alarm, or None."""
        return self._places.get(key.place, {}).get(key.alarm)

    def restore(self, states: Iterable[AlarmState]) -> None:
        """Restore stored states. Nobody is told again."""
        for state in states:
            self._places.setdefault(state.key.place, {})[state.key.alarm] = state

    def follow(self, states: Iterable[AlarmState], gone: Iterable[AlarmKey] = ()) -> None:
        """Take states of another machine, and forget some; they must be stored, but nobody is told: that machine told them."""
        for key in gone:
            self._remove(key)
        for state in states:
            self._places.setdefault(state.key.place, {})[state.key.alarm] = state
            self.change(state)

    def drain(self, *, pending: bool = True) -> Drained:
        """Return the changes since the last call, and forget them; without ``pending`` only transitions, with their states."""
        keys = list(self._changed) if pending else [change.key for change in self._transitions]
        for key in keys:
            self._changed.pop(key, None)
        drained = Drained(self._transitions, {key: self.find(key) for key in keys})
        self._transitions = []
        return drained

    def stand(self, rule: Rule, place: Place, sight: Sight, *, enough: bool = True) -> AlarmState:
        """Note a condition that is met; raise the alarm when it has stood long enough, unless this is not ``enough``."""
        state = self.find(AlarmKey(rule.name, place.name)) or self._begin(rule, place, sight)
        standing = state.standing.get(sight.name)
        time_ms = sight.time_ms
        if standing is None or (not state.is_active and time_ms - standing.last_ms > place.gap_ms):
            if standing is None and len(state.standing) >= _STANDING_MAX:
                return state
            since_ms = time_ms if sight.since_ms is None else sight.since_ms
            standing = state.standing[sight.name] = Standing(since_ms, time_ms)
        elif time_ms > standing.last_ms:
            standing.last_ms, standing.gone_ms = time_ms, 0
        else:
            return state
        state.value, state.field = sight.value, sight.field
        if not state.is_active:
            self.change(state)
            if enough and time_ms - standing.since_ms >= rule.for_ms:
                state.since_ms, state.raised_ms = standing.since_ms, max(time_ms, 1)
                self._tell(state, Change.RAISED, time_ms)
        return state

    def fall(self, rule: Rule, place: str, name: str, time_ms: int, *, surely: bool = True) -> None:
        """Note a condition that is not met; end the alarm when nothing stands any more."""
        state = self.find(AlarmKey(rule.name, place))
        standing = None if state is None else state.standing.get(name)
        if state is None or standing is None or time_ms < standing.last_ms:
            return
        if state.is_active:
            if not surely:
                return  # the value lies between the limit and where the alarm ends
            standing.gone_ms = standing.gone_ms or time_ms
            if time_ms - standing.gone_ms < rule.clear_after_ms:
                return
        del state.standing[name]
        if not state.standing and not state.nights:
            self.end(state, time_ms)
        else:
            self.change(state)

    def change(self, state: AlarmState) -> None:
        """Note that a state changed and must be stored."""
        self._changed[state.key] = None

    def end(self, state: AlarmState, at_ms: int) -> None:
        """End an alarm, under the tags with which it was raised. A pending one ends without a transition."""
        self._remove(state.key)
        if state.is_active:
            self._tell(state, Change.CLEARED, at_ms)

    def rest(self, state: AlarmState, at_ms: int) -> None:
        """End an alarm, and keep what its state has learnt."""
        if state.is_active:
            self._tell(state, Change.CLEARED, at_ms)
        state.standing, state.raised_ms, state.overdue, state.acknowledged = {}, 0, 0, None
        self.change(state)

    def _remove(self, key: AlarmKey) -> None:
        states = self._places[key.place]
        del states[key.alarm]
        if not states:
            del self._places[key.place]
        self._changed[key] = None

    def pass_on(self, state: AlarmState, rule: Rule, at_ms: int) -> None:
        """End what single readings told of an alarm, for another gateway receives them now; silence, nights and days go on."""
        state.standing = {name: standing for name, standing in state.standing.items() if name in rule.of_all_readings}
        if not state.standing and not (state.nights and rule.of_all_readings):
            self.end(state, at_ms)
        else:
            self.change(state)

    def tell_again(self, state: AlarmState, at_ms: int) -> None:
        """Tell of an active alarm once more: another gateway has told since that it ended there."""
        state.raised_ms = max(at_ms, 1)
        self.change(state)
        self._tell(state, Change.RAISED, at_ms)

    def acknowledge(self, key: AlarmKey, acknowledged: Acknowledged) -> bool:
        """Note that a person knows of an alarm; False: it is not active."""
        state = self.find(key)
        if state is None or not state.is_active:
            return False
        state.acknowledged = acknowledged
        self.change(state)
        self._tell(state, Change.CHANGED, acknowledged.at_ms)
        return True

    def remind(self, rules: Rules, now_ms: int) -> Iterator[None]:
        """Tell of alarms that became overdue, or are for one time more; pause after every few."""
        for number, state in enumerate(list(self)):
            if number % _TOGETHER == 0:
                yield
            if not state.is_active or state.acknowledged is not None or self.find(state.key) is not state:
                continue
            within_ms = rules.by_name[state.key.alarm].acknowledge_ms
            times = (now_ms - state.raised_ms) // within_ms if within_ms else 0
            if times > state.overdue:
                state.overdue = times
                self.change(state)
                self._tell(state, Change.OVERDUE, now_ms)

    def move(self, state: AlarmState, tags: AlarmTags, severity: Severity, at_ms: int) -> None:
        """Give an alarm other tags or another severity: it ends under the old ones and is raised under the new."""
        was_active = state.is_active
        if was_active:
            self._tell(state, Change.CLEARED, at_ms)
        state.tags, state.severity = tags, severity
        self.change(state)
        if was_active:
            self._tell(state, Change.RAISED, at_ms)

    def of_devices(self, names: Collection[str]) -> list[AlarmState]:
        """All states of these devices."""
        return [state for name in names for state in self._places.get(name, {}).values() if state.tags.device == name]

    def _begin(self, rule: Rule, place: Place, sight: Sight) -> AlarmState:
        since_ms = sight.time_ms if sight.since_ms is None else sight.since_ms
        key = AlarmKey(rule.name, place.name)
        state = AlarmState(key, rule.severity, place.tags, since_ms, sight.value)
        state.registered, state.simulated = place.registered, place.simulated
        self._places.setdefault(place.name, {})[rule.name] = state
        return state

    def _tell(self, state: AlarmState, change: Change, at_ms: int) -> None:
        if not self._transitions:
            self.wake()
        self._transitions.append(Transition.of(state, change, at_ms))
