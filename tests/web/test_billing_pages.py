"""Months for accounting over HTTP: their page, their files, and closing, which only an administrator may."""

import asyncio
from pathlib import Path

import pytest

from gateway.monitoring.reports.billing import READ_AGAIN
from gateway.monitoring.reports.seals import SealHead, Seals
from gateway.runtime.jobs.exports import CommandFailed
from gateway.web.views import completeness, consumption
from tests.core.making import NOW_MS
from tests.web.visiting import Answer, Visitor, visit

FIELDS = (
    "kind,month,from,to,contract,device,channel,serial,counter,unit,from_register,from_time,to_register,to_time,used,mark,cause"
)
MONTH = "2026-10,2026-10-01T00:00:00+07:00,2026-11-01T00:00:00+07:00"
TIMES = "100,2026-10-01T00:00:00+07:00,112.5,2026-11-01T00:00:00+07:00"
REPORT = "\n".join(
    (
        FIELDS,
        f"use,{MONTH},HD-1,m1,,0012,volume_m3,m3,{TIMES},12.500000,measured,",
        f"use,{MONTH},HD-2,m2,,,volume_m3,m3,,,,,,measured,no reading",
        f"use,{MONTH},HD-3,m3,,,volume_m3,m3,{TIMES},12.500000,estimated,",
        f"correction,{MONTH.replace('-10', '-09', 1)},HD-1,m1,,,volume_m3,m3,{TIMES},-3.250000,measured,",
        "",
    )
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that the page gives; they answer at once."""
    given: list[list[str]] = []

    async def printed(_: str, words: list[str]) -> str:
        given.append([word for word in words if word != "-c" and not word.endswith(".yaml")])
        if "--xlsx" in words:
            await asyncio.to_thread(Path(words[-1]).write_bytes, b"workbook")
        if "--close" in words and "2026-09" in words:
            raise CommandFailed("--close: 2026-10 is the last closed month; the next one is 2026-11")
        return REPORT

    monkeypatch.setattr(completeness, "printed", printed)
    monkeypatch.setattr(consumption, "printed", printed)
    return given


async def shown(visitor: Visitor, path: str, account: str = "binh") -> Answer:
    """A page whose report has been worked out."""
    await visitor.page(path, account)
    for _ in range(5):
        await asyncio.sleep(0)
    return await visitor.page(path, account)


def test_the_page_adds_up_the_month_and_begins_with_what_needs_a_person(tmp_path: Path, asked: list[list[str]]) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        return [await shown(visitor, "/billing"), await shown(visitor, "/billing?month=2026-10&search=hd-3", "chi")]

    page, found = visit(tmp_path, story, [])
    assert asked == [["report", "billing", "--month", "2026-10", "--csv"]]
    assert page.words.startswith("Billing · Oct 2026")
    assert "From 01 Oct 2026 to 01 Nov 2026" in page.words
    assert "25 m³ Lines 3 No figure 1 Estimated 1 Suspect 0" in page.part("Suspect Volume", "1 lines correct")
    rows = page.part("Amount Note", "Download")
    assert rows.index("Correction of 2026-09") < rows.index("m2") < rows.index("m3") < rows.rindex("m1")
    assert "not covered: no reading" in rows
    assert "Close the month" in page.words
    assert "m3" in found.part("Amount Note", "Download")
    assert "m2" not in found.part("Amount Note", "Download")
    assert "Close the month" not in found.words, "only an administrator closes"


def test_what_nobody_knows_is_not_measured_and_an_estimate_that_its_register_overtook_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def printed(_: str, __: list[str]) -> str:
        again = f"use,{MONTH},HD-2,m2,,,energy_import_kwh,kWh,{TIMES},9,estimated,{READ_AGAIN}"
        sure = f"use,{MONTH},HD-0,m0,,,energy_import_kwh,kWh,{TIMES},5,measured,"
        return "\n".join((FIELDS, f"use,{MONTH},HD-1,m1,,,volume_m3,m3,,,,,,,no reading", again, sure, ""))

    monkeypatch.setattr(completeness, "printed", printed)
    monkeypatch.setattr(consumption, "find_spec", lambda _: None)
    page = visit(tmp_path, lambda visitor: shown(visitor, "/billing"), [])
    assert "not measured Lines 1 No figure 1 Estimated 0 Suspect 0" in page.words
    assert "1 lines stand on an estimate though their register was read again" in page.words
    rows = page.part("Amount Note", "Download")
    assert rows.index("m1") < rows.index("m2") < rows.index("m0")
    assert "Excel" not in page.words, "there is no openpyxl here"
    assert 'href="/consumption" aria-current="page"' in page.text


def test_the_files_are_those_of_the_command(tmp_path: Path, asked: list[list[str]]) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        found = [
            await visitor.get("/billing.csv?month=2026-10", "chi"),
            await visitor.get("/billing.xlsx?month=2026-10", "chi"),
        ]
        return [
            *found,
            await visitor.get("/billing.csv?month=1999-10", "chi"),
            await visitor.get("/billing.csv", "so-nuoc"),
        ]

    text, book, none, limited = visit(tmp_path, story, [])
    assert text.text == "\ufeff" + REPORT
    assert text.headers["Content-Disposition"] == 'attachment; filename="billing-2026-10.csv"'
    assert book.body == b"workbook"
    assert asked[-1][:5] == ["report", "billing", "--month", "2026-10", "--xlsx"]
    assert (none.status, limited.status) == (400, 403)


def test_an_administrator_closes_a_month_in_his_name_and_the_page_is_worked_out_again(
    tmp_path: Path, asked: list[list[str]]
) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await shown(visitor, "/billing")
        closed = await visitor.post("/api/billing/2026-10/close", who="binh")
        await shown(visitor, "/billing")
        too_low = await visitor.post("/api/billing/2026-10/close", who="lan")
        return [closed, too_low, await visitor.post("/api/billing/2026-09/close", who="binh")]

    closed, too_low, out_of_order = visit(tmp_path, story, [])
    assert closed.status == 200
    assert asked[1] == ["report", "billing", "--month", "2026-10", "--close", "--by", "binh"]
    assert [words[-1] for words in asked].count("--csv") == 2
    assert (too_low.status, out_of_order.status) == (403, 409)
    assert "the next one is 2026-11" in out_of_order.document["error"]


def test_a_closed_month_shows_what_is_sealed_says_by_whom_and_cannot_be_closed_again(
    tmp_path: Path, asked: list[list[str]]
) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await shown(visitor, "/billing")
        seals = Seals(visitor.parts.foundation.config.journal.path)
        head = SealHead(month="2026-10", day=1, zone="UTC", closed_ms=NOW_MS, by="Lan", before="", version="0")
        with seals.writer(head):
            pass
        return [await shown(visitor, "/billing"), await shown(visitor, "/billing?month=2026-09")]

    page, before = visit(tmp_path, story, [])
    assert [words[3] for words in asked] == ["2026-10", "2026-10", "2026-09"], "what stood there before it was closed is old"
    assert "by Lan. SHA-256" in page.words
    assert "Close the month" not in page.words
    assert "The last closed month is 2026-10." in before.words
    assert "Close the month" not in before.words
