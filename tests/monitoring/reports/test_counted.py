"""Amounts that alarms about registers and losses are fed with, from roll-ups that stand in the database."""

import asyncio
from collections.abc import Iterable, Sequence
from math import isnan

from gateway.core.alarms.counted import DAYS, HOURS_BACK, CountedDays, CountedHours
from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.consumption import consumption
from gateway.monitoring.reports.counted import counted_days, counted_hours, families_days
from gateway.monitoring.reports.roster import Roster, stuck_spans
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, HOUR, START, VIETNAM

END = START + 3 * DAY
NEWEST = 1000
INTERVAL = "15min"


def device(id_: str, **about: object) -> RegisteredDevice:
    return RegisteredDevice(**{"id": id_, "domain": "water", "interval": INTERVAL, **about})  # type: ignore[arg-type]


def daily(id_: str, *used: float | str) -> list[str]:
    """The days before the end, the newest last; a text has all fields of its day."""
    begin = END - len(used) * DAY
    texts = [one if isinstance(one, str) else f"volume_used_m3={float(one)!r}" for one in used]
    return [f"daily,device={id_} {text} {begin + day * DAY}" for day, text in enumerate(texts) if text]


def hourly(id_: str, *texts: str) -> list[str]:
    begin = END - len(texts) * HOUR
    return [f"hourly,device={id_} {text} {begin + hour * HOUR}" for hour, text in enumerate(texts) if text]


def hours_of(devices: Iterable[RegisteredDevice], *lines: Sequence[str], domain: str = "water") -> dict[str, CountedHours]:
    store, roster = MemoryStore(line for some in lines for line in some), Roster(devices)

    async def ask() -> dict[str, CountedHours]:
        days = await counted_days(store, roster, domain, END, VIETNAM)
        return {id_: hours async for id_, hours in counted_hours(store, roster, domain, days, END)}

    return asyncio.run(ask())


def families_of(devices: Iterable[RegisteredDevice], *lines: Sequence[str]) -> dict[str, CountedDays]:
    store, roster = MemoryStore(line for some in lines for line in some), Roster(devices)
    days = asyncio.run(counted_days(store, roster, "water", END, VIETNAM))
    return dict(families_days(roster, "water", days, NEWEST))


def newest(figures: Sequence[float] | None, count: int) -> list[float | None]:
    assert figures is not None
    return [None if isnan(one) else round(one, 6) for one in figures[-count:]]


def test_hours_of_a_meter_have_what_it_counted_and_what_its_flow_says() -> None:
    volume = "volume_used_m3={},flow_min_m3_h={},flow_mean_m3_h={},flow_max_m3_h=9.0"
    lines = hourly("m", volume.format(0.5, 0.0, 0.6), "", volume.format(0.0, -0.2, 0.1), volume.format(0.0, 0.0, 0.25))
    found = hours_of([device("m")], lines, daily("m", 3, 4))["m"]
    assert (found.counter, found.end_ms, found.is_customers) == ("volume_m3", END, True)
    assert (len(found.used), len(found.days)) == (HOURS_BACK, DAYS)
    assert newest(found.used, 5) == [None, 0.5, None, 0.0, 0.0]
    assert newest(found.flow, 4) == [0.6, None, 0.0, 0.25], "an hour in which something ran back tells nothing"
    assert newest(found.days, 3) == [None, 3.0, 4.0]
    assert found.behind is None


def test_a_device_without_a_register_is_left_out_and_one_without_flow_has_none() -> None:
    lines = [*hourly("gauge", "pressure_mean_kpa=300.0"), *hourly("m", "volume_used_m3=1.0")]
    found = hours_of([device("gauge"), device("m")], lines)
    assert list(found) == ["m"]
    assert found["m"].flow is None


