"""InfluxDB and VictoriaMetrics answer the same to the same questions."""

from collections.abc import AsyncIterator

import pytest

from gateway.core.readings.sums import FoundSum
from gateway.ingest.database.influxql import InfluxqlStore
from gateway.ingest.database.metricsql import MetricsqlStore
from gateway.ingest.database.store import Counter, Devices, Side, Store, StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.reports.roster import nearest_points, newest_points
from gateway.monitoring.reports.stored_counters import FoundSums, newest_sums
from tests.monitoring.reports.stores import Filled

pytestmark = pytest.mark.real

Nearest = AsyncIterator[tuple[StoredSeries, SumPoint]]

HOUR = 3_600_000
DAY = 24 * HOUR
T = 1_790_000_000_000
VOLUME = Counter("water", "volume_m3")
STRANGE = "a'b\"c.*|x-1"


def water(time_ms: int, device: str = "m", tags: str = "", **fields: object) -> str:
    escaped = device.replace("\\", "\\\\").replace(" ", "\\ ").replace(",", "\\,").replace("=", "\\=")
    place = "" if "site=" in tags else ",site=s"
    fields.setdefault("quality", "0i")
    return f"water,device={escaped}{tags}{place} {','.join(f'{key}={value}' for key, value in fields.items())} {time_ms}"


def nearest(filled: Filled, side: Side, at_ms: int, reach_ms: int = HOUR) -> dict[StoredSeries, SumPoint]:
    return dict(filled.every(lambda store: store.nearest(VOLUME, side, at_ms, reach_ms)))


def test_the_nearest_point_stands_on_its_side_and_within_reach(filled: Filled) -> None:
    filled.write(
        [
            water(T - HOUR, volume_m3=1, volume_sum_m3=11),
            water(T, volume_m3=2.5, volume_sum_m3=12.5),
            water(T + 1, volume_m3=3, volume_sum_m3=13.000001),
            water(T + HOUR, volume_m3=4, volume_sum_m3=14),
        ]
    )
    m = StoredSeries("m")
    assert nearest(filled, Side.UP_TO, T) == {m: SumPoint(T, 12.5, 2.5)}
    assert nearest(filled, Side.AFTER, T) == {m: SumPoint(T + 1, 13.000001, 3)}
    assert nearest(filled, Side.UP_TO, T - 1, HOUR) == {m: SumPoint(T - HOUR, 11, 1)}
    assert nearest(filled, Side.UP_TO, T - 1, HOUR - 1) == {}
    assert nearest(filled, Side.AFTER, T + 1, HOUR - 2) == {}


