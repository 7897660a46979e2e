"""Used, supplied, produced and lost of networks, each worked out by hand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from gateway.ingest.database.store import Counter, StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, Marks, SumBoundary, Uncovered, sum_at
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse, ReportGroup
from gateway.monitoring.reports.flows import Figure, GroupFlows, MeterFlow, group_flows, meter_flows
from gateway.monitoring.reports.network import MeterNetwork, Storage
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice

SPAN = TimeSpan(0, 86_400_000)


def meter(id_: str, parent: str | None = None, area: str = "A", **keys: Any) -> RegisteredDevice:  # noqa: ANN401
    return replace(RegisteredDevice(id_, parent=parent, area=area, domain="water"), **keys)


def passed(forward: float, back: float = 0, *, estimated: float = 0.0, suspect: bool = False) -> MeterFlow:
    return MeterFlow(round(forward * MILLIONTHS), round(back * MILLIONTHS), None, estimated, suspect)


class Shown(NamedTuple):
    """Figures in whole units; a text says why one is not measured."""

    used: float | str | None
    supplied: float | str | None
    lost: float | str | None
    produced: float | str | None = None


def shown(figure: Figure) -> float | str | None:
    return figure.cause if figure.millionths is None else figure.millionths / MILLIONTHS


def rows(
    devices: list[RegisteredDevice],
    meters: Mapping[str, MeterFlow],
    by: ReportGroup = ReportGroup.AREA,
    domain: str = "water",
    storage: Mapping[str, Storage] | None = None,
) -> dict[str, GroupFlows]:
    roster = Roster([replace(device, domain=domain) for device in devices])  # type: ignore[arg-type]
    groups = MeterNetwork(roster.of_domain(domain), domain, meters).groups(by)
    return {row.group: row for row in group_flows(SPAN, domain, groups, meters, storage or {})}


def figures(*args: Any, **keys: Any) -> dict[str, Shown]:  # noqa: ANN401
    return {
        name: Shown(shown(row.used), shown(row.supplied), shown(row.lost), shown(row.produced))
        for name, row in rows(*args, **keys).items()
    }


BULK, NEXT = meter("bulk", area="N"), meter("next", "bulk", "S")
CHAIN = [BULK, NEXT, meter("h0", "bulk", "N"), meter("h1", "next", "S"), meter("h2", "next", "S")]
CHAIN_FLOWS = {"bulk": passed(100), "next": passed(60), "h0": passed(30), "h1": passed(20), "h2": passed(25)}


def test_in_a_chain_each_area_loses_what_is_lost_in_it_and_these_add_up_to_the_whole() -> None:
    assert figures(CHAIN, CHAIN_FLOWS) == {"N": Shown(30, 40, 10), "S": Shown(45, 60, 15)}
    assert figures(CHAIN, CHAIN_FLOWS, ReportGroup.DOMAIN) == {"water": Shown(75, 100, 25)}
    assert figures(CHAIN, CHAIN_FLOWS, ReportGroup.PARENT) == {"bulk": Shown(30, 40, 10), "next": Shown(45, 60, 15)}


def test_a_house_behind_a_meter_of_another_area_is_used_where_it_stands_and_what_leaks_is_lost_where_the_pipe_begins() -> None:
    devices = [meter("bulk", area="N"), meter("h0", "bulk", "N"), meter("far", "bulk", "S")]
    flows = {"bulk": passed(100), "h0": passed(50), "far": passed(30)}
    assert figures(devices, flows) == {"N": Shown(50, 70, 20), "S": Shown(30, Uncovered.NO_SUPPLY, Uncovered.NO_SUPPLY)}
    assert figures(devices, flows, ReportGroup.DOMAIN) == {"water": Shown(80, 100, 20)}


def test_an_area_of_three_houses_has_a_use_and_no_losses_whatever_stands_elsewhere() -> None:
    alone = [meter(id_, area="E") for id_ in ("x", "y", "z")]
    flows = CHAIN_FLOWS | {"x": passed(1), "y": passed(2), "z": passed(3)}
    assert figures([*CHAIN, *alone], flows)["E"] == Shown(6, Uncovered.NO_SUPPLY, Uncovered.NO_SUPPLY)
    assert figures([*CHAIN, *alone], flows, ReportGroup.DOMAIN) == {"water": Shown(81, 100, 25)}


def test_two_feeds_of_an_area_supply_it_together_also_houses_that_name_neither() -> None:
    devices = [meter("f1", role="supply"), meter("f2", role="supply"), meter("h1"), meter("h2")]
    flows = {"f1": passed(40), "f2": passed(25, 5), "h1": passed(20), "h2": passed(33)}
    assert figures(devices, flows) == {"A": Shown(53, 60, 7)}


def test_a_network_with_two_inlets_has_one_balance_of_both() -> None:
    devices = [meter("p1"), meter("p2"), meter("h1", "p1, p2"), meter("h2", "p2, p1"), meter("h3", "p2")]
    flows = {"p1": passed(30), "p2": passed(40), "h1": passed(20), "h2": passed(20), "h3": passed(15)}
    assert figures(devices, flows, ReportGroup.PARENT) == {"p1, p2": Shown(55, 70, 15)}
    apart = [replace(device, area="B") if device.id == "p2" else device for device in devices]
    assert figures(apart, flows)["A"] == Shown(55, Uncovered.FED_APART, Uncovered.FED_APART)
    assert figures(apart, flows)["B"].lost == Uncovered.FED_APART
    assert figures(apart, flows, ReportGroup.DOMAIN) == {"water": Shown(55, 70, 15)}


def test_submeters_of_a_customer_count_nowhere_else() -> None:
    devices = [meter("bulk"), meter("hotel", "bulk", role="use"), meter("kitchen", "hotel"), meter("pool", "hotel", "B")]
    flows = {"bulk": passed(50), "hotel": passed(45), "kitchen": passed(20), "pool": passed(10)}
    assert figures(devices, flows) == {"A": Shown(45, 50, 5)}
    assert figures(devices, flows, ReportGroup.PARENT) == {"bulk": Shown(45, 50, 5)}


@pytest.mark.parametrize(
    ("bulk", "next_", "lost"),
    [
        pytest.param(3, 2, (10, 15), id="all"),
        pytest.param(4, 2, (Uncovered.UNREGISTERED, 15), id="one-behind-the-bulk-meter"),
        pytest.param(4, 3, (10, Uncovered.UNREGISTERED), id="one-behind-the-next"),
        pytest.param(4, None, (Uncovered.UNREGISTERED, Uncovered.UNREGISTERED), id="one-somewhere"),
        pytest.param(None, 3, (10, Uncovered.UNREGISTERED), id="said-of-the-next-alone"),
    ],
)
def test_losses_are_told_where_all_customers_are_registered(
    bulk: int | None, next_: int | None, lost: tuple[object, object]
) -> None:
    devices = [replace(BULK, customers=bulk), replace(NEXT, customers=next_), *CHAIN[2:]]
    found = figures(devices, CHAIN_FLOWS)
    assert (found["N"].lost, found["S"].lost) == lost
    assert (found["N"].supplied, found["S"].used) == (40, 45)


def test_a_meter_with_nobody_behind_loses_nothing_that_could_be_told() -> None:
    found = figures([meter("plant", role="supply"), meter("h", area="B")], {"plant": passed(10), "h": passed(3)})
    assert found == {
        "A": Shown(Uncovered.NO_CUSTOMER, 10, Uncovered.NO_CUSTOMER),
        "B": Shown(3, Uncovered.NO_SUPPLY, Uncovered.NO_SUPPLY),
    }


def test_sun_on_a_roof_and_beside_the_transformer_is_produced_and_supplied() -> None:
    devices = [meter("trafo"), meter("h1", "trafo"), meter("roof", "trafo"), meter("park", "trafo")]
    # 40 come in and 12 go back; 7 and 21 are produced behind it: 56 for 30 + 20 + 1 that are used.
    flows = {"trafo": passed(40, 12), "h1": passed(30), "roof": passed(20, 7), "park": passed(1, 21)}
    assert figures(devices, flows, domain="power") == {"A": Shown(51, 56, 5, 28)}
    # The roof in another area: 20 - 7 leave the first one.
    moved = [replace(device, area="B") if device.id == "roof" else device for device in devices]
    assert figures(moved, flows, domain="power") == {
        "A": Shown(31, 36, 5, 21),
        "B": Shown(20, Uncovered.NO_SUPPLY, Uncovered.NO_SUPPLY, 7),
    }


def test_water_that_runs_back_through_a_customers_meter_was_not_used() -> None:
    flows = {"bulk": passed(50, 1), "h": passed(45, 3)}
    assert figures([meter("bulk"), meter("h", "bulk")], flows) == {"A": Shown(42, 49, 7)}


@pytest.mark.parametrize(
    ("storage", "lost"),
    [
        pytest.param(Storage(4 * MILLIONTHS, None), 6, id="filled"),
        pytest.param(Storage(-5 * MILLIONTHS, None), 15, id="emptied"),
        pytest.param(Storage(None, Uncovered.TANK_BY_HOUR), Uncovered.TANK_BY_HOUR, id="hour"),
        pytest.param(None, Uncovered.TANK_UNKNOWN, id="unknown"),
    ],
)
def test_behind_a_tank_what_it_took_in_is_not_lost(storage: Storage | None, lost: float | str) -> None:
    tank = meter("tank", "bulk", "N", params={"level_low_m": 1.0})
    held = {} if storage is None else {"tank": storage}
    found = figures([*CHAIN, tank], CHAIN_FLOWS, storage=held)
    assert (found["N"], found["S"]) == (Shown(30, 40, lost), Shown(45, 60, 15))
    assert figures([*CHAIN, tank], CHAIN_FLOWS, ReportGroup.PARENT, storage=held)["bulk"].lost == lost


def test_a_gauge_is_no_meter_and_no_parent_and_what_stands_behind_it_stands_behind_its_parent() -> None:
    gauge, house = meter("gauge", "bulk", "N"), meter("h3", "gauge", "N")
    found = figures([*CHAIN, gauge, house, meter("p", "h3", "N")], CHAIN_FLOWS | {"h3": passed(4)})
    assert found == {"N": Shown(34, 40, 6), "S": Shown(45, 60, 15)}


def test_a_customer_who_is_not_known_is_left_out_of_what_is_used_and_nothing_is_said_to_be_lost() -> None:
    silent = CHAIN_FLOWS | {"h2": MeterFlow(None, 0, Uncovered.NO_READING, 1.0)}
    found = rows(CHAIN, silent)["S"]
    assert (shown(found.used), shown(found.supplied), shown(found.lost)) == (20, 60, Uncovered.CHILD_MISSING)
    assert (found.meters, found.left_out, found.used.marks) == (2, 1, Marks(0.0, 0.0, 0.5))
    none = CHAIN_FLOWS | {"bulk": MeterFlow(None, 0, Uncovered.NO_READING, 1.0)}
    assert figures(CHAIN, none) == {"N": Shown(30, Uncovered.NO_READING, Uncovered.NO_READING), "S": Shown(45, 60, 15)}


def test_shares_are_those_of_the_figure() -> None:
    flows = CHAIN_FLOWS | {"h1": passed(20, estimated=0.5), "h2": passed(30, suspect=True)}
    found = rows(CHAIN, flows)["S"]
    assert found.used.marks == pytest.approx((10 / 50, 30 / 50, 40 / 50))
    assert found.supplied.marks == Marks()
    assert found.lost.marks == found.marks == found.used.marks
    assert found.used.marks.is_shown
    assert not found.supplied.marks.is_shown


def test_a_zone_without_a_house_of_its_own_is_as_sound_as_its_meters() -> None:
    found = rows(CHAIN[:2] + CHAIN[3:], {id_: flow for id_, flow in CHAIN_FLOWS.items() if id_ != "h0"}, ReportGroup.PARENT)
    assert (shown(found["bulk"].lost), found["bulk"].lost.marks, found["bulk"].marks) == (40, Marks(), Marks())


def test_houses_without_a_roof_do_not_hide_a_transformer_that_tells_nothing_of_a_gap() -> None:
    devices = [meter("trafo"), meter("h1", "trafo"), meter("h2", "trafo")]
    flows = {"trafo": passed(0, estimated=1.0)._replace(blind=1.0), "h1": passed(3), "h2": passed(4)}
    assert rows(devices, flows, domain="power")["A"].supplied.marks == Marks(1.0, 0.0, 0.0)


def test_a_day_that_ends_in_a_gap_whose_line_tells_nothing_stands_on_its_hours_with_readings() -> None:
    """A step behind the gap is held out: 18 of 24 hours are a line at 0 m³, as much flowed in the 6 before."""
    before, after = SumPoint(6 * 3_600_000, 11.5, 11.5), SumPoint(40 * 3_600_000, 11.5, 900.0)
    begin = SumBoundary(SPAN.start_ms, 10 * MILLIONTHS, None, is_estimated=False, reading=SumPoint(0, 10.0, 10.0))
    end = sum_at(SPAN.end_ms, before, after, 900_000)
    use = CounterUse(StoredSeries("h1"), Counter("water", "volume_m3"), begin, end, 0)
    assert (use.used, use.measured, use.blind) == (1_500_000, 0.25, 0.75)
    flow = meter_flows(PeriodUse(SPAN, [use]), "water", {})["h1"]
    assert (flow.estimated, flow.blind) == (0.75, 0.75)
    marks = rows(CHAIN, CHAIN_FLOWS | {"h1": flow})["S"].used.marks
    assert marks == pytest.approx((0.75 / 2, 0.0, 1 - 0.75 / 2)), "one of two houses, for three quarters of the day"
