"""The questions the panels ask, in the InfluxQL that InfluxDB 1, 2 and 3 have in common.

Rules that hold in every query:

- ``$timeFilter`` is in the innermost query. An outer query has it too where it groups by time, and only there:
  InfluxDB 1 loses all rows of an outer query with a time filter and without ``GROUP BY time`` when the range begins
  inside an interval.
- A counter is asked per :data:`SERIES` before anything is added up: two registers are never subtracted from each other.
- What is added up over devices has intervals of at least :data:`SUM_INTERVAL`. With shorter ones, meters that report in
  turn would be added in turn, and the sum would flutter.
- A state is counted where it is true, never averaged: only numbers can be. A short alarm is not lost between two
  intervals, and only devices that had one are listed.
"""

from typing import Final

from schemas.quantities import HEALTH, QUANTITIES, TEXT_TAGS, Kind, Quality

EVERY: Final = "$__interval"
HOUR: Final = "1h"
SUM_INTERVAL: Final = "30m"

SERIES: Final = ("device", *TEXT_TAGS)
"""The tags that tell one register from another."""

IN_AREA: Final = '("area" =~ /^${area:regex}$/ OR "device" =~ /^${area:regex}$/)'
"""``area`` may stand on no point at all, and then InfluxDB 3 finds any comparison with it false. "All" is ``.*``, which every
device matches; an area's code is not the name of a device."""

IN_SITE: Final = '"site" =~ /^${site:regex}$/'
CHOSEN: Final = f'{IN_AREA} AND {IN_SITE} AND "device" =~ /^${{device:regex}}$/'
OF_THIS_DOMAIN: Final = '"device" =~ /^${known:regex}$/'
"""Points of ``device_health`` do not say which domain a device belongs to; the hidden variable ``known`` lists its devices."""

ALL_FLAGS_BUT_SIMULATED: Final = Quality.SIMULATED - 1
FLAGS: Final = (
    Quality.GATEWAY_TIME,
    Quality.VALUE_DROPPED,
    Quality.COUNTER_SUSPECT,
    Quality.HISTORIC,
    Quality.ESTIMATED,
    Quality.CLOCK_DOUBTED,
    Quality.MAY_STAND_TWICE,
    Quality.SIMULATED,
)


def select(
    what: str, measurement: str, by: tuple[str, ...] = (), every: str = "", *, also: str = "", fill: str = "none"
) -> str:
    """Of the chosen devices: ``what``, per ``by`` and per interval of length ``every``, where ``also`` holds."""
    where = f"$timeFilter AND {CHOSEN}" + (f" AND {also}" if also else "")
    return f'SELECT {what} FROM "{measurement}" WHERE {where}{_group(by, every, fill)}'  # noqa: S608 - from our tables


def outer(what: str, inner: str, by: tuple[str, ...] = (), every: str = "", *, also: str = "") -> str:
    """``what`` of the rows of ``inner``, per ``by`` and per interval, where ``also`` holds."""
    conditions = [*(["$timeFilter"] if every else []), *([also] if also else [])]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {what} FROM ({inner}){where}{_group(by, every)}"  # noqa: S608 - from our tables


def over_time(measurement: str, field: str, function: str = "mean", by: tuple[str, ...] = ("site",)) -> str:
    """A gauge over time."""
    _check(measurement, field)
    return select(f'{function}("{field}")', measurement, by, EVERY)


def added_up(measurement: str, field: str, by: tuple[str, ...] = ("site",)) -> str:
    """A gauge over time: each device's mean, added up over devices."""
    _check(measurement, field)
    each = select(f'mean("{field}") AS "value"', measurement, (*SERIES, *by), EVERY)
    return outer('sum("value")', each, by, EVERY)


def added_up_now(measurement: str, field: str) -> str:
    """The last value of each device, added up."""
    _check(measurement, field)
    return outer('sum("value")', select(f'last("{field}") AS "value"', measurement, SERIES))


def growth(measurement: str, field: str, by: tuple[str, ...] = ("site",)) -> str:
    """The growth of a counter in each hour, summed over devices. A counter that went back adds nothing."""
    return outer('sum("growth")', _growth_of_each(measurement, field, by), by, HOUR)


