"""Counters over HTTP: a meter is exchanged, by a program or on a form; sums are worked out again."""

from pathlib import Path

from gateway.ingest.storage import keyvalue
from tests.core.making import HOUR_MS, NOW_MS
from tests.web.test_registering import entries
from tests.web.visiting import WATER, Answer, Visitor, visit

FORCE = "; if it is right, repeat with --force"


async def counted(visitor: Visitor) -> None:
    """Two registers were read an hour ago."""
    visitor.come("m1", {"ts": NOW_MS, "volume_m3": 1234.75, "pulse_count": 9})
    visitor.clock.at_ms = NOW_MS + HOUR_MS


def test_a_program_is_told_why_an_exchange_cannot_be_as_commands_print_it(tmp_path: Path) -> None:
    several = "--final: m1 has several registers; name one with --field: volume_m3, pulse_count"
    expected = {
        "m1?field=ph": (404, "m1 has no register 'ph'; it has volume_m3, pulse_count"),
        "m1?final=x": (400, "not a number: could not convert string to float: 'x'"),
        "m1?at_ms=x": (400, "not a number: invalid literal for int() with base 10: 'x'"),
        "m1?final=5": (409, several),
        "m1?field=volume_m3&final=5": (409, f"--final: 5 is less than the last register that was read, 1234.75{FORCE}"),
        f"m1?at_ms={NOW_MS + 2 * HOUR_MS}": (409, "--at: this time has not come yet; an exchange is told when it was made"),
        "m1?source=m2": (409, "--source: m2 has the name 'm2' already"),
        "nobody": (404, "'nobody' was never heard and is not registered; check its id and the topic that it sends to"),
    }

    async def story(visitor: Visitor) -> dict[str, tuple[int, str]]:
        await counted(visitor)
        found = {}
        for asked in expected:
            name, _, query = asked.partition("?")
            answer = await visitor.post(f"/api/devices/{name}/exchange?{query}", who="lan")
            found[asked] = (answer.status, answer.document["error"])
        registers = visitor.device("m1").counters
        assert registers is not None
        assert [register.value for register in registers.registers()] == [1234.75, 9], "nothing was exchanged"
        return found

    assert visit(tmp_path, story, [WATER, WATER | {"id": "m2"}]) == expected


