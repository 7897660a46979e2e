"""``python -m tests.campaigns.soak``: an hour under load with a fault every minute, to see that all a gateway holds is flat.

Broker, InfluxDB and the fleet are real and of this machine. Exit status 0, or 1: something grew, a reading was lost or altered,
the ledger did not balance at a look, or the gateway did not answer.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import ServiceFailed
from tests.campaigns.bench.figures import Bar, Figure, table
from tests.campaigns.rig.faults import Fault
from tests.campaigns.rig.fleet import fleet, verify
from tests.campaigns.rig.room import ProgressLine, add_keep, carried_out
from tests.campaigns.rig.schedule import Deed
from tests.campaigns.rig.trial import carry_out
from tests.campaigns.rig.world import World, world
from tests.campaigns.soak.faults import FAULTS, schedule, stops_gateway, write_registry
from tests.campaigns.soak.picture import blocks, svg
from tests.campaigns.soak.verdict import verdict
from tests.campaigns.soak.watch import EVERY_S, Sample, Watch
from tests.system.rig import Document

DEVICES: Final = {"water": 250, "power": 125, "traffic": 100, "urban": 25}
"""A fleet's devices by domain."""
REJECTS_BYTES: Final = 64 * 1024
"""Room for rejects. They stand in the journal's file, so what they may take must not hide what the journal leaves behind."""
_SETTLE_S: Final = 60.0
_SHOWN: Final = 3
"""Findings of the check; all of them are in the JSON."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run, judge, show."""
    options = _options(argv)
    return carried_out("soak", ("mosquitto", "influxd"), options, lambda folder: _soak(options, folder))


def _soak(options: argparse.Namespace, folder: Path) -> bool:
    """True: nothing grew, nothing is missing."""
    rejects = {"rejects": {"max_bytes": REJECTS_BYTES}}
    line = ProgressLine(watched_s=0.0, unwatched_s=10.0)
    with world(folder, write_registry, sections=rejects, tapped=False) as parts:
        _say(f"{options.rate} readings/s for {options.seconds:g} s, seed {options.seed}; all of it is in {folder}")
        told = {"seed": 1, "duration": f"{options.seconds:.1f}"}
        parts.fleets.append(fleet(folder, parts.broker.url, DEVICES, sum(DEVICES.values()) / options.rate, told))
        with Watch(parts.gate.gate, lambda sample: line.show(_line(sample))) as watch:
            parts.fleet.start()
            try:
                _work(parts, watch, options)
                if status := parts.fleet.wait_ended():
                    watch.troubles.append(f"the fleet ended with status {status}")
            except ServiceFailed as gone:
                watch.troubles.append(f"{watch.now_s:.0f} s: {gone}")
            _settle(watch)
        samples, troubles = watch.samples, watch.troubles + parts.gate.account.faults
        _say("the ledgers of the fleets are held against InfluxDB")
        found = _verified(parts, folder)
    if not found["ok"]:
        troubles.append(f"firmware-sim verify: {found['first'][:_SHOWN]}")
    figures = _figures(samples, found["total"], flat=not options.kills)
    _show(options, samples, watch.faults, figures, troubles, found)
    return not troubles and not any(figure.missed for figure in figures)


