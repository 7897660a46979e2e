"""The machines that a plan may choose: assumptions, not measurements, but for the one that the figures come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from schemas.glossary import Words


@dataclass(frozen=True)
class MachineClass:
    """A class of machines.

    :ivar speed: of one core, by a core of the machine on which the figures were measured.
    :ivar disk_life_bytes: written to its disk before it is worn out.
    :ivar watts: of electricity, on the average.
    :ivar price_usd: with its case, supply and disk.
    """

    name: Words
    speed: float
    cores: int
    memory_bytes: float
    disk_bytes: float
    disk_life_bytes: float
    watts: float
    price_usd: float


_CARD_BYTES: Final = 64e9
_CARD_WRITES: Final = 500
_SSD_WRITES: Final = 1000

MACHINES: Final[Mapping[str, MachineClass]] = MappingProxyType(
    {
        "pi4": MachineClass(
            Words("Raspberry Pi 4, 4 GB, thẻ 64 GB", "Raspberry Pi 4, 4 GB, card of 64 GB"),
            *(0.2, 4, 4e9, _CARD_BYTES, _CARD_BYTES * _CARD_WRITES, 4.0, 110.0),
        ),
        "pi5": MachineClass(
            Words("Raspberry Pi 5, 8 GB, thẻ 64 GB", "Raspberry Pi 5, 8 GB, card of 64 GB"),
            *(0.5, 4, 8e9, _CARD_BYTES, _CARD_BYTES * _CARD_WRITES, 5.0, 140.0),
        ),
        "measured": MachineClass(
            Words(
                "hai lõi của máy đo số liệu, 24 GB, SSD 480 GB", "two cores of the machine of the figures, 24 GB, SSD of 480 GB"
            ),
            *(1.0, 2, 24e9, 480e9, 480e9 * _SSD_WRITES, 60.0, 600.0),
        ),
        "server": MachineClass(
            Words("máy chủ 16 lõi, 64 GB, SSD 4 TB", "server of 16 cores, 64 GB, SSD of 4 TB"),
            *(1.0, 16, 64e9, 4e12, 4e12 * _SSD_WRITES, 150.0, 3000.0),
        ),
    }
)
"""Speeds: estimates on the cautious side. Disks: 500 (card) and 1,000 (SSD) writes of each byte."""
