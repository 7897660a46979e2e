"""The settings in which a cabinet on a mountain road is tried, one after the other. Pure."""

from typing import Final

from tests.campaigns.rig.schedule import Deed, Setting

CLOCK_FAULTS: Final = frozenset({"clock an hour back", "clock a year ahead"})
SAID_EXACTLY: Final = frozenset({
    *(f"InfluxDB answers {status}" for status in (200, 400, 401, 404, 422, 429, 500, 503)),
    *("broker paused", "gateway paused", "MQTT 600 ms late", "MQTT 5 s late", "MQTT loses 5 %", "disk full", *CLOCK_FAULTS),
})  # fmt: skip
"""Faults after which a reading that was given up is nowhere: not written without an answer, not brought by the broker again."""

_PLAIN = Setting("plain")
_OUTAGE = (Deed(0.5, "InfluxDB answers 503", 9.0),)
SETTINGS: Final = (
    _PLAIN,
    Setting("arrays", scenario="backlog"),
    Setting("duplicates", scenario="duplicates"),
    Setting("a connection each", connections="per-device"),
    Setting(
        "journal drops oldest",
        gateway={"journal": {"max_bytes": "128KiB"}, "mqtt": {"receive_maximum": 100}},
        only=SAID_EXACTLY,
        begins_with=_OUTAGE,
        drops_oldest=True,
    ),
    _PLAIN,
    Setting(
        "devices without clock",
        scenario="no-clock",
        never=CLOCK_FAULTS | {"broker killed", "power cut"},  # the broker brings again what it has saved, as if it were new
    ),
    Setting(
        "journal stops",
        gateway={"journal": {"max_bytes": "128KiB", "when_full": "stop_acking"}, "mqtt": {"receive_maximum": 100}},
        begins_with=_OUTAGE,
    ),
    _PLAIN,
    Setting("small window", gateway={"mqtt": {"receive_maximum": 20}}),
)


def setting_of(number: int) -> Setting:
    """The world of a schedule."""
    return SETTINGS[number % len(SETTINGS)]
