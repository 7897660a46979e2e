"""``python -m tests.campaigns.bench.page``: the generated part of docs/figures.md and its picture, from the figures on record.

With ``--check`` it writes nothing, and exits with 1 when one of them is not what the record gives.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from gateway.admin.capacity.plan import FILE as CAPACITY_FIGURES
from gateway.commands.demo.services import CHECKOUT
from tests.campaigns.bench import capacity, record
from tests.campaigns.bench.figures import Figure, number
from tests.campaigns.bench.picture import picture
from tests.campaigns.bench.record import Measured

PAGE: Final = CHECKOUT / "docs" / "figures.md"
PICTURE: Final = CHECKOUT / "docs" / "pictures" / "cost.svg"
BEGIN: Final = "<!-- from here to the end mark written by make bench -->"
END: Final = "<!-- end of what make bench writes -->"

TITLES: Final[Mapping[str, str]] = {
    "saturation": "Saturation: a backlog of native readings, into VictoriaMetrics",
    "latency": "Evenly spaced readings, from publishing to InfluxDB's door, on a Mosquitto as Debian ships it",
    "chirpstack": "Uplinks of ChirpStack, 870 bytes, at saturation",
    "start": "Start: from the start of the process to SUBSCRIBE",
    "memory": "Memory",
    "disk": "Written to disk",
    "catch_up": "An outage of InfluxDB, and the backlog after it",
    "reload": "SIGHUP under load",
    "flood": "One device floods",
    "kills": "SIGKILL under load",
    "pages": "Open pages beside 1,000 readings a second",
    "partition": "Two gateways on two cores, each with its own devices",
    "rabbitmq": "Several gateways that share out the sites on RabbitMQ",
    "report": "A report of consumption",
    "wire": "Over the link to the database: bytes of IP for a reading of four values, both directions together",
    "link": "Over the link to the database, write by write: bytes of IP, both directions together",
    "stores": "What the databases make of a reading of a meter, beside the gateway: four values and a sum every 15 minutes",
    "simulator": "The simulator at full speed, on few shared connections, with its ledger",
}
_HEAD: Final = "| | gateway | baselines of the same runs (the gateway by them) | aim |\n|---|---|---|---|"


def tables(parts: Mapping[str, Measured]) -> str:
    """A table for each part on record."""
    return "\n\n".join("\n".join(_table(title, parts[part])) for part, title in TITLES.items() if part in parts)


def _table(title: str, measured: Measured) -> Iterator[str]:
    when = measured.occasion
    yield f"**{title}**\n"
    yield _HEAD
    yield from _rows(measured.figures)
    runs = max(figure.runs for figure in measured.figures)
    how = f"medians of {runs} runs in turns" if runs > 1 else "one run"
    commit = f" at {when.commit}" if when.commit else ""
    yield f"\n{when.machine}; Python {when.python}; {when.day}{commit}; {how}; load before it {when.load:g}."


def _rows(figures: Sequence[Figure]) -> Iterator[str]:
    """A row for each value, with all the baselines that it is held against."""
    for (name, value, unit), group in groupby(figures, lambda figure: (figure.name, figure.value, figure.unit)):
        rows = list(group)
        baselines = "; ".join(_baseline(row) for row in rows if row.baseline is not None)
        aims = "; ".join(_aim(row) for row in rows if row.bar is not None)
        yield f"| {name} | {number(value)} {unit} | {baselines} | {aims} |".replace("  ", " ")


def _baseline(figure: Figure) -> str:
    assert figure.baseline is not None
    ratio = "" if figure.ratio is None else f" ({number(figure.ratio)})"
    return f"{number(figure.baseline.value)}{ratio}: {figure.baseline.name}"


def _aim(figure: Figure) -> str:
    assert figure.bar is not None
    of_what = f" to the {figure.baseline.name}" if figure.bar.of_ratio and figure.baseline is not None else ""
    return f"{figure.bar}{of_what}{', missed' if figure.missed else ''}"


def with_tables(page: str, parts: Mapping[str, Measured]) -> str:
    """The page with the tables of now between its two marks; what stands around them stays.

    :raises ValueError: a mark is missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks one of its two marks, {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables(parts)}\n\n{END}{after}"


def files(parts: Mapping[str, Measured]) -> dict[Path, str]:
    """The files that the record gives, with their text; those whose parts were not measured are left out."""
    made = {PAGE: with_tables(PAGE.read_text(encoding="utf-8"), parts)}
    drawn, selected = picture(parts), capacity.selected(parts)
    if drawn is not None:
        made[PICTURE] = drawn
    if selected is not None:
        made[CAPACITY_FIGURES] = capacity.document(selected)
        made[capacity.PAGE] = capacity.with_examples(capacity.PAGE.read_text(encoding="utf-8"), selected)
    return made


def write() -> None:
    """Write page and picture."""
    for file, text in files(record.read(record.FILE)).items():
        file.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Write the files, or compare them."""
    if "--check" not in arguments:
        write()
        return 0
    made = files(record.read(record.FILE))
    stale = [file for file, text in made.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        sys.stderr.write(
            f"{file.relative_to(CHECKOUT)} is not what bench/figures.json gives: python -m tests.campaigns.bench.page\n"
        )
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
