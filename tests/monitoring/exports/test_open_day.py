"""The figures that everybody may see: none that a household could be read from."""

from decimal import Decimal
from typing import Literal

import pytest

from gateway.ingest.database.store import Counter, StoredSeries, TimeSpan
from gateway.monitoring.exports.open_files import OpenDay, OpenFigure, row_of
from gateway.monitoring.reports.boundaries import Marks, SumBoundary, Uncovered
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse
from gateway.monitoring.reports.flows import Figure, GroupFlows
from gateway.monitoring.reports.rollups import RolledPeriod
from gateway.monitoring.reports.roster import Roster
from schemas.open_data import COLUMNS, open_data_context, open_quantities
from schemas.quantities import DOMAINS, SPREAD_OF
from schemas.registry import RegisteredDevice

DAY = TimeSpan(0, 86_400_000)
PEOPLE = Counter("urban", "people_in_total")
RAIN = Counter("urban", "rain_mm")
EXPORT = Counter("power", "energy_export_kwh")
SOUND, IN_A_GAP = Marks(), Marks(estimated=0.25, suspect=0.0, measured=0.75)
NOT_MEASURED = Figure(None, None, Marks(measured=0.0))


def devices_of(count: int, domain: Literal["urban", "power"] = "urban", area: str | None = "A1") -> list[RegisteredDevice]:
    return [RegisteredDevice(id=f"m{number}", domain=domain, area=area) for number in range(count)]


def boundary(millionths: int | None, at_ms: int = DAY.end_ms) -> SumBoundary:
    uncovered = None if millionths is not None else Uncovered.NO_READING
    return SumBoundary(at_ms, millionths, uncovered, is_estimated=False, reading=None)


def rolled(devices: list[RegisteredDevice], counter: Counter, *counted: int | None, spreads: int = 0) -> RolledPeriod:
    """A day on which devices counted so many millionths each, and some had 300 ppm."""
    uses = [
        CounterUse(StoredSeries(device.id), counter, boundary(0, 0), boundary(amount), 0)
        for device, amount in zip(devices, counted, strict=True)
    ]
    air = {StoredSeries(device.id): {"co2_ppm": (100.0, 300.0, 900.0)} for device in devices[:spreads]}
    return RolledPeriod(counter.measurement, PeriodUse(DAY, uses), air)


def open_day(domain: str, devices: list[RegisteredDevice]) -> OpenDay:
    return OpenDay(domain, Roster(devices).customers())


def day_of(count: int, *counted: int | None, counter: Counter = PEOPLE, spreads: int = 0) -> list[OpenFigure]:
    devices = devices_of(count)
    found = open_day(counter.measurement, devices)
    found.add(rolled(devices, counter, *counted, spreads=spreads), Roster(devices))
    return list(found.figures())


def flows_of(
    area: str, meters: int, left_out: int = 0, *, domain: str = "water", produced: Figure = NOT_MEASURED
) -> GroupFlows:
    used, supplied = Figure(15_000_000, None, IN_A_GAP), Figure(20_500_000, None, SOUND)
    return GroupFlows(DAY, area, domain, used, supplied, produced, Figure(5_500_000, None, IN_A_GAP), meters, left_out)


def with_flows(*groups: GroupFlows) -> list[OpenFigure]:
    found = open_day(groups[0].domain, [])
    for group in groups:
        found.add_flows(group)
    return list(found.figures())


def test_water_is_used_supplied_and_lost_with_its_marks() -> None:
    used, supplied, lost = with_flows(flows_of("A1", 11, 1))
    assert used == OpenFigure("A1", "water", "used_m3", "m3", Decimal("15.000000"), 10, 1, IN_A_GAP)
    assert (supplied.quantity, supplied.value, supplied.marks) == ("supplied_m3", Decimal("20.500000"), SOUND)
    assert (lost.quantity, lost.value, lost.devices) == ("lost_m3", Decimal("5.500000"), 10)
    assert row_of("2026-10-31", used, {"A1": "An Bình"}) == {
        "day": "2026-10-31",
        "area": "A1",
        "area_name": "An Bình",
        "domain": "water",
        "quantity": "used_m3",
        "unit": "m3",
        "value": "15.000000",
        "devices": 10,
        "uncovered": 1,
        "estimated": "0.2500",
        "suspect": "0.0000",
        "measured": "0.7500",
    }


def test_of_few_customers_nothing_is_told_not_even_what_was_supplied() -> None:
    assert with_flows(flows_of("A1", 9), flows_of("A2", 12, 3), flows_of("", 40)) == []


