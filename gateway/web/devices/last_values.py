"""The last value of a device for lists, from what is in memory: its register, else what its newest message says."""

from collections.abc import Iterator
from copy import deepcopy
from math import isnan
from typing import Final, NamedTuple

from gateway.core.devices.device import Device
from gateway.monitoring.reports.roster import MAIN_COUNTER
from gateway.monitoring.status.status import Status
from gateway.onboarding.explain.dry_run import TracedCore, point_documents
from gateway.runtime.pipeline.processing import processor_apart
from schemas.quantities import HEALTH, QUANTITIES, SUM_OF

_BESIDE: Final = frozenset({"quality", "seq", *SUM_OF.values()})


class LastValue(NamedTuple):
    """A value that a device sent, and its time."""

    field: str
    value: float | bool
    time_ms: int


class LastValues:
    """Reads the last messages of devices as the gateway would, without touching it; a maker's codec is not called."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._apart: TracedCore | None = None

    def of(self, device: Device) -> LastValue | None:
        """The last value of a device, of its main quantity if it has that; None: nothing is in memory."""
        found = next(_registers(device), None) or next(self._told(device), None)
        return None if found is None or (isinstance(found.value, float) and isnan(found.value)) else found

    def _told(self, device: Device) -> Iterator[LastValue]:
        arrival, outcome = device.last_message, device.last_outcome
        if arrival is None:
            return
        if outcome is None or not outcome.readings:
            if self._apart is None:
                streams, evaluator = self._status.devices.streams, self._status.evaluator
                self._apart = processor_apart(streams.registry, streams.profiles, evaluator.rules, deepcopy(evaluator.trust))
            outcome = self._apart.process(arrival.message, arrival.now_ms)
        points = [point for point in point_documents(outcome) if point["tags"].get("device") == device.name]
        for point in sorted(points, key=lambda point: (point["measurement"] == HEALTH, -point["time_ms"])):
            known = [field for field in QUANTITIES.get(point["measurement"], ()) if field in point["fields"]]
            for field in known:
                if field not in _BESIDE:
                    yield LastValue(field, point["fields"][field], point["time_ms"])


def _registers(device: Device) -> Iterator[LastValue]:
    """The registers of a device, the main one first."""
    registers = list(device.counters.registers()) if device.counters is not None else []
    main = MAIN_COUNTER.get(device.measures or "")
    for one in sorted(registers, key=lambda register: register.name.partition(",")[0] != main):
        if not isnan(one.value):
            yield LastValue(one.name.partition(",")[0], one.value, int(one.time_ms))
