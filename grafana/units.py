"""Units: from the UCUM codes of the table of quantities to Grafana's names."""

from typing import Final

from grafana.points import MEASUREMENTS

PER_CENT: Final = "percent"
SHARE: Final = "percentunit"
COUNT: Final = "none"
DURATION: Final = "dtdurations"
BYTES: Final = "bytes"
BYTES_PER_SECOND: Final = "binBps"
PER_SECOND: Final = "suffix:/s"
AGO: Final = "dateTimeFromNow"
DEGREES: Final = "degree"

GRAFANA_UNITS: Final = {
    "": COUNT,
    "1": COUNT,
    "%": PER_CENT,
    "m3": "m3",
    "m3/h": "suffix:m³/h",
    "kPa": "pressurekpa",
    "m": "lengthm",
    "mm": "lengthmm",
    "Cel": "celsius",
    "[pH]": "suffix:pH",
    "mg/L": "suffix:mg/L",
    "ug/m3": "conμgm3",
    "{NTU}": "suffix:NTU",
    "uS/cm": "suffix:µS/cm",
    "[ppm]": "ppm",
    "mV": "mvolt",
    "V": "volt",
    "A": "amp",
    "W": "watt",
    "V.A": "voltamp",
    "V.A{reactive}": "voltampreact",
    "kW.h": "kwatth",
    "kV.A.h{reactive}": "suffix:kvarh",
    "[ppb]": "conppb",
    "hPa": "pressurehpa",
    "lx": "lux",
    "h": "h",
    "Hz": "hertz",
    "s": "s",
    "ms": AGO,
    "d": "d",
    "By": BYTES,
    "deg": DEGREES,
    "km/h": "velocitykmh",
    "dB": "dB",
    "dB[mW]": "dBm",
}
"""UCUM → Grafana; ``suffix:`` where Grafana has no unit of its own."""


def unit_of(measurement: str, field: str) -> str:
    """Grafana's unit of a field. Raises KeyError for one that does not exist."""
    return GRAFANA_UNITS[MEASUREMENTS[measurement].units[field]]