def _work(parts: World, watch: Watch, options: argparse.Namespace) -> None:
    """One fault after the other, each in its minute, which begins and ends without one.

    :raises ServiceFailed: the gateway ended by itself.
    """

    def look() -> None:
        if parts.gate.gate.pid is None and not watch.may_be_away:
            raise ServiceFailed("the gateway ended by itself")

    deeds = schedule(options.seed, max(1, int(options.seconds // options.every)), options.every, kills=options.kills)
    carry_out(parts, {name: _watched(fault, watch) for name, fault in FAULTS.items()}, deeds, options.seconds, look)


def _watched(fault: Fault[World], watch: Watch) -> Fault[World]:
    """The same fault; the watch knows of it."""
    name = fault.kind.name

    def begin(parts: World, deed: Deed) -> None:
        watch.fault, watch.may_be_away = name, stops_gateway(name)
        fault.begin(parts, deed)

    def end(parts: World, deed: Deed) -> None:
        fault.end(parts, deed)
        if stops_gateway(name):
            parts.gate.gate.wait_ready()
        watch.faults.append((name, deed.at_s, watch.now_s))  # also one into which no sample fell
        watch.fault, watch.may_be_away = "", False

    return replace(fault, begin=begin, end=end)


def _verified(parts: World, folder: Path) -> Document:
    """Hold all ledgers together against InfluxDB: each reading is in it once, as it was sent."""
    whole = folder / "ledger.jsonl"
    whole.write_bytes(b"".join(fleet.ledger.read_bytes() for fleet in parts.fleets))
    return verify(whole, "-c", str(parts.gate.gate.config), "--wait", "20")


def _settle(watch: Watch) -> None:
    """Wait until nothing waits any more."""
    before = len(watch.samples)
    deadline_s = watch.now_s + _SETTLE_S
    while all(sample.pending for sample in watch.samples[before + 2 :]):
        if watch.now_s > deadline_s:
            watch.troubles.append(f"something still waits {_SETTLE_S:g} s after the last reading")
            return
        time.sleep(EVERY_S)


def _figures(samples: list[Sample], total: dict[str, int], *, flat: bool) -> list[Figure]:
    figures = verdict(samples, REJECTS_BYTES) if flat else []
    figures += [
        Figure("ledger", "readings that the broker acknowledged", "", total.get("sent", 0), None, Bar(1, at_least=True)),
        *[Figure("ledger", kind, "", total.get(kind, 0), None, Bar(0)) for kind in ("missing", "different", "duplicate")],
        Figure("ledger", "rejected, of the floods", "", samples[-1].rejected),
    ]
    return figures


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


def _line(sample: Sample) -> str:
    journal_mib = (sample.file_bytes + sample.wal_bytes) / 2**20
    return (
        f"{sample.at_s:6.0f} s  {sample.rss_bytes / 1e6:5.1f} MB  {sample.descriptors:3} fd  {sample.threads} threads"
        f"  journal {journal_mib:6.2f} MiB  waiting {sample.pending:8,}  written {sample.written:10,}"
        f"  cpu {sample.cpu_share:4.0%}  {sample.fault}"
    )


def _show(
    options: argparse.Namespace,
    samples: list[Sample],
    faults: list[tuple[str, float, float]],
    figures: list[Figure],
    troubles: list[str],
    found: Document,
) -> None:
    out = sys.stderr if options.json == "-" else sys.stdout
    out.write(f"{blocks(samples)}\n\n{table(figures)}\n" + "".join(f"\n{trouble}" for trouble in troubles) + "\n")
    if options.svg:
        Path(options.svg).write_text(svg(samples), encoding="utf-8")
    document = {
        "seconds": options.seconds,
        "rate": options.rate,
        "seed": options.seed,
        "figures": [figure.document() for figure in figures],
        "faults": [{"name": name, "begin_s": begin_s, "end_s": end_s} for name, begin_s, end_s in faults],
        "troubles": troubles,
        "verify": found,
        "samples": [asdict(sample) for sample in samples],
    }
    encoded = json.dumps(document, ensure_ascii=False) + "\n"
    if options.json == "-":
        sys.stdout.write(encoded)
    elif options.json:
        Path(options.json).write_text(encoded, encoding="utf-8")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, metavar="S", help="how long (%(default)g)")
    parser.add_argument("--rate", type=int, default=500, metavar="N", help="readings a second (%(default)s)")
    parser.add_argument("--every", type=float, default=60.0, metavar="S", help="seconds from fault to fault (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides the order of the faults (%(default)s)")
    parser.add_argument("--kills", action="store_true", help="kill and stop the gateway too; then only its ledger is judged")
    parser.add_argument("--svg", metavar="FILE", help="draw what was seen")
    parser.add_argument("--json", metavar="FILE", help="write all that was seen; - for standard output")
    add_keep(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
