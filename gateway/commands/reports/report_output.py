"""Rows of a report as they come: CSV, one JSON object a line, a workbook (.xlsx), or a table for people."""

import argparse
import csv
import sys
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Final, TextIO

import msgspec

from gateway.commands.reports.report_rows import ReportCell, ReportRow
from gateway.commands.terminal import refuse_present
from gateway.monitoring.reports.boundaries import MARKED
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.formats import localized
from gateway.support.i18n.languages import words
from gateway.support.i18n.reports import report_words
from gateway.support.private_files import private
from schemas.glossary import quantities
from schemas.printable import printable
from schemas.quantities import TEXT_TAGS, UNITS
from schemas.spreadsheet import as_cell

_WIDTHS_FROM: Final = 200
"""Rows that decide how wide the columns of a table are; it begins when there are so many, and flows from then on."""
_GAP: Final = "  "
_SHEET_ROWS_MAX: Final = 1_048_575
"""Below the header: what a sheet holds."""
_AMOUNTS: Final = frozenset(
    {"used", "supplied", "produced", "lost", "counted", "in", "out", "from_register", "to_register", "sealed"}
)
_TEXT_COLUMNS: Final = frozenset(
    {
        *("period", "from", "from_time", "to", "to_time", "device", "parent", "group", "domain", "counter", "unit", "serial"),
        *("kind", "month", "contract", "mark", "cause", "note"),
    }
)


class _ForPrograms:
    def end(self, notes: Sequence[str]) -> None:
        """Print the notes beside it, on standard error."""
        for note in notes:
            print(note, file=sys.stderr)


class CsvOutput(_ForPrograms):
    """CSV with a header, times in ISO 8601."""

    def __init__(self, out: TextIO, columns: Sequence[str]) -> None:
        self._writer = csv.DictWriter(out, columns, lineterminator="\n")
        self._writer.writeheader()

    def row(self, row: ReportRow) -> None:
        """Print a row."""
        self._writer.writerow({key: _csv_cell(value) for key, value in row.items()})


