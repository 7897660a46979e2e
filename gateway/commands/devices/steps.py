"""``gateway devices steps``, ``used``, ``estimate`` and ``correct``: what a person says of registers.

Steps stand to be confirmed, in the running gateway or its file; amounts are told through the running gateway.
"""

import argparse
import json
import os
import re
from functools import partial
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gateway.commands import OutOfReach
from gateway.commands.devices.counters import device_in_file, past_ms
from gateway.commands.running import ask, is_running, record, store
from gateway.commands.terminal import Actions, add_action, say_table
from gateway.core.devices.exchange import step_said
from gateway.core.readings.sums import StepState
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.device_memory import keep_counters, stored_devices
from gateway.monitoring.reports.boundaries import local_text
from gateway.monitoring.status.known_devices import nobody
from gateway.runtime.jobs.resums import kept_step
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.registry import load_registry
from gateway.web.devices.counters import step_document, step_documents
from schemas.printable import printable
from schemas.registry import device_key

_HEAD = ("device", "counter", "before", "after", "not counted", "first reading after it ({})", "state")


def add_steps(actions: Actions) -> None:
    """Add both actions, with their options."""
    listed = add_action(actions, "steps", "list the steps of registers that stand to be confirmed", _list)
    listed.add_argument("--json", action="store_true", help="print one JSON object per line")
    used = add_action(actions, "used", "say that a step of a register was really used: it counts", _used)
    used.add_argument("id", metavar="ID", help="the device")
    used.add_argument("--at", required=True, metavar="T", help="time of the first reading after it, as steps lists it")
    used.add_argument("--field", help="the counter, as steps lists it, where several stepped")
    used.add_argument("--undo", action="store_true", help="take it back: the step stands to be confirmed again")


def _list(config: Config, options: argparse.Namespace) -> None:
    zone = ZoneInfo(config.time.zone)
    steps = _steps(config)
    if options.json:
        for step in steps:
            print(json.dumps(step))
        return
    rows = [
        (
            *(step["device"], step["counter"], f"{step['before']:.15g}", f"{step['after']:.15g}", f"{step['held_out']:.15g}"),
            *(local_text(step["first_ms"], zone), step["state"].replace("_", " ")),
        )
        for step in steps
    ]
    if rows:
        say_table([tuple(title.format(config.time.zone) for title in _HEAD), *rows])
    else:
        print("no step stands to be confirmed")


def _steps(config: Config) -> list[dict[str, Any]]:
    if is_running(config):
        found: list[dict[str, Any]] = ask(config, "GET", "/api/steps", {})["steps"]
        return found
    if not config.journal.path.exists():
        return []
    with store(config) as database:
        devices = [] if database is None else stored_devices(database)
        return [document for device in devices for document in step_documents(device)]


def _used(config: Config, options: argparse.Namespace) -> None:
    """Say that a step was used, through the running gateway or in its file; ConfigurationFault if it cannot be."""
    zone, now_ms = ZoneInfo(config.time.zone), wall_clock(config, os.environ).now_ms()
    at_ms = past_ms(options.at, zone, now_ms)
    if is_running(config):
        query = {"first_ms": at_ms, "counter": options.field, "undo": 1 if options.undo else None}
        step = ask(config, "POST", f"/api/devices/{quote(options.id, safe='')}/step-used", query)
        when = "its sums are worked out again now"
    else:
        step = _used_on_file(config, options, at_ms, now_ms)
        when = f"its sums are worked out again in the night, or now by gateway devices resum {step['device']}"
    said = "stands to be confirmed again" if options.undo else "was really used"
    print(printable(f"{step['device']}: {step['counter']}: the step of {step['held_out']:.15g} {said}: {when}"))


def _used_on_file(config: Config, options: argparse.Namespace, at_ms: int, now_ms: int) -> dict[str, Any]:
    with device_in_file(config, options.id) as (database, device):
        if device.counters is None:
            raise ConfigurationFault([nobody(options.id)])
        step = step_said(device, at_ms, options.field, is_used=not options.undo)
        if isinstance(step, str):
            raise ConfigurationFault([step])
        device.counters.say_used(step, is_used=not options.undo)
        entry = load_registry(config.devices.registry).by_id().get(device_key(device.name))
        for number, told in enumerate(device.counters.steps_told()):
            database.run_here(keyvalue.put, *kept_step(device.name, entry, told, now_ms + number))
        keep_counters(database, device)
    document = step_document(device.name, step.said(StepState.OPEN if options.undo else StepState.USED))
    record(config, "step said to be used", subject={"device": device.name}, after=document)
    return document


_BELOW_NOTHING: Final = re.compile(r"-[\d.,]+")


def add_amounts(actions: Actions) -> None:
    """Add both actions, with their options."""
    for kind, about in (("estimate", "say what a device used in days without readings"), ("correct", "add to what it counted")):
        told = add_action(actions, kind, about, partial(_tell, kind=kind))
        told._negative_number_matcher = _BELOW_NOTHING  # noqa: SLF001 - argparse takes -1,5 for an option
        told.add_argument("id", metavar="ID", help="the device")
        told.add_argument("--from", dest="first", required=True, metavar="D", help="the first day: 2026-10-11")
        told.add_argument("--to", dest="last", required=True, metavar="D", help="the last day, included")
        told.add_argument("--amount", required=True, metavar="X", help="in the unit of the register")
        told.add_argument("--by", required=True, metavar="NAME", help="who says so")
        told.add_argument("--note", required=True, metavar="TEXT", help="why")
        told.add_argument("--field", help="the register (default: volume_m3, energy_import_kwh)")
        told.add_argument("--undo", action="store_true", help="take it back, as it was told")


def _tell(config: Config, options: argparse.Namespace, kind: str) -> None:
    """Tell an amount; OutOfReach if no gateway runs, ConfigurationFault if it refuses."""
    if not is_running(config):
        why = (
            f"the gateway does not run: it keeps what is told until it is written; start it, then repeat gateway devices {kind}"
        )
        raise OutOfReach(f"{config.journal.path}: {why}")
    query = {"kind": kind, "from": options.first, "to": options.last, "amount": options.amount, "field": options.field}
    query |= {"by": options.by, "note": options.note, "undo": 1 if options.undo else None}
    found = ask(config, "POST", f"/api/devices/{quote(options.id, safe='')}/amounts", query)
    said = "taken back" if found["undone"] else "noted; hours, days and months since then are written again after the next hour"
    print(printable(f"{options.id}: {kind} {found['from']} to {found['to']}: {found['amount']:g} {found['field']}: {said}"))
