"""Devices registered, edited, moved and retired: on the form of a person and by a program, with what is said of each fault."""

import json
import re
from pathlib import Path
from typing import Final

import yaml

from schemas.rejects import RejectReason
from tests.core.making import MINUTE_MS, NOW_MS
from tests.web.visiting import WATER, Answer, Visitor, visit

NEW: Final = {"site": "s1", "domain": "water", "area": "An Binh"}


def sent(**keys: object) -> bytes:
    """The keys of a device as a program sends them."""
    return json.dumps(keys).encode()


def field(page: Answer, name: str) -> str:
    """The content of a field of a form."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page.text)
    assert found is not None, name
    return found[1]


def entries(folder: Path) -> dict[str, dict[str, object]]:
    """The devices in the file, by id."""
    document = yaml.safe_load((folder / "devices.yaml").read_text(encoding="utf-8"))
    return {entry["id"]: entry for entry in document["devices"]}


def test_newcomers_are_listed_with_what_they_sent_the_last_that_appeared_first_and_found_by_a_part_of_their_id(
    tmp_path: Path,
) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await visitor.refuse("m7", RejectReason.UNKNOWN_DEVICE, b'{"ph": 7}')
        visitor.clock.at_ms += 15 * MINUTE_MS
        await visitor.wait("m9")
        await visitor.wait("m9")
        visitor.come("stranger", {"ts": NOW_MS + 30 * MINUTE_MS, "ph": 6.5}, after_ms=30 * MINUTE_MS)
        asked = ("", "?search=M9", "?search=m1", "?search=new-1", "?search=%C3%A4+b", "?retired=m5")
        return [await visitor.page(f"/register{query}") for query in asked]

    page, found, known, unheard, no_id, retired = visit(tmp_path, story)
    assert page.part("Choose one to register it.", "Import") == (
        "stranger 0 seconds ago · iot/v1/s1/water/stranger/readings pH 6.5"
        " m9 15 minutes ago · waiting messages: 2 · iot/v1/s1/water/m9/readings pH 7 m7 30 minutes ago"
    )
    assert found.part("Choose one to register it.", "Import").startswith("m9")
    assert "m7" not in found.words
    assert known.part("Registered already", "Import") == "m1 s1"
    assert "Register new-1, although it was not heard" in unheard.words
    assert ["An id is 1 to 64 of" in answer.words for answer in (page, found, known, unheard)] == [False] * 4
    assert "An id is 1 to 64 of" in no_id.words
    assert "m5 is out of the registry." in retired.words


def test_a_newcomer_is_registered_with_what_its_messages_tell_and_the_form_says_what_became_of_those_that_waited(
    tmp_path: Path,
) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        for _ in range(3):
            await visitor.wait("m9")
            visitor.clock.at_ms += 15 * MINUTE_MS
        form = await visitor.page("/register/m9", "lan")
        done = await visitor.post("/register/m9", {**NEW, "seen": field(form, "seen"), "interval": "15min"}, "lan")
        pages = ("/register/m9?done=registered&waited=3", "/register/m9?done=else", "/devices/m9", "/audit")
        return [
            form,
            done,
            *[await visitor.page(path) for path in pages],
            await visitor.page("/register/m9", "chi"),
            await visitor.page("/register/m9", "lan"),
        ]

    form, done, after, odd, device, audit, reader, technician = visit(tmp_path, story)
    assert {name: field(form, name) for name in ("site", "interval", "installed")} == {
        "site": "s1", "interval": "15min", "installed": "2026-11-01"
    }  # fmt: skip
    assert "waiting messages: 3 pH 7" in form.words
    assert "measured by its messages: 15 minutes" in form.words
    assert '<option value="water" selected>' in form.text
    assert (done.status, done.headers["Location"]) == (303, "/register/m9?done=registered&waited=3")
    assert entries(tmp_path)["m9"] == {"id": "m9", "site": "s1", "domain": "water", "area": "p-01", "interval": "15min"}
    assert after.words.startswith("Edit m9 Registered Messages that waited: 3; came in:")
    assert ["Retire m9" in after.words, "Retire m9" in technician.words, "Save" in technician.words] == [True, False, True]
    assert "Registered" not in odd.words, "only what can be done is said to be done"
    assert device.status == 200
    assert 'lan technician device registered about {"device":"m9"} after {"area":"p-01"' in audit.words
    assert reader.words.endswith("pH 7 To register or edit devices you need a technician's account. Sign in")


def test_a_form_with_a_fault_comes_back_as_it_was_typed_with_the_sentence_beside_its_field(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        forms: list[tuple[str, dict[str, str]]] = [
            ("/register/m10", {"site": "s 1", "domain": "water"}),
            ("/register/m1", dict(NEW)),
            ("/register/m1/edit", {"parent": "nobody", "site": "s9"}),
            ("/register/m1/edit", {"params.q3": "4,5", "site": "s9"}),
            ("/register/nobody/retire", {}),
        ]
        return [await visitor.post(path, form) for path, form in forms]

    site, twice, parent, params, gone = visit(tmp_path, story)
    assert [answer.status for answer in (site, twice, parent, params, gone)] == [422, 422, 422, 303, 422]
    assert "Not saved: correct the marked fields." in site.words
    assert "'s 1' may hold 1 to 64 of A-Z a-z 0-9 . _ : -" in site.words
    assert field(site, "site") == "s 1"
    assert "m1 is registered already" in twice.words
    assert "correct the marked fields" not in twice.words, "an id is in the address"
    assert "nobody is not among the devices" in parent.words
    assert field(parent, "parent") == "nobody"
    assert "'nobody' is not in the registry; register it first" in gone.words
    assert entries(tmp_path)["m1"]["params"] == {"q3": 4.5}
    assert list(entries(tmp_path)) == ["m1"]


def test_the_answer_to_the_question_about_a_clock_is_filled_in_and_saved_only_by_the_person(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        form = await visitor.page("/register/m1?clock_offset=-7h")
        filled = field(form, "params.clock_offset")
        assert "params" not in entries(tmp_path)["m1"]
        wrong = await visitor.post("/register/m1/edit", {"params.clock_offset": "seven"})
        return [form, wrong, await visitor.post("/register/m1/edit", {"params.clock_offset": filled})]

    form, wrong, saved = visit(tmp_path, story)
    assert field(form, "params.clock_offset") == "-7h"
    assert (wrong.status, saved.status) == (422, 303)
    assert "write 7h if it shows 7 h too much" in wrong.words
    assert entries(tmp_path)["m1"]["params"] == {"clock_offset": "-7h"}


def test_a_file_that_somebody_changed_meanwhile_is_not_overwritten_and_what_differs_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"

    async def story(visitor: Visitor) -> list[Answer]:
        first = field(await visitor.page("/register/m1"), "seen")
        file.write_text(file.read_text(encoding="utf-8").replace("id: m1", "id: m1\n  model: outside"), encoding="utf-8")
        form = await visitor.post("/register/m1/edit", {"site": "s3", "seen": first})
        found = [
            form,
            await visitor.post(f"/api/devices/m1/edit?seen={first}", sent(site="s3")),
            await visitor.get("/api/registry"),
        ]
        found.append(await visitor.post("/register/m1/edit", {"site": "s3", "seen": field(form, "seen")}))
        file.write_text("devices: [", encoding="utf-8")
        found += [await visitor.get("/api/registry"), await visitor.post("/register/m1/edit", {"site": "s4"})]
        return [*found, await visitor.post("/api/devices/m1/edit", sent(site="s4"))]

    form, program, registry, again, unreadable, unsaved, refused = visit(tmp_path, story)
    assert (form.status, "→ outside" in form.part("m1 model", "Where it is"), field(form, "site")) == (409, True, "s3")
    assert "Not saved: somebody changed devices.yaml meanwhile." in form.words
    assert program.status == 409
    assert program.document["error"].endswith("devices.yaml was changed meanwhile; nothing was written")
    assert program.document["version"] == registry.document["version"] == field(form, "seen")
    pair = registry.document["changed_outside"]["m1"]
    assert program.document["changed_outside"] == registry.document["changed_outside"]
    assert (pair["before"].get("model"), pair["after"]["model"]) == (None, "outside")
    assert again.status == 303
    assert [unreadable.status, unsaved.status, refused.status] == [409, 409, 409]
    assert "devices.yaml: line 2" in unreadable.document["error"]
    assert "It cannot be saved" in unsaved.words
    assert refused.document["error"] == unreadable.document["error"]


def test_two_technicians_who_change_different_devices_do_not_stop_each_other(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        seen = (await visitor.get("/api/registry")).document["version"]
        changes = (("m1", "a"), ("m2", "b"), ("m2", "c"), ("m3", "d"))
        return [await visitor.post(f"/api/devices/{name}/edit?seen={seen}", sent(model=model)) for name, model in changes]

    devices = [WATER | {"id": name} for name in ("m1", "m2", "m3")]
    assert [answer.status for answer in visit(tmp_path, story, devices)] == [200, 200, 409, 200]
    assert [entries(tmp_path)[name].get("model") for name in ("m1", "m2", "m3")] == ["a", "b", "d"]


def test_a_program_registers_edits_moves_and_retires_and_is_told_each_fault_by_its_key(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        await visitor.wait("m9")
        asked = [
            ("/api/devices", sent(id="m9", site="s1", domain="water")),
            ("/api/devices", sent(id="m9")),
            ("/api/devices/m9/edit", sent(model="x", params={"k": 1})),
            ("/api/devices/m9/edit", sent(model="x", params={"k": 1})),
            ("/api/devices/m9/move", sent(site="s2", lat=21.5)),
            ("/api/devices/m9/move", sent(model="y")),
            ("/api/devices/m9/edit", sent(nokey=1)),
            ("/api/devices/m9/edit", b"nonsense"),
            ("/api/devices/m9/edit", sent(params=3)),
            ("/api/devices/m9/edit", b'{"site": "s1", "site": "s9"}'),
            ("/api/devices/m9/edit", b'{"params": {"k": 1, "k": 2}}'),
            ("/api/devices/m9/retire", b""),
            ("/api/devices/m9/retire", b""),
        ]
        return [await visitor.post(path, body) for path, body in asked] + [await visitor.get("/api/audit")]

    new, twice, edited, same, moved, key, unknown, nonsense, params, *same_keys, retired, gone, audit = visit(tmp_path, story)
    assert new.document.items() >= {"device": "m9", "done": "registered", "changed": True, "waiting": 1}.items()
    assert (twice.status, twice.document["faults"], twice.document["device"]) == (409, {"id": "m9 is registered already"}, "m9")
    assert [edited.document["changed"], same.document["changed"]] == [True, False]
    assert same.document["version"] == edited.document["version"]
    assert moved.document.items() >= {"device": "m9", "done": "moved", "changed": True}.items()
    assert key.document["error"] == "model: there is no such key here; the keys are site, area, parent, lat, lon, address"
    assert unknown.document["error"].startswith("nokey: there is no such key here; the keys are id, source, site")
    assert nonsense.document["error"].startswith("send the keys of the device as a JSON object")
    assert [answer.document["error"] for answer in same_keys] == ["the key site stands twice", "the key k stands twice"]
    assert [answer.status for answer in (key, unknown, nonsense, params, *same_keys)] == [400] * 6
    assert retired.document.items() >= {"done": "retired", "changed": True}.items()
    assert gone.status == 409
    assert list(entries(tmp_path)) == ["m1"]
    told = [(entry["action"], entry["subject"], entry.get("before", {}).get("site")) for entry in audit.document["audit"]]
    assert told == [
        ("device retired", {"device": "m9"}, "s2"),
        ("device moved", {"device": "m9"}, "s1"),
        ("device changed", {"device": "m9"}, "s1"),
        ("device registered", {"device": "m9"}, None),
    ]
