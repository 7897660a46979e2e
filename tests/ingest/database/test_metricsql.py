"""MetricsQL: the questions that are sent, and what is made of the answers."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from gateway.core.readings.line_protocol import escape_tag
from gateway.ingest.database import metricsql
from gateway.ingest.database.metricsql import MetricsqlStore
from gateway.ingest.database.store import (
    Counter,
    FieldFigures,
    SampledField,
    Side,
    StoredSeries,
    StoredValue,
    StoreFault,
    SumPoint,
    TimeSpan,
    WholePoint,
    figures_of,
)
from gateway.support.config.model import Influxdb
from tests.ingest.database.scripted import Scripted, all_of
from tests.rows import each_row

DAY = 86_400_000
WINDOW = TimeSpan(1000, 5000)
M1 = StoredSeries("m1")


def samples(*found: object) -> dict[str, object]:
    return {"status": "success", "data": {"result": found}}


def at(value: object, time_s: float = 0.0, **labels: str) -> dict[str, object]:
    return {"metric": {"device": "m1"} | labels, "value": [time_s, str(value)]}


def exported(metric: str, times: Sequence[int], values: Sequence[float | None], **labels: str) -> dict[str, object]:
    return {"metric": {"__name__": metric, "device": "m1", "db": "x"} | labels, "timestamps": times, "values": values}


def store(answers: Mapping[str, object]) -> tuple[MetricsqlStore, Scripted]:
    """A store; to all other questions the answer is empty."""
    http = Scripted({**answers, "/query": samples()})
    return http.store(MetricsqlStore, Influxdb()), http


def test_it_says_what_it_can() -> None:
    asked, _ = store({})
    assert (asked.name, asked.is_overwritten, asked.can_delete, asked.longest_ms) == ("VictoriaMetrics", False, True, 8 * DAY)
    assert asked.limit.startswith("VictoriaMetrics answers without them from now on")


def test_the_nearest_sum_has_the_register_of_its_time() -> None:
    """The register may be asked for once more, where a newer one was not believed."""

    async def story() -> None:
        asked, http = store({
            "tlast_over_time(water_volume_sum_m3": samples(at(0.9, area="A"), at(0.7, area="B")),
            "last_over_time(water_volume_sum_m3": samples(at(50, area="A"), at(40, area="B"), at(1, device="other")),
            "tlast_over_time(water_volume_m3": samples(at(0.95, area="A"), at(0.7, area="B")),
            "last_over_time(water_volume_m3": samples(at(8, area="A"), at(7, area="B")),
            "export": [exported("water_volume_m3", [900], [5.5])],
        })  # fmt: skip
        found = await all_of(asked.nearest(Counter("water", "volume_m3"), Side.UP_TO, 1000, 500, ["m1"]))
        assert found == [(M1, SumPoint(900, 50.0, 5.5))], "a device that moved is one"
        path, form = http.asked[0]
        assert path == "/api/v1/query"
        assert form["query"] == 'last_over_time(water_volume_sum_m3{device=~"m1"}[500ms])'
        assert (form["time"], form["nocache"], form["deny_partial_response"]) == ("1.000", "1", "1")
        assert http.asked[-1][1] == {
            "start": "0.900",
            "end": "0.900",
            "match[]": '{__name__=~"water_volume_m3",device=~"m1"}',
            "max_rows_per_line": "10000",
        }

    asyncio.run(story())


def test_the_first_point_after_an_instant_is_the_earliest() -> None:
    async def story() -> None:
        first = {"tfirst_": samples(at(2, area="A"), at(3, area="B")), "first": samples(at(1, area="A"), at(9, area="B"))}
        asked, http = store(first)
        [(_, point)] = await all_of(asked.nearest(Counter("water", "volume_m3"), Side.AFTER, 1000, 500, None))
        assert (point.time_ms, point.sum) == (2000, 1.0)
        assert "first_over_time(water_volume_sum_m3{}[500ms])" in http.questions

    asyncio.run(story())


def test_a_sum_without_a_register_has_none() -> None:
    async def story() -> None:
        asked, _ = store({"_sum_m3": samples(at(0.9))})
        [(_, point)] = await all_of(asked.nearest(Counter("water", "volume_m3"), Side.UP_TO, 1000, 500, None))
        assert point.register is None

    asyncio.run(story())


def test_rows_are_put_together_from_their_metrics() -> None:
    async def story() -> None:
        lines = [
            exported("water_a", [1, 2], [5, None]),
            exported("water_b", [2, 3], [7, 8]),
            exported("water_a", [9], [1], device="k1"),
        ]
        asked, http = store({"export": lines})
        assert await all_of(asked.rows("water", ["a", "b"], WINDOW, ["m1", "k.1"])) == [
            (StoredSeries("k1"), [(9, (1, None))]),
            (M1, [(1, (5, None)), (2, (None, 7)), (3, (None, 8))]),
        ]
        assert http.asked[0][1]["match[]"] == '{__name__=~"water_a|water_b",device=~"k\\\\.1|m1"}'
        assert (http.asked[0][1]["start"], http.asked[0][1]["end"]) == ("1.000", "4.999")
        [placed] = await all_of(
            store({"export": [exported("water_a", [1], [5], lane="l")]})[0].placed_rows("water", ["a"], WINDOW, "m1")
        )
        assert placed == ({"device": "m1", "lane": "l"}, [(1, (5,))])
        await all_of(asked.rows("water", ["a", "b"], WINDOW, [f"d{number}" for number in range(41)]))
        assert len(http.asked) == 1 + 3, "twenty devices are held in memory at a time"

    asyncio.run(story())


def test_newest_values_and_reports_are_the_last_ones() -> None:
    async def story() -> None:
        asked, http = store({
            "tlast_over_time(gateway_up": samples(at(4.5, gateway="g1"), at(3, gateway="g2")),
            "last_over_time(gateway_up": samples(at(1, gateway="g1")),
            "tlast_over_time(water_quality": samples(at(4.25)),
            "last_over_time(water_b": samples(at(7)),
        })  # fmt: skip
        assert await all_of(asked.newest_reports("up", WINDOW)) == [("g1", 4500, 1.0)]
        assert await all_of(asked.heard("water", Side.UP_TO, 1000, 500, None)) == [("m1", 4250)]
        assert await all_of(asked.newest("water", ["a", "b"], WINDOW)) == [(M1, (None, 7.0))]
        assert http.asked[0][1]["time"] == "4.999"
        assert "[4000ms]" in http.questions[0]

    asyncio.run(story())


def test_points_with_a_bit_are_looked_at_where_others_than_the_usual_are() -> None:
    async def story() -> None:
        asked, http = store({"count_over": samples(at(3)), "export": [exported("water_quality", [1, 2, 3], [4, 0, 12])]})
        assert await all_of(asked.flagged("water", 4, WINDOW)) == [(M1, 2)]
        usual = " - ".join(f"count_eq_over_time(water_quality[4000ms], {value})" for value in (0, 8, 128, 136))
        assert http.questions[0] == f"count_over_time(water_quality[4000ms]) - {usual} > 0"
        assert await all_of(asked.flagged("water", 8, WINDOW, ["m2"])) == []
        assert http.questions[2].endswith("- count_eq_over_time(water_quality[4000ms], 0) - "
                                          "count_eq_over_time(water_quality[4000ms], 128) > 0")  # fmt: skip

    asyncio.run(story())


def test_a_spread_is_the_lowest_the_mean_and_the_highest() -> None:
    async def story() -> None:
        parts = {f"{one}_over": samples(at(value, __name__="water_a"), at(0, __name__="water_a", device="m2"))
                 for one, value in (("min", 1), ("avg", 2), ("max", 3))}  # fmt: skip
        asked, http = store(dict(parts))
        assert await all_of(asked.spread("water", ["a", "b"], WINDOW, ["m1"])) == [(M1, {"a": (1.0, 2.0, 3.0)})]
        query = 'min_over_time({__name__=~"water_a|water_b",device=~"m1"}[4000ms]) keep_metric_names'
        assert http.questions[0] == query
        assert len(await all_of(asked.spread("water", ["a"], WINDOW))) == 2

    asyncio.run(story())


def test_a_sample_stands_at_the_start_of_its_step() -> None:
    async def story() -> None:
        found = {"metric": {"__name__": "power_up", "device": "m1"}, "values": [[61, "1"], [121, "0"]]}
        asked, http = store({"last_over": samples(found)})
        assert await all_of(asked.sampled(["water", "power"], WINDOW, 60_000, "m1")) == [
            SampledField("power", "up", M1, [(1000, 1.0), (61_000, 0.0)])
        ]
        path, form = http.asked[0]
        assert (path, form["start"], form["end"], form["step"]) == ("/api/v1/query_range", "61.000", "5.000", "60000ms")
        assert form["query"] == 'last_over_time({__name__=~"water_.+|power_.+",device=~"m1"}[60000ms])'

    asyncio.run(story())


def test_measurements_are_those_that_gateways_write() -> None:
    async def story() -> None:
        names = ["hourly_area_volume_m3", "water_flow_m3_h", "go_threads"]
        asked, http = store({"label": {"status": "success", "data": names}})
        assert await asked.measurements() == ["water", "hourly_area"]
        assert http.asked[0][0] == "/api/v1/label/__name__/values"
        assert http.asked[0][1]["start"] == "2000-01-01T00:00:00Z"

    asyncio.run(story())


def test_whole_points_have_the_types_of_the_table() -> None:
    async def story() -> None:
        asked, http = store({"export": [
            exported("water_flow_m3_h", [1, 2], [5, None]),
            exported("water_quality", [1], [4]),
            exported("water_valve_open", [1], [1]),
        ]})  # fmt: skip
        [points] = await all_of(asked.points("water", WINDOW))
        assert points == [WholePoint("water", {"device": "m1"}, 1, {"flow_m3_h": 5.0, "quality": 4, "valve_open": True})]
        assert [type(value) for value in points[0].fields.values()] == [float, int, bool]
        assert http.asked[0][1]["match[]"] == '{__name__=~"water_.+"}'
        await all_of(asked.points("hourly", WINDOW))
        assert http.asked[1][1]["match[]"] == '{__name__=~"hourly_.+",__name__!~"hourly_area_.+"}'

    asyncio.run(story())


def test_of_the_writings_of_a_period_the_newest_stands_at_its_beginning() -> None:
    async def story() -> None:
        hour, written = 3_600_000, [3_600_001, 3_600_009]
        asked, _ = store(
            {"export": [exported("hourly_volume_m3", written, [5, 7]), exported("hourly_volume_m3", [3_600_004], [6])]}
        )
        [[point]] = await all_of(asked.points("hourly", TimeSpan(0, DAY)))
        assert (point.time_ms, point.fields["volume_m3"]) == (hour, 7)
        assert await asked.figures("hourly", TimeSpan(0, DAY)) == {0: {"volume_m3": FieldFigures(1, 7)}}

    asyncio.run(story())


def test_figures_of_days_are_counted_by_the_database() -> None:
    async def story() -> None:
        day_end_s = DAY / 1000 - 0.001

        def daily(**values: object) -> dict[str, object]:
            found = [
                {"metric": {"__name__": f"water_{field}"}, "values": [[day_end_s, str(value)]]}
                for field, value in values.items()
            ]
            return samples(*found)

        asked, http = store({"count_over": daily(flow_m3_h=3, valve_open=2), "sum_over": daily(flow_m3_h=7.5, valve_open=1)})
        expected = {0: {"flow_m3_h": FieldFigures(3, 7.5), "valve_open": FieldFigures(2, 0.0)}}
        assert await asked.figures("water", TimeSpan(0, DAY)) == expected
        form = http.asked[0][1]
        assert form["query"] == 'sum(count_over_time({__name__=~"water_.+"}[86400000ms]) keep_metric_names) by (__name__)'
        assert (form["start"], form["end"], form["step"]) == ("86399.999", "86399.999", "86400000ms")

    asyncio.run(story())


def test_it_is_told_to_show_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def story() -> None:
        asked, http = store({})
        await asked.settle()
        assert ([path for path, _ in http.asked], slept) == (["/internal/force_flush"] * 2, [4.0])
        http.url = "http://vm/select/0/prometheus"
        await asked.settle()
        assert (len(http.asked), slept) == (2, [4.0, 8.0])

    monkeypatch.setattr("gateway.ingest.database.metricsql.asyncio.sleep", sleep)
    asyncio.run(story())


def test_all_of_a_device_is_asked_for_a_month_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        now_ms = 40 * DAY
        asked, http = store({
            "label/device": {"status": "success", "data": ["m1", "m2"]},
            "min(tfirst": samples(at(172800), at(86400)),
            "sum by": samples(at(3, __name__="water_a"), at(5, __name__="water_b"), at(2, __name__="hourly_area_a")),
            "'start': '86400.000'": [exported("water_b", [9], [2]), exported("water_a", [9], [None])],
        })  # fmt: skip
        assert await asked.devices() == {"m1", "m2"}
        await asked.all_shown(["m1"], now_ms)
        assert await asked.counted(["m1"], now_ms) == {"water": 5, "hourly_area": 2}
        assert await all_of(asked.points_of(["b", "a"], now_ms)) == [WholePoint("water", {"device": "m1"}, 9, {"b": 2})]
        months = [form for path, form in http.asked if "export" in path]
        assert [form["start"] for form in months] == ["86400.000", "2764800.000", "5443200.000"]
        assert {form["match[]"] for form in months} == {'{device=~"a|b"}'}
        [counted] = [form for _, form in http.asked if "sum by" in form.get("query", "")]
        assert counted["query"] == 'sum by (__name__) (count_over_time({device=~"m1"}[6134400s]) keep_metric_names)'
        assert counted["time"] == "6220800.000"

    monkeypatch.setattr(metricsql, "SHOWN_AFTER_S", 0.0)
    asyncio.run(story())


@each_row(
    ("answer", "said"),
    [
        ({"status": "error", "error": "no"}, "http://db: no"),
        ({"status": "success", "isPartial": True}, "http://db answers in part only"),
        ([7], "http://db does not answer as VictoriaMetrics does: 7"),
    ],
)
def test_an_answer_that_is_none_is_a_fault(answer: object, said: str) -> None:
    with pytest.raises(StoreFault) as fault:
        asyncio.run(all_of_newest(answer))
    assert str(fault.value).startswith(said)


async def all_of_newest(answer: object) -> None:
    await all_of(store({"query": answer})[0].newest("water", ["a"], WINDOW))


def test_a_line_that_is_none_is_a_fault() -> None:
    async def story() -> None:
        await all_of(store({"export": [7]})[0].points("water", WINDOW))

    with pytest.raises(StoreFault, match="does not answer as VictoriaMetrics does: 7"):
        asyncio.run(story())


def test_a_point_is_written_as_a_line_and_its_figures_are_worked_out() -> None:
    fields: dict[str, StoredValue] = {"a": 1.5, "b b": 2, "c": True, "d": 'say "\\"'}
    point = WholePoint("water", {"device": "m1"}, DAY + 7, fields)
    assert point.line() == f'water,device=m1 a=1.5,{escape_tag("b b")}=2i,c=True,d="say \\"\\\\\\"" {DAY + 7}'
    again = WholePoint("water", {}, DAY + 9, {"a": 2.0})
    assert figures_of([point, again]) == {
        DAY: {"a": FieldFigures(2, 3.5), "b b": FieldFigures(1, 2.0), "c": FieldFigures(1, 0.0)}
    }
