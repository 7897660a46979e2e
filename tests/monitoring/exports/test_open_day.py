"""The figures that everybody may see: none that a household could be read from."""

from decimal import Decimal

import pytest

from gateway.ingest.database.store import Counter, StoredSeries, TimeSpan
from gateway.monitoring.exports.open_day import DEVICES_MIN, OpenDay, OpenFigure, row_of
from gateway.monitoring.reports.boundaries import SumBoundary, Uncovered
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse
from gateway.monitoring.reports.rollups import RolledPeriod
from gateway.monitoring.reports.roster import Roster
from schemas.open_data import COLUMNS, open_data_context, open_quantities
from schemas.quantities import DOMAINS, SPREAD_OF
from schemas.registry import RegisteredDevice

DAY = TimeSpan(0, 86_400_000)
VOLUME = Counter("water", "volume_m3")


def meters(count: int, area: str | None = "A1") -> list[RegisteredDevice]:
    return [RegisteredDevice(id=f"m{number}", domain="water", area=area) for number in range(count)]


def boundary(millionths: int | None) -> SumBoundary:
    uncovered = None if millionths is not None else Uncovered.NO_READING
    return SumBoundary(0, millionths, uncovered, is_estimated=False, reading=None)


def day_of(devices: list[RegisteredDevice], covered: int, *, spreads: int = 0) -> list[OpenFigure]:
    """The figures of devices of which some have used 1.5 m3, and some have had a pressure of 300 kPa."""
    uses = [
        CounterUse(StoredSeries(device.id), VOLUME, boundary(0), boundary(1_500_000 if place < covered else None), 0)
        for place, device in enumerate(devices)
    ]
    pressure = {StoredSeries(device.id): {"pressure_kpa": (100.0, 300.0, 900.0)} for device in devices[:spreads]}
    found, roster = OpenDay("water"), Roster(devices)
    found.add(RolledPeriod("water", PeriodUse(DAY, uses), pressure), roster)
    return list(found.figures())


def test_ten_meters_are_told_together() -> None:
    (figure,) = day_of(meters(DEVICES_MIN), DEVICES_MIN)
    assert figure == OpenFigure("A1", "water", "volume_used_m3", "m3", Decimal("15.000000"), 10, 0)
    assert row_of("2026-10-31", figure, {"A1": "An Bình"}) == {
        "day": "2026-10-31",
        "area": "A1",
        "area_name": "An Bình",
        "domain": "water",
        "quantity": "volume_used_m3",
        "unit": "m3",
        "value": "15.000000",
        "devices": 10,
        "uncovered": 0,
    }


@pytest.mark.parametrize(("devices", "covered"), [(9, 9), (12, 9), (40, 1), (40, 0)])
def test_fewer_meters_with_a_figure_are_left_out_however_many_the_area_has(devices: int, covered: int) -> None:
    assert day_of(meters(devices), covered) == []


def test_a_mean_is_left_out_where_few_measure_it() -> None:
    assert [figure.quantity for figure in day_of(meters(12), 12, spreads=9)] == ["volume_used_m3"]
    figures = {figure.quantity: figure for figure in day_of(meters(12), 11, spreads=10)}
    assert figures["pressure_mean_kpa"].value == 300
    assert figures["pressure_mean_kpa"].devices == 10
    assert (figures["volume_used_m3"].devices, figures["volume_used_m3"].uncovered) == (11, 1)


def test_a_meter_with_several_channels_is_one_device() -> None:
    devices = meters(5)
    uses = [
        CounterUse(StoredSeries(device.id, channel), VOLUME, boundary(0), boundary(10**6), 0)
        for device in devices
        for channel in ("1", "2")
    ]
    found = OpenDay("water")
    found.add(RolledPeriod("water", PeriodUse(DAY, uses), {}), Roster(devices))
    assert list(found.figures()) == []


def test_meters_without_an_area_are_nobodys() -> None:
    assert day_of(meters(20, area=None), 20, spreads=20) == []


def test_groups_of_devices_add_up() -> None:
    devices, found = meters(14), OpenDay("water")
    for some in (devices[:7], devices[7:]):
        uses = [CounterUse(StoredSeries(one.id), VOLUME, boundary(0), boundary(250_000), 0) for one in some]
        found.add(RolledPeriod("water", PeriodUse(DAY, uses), {}), Roster(some))
    (figure,) = found.figures()
    assert (figure.value, figure.devices) == (Decimal("3.500000"), 14)


def test_lowest_and_highest_values_are_never_told() -> None:
    for domain in DOMAINS:
        names = {quantity.name for quantity in open_quantities(domain)}
        assert names.isdisjoint({name for low, _, high in SPREAD_OF[domain].values() for name in (low, high)})


def test_every_column_and_every_quantity_has_a_meaning() -> None:
    document = open_data_context()
    terms = document["@context"]
    names = {quantity.name for domain in DOMAINS for quantity in open_quantities(domain)}
    assert names | set(COLUMNS) <= terms.keys()
    assert len(names) == len({*names, *COLUMNS, "province"}) - len(COLUMNS) - 1, "a column would hide a term of its name"
    described = {about["@id"].removeprefix("province:"): about for about in document["@graph"]}
    assert described.keys() == names
    assert described["volume_used_m3"]["dct:isVersionOf"] == {"@id": "http://qudt.org/vocab/quantitykind/Volume"}
    assert described["pressure_mean_kpa"]["qudt:ucumCode"] == "kPa"