def growth_in_all(measurement: str, field: str) -> str:
    """The growth of a counter in the time shown, all devices together."""
    return outer('sum("growth")', _growth_of_each(measurement, field, ()))


def true_now(measurement: str, state: str) -> str:
    """The number of devices whose last value is true."""
    return outer('count("state")', last_states(measurement, state), also='"state" = true')


def last_states(measurement: str, state: str, by: tuple[str, ...] = ()) -> str:
    """The last ``state`` of each device, as column ``state``."""
    _check(measurement, state)
    return select(f'last("{state}") AS "state"', measurement, (*SERIES, *by))


def true_over_time(measurement: str, state: str) -> str:
    """The number of readings that were true, per device and interval; only devices that had any."""
    _check(measurement, state)
    return select(f'count("{state}")', measurement, SERIES, EVERY, also=f'"{state}" = true', fill="0")


def true_in_all(measurement: str, state: str) -> str:
    """A table: how many readings said true, per device; only devices that ever did."""
    _check(measurement, state)
    return select(f'count("{state}") AS "{state}"', measurement, ("device", "site"), also=f'"{state}" = true')


def holding_true(measurement: str, state: str, by: tuple[str, ...] = ("site",)) -> str:
    """The number of devices at true over time: a state holds until the device says otherwise."""
    _check(measurement, state)
    held = select(f'last("{state}") AS "state"', measurement, (*SERIES, *by), EVERY, fill="previous")
    return outer('count("state")', held, by, EVERY, also='"state" = true')


def devices_with_data(measurement: str) -> str:
    """The number of devices that sent a reading in the time shown."""
    return outer('count("quality")', select('last("quality") AS "quality"', measurement, ("device",)))


def last_readings(measurement: str) -> str:
    """A table: when each device last sent a reading, and that reading's flags."""
    return select('last("quality") AS "quality"', measurement, ("device", "site"))


def flagged_share(measurement: str) -> str:
    """Percentage of readings with any flag but "simulated": adding 127 to 1..127 carries into bit 128."""
    any_flag = f'((("quality" & {ALL_FLAGS_BUT_SIMULATED}) + {ALL_FLAGS_BUT_SIMULATED}) & 128) / 128'
    return outer('mean("flag") * 100', select(f'{any_flag} AS "flag"', measurement))


def flag_shares(measurement: str) -> str:
    """Percentage of readings with each flag over time, as columns ``flag_1``, ``flag_2``, … ``flag_128``."""
    bits = ", ".join(f'("quality" & {flag}) / {flag} AS "flag_{flag}"' for flag in FLAGS)
    shares = ", ".join(f'mean("flag_{flag}") * 100 AS "flag_{flag}"' for flag in FLAGS)
    return outer(shares, select(bits, measurement), every=EVERY)


def silent_devices(also: str = "") -> str:
    """A table: devices the gateway last called silent, and for how long, ``silence_s``."""
    last = select('last("up") AS "up", last("silence_s") AS "silence_s"', HEALTH, ("device", "site"), also=also)
    return outer('"silence_s"', last, ("device", "site"), also='"up" = false')


def tag_values(tag: str, measurement: str, condition: str = "") -> str:
    """The values of a tag, for a variable."""
    return f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"' + (f" WHERE {condition}" if condition else "")


def _growth_of_each(measurement: str, field: str, by: tuple[str, ...]) -> str:
    _check(measurement, field)
    if QUANTITIES[measurement][field].kind is not Kind.COUNTER:
        raise ValueError(f"{measurement}.{field} is not a counter: it has no growth.")
    return select(f'non_negative_difference(last("{field}")) AS "growth"', measurement, (*SERIES, *by), HOUR)


def _check(measurement: str, *fields: str) -> None:
    unknown = [field for field in fields if field not in QUANTITIES[measurement]]
    if unknown:
        raise ValueError(f"{measurement} has no quantity {', '.join(unknown)}.")


def _group(by: tuple[str, ...], every: str, fill: str = "none") -> str:
    keys = [*([f"time({every})"] if every else []), *(f'"{tag}"' for tag in dict.fromkeys(by))]
    return (f" GROUP BY {', '.join(keys)}" if keys else "") + (f" fill({fill})" if every else "")
