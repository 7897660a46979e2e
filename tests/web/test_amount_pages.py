"""Amounts that people tell of a device, over HTTP: checked, written beside exchanges, and audited with name and reason."""

from pathlib import Path

from gateway.ingest.storage import keyvalue
from tests.core.making import HOUR_MS, NOW_MS
from tests.web.visiting import WATER, Answer, Visitor, visit

AT = "/api/devices/m1/amounts?kind=estimate&from=2026-10-10&to=2026-10-12&amount=4.5&note=battery"
DAY_MS = 24 * HOUR_MS


def test_an_estimate_waits_for_the_database_and_its_hours_are_worked_out_again(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> tuple[list[Answer], list[str], int]:
        visitor.come("m1", {"ts": NOW_MS, "volume_m3": 1234.75})
        late = visitor.parts.watching.status.evaluator.late
        late.close(NOW_MS)
        told = await visitor.post(AT, who="lan")
        visitor.clock.at_ms += 1
        undone = await visitor.post(f"{AT}&undo=1&by=Minh", who="lan")
        waiting = visitor.database.run_here(keyvalue.get_prefix, "exchange ")
        hours = late.drain()["m1"]
        return [told, undone, await visitor.get("/api/audit")], list(waiting.values()), len(hours)

    (told, undone, audit), lines, hours = visit(tmp_path, story, [WATER])
    named = {"kind": "estimate", "field": "volume_m3", "from": "2026-10-10", "to": "2026-10-12"}
    assert told.document == named | {"amount": 4.5, "undone": False}
    assert undone.document["undone"] is True
    assert [line.split(" ")[0] for line in lines] == ["event,area=p-01,device=m1,kind=estimate,site=s1"] * 2
    first, second = (dict(pair.split("=") for pair in line.split(" ")[1].split(",")) for line in lines)
    assert (first["told_volume_m3"], second["told_volume_m3"]) == ("1.0", "-1.0")
    assert first["amount_volume_m3"] == "4.5"
    assert float(first["end_ms_volume_m3"]) - float(first["first_ms_volume_m3"]) == 3 * DAY_MS
    assert hours == -(-(NOW_MS - float(first["first_ms_volume_m3"])) // HOUR_MS)
    newest, oldest = audit.document["audit"]
    assert oldest["action"] == newest["action"] == "amount told"
    assert (oldest["after"]["by"], oldest["after"]["note"], newest["after"]["by"]) == ("lan", "battery", "Minh")


def test_what_cannot_be_told_is_refused_with_the_reason(tmp_path: Path) -> None:
    expected = {
        "m1/amounts?kind=estimate&from=2026-10-10&to=2026-10-12&amount=1": (400, "--note: say why, in at most 200 letters"),
        "m1/amounts?kind=estimate&from=x&to=2026-10-12&amount=1": (400, "Invalid isoformat string: 'x'; days"),
        "m1/amounts?kind=estimate&from=2026-10-12&to=2026-10-10&amount=1": (400, "--to: from 2026-10-12 to 2026-10-10"),
        "m1/amounts?kind=estimate&from=2026-10-12&to=2026-11-30&amount=1": (400, "no days that are over"),
        "m1/amounts?kind=estimate&from=2026-10-10&to=2026-10-10&amount=-1": (400, "--amount: -1 cannot be for 'estimate'"),
        "m1/amounts?kind=estimate&from=0001-01-01&to=2026-10-10&amount=1": (400, "--to: from 0001-01-01"),
        "m1/amounts?kind=estimate&from=0026-10-10&to=0026-10-10&amount=1": (
            400,
            "--from: 0026-10-10 is more than 800 days ago",
        ),
        "m1/amounts?kind=estimate&from=9999-12-31&to=9999-12-31&amount=1": (400, "no days that are over"),
        "m1/amounts?kind=estimate&from=2026-10-10&to=2026-10-10&amount=1.234,5": (400, "'1.234,5' is no number; write 1234.5"),
        "m1/amounts?kind=correct&from=2026-10-10&to=2026-10-10&amount=1e300": (400, "--amount: 1e+300 is no amount of a meter"),
        "m1/amounts?kind=correct&from=2026-10-10&to=2026-10-10&amount=nan": (400, "--amount: nan is no amount of a meter"),
        "m1/amounts?kind=guess&from=2026-10-10&to=2026-10-10&amount=1": (400, "cannot be for 'guess'"),
        "m1/amounts?kind=correct&from=2026-10-10&to=2026-10-10&amount=1&field=ph&note=x": (404, "m1 has no register 'ph'"),
        "m1/amounts?kind=correct&from=2026-10-10&to=2026-10-10&amount=1&field=volume_m3,channel=zz&note=x": (
            404,
            "m1 has no register 'volume_m3,channel=zz'; it has volume_m3",
        ),
        "t1/amounts?kind=correct&from=2026-10-10&to=2026-10-10&amount=1&note=x": (404, "t1 is no meter of water or power"),
        "nobody/amounts?kind=correct": (404, "'nobody' was never heard"),
    }

    async def story(visitor: Visitor) -> dict[str, tuple[int, str]]:
        visitor.come("m1", {"ts": NOW_MS, "volume_m3": 1234.75})
        answers = {asked: await visitor.post(f"/api/devices/{asked}", who="lan") for asked in expected}
        assert not visitor.database.run_here(keyvalue.get_prefix, "exchange ")
        return {asked: (answer.status, answer.document["error"]) for asked, answer in answers.items()}

    found = visit(tmp_path, story, [WATER, {"id": "t1", "domain": "traffic"}])
    assert {asked: status for asked, (status, _) in found.items()} == {asked: status for asked, (status, _) in expected.items()}
    for asked, (_, why) in expected.items():
        assert why in found[asked][1]


def test_the_page_says_that_the_database_is_away_and_has_a_form_for_technicians_only(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        return [await visitor.page("/devices/m1/amounts", who) for who in ("lan", "chi")]

    own, other = visit(tmp_path, story, [WATER])
    assert own.words.startswith("Estimates and corrections: m1")
    assert "Note it" in own.words
    assert "Note it" not in other.words
