"""The point that the gateway writes about itself: each minute, and as a probe of InfluxDB."""

from gateway import __version__
from gateway.clock import WallClock
from gateway.core.delivery.batch import encode
from gateway.core.ledger import Ledger
from gateway.core.message import Reading
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.readings.line_protocol import escape_tag


class SelfPoint:
    """Makes the point of this moment."""

    def __init__(self, gateway: str, ledger: Ledger, trust: ClockTrust, clock: WallClock) -> None:
        self._gateway = escape_tag(gateway)
        self._ledger = ledger
        self._trust = trust
        self._clock = clock

    def line(self) -> str:
        """Return the point as line protocol."""
        pending = float(sum(self._ledger.pending.values()))
        journal = float(self._ledger.pending["journal"])
        fields = f'clock={not self._trust.doubted!r},journal={journal},pending={pending},version="{__version__}"'
        return f"gateway,gateway={self._gateway} {fields} {self._clock.now_ms()}"

    def body(self) -> bytes:
        """Return the point ready to post."""
        return encode([Reading(self.line(), "gateway")]).gzip
