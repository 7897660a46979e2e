"""The clocks of devices: which are wrong, and which of their times are used.

A reading that comes late tells an old time, as a clock does that is behind. So the freshest readings count, and only when they
stay behind by the same for an hour is the clock asked about: what was held back is less late each minute, and a device that
uploads its day ends with a fresh reading. A reading of a clock that is ahead may come so late that its time seems right. It is
not used while it may have waited for as long as the clock is ahead.

Whatever is asked, nothing is corrected before a person said so (``params.clock_offset``, :attr:`Device.shows_too_much_ms`).
"""

from datetime import timedelta
from typing import Final, NamedTuple

from gateway.core.devices.device import Device
from gateway.core.readings.clock_trust import TimeRules, WrongClock
from schemas.durations import format_duration

_ASKED_AFTER_MS: Final = 3_600_000
_STAY_MS: Final = 15 * 60_000
"""For so long the times of a clock that was ahead must stay near ours before they are used again."""
_FORGOTTEN_MS: Final = 6 * 3_600_000
"""Readings that waited count after this time without a fresher one."""
_FIVE_MIN_MS: Final = 5 * 60_000


def follow_clock(device: Device, offset_ms: int, now_ms: int, rules: TimeRules) -> bool:
    """Note what a live reading's offset tells; False: its time must not be used, though it may seem right.

    The device does not know of this reading yet: its offset and the time of that are those of the reading before.
    """
    clock, same_ms = device.clock, rules.max_future_ms
    is_near = -rules.late_after_ms <= offset_ms <= same_ms
    if clock is None:
        if not is_near:
            device.clock = WrongClock(offset_ms, now_ms, device.timed_ms if offset_ms > 0 else now_ms)
        return True
    less_ms, before_ms = clock.off_ms - offset_ms, device.timed_ms if device.timed_ms < now_ms else clock.last_ms
    if clock.off_ms > same_ms:
        if less_ms > same_ms:
            return _was_set(device, clock, offset_ms, now_ms, same_ms, is_near=is_near)
        since_ms = now_ms if less_ms < -same_ms else clock.since_ms
        device.clock = clock._replace(off_ms=max(offset_ms, clock.off_ms), since_ms=since_ms, last_ms=before_ms, near_ms=None)
    elif is_near:
        device.clock = None
    elif offset_ms > 0:
        device.clock = WrongClock(offset_ms, now_ms, before_ms)
    elif less_ms < -same_ms or (less_ms > same_ms and now_ms - clock.last_ms > _FORGOTTEN_MS):
        device.clock = WrongClock(offset_ms, clock.since_ms if is_known_as_wrong(device, rules) else now_ms, now_ms)
    elif less_ms <= same_ms:
        device.clock = clock._replace(last_ms=now_ms)
    return True


def _was_set(device: Device, clock: WrongClock, offset_ms: int, now_ms: int, same_ms: int, *, is_near: bool) -> bool:
    """Tell if a clock that was ahead has been set since; else its reading has waited, or may have.

    No reading is older than the one before it was when that came.
    """
    if clock.near_ms is None and clock.last_ms < device.timed_ms < now_ms:
        clock = clock._replace(last_ms=device.timed_ms)
    if clock.near_ms is None or abs(offset_ms - clock.near_ms) > same_ms:
        clock = clock._replace(near_ms=offset_ms, near_since_ms=now_ms)
    if clock.off_ms - offset_ms <= now_ms - clock.last_ms + same_ms and now_ms - clock.near_since_ms < _STAY_MS:
        device.clock, device.clock_span = clock._replace(waited_ms=(clock.last_ms, now_ms)), None  # the next one is asked too
        return False
    device.clock = None if is_near else WrongClock(offset_ms, now_ms, clock.last_ms)
    return True


def is_known_as_wrong(device: Device, rules: TimeRules) -> bool:
    """Tell if a device's clock has been off by about the same for an hour, while ours was right: it tells nothing of ours."""
    clock, offset_ms = device.clock, device.offset_ms
    if clock is None:
        return False
    same_ms = max(rules.max_future_ms, -clock.off_ms // 4)  # readings of a clock that is behind may come late as well
    is_same = offset_ms is not None and abs(offset_ms - clock.off_ms) <= same_ms
    return max(clock.last_ms, device.timed_ms if is_same else 0) - clock.since_ms >= _ASKED_AFTER_MS


def clock_off_ms(device: Device, rules: TimeRules, patience_ms: int) -> int | None:
    """Return by how much a device's clock is ahead of ours, if it is wrong; below 0: behind; None: it is right, or sends late.

    :param patience_ms: for how long the device may hold readings back without being silent.
    """
    clock = device.clock
    if clock is None or -max(rules.late_after_ms, patience_ms) <= clock.off_ms <= rules.max_future_ms:
        return None
    may_be_late = -rules.max_past_ms <= clock.off_ms < 0
    return None if may_be_late and not is_known_as_wrong(device, rules) else clock.off_ms


def asked_offset(device: Device, off_ms: int) -> str:
    """The ``params.clock_offset`` to ask about, with the one that stands, to five minutes: readings need time to come."""
    asked_ms = round((off_ms + (device.shows_too_much_ms or 0)) / _FIVE_MIN_MS) * _FIVE_MIN_MS
    return ("-" if asked_ms < 0 else "") + format_duration(timedelta(milliseconds=abs(asked_ms)))


class WrongTimes(NamedTuple):
    """The first and the last time at which readings of a device stand wrongly; ``is_over``: no more of them are to come."""

    first_ms: int
    last_ms: int
    is_over: bool = False


def wrong_times(device: Device, rules: TimeRules, patience_ms: int) -> WrongTimes | None:
    """The times at which readings of a device stand wrongly until now; None: there are none.

    Those of a clock that is behind stand where it tells; those that came late from one that is ahead at their arrival.
    """
    clock = device.clock
    if clock is None:
        return None
    off_ms = clock_off_ms(device, rules, patience_ms)
    if off_ms is not None and -rules.max_past_ms <= off_ms < 0:
        return WrongTimes(clock.since_ms + off_ms, device.timed_ms + off_ms)
    return WrongTimes(*clock.waited_ms, clock.near_ms is None) if clock.waited_ms[1] else None
