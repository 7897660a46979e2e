"""The ladder of a device: what must hold, one after the other, for its readings to stand in InfluxDB, and that none alarms.

heard → registered → profile → payload → values → clock → counter → in InfluxDB → alarms

Each rung holds, fails, is not known, or is not reached because one below it stops all messages. It says why by a code and
arguments; :mod:`gateway.support.i18n.ladder` has the sentences. The headline is the first rung at which somebody must act, else
the first that somebody should look at. It is the same verdict for the page of a device, the list and the count of the start
page.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from math import isnan
from types import MappingProxyType
from typing import Final

from gateway.core.batching.deliveries import ReadingPlace
from gateway.core.devices.setback import DUPLICATE, WAITS, Setback, unknown_keys
from gateway.core.message import WaitCause
from gateway.core.status.rungs import DeviceEvidence, Rung, RungArgs, RungName, RungState, near_key
from gateway.core.status.silence import Presence
from gateway.core.status.verdict import Level
from schemas.rejects import DropCause, RejectReason

_AHEAD_MS: Final = 60_000
"""A reading never comes before it was measured: a clock further ahead than this is set wrong."""
_ON_ITS_WAY_MS: Final = 10_000
_NAMED: Final = 3
_NOTHING: Final[RungArgs] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of a device, and what is most important of them."""

    rungs: tuple[Rung, ...]
    headline: Rung

    @property
    def level(self) -> Level:
        """The verdict in a word."""
        return self.headline.level


_Why = RejectReason
_STOPS: Final[Mapping[RungName, Collection[str]]] = {
    RungName.REGISTERED: (_Why.UNKNOWN_DEVICE, f"{WAITS}{WaitCause.UNKNOWN_DEVICE}"),
    RungName.PROFILE: (
        *(_Why.UNKNOWN_TOPIC, _Why.DEVICE_MISMATCH, _Why.AMBIGUOUS_PROFILE, _Why.PROFILE_ERROR, _Why.NO_BIRTH),
        *(f"{WAITS}{WaitCause.NO_BIRTH}", f"{WAITS}{WaitCause.CODEC}"),
    ),
    RungName.PAYLOAD: (_Why.TOO_LARGE, _Why.NOT_UTF8, _Why.BAD_JSON, _Why.BAD_PAYLOAD, _Why.INTERNAL_ERROR),
    RungName.VALUES: (_Why.NO_QUANTITY,),
    RungName.CLOCK: (_Why.TIME_CONFLICT,),
    RungName.INFLUXDB: (_Why.INFLUXDB_REJECTED,),
}
"""The codes of setbacks that stop a message at a rung."""


def ladder(seen: DeviceEvidence) -> Ladder:
    """Judge a device."""
    if seen.elsewhere:
        return _elsewhere(seen)
    rungs: list[Rung] = []
    for name, judge in _JUDGES.items():
        if rungs and (rungs[-1].stops or rungs[-1].state is RungState.NOT_REACHED):
            rungs.append(Rung(name, "not_reached", state=RungState.NOT_REACHED))
        else:
            rungs.append(_stopped(name, seen) or judge(seen))
    last = replace(rungs[-1], code="well_simulated") if seen.simulated else rungs[-1]
    return Ladder((*rungs, _alarms(seen)), _worst([*rungs, _alarms(seen)]) or last)


def _elsewhere(seen: DeviceEvidence) -> Ladder:
    """Judge by the database alone: what the messages were like is known to the gateway that received them."""
    heard, alarms = _heard(seen), _alarms(seen)
    unknown = (_unknown(name, "known_elsewhere") for name in _JUDGES if name is not heard.name)
    return Ladder((heard, *unknown, alarms), _worst([heard, alarms]) or heard)


def _worst(rungs: list[Rung]) -> Rung | None:
    """The first of the rungs of the worst level; None: all are good."""
    return next((rung for level in (Level.TROUBLE, Level.ATTENTION) for rung in rungs if rung.level is level), None)


def _failing(
    name: RungName,
    code: str,
    level: Level = Level.ATTENTION,
    *,
    stops: bool = False,
    found: RungArgs = _NOTHING,
    **args: float | str,
) -> Rung:
    return Rung(name, code, {**found, **args}, RungState.FAILING, level, stops)


def _unknown(name: RungName, code: str, level: Level = Level.GOOD, *, stops: bool = False, found: RungArgs = _NOTHING) -> Rung:
    return Rung(name, code, found, RungState.UNKNOWN, level, stops)


