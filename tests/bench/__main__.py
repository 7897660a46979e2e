"""``python -m tests.bench``: measure, show a table, write JSON."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gateway.services import CHECKOUT, ProgramMissing, ServiceFailed
from tests.bench import catch_up, chirpstack, disk, flood, kills, latency, memory, reload, saturation, start
from tests.bench.burst import BrokerGone
from tests.bench.children import BenchFault, Plan
from tests.bench.figures import Figure, table

_PARTS: dict[str, Callable[[Plan], list[Figure]]] = {
    "saturation": saturation.measure,
    "chirpstack": chirpstack.measure,
    "latency": latency.measure,
    "start": start.measure,
    "memory": memory.measure,
    "disk": disk.measure,
    "catch_up": catch_up.measure,
    "reload": reload.measure,
    "flood": flood.measure,
    "kills": kills.measure,
}
_FOLDER = "/var/tmp"  # noqa: S108 - on a disk, where /tmp may be in memory; what is made in it has a name of its own
_BROKEN = (BenchFault, BrokerGone, ProgramMissing, ServiceFailed, AssertionError, OSError, subprocess.SubprocessError)


def main() -> int:
    """Exit status: 0, or 1 when something broke, and with ``--strict`` when a bar is missed."""
    options = _options()
    os.environ["PYTHONPATH"] = str(CHECKOUT)  # for the processes that are started in other folders
    began_s = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began_s:6.1f} s  {text}\n")
        sys.stderr.flush()

    figures: list[Figure] = []
    broken: dict[str, str] = {}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=options.dir) as folder:
        plan = Plan(Path(folder), quick=options.quick, long=options.long, say=say)
        for part in options.parts or _PARTS:
            say(f"{part} …")
            try:
                figures += _PARTS[part](plan)
            except _BROKEN as fault:
                broken[part] = f"{type(fault).__name__}: {fault}"
                say(f"{part} broke: {broken[part]}")
            except KeyboardInterrupt:
                broken[part] = "stopped by Ctrl-C"
                break
    document = {
        "machine": _machine(load),
        "quick": options.quick,
        "figures": [figure.document() for figure in figures],
        "broken": broken,
    }
    _show(figures, broken, document, options.json)
    missed = options.strict and any(figure.missed for figure in figures)
    return int(bool(broken) or missed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(_PARTS)}; without any, all")
    parser.add_argument("--quick", action="store_true", help="shorter runs, for a first look")
    parser.add_argument("--long", action="store_true", help="an outage of ten minutes in the memory and catch_up parts")
    parser.add_argument(
        "--json", metavar="FILE", help="write the figures as JSON; - for standard output, then the table goes to standard error"
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a bar is missed")
    parser.add_argument(
        "--dir", default=_FOLDER, metavar="DIR", help="where to keep data meanwhile, on a disk (default %(default)s)"
    )
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in _PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    if not os.access(options.dir, os.W_OK):
        parser.error(f"--dir {options.dir}: is no folder that can be written to")
    return options


def _machine(load: float) -> dict[str, object]:
    """What the figures depend on; ``load_before`` tells whether others were at work."""
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": model[0] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": load,
    }


def _show(figures: list[Figure], broken: dict[str, str], document: dict[str, object], json_file: str | None) -> None:
    text = table(figures) + "".join(f"\n\n{part} broke: {why}" for part, why in broken.items()) + "\n"
    encoded = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (sys.stderr if json_file == "-" else sys.stdout).write(text)
    if json_file == "-":
        sys.stdout.write(encoded)
    elif json_file:
        Path(json_file).write_text(encoded, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
