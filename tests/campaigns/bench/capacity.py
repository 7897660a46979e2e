"""The selection of figures that ``gateway capacity`` works with, from those on record."""

import argparse
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from gateway.admin.capacity.plan import CapacityFigures, StoreFigures, plan
from gateway.commands.capacity import add_options, demand_of, shown
from gateway.commands.demo.services import CHECKOUT
from tests.campaigns.bench import stores
from tests.campaigns.bench.latency import CPU, SECONDS, at
from tests.campaigns.bench.record import Measured

PAGE: Final = CHECKOUT / "docs" / "capacity.md"
BEGIN: Final = "<!-- from here to the end mark written by make bench -->"
END: Final = "<!-- end of what make bench writes -->"
EXAMPLES: Final[Mapping[str, str]] = {
    "A commune: one cabinet with a Raspberry Pi 4": "--devices 1500 --machine pi4",
    "A province: 200 cabinets": "--devices 200000 --cabinets 200 --machine pi4",
    "A province at its centre: everybody sends on the quarter hour, within a minute": (
        "--devices 200000 --spread 1min --machine server --store victoria-metrics"
    ),
    "The country": "--devices 40000000 --machine server --store victoria-metrics --keep 90d",
    "A billion devices, a reading an hour": (
        "--devices 1000000000 --interval 1h --machine server --store victoria-metrics --keep 90d"
    ),
}
PARTS: Final = ("saturation", "latency", "memory", "disk", "wire", "stores")


def selected(parts: Mapping[str, Measured]) -> CapacityFigures | None:
    """The figures; None while a part has not been measured."""
    if not all(part in parts for part in PARTS):
        return None
    value = {part: {figure.name: figure.value for figure in parts[part].figures} for part in PARTS}
    wire = value["wire"]
    backlog = next(each for name, each in wire.items() if name.startswith("a backlog") and name.endswith("with TLS"))
    rates = (1, 10, 100, 1000)
    return CapacityFigures(
        machine=parts["saturation"].occasion.machine,
        gateway_cpu_us=[
            *((rate, value["latency"][at(rate, CPU)]) for rate in SECONDS),
            (round(value["saturation"]["readings"]), value["saturation"]["CPU of a reading"]),
        ],
        mosquitto_cpu_us=[(rate, wire[f"Mosquitto: CPU of a message at {rate:,}/s"]) for rate in rates],
        waiting_bytes=value["memory"]["a gateway that waits"] * 1e6,
        device_bytes=value["memory"]["a further device, heard"],
        journal_bytes=value["disk"]["a reading while InfluxDB is away"],
        link_bytes=[(rate, wire[f"{rate:,}/s, with TLS"]) for rate in rates],
        backlog_bytes=backlog,
        first_reading_bytes=wire["the first reading of a device, with the question about its sums, with TLS"],
        stores={
            name: StoreFigures(**{key: value["stores"][f"{name}: {what}"] for key, what in stores.NAMES.items()})
            for name in stores.STORES
        },
    )


def document(figures: CapacityFigures) -> str:
    """The figures as the gateway reads them, in four digits."""
    return json.dumps(_short(msgspec.to_builtins(figures)), indent=1) + "\n"


def _short(value: object) -> object:
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {key: _short(each) for key, each in value.items()}
        case list() | tuple():
            return [_short(each) for each in value]
        case _:
            return value


def with_examples(page: str, figures: CapacityFigures) -> str:
    """The page of capacity with its examples between the two marks; what stands around them stays."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    examples = "\n\n".join(_examples(figures))
    return f"{before}{BEGIN}\n\n{examples}\n\n{END}{after}"


def _examples(figures: CapacityFigures) -> Iterator[str]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    for title, line in EXAMPLES.items():
        options = parser.parse_args(shlex.split(line))
        demand = demand_of(options)
        table = "\n".join(shown(plan(demand, figures), demand, "en", figures.machine))
        yield f"**{title}**\n\n```\n$ gateway capacity {line}\n{table}\n```"
