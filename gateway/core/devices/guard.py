"""The guard of a device: tells at once of nearly every reading that no alarm has anything to do with it.

The alarm engine makes it and puts it on the device, where a reading finds it. Devices with the same limits that send the same
fields share one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.readings.field_sets import FieldSet

Gate = tuple[tuple[int, float, float], ...]
"""Index of a value, and the range in which it needs no closer look."""

EVER_MS: Final = 1 << 60
"""Further than any time, and an integer, which compares faster than a float."""


@dataclass(slots=True, eq=False)
class Guard:
    """Limits for the readings of some field sets, in a span of time without its end.

    :ivar gates: field sets that the device sends → their gates; a reading with another one is looked at closely.
    """

    gates: Mapping[FieldSet, Gate]
    from_ms: int = -EVER_MS
    until_ms: int = EVER_MS


NO_GUARD: Final = Guard({}, EVER_MS)
"""The guard of a device whose limits must be worked out first: it holds for no time."""
