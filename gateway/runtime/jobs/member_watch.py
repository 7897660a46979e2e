"""The watch over other gateways: whether their reports come, and since when each of them reads its shares."""

from collections.abc import Mapping
from typing import Final

from gateway.core.gateways.tenures import Tenures, names_within
from gateway.core.status.members import MemberReport, Members, ShareReader
from gateway.ingest.database.store import Store, TimeSpan
from gateway.monitoring.reports.share_claims import Tenants, tenants

_REACH_MS: Final = 86_400_000
"""A report that is older than this is not asked for."""
UNBROKEN: Final = "unbroken_s"
"""The field of a gateway's own point that says for how long what came has gone straight to the database."""


class MemberWatch:
    """Asks the database, and tells :class:`Members`."""

    def __init__(self, members: Members, tenures: Tenures, ahead_ms: int) -> None:
        """Begin.

        :param ahead_ms: the most by which the clock of another gateway may be ahead.
        """
        self._members = members
        self._tenures = tenures
        self._ahead_ms = ahead_ms
        self._settled: Mapping[str, str] = {}

    async def ask(self, store: Store, now_ms: int) -> None:
        """Ask for the newest reports; after a change of the shares also who reads them, until that is known of all.

        :raises StoreFault: the database does not answer.
        """
        readers = self._tenures.readers
        if readers != self._settled:
            asked = {part for name, gateway in readers.items() if gateway for part in names_within(name)}
            found = await tenants(store, asked, now_ms)
            who = {name: ShareReader(gateway, self._since_ms(name, gateway, found)) for name, gateway in readers.items()}
            self._members.share_out(who, self._tenures.unplaced, now_ms)
            if all(reader.since_ms is not None for reader in who.values()):
                self._settled = readers
        if self._members.are_any:
            self._members.report(await self._reports(store, now_ms))

    def _since_ms(self, name: str, gateway: str, found: Tenants) -> int | None:
        """The time since which a gateway reads a share; 0: nobody ever said anything of it, so it did not move."""
        if not gateway:
            return self._tenures.since_ms(name)
        since_ms = found.get(name, {}).get(gateway)
        is_new = not any(found.get(part) for part in names_within(name))
        return 0 if is_new else since_ms

    async def _reports(self, store: Store, now_ms: int) -> dict[str, MemberReport]:
        found: dict[str, MemberReport] = {}
        window = TimeSpan(now_ms - _REACH_MS, now_ms + self._ahead_ms)
        async for gateway, at_ms, unbroken_s in store.newest_reports(UNBROKEN, window):
            report = MemberReport(at_ms, at_ms - round(1000 * unbroken_s))
            found[gateway] = max(report, found.get(gateway, report))
        return found