def test_of_a_domain_only_the_devices_that_have_points_in_it_are_asked_for_their_sums(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.write([water(T, "known", volume_m3=1, volume_sum_m3=11)])
    asked: set[tuple[str, str]] = set()

    async def question(store: Store) -> FoundSums:
        nearest = store.nearest

        def noted(counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None) -> Nearest:
            asked.update((counter.measurement, device) for device in devices or ())
            return nearest(counter, side, at_ms, reach_ms, devices)

        monkeypatch.setattr(store, "nearest", noted)
        return await newest_sums(store, {"known", "new"}, T + HOUR)

    assert filled.ask(question) == {"known": {"volume_m3": FoundSum(1, 11, T)}}
    assert asked == {("water", "known")}


def test_a_register_that_was_not_believed_does_not_stand_for_the_sum(filled: Filled) -> None:
    filled.write(
        [
            water(T - 2, volume_m3=2, volume_sum_m3=12),
            water(T - 1, volume_m3=15430),
            water(T + 1, volume_m3=15430),
            water(T + 2, volume_m3=3, volume_sum_m3=13),
        ]
    )
    assert nearest(filled, Side.UP_TO, T) == {StoredSeries("m"): SumPoint(T - 2, 12, 2)}
    assert nearest(filled, Side.AFTER, T) == {StoredSeries("m"): SumPoint(T + 2, 13, 3)}


def test_channels_are_told_apart_and_a_device_that_moved_is_not(filled: Filled) -> None:
    filled.write(
        [
            water(T - 3, tags=",channel=1", volume_m3=1, volume_sum_m3=1),
            water(T - 2, tags=",channel=2", volume_m3=2, volume_sum_m3=2),
            water(T - 1, tags=",channel=1,site=there", volume_m3=3, volume_sum_m3=3),
        ]
    )
    found = nearest(filled, Side.UP_TO, T)
    assert found == {
        StoredSeries("m", channel="1"): SumPoint(T - 1, 3, 3),
        StoredSeries("m", channel="2"): SumPoint(T - 2, 2, 2),
    }


def test_a_strange_name_is_asked_for_and_no_other(filled: Filled) -> None:
    names = [STRANGE, "abc", "x-1", "đồng hồ"]
    filled.write([water(T, name, volume_m3=1, volume_sum_m3=1) for name in names])

    async def devices(store: Store, asked: list[str]) -> set[str]:
        return {series.device async for series, _ in store.nearest(VOLUME, Side.UP_TO, T, HOUR, asked)}

    assert filled.ask(lambda store: devices(store, [STRANGE])) == {STRANGE}
    assert filled.ask(lambda store: devices(store, ["đồng hồ", "abc"])) == {"đồng hồ", "abc"}
    assert filled.ask(lambda store: devices(store, [*map(str, range(600)), "abc"])) == {"abc"}


def test_rows_come_in_order_with_what_is_missing_left_empty(filled: Filled) -> None:
    filled.write(
        [
            water(T + 2, tags=",site=there", volume_m3=3, quality="4i"),
            water(T + 1, volume_m3=2, volume_sum_m3=2),
            water(T, volume_m3=1, volume_sum_m3=1),
            water(T, "n", quality="8i"),
            water(T + 3, volume_m3=4),
        ]
    )
    fields = ["volume_m3", "volume_sum_m3", "quality"]
    found = filled.every(lambda store: store.rows("water", fields, TimeSpan(T, T + 3), ["m", "n"]))
    assert dict(found) == {
        StoredSeries("m"): [(T, (1, 1, 0)), (T + 1, (2, 2, 0)), (T + 2, (3, None, 4))],
        StoredSeries("n"): [(T, (None, None, 8))],
    }


def test_rows_of_a_long_series_come_in_one_piece(filled: Filled) -> None:
    filled.write([water(T + n, volume_m3=n) for n in range(25_000)])
    ((series, rows),) = filled.every(lambda store: store.rows("water", ["volume_m3"], TimeSpan(T, T + DAY), ["m"]))
    assert series == StoredSeries("m")
    assert rows == [(T + n, (n,)) for n in range(25_000)]


def test_a_device_is_heard_by_any_point(filled: Filled) -> None:
    filled.write([water(T - 5, pressure_kpa=1), water(T - 2, ph=7), water(T + 3, ph=7), water(T, "n", ph=7)])

    def heard(side: Side) -> list[tuple[str, int]]:
        return filled.every(lambda store: store.heard("water", side, T - 1, 100, ["m"]))

    assert heard(Side.UP_TO) == [("m", T - 2)]
    assert heard(Side.AFTER) == [("m", T + 3)]


def test_points_with_a_bit_of_quality_are_counted(filled: Filled) -> None:
    qualities = {"usual": [0, 8, 128, 136], "suspect": [4, 0, 12, 4 + 128], "other": [1, 2, 16, 48]}
    filled.write([water(T + n, name, quality=f"{q}i") for name, bits in qualities.items() for n, q in enumerate(bits)])

    def counts(window: TimeSpan) -> dict[StoredSeries, int]:
        found = dict(filled.every(lambda store: store.flagged("water", 4, window)))
        return {series: number for series, number in found.items() if number}

    assert counts(TimeSpan(T, T + 4)) == {StoredSeries("suspect"): 3}
    assert counts(TimeSpan(T + 1, T + 3)) == {StoredSeries("suspect"): 1}
    assert (
        dict(filled.every(lambda store: store.flagged("water", 16, TimeSpan(T, T + 4), ["usual", "suspect"]))).get(
            StoredSeries("other"), 0
        )
        == 0
    )


def test_the_spread_of_a_gauge_is_that_of_its_window(filled: Filled) -> None:
    values = [9, 1, 2.5, 4, 99]
    filled.write([water(T - 1 + n, flow_m3_h=value) for n, value in enumerate(values)] + [water(T, "n", volume_m3=1)])
    fields = ["flow_m3_h", "pressure_kpa"]
    found = filled.every(lambda store: store.spread("water", fields, TimeSpan(T, T + 3), ["m", "n"]))
    assert dict(found) == {StoredSeries("m"): {"flow_m3_h": (1, 2.5, 4)}}


def test_what_was_not_heard_lately_is_looked_for_farther_away(filled: Filled) -> None:
    ages = {"near": HOUR, "yesterday": 20 * HOUR, "weeks": 30 * DAY, "years": 800 * DAY}
    filled.write([water(T - age, name, volume_m3=1, volume_sum_m3=age) for name, age in ages.items()])
    filled.write([water(T - 20 * HOUR, "near", ",lane=2", volume_m3=2, volume_sum_m3=2)])
    devices = list(ages)
    second = StoredSeries("near", lane="2")
    found = filled.ask(lambda store: nearest_points(store, VOLUME, Side.UP_TO, T, devices))
    assert {series.device for series in found} == {"near", "yesterday", "weeks"}
    assert second not in found
    found = filled.ask(lambda store: nearest_points(store, VOLUME, Side.UP_TO, T, devices, [second]))
    assert second in found
    newest = filled.ask(lambda store: newest_points(store, VOLUME, T, devices))
    assert newest[StoredSeries("years")] == SumPoint(T - 800 * DAY, 800 * DAY, 1)


def test_one_probe_tells_the_databases_apart(filled: Filled) -> None:
    async def kind(store: Store) -> type:
        return type(store)

    expected = InfluxqlStore if filled.service.name == "influxdb" else MetricsqlStore
    assert filled.ask(kind) is expected


def test_a_measurement_that_nobody_wrote_has_no_points(filled: Filled) -> None:
    assert nearest(filled, Side.UP_TO, T) == {}
    assert filled.every(lambda store: store.flagged("water", 4, TimeSpan(T, T + 1))) == []
    assert filled.every(lambda store: store.rows("water", ["ph"], TimeSpan(T, T + 1), ["m"])) == []
