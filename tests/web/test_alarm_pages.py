"""Alarms as people see them and decide about them: the page, its filters, the history, acknowledgements, planned work."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest

from gateway.support.access.accounts import own_token_file
from gateway.web.views import alarms
from tests.core.making import MINUTE_MS, NOW_MS
from tests.web.visiting import WATER, Answer, Visitor, visit

HOUR_MS: Final = 60 * MINUTE_MS
YEAR_MS: Final = 366 * 24 * HOUR_MS
FLEET: Final = [
    WATER,
    {"id": "e1", "site": "s2", "domain": "power", "area": "x-02"},
    {"id": "m2", "site": "s1", "domain": "water"},
]
LEAK, TAMPER = "A leak is suspected: water flows when nobody uses it.", "The device was opened, moved or disturbed."


async def alarmed(visitor: Visitor) -> None:
    """A burst and two alarms of a lower severity are active; the burst, which must last ten minutes, began first."""
    for device, minute, alarm in (("m2", -9, "burst"), ("m1", 0, "leak"), ("e1", 1, "tamper"), ("m2", 2, "burst")):
        content = {"ts": NOW_MS + minute * MINUTE_MS, f"alarm_{alarm}": True}
        assert visitor.come(device, content, after_ms=minute * MINUTE_MS).readings


def listed(page: Answer) -> list[str]:
    """The devices whose alarms stand on a page, in order."""
    return re.findall(r'href="/alarms/history\?place=([^"]*)"', page.text)


def test_the_worst_alarm_comes_first_then_the_oldest_each_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> tuple[Answer, Answer]:
        await alarmed(visitor)
        return await visitor.page("/alarms"), await visitor.page("/alarms", "so-nuoc")

    page, limited = visit(tmp_path, story, FLEET)
    shown = page.part("Find", "Planned work")
    assert shown.startswith("3 active alarms critical A burst pipe is suspected")
    assert shown.index("m2 · s1") < shown.index(LEAK) < shown.index(TAMPER)
    assert f"{LEAK} m1 · s1 · An Bình · 01 Nov 2026, 07:00:00 , 2 minutes ago Tell the customer" in shown
    assert shown.count("Acknowledge") == 3
    assert page.part("Any area", "Find") == "An Bình Xa"
    assert page.part("Plan work What is done For how long", "Site") == "1 hour 2 hours 4 hours 8 hours 1 day 3 days 7 days"
    assert "battery_low · warning" in page.part("Rules of alarms")
    assert limited.part("Find", "Planned work").startswith("1 active alarms"), "one is in the area, two are elsewhere"
    assert limited.part("Any area", "Find") == "An Bình"
    assert "burst" not in limited.words
    assert limited.part("Rules of alarms") == ""


def test_filters_and_words_find_alarms_by_what_is_known_of_their_place(tmp_path: Path) -> None:
    expected = {
        "search=tamper": ["e1"],
        "search=AN+b%C3%ACnh": ["m1"],
        "search=leak+e1": [],
        "search=s1": ["m2", "m1"],
        "severity=critical": ["m2"],
        "severity=warning": ["m1", "e1"],
        "area=p-01": ["m1"],
        "area=p-01&severity=critical": [],
        "page=2": [],
    }

    async def story(visitor: Visitor) -> dict[str, list[str]]:
        await alarmed(visitor)
        return {asked: listed(await visitor.page(f"/alarms?{asked}")) for asked in expected}

    assert visit(tmp_path, story, FLEET) == expected


def test_programs_get_the_newest_first_or_so_many_of_the_worst_and_only_what_their_account_sees(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await alarmed(visitor)
        paths = ("/api/alarms", "/api/alarms?most=2", "/api/alarms?most=x", "/api/alarms/rules")
        return [*[await visitor.get(path) for path in paths], await visitor.get("/api/alarms", "so-nuoc")]

    everything, worst, wrong, rules, limited = visit(tmp_path, story, FLEET)
    assert [alarm["id"] for alarm in everything.document["alarms"]] == ["tamper@e1", "leak@m1", "burst@m2"]
    assert everything.document.items() >= {"now": NOW_MS + 2 * MINUTE_MS, "active": 3}.items()
    assert [alarm["id"] for alarm in worst.document["alarms"]] == ["burst@m2", "tamper@e1"]
    assert worst.document["active"] == 3
    assert (wrong.status, wrong.document) == (400, {"error": "'x' is not a number"})
    assert {"battery_low", "leak", "burst"} <= {rule["alarm"] for rule in rules.document["rules"]}
    assert [alarm["id"] for alarm in limited.document["alarms"]] == ["leak@m1"]
    assert limited.document["active"] == 1


def test_who_sees_to_an_alarm_stands_beside_it_in_its_history_and_in_the_audit_log(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await alarmed(visitor)
        found = [await visitor.post("/api/alarms/leak@m1/acknowledge?note=on+my+way&by=somebody", who="lan")]
        own = own_token_file(visitor.parts.foundation.config.journal.path).read_text().strip()
        token = {"Authorization": f"Bearer {own}"}
        found.append(await visitor.post("/api/alarms/leak@m9/acknowledge", who="lan"))
        decided = ("tamper@e1/acknowledge", "tamper@e1/acknowledge?by=Hoa", f"burst@m2/acknowledge?by={'x' * 101}")
        found += [await visitor.post(f"/api/alarms/{asked}", who="", **token) for asked in decided]
        pages = ["/alarms", "/alarms/history", "/alarms/history?place=m1", "/audit"]
        return [*found, *[await visitor.page(path) for path in pages], await visitor.get("/api/alarms/history")]

    done, unknown, nameless, named, long, page, history, of_one, audit, changes = visit(tmp_path, story, FLEET)
    assert (done.status, done.document) == (200, {"acknowledged": "leak@m1"})
    assert (unknown.status, unknown.document["error"]) == (
        404, "no alarm 'leak@m9' is active; `gateway alarms list` shows those that are"
    )  # fmt: skip
    assert (nameless.status, nameless.document["error"]) == (400, "by: name the person who decides this")
    assert (named.status, long.status, long.document["error"]) == (200, 400, "by: at most 100 letters")
    assert "lan sees to it: on my way" in page.words, "an account's own name counts, not one that it gives"
    assert "Hoa sees to it" in page.words, "a command of this machine names the person"
    assert page.words.count("Acknowledge") == 1
    assert of_one.part("Where").count("m1 s1") == of_one.words.count("m1 s1") == 2
    assert "acknowledged by lan “on my way”" in of_one.words
    assert [mark in history.words for mark in ("e1 s2", "m2 s1")] == [True, True]
    assert "alarm acknowledged about" in audit.words
    assert '"by":"lan","note":"on my way"' in audit.words
    assert [row["number"] for row in changes.document["history"]] == [5, 4, 3, 2, 1]
    assert changes.document["before"] == 1


def test_numbers_of_a_history_tell_an_account_with_a_limit_nothing_of_what_goes_on_elsewhere(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[list[int]]:
        await alarmed(visitor)
        for alarm in ("burst@m2", "tamper@e1", "leak@m1"):
            await visitor.post(f"/api/alarms/{alarm}/acknowledge", who="lan")
        found = [await visitor.get("/api/alarms/history")]
        found += [
            await visitor.get(f"/api/alarms/history{end}", "so-nuoc") for end in ("", "?before=2", "?before=1", "?place=m2")
        ]
        return [[row["number"] for row in answer.document["history"]] for answer in found]

    assert visit(tmp_path, story, FLEET) == [[6, 5, 4, 3, 2, 1], [2, 1], [1], [], []], "its own, counted by themselves"


def test_letters_that_turn_the_text_of_a_note_round_are_written_out_wherever_it_is_shown(tmp_path: Path) -> None:
    turned = "50 m\u202e3 \u2066lan\u200b\U000e0041"

    async def story(visitor: Visitor) -> list[Answer]:
        await alarmed(visitor)
        await visitor.post("/api/alarms/leak@m1/acknowledge?" + urlencode({"note": turned}), who="lan")
        await visitor.post("/api/silences?" + urlencode({"for_h": 2, "note": turned, "site": "s1"}))
        return [await visitor.page(path) for path in ("/audit", "/shift", "/alarms", "/alarms/history?place=m1")]

    for page in visit(tmp_path, story, FLEET):
        assert "50 m\\u202e3 \\u2066lan\\u200b\\udb40\\udc41" in page.words
        assert not set(turned) - set("50 m3 lan") & set(page.text)


def test_planned_work_silences_its_place_until_it_ends_and_a_faulty_plan_is_refused_with_the_reason(tmp_path: Path) -> None:
    no_time = "until_ms: name a time of the coming year, in milliseconds since 1970; or for_h: hours"
    asked = {
        "": no_time,
        "for_h=2": "note: say what is done, for those who wonder about the silence",
        "for_h=2&note=+": "note: say what is done, for those who wonder about the silence",
        f"until_ms={NOW_MS + 2 * MINUTE_MS}&note=x": no_time,
        f"until_ms={NOW_MS + 2 * YEAR_MS}&note=x": no_time,
        f"for_h=2&note={'x' * 1001}": "note: at most 1000 letters",
        f"for_h=2&note=x&site={'x' * 101}": "site: at most 100 letters",
        "for_h=x&note=x": "'x' is not a number",
        "for_h=2&note=x": "place: name one: a site, a device, or everywhere",
        "for_h=2&note=x&site=s1&everywhere=1": "place: name one: a site, a device, or everywhere",
        "for_h=2&note=x&site=s11": "site: 's11' is of no registered device, and none was heard there; did you mean s1?",
        "for_h=2&note=x&device=zz": "device: 'zz' is not registered, and was not heard",
    }

    async def story(visitor: Visitor) -> tuple[dict[str, str], list[Answer]]:
        await alarmed(visitor)
        refused = {query: (await visitor.post(f"/api/silences?{query}")).document["error"] for query in asked}
        plans = ("for_h=2&note=new+pump&site=s1", f"until_ms={NOW_MS + HOUR_MS}&note=seal&device=e1")
        found = [await visitor.post(f"/api/silences?{query}") for query in plans]
        found += [await visitor.get("/api/silences"), await visitor.page("/alarms"), await visitor.page("/shift")]
        found += [await visitor.post(f"/api/silences/{number}/end") for number in ("1", "1", "x")]
        return refused, [*found, await visitor.get("/api/silences"), await visitor.page("/alarms", "so-nuoc")]

    refused, (first, second, silences, page, shift, ended, again, odd, left, limited) = visit(tmp_path, story, FLEET)
    assert refused == asked
    assert [first.document, second.document] == [{"silence": 1}, {"silence": 2}]
    plan = {"number": 1, "since_ms": NOW_MS + 2 * MINUTE_MS, "until_ms": NOW_MS + 2 * HOUR_MS + 2 * MINUTE_MS}
    assert silences.document["silences"][0] == plan | {"by": "binh", "note": "new pump", "site": "s1", "device": ""}
    assert [row["number"] for row in silences.document["silences"]] == [1, 2]
    assert "s1 · until 01 Nov 2026, 09:02:00 · binh: new pump" in page.part("Planned work", "Rules of alarms")
    assert page.words.count("planned work, nobody is told") == 3
    assert "binh: new pump" in shift.part("Planned work", "What happened")
    assert (ended.status, ended.document) == (200, {"ended": 1})
    assert (again.status, again.document["error"]) == (
        404,
        "no planned work 1 goes on; `gateway alarms silences` shows what does",
    )
    assert odd.status == 400
    assert [row["number"] for row in left.document["silences"]] == [2]
    assert "No work is planned" in limited.words, "what is left is about a device that this account does not see"


def test_a_shift_is_handed_over_with_what_is_open_what_happened_and_who_changed_what_in_its_hours(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await alarmed(visitor)
        await visitor.post("/api/alarms/leak@m1/acknowledge", who="lan")
        visitor.clock.at_ms = NOW_MS + 9 * HOUR_MS
        await visitor.post("/api/alarms/tamper@e1/acknowledge", who="lan")
        return [await visitor.page(f"/shift{asked}") for asked in ("", "?hours=12", "?hours=1", "?hours=9999", "?hours=x")]

    usual, longer, least, most, wrong = visit(tmp_path, story, FLEET)
    assert "From 01 Nov 2026, 08:00:00 to 01 Nov 2026, 16:00:00" in usual.words
    happened = usual.part("What happened", "What people changed")
    assert (happened.count(TAMPER), happened.count(LEAK)) == (1, 0), "what happened before the shift belongs to another"
    assert usual.part("What people changed", "Handed over by").count("alarm acknowledged") == 1
    open_now = usual.part("Open at the handover (3)", "Planned work")
    assert open_now.index("m2 s1") < open_now.index("m1 s1") < open_now.index("e1 s2")
    assert longer.part("What happened", "What people changed").count(LEAK) == 2
    assert longer.part("What people changed", "Handed over by").count("alarm acknowledged") == 2
    assert "From 01 Nov 2026, 15:00:00" in least.words
    assert "From 25 Oct 2026, 16:00:00" in most.words, "a week at most"
    assert wrong.status == 400
    assert "There is more: see the history of alarms." not in usual.words


def test_of_a_shift_with_many_changes_the_newest_are_shown_and_that_there_are_more_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(visitor: Visitor) -> Answer:
        await alarmed(visitor)
        await visitor.post("/api/alarms/leak@m1/acknowledge", who="lan")
        return await visitor.page("/shift")

    monkeypatch.setattr(alarms, "_CHANGES_MAX", 2)
    monkeypatch.setattr(alarms, "_OPEN_MAX", 1)
    page = visit(tmp_path, story, FLEET)
    happened = page.part("What happened", "What people changed")
    assert happened.count("m1 s1 · acknowledged by lan") == happened.count("m2 s1 · raised") == 1
    assert (TAMPER in happened, happened.endswith("There is more: see the history of alarms.")) == (False, True)
    still_open = page.part("Open at the handover (3)", "What happened")
    assert still_open.startswith("A burst pipe")
    assert "m1 s1" not in still_open
