"""``python -m tests.campaigns.soak``: an hour under load with a fault every minute, to see that all a gateway holds is flat.

Broker, InfluxDB and the fleet are real and of this machine. Exit status 0, or 1: something grew, a reading was lost or altered,
the ledger did not balance at a look, or the gateway did not answer.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from gateway.commands.demo.services import CHECKOUT
from tests.campaigns.bench.figures import Bar, Figure, table
from tests.campaigns.soak.faults import Fault, schedule
from tests.campaigns.soak.picture import blocks, svg
from tests.campaigns.soak.verdict import verdict
from tests.campaigns.soak.watch import EVERY_S, Sample, Watch
from tests.campaigns.soak.world import REJECTS_BYTES, World, world

_FIRST_S: Final = 10.0
"""A minute begins with so many seconds without a fault."""
_SETTLE_S: Final = 60.0
_TOLD_EVERY_S: Final = 10.0
_SHOWN: Final = 3
"""Findings of the check; all of them are in the JSON."""
_FOLDER: Final = "/var/tmp"  # noqa: S108 - on a disk, where /tmp may be in memory; what is made in it has a name of its own


def main() -> int:
    """Run, judge, show."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # in order: the fleet would outlive us
    os.environ["PYTHONPATH"] = str(CHECKOUT)  # for the processes that are started in other folders
    faults = schedule(options.seed, max(1, int(options.seconds // options.every)), kills=options.kills)
    with (
        tempfile.TemporaryDirectory(prefix="gateway-soak-", dir=options.dir) as folder,
        world(Path(folder), options.rate) as parts,
    ):
        _say(f"{options.rate} readings/s for {options.seconds:g} s, seed {options.seed}; all of it is in {folder}")
        with Watch(parts.gate, _teller()) as watch:
            fleet = parts.fleet(options.seconds)
            _work(parts, watch, faults, options)
            status = fleet.wait() if parts.gate.pid is not None else 0
            _settle(watch)
        samples, troubles = watch.samples, list(watch.troubles)
        _say("the ledgers of the fleets are held against InfluxDB")
        checked = parts.verify()
        if options.keep:
            parts.gate.log.replace(options.keep)
    nothing = {"ok": False, "total": {}, "first": checked.stderr}
    found: dict[str, Any] = json.loads(checked.stdout) if checked.stdout else nothing
    troubles += [f"the fleet ended with status {status}"] if status else []
    troubles += [] if found["ok"] else [f"firmware-sim verify: {found['first'][:_SHOWN]}"]
    figures = _figures(samples, found["total"], flat=not options.kills)
    _show(options, samples, watch.faults, figures, troubles, found)
    return int(bool(troubles) or any(figure.missed for figure in figures))


def _work(parts: World, watch: Watch, faults: list[Fault], options: argparse.Namespace) -> None:
    """One fault after the other, each in its minute, which begins and ends without one."""
    for number, fault in enumerate(faults):
        _pause_until(watch, number * options.every + _FIRST_S)
        watch.fault, watch.may_be_away = fault.name, fault.stops_gateway
        began_s = watch.now_s
        fault.begin(parts)
        ends_s = watch.now_s + fault.seconds
        while watch.now_s < ends_s:
            fault.again(parts)
            time.sleep(1.0)
        fault.end(parts)
        watch.faults.append((fault.name, began_s, watch.now_s))  # also one into which no sample fell
        if fault.stops_gateway:
            parts.gate.wait_ready()
        elif parts.gate.pid is None:
            watch.troubles.append(f"{watch.now_s:.0f} s: the gateway ended by itself")
            return
        watch.fault, watch.may_be_away = "", False
    _pause_until(watch, options.seconds)


def _pause_until(watch: Watch, at_s: float) -> None:
    time.sleep(max(0.0, at_s - watch.now_s))


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


def _teller() -> Callable[[Sample], None]:
    """A line that refreshes itself, or one now and then where nobody watches."""
    watched = sys.stderr.isatty()
    next_s = 0.0

    def tell(sample: Sample) -> None:
        nonlocal next_s
        if watched or sample.at_s >= next_s:
            next_s = sample.at_s + _TOLD_EVERY_S
            start, end = ("\r\x1b[K", "") if watched else ("", "\n")
            sys.stderr.write(f"{start}{_line(sample)}{end}")
            sys.stderr.flush()

    return tell


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
    found: dict[str, Any],
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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, metavar="S", help="how long (%(default)g)")
    parser.add_argument("--rate", type=int, default=500, metavar="N", help="readings a second (%(default)s)")
    parser.add_argument("--every", type=float, default=60.0, metavar="S", help="seconds from fault to fault (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides the order of the faults (%(default)s)")
    parser.add_argument("--kills", action="store_true", help="kill and stop the gateway too; then only its ledger is judged")
    parser.add_argument("--svg", metavar="FILE", help="draw what was seen")
    parser.add_argument("--json", metavar="FILE", help="write all that was seen; - for standard output")
    parser.add_argument("--keep", metavar="FILE", help="keep the gateway's log here")
    parser.add_argument("--dir", default=_FOLDER, metavar="DIR", help="where to keep data meanwhile (default %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
