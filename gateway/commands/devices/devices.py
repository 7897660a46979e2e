"""``gateway devices``: the registry with the state of the running gateway, import of spreadsheets, coverage.

Coverage is a table for people, in Vietnamese or English, or CSV for a spreadsheet.
"""

import argparse
import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from io import StringIO
from math import floor
from pathlib import Path
from typing import Any, Final
from unicodedata import normalize

from gateway.commands.devices.counters import add_exchange, add_resum
from gateway.commands.devices.enrolling import add_enrolling
from gateway.commands.devices.registering import add_registering, write_registry
from gateway.commands.devices.steps import add_amounts, add_steps
from gateway.commands.privacy.device_export import add_export
from gateway.commands.privacy.forgetting import add_forget
from gateway.commands.running import ask, is_running
from gateway.commands.terminal import add_action, local_time, say_table
from gateway.core.status.coverage import Count, Coverage, CoverageGroup, Stand, coverage, coverage_document
from gateway.core.status.silence import UNREGISTERED, Presence
from gateway.onboarding.registration import spreadsheet_change
from gateway.support.clock import WallClock
from gateway.support.config.model import Config
from gateway.support.i18n.formats import localized
from gateway.support.i18n.languages import words
from gateway.support.registry.changes import RegistryChange
from gateway.support.registry.csv_file import merge
from gateway.support.registry.registry import load_registry
from schemas.durations import format_duration
from schemas.printable import printable
from schemas.registry import COLUMNS, RegisteredDevice, device_key
from schemas.spreadsheet import as_cell

_SHOWN: Final = 20
_HEAD: Final = ("device", "state", "last heard ({})", "site", "domain", "area", "interval", "profile or model")
_ONLY_REGISTRY: Final = "the gateway is not running: only the registry is shown"

DeviceDocument = dict[str, Any]


def add_options(devices: argparse.ArgumentParser) -> None:
    """Add the actions of ``gateway devices``, with their options."""
    actions = devices.add_subparsers(required=True, metavar="ACTION")
    listed = add_action(actions, "list", "list all devices, and when each was last heard", _list)
    listed.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_registering(actions)
    add_enrolling(actions)
    add_exchange(actions)
    add_resum(actions)
    add_steps(actions)
    add_amounts(actions)
    add_export(actions)
    add_forget(actions)
    imported = add_action(actions, "import", "import devices from a CSV file into the registry", _import)
    imported.add_argument(
        "file",
        type=Path,
        metavar="FILE.csv",
        help="CSV file with the keys of devices.yaml as columns; params.NAME for parameters",
    )
    imported.add_argument("--dry-run", action="store_true", help="show the changes without writing them")
    imported.add_argument("--json", action="store_true", help="print JSON")
    covered = add_action(actions, "coverage", "show how many devices report, by area and domain", _coverage)
    form = covered.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    covered.add_argument("--language", choices=["vi", "en"], default="en", help="language of the table (default: en)")


def _met(config: Config) -> list[DeviceDocument] | None:
    """Devices that the running gateway knows; None if it does not run."""
    if not is_running(config):
        return None
    documents: list[DeviceDocument] = ask(config, "GET", "/api/devices", {})["devices"]
    return documents


# The list.


def _list(config: Config, options: argparse.Namespace) -> None:
    registry, known = load_registry(config.devices.registry), _met(config)
    met = {device_key(document["id"]): document for document in known or []}
    found = [_joined(device, met.pop(device_key(device.id), None)) for device in registry.devices]
    found += [_stranger(document) for document in met.values() if document["last_seen"]]
    found = [document | ({} if known is not None else {"state": None}) for document in found]
    if options.json:
        for document in found:
            print(printable(json.dumps(document, ensure_ascii=False)))
        return
    head = tuple(title.format(config.time.zone) for title in _HEAD)
    say_table([head, *(tuple(map(printable, _row(document, config))) for document in found)])
    if known is None:
        print(f"\n{_ONLY_REGISTRY}")


def _joined(device: RegisteredDevice, met: DeviceDocument | None) -> DeviceDocument:
    """A registered device, its state and when it was last heard; one that the gateway does not know yet is new."""
    written = asdict(device) | {
        "interval": format_duration(device.interval) if device.interval else None,
        "silent_after": format_duration(device.silent_after) if device.silent_after else None,
        "installed": device.installed.isoformat() if device.installed else None,
    }
    state = met["state"] if met and met["registered"] else Presence.NEW.value
    return written | {"registered": True, "state": state, "last_seen": met["last_seen"] if met else None}


