"""InfluxQL: the statements that are sent, and what is made of the answers."""

# ruff: noqa: S608 - statements that are expected

import asyncio
from collections.abc import Sequence

import pytest

from gateway.ingest.database.influxql import InfluxqlStore, name, text
from gateway.ingest.database.store import (
    Counter,
    FieldFigures,
    SampledField,
    Side,
    StoredSeries,
    StoreFault,
    SumPoint,
    TimeSpan,
    WholePoint,
)
from gateway.support.config.model import Influxdb
from tests.ingest.database.scripted import Scripted, all_of
from tests.rows import each_row

WINDOW = TimeSpan(1000, 5000)
IN_WINDOW = "time >= 1000ms AND time < 5000ms"
DAY = 86_400_000
M1 = StoredSeries("m1")


def series(columns: list[str], values: Sequence[Sequence[object]], name: str = "water", **tags: str) -> dict[str, object]:
    return {"results": [{"series": [{"name": name, "columns": columns, "values": values, "tags": tags}]}]}


def store(answers: dict[str, object], version: str = "1.8.10", **config: object) -> tuple[InfluxqlStore, Scripted]:
    http = Scripted(answers)
    return http.store(InfluxqlStore, Influxdb.model_validate({"bucket": "iot/kept"} | config), version), http


