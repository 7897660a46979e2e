"""Amounts that flow while something happens: factors, and what is added in an hour."""

from typing import Final

from firmware_sim.devices.power import TARIFFS
from firmware_sim.stories.story import Before, Incident

MARKET: Final = {
    "volume_m3": 1.12,
    **dict.fromkeys(("energy_import_kwh", *TARIFFS), 1.08),
    "vehicle_count_total": 1.2,
    "people_in_total": 1.8,
    "people_out_total": 1.8,
}
"""DeviceRegister → a market day against another day."""
HOLIDAY: Final = {
    "volume_m3": 1.18,
    **dict.fromkeys(("energy_import_kwh", *TARIFFS), 1.12),
    "vehicle_count_total": 0.7,
    "people_in_total": 0.5,
    "people_out_total": 0.5,
}
"""DeviceRegister → a holiday against another day: families are at home, shops are shut."""


def market(_event: Incident, register: str, _before: Before) -> float:
    """The factor of a market day."""
    return MARKET.get(register, 1.0)


def holiday(_event: Incident, register: str, _before: Before) -> float:
    """The factor of a holiday."""
    return HOLIDAY.get(register, 1.0)


def none_flows(_event: Incident, _register: str, _before: Before) -> float:
    """Everything stands still."""
    return 0.0


def without_phase(_event: Incident, _register: str, before: Before) -> float:
    """The share of the two phases that are left."""
    return 1 - before.values["active_power_l1_w"] / before.values["active_power_w"]


def stands_forwards(_event: Incident, register: str, _before: Before) -> float:
    """Nothing runs forwards, because it runs backwards."""
    return 0.0 if register == "volume_m3" else 1.0


def burst_h(event: Incident, register: str, before: Before) -> float:
    """A main that bursts: some times the mean flow of the district."""
    return (4 + 3 * event.size) * _mean_h("volume_m3", register, before)


def leak_h(event: Incident, register: str, before: Before) -> float:
    """A leak in a house: a cistern, or a pipe."""
    return (1 + 2 * event.size) * _mean_h("volume_m3", register, before)


def network_leak_h(event: Incident, register: str, before: Before) -> float:
    """A leak in the network, that shows at night."""
    return (0.9 + 0.6 * event.size) * _mean_h("volume_m3", register, before)


def backwards_h(event: Incident, register: str, before: Before) -> float:
    """Water that runs back."""
    return (0.5 + event.size) * before.mean_h["volume_m3"] if register == "volume_reverse_m3" else 0.0


def air_h(event: Incident, register: str, before: Before) -> float:
    """Air that turns a meter, before the water comes: it is counted, and paid for."""
    return (0.5 + event.size) * _mean_h("volume_m3", register, before)


def overload_h(event: Incident, register: str, before: Before) -> float:
    """A load that the station was not made for, active and reactive."""
    return (3 + event.size) * before.mean_h[register] if "energy_import" in register else 0.0


def _mean_h(wanted: str, register: str, before: Before) -> float:
    return before.mean_h[wanted] if register == wanted else 0.0
