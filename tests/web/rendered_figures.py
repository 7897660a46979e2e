"""The least that pages of figures can be rendered with."""

from types import SimpleNamespace
from typing import Any, Final

from gateway.ingest.database.store import StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import Marks
from gateway.web.devices.device_day import DayRow
from gateway.web.http.handlers import Listing, ListQuery
from gateway.web.views.completeness import AreaMonth, MonthReport
from gateway.web.views.consumption import UseRow

FIGURES: Final[dict[str, dict[str, Any]]] = {
    "consumption": {
        "months": {"1970-01": 0},
        "month": TimeSpan(0, 1),
        "report": MonthReport("group", 0, fault="no answer"),
        "list": Listing(
            ListQuery({"by": "area", "step": "day"}, 1, ""),
            [
                UseRow(
                    {"group": "a1", "name": "A1", "domain": "water", "counter": "volume_m3", "used": "1", "cause": "x"},
                    0,
                    None,
                    1.5,
                    12.5,
                    Marks(0.5, 0.5, 0.5),
                )
            ],
            1,
        ),
        "choices": ("area", "device"),
        "by": "area",
        "last_day": "1970-01-31",
        "address": "?",
        "at": int,
        "causes": {},
    },
    "device_day": {
        "device": "m1",
        "span": TimeSpan(0, 86_400_000),
        "day": "1970-01-01",
        "before": "1969-12-31",
        "after": "1970-01-02",
        "fault": "",
        "rows": [DayRow(0, StoredSeries("m1", lane="1"), {"volume_m3": 5.5, "alarm_leak": True}, {"volume_m3": 0.5}, 5)],
        "left_out": 1,
        "fields": ["volume_m3", "alarm_leak", "ph"],
        "uses": [
            ("volume_m3", None, SimpleNamespace(series=StoredSeries("m1", lane="1"), used=None, marks=Marks(0.5, 1.0, 0.3)))
        ],
        "charts": [("Volume", "")],
        "marks": lambda _: ["<b>"],
    },
    "completeness": {
        "months": {"1970-01": 0},
        "month": TimeSpan(0, 1),
        "chosen": "1970-01",
        "report": MonthReport("group", 0, fault="no answer"),
        "rows": [AreaMonth("a1", "water", 2, 96.0, 90.0, 89.0, 7200.0), AreaMonth("", "power", 1, 96.0, 96.0, 96.0, 900.0)],
        "totals": [AreaMonth("", "water", 2, 96.0, 90.0, 89.0, 7200.0)],
        "areas": {"a1": "A1"},
        "registered": 4,
        "left_out": 1,
        "printed_by": "Lan",
        "now_ms": 1,
    },
}
"""Page → what it is given."""