def _stranger(heard: DeviceDocument) -> DeviceDocument:
    known = dict.fromkeys(COLUMNS) | {"params": {}} | {key: heard.get(key) for key in ("id", "site", "domain")}
    return known | {"registered": False, "state": UNREGISTERED, "last_seen": heard["last_seen"]}


def _row(document: DeviceDocument, config: Config) -> tuple[str, ...]:
    when = local_time(document["last_seen"], config) if document["last_seen"] else "-"
    named = [document[key] or "-" for key in ("site", "domain", "area", "interval")]
    return document["id"], document["state"] or "?", when, *named, document["profile"] or document["model"] or "-"


# Coverage.


def _coverage(config: Config, options: argparse.Namespace) -> None:
    registry, documents = load_registry(config.devices.registry), _met(config)
    met = None if documents is None else {document["id"]: _stand(document) for document in documents}
    found = coverage(registry.devices, met)
    if options.json:
        now_ms = WallClock().now_ms()
        document = {"at": now_ms, "running": met is not None, **coverage_document(found, registry.areas)}
        print(printable(json.dumps(document, ensure_ascii=False)))
    elif options.csv:
        print(printable(coverage_csv(found, registry.areas), layout=True), end="")
    else:
        print(coverage_table(found, registry.areas, options.language), end="")


def _stand(document: DeviceDocument) -> Stand:
    """The state of a device; one that was registered since the last reload is new."""
    return Stand(document["state"] if document["registered"] else Presence.NEW, document["domain"])


# The import.


def _import(config: Config, options: argparse.Namespace) -> None:
    path = config.devices.registry
    change, rows = spreadsheet_change(config, options.file)
    changed = len(change.added) + len(change.changed)
    if not options.json:
        _say_changes(change, everything=options.dry_run)
        print(f"{len(change.added)} new, {len(change.changed)} changed, {len(rows) - changed} unchanged")
    if changed and not options.dry_run:
        write_registry(config, lambda now: merge(now, rows), quiet=options.json)
    if options.json:
        counts = {"new": len(change.added), "changed": len(change.changed), "same": len(rows) - changed}
        print(json.dumps({**counts, "written": bool(changed) and not options.dry_run}))
    elif options.dry_run:
        print(f"{path}: nothing written (--dry-run)")


def _say_changes(change: RegistryChange, *, everything: bool) -> None:
    lines = []
    for before, after in change.changed.values():
        keys = [key for key in COLUMNS if getattr(before, key) != getattr(after, key)]
        lines.append(f"changed  {after.id}  {', '.join(f'{k}: {_text(before, k)} → {_text(after, k)}' for k in keys)}")
    for device in change.added:
        keys = [key for key in COLUMNS[1:] if getattr(device, key) not in (None, {})]
        lines.append(f"new      {device.id}  {', '.join(f'{key}: {_text(device, key)}' for key in keys)}")
    shown = lines if everything else lines[:_SHOWN]
    for line in shown:
        print(printable(line.rstrip()))
    if len(shown) < len(lines):
        print(f"... and {len(lines) - len(shown)} more (--dry-run shows all)")


def _text(device: RegisteredDevice, key: str) -> str:
    value = getattr(device, key)
    if value is None or value == {}:
        return "nothing"
    if isinstance(value, dict):
        return " ".join(f"{name}={given}" for name, given in value.items())
    return format_duration(value) if isinstance(value, timedelta) else str(value)


_AREA_WIDTH: Final = 25
_GAP: Final = "  "
_COUNTED: Final = tuple(field.name for field in fields(Count))
_COVERED: Final = ("registered", "reporting", "silent", "unheard", "unregistered", "share")
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
    head = [text["area"], text["domain"], *(text[key] for key in _COVERED)]
    rows = [_covered(group, count, areas, language) for group, count in found.groups.items()]
    sums = [[text["total"], _domain(domain, text), *_numbers(count, language)] for domain, count in found.domains.items()]
    sums.append([text["total"], text["all_domains"], *_numbers(found.total, language)])
    cells = [[cell[:1].upper() + cell[1:] for cell in head], *_said_once(rows), *_said_once(sums)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [_line(row, widths) for row in cells]
    rule = "─" * len(lines[0])
    body = [text["coverage"], "", lines[0], rule, *lines[1 : 1 + len(rows)], *([rule] if rows else []), *lines[1 + len(rows) :]]
    note = text["only_registry"] if found.total.reporting is None else text["reporting_means"]
    return "\n".join([*body, "", note, ""])


def _covered(group: CoverageGroup, count: Count, areas: Mapping[str, str], language: str) -> list[str]:
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
