"""Steps to confirm over HTTP: the list with its two buttons, and what a person says of a step."""

from pathlib import Path

from tests.core.making import HOUR_MS, NOW_MS
from tests.web.visiting import WATER, Answer, Visitor, visit

STEP = {"device": "m1", "counter": "volume_m3", "before": 802.4, "after": 943.0, "held_out": 140.6}
FIRST_MS = NOW_MS - 2 * HOUR_MS


async def stepped(visitor: Visitor) -> None:
    """A house meter of two days is exchanged in fourteen hours of silence, and nobody tells."""
    for hour, value in [*((hour, 800.0 + hour / 20) for hour in range(49)), (62, 943.0), (63, 943.05), (64, 943.1)]:
        visitor.come("m1", {"ts": NOW_MS - (64 - hour) * HOUR_MS, "volume_m3": round(value, 3)})


def test_a_step_is_listed_with_both_registers_and_a_person_says_that_it_was_used_and_takes_it_back(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        none = await visitor.page("/steps")
        await stepped(visitor)
        used = f"/api/devices/m1/step-used?first_ms={FIRST_MS}"
        found = [none, await visitor.get("/api/steps"), await visitor.page("/steps"), await visitor.page("/devices/m1")]
        found += [await visitor.post(used, who="lan"), await visitor.page("/steps?device=m1")]
        found += [await visitor.post(f"{used}&undo=1", who="lan"), await visitor.get("/api/steps?device=m2")]
        found += [await visitor.post(f"/api/devices/m1/step-used?{query}", who="lan") for query in ("", "first_ms=5")]
        return [*found, await visitor.get("/api/audit")]

    none, listed, page, device, used, after, undone, other, missing, nothing, audit = visit(tmp_path, story, [WATER])
    assert "No step stands to be confirmed" in none.words
    (step,) = listed.document["steps"]
    assert step.items() >= (STEP | {"first_ms": FIRST_MS, "state": "to_confirm"}).items()
    words = page.words.replace("\xa0", " ")
    assert all(text in words for text in ("802.4 m³", "943 m³", "140.6 m³", "Really used"))
    at_ms = FIRST_MS // 60_000 * 60_000
    exchange = f"/devices/m1/exchange?field=volume_m3&amp;final=802.4&amp;register=943.0&amp;at={at_ms}"
    assert exchange in page.text
    assert 'href="/steps?device=m1"' in device.text
    assert (used.status, used.document["state"]) == (200, "used")
    assert "Said to be really used" in after.words
    assert (undone.status, undone.document["state"], other.document["steps"]) == (200, "to_confirm", [])
    assert (missing.status, nothing.status) == (400, 404)
    assert [entry["after"]["state"] for entry in audit.document["audit"][::-1]] == ["used", "to_confirm"]
