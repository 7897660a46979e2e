"""Pages as people read and download them: consumption of a month, and the day of a device."""

import csv
import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Final
from urllib.parse import quote, urlencode

from tests.campaigns.truth.asked_files import row_marks
from tests.campaigns.truth.calendar import date_of, day, period_at
from tests.campaigns.truth.judge import Answer, Marks
from tests.campaigns.truth.parts import Gateway
from tests.campaigns.truth.truths import UNITS

_KINDS: Final = {"area": "area", "parent": "parent", "domain": "whole"}
_FIGURES: Final = ("used", "supplied", "produced", "lost")
_MAIN: Final = frozenset({"volume_m3", "energy_import_kwh"})
_WAIT_S: Final = 900.0
_BOX: Final = re.compile(r'<p class="box"><b>[^<]*</b>:\s*([\d,]+(?:\.(\d+))?)\s*m³(.*?)</p>', re.DOTALL)
_UNDER_WAY: Final = 503


def consumption_page_answers(gateway: Gateway, month: str, end_s: int, *, is_over: bool) -> Iterator[Answer]:
    """The files of the page: groups day by day until an end, and devices by the month once it is over."""
    for by, kind in _KINDS.items():
        for row in _csv(gateway, {"month": month, "by": by, "step": "day"}):
            unit = UNITS.get(row["domain"])
            period = period_at("day", _seconds(row["from"]))
            if unit is None or not row["group"] or row["counter"] not in _MAIN or period.end_s > end_s:
                continue
            for figure in _FIGURES:
                value = float(row[figure]) if row.get(figure) else None
                subject = f"{kind}:{row['group']}"
                marks, cause = row_marks(row, figure), row.get("cause", "")
                yield Answer("page consumption", subject, f"{figure}_{unit}", period, value, marks, cause)
    for row in _csv(gateway, {"month": month, "by": "device"}) if is_over else ():
        period = period_at("month", _seconds(row["from"]))
        if str(period) == month:
            value = float(row["used"]) if row.get("used") else None
            yield Answer("page consumption", f"device:{row['device']}", row["counter"], period, value, row_marks(row))


def device_day_answers(gateway: Gateway, devices: Iterable[str], days: Iterable[int]) -> Iterator[Answer]:
    """The day of water meters, as their page says it."""
    numbers = list(days)
    for device in devices:
        for number in numbers:
            status, text = gateway.ask(f"/devices/{quote(device)}/day?date={date_of(number)}")
            boxes = _BOX.findall(text) if status == 200 else []
            if len(boxes) == 1:
                shown, decimals, behind = boxes[0]
                marks = Marks(suspect=float("badge" in behind))
                rounded = 0.5 * 10.0 ** -len(decimals)
                subject, value = f"device:{device}", float(shown.replace(",", ""))
                yield Answer("page of a day", subject, "volume_m3", day(number), value, marks, rounded=rounded)


def _csv(gateway: Gateway, query: dict[str, str]) -> Iterator[dict[str, str]]:
    """Ask until the rows are worked out."""
    deadline_s = time.monotonic() + _WAIT_S
    while True:
        status, text = gateway.ask("/consumption.csv?" + urlencode(query))
        if status != _UNDER_WAY or time.monotonic() > deadline_s:
            break
        time.sleep(1.0)
    if status != 200:
        raise ValueError(f"/consumption.csv answers {status}: {text[:200]}")
    yield from csv.DictReader(StringIO(text.lstrip("\ufeff")))


def _seconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp())
