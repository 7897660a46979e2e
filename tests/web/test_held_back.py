"""Messages that did not become data: rejects and what waits, as people see them, and what becomes of them."""

from base64 import b64encode
from pathlib import Path

from gateway.core.message import WaitCause
from schemas.rejects import RejectReason
from tests.core.making import DAY_MS, MINUTE_MS
from tests.web.visiting import Answer, Visitor, visit


async def refused(visitor: Visitor) -> None:
    """Five messages were refused."""
    await visitor.refuse("m1", RejectReason.BAD_JSON, b"{", "the payload is empty")
    await visitor.refuse("m1", RejectReason.BAD_JSON, b"{", "cut off", ago_ms=3 * DAY_MS)
    await visitor.refuse("m7", RejectReason.UNKNOWN_DEVICE, b'{"ph": 7}', ago_ms=9 * DAY_MS)
    await visitor.refuse("", RejectReason.NOT_UTF8, b"\xff\xfe")


def test_rejects_are_counted_by_reason_device_and_day_and_the_newest_stand_below(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await refused(visitor)
        pages = ("", "?reason=bad_json", "?device=m7", "?device=m7&before=3", "/1", "/4", "/99", "?reason=nothing", "?before=x")
        return [await visitor.page(f"/rejects{asked}") for asked in pages]

    page, of_reason, of_device, before, one, binary, gone, wrong, odd = visit(tmp_path, story)
    assert page.part("Reason Today 7 days 31 days Kept", "By device") == (
        "broken JSON 1 2 2 2 not UTF-8 text 1 1 1 1 the device is not registered 0 0 1 1"
    )
    assert (
        page.part("Device Today 7 days 31 days Kept", "All rejects")
        == "m1 1 2 2 2 other devices, or not known 1 1 1 1 m7 0 0 1 1"
    )
    assert page.part("Arrived Device Reason What to do").startswith("01 Nov 2026, 07:00:00 device not known not UTF-8 text why")
    assert of_reason.part("Arrived Device Reason What to do").count("broken JSON") == 2
    assert "m7" not in of_reason.part("Arrived Device Reason What to do")
    assert "All reasons" in of_reason.words
    assert of_device.part("What to do", "Rejects a day") == "23 Oct 2026, 07:00:00 m7 the device is not registered why Replay"
    assert "Rejects a day last 0, lowest 1, highest 1" in of_device.words
    assert "Rejects a day last 2, lowest 1, highest 2" in page.words
    assert "Arrived" not in before.words, "none is older"
    assert one.words.startswith("Reject 1 broken JSON the payload is empty What to do")
    assert "The message as it came 1 B {" in one.words
    assert "The message as it came 2 B ff fe" in binary.words, "what is no text is hexadecimal"
    assert b64encode(b"\xff\xfe").decode() in binary.text, "it can be tried again"
    assert (gone.status, "Reject 99 It is no longer there" in gone.words) == (404, True)
    assert [wrong.status, odd.status] == [400, 400]


def test_programs_read_rejects_by_page_with_payloads_where_they_ask_and_counts_of_a_month(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await refused(visitor)
        asked = ("", "?before=3", "?id=3", "?device=m1&payloads=1", "?id=9", "/counts", "?reason=q")
        return [await visitor.get(f"/api/rejects{query}") for query in asked]

    all_, older, one, whole, none, counts, wrong = visit(tmp_path, story)
    assert [row["id"] for row in all_.document["rejects"]] == [4, 3, 2, 1]
    assert all_.document["before"] == 1
    assert all_.document["rejects"][1].items() >= {"device": "m7", "reason": "unknown_device", "payload_bytes": 9}.items()
    assert "payload_base64" not in all_.text
    assert [row["id"] for row in older.document["rejects"]] == [2, 1]
    assert (one.document["before"], one.document["rejects"][0]["payload_base64"]) == (None, b64encode(b'{"ph": 7}').decode())
    assert [row["payload_base64"] for row in whole.document["rejects"]] == ["ew==", "ew=="]
    assert none.document == {"before": None, "rejects": []}
    assert counts.document["by_reason"] == {"bad_json": 2, "not_utf8": 1, "unknown_device": 1}
    assert counts.document["by_device"][0] == {"device": "m1", "rejects": 2}
    refused_lately = counts.document["refused"]
    assert {"reason": "bad_json", "today": 1, "7_days": 2, "31_days": 2} in refused_lately["by_reason"]
    assert {"device": None, "today": 1, "7_days": 1, "31_days": 1} in refused_lately["by_device"]
    assert refused_lately["by_day"] == {"2026-10-23": 1, "2026-10-29": 1, "2026-11-01": 2}
    assert (wrong.status, wrong.document["error"]) == (400, "there is no reason 'q'")


def test_rejects_are_replayed_and_removed_as_chosen_and_the_audit_log_has_how_many(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await refused(visitor)
        found = [await visitor.post("/api/rejects/replay?reason=unknown_device"), await visitor.post("/api/rejects/replay")]
        found += [await visitor.post("/api/rejects/purge?device=m1"), await visitor.post("/api/rejects/purge?reason=x")]
        return [*found, await visitor.get("/api/rejects"), await visitor.get("/api/audit")]

    replayed, again, removed, wrong, left, audit = visit(tmp_path, story)
    assert replayed.document == {"messages": 1, "readings": 1, "duplicates": 0, "rejected_again": 0, "waiting": 0}
    assert again.document == {"messages": 3, "readings": 0, "duplicates": 0, "rejected_again": 3, "waiting": 0}
    assert (removed.document, wrong.status) == ({"removed": 2}, 400)
    assert {row["reason"] for row in left.document["rejects"]} == {"not_utf8"}
    told = [(entry["action"], entry.get("before"), entry["after"]) for entry in audit.document["audit"]]
    assert told[0] == ("rejects purged", {"rejects": 2}, {"rejects": 0})
    assert told[1:] == [("rejects replayed", None, again.document), ("rejects replayed", None, replayed.document)]


def test_what_waits_is_shown_by_its_key_and_one_key_can_be_removed_but_never_all_at_once(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await visitor.wait("m9")
        visitor.clock.at_ms += MINUTE_MS
        await visitor.wait("m9")
        await visitor.wait("c.js", cause=WaitCause.CODEC)
        found = [await visitor.page("/quarantine"), await visitor.get("/api/quarantine")]
        asked = ("?key=m9&cause=codec", "?key=m9&cause=unknown_device", "", "?key=m9", "?cause=codec", "?key=m9&cause=x")
        found += [await visitor.post(f"/api/quarantine/purge{query}") for query in asked]
        return [*found, await visitor.page("/quarantine"), await visitor.page("/audit")]

    page, told, other, removed, *faulty, left, audit = visit(tmp_path, story)
    shown = page.part("Since What to do")
    assert shown.startswith("m9 for the device's registration 2 1 minute ago Register the device. Try the newest Remove c.js")
    keys = told.document["keys"]
    assert [(key["key"], key["cause"], key["messages"]) for key in keys] == [("m9", "unknown_device", 2), ("c.js", "codec", 1)]
    assert [other.document, removed.document] == [{"removed": 0}, {"removed": 2}]
    sentence = "say what waits: key, and cause as one of unknown_device, no_birth, codec"
    assert [(answer.status, answer.document["error"]) for answer in faulty] == [(400, sentence)] * 4
    assert left.part("Since What to do").startswith("c.js for a corrected codec 1")
    assert "1 messages wait" in left.words
    assert 'before {"messages":2} after {"messages":0}' in audit.words
