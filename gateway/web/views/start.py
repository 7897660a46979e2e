"""The start page: the verdict with its reasons and links, open alarms, the last hours, and the account of all readings."""

from collections.abc import Mapping
from heapq import nsmallest
from typing import Any, Final
from urllib.parse import quote

from gateway.core.ledger import ENDS
from gateway.core.status.history import History
from gateway.core.status.verdict import Finding, Fleet, level_of
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.status.status import Status
from gateway.support.charts.charts import ChartLine, TimeAxis, ValueAxis, line_chart
from gateway.support.charts.drawing import ChartFrame
from gateway.support.i18n.formats import Formats
from gateway.web.http.handlers import Document
from gateway.web.http.pages import PageTexts
from gateway.web.views.alarms import alarm_documents

_ALARMS_SHOWN: Final = 5
_MINUTE_MS: Final = 60_000
_GAP_MS: Final = 1.5 * _MINUTE_MS
_LEAST_SHOWN_MIN: Final = 30


def start_view(status: Status, fleet: Fleet, texts: PageTexts, formats: Formats) -> dict[str, Any]:
    """The values of the page that change from second to second."""
    findings = status.findings(fleet)
    now_ms = status.clock.now_ms()
    return {
        "now_ms": now_ms,
        "s": status.document(fleet),
        "level": level_of(findings).value,
        "reasons": [
            {"level": one.level.value, "text": texts.finding(one), "detail": one.detail, "link": finding_link(one)}
            for one in findings
        ],
        "broker_reached": status.events.broker_reached,
        "known": fleet.total.total(),
        "alarms": _alarms(status.alarms),
        "areas": status.devices.areas,
        "more_alarms": max(0, len(status.alarms.active()) - _ALARMS_SHOWN),
        "chart": rates_chart(status.history, now_ms, texts, formats),
        "outcomes": ENDS,
    }


def _alarms(keeper: AlarmKeeper) -> list[Document]:
    """The worst alarms, the oldest of a kind first; those that nobody sees to before the others."""
    shown = nsmallest(
        _ALARMS_SHOWN, keeper.active(), key=lambda state: (state.acknowledged is not None, state.severity.rank, state.since_ms)
    )
    return list(alarm_documents(keeper, shown))


def rates_chart(history: History, now_ms: int, texts: PageTexts, formats: Formats) -> str:
    """Readings received and written in each minute of the last hours, as two lines."""
    minutes = history.minutes(now_ms)
    received = [(row.minute * _MINUTE_MS, row.received) for row in minutes]
    written = [(row.minute * _MINUTE_MS, row.written) for row in minutes]
    end_ms = now_ms // _MINUTE_MS * _MINUTE_MS
    start_ms = min([end_ms - _LEAST_SHOWN_MIN * _MINUTE_MS, *(ms for ms, _ in received[:1])])
    time = TimeAxis(start_ms, end_ms, formats.zone, formats.time_of_day)
    lines = [ChartLine(texts.text("received"), received), ChartLine(texts.text("written"), written)]
    told = "; ".join(
        f"{line.name}: {texts.text('chart_says', line.points[-1][1], min(values), max(values))}"
        for line in lines
        if (values := [value for _, value in line.points if value is not None])
    )
    frame = ChartFrame("rates", texts.text("readings_a_minute"), told or texts.text("none"))
    return line_chart(frame, lines, time, ValueAxis(formats.number, from_zero=True), gap_ms=_GAP_MS)


_LINKS: Final[Mapping[str, str]] = {
    "alarms_critical": "/alarms",
    "alarms_active": "/alarms",
    "all_silent": "/devices?state=quiet",
    "clocks_off": "/devices?state=clock_off",
    "codec_suspended": "#codecs",
    "devices_stopped": "/devices?state=stopped",
    "domain_silent": "/devices?state=quiet&domain={domain}",
    "flood": "/devices/{device}",
    "imbalance": "#ledger",
    "lost": "#ledger",
    "expired": "#ledger",
    "never_heard": "/devices?state=never_heard",
    "none_heard": "/devices?state=new",
    "quarantine_crowded": "/quarantine",
    "quarantine_filling": "/quarantine",
    "rejects_lately": "/rejects?reason={reason}",
    "silent": "/devices?state=silent&sort=heard",
    "silent_since_yesterday": "/devices?state=silent&sort=heard",
    "too_many_devices": "/devices?state=unregistered",
}
"""Key of a finding → its page; a name in braces stands for a parameter. The others say all there is."""


def finding_link(finding: Finding) -> str:
    """The address; empty where the sentence says all there is."""
    params = {key: quote(str(value), safe="") for key, value in finding.params.items()}
    return _LINKS.get(finding.key, "").format_map(params)