def test_a_count_of_an_interval_is_what_passes_in_an_hour() -> None:
    lines = hourly("r", "vehicle_count_total_used=0.0,vehicle_count_min=2.0,vehicle_count_mean=5.0,vehicle_count_max=8.0")
    lines = [line.replace("vehicle_count_total_used", "vehicle_count_used") for line in lines]
    found = hours_of([device("r", domain="traffic")], lines, domain="traffic")["r"]
    assert newest(found.flow, 1) == [20.0], "five in a quarter of an hour"
    assert not found.is_customers


def test_behind_a_parent_is_what_its_children_counted_less_what_ran_back() -> None:
    devices = [device("bulk"), device("a", parent="bulk"), device("b", parent="bulk")]
    lines = [
        *hourly("bulk", "volume_used_m3=0.0", "volume_used_m3=0.0"),
        *hourly("a", "volume_used_m3=1.0", "volume_used_m3=2.0"),
        *hourly("b", "volume_used_m3=4.0,volume_reverse_used_m3=1.5", "volume_used_m3=3.0,volume_reverse_used_m3=5.0"),
    ]
    found = hours_of(devices, lines, daily("bulk", 9), daily("a", 9), daily("b", 9))
    assert newest(found["bulk"].behind, 3) == [None, 3.5, 2.0]
    assert not found["bulk"].is_customers
    assert found["a"].is_customers


def test_behind_one_of_two_inlets_nothing_is_said_for_it_may_rest() -> None:
    devices = [device("one"), device("two"), device("a", parent="one, two")]
    lines = [line for id_ in ("one", "two", "a") for line in hourly(id_, "volume_used_m3=1.0")]
    found = hours_of(devices, lines, daily("one", 1), daily("two", 1), daily("a", 1))
    assert (found["one"].behind, found["two"].behind) == (None, None)


def test_a_straight_line_between_two_readings_counts_where_it_begins() -> None:
    devices = [device("bulk"), device("a", parent="bulk")]
    lines = [*hourly("bulk", *["volume_used_m3=0.0"] * 4), *hourly("a", *["volume_used_m3=0.25"] * 3, "volume_used_m3=0.5")]
    found = hours_of(devices, lines, daily("bulk", 1), daily("a", 1))
    assert newest(found["bulk"].behind, 4) == [0.75, 0.0, 0.0, 0.5]


def test_who_counts_for_many_is_no_customer() -> None:
    devices = [device("block", customers=40), device("well", role="supply"), device("house", customers=1)]
    found = hours_of(devices, [line for one in devices for line in hourly(one.id, "volume_used_m3=1.0")])
    assert {id_: hours.is_customers for id_, hours in found.items()} == {"block": False, "well": False, "house": True}


FAMILY = [device("bulk"), device("a", parent="bulk"), device("b", parent="bulk")]


def test_days_of_a_family_are_what_came_in_and_what_was_used() -> None:
    found = families_of(FAMILY, daily("bulk", 10, 12), daily("a", 4, 5), daily("b", 3, 3))
    assert list(found) == ["bulk"]
    assert (found["bulk"].newest, newest(found["bulk"].supplied, 3), newest(found["bulk"].used, 3)) == (
        NEWEST,
        [None, 10.0, 12.0],
        [None, 7.0, 8.0],
    )


def test_a_silent_estimated_or_suspect_meter_stands_with_its_usual_day_up_to_a_fifth_of_what_was_used() -> None:
    marks = "estimated={},suspect={},measured={}"
    days = [
        "volume_used_m3=3.0," + marks.format(0.0, 0.0, 1.0),
        "volume_used_m3=3.0," + marks.format(1.0, 0.0, 0.9),
        "volume_used_m3=3.0," + marks.format(0.0, 1.0, 1.0),
        "volume_used_m3=3.0," + marks.format(0.0, 0.0, 0.5),
        "",
    ]
    found = families_of(FAMILY, daily("bulk", 10, 10, 10, 10, 10), daily("a", 4, 4, 4, 4, 4), daily("b", *days))
    assert newest(found["bulk"].used, 5) == [7.0, None, None, None, None], "three of seven are too much"
    found = families_of(FAMILY, daily("bulk", 20, 20, 20, 20, 20), daily("a", 12, 12, 12, 12, 12), daily("b", *days))
    assert newest(found["bulk"].used, 6) == [None, 15.0, 15.0, 15.0, 15.0, 15.0]


