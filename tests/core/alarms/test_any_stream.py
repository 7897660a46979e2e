"""Any stream of readings: an alarm is active exactly when its definition says so, whatever restarts lie between."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from gateway.core.alarms.alarm import AlarmState
from schemas.quantities import Quality
from tests.core.alarms.alarming import EVERY_MS, Bed, above, below, registered, rule
from tests.core.making import MINUTE_MS, NOW_MS

LIMIT, CLEAR, GAP_MS = 10.0, 8.0, 3 * EVERY_MS


@dataclass(frozen=True)
class Sent:
    """One reading of a stream; ``flow_m3_h`` None: it has another field."""

    after_min: int
    flow_m3_h: float | None
    historic: bool
    channel: str
    restart: bool


SENT = st.builds(
    Sent,
    after_min=st.sampled_from([1, 5, 15, 15, 15, 44, 46, 200]),
    flow_m3_h=st.sampled_from([None, 0.0, 8.0, 8.1, 9.9, 10.0, 10.1, 10.1, 50.0, 50.0]),
    historic=st.sampled_from([False, False, False, True]),
    channel=st.sampled_from(["", "", "1"]),
    restart=st.sampled_from([False, False, False, True]),
)


def defined(stream: list[tuple[int, Sent]], for_ms: int) -> list[bool]:
    """Work out by its definition, reading by reading, if the alarm is active."""
    active, found = False, []
    runs: dict[str, tuple[int, int]] = {}
    for time_ms, sent in stream:
        if sent.flow_m3_h is not None and not sent.historic:
            begun_ms, last_ms = runs.get(sent.channel, (time_ms, time_ms))
            if sent.flow_m3_h > LIMIT:
                runs[sent.channel] = (begun_ms if active or time_ms - last_ms <= GAP_MS else time_ms, time_ms)
                active = active or time_ms - runs[sent.channel][0] >= for_ms
            elif not active or sent.flow_m3_h <= CLEAR:
                runs.pop(sent.channel, None)
                active = active and bool(runs)
        found.append(active)
    return found


@given(stream=st.lists(SENT, max_size=40), for_min=st.sampled_from([0, 14, 15, 30, 60]))
def test_an_alarm_is_active_exactly_when_its_definition_says_so(stream: list[Sent], for_min: int) -> None:
    leak = rule(above("flow_m3_h", LIMIT, clear=CLEAR), for_ms=for_min * MINUTE_MS)
    bed, times, now_ms = Bed(leak), [], NOW_MS
    bed.device(entry=registered())
    told: list[str] = []
    active = []
    for sent in stream:
        now_ms += sent.after_min * MINUTE_MS
        times.append((now_ms, sent))
        if sent.restart:
            bed.alarms.settle()
            kept, bed = json.encode(list(bed.alarms.states)), Bed(leak)
            bed.alarms.restore(json.decode(kept, type=list[AlarmState]), now_ms)
            bed.device(entry=registered())
        values = {"volume_m3": 1.0} if sent.flow_m3_h is None else {"flow_m3_h": sent.flow_m3_h}
        told += bed.take(now_ms, values, quality=Quality.HISTORIC if sent.historic else 0, channel=sent.channel)
        active.append(bed.is_active())
    assert active == defined(times, for_min * MINUTE_MS)
    assert told == ["raised some@d1", "cleared some@d1"] * (len(told) // 2) + ["raised some@d1"] * (len(told) % 2)


@given(
    flows=st.lists(st.floats(-5000, 50_000), min_size=1, max_size=30),
    limits=st.lists(st.tuples(st.booleans(), st.floats(-100, 100)), min_size=1, max_size=4),
)
def test_nothing_passes_the_gate_that_a_closer_look_would_hold(flows: list[float], limits: list[tuple[bool, float]]) -> None:
    """However many limits one quantity has, each reading raises and ends what each limit alone would."""
    rules = [
        rule(above("flow_m3_h", limit) if is_above else below("flow_m3_h", limit), name=f"rule_{number}")
        for number, (is_above, limit) in enumerate(limits)
    ]
    together, alone = Bed(*rules), [Bed(one) for one in rules]
    for turn, flow_m3_h in enumerate(flows):
        now_ms = NOW_MS + turn * EVERY_MS
        told = together.take(now_ms, {"flow_m3_h": flow_m3_h, "pressure_kpa": 400})
        assert told == [line for bed in alone for line in bed.take(now_ms, {"flow_m3_h": flow_m3_h, "pressure_kpa": 400})]
