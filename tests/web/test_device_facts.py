"""The page of a device says of it what is known: from the registry, from its messages, and nothing where nothing is known."""

import asyncio
import html
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from aiohttp.test_utils import make_mocked_request

from gateway.core.devices.device import Device
from gateway.core.readings.exchanges import ToldExchange
from gateway.core.readings.sums import FoundSum
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.photos import Photos
from gateway.runtime.pipeline.build import Parts
from gateway.support.access.accounts import AccountRole, UserAccount
from gateway.support.access.scope import DeviceScope
from gateway.web.devices.devices import DevicePages
from gateway.web.devices.series import SeriesPages
from gateway.web.http.long_answers import Turns
from gateway.web.http.pages import PageRenderer
from tests.clocks import SetClock
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, message, topic
from tests.runtime.jobs.closing_rig import config_of
from tests.web.rendering import TECHNICIAN, let_in

T = TypeVar("T")

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
LIMITED: Final = UserAccount("so-nuoc", AccountRole.READ, b"", DeviceScope("water"))


class Visited:
    """A gateway that nobody runs: messages come in, and pages are asked for."""

    def __init__(self, parts: Parts, database: Database, clock: SetClock) -> None:
        self._parts, self._clock = parts, clock
        config, status = parts.foundation.config, parts.watching.status
        pages = PageRenderer(config)
        photos = Photos(config.journal.path, 0)
        self._routes = DevicePages(status, database, Turns(), pages, photos, SeriesPages(status, pages)).reading()

    def come(self, name: str, content: object, *, after_ms: int = 0) -> Device:
        """A message comes; its device."""
        self._clock.at_ms = NOW_MS + after_ms
        processor = self._parts.processing.processor
        assert processor.process(message(content, topic(name)), self._clock.at_ms).readings
        return processor.streams.devices[name]

    async def ask(self, path: str, name: str, account: UserAccount = TECHNICIAN) -> str:
        """The text of an answer in English."""
        request = make_mocked_request("GET", f"{path}?language=en".format(device=name), match_info={"device": name})
        answer: Any = await self._routes[path](let_in(request, account))
        return str(answer.text)

    async def page(self, name: str, account: UserAccount = TECHNICIAN) -> str:
        """The page of a device, with plain spaces."""
        return html.unescape(await self.ask("/devices/{device}", name, account)).replace("\xa0", " ")


def tell(folder: Path, story: Callable[[Visited], Awaitable[T]]) -> T:
    """Return what a story finds at a gateway with one registered device."""
    (folder / "devices.yaml").write_text(yaml.safe_dump({"areas": {"p-01": "An Bình"}, "devices": [REGISTERED]}))
    config, clock = config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), SetClock(NOW_MS)

    async def told(database: Database) -> T:
        return await story(Visited(Parts(config, database, clock), database, clock))

    database = Database(config.journal.path)
    database.open()
    with closing(database):
        return asyncio.run(told(database))


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
    async def story(visited: Visited) -> tuple[str, dict[str, Any]]:
        for minute, seq in ((0, 7), (15, 12)):
            at_ms = NOW_MS + minute * MINUTE_MS
            visited.come("m1", {"ts": at_ms - 2000, "seq": seq, "ph": 7}, after_ms=minute * MINUTE_MS)
        return await visited.page("m1"), json.loads(await visited.ask("/api/devices/{device}", "m1"))

    page, document = tell(tmp_path, story)
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
    async def story(visited: Visited) -> str:
        visited.come("stranger", {"ts": NOW_MS, "ph": 7})
        return await visited.page("stranger")

    page = tell(tmp_path, story)
    assert rows(page, "About it") == {"Domain": "Water", "Profile": "native", "Its clock is off by": "0 s"}
    assert rows(page, "Registers and sums") == {}


def test_the_page_shows_each_register_with_its_time_and_its_sum_as_far_as_it_is_known(tmp_path: Path) -> None:
    async def story(visited: Visited) -> list[dict[str, str]]:
        device = visited.come("m1", {"ts": NOW_MS, "volume_m3": 1234.75, "pulse_count": 9})
        counters = device.counters
        assert counters is not None
        found = [rows(await visited.page("m1"), "Registers and sums")]
        counters.take_over({"volume_m3": FoundSum(1234.5, 5234.5, NOW_MS - MINUTE_MS)})
        found.append(rows(await visited.page("m1"), "Registers and sums"))
        counters.exchange(ToldExchange("volume_m3", NOW_MS + 1))
        return [*found, rows(await visited.page("m1"), "Registers and sums")]

    awaited, known, exchanged = tell(tmp_path, story)
    at = "01 Nov 2026, 07:00:00"
    assert awaited == {"Volume": f"1,234.75 m³ · {at}", "Pulses": f"9 · {at}"}
    assert known == {"Volume": f"1,234.75 m³ · {at} · sum: 5,234.75 m³", "Pulses": f"9 · {at} · sum: 9"}
    assert exchanged["Volume"] == "exchanged, waits for its first reading · sum: 5,234.75 m³"


def test_the_newest_reading_comes_first_then_health_then_older_ones_each_with_its_quality(tmp_path: Path) -> None:
    async def story(visited: Visited) -> str:
        hours = [{"ts": NOW_MS - hour * HOUR_MS, "flow_m3_h": 1.5 + hour} for hour in (3, 0, 1)]
        visited.come("m1", [*hours, {"ts": NOW_MS - MINUTE_MS, "flow_m3_h": 9e9, "battery_pct": 88, "alarm_leak": True}])
        return await visited.page("m1")

    page = tell(tmp_path, story)
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
    async def story(visited: Visited) -> str:
        for minute, volume_m3 in ((0, 100.0), (15, 9000.0)):
            at_ms = NOW_MS + minute * MINUTE_MS
            visited.come("m1", {"ts": at_ms, "volume_m3": volume_m3}, after_ms=minute * MINUTE_MS)
        return await visited.page("m1")

    ((_, _, values, quality),) = readings(tell(tmp_path, story))
    assert (values, quality) == ({"Volume": "9,000 m³"}, "a counter's step is suspect")


def test_an_account_with_a_limit_sees_the_values_of_a_device_and_nothing_of_its_messages(tmp_path: Path) -> None:
    async def story(visited: Visited) -> list[tuple[str, dict[str, Any]]]:
        visited.come("m1", {"ts": NOW_MS, "flow_m3_h": 1.5, "maker's own": 1})
        seen = []
        for account in (TECHNICIAN, LIMITED):
            document = json.loads(await visited.ask("/api/devices/{device}", "m1", account))
            seen.append((await visited.page("m1", account), document))
        return seen

    (page, document), (shared_page, shared) = tell(tmp_path, story)
    assert all("<dd>1.5 <small>m³/h</small></dd>" in text for text in (page, shared_page))
    assert ["maker's own" in text for text in (page, shared_page, str(document), str(shared))] == [True, False, True, False]
    assert document.keys() - shared.keys() == {"last_message", "steps", "rejects", "waiting", "ladder"}
    assert shared["result"]["points"] == document["result"]["points"]
