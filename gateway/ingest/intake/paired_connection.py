"""The session's connection of a machine that has a standby: it tells of the journal before it acknowledges what went there.

Both go by one connection, in this order, so whoever takes the session over knows whether the journal may hold readings that the
broker will not send again.
"""

from collections.abc import Sequence

from gateway.core.ledger import Ledger
from gateway.core.mqtt_session import Session
from gateway.ingest.intake.connection import BrokerAddress, Connection


class PairedConnection(Connection):
    """The connection of the session, which one machine of a pair has at a time.

    :ivar journal_topic: retains the number of readings in the journal.
    """

    def __init__(self, addresses: Sequence[BrokerAddress], session: Session, ledger: Ledger, journal_topic: str) -> None:
        super().__init__(addresses, session)
        self.journal_topic = journal_topic
        self._ledger = ledger
        self._told_empty: bool | None = None

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Tell that the journal is in use now, or is empty again; then send the PUBACKs."""
        if self._told_empty is not (not self._ledger.pending["journal"]):
            self.tell_journal()
        super().acknowledge(packet_ids)

    def tell_journal(self) -> bool:
        """Tell how many readings the journal holds; False: the connection is not open."""
        readings = self._ledger.pending["journal"]
        told = self.publish(self.journal_topic, str(readings).encode(), retain=True)
        self._told_empty = not readings if told else None
        return told
