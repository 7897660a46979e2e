"""The start page: reasons that lead somewhere, and the last hours as two lines."""

import re
from zoneinfo import ZoneInfo

from aiohttp.test_utils import make_mocked_request

from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.status.history import History
from gateway.core.status.verdict import Finding, Level
from gateway.support.config.model import Config
from gateway.support.i18n.findings import FINDINGS
from gateway.support.i18n.formats import Formats
from gateway.web.http.pages import PageRenderer, PageTexts
from gateway.web.views.status import _LINKS, finding_link, rates_chart
from tests.web.rendering import GIVEN, page_text

MINUTE_MS = 60_000
NOW_MS = 29_000_000 * MINUTE_MS
ENGLISH = Formats("en", ZoneInfo("Asia/Ho_Chi_Minh"))


def test_each_link_belongs_to_a_finding_and_its_holes_are_parameters_of_the_sentence() -> None:
    assert _LINKS.keys() <= FINDINGS.keys()
    for key, link in _LINKS.items():
        assert set(re.findall(r"{\w+}", link)) <= set(re.findall(r"{\w+}", FINDINGS[key].en)), key


def test_a_reason_leads_to_the_devices_it_is_about_whatever_they_are_called() -> None:
    assert finding_link(Finding("silent", Level.ATTENTION)) == "/devices?state=silent&sort=heard"
    flood = Finding("flood", Level.ATTENTION, {"device": "a/b?<", "per_s": 90, "pct": 40})
    assert finding_link(flood) == "/devices/a%2Fb%3F%3C"
    assert finding_link(Finding("mqtt_away", Level.TROUBLE)) == ""


def test_a_reason_is_a_link_and_what_a_server_said_is_quoted() -> None:
    link = '<a href="/devices?state=silent">&lt;b&gt;</a>'
    assert f'{link}: <q lang="en">&lt;i&gt;</q>' in page_text("start", "vi")
    assert f"{link}: &lt;i&gt;" in page_text("start", "en")


def test_numbers_in_a_sentence_are_written_as_the_language_writes_them() -> None:
    vietnamese = Formats("vi", ZoneInfo("Asia/Ho_Chi_Minh"))
    found = Finding("silent_since_yesterday", Level.ATTENTION, {"silent": 1200, "total": 20000, "pct": 6.5, "before_pct": 1.0})
    assert PageTexts("vi", vietnamese).finding(found) == (
        "1.200 trong số 20.000 thiết bị im lặng; không nghe được 6,5 %, giờ này hôm qua 1 %"
    )
    rejects = Finding("rejects_lately", Level.ATTENTION, {"count": 3, "minutes": 10, "reason": "bad_json"})
    assert PageTexts("en", ENGLISH).finding(rejects).endswith("most of them: broken JSON")


def test_the_last_hours_are_two_lines_with_a_gap_where_the_gateway_stood() -> None:
    history = History()
    for minute in (0, 1, 2, 60, 61, 62):
        history.count(NOW_MS + minute * MINUTE_MS, 100 * minute, 90 * minute)
    chart = rates_chart(history, NOW_MS + 63 * MINUTE_MS, PageTexts("en", ENGLISH), ENGLISH)
    received, written = re.findall(r'<path d="([^"]*)"', chart)
    assert received.count("M") == written.count("M") == 2
    assert "Received: last 100, lowest 100, highest 5,800" in chart
    assert rates_chart(History(), NOW_MS, PageTexts("vi", ENGLISH), ENGLISH), "a new gateway has a chart too"


def test_the_axis_of_the_last_hours_begins_with_the_first_minute_and_half_an_hour_ago_at_the_latest() -> None:
    for minutes, now, labels in (
        ((0, 1, 60, 61), 63, ["04:30", "04:45", "05:00", "05:15"]),
        ((1, 2), 3, ["04:00", "04:10", "04:20"]),
        ((), 0, ["03:50", "04:00", "04:10", "04:20"]),
    ):
        history = History()
        for minute in minutes:
            history.count(NOW_MS + minute * MINUTE_MS, 100 * minute, 90 * minute)
        chart = rates_chart(history, NOW_MS + now * MINUTE_MS + 59_000, PageTexts("en", ENGLISH), ENGLISH)
        assert re.findall(r">(\d\d:\d\d)<", chart) == labels


def test_every_page_of_a_machine_that_stands_by_leads_to_the_live_one_and_counts_no_device() -> None:
    standby = Standby("b", 10.0)
    request = make_mocked_request("GET", "/?language=en")
    alone = PageRenderer(Config(), standby).page(request, "devices", **GIVEN["devices"]).text or ""
    assert "b stands by, but no machine is live now" in alone
    standby.heard("a", PairRole.LIVE, 1, 0.0, retained=False)
    pages = PageRenderer(Config(), standby)
    assert "on the live machine: a" in (pages.page(request, "devices", **GIVEN["devices"]).text or "")
    shown, live = pages.page(request, "start", **GIVEN["start"]).text or "", page_text("start", "en")
    assert "on the live machine: a" in shown
    assert "on the live machine" not in live
    assert "Coverage against" in live
    assert "Coverage against" not in shown