def test_an_exchange_begins_its_registers_anew_and_gives_the_device_the_name_of_its_new_meter(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await counted(visitor)
        at = "/api/devices/m1/exchange"
        asked = ("?field=volume_m3&final=5&force=1", f"?field=pulse_count&at_ms={NOW_MS + 1}", "?source=new-01")
        found = [await visitor.post(f"{at}{query}", who="lan") for query in asked]
        return [*found, await visitor.get("/api/audit"), await visitor.get("/api/devices/m1")]

    forced, earlier, renamed, audit, device = visit(tmp_path, story)
    assert forced.document == {"device": "m1", "begin_anew": ["volume_m3"], "told_late": []}
    assert earlier.document == {"device": "m1", "begin_anew": ["pulse_count"], "told_late": []}
    assert renamed.document["begin_anew"] == ["volume_m3", "pulse_count"]
    assert entries(tmp_path)["m1"]["source"] == "new-01"
    renaming, third, second, first = audit.document["audit"]
    assert {entry["action"] for entry in audit.document["audit"]} == {"meter exchanged"}
    assert first["after"].items() >= {"field": "volume_m3", "final": 5.0, "register": None, "at_ms": NOW_MS + HOUR_MS}.items()
    assert second["after"]["at_ms"] == NOW_MS + 1
    assert third["after"]["field"] is None
    assert (renaming["before"].get("source"), renaming["after"]["source"]) == (None, "new-01")
    assert [counter["value"] for counter in device.document["counters"]] == [None, None], "they wait for their first reading"


def test_a_form_of_an_exchange_comes_back_with_the_sentence_beside_its_field_and_asks_if_it_is_right(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await counted(visitor)
        forms: list[dict[str, str]] = [
            {"field": "volume_m3", "final": "1,5"},
            {"final": "q"},
            {"source": "m2"},
            {"field": "ph"},
            {"field": "volume_m3", "final": " 1234,75 ", "register": "0,5", "source": ""},
        ]
        found = [await visitor.post("/devices/m1/exchange", form, "lan") for form in forms]
        visitor.clock.at_ms += HOUR_MS
        timed = {"field": "volume_m3", "at": "2026-11-01T08:30", "register": "0.5", "force": "1"}
        found += [await visitor.post("/devices/m1/exchange", form, "lan") for form in ({"at": "noon"}, timed)]
        filled = f"/devices/m1/exchange?field=volume_m3&at={NOW_MS}&final=1234.5&register=0.25"
        pages = ("/devices/m1/exchange?done=1", filled, "/devices/m1", "/register/m1", "/devices/nobody/exchange")
        return [*found, *[await visitor.page(path) for path in pages], await visitor.page(filled, "")]

    doubt, number, source, field, done, noon, timed, after, filled, device, edit, nobody, guest = visit(
        tmp_path, story, [WATER, WATER | {"id": "m2"}]
    )
    assert [answer.status for answer in (doubt, number, source, field, done)] == [422] * 4 + [303]
    assert "1.5 is less than the last register that was read, 1234.75" in doubt.words
    assert FORCE not in doubt.words
    assert [noon.status, timed.status, nobody.status] == [422, 303, 404]
    assert "'noon' is no time" in noon.words
    assert "last read: 1,234.75 m³" in doubt.words.replace("\xa0", " ")
    for given in ('value="2026-11-01T07:00"', 'value="1234.5"', 'value="0.25"'):
        assert given in filled.text.replace("\xa0", " "), given
    assert 'href="/devices/m1/exchange"' in device.text
    assert 'href="/devices/m1/exchange"' in edit.text
    assert ("<form class" in guest.text, "needs" in guest.words or "Sign in" in guest.words) == (False, True)
    assert ['name="force"' in answer.text for answer in (doubt, number, source, field)] == [True, False, False, False]
    assert 'value="1,5"' in doubt.text, "as it was typed"
    assert "It cannot be saved not a number" in number.words
    assert "Not saved: correct the marked fields." in source.words
    assert "m2 has the name 'm2' already" in source.words
    assert "It cannot be saved m1 has no register 'ph'" in field.words
    assert done.headers["Location"] == "/devices/m1/exchange?done=1"
    assert "The exchange is noted" in after.words


def test_sums_are_worked_out_again_from_a_time_on_and_how_far_that_is_can_be_asked(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await counted(visitor)
        now_ms = visitor.clock.now_ms()
        asked = ("m1", "m1?from_ms=x", "m1?from_ms=-1", f"m1?from_ms={now_ms}", "nobody?from_ms=1", "m1?from_ms=0")
        found = [await visitor.get("/api/devices/m1/resum"), await visitor.get("/api/devices/nobody/resum")]
        for name, _, query in (one.partition("?") for one in asked):
            found.append(await visitor.post(f"/api/devices/{name}/resum?{query}", who="lan"))
        counters = visitor.device("m1").counters
        assert counters is not None
        found += [await visitor.get("/api/devices/m1/resum"), await visitor.get("/api/late-sums")]
        counters.past = counters.past.since(NOW_MS)
        return [*found, await visitor.get("/api/late-sums")]

    nobody_asked, nobody, *faulty, unknown, begun, progress, none, late = visit(tmp_path, story)
    assert (nobody_asked.status, nobody_asked.document["error"]) == (404, "nobody asked for its sums")
    assert (nobody.status, unknown.status) == (404, 404)
    assert unknown.document == nobody.document
    missing, yet = "from_ms: a time in ms is missing", "from_ms: this time has not come yet"
    assert [(answer.status, answer.document["error"]) for answer in faulty] == [
        (400, missing), (400, missing), (400, yet), (400, yet)
    ]  # fmt: skip
    assert begun.document.items() >= {"device": "m1", "from_ms": 0, "at_ms": 0, "done": False}.items()
    assert begun.document.keys() >= {"read", "changed", "fault", "written", "until_ms"}
    assert progress.document == begun.document
    assert (none.document, late.document["devices"].keys()) == ({"devices": {}}, {"m1"})


def test_closed_hours_are_marked_to_be_written_again(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> tuple[Answer, dict[str, str]]:
        await counted(visitor)
        visitor.parts.watching.status.evaluator.late.close(NOW_MS)
        answer = await visitor.post(f"/api/rollups/again?from_ms={NOW_MS - 3 * HOUR_MS}")
        return answer, visitor.database.run_here(keyvalue.get_prefix, "periods.again.")

    answer, kept = visit(tmp_path, story)
    assert answer.document == {"hours": 3}
    assert set(kept) >= {"periods.again.m1"}
