"""Steps of counters in the database: those that people must confirm, and those that they said were really used.

They stand in the measurement ``event`` beside exchanges, at the time when they were said, with the kind ``step``, or
``step_used`` where a person says so. Behind the names of their fields stands that of the counter: ``before_volume_m3``,
``after_``, ``from_ms_``, ``first_ms_``, ``held_out_``, and ``step_``: 1 to confirm, 2 really used, 0 explained meanwhile, by
an exchange or by readings that came late. The last word about a step counts.

Who wants the steps of a month calls :func:`steps_to_confirm`; of a running gateway they are ``counters.past.steps``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from gateway.core.readings.exchanges import StepState, StepToConfirm
from gateway.ingest.database.store import Store, TimeSpan
from gateway.monitoring.alarms.documents import EVENT
from gateway.monitoring.reports.rollup_points import RollupPoint
from gateway.monitoring.reports.roster import NEWEST_MS
from gateway.monitoring.reports.stored_counters import event_tags, series_name
from schemas.quantities import SUM_OF
from schemas.registry import RegisteredDevice

_FIELDS: Final = ("step", "before", "after", "from_ms", "first_ms")

StepsOf = dict[str, list[StepToConfirm]]
"""Device, as the database calls it → its steps, the oldest first."""


def step_line(device: str, registered: RegisteredDevice | None, step: StepToConfirm, said_ms: int) -> str:
    """The point of what is said of a step."""
    counter, *own = step.name.split(",")
    values = dict(zip(_FIELDS, (step.state, *step[1:5]), strict=True)) | {"held_out": step.held_out}
    kind = "step_used" if step.state is StepState.USED else "step"
    fields = {f"{name}_{counter}": float(value) for name, value in values.items()}
    return RollupPoint(EVENT, event_tags(device, registered, kind, own), fields, said_ms).line(0)


async def stored_steps(store: Store, devices: Collection[str], now_ms: int, since_ms: int | None = None) -> StepsOf:
    """Read the steps of devices that stand, with what people said of them; ``since_ms``: only what was said since then."""
    said: dict[str, dict[tuple[str, int], tuple[int, StepToConfirm]]] = defaultdict(dict)
    window = TimeSpan(now_ms - NEWEST_MS[-1] if since_ms is None else since_ms, now_ms + 1)
    fields = [f"{name}_{counter}" for counter in SUM_OF for name in _FIELDS]
    async for series, rows in store.rows(EVENT, fields, window, devices):
        tags = series_name(series._asdict())
        for said_ms, values in rows:
            columns = (values[place :: len(_FIELDS)] for place in range(len(_FIELDS)))
            for counter, state, before, after, from_ms, first_ms in zip(SUM_OF, *columns, strict=True):
                if state is not None and None not in (before, after, from_ms, first_ms):
                    numbers = float(before or 0), float(after or 0), int(from_ms or 0), int(first_ms or 0)
                    step = StepToConfirm(counter + tags, *numbers, StepState(int(state)), is_told=True)
                    if said_ms >= said[series.device].get(step.key, (0, step))[0]:
                        said[series.device][step.key] = said_ms, step
    return {device: list(_standing(step for _, step in steps.values())) for device, steps in said.items()}


async def steps_to_confirm(store: Store, devices: Collection[str], span: TimeSpan, now_ms: int) -> StepsOf:
    """Read the steps that nobody has confirmed yet and whose first reading, or the one before, is within a span of time.

    :param devices: as the database calls them: ``roster.names(...)``.
    """
    found = await stored_steps(store, devices, now_ms, span.start_ms)
    open_ = {
        device: [
            one for one in steps if one.state is StepState.OPEN and one.from_ms < span.end_ms and span.start_ms < one.first_ms
        ]
        for device, steps in found.items()
    }
    return {device: steps for device, steps in open_.items() if steps}


def _standing(steps: Iterable[StepToConfirm]) -> Iterable[StepToConfirm]:
    return sorted((step for step in steps if step.state), key=lambda step: step.first_ms)
