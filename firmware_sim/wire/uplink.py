"""A LoRaWAN frame as a network server has received it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RadioUplink:
    """One frame of one device.

    :ivar dev_eui: sixteen hexadecimal digits in lower case.
    :ivar counter: frame counter, 32 bits.
    :ivar time_ms: its reception, since 1970.
    """

    dev_eui: str
    port: int
    payload: bytes
    counter: int
    time_ms: int
    rssi_dbm: int
    snr_db: float

    @property
    def dev_addr(self) -> str:
        """An address of the session, which is not the device's identity."""
        return f"00{self.dev_eui[-6:]}"
