"""The work of a technician on site: a photo taken, an account given, a payload tried."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

import pytest

from gateway.core.message import StoredMessage, WaitCause
from gateway.ingest.broker.enrolling import AdministrationFault, EnrolmentRefused
from gateway.ingest.broker.rights import BrokerAccount, NativeTopics
from gateway.support.config.files import ConfigurationFault
from gateway.web.devices import on_site
from tests.core.making import NOW_MS
from tests.web.visiting import WATER, Answer, Visitor, visit

JPEG, PNG = b"\xff\xd8\xff" + b"0" * 80, b"\x89PNG\r\n\x1a\n" + b"0" * 50
BROKER: Final = {"url": "mqtts://broker.example.vn:8884", "password_file": "administration.password"}
OWN: Final = 'profile: own\nmatch: {topic: "own/{device}/x"}\npoints: [{measurement: water, fields: {ph: /ph}}]\n'
TEST: Final = "tests: [{topic: own/d/x, payload: {ph: 7}, expect: [{measurement: water, time: arrival, fields: {ph: 7}}]}]\n"


class Broker:
    """The accounts of a broker that is not there."""

    def __init__(self, *faults: Exception) -> None:
        self.faults, self.asked = list(faults), list[tuple[str, bool]]()
        self.names = {"m1"}

    async def __aenter__(self) -> Self:
        if self.faults:
            raise self.faults.pop(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def enrolled(self) -> set[str]:
        """The names of all accounts."""
        return self.names

    async def enrol(self, place: NativeTopics, *, is_present: bool) -> BrokerAccount:
        """Make an account."""
        self.asked.append((place.device, is_present))
        return BrokerAccount(place.device, [], "s3cret")

    async def revoke(self, name: str) -> bool:
        """Take one away."""
        return name in self.names


def test_the_photo_of_a_device_is_kept_shown_and_removed_and_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> tuple[list[Answer], list[Answer]]:
        visitor.come("stranger", {"ts": NOW_MS, "ph": 7})
        sent = (("m1", JPEG), ("m1", PNG), ("m1", b"no"), ("nobody", JPEG), ("stranger", JPEG))
        found = [await visitor.get("/devices/m1/photo"), await visitor.page("/devices/m1")]
        found += [await visitor.post(f"/api/devices/{name}/photo", body, "lan") for name, body in sent]
        shown = [await visitor.get("/devices/m1/photo"), await visitor.page("/devices/m1")]
        removed = [await visitor.post("/api/devices/m1/photo/remove", who="lan") for _ in range(2)]
        return found, [*shown, *removed, await visitor.get("/devices/m1/photo"), await visitor.get("/api/audit")]

    (none, bare, first, second, odd, nobody, stranger), (photo, page, removed, gone, after, audit) = visit(tmp_path, story)
    assert (none.status, none.document["error"]) == (404, "there is no photo of it")
    assert '<img src="/devices/m1/photo' not in bare.text
    assert [first.document, second.document] == [{"device": "m1", "bytes": 83}, {"device": "m1", "bytes": 58}]
    assert (odd.status, odd.document["error"]) == (415, "this is no picture: send JPEG, PNG or WebP")
    assert nobody.status == 404
    assert (stranger.status, stranger.document["error"]) == (409, "stranger is not registered; register it first")
    assert (photo.body, photo.headers["Content-Type"]) == (PNG, "image/png")
    assert f'<img src="/devices/m1/photo?{NOW_MS}" alt="Photo of m1"' in page.text
    assert (removed.document, gone.status, after.status) == ({"removed": 1}, 404, 404)
    told = [(entry["action"], entry.get("before"), entry.get("after")) for entry in audit.document["audit"]]
    assert told == [
        ("photo removed", {"at_ms": NOW_MS, "bytes": 58}, None),
        ("photo taken", {"at_ms": NOW_MS, "bytes": 83}, {"bytes": 58, "sha256": sha256(PNG).hexdigest()}),
        ("photo taken", None, {"bytes": 83, "sha256": sha256(JPEG).hexdigest()}),
    ]


def asked_of(broker: Broker, folder: Path, monkeypatch: pytest.MonkeyPatch, paths: Sequence[str]) -> list[Answer]:
    """The answers to requests for accounts, then the form of a device."""

    async def story(visitor: Visitor) -> list[Answer]:
        found = [await visitor.post(path) for path in paths]
        return [*found, await visitor.page("/register/m1"), await visitor.get("/api/audit")]

    monkeypatch.setattr(on_site, "device_accounts", lambda _: broker)
    (folder / BROKER["password_file"]).write_text("secret")
    return visit(folder, story, [WATER, {"id": "m2", "site": "s1"}], enrolment=BROKER)


def test_a_device_gets_an_account_that_is_shown_once_and_loses_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker()
    paths = ("/api/devices/m1/enroll", "/register/m1/enroll", "/api/devices/m1/revoke", "/api/devices/m2/revoke")
    program, page, had, had_none, revoked, form, audit = asked_of(
        broker, tmp_path, monkeypatch, [*paths, "/register/m1/revoke"]
    )
    account = {"device": "m1", "username": "m1", "host": "broker.example.vn", "port": 8884, "password": "s3cret"}
    assert program.document.items() >= (account | {"topic": "iot/v1/s1/water/m1/readings"}).items()
    assert program.document["enrolment"].startswith("mqtts://m1:s3cret@broker.example.vn:8884/?topic=iot")
    assert broker.asked == [("m1", True), ("m1", True)], "the one that it had ends"
    assert "s3cret" in page.words
    assert "<svg" in page.text, "a code to scan"
    assert [had.document, had_none.document] == [{"device": "m1", "had_account": True}, {"device": "m2", "had_account": False}]
    assert revoked.status == 200
    assert "s3cret" not in revoked.text
    assert "/register/m1/enroll" in form.text
    assert "s3cret" not in audit.text, "a password is in no log"
    actions = [entry["action"] for entry in audit.document["audit"]]
    assert actions == ["device revoked"] * 3 + ["device enrolled"] * 2


def test_an_account_that_is_not_made_leaves_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(AdministrationFault("the broker is away"), EnrolmentRefused(["too long"]), ConfigurationFault(["no file"]))
    paths = ("/api/devices/m1/enroll", "/register/m1/enroll", "/api/devices/m1/revoke", "/api/devices/m2/enroll")
    away, refused, file, place, nobody, form, _, audit = asked_of(
        broker, tmp_path, monkeypatch, [*paths, "/api/devices/nobody/enroll", "/register/m2/enroll"]
    )
    assert (away.status, away.document["error"]) == (502, "the broker is away")
    assert (refused.status, "too long" in refused.words) == (502, True)
    assert (file.status, file.document["error"]) == (409, "no file")
    assert (place.status, place.document["error"]) == (
        409, "m2: its topics need a site and a domain; `gateway devices edit m2 --site S --domain D`"
    )  # fmt: skip
    assert nobody.document["error"].startswith("nobody: is not registered; `gateway devices add nobody")
    assert (form.status, "its topics need a site and a domain" in form.words) == (409, True)
    assert audit.document["audit"] == []


def test_a_gateway_without_enrolment_offers_none_and_says_what_is_missing(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        return [await visitor.page("/register/m1"), await visitor.post("/api/devices/m1/enroll")]

    form, refused = visit(tmp_path, story)
    assert "/enroll" not in form.text
    assert refused.document["error"].startswith("gateway.yaml: enrolment.url: write the address that devices connect to")


def test_a_program_tries_a_payload_and_gets_each_step_or_what_is_wrong_with_its_request(tmp_path: Path) -> None:
    topic = "iot/v1/s1/water/m1/readings"
    wrong = {
        b"x": "body: Expecting value: line 1 column 1 (char 0)",
        b"[1]": "body: document: is not a JSON object",
        b'{"topic": "a"}': "payload: give payload, payload_hex or payload_base64",
        b'{"payload_hex": "zz", "topic": "t"}': "payload: is not hexadecimal",
        b'{"payload": 1, "arrival_ms": -1}': "body: arrival_ms: Input should be greater than or equal to 0",
        b'{"payload": {"q": 1}}': (
            "payload: name the topic: the payload is neither an uplink of a known network server nor a native reading"
        ),
    }

    async def story(visitor: Visitor) -> tuple[Answer, list[tuple[int, str]]]:
        body = json.dumps({"payload": {"volume_m3": 5}, "topic": topic, "arrival_ms": NOW_MS}).encode()
        tried = await visitor.post("/api/decode", body, "lan")
        faults = [await visitor.post("/api/decode", body, "lan") for body in wrong]
        assert (await visitor.get("/api/audit")).document["audit"] == [], "a trial changes nothing"
        return tried, [(answer.status, answer.document["error"]) for answer in faults]

    tried, faults = visit(tmp_path, story)
    assert faults == [(400, sentence) for sentence in wrong.values()]
    (point,) = tried.document["points"]
    assert point["tags"] == {"area": "p-01", "device": "m1", "site": "s1"}
    assert point["fields"] == {"volume_m3": 5.0, "quality": 1}
    assert tried.document.items() >= {"device": "m1", "profile": "native", "topic": topic, "reject": None}.items()
    assert [step["what"] for step in tried.document["steps"]] == ["topic", "device", "profile", "decoded", "point"]
    assert "quality 1: time of the gateway" in tried.document["steps"][-1]["value"]


def test_a_person_tries_what_waits_or_what_is_typed_and_reads_the_points_or_the_fault(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await visitor.wait("m9", b"\xff\x00")
        await visitor.wait("c.js", b'{"ph": 7}', WaitCause.CODEC)
        asked = (
            "",
            "?waiting=m9&cause=unknown_device",
            "?waiting=c.js&cause=codec",
            "?waiting=m8&cause=codec",
            "?waiting=m9&cause=x",
        )
        found = [await visitor.page(f"/try{query}") for query in asked]
        forms: list[dict[str, str]] = [
            {"payload": '{"volume_m3": 5}', "form": "text", "arrival_ms": str(NOW_MS)},
            {"payload": "7B 22 70 68 22\n3A 37 7D", "form": "hex", "topic": "iot/v1/s1/water/m77/readings"},
            {"payload": "7B 7D", "form": "hex"},
            {"payload": "x", "form": "odd"},
            {"payload": "{}", "profile_text": "nope", "form": "text"},
            {"profile_text": "nope", "compare": "1"},
        ]
        return [*found, *[await visitor.post("/try", form, "lan") for form in forms]]

    empty, binary, text, none, odd, guessed, hexed, untopical, formless, profile, compared = visit(tmp_path, story)
    assert empty.words.endswith("Compare on the last messages of its devices Try")
    assert '<option value="base64" selected>' in binary.text
    assert ">/wA=</textarea>" in binary.text
    assert 'name="topic" value="iot/v1/s1/water/m9/readings"' in binary.text
    assert '<option value="text" selected>' in text.text
    assert "{&#34;ph&#34;: 7}</textarea>" in text.text
    assert none.words == odd.words == empty.words
    assert guessed.part("Points that would be written:", "Technical").startswith("1 Device: device · Profile: native")
    assert "The topic was guessed by the keys: a reading of Water." in guessed.words
    assert "Volume volume_m3 5 m³ time of the gateway, not of the device" in guessed.words
    assert "1 Device: m77 · Profile: native" in hexed.part("Points that would be written:")
    assert "pH ph 7" in hexed.words
    assert "It cannot be tried payload: name the topic" in untopical.words
    assert "7B 7D</textarea>" in untopical.text, "as it was typed"
    assert "It cannot be tried payload: give payload" in formless.words
    assert "profile.yaml: document: is not a mapping" in profile.words
    assert ">nope</textarea>" in profile.text
    assert "It cannot be tried profile.yaml: document: is not a mapping" in compared.words
    assert ">nope</textarea>" in compared.text


def test_a_changed_profile_is_compared_on_the_last_messages_of_devices(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> tuple[Answer, Answer]:
        processor = visitor.parts.processing.processor
        for name in ("m1", "m2"):
            visitor.device(name).watch()
            processor.process(StoredMessage(f"own/{name}/x", b'{"ph": 7, "temp": 20}'), NOW_MS)
        visitor.come("m3", {"ts": NOW_MS, "ph": 7})
        changed = OWN.replace("ph: /ph", "ph: /ph, temperature_c: /temp") + TEST
        return (
            await visitor.post("/try", {"profile_text": changed, "compare": "1"}, "lan"),
            await visitor.post("/try", {"profile_text": OWN + TEST, "compare": "1"}, "lan"),
        )

    devices = [WATER | {"id": name} for name in ("m1", "m2", "m3")]
    changed, same = visit(tmp_path, story, devices, {"own": OWN + TEST})
    assert changed.part("Nothing is written.", "Payload") == (
        "0 last messages give the same as before, 2 give something else Device Now With this profile"
        " m1 ph 7.0 temperature_c 20.0 ph 7.0 m2 ph 7.0 temperature_c 20.0 ph 7.0"
    )
    assert "2 last messages give the same as before, 0 give something else Payload" in same.words
