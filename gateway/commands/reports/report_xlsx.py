"""Rows of a report as a workbook for spreadsheets (.xlsx), written as they come: memory does not grow with their number."""

import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from gateway.commands.reports.report_rows import ReportCell, ReportRow
from gateway.support.config.files import ConfigurationFault
from schemas.printable import printable

_ROWS_MAX: Final = 1_048_575
"""Below the header: what a sheet holds."""


class XlsxOutput:
    """A workbook of one sheet, with ``heads`` above its columns; ConfigurationFault if it cannot be made."""

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
        if self._number > _ROWS_MAX:
            raise ConfigurationFault([f"--xlsx: a sheet holds at most {_ROWS_MAX:,} rows; take --csv"])
        self._sheet.append([_cell(row.get(column)) for column in self._columns])

    def end(self, notes: Sequence[str]) -> None:
        """Write the file; print the notes beside it, on standard error."""
        try:
            self._book.save(self._path)
        except OSError as error:
            raise ConfigurationFault([f"--xlsx: {self._path}: cannot be written: {error.strerror}"]) from error
        for note in notes:
            print(note, file=sys.stderr)


def _cell(value: ReportCell) -> object:
    """A value as a cell: numbers stay numbers, times are local, and no text is a formula."""
    match value:
        case datetime():
            return value.replace(tzinfo=None)
        case bool() | int() | float() | Decimal():
            return value
        case str():
            from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415 - as above

            text = ILLEGAL_CHARACTERS_RE.sub("", printable(value))
            return f"'{text}" if text.startswith("=") else text
    return None
