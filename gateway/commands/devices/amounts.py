"""``gateway devices estimate`` and ``correct``: amounts that people tell of a device, through the running gateway."""

import argparse
import re
from functools import partial
from typing import Final
from urllib.parse import quote

from gateway.commands.running import ask, is_running
from gateway.commands.terminal import Actions, add_action
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from schemas.printable import printable

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
    """Tell an amount; ConfigurationFault if no gateway runs, or it refuses."""
    if not is_running(config):
        why = (
            f"the gateway does not run: it keeps what is told until it is written; start it, then repeat gateway devices {kind}"
        )
        raise ConfigurationFault([f"{config.journal.path}: {why}"])
    query = {"kind": kind, "from": options.first, "to": options.last, "amount": options.amount, "field": options.field}
    query |= {"by": options.by, "note": options.note, "undo": 1 if options.undo else None}
    found = ask(config, "POST", f"/api/devices/{quote(options.id, safe='')}/amounts", query)
    said = "taken back" if found["undone"] else "noted; hours, days and months since then are written again after the next hour"
    print(printable(f"{options.id}: {kind} {found['from']} to {found['to']}: {found['amount']:g} {found['field']}: {said}"))
