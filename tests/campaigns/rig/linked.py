"""A gateway that reaches its broker and its database by links, with a tap on what it confirms and an account of its ledger."""

import json
import resource
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Final

from tests.campaigns.rig.link import Link
from tests.campaigns.rig.tap import Tap
from tests.system.rig import OUTCOMES, Document, Gateway

LOOK_S: Final = 1.0
STOPS_WITHIN_S: Final = 10.0
"""Five seconds are promised; three worlds share this machine."""


@dataclass
class Account:
    """The gateway's ledger as it was seen, over all its starts.

    :ivar looks: how often it was seen.
    :ivar faults: what must never be seen.
    """

    looks: int = 0
    faults: list[str] = field(default_factory=list)
    _by_start: defaultdict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, ledger: Document) -> None:
        """Hold a look at it against what must always be so."""
        self.looks += 1
        self._by_start[ledger["since"]] = {outcome: ledger[outcome] for outcome in OUTCOMES}
        pending = ledger["pending"]
        settled = sum(ledger[outcome] for outcome in OUTCOMES)
        balanced = ledger["imbalance"] == 0 and ledger["received"] == settled + sum(pending.values())
        if not balanced or min(pending.values()) < 0 or ledger["lost"] or ledger["rejected"]:
            self.faults.append(f"the gateway's ledger: {ledger}")

    def total(self, outcome: str) -> int:
        """Readings that came to this end, as far as was seen."""
        return sum(counts[outcome] for counts in self._by_start.values())


@dataclass
class LinkedGateway:
    """The gateway and what is seen of it.

    :ivar links: one to each broker that it knows.
    :ivar store: the link to the database.
    :ivar tap: all that it was handed and confirmed, over whatever broker.
    :ivar is_wanted: it is to run and to answer: no fault has it.
    """

    gate: Gateway
    links: Sequence[Link]
    store: Link
    tap: Tap
    account: Account = field(default_factory=Account)
    is_wanted: bool = False
    _file_max_bytes: int = resource.RLIM_INFINITY

    @property
    def mqtt(self) -> Link:
        """The link to the only broker."""
        (link,) = self.links
        return link

    # What faults do.

    def start(self) -> None:
        """Start it, on a full disk if it is full."""
        self.gate.start()
        self.limit_files(self._file_max_bytes)
        self.is_wanted = True

    def kill(self) -> None:
        """Kill it."""
        self.is_wanted = False
        self.gate.kill()

    def stop(self) -> None:
        """Stop it in order, once it has started: before that, no program hears a SIGTERM."""
        self.gate.wait_ready()
        self.is_wanted = False
        status = self.gate.terminate(STOPS_WITHIN_S)
        if status:
            self.account.faults.append(f"{self.gate.folder.name} ended with {status} at SIGTERM")

    def pause(self) -> None:
        """Let it hang."""
        self.is_wanted = False
        self.gate.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.gate.resume()
        self.is_wanted = True

    def limit_files(self, size_bytes: int = resource.RLIM_INFINITY) -> None:
        """Let no file of it grow beyond so many bytes, also after a start: to it the disk is full."""
        self._file_max_bytes = size_bytes
        if self.gate.pid is not None:
            resource.prlimit(self.gate.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))

    # What is seen of it.

    def look(self) -> None:
        """See whether it runs and whether its ledger balances; if it ended by itself, start it again."""
        if not self.is_wanted:
            return
        if self.gate.pid is None:
            self.account.faults.append(f"{self.gate.folder.name} ended by itself:\n{self.gate.printed()[-3000:]}")
            self.start()
        with suppress(OSError, HTTPException, ValueError):
            self.account.note(self.document("/api/ledger"))

    def document(self, path: str) -> Document:
        """A document of it, which may be starting or suspended.

        :raises OSError, HTTPException, ValueError: it does not answer soon.
        """
        with closing(HTTPConnection(self.gate.host, self.gate.port, timeout=LOOK_S)) as connection:
            connection.request("GET", path)
            found: Document = json.loads(connection.getresponse().read())
            return found

    def owes_nothing(self) -> bool:
        """Tell if all that it was handed has come to its end."""
        ledger = self.gate.ledger()
        self.account.note(ledger)
        return not any(ledger["pending"].values()) and self.gate.status()["mqtt"]["unacknowledged"] == 0