def test_a_meter_counts_nothing_before_its_first_day_and_five_weeks_after_its_last() -> None:
    days: list[float | str] = [*[""] * 2, 1, 3, *[""] * 36]
    found = families_of(FAMILY, daily("bulk", *[20] * 40), daily("a", *[12] * 40), daily("b", *days))
    assert newest(found["bulk"].used, 40) == [12.0, 12.0, 13.0, 15.0, *[14.0] * 35, None]
    never = families_of(
        [*FAMILY, device("c", parent="bulk")],
        daily("bulk", 20),
        daily("a", 12),
        daily("b", 2),
        daily("c", "estimated=1.0,volume_used_m3=4.0"),
    )
    assert newest(never["bulk"].used, 1) == [14.0]


def test_a_family_with_customers_that_nobody_registered_is_not_judged() -> None:
    family = [device("bulk", customers=3), *FAMILY[1:]]
    lines = daily("bulk", 10), daily("a", 4), daily("b", 3)
    assert families_of(family, *lines) == {}
    assert list(families_of([device("bulk", customers=2), *FAMILY[1:]], *lines)) == ["bulk"]


def test_two_inlets_are_judged_together() -> None:
    devices = [device("one"), device("two"), device("a", parent="one, two"), device("b", parent="two")]
    found = families_of(devices, daily("one", 5), daily("two", 6), daily("a", 7), daily("b", 3))
    assert {id_: (newest(one.supplied, 1), newest(one.used, 1)) for id_, one in found.items()} == {"one": ([11.0], [10.0])}


def test_times_in_which_a_register_stood_still_are_read_back() -> None:
    def event(since: int, fields: str = "") -> str:
        return f"event,device=m,kind=stuck stuck_since_ms={float(since)!r}{fields},value=1.0 {since}"

    over = event(START, f",stuck_until_ms={float(START + DAY)!r}")
    store = MemoryStore([over, event(START + 2 * DAY), "event,device=m,kind=exchange value=1.0 5"])
    roster = Roster([device("m")])

    def ask(begin: int) -> list[TimeSpan]:
        return asyncio.run(stuck_spans(store, roster, TimeSpan(begin, END))).get("m", [])

    assert ask(START) == [TimeSpan(START, START + DAY), TimeSpan(START + 2 * DAY, END)]
    assert ask(START + DAY) == [TimeSpan(START + 2 * DAY, END)]


def test_what_a_stuck_register_counted_is_suspect_in_each_period_in_which_it_stood() -> None:
    lines = [
        f"water,device=m volume_m3=5.0,volume_sum_m3=5.0,volume_reverse_m3=1.0,volume_reverse_sum_m3=1.0 {START + hour * HOUR}"
        for hour in range(73)
    ]
    begins, ends = START + DAY + HOUR, START + 2 * DAY
    lines.append(
        f"event,device=m,kind=stuck stuck_since_ms={float(begins)!r},stuck_until_ms={float(ends)!r},value=1.0 {begins}"
    )
    store, roster = MemoryStore(lines), Roster([device("m", interval="1h")])
    spans = [TimeSpan(START + day * DAY, START + (day + 1) * DAY) for day in range(3)]

    async def ask() -> list[dict[str, float]]:
        found = consumption(store, roster, "water", spans, END + DAY)
        return [{use.counter.field: use.marks.suspect for use in period.uses} async for period in found]

    assert asyncio.run(ask()) == [{"volume_m3": suspect, "volume_reverse_m3": 0.0} for suspect in (0.0, 1.0, 0.0)]