def test_the_kind_of_influxdb_decides_what_it_can() -> None:
    kinds = [store({}, version)[0] for version in ("1.8.10", "2.7.1", "3.2.0", "")]
    assert [kind.name for kind in kinds] == ["InfluxDB 1.8.10", "InfluxDB 2.7.1", "InfluxDB 3.2.0", "InfluxDB "]
    assert [kind.is_overwritten for kind in kinds] == [kind.can_delete for kind in kinds] == [True, True, False, True]
    assert [kind.longest_ms // DAY for kind in kinds] == [8, 8, 1, 8]
    assert [kind.limit.split()[1] for kind in kinds] == ["1", "2", "3", "2"]
    assert "cannot delete" in kinds[2].limit


def test_points_near_an_instant_are_picked_by_their_side() -> None:
    async def story() -> None:
        asked, http = store({"SELECT": series(["time", "s", "r"], [[900, 7, None], [950, 8.5, 3]], device="m1")})
        found = await all_of(asked.nearest(Counter("water", "volume_m3"), Side.UP_TO, 1000, 500, ["m1", "m'2"]))
        assert found == [(M1, SumPoint(900, 7, None)), (M1, SumPoint(950, 8.5, 3))]
        assert await all_of(asked.heard("power", Side.AFTER, 1000, 500, None)) == [("m1", 900), ("m1", 950)]
        groups = 'GROUP BY "device", "channel", "direction", "lane", "vehicle_class"'
        own = "(\"device\" = 'm\\'2' OR \"device\" = 'm1')"
        assert http.questions == [
            f'SELECT last("volume_sum_m3"), "volume_m3" FROM "water" WHERE time >= 501ms AND time < 1001ms AND {own} {groups}',
            f'SELECT first("quality") FROM "power" WHERE time >= 1001ms AND time < 1501ms {groups}',
        ]
        path, form = http.asked[0]
        rest = {key: value for key, value in form.items() if key != "q"}
        assert (path, rest) == (
            "/query",
            {"db": "iot", "epoch": "ms", "chunked": "true", "chunk_size": "10000", "rp": "kept"},
        )

    asyncio.run(story())


def test_devices_that_were_not_asked_for_are_left_out() -> None:
    """For more than 500 devices all are asked for."""

    async def story() -> None:
        many = [f"m{number}" for number in range(501)]
        asked, http = store({"SELECT": [series(["time", "q"], [[1, 1]], device=one) for one in ("m500", "other")]})
        assert await all_of(asked.heard("water", Side.UP_TO, 9, 9, many)) == [("m500", 1)]
        assert len(http.asked) == 1
        await all_of(asked.heard("water", Side.UP_TO, 9, 9, many[1:]))
        assert len(http.asked) == 6
        assert await all_of(asked.heard("water", Side.UP_TO, 9, 9, [])) == []
        assert len(http.asked) == 6

    asyncio.run(story())


def test_rows_of_a_series_come_in_one_piece_whatever_the_chunks() -> None:
    async def story() -> None:
        chunks = [series(["time", "a", "b"], [[at, at, None]], device=one) for at, one in ((1, "m1"), (2, "m1"), (3, "m2"))]
        asked, http = store({"SELECT": chunks})
        assert await all_of(asked.rows("water", ["a", 'b"'], WINDOW, ["m1", "m2"])) == [
            (M1, [(1, (1, None)), (2, (2, None))]),
            (StoredSeries("m2"), [(3, (3, None))]),
        ]
        assert http.questions[0].startswith(f'SELECT "a", "b\\"" FROM "water" WHERE {IN_WINDOW} AND (')
        assert await all_of(store({})[0].rows("water", ["a"], WINDOW, ["m1"])) == []

    asyncio.run(story())


def test_points_are_told_with_all_their_tags() -> None:
    async def story() -> None:
        asked, http = store({"SELECT": series(["time", "a"], [[1, 2]], device="m1", lane="", area="A")})
        [placed] = await all_of(asked.placed_rows("water", ["a"], WINDOW, "m1"))
        assert placed == ({"device": "m1", "area": "A"}, [(1, (2,))])
        assert http.questions == [f'SELECT "a" FROM "water" WHERE {IN_WINDOW} AND ("device" = \'m1\') GROUP BY *']

    asyncio.run(story())


def test_newest_values_and_reports_are_the_last_ones() -> None:
    async def story() -> None:
        asked, http = store({
            'FROM "gateway"': series(["time", "last"], [[5, 1.5]], name="gateway", gateway="g1"),
            "SELECT": series(["time", "x", "y"], [[0, None, 4]], device="m1"),
        })  # fmt: skip
        assert await all_of(asked.newest("water", ["a", "b"], WINDOW)) == [(M1, (None, 4))]
        assert await all_of(asked.newest_reports("up", WINDOW)) == [("g1", 5, 1.5)]
        assert http.questions[0].startswith(f'SELECT last("a"), last("b") FROM "water" WHERE {IN_WINDOW} GROUP BY')
        assert http.questions[1] == f'SELECT last("up") FROM "gateway" WHERE {IN_WINDOW} GROUP BY "gateway"'

    asyncio.run(story())


def test_flags_and_spreads_are_worked_out_by_the_database() -> None:
    async def story() -> None:
        asked, http = store({
            "count(": series(["time", "count"], [[0, 3]], device="m1"),
            "min(": series(["time"] + ["n"] * 6, [[0, 1, 2, 3, None, None, None]], device="m1"),
        })  # fmt: skip
        assert await all_of(asked.flagged("water", 4, WINDOW)) == [(M1, 3)]
        assert await all_of(asked.spread("water", ["a", "b"], WINDOW)) == [(M1, {"a": (1, 2, 3)})]
        assert f'SELECT count("quality") FROM "water" WHERE {IN_WINDOW} AND "quality" & 4 = 4 GROUP' in http.questions[0]
        assert http.questions[1].startswith('SELECT min("a"), mean("a"), max("a"), min("b"), mean("b"), max("b") FROM')

    asyncio.run(story())


def test_fields_are_sampled_at_steps() -> None:
    async def story() -> None:
        asked, http = store({"last(*)": series(["time", "last_a", "last_b"], [[0, 1, None], [60, None, True]], device="m1")})
        assert await all_of(asked.sampled(["water", "power"], WINDOW, 60_000, "m1")) == [
            SampledField("water", "a", M1, [(0, 1.0)]),
            SampledField("water", "b", M1, [(60, 1.0)]),
        ]
        assert http.questions[0].startswith(f'SELECT last(*) FROM "water", "power" WHERE {IN_WINDOW} AND ("device" = \'m1\') ')
        assert 'GROUP BY time(60000ms), "device",' in http.questions[0]
        assert http.questions[0].endswith("fill(none)")

    asyncio.run(story())


def test_whole_points_have_the_types_of_their_fields() -> None:
    """A field of two types, in different shards, is read as the wider one; a whole float comes as an integer."""

    async def story() -> None:
        kinds = [["a", "integer"], ["a", "float"], ["b", "boolean"], ["a", "integer"], ["t", "string"]]
        asked, http = store({
            "SHOW MEASUREMENTS": series(["name"], [["water"], ["power"]]),
            'SHOW FIELD KEYS FROM "nothing"': {"results": [{}]},
            "SHOW FIELD KEYS": series(["fieldKey", "fieldType"], kinds),
            "SELECT": series(["time", "a", "b", "t"], [[7, 5, None, "x"]], device="m1", lane=""),
        })  # fmt: skip
        assert await asked.measurements() == ["water", "power"]
        [[point]] = await all_of(asked.points("water", WINDOW))
        assert point == WholePoint("water", {"device": "m1"}, 7, {"a": 5.0, "t": "x"})
        assert isinstance(point.fields["a"], float)
        assert http.questions[-1] == f'SELECT "a", "b", "t" FROM "water" WHERE {IN_WINDOW} GROUP BY *'
        assert {form["chunk_size"] for _, form in http.asked} == {"5000"}
        await all_of(asked.points("water", WINDOW))
        assert sum("FIELD KEYS" in question for question in http.questions) == 1, "types are asked for once"
        assert await all_of(asked.points("nothing", WINDOW)) == []

    asyncio.run(story())


def test_figures_of_days_are_counted_forty_fields_at_a_time() -> None:
    async def story() -> None:
        kinds = [[f"f{number}", "float"] for number in range(40)] + [["up", "boolean"], ["note", "string"]]
        first = series(["time", "c0", "s0", "c1", "s1"], [[0, 2, 5.5, 0, None]])
        second = series(["time", "c0"], [[DAY, 3], [2 * DAY, None]])
        asked, http = store({"FIELD KEYS": series(["fieldKey", "fieldType"], kinds), 'AS "s0"': first, 'AS "c0"': second})
        found = await asked.figures("water", WINDOW)
        assert found == {0: {"f0": FieldFigures(2, 5.5)}, DAY: {"up": FieldFigures(3, 0.0)}, 2 * DAY: {}}
        assert http.questions[2] == f'SELECT count("up") AS "c0" FROM "water" WHERE {IN_WINDOW} GROUP BY time(1d) fill(none)'
        await asked.settle()

    asyncio.run(story())


def test_all_of_a_device_is_found_in_every_retention_policy_of_influxdb_1() -> None:
    async def story() -> None:
        asked, http = store({
            "SHOW RETENTION": series(["name"], [["autogen"], ["kept"]]),
            "TAG VALUES": series(["key", "value"], [["device", "m1"], ["device", "m2"]]),
            '"autogen"./.*/': series(["time", "count_a", "count_b"], [[0, 3, 5]]),
            "count(*)": series(["time", "count_a"], [[0, 0]]),
            "SELECT *": series(["time", "a", "b"], [[4, 1, None]], device="m1"),
        })  # fmt: skip
        assert await asked.devices() == {"m1", "m2"}
        await asked.all_shown(["m1"], 0)
        assert await asked.counted(["m1"], 0) == {"water": 5}
        assert await all_of(asked.points_of(["m1"], 0)) == [WholePoint("water", {"device": "m1"}, 4, {"a": 1})]
        assert http.questions[0] == 'SHOW TAG VALUES WITH KEY = "device"'
        assert 'SELECT * FROM "iot"."autogen"."water" WHERE ("device" = \'m1\') GROUP BY *' in http.questions
        assert not any("rp" in form for _, form in http.asked), "all policies are asked for"

    asyncio.run(story())


def test_elsewhere_there_is_one_policy() -> None:
    async def story() -> None:
        asked, http = store({"count(*)": series(["time", "count_a"], [[0, 3]])}, "2.7.1", bucket="iot")
        assert await asked.counted(["b", "a"], 0) == {"water": 3}
        own = "(\"device\" = 'a' OR \"device\" = 'b')"
        assert http.questions == [f"SELECT count(*) FROM /.*/ WHERE {own}"]
        assert "rp" not in http.asked[0][1]

    asyncio.run(story())


def test_each_influxdb_deletes_in_its_own_way() -> None:
    async def story() -> None:
        asked, http = store({"DROP": {"results": [{}]}})
        await asked.delete(["b", "a"])
        assert http.asked == [("/query", {"db": "iot", "q": "DROP SERIES WHERE (\"device\" = 'a' OR \"device\" = 'b')"})]
        for org, where in ((None, {"bucket": "iot"}), ("o", {"bucket": "iot", "org": "o"})):
            asked, http = store({}, "2.7.1", bucket="iot", org=org)
            await asked.delete(['ướt"'])
            predicate = 'device="ướt\\""'
            document = {"start": "1970-01-01T00:00:00Z", "stop": "2262-04-11T00:00:00Z", "predicate": predicate}
            assert http.ordered == [("/api/v2/delete", where, document)]
        with pytest.raises(StoreFault, match="http://db: InfluxDB 3 Core cannot delete"):
            await store({}, "3.2.0")[0].delete(["a"])
        with pytest.raises(StoreFault, match="http://db, database iot: no right"):
            await store({"DROP": {"results": [{"error": "no right"}]}})[0].delete(["a"])

    asyncio.run(story())


@each_row(
    ("answer", "said"),
    [
        ({"error": "whole"}, "http://db, database iot: whole"),
        ({"results": [{}, {"error": "part"}]}, "http://db, database iot: part"),
        ({"results": 7}, "http://db does not speak InfluxQL, it answers: {"),
        (series(["time", "x"], [[1, "text"]], device="m1"), "the database answers 'text' where a number was asked for"),
    ],
)
def test_an_answer_that_is_none_is_a_fault(answer: object, said: str) -> None:
    async def story() -> None:
        await all_of(store({"SELECT": answer})[0].newest("water", ["a"], WINDOW))

    with pytest.raises(StoreFault) as fault:
        asyncio.run(story())
    assert str(fault.value).startswith(said)


def test_names_and_texts_are_quoted() -> None:
    assert name('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
    assert text("a'b\\c") == "'a\\'b\\\\c'"
