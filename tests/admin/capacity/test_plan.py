"""The plan of capacity, against figures worked out by hand, and its command."""

import dataclasses
import json
from typing import Final

import pytest

from gateway.admin.capacity.plan import CapacityFigures, Demand, MachineClass, StoreFigures, at_rate, plan, read_figures
from gateway.commands.cli import main
from schemas.glossary import Words

FIGURES: Final = CapacityFigures(
    machine="bench",
    gateway_cpu_us=[(10, 1000.0), (1000, 100.0), (50_000, 10.0)],
    mosquitto_cpu_us=[(10, 100.0), (1000, 30.0)],
    waiting_bytes=50e6,
    device_bytes=1000.0,
    journal_bytes=50.0,
    link_bytes=[(10, 600.0), (1000, 60.0)],
    backlog_bytes=40.0,
    first_reading_bytes=2000.0,
    stores={"a store": StoreFigures(50.0, 900.0, 10.0, 4100.0, 100.0)},
)
MACHINE: Final = MachineClass(
    Words("máy", "machine"),
    speed=0.5,
    cores=4,
    memory_bytes=4e9,
    disk_bytes=100e9,
    disk_life_bytes=1e12,
    watts=5.0,
    price_usd=100.0,
)
DEMAND: Final = Demand(
    devices=9000,
    interval_s=900.0,
    spread_s=900.0,
    outage_s=3600.0,
    keep_days=100.0,
    keep_years=1.0,
    cabinets=1,
    store="a store",
    machine=MACHINE,
)


def test_a_cabinet_of_ten_readings_a_second() -> None:
    found = plan(DEMAND, FIGURES).cabinet
    assert (found.devices, found.rate, found.peak, found.gateways, found.machines) == (9000, 10.0, 10.0, 1, 1)
    assert found.gateway_cores == pytest.approx(10 * 1000e-6 / 0.5)
    assert found.broker_cores == pytest.approx(10 * 100e-6 / 0.5)
    assert found.store_cores == pytest.approx(10 * 900e-6 / 0.5), "each write carries one reading"
    assert found.memory_bytes == 50e6 + 9000 * 1000
    assert found.journal_bytes == 10 * 3600 * 50
    assert found.backlog_bytes == 10 * 3600 * 40
    assert found.written_bytes == pytest.approx(10 * 86_400 * 4100)
    assert found.disk_years == pytest.approx(1e12 / (10 * 86_400 * 4100) / 365.25)
    assert found.link_bytes == pytest.approx(10 * 30 * 86_400 * 600)
    assert found.disk_bytes == pytest.approx((10 * 86_400 * 100 + 9000 * 26 * 365.25) * 50)


def test_readings_that_share_a_write_share_its_cost() -> None:
    found = plan(dataclasses.replace(DEMAND, devices=900_000), FIGURES).cabinet
    assert found.rate == 1000
    assert found.store_cores == pytest.approx(1000 * (10 + 890 / 10) * 1e-6 / 0.5)
    assert found.written_bytes == pytest.approx(1000 * 86_400 * (100 + 4000 / 10))


def test_the_peak_decides_how_many_gateways_and_machines() -> None:
    """A gateway takes 50,000 a second at most; half the speed and half in reserve leave 12,500."""
    found = plan(dataclasses.replace(DEMAND, devices=900_000, spread_s=30.0, keep_days=1.0, keep_years=0.0), FIGURES).cabinet
    assert (found.rate, found.peak, found.gateways) == (1000.0, 30_000.0, 3)
    assert found.peak_cores == pytest.approx(30_000 * (10 + 30 + 10) * 1e-6 / 0.5)
    assert found.machines == 2, "three cores at the peak, of which a machine gives two"


def test_each_of_several_gateways_costs_what_its_share_of_the_rate_costs() -> None:
    found = plan(dataclasses.replace(DEMAND, devices=2_700_000, spread_s=90.0), FIGURES).cabinet
    assert (found.rate, found.gateways) == (3000.0, 3)
    assert found.gateway_cores == pytest.approx(3000 * 100e-6 / 0.5), "1,000 a second each"


def test_room_on_disk_and_memory_decide_too() -> None:
    kept_longer = dataclasses.replace(DEMAND, keep_days=3000.0)
    assert plan(kept_longer, FIGURES).cabinet.machines == 3, "134 GB, where a disk gives 50"
    seldom = dataclasses.replace(
        DEMAND, devices=5_000_000, interval_s=86_400.0, spread_s=86_400.0, keep_days=1.0, keep_years=0.0
    )
    assert plan(seldom, FIGURES).cabinet.machines == 3, "5 GB, where a memory gives 2"


def test_cabinets_take_their_share_each_and_add_up() -> None:
    one, ten = plan(DEMAND, FIGURES), plan(dataclasses.replace(DEMAND, devices=90_000, cabinets=10), FIGURES)
    assert ten.cabinet == one.cabinet
    assert (ten.rate, ten.machines, ten.price_usd) == (100.0, 10, 1000.0)
    assert ten.kwh_year == pytest.approx(10 * 5 * 365.25 * 24 / 1000)


def test_between_two_rates_a_figure_is_straight_on_logarithmic_axes() -> None:
    curve = FIGURES.gateway_cpu_us
    assert [at_rate(curve, rate) for rate in (1, 10, 1000, 50_000, 1e9)] == pytest.approx([1000, 1000, 100, 10, 10])
    assert at_rate(curve, 100) == pytest.approx((1000 * 100) ** 0.5)


def test_the_figures_of_this_release_fall_with_the_rate() -> None:
    """A reading that shares wake-ups and writes costs less; a mix-up of two figures would show."""
    figures = read_figures()
    for curve in (figures.gateway_cpu_us, figures.link_bytes):
        values = [value for _, value in curve]
        assert values[0] > 3 * values[-1]
    for store in figures.stores.values():
        assert store.cpu_alone_us > 10 * store.cpu_together_us
        assert store.written_alone_bytes > 10 * store.written_together_bytes


def test_the_command_prints_a_plan_in_both_languages_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["capacity", "--devices", "200000", "--interval", "15m", "--cabinets", "200"]
    assert main([*line, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["cabinet"]["devices"], made["rate"]) == (1000, pytest.approx(200_000 / 900))
    assert main(line) == 0
    english = capsys.readouterr().out
    assert "200,000 devices, a reading each in 15min; cabinets: 200" in english
    assert main([*line, "--language", "vi"]) == 0
    vietnamese = capsys.readouterr().out
    assert "200.000 thiết bị" in vietnamese
    assert len(vietnamese.splitlines()) == len(english.splitlines())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--interval", "soon"], "--interval: 'soon' is not a span of time"),
        (["--interval", "0s"], "--interval: 0s is no time at all"),
        (["--spread", "1h"], "--spread: devices cannot take longer to send once than --interval"),
        (["--cabinets", "11"], "--cabinets: there are more cabinets than devices (10)"),
    ],
)
def test_what_no_plan_can_be_made_of_is_said(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity", "--devices", "10", *options]) == 2
    assert said in capsys.readouterr().err
