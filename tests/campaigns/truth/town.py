"""The town as tables: its meters, which zone each takes from, and which meters feed a zone. Pure.

What a zone takes is what its members take and what is lost in it; its feeds share that. They are the parents in the registry.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple


class Meter(NamedTuple):
    """A meter or gauge.

    :ivar shape: the kind of its customer; empty: it passes what its zones take.
    :ivar mean: its mean flow an hour, or what is lost behind it.
    :ivar start: its register when the world begins.
    :ivar solar: the mean an hour of a roof or field that feeds in at this meter.
    :ivar customers: how many customers are behind it, as its utility says.
    :ivar told: other keys of the registry.
    """

    id: str
    domain: str
    area: str
    zone: str
    shape: str
    mean: float
    start: float = 12.0
    role: str | None = None
    customers: int | None = None
    solar: float = 0.0
    told: Mapping[str, Any] = {}


class Feed(NamedTuple):
    """A meter that feeds a zone, with its share of it."""

    meter: str
    zone: str
    share: float = 1.0


FEEDS: Final = (
    Feed("wb-0", "main"),
    Feed("wb-1", "z1"),
    Feed("w20", "block"),
    Feed("wb-2", "z2", 0.7),
    Feed("wb-3", "z2", 0.3),
    Feed("wb-4", "z3"),
    Feed("wb-6", "z4"),
    Feed("wb-5", "tank"),
    Feed("pf-0", "feeder"),
    Feed("pt-1", "t1"),
    Feed("pt-2", "t2"),
)
LOST_AN_HOUR: Final = {"main": 0.4, "z1": 0.2, "z2": 0.15, "z3": 0.45, "z4": 0.1, "feeder": 0.5, "t1": 0.15, "t2": 0.12}
"""What leaks or warms a zone; in z3 also what four customers take whom nobody registered."""
LEVEL: Final = "level"
"""The shape of what is no meter: the level of a tank."""
TANK_AREA_M2: Final = 40.0
WITH_FLOW: Final = frozenset({"wb-1", "wb-6", "v02"})
"""Meters that also say how fast it flows."""
_Q3: Final = {"params": {"q3_m3_h": 2.5}}

METERS: Final = (
    # Water: a plant, two districts behind it (one with a well of its own), one with strangers, one behind a tank, one alone.
    Meter("wb-0", "water", "A00", "", "", 0.0, 250_000.0, role="supply", customers=39),
    Meter("wb-1", "water", "A01", "main", "", 0.0, 81_000.0, customers=13),
    Meter("wb-2", "water", "A02", "main", "", 0.0, 40_210.0, customers=11),
    Meter("wb-3", "water", "A02", "", "", 0.0, 9_120.0, role="supply", customers=11),
    Meter("wb-4", "water", "A03", "main", "", 0.0, 20_000.5, customers=9),
    Meter("wb-5", "water", "A04", "main", "", 0.0, 5_400.0),
    Meter("wb-6", "water", "A04", "tank", "", 0.0, 3_300.0, customers=6),
    *(Meter(f"w{n:02}", "water", "A01", "z1", "house", 0.03 + 0.01 * n, 100.0 * n, told=_Q3) for n in range(1, 10)),
    Meter("w10", "water", "A01", "z1", "house", 0.09, 99_995.0),
    Meter("w11", "water", "A01", "z1", "house", 0.05, 300.0),
    Meter("w12", "water", "A01", "z1", "house", 0.06, 700.0),
    Meter("w20", "water", "A01", "z1", "", 0.0, 4_000.0, role="use", customers=2),
    Meter("w21", "water", "A01", "block", "house", 0.10, 50.0),
    Meter("w22", "water", "A01", "block", "house", 0.12, 60.0),
    *(Meter(f"v{n:02}", "water", "A02", "z2", "house", 0.03 + 0.01 * n, 100.0 * n, told=_Q3) for n in range(1, 11)),
    Meter("x01", "water", "A01", "z2", "house", 0.08, 55.0),
    *(Meter(f"u{n:02}", "water", "A03", "z3", "house", 0.04 + 0.01 * n, 80.0 * n, told=_Q3) for n in range(1, 6)),
    Meter("s01", "water", "A04", "z4", "school", 0.8, 1_000.0),
    Meter("s02", "water", "A04", "z4", "irrigation", 1.0, 2_000.0),
    Meter("s03", "water", "A04", "z4", "plant", 1.5, 3_000.0),
    Meter("s04", "water", "A04", "z4", "hydrant", 1.0, 10.0),
    Meter("s05", "water", "A04", "z4", "house", 0.07, 400.0, told=_Q3),
    Meter("s06", "water", "A04", "z4", "house", 0.05, 500.0, told=_Q3),
    Meter("tk-1", "water", "A04", "tank", LEVEL, 0.0, 2.0, told={"params": {"tank_area_m2": TANK_AREA_M2}}),
    *(Meter(f"r{n:02}", "water", "A05", "alone", "house", 0.05 * n, 10.0 * n) for n in range(1, 4)),
    # Power: a feeder, two transformers, roofs and a field of panels.
    Meter("pf-0", "power", "B01", "", "", 0.0, 500_000.0, role="supply", customers=15),
    Meter("pt-1", "power", "B01", "feeder", "", 0.0, 90_000.0, customers=10),
    Meter("pt-2", "power", "B02", "feeder", "", 0.0, 70_000.0, customers=5),
    Meter("p01", "power", "B01", "t1", "house", 0.6, 1_000.0),
    Meter("p02", "power", "B01", "t1", "house", 0.4, 2_000.0),
    Meter("p03", "power", "B01", "t1", "house", 0.5, 3_000.0, solar=0.9),
    *(Meter(f"p{n:02}", "power", "B01", "t1", "house", 0.2 + 0.05 * n, 500.0 * n) for n in range(4, 11)),
    Meter("pv-1", "power", "B01", "t1", "", 0.0, 10.0, role="use", solar=2.5),
    *(Meter(f"q{n:02}", "power", "B02", "t2", "house", 0.3 + 0.1 * n, 300.0 * n) for n in range(1, 6)),
    # Counted things.
    Meter("tc-1", "traffic", "A01", "", "steady", 900.0, 120_000.0),
    Meter("tc-2", "traffic", "A02", "", "house", 700.0, 5_000.0),
    Meter("pc-1", "urban", "A01", "", "house", 120.0, 0.0),
    Meter("pc-2", "urban", "A01", "", "house", 60.0, 40.0),
    *(Meter(f"rg-{n}", "urban", "A01", "", "rain", 2.0, 100.0 * n) for n in range(1, 4)),
)

SMALL: Final = frozenset({"wb-1", "w02", "w03", "w04", "w08", "w11", "w12", "r01", "r02", "pt-2", "q01", "q02"})
"""A village of twelve, whose feeds have other members no more."""


def town(only: frozenset[str] | None = None) -> tuple[Meter, ...]:
    """Return the meters; of a part of them each feed is a first one if its own is left out."""
    chosen = [meter for meter in METERS if only is None or meter.id in only]
    names = {meter.id for meter in chosen}
    found = []
    for meter in chosen:
        feeds = parents(meter)
        is_first = only is not None and not meter.shape and not meter.solar and not names.issuperset(feeds)
        behind = [one for one in chosen if meter.id in parents(one)]
        customers = len(behind) if is_first else meter.customers
        found.append(meter._replace(zone="", role="supply", customers=customers) if is_first else meter)
    return tuple(found)


def parents(meter: Meter) -> list[str]:
    """The meters that feed what it takes from."""
    return [feed.meter for feed in FEEDS if feed.zone == meter.zone]


def zones_of(meter: Meter) -> list[Feed]:
    """The zones that it feeds."""
    return [feed for feed in FEEDS if feed.meter == meter.id]


def is_meter(meter: Meter) -> bool:
    """Tell if it counts: a tank's level does not."""
    return meter.shape != LEVEL


def role_of(meter: Meter) -> str:
    """Return what a meter is: as the registry says, else by whether others are behind it."""
    return meter.role or ("between" if zones_of(meter) else "use")


def registry(meters: Iterable[Meter]) -> dict[str, Any]:
    """``devices.yaml``."""
    rows = []
    for meter in meters:
        row: dict[str, Any] = {"id": meter.id, "site": f"site-{meter.area}", "domain": meter.domain, "area": meter.area}
        row |= {"interval": "15min", "serial": f"S-{meter.id}"} | dict(meter.told)
        above = parents(meter)
        row |= {"parent": above[0] if len(above) == 1 else above} if above else {}
        row |= {"role": meter.role} if meter.role else {}
        row |= {"customers": meter.customers} if meter.customers is not None else {}
        rows.append(row)
    areas = sorted({row["area"] for row in rows})
    return {"areas": {code: f"Area {code}" for code in areas}, "devices": rows}
