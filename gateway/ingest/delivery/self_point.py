"""The point that the gateway writes about itself: each minute, and as a probe of InfluxDB."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway import __version__
from gateway.core.batching.batch import encode
from gateway.core.ledger import Ledger
from gateway.core.message import Reading
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.readings.line_protocol import escape_tag
from gateway.support.clock import WallClock

Figures = Mapping[str, float | bool]
"""Field → value. VictoriaMetrics keeps no text."""

_NONE: Final[Figures] = MappingProxyType({})


class SelfPoint:
    """Makes the point of this moment."""

    def __init__(self, gateway: str, ledger: Ledger, trust: ClockTrust, clock: WallClock) -> None:
        self._gateway = escape_tag(gateway)
        self._ledger = ledger
        self._trust = trust
        self._clock = clock

    def line(self, more: Figures = _NONE) -> str:
        """Return the point as line protocol, with ``more`` fields."""
        pending = float(sum(self._ledger.pending.values()))
        journal = float(self._ledger.pending["journal"])
        fields = f'clock={not self._trust.doubted!r},journal={journal},pending={pending},version="{__version__}"'
        fields += "".join(f",{name}={value!r}" for name, value in more.items())
        return f"gateway,gateway={self._gateway} {fields} {self._clock.now_ms()}"

    def body(self) -> bytes:
        """Return the point ready to post."""
        return encode([Reading(self.line(), "gateway")]).gzip

    def report(self, figures: Figures) -> bytes:
        """Return the point with figures, ready to post; beside it the version once more, as a tag for VictoriaMetrics."""
        build = f"build,gateway={self._gateway},version={escape_tag(__version__)} value=1.0 {self._clock.now_ms()}"
        return encode([Reading(self.line(figures), "gateway"), Reading(build, "build")]).gzip
