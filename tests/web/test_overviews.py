"""The gateway as a whole: its health, coverage, the completeness of a month, open data, and the commands on its journal."""

import asyncio
import gzip
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from gateway.monitoring.exports.open_files import CATALOG, OpenFiles
from gateway.runtime.jobs.exports import CommandFailed
from gateway.web.views import completeness
from schemas.open_data import COLUMNS, CONTEXT_FILE
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.web.visiting import WATER, Answer, Visitor, visit

FLEET: Final = [WATER, {"id": "e1", "site": "s2", "domain": "power", "area": "x-02"}, {"id": "u1", "site": "s2"}]
REPORT: Final = (
    "group,domain,devices,expected,received,on_time,longest_gap_s\r\n"
    "p-01,water,2,96,90.5,89,7200\r\n,power,1,10,10,9,60\r\nx-02,water,1,96,96,96,900\r\n"
)
WAITED: Final = "it is being worked out; ask again"


def test_health_is_for_all_and_readiness_says_what_is_missing(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        found = [await visitor.get(path, "") for path in ("/healthz", "/readyz", "/api/ledger", "/metrics")]
        found.append(await visitor.get("/healthz", "wrong", Host="any.example.vn"))
        visitor.parts.foundation.events.reload_failed(["gateway.yaml: no"])
        return [*found, await visitor.get("/readyz", "")]

    health, ready, ledger, metrics, foreign, _ = visit(tmp_path, story)
    assert (health.status, health.text, health.headers["Content-Type"]) == (200, "ok\n", "text/plain; charset=utf-8")
    assert (ready.status, ready.text) == (200, "ready\n")
    assert ledger.document.items() >= {"since": NOW_MS, "received": 0, "imbalance": 0}.items()
    assert "\ngateway_mqtt_connected 0.0\n" in metrics.text
    assert metrics.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert foreign.status == 200


def test_coverage_counts_registered_devices_by_area_and_domain_and_those_that_an_account_sees(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        visitor.come("m1", {"ts": NOW_MS, "ph": 7})
        found = [await visitor.page(path, who) for path, who in (("/coverage", "binh"), ("/coverage", "so-nuoc"), ("/", ""))]
        return [*found, await visitor.page("/coverage?page=2"), await visitor.get("/api/coverage")]

    page, limited, start, second, document = visit(tmp_path, story, FLEET)
    assert page.part("unheard share", "Silent:") == (
        "Total 3 1 0 2 33.3 % An Bình · Water 1 1 0 0 100 % Xa · Power 1 0 0 1 0 % (no area) · (not known) 1 0 0 1 0 %"
    )
    assert limited.part("unheard share", "Silent:") == "Total 1 1 0 0 100 % An Bình · Water 1 1 0 0 100 %"
    assert "Total 3 1 0 2 33.3 %" in start.words
    assert "By area" in start.words
    assert second.part("unheard share", "Silent:") == "Total 3 1 0 2 33.3 %"
    assert document.document.items() >= {"at": NOW_MS, "running": True}.items()
    assert [group["area"] for group in document.document["groups"]] == ["p-01", "x-02", None]


def test_coverage_is_counted_once_in_half_a_minute_for_all_devices_and_for_each_limit(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[int]:
        found = []
        for who in ("binh", "so-nuoc", "binh", "so-nuoc"):
            found.append((await visitor.get("/api/coverage", who)).document["at"] - NOW_MS)
            visitor.clock.at_ms += 1
        return found

    assert visit(tmp_path, story) == [0, 1, 0, 1]


def test_the_start_page_leads_with_what_is_wrong_and_shows_alarms_and_what_waits(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        for number in range(7):
            name = f"m{number}"
            visitor.come(name, {"ts": NOW_MS + number, "alarm_leak": True, "volume_m3": 5}, after_ms=number)
        await visitor.wait("m9")
        await visitor.post("/api/alarms/leak@m0/acknowledge", who="lan")
        return [await visitor.page("/", "lan"), await visitor.page("/", ""), await visitor.get("/api/status")]

    page, guest, status = visit(tmp_path, story, [WATER | {"id": f"m{number}"} for number in range(7)])
    assert page.words.startswith("Sensor gateway gateway-1 ·")
    assert page.part("07:00:00", "Other active").startswith("Trouble MQTT broker: not connected")
    shown = page.part("Active alarms", "Readings a minute")
    assert [name for name in (f"m{number} · s1" for number in range(7)) if name in shown] == [f"m{n} · s1" for n in range(1, 6)]
    assert "Acknowledge" in shown
    assert "unknown" in page.part("Devices online 7", "Coverage")
    assert "Acknowledge" not in guest.words
    verdict = status.document["verdict"]
    assert (verdict["level"], verdict["findings"][0]["key"]) == ("trouble", "mqtt_away")
    assert status.document["troubles"] == ["MQTT broker: not connected"]


def test_a_month_is_worked_out_when_it_is_asked_for_and_shown_by_area_with_its_totals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def printed(_: str, words: list[str]) -> str:
        asked.append(words[words.index("--from") + 1])
        if asked[-1] == "2026-08":
            raise CommandFailed("the database does not answer")
        return REPORT

    async def story(visitor: Visitor) -> list[Answer]:
        october, november = "/completeness?month=2026-10", "/completeness.csv?month=2026-11"
        visitor.come("m1", {"ts": NOW_MS - 14 * HOUR_MS, "ph": 7}, after_ms=-14 * HOUR_MS)  # on the last evening of October
        visitor.clock.at_ms = NOW_MS
        paths = ("/completeness", october, november, "/completeness?month=2024-11")
        found = []
        for path in (*paths, "/completeness.csv?month=2026-08", "/completeness.csv?month=2026-08"):
            look = visitor.get if ".csv" in path else visitor.page
            found.append(await look(path, "" if path == october else "binh"))
            for _ in range(5):
                await asyncio.sleep(0)
        limited = [await visitor.page("/completeness", "so-nuoc"), await visitor.get("/completeness.csv", "so-nuoc")]
        csv = await visitor.get("/completeness.csv")
        visitor.come("m1", {"ts": NOW_MS, "ph": 7})
        return [*found, *limited, csv, await visitor.page("/completeness")]

    monkeypatch.setattr(completeness, "printed", printed)
    first, page, awaited, old, *failed, limited, part, csv, now = visit(tmp_path, story, FLEET)
    assert asked == ["2026-10", "2026-11", "2026-08"], "each month once"
    assert first.words.startswith("Completeness of readings · Oct 2026")
    assert first.part("Open data Month", "Show").split()[::2].count("Nov") == 2
    assert first.part("Open data Month", "Show").endswith("Jan 2025 Dec 2024"), "two years"
    assert page.part("Longest gap", "2 devices") == (
        "Total · Power 1 10 0 100 % 90 % 0 h Total · Water 3 192 6 97.13 % 96.35 % 2 h"
        " An Bình · Water 2 96 6 94.27 % 92.7 % 2 h Xa · Water 1 96 0 100 % 100 % 0.2 h (no area) · Power 1 10 0 100 % 90 % 0 h"
    )
    assert "2 devices are left out: the registry has no domain or interval for them." in page.words
    assert "As the database had it at 01 Nov 2026, 07:00:00." in page.words
    assert "Printed by binh" in first.words
    assert "Printed by so-nuoc" in limited.words
    assert "Printed by Printed on" in page.words, "nobody is asked for a name: there is a line to sign on"
    assert now.words.startswith("Completeness of readings · Nov 2026"), "once a reading of it has come"
    assert awaited.text == "\ufeff" + REPORT, "a file waits until it is there"
    assert old.status == 400
    assert "none of the last 24 months, written such as 2026-10" in old.words
    assert [(answer.status, answer.document["error"]) for answer in failed] == [(503, "the database does not answer")] * 2
    assert limited.part("Longest gap", "Received:") == (
        "Total · Water 2 96 6 94.27 % 92.7 % 2 h An Bình · Water 2 96 6 94.27 % 92.7 % 2 h"
    )
    assert part.text == "\ufeff" + "".join(REPORT.splitlines(keepends=True)[:2])
    assert csv.text == "\ufeff" + REPORT
    assert csv.headers["Content-Disposition"] == 'attachment; filename="completeness-2026-10.csv"'
    assert csv.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_a_file_that_takes_too_long_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def printed(_: str, __: list[str]) -> str:
        await asyncio.sleep(0.05)
        return REPORT

    monkeypatch.setattr(completeness, "printed", printed)
    monkeypatch.setattr(completeness, "_FILE_AWAITED_S", 0)
    waits = visit(tmp_path, lambda visitor: visitor.get("/completeness.csv?month=2026-10"), FLEET)
    assert (waits.status, waits.document["error"], waits.headers["Retry-After"]) == (503, WAITED, "2")


def test_open_data_are_listed_and_given_as_they_are_and_to_an_account_with_a_limit_its_own_rows(tmp_path: Path) -> None:
    water, power = "open-2026-10-31-water.csv.gz", "open-2026-10-31-power.csv.gz"

    async def story(visitor: Visitor) -> list[Answer]:
        empty = await visitor.page("/exports")
        files = OpenFiles(visitor.parts.foundation.config.journal.path)
        rows = [dict.fromkeys(COLUMNS, "x") | {"area": area} for area in ("p-01", "x-02")]
        made = [files.write("2026-10-31", d, [row | {"domain": d} for row in rows], NOW_MS) for d in ("water", "power")]
        files.keep(made, date(2026, 10, 1))
        files.put(CATALOG, b"{}")
        found = [empty]
        for who in ("binh", "so-nuoc"):
            found += [await visitor.page("/exports", who), await visitor.get("/api/exports", who)]
            names = (water, power, CATALOG, CONTEXT_FILE, "none")
            found += [await visitor.get(f"/exports/{name}", who) for name in names]
        return found

    empty, page, listed, *files, limited, own, own_water, own_power, own_catalog, _, _ = visit(tmp_path, story, FLEET)
    all_water, all_power, catalog, context, none = files
    assert "There are no files yet." in empty.words
    assert "JSON-LD" not in empty.words
    assert page.part("Day Domain Rows File", "Meaning").startswith("2026-10-31 Water 2 CSV")
    assert "open-data.jsonld · catalog.jsonld" in page.words
    assert [file["name"] for file in listed.document["files"]] == [water, power]
    assert gzip.decompress(all_water.body).decode().splitlines()[1:] == [
        f"x,{area},x,water{',x' * 8}" for area in ("p-01", "x-02")
    ]
    assert all_water.headers["Content-Disposition"] == f'attachment; filename="{water}"'
    assert [answer.headers["Content-Type"] for answer in (all_water, catalog)] == ["application/gzip", "application/ld+json"]
    assert [answer.status for answer in (all_power, catalog, none)] == [200, 200, 404]
    assert none.document["error"] == "there is no file 'none' of open data"
    assert context.status in {200, 404}
    assert "Power" not in limited.words
    assert "catalog.jsonld" not in limited.words
    assert [file["name"] for file in own.document["files"]] == [water]
    assert gzip.decompress(own_water.body).decode().splitlines()[1:] == [f"x,p-01,x,water{',x' * 8}"]
    assert [own_power.status, own_catalog.status] == [404, 404]


def test_the_journal_is_dropped_and_lost_readings_are_acknowledged_by_an_administrator_alone(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        paths = ("/api/journal/drop", "/api/journal/acknowledge")
        found = [await visitor.post(path, who=who) for path in paths for who in ("lan", "binh")]
        return [*found, await visitor.get("/api/audit")]

    refused, dropped, also_refused, acknowledged, audit = visit(tmp_path, story)
    assert [refused.status, also_refused.status] == [403, 403]
    assert refused.document["error"] == "this needs the role admin; lan has the role technician"
    assert [dropped.document, acknowledged.document] == [{"dropped": 0}, {"acknowledged": 0}]
    told = [(entry["action"], entry["before"], entry["after"]) for entry in audit.document["audit"]]
    assert told == [
        ("lost readings acknowledged", {"missing": 0}, {"missing": 0}),
        ("journal dropped", {"readings": 0}, {"readings": 0}),
    ]


def test_the_audit_log_is_read_a_page_at_a_time_the_newest_first(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        for number in range(3):
            visitor.clock.at_ms = NOW_MS + number * MINUTE_MS
            await visitor.post("/api/journal/drop", User=f"person{number}")
        asked = ("", "?before=3", "?before=1", "?before=x")
        return [await visitor.get(f"/api/audit{query}") for query in asked] + [await visitor.page("/audit?before=3")]

    whole, older, none, wrong, page = visit(tmp_path, story)
    assert [entry["number"] for entry in whole.document["audit"]] == [3, 2, 1]
    assert ([entry["number"] for entry in older.document["audit"]], older.document["before"]) == ([2, 1], 1)
    assert (none.document, wrong.status) == ({"audit": [], "before": None}, 400)
    assert page.words.count("journal dropped") == 2
