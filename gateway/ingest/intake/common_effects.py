"""Side effects that a message has whichever way it came: values saved, waiting messages released, sums asked for."""

from collections.abc import Callable, Iterable

from gateway.core.batching.batch import Batch
from gateway.core.message import SideEffects
from gateway.ingest.storage.keyvalue import KeptValueWriter
from gateway.ingest.storage.quarantine_in import ReleasedKeys


class CommonEffects:
    """Carries them out."""

    def __init__(self, kept: KeptValueWriter, released: ReleasedKeys, want_sums: Callable[[Iterable[str]], None]) -> None:
        self._kept_values = kept
        self._released = released
        self._want_sums = want_sums

    def do(self, side_effects: SideEffects, batch: Batch | None) -> None:
        """Carry them out; ``batch`` is held until values are saved."""
        if side_effects.keep:
            self._kept_values.save(side_effects.keep, batch)
        if side_effects.released:
            self._released.release(*side_effects.released)
        if side_effects.sums_wanted:
            self._want_sums(side_effects.sums_wanted)