def _stopped(name: RungName, seen: DeviceEvidence) -> Rung | None:
    """The rung at which the newest message ended without a reading, or without all of its readings."""
    setback = seen.setback
    if setback is None or setback.code not in _STOPS.get(name, ()):
        return None
    args = {"since_ms": setback.since_ms, "detail": setback.detail, **_keys(setback, seen)}
    if setback.code == RejectReason.NO_QUANTITY and "guess" in args:
        return _failing(name, "no_quantity_guess", Level.TROUBLE, stops=True, found=args)
    return _failing(name, setback.code, Level.TROUBLE, stops=True, found=args)


def _keys(setback: Setback, seen: DeviceEvidence) -> dict[str, float | str]:
    """The keys that name no quantity, and the first of them for which a quantity is near."""
    unknown = unknown_keys(setback)
    if not unknown:
        return {}
    found: dict[str, float | str] = {"keys": ", ".join(unknown[:_NAMED])}
    for key in unknown:
        if guess := near_key(key, seen.domain):
            return {**found, "key": key, "guess": guess}
    return found


def _heard(seen: DeviceEvidence) -> Rung:
    name, heard = RungName.HEARD, seen.heard_ms
    if not heard and seen.setback is None:
        return _unheard(seen)
    if (flood := seen.flood) is not None:
        size: RungArgs = {"kb_per_s": round(flood.bytes_per_s / 1000)} if flood.bytes_per_s else {"per_s": round(flood.per_s)}
        return _failing(name, "floods_heavy" if flood.bytes_per_s else "floods", heard_ms=heard, found=size)
    if not seen.mqtt_connected and not seen.elsewhere:
        return _unknown(name, "broker_away", Level.ATTENTION)
    level = Level.TROUBLE if seen.registered else Level.ATTENTION
    if seen.has_left:
        return _failing(name, "said_goodbye", level, heard_ms=heard)
    if seen.presence is Presence.SILENT:
        return _failing(name, "silent", level, heard_ms=heard, after_s=seen.silent_after_ms / 1000)
    found: RungArgs = {"heard_ms": heard or seen.arrival_ms}
    is_in_doubt, code = seen.presence is Presence.UNKNOWN, "heard_elsewhere" if seen.elsewhere else "heard"
    return _unknown(name, "heard_in_doubt", Level.ATTENTION, found=found) if is_in_doubt else Rung(name, code, found)


def _unheard(seen: DeviceEvidence) -> Rung:
    if seen.has_readings:
        return _unknown(RungName.HEARD, "only_retained", Level.ATTENTION)
    if seen.presence is Presence.UNKNOWN:
        return _failing(RungName.HEARD, "never_heard", Level.TROUBLE, stops=True)
    return _unknown(RungName.HEARD, "not_heard_yet", Level.ATTENTION, stops=True)


def _registered(seen: DeviceEvidence) -> Rung:
    if seen.waiting:
        return _failing(RungName.REGISTERED, "waits_registration", Level.TROUBLE, stops=True, count=seen.waiting)
    if not seen.registered:
        return _failing(RungName.REGISTERED, "not_registered")
    return Rung(RungName.REGISTERED, "registered")


def _profile(seen: DeviceEvidence) -> Rung:
    if seen.profile:
        return Rung(RungName.PROFILE, "profile_is", {"profile": seen.profile})
    return Rung(RungName.PROFILE, "profile_fits") if seen.has_readings else _unknown(RungName.PROFILE, "profile_open")


def _payload(seen: DeviceEvidence) -> Rung:
    name, setback = RungName.PAYLOAD, seen.setback
    if not seen.has_readings and setback is None:
        return _unknown(name, "no_reading_yet", Level.ATTENTION, stops=True)
    if setback is not None and setback.code == DUPLICATE:
        if seen.arrival_ms - setback.since_ms > seen.silent_after_ms:
            return _failing(name, "repeats", since_ms=setback.since_ms)
        return Rung(name, "duplicate")
    return Rung(name, "payload_good")


def _values(seen: DeviceEvidence) -> Rung:
    name, setback = RungName.VALUES, seen.setback
    if setback is None or not setback.values:
        return Rung(name, "values_good")
    bad = [(path, cause) for path, cause in setback.values if cause not in {DropCause.UNKNOWN_KEY, DropCause.SENTINEL}]
    if bad:
        paths = ", ".join(path for path, cause in bad[:_NAMED] if cause == bad[0][1])
        return _failing(name, "values_dropped", keys=paths, cause=bad[0][1], since_ms=setback.since_ms)
    keys = _keys(setback, seen)
    if "guess" in keys:
        return _failing(name, "unknown_key_guess", found=keys)
    return Rung(name, "unknown_keys" if keys else "no_value_told", keys)


