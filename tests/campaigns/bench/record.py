"""The figures that were measured last, part by part: ``figures.json``, from which the page and the picture are made."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import CHECKOUT
from tests.campaigns.bench.figures import Figure

FILE: Final = Path(__file__).with_name("figures.json")
_DEVICE_TREE: Final = Path("/proc/device-tree/model")


@dataclass(frozen=True)
class Occasion:
    """The machine and the day of a measurement.

    :ivar load: of the machine before, from other programs: processes that were ready to run, in the mean of a minute.
    """

    machine: str
    python: str
    day: str
    commit: str
    load: float


@dataclass(frozen=True)
class Measured:
    """The figures of one part."""

    occasion: Occasion
    figures: Sequence[Figure]


def read(file: Path) -> dict[str, Measured]:
    """The parts on record; none without the file."""
    documents = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {
        part: Measured(Occasion(**found["occasion"]), [Figure.of_document(each) for each in found["figures"]])
        for part, found in documents.items()
    }


def write(parts: Mapping[str, Measured], file: Path) -> None:
    """Put parts on record, in place of what was there; a figure is a line, so that a change shows which ones changed."""
    written = []
    for part, found in parts.items():
        figures = ",\n  ".join(_line(figure.document()) for figure in found.figures)
        written.append(f' {_line(part)}: {{"occasion": {_line(asdict(found.occasion))}, "figures": [\n  {figures}\n ]}}')
    file.write_text("{\n" + ",\n".join(written) + "\n}\n", encoding="utf-8")


def _line(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)


def occasion(machine: str | None) -> Occasion:
    """This machine now, under the name that it is given or the one it tells."""
    day = datetime.now(UTC).date().isoformat()
    return Occasion(machine or _machine(), platform.python_version(), day, _commit(), round(os.getloadavg()[0], 1))


def _machine() -> str:
    """A board's own name, or processor, cores and memory."""
    if _DEVICE_TREE.exists():
        return _DEVICE_TREE.read_text(encoding="utf-8", errors="replace").rstrip("\0")
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB"


def _commit() -> str:
    """The commit of the checkout; empty without git."""
    try:
        asked = subprocess.run(
            ["git", "-C", CHECKOUT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return asked.stdout.strip()
