"""``gateway capacity``: the machines, disks and links that a number of devices takes."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from gateway.admin.capacity.plan import MACHINES, WRITES_PER_S, CapacityPlan, Demand, plan, read_figures
from gateway.commands.terminal import number
from gateway.support.config.files import ConfigurationFault
from gateway.support.i18n.formats import localized
from gateway.support.i18n.glossary import CAPACITY_WORDS
from schemas.durations import format_duration, parse_duration

STORES: Final = {"influxdb": "InfluxDB 1.6.7", "victoria-metrics": "VictoriaMetrics"}
_FORMATS: Final = {"rate": ",.2f", "peak": ",.2f", "cores": ",.3f", "bytes": "bytes"}
"""Of a cabinet's figures, by the last word of their names; all others are whole."""
_ALL: Final = ("rate", "machines", "kwh_year", "price_usd")
_some: Final = number("a whole number of 1 or more", 1)
_BYTES: Final = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_JOURNAL_BYTES: Final = 2**30


def add_options(capacity: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway capacity``."""
    capacity.add_argument("--devices", type=_some, required=True, metavar="N", help="number of devices")
    capacity.add_argument("--interval", default="15min", metavar="T", help="between two readings of a device (default: 15min)")
    capacity.add_argument("--spread", metavar="T", help="in which all devices send once (default: the interval)")
    capacity.add_argument("--cabinets", type=_some, default=1, metavar="N", help="over which they are spread (default: 1)")
    capacity.add_argument("--outage", default="3h", metavar="T", help="of the database, that must cost nothing (default: 3h)")
    capacity.add_argument("--keep", default="400d", metavar="T", help="how long readings are kept (default: 400d)")
    capacity.add_argument("--keep-years", type=_some, default=10, metavar="N", help="how long roll-ups are kept (default: 10)")
    capacity.add_argument("--store", choices=list(STORES), default="influxdb", help="the database (default: influxdb)")
    machine = "of each cabinet; measured: that of the figures (default: pi4)"
    capacity.add_argument("--machine", choices=list(MACHINES), default="pi4", help=machine)
    capacity.add_argument("--json", action="store_true", help="print JSON")
    capacity.add_argument("--language", choices=["vi", "en"], default="en", help="language of the table (default: en)")
    capacity.set_defaults(call=capacity_command)


def capacity_command(options: argparse.Namespace) -> int:
    """Print a plan; exit status 0."""
    demand, figures = demand_of(options), read_figures()
    made = plan(demand, figures)
    if options.json:
        print(json.dumps(asdict(made), indent=1))
    else:
        print("\n".join(shown(made, demand, options.language, figures.machine)))
    return 0


def demand_of(options: argparse.Namespace) -> Demand:
    """The demand that the options describe; ConfigurationFault if no plan can be made of a number or a span."""
    interval_s = _seconds("--interval", options.interval)
    spread_s = interval_s if options.spread is None else _seconds("--spread", options.spread)
    if spread_s > interval_s:
        raise ConfigurationFault(
            ["--spread: devices cannot take longer to send once than --interval, after which they send again"]
        )
    if options.cabinets > options.devices:
        raise ConfigurationFault([f"--cabinets: there are more cabinets than devices ({options.devices:,})"])
    return Demand(
        devices=options.devices,
        interval_s=interval_s,
        spread_s=spread_s,
        outage_s=_seconds("--outage", options.outage),
        keep_days=_seconds("--keep", options.keep) / 86_400,
        keep_years=options.keep_years,
        cabinets=options.cabinets,
        store=STORES[options.store],
        machine=MACHINES[options.machine],
    )


def shown(made: CapacityPlan, demand: Demand, language: str, measured_on: str) -> Iterator[str]:
    """The plan as a table; ``measured_on``: the machine of the figures."""
    words = {key: getattr(found, language) for key, found in CAPACITY_WORDS.items()}
    yield words["title"].format(
        devices=_number(demand.devices, ",.0f", language),
        interval=format_duration(timedelta(seconds=demand.interval_s)),
        cabinets=_number(demand.cabinets, ",.0f", language),
        machine=getattr(demand.machine.name, language),
        store=demand.store,
    )
    cabinet = {key: (value, _FORMATS.get(key.rpartition("_")[2], ",.0f")) for key, value in asdict(made.cabinet).items()}
    for title, rows in (("in_a_cabinet", cabinet), ("in_all", {key: (getattr(made, key), ",.0f") for key in _ALL})):
        yield ""
        yield words[title]
        for key, (value, form) in rows.items():
            yield f"  {words[key]:<40}{_number(value, form, language):>16}"
    yield ""
    if made.cabinet.rate < WRITES_PER_S:
        yield words["slow_writes_note"]
    if made.cabinet.journal_bytes > _JOURNAL_BYTES:
        yield words["journal_note"]
    yield words["note"].format(measured_on)


def _number(value: float, form: str, language: str) -> str:
    if form == "bytes":
        unit, size = next(((unit, size) for unit, size in _BYTES if value >= size), ("B", 1.0))
        text = f"{value / size:,.{0 if value >= 100 * size else 1}f} {unit}"
    else:
        text = format(value, form)
    return localized(text, language)


def _seconds(option: str, text: str) -> float:
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise ConfigurationFault([f"{option}: {error}"]) from error
    if seconds <= 0:
        raise ConfigurationFault([f"{option}: {text} is no time at all"])
    return seconds