def test_what_is_not_measured_has_no_row() -> None:
    unfed = flows_of("A1", 10)._replace(supplied=NOT_MEASURED, lost=NOT_MEASURED)
    assert [figure.quantity for figure in with_flows(unfed)] == ["used_m3"]


@pytest.mark.parametrize(("roofs", "told"), [(9, False), (10, True)])
def test_the_roofs_of_few_are_not_told(roofs: int, told: bool) -> None:  # noqa: FBT001 - a case
    devices = devices_of(12, "power")
    fed_in = [1_000_000] * roofs + [0] * (12 - roofs)
    # What goes back through a transformer's meter, or through one behind a customer's, is told by no roof more.
    more = [
        RegisteredDevice("transformer", domain="power", area="A1", role="between"),
        RegisteredDevice("flat", domain="power", area="A1", parent="m11"),
    ]
    devices[11] = RegisteredDevice("m11", domain="power", area="A1", role="use")
    found = open_day("power", [*devices, *more])
    found.add(rolled([*devices, *more], EXPORT, *fed_in, 5_000_000, 1_000_000), Roster([*devices, *more]))
    found.add_flows(flows_of("A1", 12, domain="power", produced=Figure(roofs * 1_000_000, None, SOUND)))
    quantities = [figure.quantity for figure in found.figures()]
    assert quantities == ["used_kwh", "supplied_kwh", *(["produced_kwh"] if told else []), "lost_kwh"]


def test_registers_of_water_and_power_are_not_added_up() -> None:
    devices = devices_of(12, "power")
    found = open_day("power", devices)
    found.add(rolled(devices, EXPORT, *[1_000_000] * 12), Roster(devices))
    assert list(found.figures()) == []


def test_counts_stay_whole() -> None:
    (figure,) = day_of(10, *[3_000_000] * 10)
    assert row_of("2026-10-31", figure, {})["value"] == "30"
    assert (figure.quantity, figure.devices, figure.uncovered, figure.marks) == ("people_in_used", 10, 0, Marks(0.0, 0.0, 1.0))


def test_rain_is_the_mean_of_the_gauges() -> None:
    (figure,) = day_of(12, *[2_000_000] * 6, *[5_000_000] * 5, None, counter=RAIN)
    assert figure.value == Decimal("3.363636"), "(6 x 2 mm + 5 x 5 mm) / 11"
    assert (figure.devices, figure.uncovered) == (11, 1)


@pytest.mark.parametrize(("devices", "covered"), [(9, 9), (12, 9), (40, 1), (40, 0)])
def test_fewer_devices_with_a_figure_are_left_out_however_many_the_area_has(devices: int, covered: int) -> None:
    assert day_of(devices, *[1_000_000] * covered, *[None] * (devices - covered)) == []


def test_a_mean_is_left_out_where_few_measure_it_and_has_no_marks() -> None:
    assert [figure.quantity for figure in day_of(12, *[10**6] * 12, spreads=9)] == ["people_in_used"]
    figures = {figure.quantity: figure for figure in day_of(12, *[10**6] * 11, None, spreads=10)}
    assert figures["co2_mean_ppm"].value == 300
    assert figures["co2_mean_ppm"].devices == 10
    assert (figures["people_in_used"].devices, figures["people_in_used"].uncovered) == (11, 1)
    assert row_of("2026-10-31", figures["co2_mean_ppm"], {})["measured"] == ""


def test_a_device_with_several_channels_is_one_device() -> None:
    devices = devices_of(5)
    uses = [
        CounterUse(StoredSeries(device.id, channel), PEOPLE, boundary(0, 0), boundary(10**6), 0)
        for device in devices
        for channel in ("1", "2")
    ]
    found = open_day("urban", devices)
    found.add(RolledPeriod("urban", PeriodUse(DAY, uses), {}), Roster(devices))
    assert list(found.figures()) == []


def test_devices_without_an_area_are_nobodys() -> None:
    devices = devices_of(20, area=None)
    found = open_day("urban", devices)
    found.add(rolled(devices, PEOPLE, *[10**6] * 20, spreads=20), Roster(devices))
    assert list(found.figures()) == []


def test_groups_of_devices_add_up() -> None:
    devices = devices_of(14)
    found = open_day("urban", devices)
    for some in (devices[:7], devices[7:]):
        found.add(rolled(some, PEOPLE, *[2_000_000] * 7), Roster(some))
    (figure,) = found.figures()
    assert figure.value == 28
    assert figure.devices == 14


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
    assert described["used_m3"]["dct:isVersionOf"] == {"@id": "http://qudt.org/vocab/quantitykind/Volume"}
    assert described["pressure_mean_kpa"]["qudt:ucumCode"] == "kPa"
