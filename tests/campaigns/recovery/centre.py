"""The database at the centre, of so many cores: each write takes one of them for as long as measured, the rest wait in line."""

import asyncio
from dataclasses import dataclass, field

from gateway.admin.capacity.plan import StoreFigures


@dataclass
class Second:
    """A second of the centre.

    :ivar points: written in it.
    :ivar work_s: work that came in it, in seconds of a core.
    """

    points: int = 0
    writes: int = 0
    refused: int = 0
    work_s: float = 0.0


@dataclass
class Centre:
    """The centre.

    :ivar speed: of a core, by one of the machine of the figures.
    :ivar is_up: it answers.
    :ivar waiting_limit: writes that may wait; the next is answered 503, as by a proxy before the database.
    :ivar retry_after_s: the wait that it asks of those.
    :ivar waiting_max: most writes that waited together.
    """

    store: StoreFigures
    cores: int
    speed: float = 1.0
    is_up: bool = False
    waiting_limit: int = 1000
    retry_after_s: float | None = None
    seconds: dict[int, Second] = field(default_factory=dict)
    waiting_max: int = 0
    _waiting: int = 0
    _free_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._free_s = [0.0] * self.cores

    @property
    def limit(self) -> float:
        """Points a second that it writes in large bodies."""
        return self.cores * self.speed * 1e6 / self.store.cpu_together_us

    def work_s(self, readings: int) -> float:
        """Seconds of a core that a write takes."""
        return (self.store.cpu_alone_us + (readings - 1) * self.store.cpu_together_us) / 1e6 / self.speed

    async def write(self, readings: int) -> bool:
        """Write; False: too many wait already."""
        now_s = asyncio.get_running_loop().time()
        second = self.seconds.setdefault(int(now_s), Second())
        if self._waiting >= self.waiting_limit:
            second.refused += 1
            return False
        work_s = self.work_s(readings)
        second.points += readings
        second.writes += 1
        second.work_s += work_s
        core = min(range(self.cores), key=self._free_s.__getitem__)
        ends_s = self._free_s[core] = max(now_s, self._free_s[core]) + work_s
        self._waiting += 1
        self.waiting_max = max(self.waiting_max, self._waiting)
        try:
            await asyncio.sleep(ends_s - now_s)
        finally:
            self._waiting -= 1
        return True