class JsonOutput(_ForPrograms):
    """One JSON object a line; amounts with all their digits."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encoder = msgspec.json.Encoder(decimal_format="number")

    def row(self, row: ReportRow) -> None:
        """Print a row."""
        document = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
        self._out.write(printable(self._encoder.encode(document).decode()) + "\n")


class XlsxOutput(_ForPrograms):
    """A workbook of one sheet, with ``heads``, in bounded memory; each method: ConfigurationFault if it cannot be made."""

    def __init__(self, path: Path, columns: Sequence[str], heads: Sequence[str]) -> None:
        try:
            from openpyxl import Workbook  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise ConfigurationFault(
                [f"--xlsx: {error.name} is missing; it comes with the extra: pip install 'province-gateway[xlsx]'"]
            ) from error
        self._path = path
        self._columns = columns
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet()
        self._sheet.append(list(heads))
        self._number = 0

    def row(self, row: ReportRow) -> None:
        """Write a row."""
        self._number += 1
        if self._number > _SHEET_ROWS_MAX:
            raise ConfigurationFault([f"--xlsx: a sheet holds at most {_SHEET_ROWS_MAX:,} rows; take --csv"])
        self._sheet.append([_sheet_cell(row.get(column)) for column in self._columns])

    def end(self, notes: Sequence[str]) -> None:
        """Write the file; print the notes beside it, on standard error."""
        try:
            with open(self._path, "wb", opener=private) as file:
                self._book.save(file)
        except OSError as error:
            raise ConfigurationFault([f"--xlsx: {self._path}: cannot be written: {error.strerror}"]) from error
        super().end(notes)


class TextOutput:
    """A table in one language; numbers as they are written there."""

    def __init__(self, out: TextIO, title: str, columns: Sequence[str], by: str, language: str) -> None:
        self._out = out
        self._words = words(language) | report_words(language)
        self._names = quantities(language)
        self._language = language
        self._columns = columns
        self._head = [self._words[by if column == "group" else column] for column in columns]
        self._held: list[list[str]] = []
        self._widths: list[int] = []
        out.write(f"{printable(title)}\n\n")

    def row(self, row: ReportRow) -> None:
        """Hold the first rows, print the others."""
        cells = [printable(self._cell(column, row)) for column in self._columns]
        if self._widths:
            self._line(cells)
            return
        self._held.append(cells)
        if len(self._held) == _WIDTHS_FROM:
            self._begin()

    def end(self, notes: Sequence[str]) -> None:
        """Print what is held, and the notes below it."""
        if self._held:
            self._begin()
        if not self._widths:
            self._out.write(f"{self._words['no_rows']}\n")
        self._out.write("".join(["\n", *(f"{note}\n" for note in notes)]) if notes else "")

    def _begin(self) -> None:
        rows = [self._head, *self._held]
        self._widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
        self._line(self._head)
        self._out.write("─" * (sum(self._widths) + len(_GAP) * (len(self._widths) - 1)) + "\n")
        for cells in self._held:
            self._line(cells)
        self._held.clear()

    def _line(self, cells: Sequence[str]) -> None:
        aligned = [
            cell.ljust(width) if column in _TEXT_COLUMNS else cell.rjust(width)
            for column, cell, width in zip(self._columns, cells, self._widths, strict=True)
        ]
        self._out.write(_GAP.join(aligned).rstrip() + "\n")

    def _cell(self, column: str, row: ReportRow) -> str:
        value = row.get(column)
        match column:
            case "period":
                text = _period(row["from"], row["to"])
            case "note":
                text = self._note(row)
            case "device":
                text = " ".join([str(value), *(str(row[tag]) for tag in TEXT_TAGS if row.get(tag))])
            case "group":
                text = self._words[str(value)] if row["by"] == "domain" else str(row["name"] or value or "-")
            case "counter":
                text = self._names[str(value)].name
            case "domain" | "kind" | "mark" if value:
                text = self._words[str(value)]
            case "cause" if value:
                text = self._words[str(value)]
            case "unit":
                text = UNITS[str(value)].symbol
            case _:
                text = self._shown(column, value)
        return text

    def _shown(self, column: str, value: ReportCell) -> str:
        if value is None:
            return "-"
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%d %H:%M")
        if isinstance(value, Decimal | float | int) and not isinstance(value, bool):
            is_counted = isinstance(value, Decimal) and value.as_tuple().exponent == 0
            return localized(f"{value:,.3f}" if column in _AMOUNTS and not is_counted else f"{value:,}", self._language)
        return str(value)

    def _note(self, row: ReportRow) -> str:
        notes = [self._words[str(row["cause"])]] if row.get("cause") else []
        if row.get("cause") and isinstance(until := row.get("known_to"), datetime):
            notes.append(self._words["known_to"].format(until.strftime("%Y-%m-%d %H:%M")))
        for name in ("estimated", "suspect"):
            share = row.get(name)
            if isinstance(share, float):  # of a group
                notes += [self._words[f"{name}_share"].format(self._pct(share))] if share >= MARKED else []
            elif share:
                notes.append(self._words[f"is_{name}"].format(share))
        measured = row.get("measured")
        if isinstance(measured, float) and measured < 1 - MARKED and (row.get("used") is not None or "in" in row):
            notes.append(self._words["measured_share"].format(self._pct(measured)))
        return ", ".join(notes)

    def _pct(self, share: float) -> str:
        return localized(f"{share * 100:.1f}", self._language)


ReportOutput = CsvOutput | JsonOutput | XlsxOutput | TextOutput


def language_of(options: argparse.Namespace, config: Config) -> str:
    """The language of a report: English, or as asked for; a workbook is for others, and as configured."""
    if options.csv or options.json:
        return "en"
    return options.language or ("en" if options.xlsx is None else config.language)


def output_of(
    options: argparse.Namespace, columns: Sequence[str], shown: Sequence[str], title: str, by: str, language: str
) -> ReportOutput:
    """The form that is asked for; ``shown`` are the columns of the table for people."""
    if options.xlsx is not None:
        refuse_present(options.xlsx)
        names = report_words(language)
        return XlsxOutput(options.xlsx, columns, [names.get(column, column) for column in columns])
    if options.csv:
        return CsvOutput(sys.stdout, columns)
    return JsonOutput(sys.stdout) if options.json else TextOutput(sys.stdout, title, shown, by, language)


def _period(begins: ReportCell, ends: ReportCell) -> str:
    """A period as people name it: a month, a day, the beginning of an hour; both days of a month that is cut."""
    if not isinstance(begins, datetime) or not isinstance(ends, datetime):
        return ""
    if begins.time() != _MIDNIGHT or ends.time() != _MIDNIGHT:
        return begins.strftime("%Y-%m-%d %H:%M")
    last = ends.date() - timedelta(days=1)
    if begins.day == 1 and ends.day == 1 and last.month == begins.month:
        return begins.strftime("%Y-%m")
    return str(last) if last == begins.date() else f"{begins.date()}/{last}"


_MIDNIGHT: Final = time(0)


def _csv_cell(value: ReportCell) -> object:
    """A value as CSV holds it; its text steers neither a terminal nor a spreadsheet."""
    match value:
        case datetime():
            return value.isoformat()
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case str():
            return printable(str(as_cell(value)))
    return value


def _sheet_cell(value: ReportCell) -> ReportCell:
    """A value as a cell: numbers stay numbers, times are local, and no text is a formula."""
    match value:
        case datetime():
            return value.replace(tzinfo=None)
        case str():
            text = printable(value)
            return f"'{text}" if text.startswith("=") else text
    return value
