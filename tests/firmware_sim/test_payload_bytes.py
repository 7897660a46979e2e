"""Payloads of simulated devices: the same seed gives the same bytes, on every Python and every machine."""

import hashlib

from firmware_sim.firmware import Firmware
from firmware_sim.fleet import KIND_NAMES, SimDevice, build_fleet
from firmware_sim.scenarios.loader import scenario
from tests.firmware_sim.storied import BEGIN_S, INTERVAL_S

DIGESTS = {
    "sim-7-power-feeder-0001": "d6baeae586509f6d",
    "sim-7-power-house-0002": "c8f39cdcc9627d40",
    "sim-7-power-solar-0003": "e12b2025ab4f21cd",
    "sim-7-traffic-class-0001": "ab3074d744bfaa93",
    "sim-7-traffic-junction-0002": "a94e6743ccbf210d",
    "sim-7-traffic-road-0003": "1cff7bac185a860b",
    "sim-7-urban-air-0001": "f722f30769bcafde",
    "sim-7-urban-light-0002": "59bd69b25b628b65",
    "sim-7-urban-parking-0003": "a13ec486c19ebeb4",
    "sim-7-urban-people-0004": "b7f7ef10be630076",
    "sim-7-urban-rain-0005": "308a304e510823d8",
    "sim-7-water-district-0001": "7e761d89567509de",
    "sim-7-water-meter-0002": "810b7920e0405352",
    "sim-7-water-quality-0003": "e6ddd6671259f612",
    "sim-7-water-reservoir-0004": "2cecf99b28e1548a",
}


def digest_of(device: SimDevice) -> str:
    """The payloads of a device over two weeks, every eleven hours."""
    firmware, digest = Firmware(device, scenario("normal"), 7), hashlib.sha256()
    for step in range(30):
        instant_s = BEGIN_S + step * 11.1 * 3_600
        for message in firmware.measure(instant_s, round(instant_s * 1000)):
            digest.update(message.payload)
    return digest.hexdigest()[:16]


def test_each_device_sends_the_bytes_that_are_written_here() -> None:
    fleet = build_fleet(dict.fromkeys(sorted(KIND_NAMES), 1), INTERVAL_S, 7)
    assert {device.name: digest_of(device) for device in fleet} == DIGESTS, (
        "the devices measure otherwise: on purpose? Then write the new digests here"
    )
