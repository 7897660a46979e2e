"""Did you mean: the quantity that a key most likely means."""

from gateway.core.status.rungs import near_key
from tests.rows import each_row


@each_row(
    ("key", "domain", "meant"),
    [
        ("volume", "water", "volume_m3"),
        ("Volume_M3", "water", "volume_m3"),
        ("volumeM3", "water", "volume_m3"),
        ("volumne_m3", "water", "volume_m3"),
        ("flow", "water", "flow_m3_h"),
        ("flow-m3-h", "water", "flow_m3_h"),
        ("pressure_kPa", "water", "pressure_kpa"),
        ("temp", "water", "temperature_c"),
        ("battery_percent", "water", "battery_pct"),
        ("energy_import", "power", "energy_import_kwh"),
        ("voltage_l1", "power", "voltage_l1_v"),
        ("vehicles_count", "traffic", "vehicle_count"),
        ("co2", "urban", "co2_ppm"),
        ("co2", None, "co2_ppm"),
        ("firmware", "water", None),
        ("imei", "power", None),
        ("x", "water", None),
        ("", None, None),
        ("🙂" * 100, "water", None),
    ],
)
def test_a_key_without_its_unit_or_misspelt_is_recognised(key: str, domain: str | None, meant: str | None) -> None:
    assert near_key(key, domain) == meant
