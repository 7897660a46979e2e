"""Devices as they are told: the list by state, search and limit; a device that is new, waits, was refused, or is a stranger."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.core.message import CodecAsk, StoredMessage
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.monitoring.status.known_devices import device_document
from gateway.onboarding.explain.steps import explain_last
from gateway.web.devices import devices
from schemas.rejects import RejectReason
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.site import CODEC, RADIO
from tests.web.visiting import WATER, Answer, Visitor, visit

FLEET: Final = [
    WATER,
    WATER | {"id": "m2"},
    {"id": "e1", "site": "a9", "domain": "power", "area": "x-02", "serial": "8254", "model": "Own-5", "address": "12 Lê Lợi"},
]


async def heard(visitor: Visitor) -> None:
    """Two registered devices and a stranger were heard an hour ago; a third one waits for its registration."""
    visitor.come("m1", {"ts": NOW_MS, "ph": 7})
    visitor.come("e1", {"ts": NOW_MS + 1000, "active_power_w": 7}, after_ms=1000)
    visitor.come("stranger", {"ts": NOW_MS + 2000, "ph": 7}, after_ms=2000)
    await visitor.wait("m9")
    visitor.clock.at_ms = NOW_MS + 45 * MINUTE_MS + 1


def test_the_list_finds_devices_by_state_domain_and_words_and_orders_them_as_asked(tmp_path: Path) -> None:
    expected = {
        "": ["stranger", "e1", "m1", "m2"],
        "?sort=name": ["e1", "m1", "m2", "stranger"],
        "?sort=-name": ["stranger", "m2", "m1", "e1"],
        "?sort=heard": ["m2", "m1", "e1", "stranger"],
        "?sort=site": ["stranger", "e1", "m1", "m2"],
        "?sort=state": ["stranger", "e1", "m1", "m2"],
        "?state=unregistered": ["stranger"],
        "?state=online": ["stranger", "e1", "m1"],
        "?state=silent": [],
        "?state=new": ["m2"],
        "?domain=power": ["e1"],
        "?search=an+b": ["m1", "m2"],
        "?search=8254": ["e1"],
        "?search=OWN-5": ["e1"],
        "?search=l%C3%AA+a9": ["e1"],
        "?search=m1+p-01": [],
        "?search=m9": [],
    }

    async def story(visitor: Visitor) -> tuple[dict[str, list[str]], list[Answer]]:
        await heard(visitor)
        found = {}
        for query in expected:
            page = await visitor.page(f"/devices{query}")
            found[query] = [row.partition('"')[0] for row in page.text.split('<th scope="row"><a href="/devices/')[1:]]
        pages = [await visitor.page(f"/devices{query}") for query in ("", "?search=m9", "?search=m8", "?state=new")]
        return found, [*pages, await visitor.page("/devices", "so-nuoc")]

    found, (page, offered, not_offered, by_state, limited) = visit(tmp_path, story, FLEET)
    assert found == expected
    shown = page.part("Device State Last value Last heard Domain Site")
    assert shown.startswith("stranger not registered Heard: the gateway is not connected to the broker and hears nobody")
    assert "44 minutes ago Power a9 · Xa · Own-5 · 8254" in shown
    assert "m2 new Heard: registered lately, not heard yet \u2013 never Water s1 · An Bình" in shown
    assert "m9 · 1 messages wait" in page.words
    assert "m9 · 1 messages wait" in offered.words
    assert [("m9" in answer.words) for answer in (not_offered, by_state, limited)] == [False] * 3
    assert limited.part("Device State Last value Last heard Domain Site").startswith(
        "m1 online pH 7 45 minutes ago 45 minutes ago Water s1 · An Bình"
    )
    assert "Heard:" not in limited.words, "a fault of a message may name other devices"
    assert "2 devices" in limited.words


def test_programs_get_all_devices_by_name_or_with_a_filter_what_is_known_of_each(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await heard(visitor)
        found = [await visitor.get(f"/api/devices{query}", who) for query in ("", "?search=m") for who in ("binh", "so-nuoc")]
        return [*found, await visitor.get("/api/devices", method="HEAD")]

    everything, own, filtered, own_filtered, head = visit(tmp_path, story, FLEET)
    rows = everything.document["devices"]
    assert [row["id"] for row in rows] == ["e1", "m1", "m2", "stranger"]
    assert rows[1].items() >= {"state": "online", "level": "attention", "interval_s": 900.0, "last_seen": NOW_MS}.items()
    assert everything.headers["Content-Type"] == "application/json; charset=utf-8"
    assert [row["id"] for row in own.document["devices"]] == ["m1", "m2"]
    assert filtered.document["found"] == 2
    assert [row["id"] for row in filtered.document["devices"]] == ["m1", "m2"]
    assert filtered.document["devices"][0].items() >= {"area_name": "An Bình", "serial": None, "params": {}}.items()
    assert filtered.document["devices"][1]["verdict"] == {"level": "attention", "rung": "heard", "code": "not_heard_yet"}
    assert [row["id"] for row in filtered.document["offered"]] == ["m9"]
    assert own_filtered.document["offered"] == []
    told = own_filtered.document["devices"]
    assert [row["verdict"] for row in told] == [{"level": "attention"}] * 2, "of messages an agency is told nothing"
    assert told[0].keys() == filtered.document["devices"][0].keys(), "nothing else of them is left out"
    assert own.document["devices"] == rows[1:3]
    assert (head.status, head.text) == (200, "")


def test_a_new_fact_of_a_device_is_in_no_answer_to_an_agency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gateway.web.devices.device_list.device_document", lambda *given: device_document(*given) | {"a new fact": 1}
    )

    async def story(visitor: Visitor) -> list[Answer]:
        await heard(visitor)
        paths = ("/api/devices", "/api/devices?search=m1", "/api/devices/m1")
        return [await visitor.get(path, who) for who in ("binh", "so-nuoc") for path in paths]

    answers = visit(tmp_path, story, FLEET)
    assert ["a new fact" in answer.text for answer in answers] == [True] * 3 + [False] * 3, (
        "docs/recipes/registry-field.md: SHARED"
    )


def test_a_device_that_was_not_heard_waits_or_is_unknown_says_so_with_the_next_thing_to_do(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> dict[str, Answer]:
        await heard(visitor)
        names = ("m1", "m2", "m9", "stranger", "nobody")
        return {name: await visitor.page(f"/devices/{name}") for name in names}

    grafana = {"grafana": "http://grafana.example.vn/d/{device}"}
    pages = visit(tmp_path, story, FLEET, http=grafana)
    assert "A device without a profile sends to: iot/v1/s1/water/m2/readings" in pages["m2"].words
    assert "A device without a profile sends to" not in pages["m1"].words
    assert 'href="http://grafana.example.vn/d/m1"' in pages["m1"].text
    waits = pages["m9"]
    assert waits.words.startswith("m9 Registered: not registered; messages that wait, unwritten: 1 → Register it")
    assert "Quality: it waits, not written to InfluxDB" in waits.words
    assert "iot/v1/s1/water/m9/readings · 01 Nov 2026, 07:00:02 · 9 B" in waits.words
    assert "Register m9" in waits.words
    assert "Edit m1" in pages["m1"].words
    assert "Registered not registered: its readings are written without an area" in pages["stranger"].words
    assert (pages["nobody"].status, "This device is not known" in pages["nobody"].words) == (404, True)


def test_a_program_is_told_the_fate_of_the_last_message_and_an_entry_for_the_registry(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> dict[str, Any]:
        await heard(visitor)
        await visitor.refuse("m7", RejectReason.UNKNOWN_DEVICE, b'{"ph": 7}', ago_ms=HOUR_MS)
        for number in range(6):
            await visitor.refuse("m2", RejectReason.BAD_JSON, b"{", f"fault {number}")
        visitor.come("forgotten", {"ts": NOW_MS, "ph": 7})
        visitor.device("forgotten").last_message = None  # as after a restart
        process = visitor.parts.processing.processor.process
        for name in ("m3", "m4"):
            visitor.device(name).watch()
        process(StoredMessage("iot/v1/s1/water/m3/readings", b"\xff\xfe\x00"), NOW_MS)
        process(StoredMessage("iot/v1/s1/water/m4/readings", json.dumps({"maker": "x" * 9000, "ph": 7}).encode()), NOW_MS)
        names = ("m1", "m2", "m3", "m4", "m7", "m9", "stranger", "forgotten")
        found = {name: (await visitor.get(f"/api/devices/{name}")).document for name in names}
        assert (await visitor.get("/api/devices/nobody")).status == 404
        return found

    found = visit(tmp_path, story, [*FLEET, WATER | {"id": "m3"}, WATER | {"id": "m4"}])
    assert {name: told["fate"] for name, told in found.items()} == {
        "m1": "taken", "m2": None, "m3": "rejected", "m4": "taken", "m7": "rejected", "m9": "waiting", "stranger": "taken",
        "forgotten": None,
    }  # fmt: skip
    assert found["m3"]["last_message"].items() >= {"payload_hex": "fffe00", "size_bytes": 3, "cut": False}.items()
    assert found["m4"]["last_message"]["cut"] is True
    assert len(found["m4"]["last_message"]["payload"]) == 8192
    assert found["m2"]["rejects"][0].items() >= {"reason": "bad_json", "payload_bytes": 1}.items()
    assert [reject["detail"] for reject in found["m2"]["rejects"]] == [f"fault {number}" for number in (5, 4, 3, 2, 1)]
    assert found["m7"]["last_seen"] == NOW_MS - HOUR_MS
    assert found["m9"]["waiting"] == 1
    assert "registry_entry" not in found["m1"]
    entry = "  - id: m9\n    site: s1\n    domain: water\n    # area: CODE\n"
    assert found["m9"]["registry_entry"] == entry + '    # serial: "..."\n    # interval: 15min\n'
    assert found["m7"]["registry_entry"] == (
        "  - id: m7\n    # site: SITE\n    # domain: water | power | traffic | urban\n    # area: CODE\n"
        '    # model: "..."\n    # serial: "..."\n    # interval: 15min\n'
    )
    assert found["m1"]["ladder"]["headline"]["code"] == "broker_away"
    assert [rung["rung"] for rung in found["m1"]["ladder"]["rungs"]][:3] == ["heard", "registered", "profile"]
    assert (found["m1"]["said_goodbye"], found["m1"]["counters"]) == (False, [])


def test_a_device_whose_profile_the_registry_names_is_told_so_before_it_was_heard(tmp_path: Path) -> None:
    device = {"id": "p1", "site": "s1", "domain": "power", "profile": "tasmota-energy"}

    async def story(visitor: Visitor) -> Answer:
        return await visitor.page("/devices/p1")

    page = visit(tmp_path, story, [device])
    assert "Profile tasmota-energy" in page.part("About it")
    assert "A device without a profile sends to" not in page.words


def test_a_codec_that_found_a_fault_in_a_message_is_not_called_for_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eui = "0011223344556677"
    frame = {"deviceInfo": {"devEui": eui}, "time": "2026-11-01T00:00:00Z", "fPort": 99, "data": "AQI="}
    asked: list[CodecAsk] = []

    def ask(call: CodecAsk, answered: Callable[[CodecAnswer], None]) -> None:
        asked.append(call)
        for _ in range(2):  # a late answer changes nothing
            answered(CodecAnswer({"ph": 6.5}))

    async def story(visitor: Visitor) -> list[dict[str, Any]]:
        monkeypatch.setattr(visitor.parts.watching.status.codecs, "ask", ask)
        visitor.device(eui).watch()
        on = f"application/1/device/{eui}/event/up"
        found = []
        for after_ms, reason, refused_ms in (
            (0, RejectReason.PROFILE_ERROR, 0),
            (1000, RejectReason.PROFILE_ERROR, 0),
            (2000, RejectReason.BAD_PAYLOAD, 2000),
        ):
            message = StoredMessage(on, json.dumps(frame | {"fCnt": after_ms}).encode())
            visitor.parts.processing.processor.process(message, NOW_MS + after_ms)
            await visitor.refuse(eui, reason, b"?", "mine: its codec: boom", ago_ms=-refused_ms)
            found.append((await visitor.get(f"/api/devices/{eui}")).document)
        return found

    radio = {"id": eui, "site": "s1", "domain": "water"}
    first, second, third = visit(tmp_path, story, [radio], {"mine": RADIO, "mine.js": CODEC})
    assert first["result"]["reject"]["reason"] == "profile_error"
    assert first["result"]["reject"]["detail"].endswith("boom")
    assert [told["result"]["points"][0]["fields"]["ph"] for told in (second, third)] == [6.5, 6.5]
    assert len(asked) == 2, "the fault was found in another message, or was not the codec's"


def test_the_last_message_of_a_device_is_explained_once_while_it_is_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained: list[str] = []
    explain = explain_last

    async def noted(apart: Any, arrival: Any, *given: Any) -> Any:  # noqa: ANN401 - as it is
        explained.append(arrival.message.topic.split("/")[4])
        return await explain(apart, arrival, *given)

    async def story(visitor: Visitor) -> None:
        async def ask(*names: str) -> list[str]:
            explained.clear()
            for name in names:
                await visitor.get(f"/api/devices/{name}")
            return explained[:]

        names = [f"n{number}" for number in range(17)]
        for name in names:
            visitor.come(name, {"ts": NOW_MS, "ph": 7})
        assert await ask("n0", "n0", "n1", "n0") == ["n0", "n1"]
        visitor.come("n0", {"ts": NOW_MS + 1000, "ph": 7}, after_ms=1000)
        assert await ask("n0", "n0") == ["n0"]
        assert await ask(*names[2:]) == names[2:]
        assert await ask("n16", "n1", "n0") == ["n0"], "the first of 17 made room"

    monkeypatch.setattr(devices, "explain_last", noted)
    visit(tmp_path, story)


def test_a_device_is_the_same_in_the_list_on_its_page_and_to_programs_and_an_alarm_is_no_green_light(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        visitor.parts.foundation.events.influxdb_up = visitor.parts.foundation.events.mqtt_connected = True
        visitor.come("m1", {"ts": NOW_MS, "volume_m3": 77.5, "ph": 7})
        visitor.come("m2", {"ts": NOW_MS + 1000, "ph": 7.25, "alarm_leak": True}, after_ms=1000)
        pages = ("/devices", "/devices/m1", "/devices/m2", "/api/devices", "/api/devices/m2", "/devices?language=vi")
        return [await visitor.page(path) for path in pages]

    listed, well, leaks, documents, document, vietnamese = visit(tmp_path, story, FLEET)
    order = [listed.words.index(f" {name} ") for name in ("m2", "m1")]
    assert order == sorted(order), "the worst comes first"
    row = listed.part(" m2 ", " m1 ")
    assert row.startswith("online Alarms:")
    assert "Active: 1" in row
    assert "pH 7.25 0 seconds ago" in row.replace("\xa0", " ")
    assert "77.5 m³ 1 second ago" in listed.words.replace("\xa0", " ")
    assert "77,5 m³" in vietnamese.words.replace("\xa0", " ")
    levels = {one["id"]: one["level"] for one in documents.document["devices"]}
    assert levels["m2"] == document.document["ladder"]["level"] == "attention"
    assert 'class="box verdict attention"' in leaks.text
    assert levels["m1"] == "good" or 'class="box verdict good"' not in well.text


def test_each_number_of_the_start_page_is_that_of_the_list_it_leads_to(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> dict[str, tuple[int, int]]:
        visitor.parts.watching.status.devices.silence.reception.regain(NOW_MS)
        for number in range(3):
            visitor.come(f"stranger{number}", {"ts": NOW_MS, "ph": 7})
        visitor.come("m1", {"ts": NOW_MS, "ph": 7})
        visitor.come("e1", {"ts": NOW_MS, "active_power_w": 7})
        visitor.come("m2", {"ts": NOW_MS + 3 * HOUR_MS - 30 * 86_400_000 * 2, "ph": 7}, after_ms=3 * HOUR_MS)
        status = (await visitor.get("/api/status")).document
        counts = dict(status["devices"]) | {"unregistered": status["unregistered"]}
        for finding in status["verdict"]["findings"]:
            counts |= {"clock_off": finding["params"]["count"]} if finding["key"] == "clocks_off" else {}
        return {
            state: (number, (await visitor.get(f"/api/devices?state={state}")).document["found"])
            for state, number in counts.items()
        }

    found = visit(tmp_path, story, FLEET)
    assert found["silent"] == (5, 5), "three of them are not registered"
    assert found["clock_off"] == (1, 1)
    assert found["unregistered"] == (3, 3)
    assert all(number == listed for number, listed in found.values()), found
