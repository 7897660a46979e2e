"""The words of a pair: the topics by which two machines know of each other, and what they say of themselves there. Pure.

Both retain what they say under the client id that they share:

    gateway/v1/{client_id}/machines/{machine}   {"state": "live" | "passive" | "offline", "term": N}; "offline" is the will
    gateway/v1/{client_id}/journals/{machine}   the number of readings in its journal
    gateway/v1/{client_id}/alarms/{bucket}      some of the alarms of the live one (``monitoring/alarms/shared_alarms.py``)
"""

import json
from dataclasses import dataclass

from gateway.core.gateways.standby import PairRole


@dataclass(frozen=True, slots=True)
class PairTopics:
    """The topics of a pair, and of one machine in it."""

    client_id: str
    machine: str

    @property
    def state(self) -> str:
        """The topic of its word."""
        return f"{self._below('machines')}{self.machine}"

    @property
    def journal(self) -> str:
        """The topic of the number of readings in its journal."""
        return f"{self._below('journals')}{self.machine}"

    @property
    def filters(self) -> list[str]:
        """The filters for the topics of all machines."""
        return [f"{self._below(kind)}+" for kind in ("machines", "journals", "alarms")]

    def alarms(self, bucket: str) -> str:
        """The topic of some of the alarms."""
        return f"{self._below('alarms')}{bucket}"

    def state_of(self, topic: str) -> str:
        """The machine whose state stands at a topic; empty: none."""
        return self._rest_of(topic, "machines")

    def journal_of(self, topic: str) -> str:
        """The machine whose journal is told of at a topic; empty: none."""
        return self._rest_of(topic, "journals")

    def alarms_of(self, topic: str) -> str:
        """The alarms that stand at a topic; empty: none."""
        return self._rest_of(topic, "alarms")

    def _rest_of(self, topic: str, kind: str) -> str:
        return topic.removeprefix(self._below(kind)) if topic.startswith(self._below(kind)) else ""

    def _below(self, kind: str) -> str:
        return f"gateway/v1/{self.client_id}/{kind}/"


def state_payload(role: PairRole, term: int) -> bytes:
    """The word of a machine about itself."""
    return json.dumps({"state": role.value, "term": term}).encode()


def state_said(payload: bytes) -> tuple[PairRole, int] | None:
    """The role and the term that a machine told; None: it is no such word."""
    try:
        said = json.loads(payload)
        return PairRole(said["state"]), int(said["term"])
    except (ValueError, TypeError, KeyError):
        return None
