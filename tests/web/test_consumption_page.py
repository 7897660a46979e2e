"""Consumption and losses of a month: beside the month before, by day, with marks and reasons, and what a limit shows."""

import asyncio
from pathlib import Path

import pytest

from gateway.web.views import completeness
from tests.core.making import NOW_MS
from tests.web.visiting import WATER, Answer, Visitor, visit

GROUPS = (
    "from,to,by,group,name,domain,counter,unit,used,supplied,produced,lost,lost_pct,counted,devices,uncovered,estimated,suspect,"
    "measured,cause\n"
)
BEFORE, MONTH = (
    "2026-10-01T00:00:00+07:00,2026-11-01T00:00:00+07:00,",
    "2026-11-01T00:00:00+07:00,2026-12-01T00:00:00+07:00,",
)
AREAS = GROUPS + "".join(
    (
        BEFORE + "area,p-01,An Bình,water,volume_m3,m3,80,100,,20,20,,3,0,0,0,1,\n",
        BEFORE + "area,x-02,Xa,water,volume_m3,m3,,,,,,,1,1,0,0,0,no reading\n",
        MONTH + "area,p-01,An Bình,water,volume_m3,m3,100,120,,20,16.67,,3,0,0.25,0,0.75,\n",
        MONTH + "area,x-02,Xa,water,volume_m3,m3,7.5,,,,,,1,0,0,0,1,no meter of what comes in\n",
        MONTH + "area,x-02,Xa,traffic,vehicle_count_total,1,,,,,,42,1,0,0,0,,\n",
    )
)
PARENTS = GROUPS + "".join(
    MONTH + f"parent,{name},,water,volume_m3,m3,5,9,,4,44.44,,3,0,0,0,1,\n" for name in ("m1", "m2", '"m1, m2"')
)
DEVICES = (
    "from,to,device,channel,direction,lane,vehicle_class,area,site,domain,parent,counter,unit,used,estimated,suspect,measured,"
    "known_to,cause,serial,from_register,from_time,to_register,to_time\n"
    + "".join(
        MONTH + f"{name},,,,,{area},s1,water,,volume_m3,m3,{used},{estimated},{suspect},1,,,,,,,\n"
        for name, area, used, estimated, suspect in (("m1", "p-01", "3.25", "true", 0), ("m2", "x-02", "4", "false", 2))
    )
)


def look(folder: Path, monkeypatch: pytest.MonkeyPatch, *paths: str, who: str = "binh") -> tuple[list[Answer], list[list[str]]]:
    asked: list[list[str]] = []

    async def printed(_: str, words: list[str]) -> str:
        asked.append(words)
        by = words[words.index("--by") + 1]
        return {"area": AREAS, "parent": PARENTS, "device": DEVICES}.get(by, GROUPS)

    async def story(visitor: Visitor) -> list[Answer]:
        visitor.come("m1", {"ts": NOW_MS, "ph": 7})
        found = []
        for path in paths:
            await visitor.page(path, who)
            for _ in range(5):
                await asyncio.sleep(0)
            found.append(await visitor.page(path, who))
        return found

    monkeypatch.setattr(completeness, "printed", printed)
    return visit(folder, story, [WATER, WATER | {"id": "m2", "area": "x-02"}]), asked


def test_a_month_stands_beside_the_month_before_with_losses_marks_and_the_reason_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (page, days, devices, csv), asked = look(
        tmp_path, monkeypatch, "/consumption", "/consumption?step=day", "/consumption?by=device", "/consumption.csv?by=area"
    )
    words = [one[one.index("--from") :][:8] for one in asked]
    assert words == [
        ["--from", "2026-10", "--to", "2026-11", "--by", "area", "--step", "month"],
        ["--from", "2026-11", "--to", "2026-11", "--by", "area", "--step", "day"],
        ["--from", "2026-10", "--to", "2026-11", "--by", "device", "--step", "month"],
    ], "each question once; a file asks none of its own"
    said = page.words.replace("\xa0", " ")
    assert said.startswith("Consumption and losses · Nov 2026")
    assert "The month is not over: up to then." in said
    assert (
        "An Bình Volume 100 m³ +25 % on the month before Supplied 120 m³ Lost 20 m³ (16.67 %) estimated 25 % measured 75 %"
        in said
    )
    assert "Xa Volume 7.5 m³ not measured: no meter of what comes in" in said
    assert "80 m³" not in said, "the month before is there as a difference alone"
    assert "42" in said.partition("Xa Vehicles")[2]
    assert "01 Nov" in days.words or "1 Nov" in days.words
    assert 'href="/devices/m1/day?date=2026-11-30"' in devices.text
    assert devices.part("m1 Volume", "m2").replace("\xa0", " ").startswith("3.25 m³ estimated")
    assert "suspect" in devices.part("m2 Volume", "Used:")
    assert csv.headers["Content-Disposition"] == 'attachment; filename="consumption-2026-11-area.csv"'
    assert csv.text.splitlines()[1:] == AREAS.splitlines()[1:]


def test_an_account_with_a_limit_sees_its_areas_devices_and_parents_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (areas, parents, devices, whole, csv), _ = look(
        tmp_path,
        monkeypatch,
        *(f"/consumption?by={by}" for by in ("area", "parent", "device", "domain")),
        "/consumption.csv?by=parent",
        who="so-nuoc",
    )
    assert ["An Bình" in areas.words, "Xa" in areas.words] == [True, False]
    assert ["m1 Volume" in parents.words, "m2" in parents.words] == [True, False]
    assert ["m1 Volume" in devices.words, "m2" in devices.words] == [True, False]
    assert "m³" not in whole.part("Nov 2026", "Used:")
    assert [line.split(",")[3] for line in csv.text.splitlines()[1:]] == ["m1"]


def test_words_are_looked_for_and_what_is_no_month_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found, wrong), _ = look(tmp_path, monkeypatch, "/consumption?search=b%C3%ACnh", "/consumption?month=1999-01")
    assert ["An Bình" in found.words, "Xa Volume" in found.words] == [True, False]
    assert wrong.status == 400