def _clock(seen: DeviceEvidence) -> Rung:
    name, offset_ms = RungName.CLOCK, seen.offset_ms
    if offset_ms is None:
        return _unknown(name, "clock_not_told")
    if seen.clock_doubted:
        return _unknown(name, "gateway_clock_doubted", Level.ATTENTION)
    asked: dict[str, float | str] = {}
    if seen.clock_off_ms is not None and seen.clock_off_ms >= -seen.rules.max_past_ms:
        offset_ms, asked = seen.clock_off_ms, {"clock_offset": seen.clock_asked}
    args = {"offset_s": abs(offset_ms) / 1000, "side": "ahead" if offset_ms > 0 else "behind", **asked}
    code = "clock_asked" if asked and offset_ms < 0 else _clock_fault(seen, offset_ms)
    if code:
        return _failing(name, code, found=args)
    return Rung(name, "clock_good" if offset_ms > -seen.rules.max_future_ms else "clock_or_delay", args)


def _clock_fault(seen: DeviceEvidence, offset_ms: int) -> str:
    """Return the code of what a single reading tells of its device's clock; empty: nothing."""
    if not -seen.rules.max_past_ms <= offset_ms <= seen.rules.max_future_ms:
        return "clock_not_believed"
    if offset_ms > _AHEAD_MS:
        return "clock_ahead"
    return "clock_behind" if offset_ms < -max(seen.rules.late_after_ms, seen.silent_after_ms) else ""


def _counter(seen: DeviceEvidence) -> Rung:
    name = RungName.COUNTER
    for register in seen.registers:
        if register.doubt is not None:
            code = "counter_back" if register.doubt.value < register.value else "counter_jumped"
            return _failing(name, code, counter=register.name, value=register.doubt.value, before=register.value)
    if any(isnan(register.value) for register in seen.registers):
        return _unknown(name, "counter_exchanged")
    if seen.wrong_since_ms:
        return _failing(name, "sums_wrong", since_ms=seen.wrong_since_ms)
    if seen.awaits_sums:
        return _unknown(name, "sums_awaited")
    return Rung(name, "counters_good" if seen.registers else "no_counter", {"count": len(seen.registers)})


def _influxdb(seen: DeviceEvidence) -> Rung:
    name, (place, late_ms), arrival_ms = RungName.INFLUXDB, seen.whereabouts, seen.arrival_ms
    if seen.not_taken_ms and not (place is ReadingPlace.WRITTEN and arrival_ms > seen.not_taken_ms):
        return _failing(name, RejectReason.INFLUXDB_REJECTED, Level.TROUBLE, since_ms=seen.not_taken_ms)
    if place is ReadingPlace.WRITTEN:
        if late_ms is None:
            return Rung(name, "in_influxdb_once", {"arrival_ms": arrival_ms})
        return Rung(name, "in_influxdb", {"arrival_ms": arrival_ms, "late_s": late_ms / 1000})
    if place in _AWAY:
        code, level = _AWAY[place]
        return _failing(name, code, level, arrival_ms=arrival_ms)
    is_stuck = place is ReadingPlace.MEMORY and seen.now_ms - arrival_ms > _ON_ITS_WAY_MS
    code = "on_its_way" if place is ReadingPlace.MEMORY else "whereabouts_unknown"
    return _unknown(name, code, Level.ATTENTION if is_stuck else Level.GOOD, found={"arrival_ms": arrival_ms})


def _alarms(seen: DeviceEvidence) -> Rung:
    urgent, others, worst = seen.alarms
    if not worst:
        return Rung(RungName.ALARMS, "no_alarm")
    if urgent:
        return _failing(RungName.ALARMS, "alarm_urgent", Level.TROUBLE, alarm=worst, count=urgent + others)
    return _failing(RungName.ALARMS, "alarm_active", alarm=worst, count=others)


_AWAY: Final = {ReadingPlace.JOURNAL: ("in_journal", Level.ATTENTION), ReadingPlace.GIVEN_UP: ("given_up", Level.TROUBLE)}
"""Place of a reading that is not in InfluxDB → code and level."""

_JUDGES: Final[Mapping[RungName, Callable[[DeviceEvidence], Rung]]] = {
    RungName.HEARD: _heard,
    RungName.REGISTERED: _registered,
    RungName.PROFILE: _profile,
    RungName.PAYLOAD: _payload,
    RungName.VALUES: _values,
    RungName.CLOCK: _clock,
    RungName.COUNTER: _counter,
    RungName.INFLUXDB: _influxdb,
}
