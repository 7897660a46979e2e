"""Coverage as a table for people, in Vietnamese or English, and as CSV for a spreadsheet."""

import csv
from collections.abc import Mapping
from dataclasses import fields
from io import StringIO
from math import floor
from typing import Any, Final
from unicodedata import normalize

from gateway.core.status.coverage import Count, Coverage, CoverageGroup, coverage_document
from gateway.support.i18n.formats import localized
from gateway.support.i18n.languages import words
from schemas.printable import printable
from schemas.spreadsheet import as_cell

_AREA_WIDTH: Final = 25
_GAP: Final = "  "
_COUNTED: Final = tuple(field.name for field in fields(Count))
_HEAD: Final = ("registered", "reporting", "silent", "unheard", "unregistered", "share")
_COLUMNS: Final = ("area", "name", "domain", *_COUNTED, "share_pct")


def coverage_csv(found: Coverage, areas: Mapping[str, str]) -> str:
    """A line for each area and domain, under names that do not change with the language."""
    groups: Any = coverage_document(found, areas)["groups"]
    out = StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: as_cell(value) for column, value in group.items()} for group in groups)
    return out.getvalue()


def coverage_table(found: Coverage, areas: Mapping[str, str], language: str) -> str:
    """The table: areas by name, then the sum of each domain and of all; at most 100 columns wide."""
    text = words(language)
    head = [text["area"], text["domain"], *(text[key] for key in _HEAD)]
    rows = [_row(group, count, areas, language) for group, count in found.groups.items()]
    sums = [[text["total"], _domain(domain, text), *_numbers(count, language)] for domain, count in found.domains.items()]
    sums.append([text["total"], text["all_domains"], *_numbers(found.total, language)])
    cells = [[cell[:1].upper() + cell[1:] for cell in head], *_said_once(rows), *_said_once(sums)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [_line(row, widths) for row in cells]
    rule = "─" * len(lines[0])
    body = [text["coverage"], "", lines[0], rule, *lines[1 : 1 + len(rows)], *([rule] if rows else []), *lines[1 + len(rows) :]]
    note = text["only_registry"] if found.total.reporting is None else text["reporting_means"]
    return "\n".join([*body, "", note, ""])


def _row(group: CoverageGroup, count: Count, areas: Mapping[str, str], language: str) -> list[str]:
    text = words(language)
    name = text["no_area"] if group.area is None else _area(group.area, areas)
    return [name, _domain(group.domain, text), *_numbers(count, language)]


def _area(code: str, areas: Mapping[str, str]) -> str:
    """An area by its name, with the code if another has the same name."""
    name = areas.get(code, code)
    told_apart = f" ({code})" if list(areas.values()).count(name) > 1 else ""
    name, most = printable(normalize("NFC", name)), max(_AREA_WIDTH - len(told_apart), 8)
    return (name if len(name) <= most else f"{name[: most - 1]}…") + told_apart


def _domain(domain: str | None, text: Mapping[str, str]) -> str:
    return text["no_domain"] if domain is None else text[domain]


def _numbers(count: Count, language: str) -> list[str]:
    counts = (count.registered, count.reporting, count.silent, count.unheard, count.unregistered)
    share_pct = count.share_pct
    share = "-" if share_pct is None else f"{floor(share_pct * 10) / 10:.1f} %"  # down: 100 % is all of them
    shown = ["?" if number is None else f"{number:,}" for number in counts] + [share]
    return [localized(text, language) for text in shown]


def _said_once(rows: list[list[str]]) -> list[list[str]]:
    """Rows that do not repeat the area of the row above."""
    before = [""] + [row[0] for row in rows]
    return [["" if row[0] == above else row[0], *row[1:]] for row, above in zip(rows, before, strict=False)]


def _line(cells: list[str], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    names = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return _GAP.join(names + numbers)
