"""An exchange as people tell it: one that cannot be is refused with the option to correct, a likely mistake is doubted."""

from math import nan

from gateway.core.devices.device import Device
from gateway.core.devices.exchange import exchange_doubt, exchange_fault
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import Register, ToldExchange
from schemas.registry import RegisteredDevice
from tests.core.making import HOUR_MS, NOW_MS
from tests.rows import each_row


def meter(*registers: str, value: float = 1000.0, **params: float) -> Device:
    """A device whose counters were read an hour ago."""
    device = Device("d1", RegisteredDevice("d1", params=dict(params)))
    if registers:
        device.counters = CounterState()
        for name in registers:
            device.counters.restore(Register(name, value, NOW_MS - HOUR_MS))
    return device


def told(
    field: str | None = None, final: float | None = None, register: float | None = None, at_ms: int = NOW_MS
) -> ToldExchange:
    return ToldExchange(field, at_ms, final, register)


WATER, TWO, NONE = meter("volume_m3"), meter("volume_m3,channel=1", "volume_m3,channel=2"), meter()


@each_row(
    ("device", "exchange", "fault"),
    [
        (WATER, told(), ""),
        (WATER, told(at_ms=NOW_MS + 1), "--at: this time has not come yet; an exchange is told when it was made"),
        (WATER, told("volume_m3", 1000.0, 0.0), ""),
        (WATER, told("flow"), "d1 has no register 'flow'; it has volume_m3"),
        (WATER, told("x" * 200), f"d1 has no register '{'x' * 80}'; it has volume_m3"),
        (NONE, told(), ""),
        (NONE, told(register=0.0), "d1 has no register; it has none"),
        (NONE, told(final=0.0), "d1 has no register; it has none"),
        (TWO, told(), ""),
        (TWO, told("volume_m3"), ""),
        (
            TWO,
            told("volume_m3", register=1.0),
            "--register: d1 has several registers; name one with --field: volume_m3,channel=1, volume_m3,channel=2",
        ),
        (
            TWO,
            told(final=1.0, register=1.0),
            "--final: d1 has several registers; name one with --field: volume_m3,channel=1, volume_m3,channel=2",
        ),
        (TWO, told("volume_m3,channel=2", final=1000.0), ""),
        (WATER, told(final=-0.5), "--final: -0.5 is no register; volume_m3 lies between 0 and 100000000"),
        (WATER, told(register=nan), "--register: nan is no register; volume_m3 lies between 0 and 100000000"),
        (WATER, told(register=1e8), ""),
        (WATER, told(register=2e9), "--register: 2e+09 is no register; volume_m3 lies between 0 and 100000000"),
    ],
)
def test_an_exchange_that_cannot_be_is_refused_with_what_to_correct(device: Device, exchange: ToldExchange, fault: str) -> None:
    assert exchange_fault(device, exchange, NOW_MS) == fault


@each_row(
    ("device", "exchange", "doubt"),
    [
        (WATER, told(), ""),
        (NONE, told(final=1.0), ""),
        (WATER, told(final=1000.0), ""),
        (WATER, told(final=1001.0), ""),
        (WATER, told(final=999.5), "--final: 999.5 is less than the last register that was read, 1000"),
        (
            WATER,
            told(final=500_000.0),
            "--final: the last register that was read is 1000: 499000 more is not usual in this time",
        ),
        (WATER, told(final=1.0, at_ms=NOW_MS - 2 * HOUR_MS), ""),
        (meter("volume_m3", value=nan), told(final=1.0), ""),
        (
            meter("energy_import_kwh", "volume_m3"),
            told("volume_m3", final=999.0),
            "--final: 999 is less than the last register that was read, 1000",
        ),
    ],
)
def test_an_end_of_the_old_meter_that_does_not_follow_its_last_reading_is_doubted(
    device: Device, exchange: ToldExchange, doubt: str
) -> None:
    assert exchange_doubt(device, exchange) == doubt
