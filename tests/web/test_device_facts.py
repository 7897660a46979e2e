"""The page of a device says of it what is known: from the registry, from its messages, and nothing where nothing is known."""

import html
import re
from pathlib import Path
from typing import Any, Final

from gateway.core.readings.sums import FoundSum, ToldExchange
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.web.visiting import Visitor, visit

REGISTERED: Final = {
    "id": "m1",
    "site": "s1",
    "domain": "water",
    "area": "p-01",
    "address": "12 Lê Lợi",
    "model": "WM-4",
    "serial": "8254",
    "interval": "15min",
    "installed": "2026-10-31",
    "params": {"q3_m3_h": 4.0},
    "lat": 10.5,
    "lon": 106.25,
}


async def page_of(visitor: Visitor, name: str, who: str = "lan") -> str:
    """The page of a device, with plain spaces."""
    return html.unescape((await visitor.get(f"/devices/{name}", who, Accept="text/html")).text).replace("\xa0", " ")


def rows(page: str, heading: str) -> dict[str, str]:
    """The lines of a section: what stands on the left → what stands on the right."""
    section = page.partition(f"<h2>{heading}</h2>")[2].partition("</section>")[0]
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", section))


def readings(page: str) -> list[tuple[str, str, dict[str, str], str]]:
    """The readings of a page: title, time, values with their units, quality."""
    found = []
    for box in page.partition('<section id="readings">')[2].partition("</section>")[0].split('<div class="box">')[1:]:
        title, moment = re.findall(r'<b>(.*?)</b> <span class="soft">(.*?)</span>', box)[0]
        values = {name: re.sub("<.*?>", "", value) for name, value in re.findall(r"<dt.*?>(.*?)</dt><dd.*?>(.*?)</dd>", box)}
        found.append((title, moment, values, re.findall("<p>Quality: (.*?)</p>", box)[0]))
    return found


def test_what_the_page_says_about_a_device_is_what_the_registry_and_its_readings_say(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> tuple[str, dict[str, Any]]:
        for minute, seq in ((0, 7), (15, 12)):
            at_ms = NOW_MS + minute * MINUTE_MS
            visitor.come("m1", {"ts": at_ms - 2000, "seq": seq, "ph": 7}, after_ms=minute * MINUTE_MS)
        return await page_of(visitor, "m1"), (await visitor.get("/api/devices/m1")).document

    page, document = visit(tmp_path, story, [REGISTERED])
    assert rows(page, "About it") == {
        "Site": "s1",
        "Area": "An Bình",
        "Address": "12 Lê Lợi",
        "Domain": "Water",
        "Profile": "native",
        "Model": "WM-4",
        "Serial number": "8254",
        "Interval": "15 minutes",
        "Installed": "2026-10-31",
        "Parameters": "q3_m3_h = 4.0",
        "Its clock is off by": "-2 s",
        "Readings that never arrived": "4",
    }
    told = {**REGISTERED, "interval_s": 900.0, "area_name": "An Bình", "clock_offset_s": -2.0, "seq_missing": 4, "counters": []}
    del told["interval"]
    assert told.items() <= document.items()


def test_of_what_is_not_known_there_is_no_line(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> str:
        visitor.come("stranger", {"ts": NOW_MS, "ph": 7})
        return await page_of(visitor, "stranger")

    page = visit(tmp_path, story, [REGISTERED])
    assert rows(page, "About it") == {"Domain": "Water", "Profile": "native", "Its clock is off by": "0 s"}
    assert rows(page, "Registers and sums") == {}


def test_the_page_shows_each_register_with_its_time_and_its_sum_as_far_as_it_is_known(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[dict[str, str]]:
        visitor.come("m1", {"ts": NOW_MS, "volume_m3": 1234.75, "pulse_count": 9})
        counters = visitor.device("m1").counters
        assert counters is not None
        found = [rows(await page_of(visitor, "m1"), "Registers and sums")]
        counters.take_over({"volume_m3": FoundSum(1234.5, 5234.5, NOW_MS - MINUTE_MS)})
        found.append(rows(await page_of(visitor, "m1"), "Registers and sums"))
        counters.exchange(ToldExchange("volume_m3", NOW_MS + 1))
        return [*found, rows(await page_of(visitor, "m1"), "Registers and sums")]

    awaited, known, exchanged = visit(tmp_path, story, [REGISTERED])
    at = "01 Nov 2026, 07:00:00"
    assert awaited == {"Volume": f"1,234.75 m³ · {at}", "Pulses": f"9 · {at}"}
    assert known == {"Volume": f"1,234.75 m³ · {at} · sum: 5,234.75 m³", "Pulses": f"9 · {at} · sum: 9"}
    assert exchanged["Volume"] == "exchanged, waits for its first reading · sum: 5,234.75 m³"


def test_the_newest_reading_comes_first_then_health_then_older_ones_each_with_its_quality(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> str:
        hours = [{"ts": NOW_MS - hour * HOUR_MS, "flow_m3_h": 1.5 + hour} for hour in (3, 0, 1)]
        visitor.come("m1", [*hours, {"ts": NOW_MS - MINUTE_MS, "flow_m3_h": 9e9, "battery_pct": 88, "alarm_leak": True}])
        return await page_of(visitor, "m1")

    page = visit(tmp_path, story, [REGISTERED])
    assert readings(page) == [
        ("Water", "01 Nov 2026, 07:00:00", {"Flow": "1.5 m³/h"}, "good"),
        ("Device health", "01 Nov 2026, 06:59:00", {"Battery": "88 %"}, "a value was dropped"),
        ("Water", "01 Nov 2026, 06:59:00", {"Leak alarm": "yes"}, "a value was dropped"),
        ("Water", "01 Nov 2026, 06:00:00", {"Flow": "2.5 m³/h"}, "good"),
        ("Water", "01 Nov 2026, 04:00:00", {"Flow": "4.5 m³/h"}, "historic, it came late"),
    ]
    assert page.count('<dd class="bad">') == 1, "the alarm"
    assert "<summary>2 more readings</summary>" in page
    assert rows(page, "Values dropped") == {"flow_m3_h": "outside the physical bounds"}


def test_a_reading_whose_step_is_in_doubt_says_so_although_it_is_worked_out_from_its_message_alone(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> str:
        for minute, volume_m3 in ((0, 100.0), (15, 9000.0)):
            at_ms = NOW_MS + minute * MINUTE_MS
            visitor.come("m1", {"ts": at_ms, "volume_m3": volume_m3}, after_ms=minute * MINUTE_MS)
        return await page_of(visitor, "m1")

    ((_, _, values, quality),) = readings(visit(tmp_path, story, [REGISTERED]))
    assert (values, quality) == ({"Volume": "9,000 m³"}, "a counter's step is suspect")


def test_an_account_with_a_limit_sees_the_values_of_a_device_and_nothing_of_its_messages(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[tuple[str, dict[str, Any]]]:
        visitor.come("m1", {"ts": NOW_MS, "flow_m3_h": 1.5, "maker's own": 1})
        people = ("lan", "so-nuoc")
        return [(await page_of(visitor, "m1", who), (await visitor.get("/api/devices/m1", who)).document) for who in people]

    (page, document), (shared_page, shared) = visit(tmp_path, story, [REGISTERED])
    assert all("<dd>1.5 <small>m³/h</small></dd>" in text for text in (page, shared_page))
    assert ["maker's own" in text for text in (page, shared_page, str(document), str(shared))] == [True, False, True, False]
    assert document.keys() - shared.keys() == {"last_message", "steps", "rejects", "waiting", "ladder"}
    assert shared["result"]["points"] == document["result"]["points"]
