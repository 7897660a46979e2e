"""Files that others get: open data of areas, and the lines of a month for accounting."""

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Final

from tests.campaigns.truth.asked_reports import MARKS, marks_of
from tests.campaigns.truth.calendar import Period, date_of, day
from tests.campaigns.truth.judge import Answer, Marks
from tests.campaigns.truth.parts import Gateway

_QUANTITIES: Final = frozenset(f"{what}_{unit}" for unit in ("m3", "kwh") for what in ("used", "supplied", "produced", "lost"))
_WORDS: Final = frozenset({"true", "false", "True", "False"})


def open_data_answers(gateway: Gateway, days: Iterable[int]) -> Iterator[Answer]:
    """The open data of each day."""
    for number in days:
        gateway.command("export", "open", "--day", date_of(number))
        for path in sorted((gateway.folder / "data" / "exports").glob(f"open-{date_of(number)}-*.csv.gz")):
            for row in csv.DictReader(StringIO(gzip.decompress(path.read_bytes()).decode())):
                if row["quantity"] in _QUANTITIES and row["value"]:
                    subject = f"area:{row['area']}"
                    yield Answer("open data", subject, row["quantity"], day(number), float(row["value"]), row_marks(row))


def row_marks(row: Mapping[str, str], figure: str = "") -> Marks:
    """Return the marks of a figure of a row of CSV: its own, else those of the whole row."""
    return marks_of({name: _share(text) for name, text in row.items() if name.endswith(MARKS)}, figure)


def _share(text: str | None) -> float | None:
    return float(text.lower() == "true") if text in _WORDS else float(text) if text else None


def billing_answers(gateway: Gateway, period: Period) -> Iterator[Answer]:
    """The lines of a month."""
    text = gateway.command("report", "billing", "--month", str(period), "--json")
    for line in text.splitlines():
        row = json.loads(line)
        if row.get("kind") == "correction":
            continue
        word = str(row.get("mark") or "")
        marks = Marks(float("estimated" in word), float("suspect" in word or "corrected" in word))
        used = row.get("used")
        value = None if used is None else float(used)
        counter = str(row.get("counter") or row.get("register"))
        yield Answer("billing", f"device:{row['device']}", counter, period, value, marks, str(row.get("cause") or ""))
