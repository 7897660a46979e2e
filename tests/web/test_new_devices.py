"""Devices that nobody registered, introduced: what make their bytes may be of, how often they send, and many at once."""

import re
from pathlib import Path

import pytest

from gateway.onboarding.trials.trial import ProposedMake
from gateway.support.config.files import ConfigurationFault
from gateway.web.devices import new_devices
from schemas.rejects import RejectReason
from tests.core.making import MINUTE_MS, NOW_MS
from tests.web.test_registering import field
from tests.web.visiting import WATER, Answer, Visitor, visit


def make(profile: str, values: int, *params: str) -> ProposedMake:
    """A make that reads so many values."""
    fields = {f"field_{number}": 1.0 for number in range(values)}
    health = {"measurement": "device_health", "tags": {}, "time_ms": 0, "fields": {"battery_pct": 88.0}}
    point = {"measurement": "power", "tags": {"device": "m7"}, "time_ms": 0, "fields": fields}
    return ProposedMake(profile, ("XY-1",), (health, point), params)


def chosen(page: Answer) -> list[str]:
    """The makes that are marked on a form."""
    return re.findall(r'name="profile" value="([^"]*)" checked', page.text)


def test_the_make_whose_profile_reads_most_is_proposed_and_asked_for_its_parameters_once_for_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bytes, str]] = []
    makes = {
        "m7": [make("fuller", 3, "pulse_l"), make("other", 1)],
        "m8": [make("one", 2), make("two", 2)],
        "m5": [],
        "m3": [make("only", 2)],
    }

    def propose(_: object, recorded: object, name: str) -> list[ProposedMake]:
        asked.append((bytes(recorded.message.payload), name))  # type: ignore[attr-defined]
        if name == "m6":
            raise ConfigurationFault(["a profile is faulty"])
        return makes[name]

    async def story(visitor: Visitor) -> dict[str, Answer]:
        for name, reason in (
            ("m7", RejectReason.UNKNOWN_DEVICE),
            ("m8", RejectReason.AMBIGUOUS_PROFILE),
            ("m6", RejectReason.UNKNOWN_DEVICE),
            ("m5", RejectReason.UNKNOWN_DEVICE),
            ("m3", RejectReason.UNKNOWN_DEVICE),
            ("m4", RejectReason.BAD_JSON),
        ):
            await visitor.refuse(name, reason, name.encode())
        await visitor.page("/register/m7")
        return {name: await visitor.page(f"/register/{name}") for name in ("m7", "m8", "m6", "m5", "m3", "m4")}

    monkeypatch.setattr(new_devices, "propose_makes", propose)
    pages = visit(tmp_path, story)
    assert asked == [(name.encode(), name) for name in ("m7", "m8", "m6", "m5", "m3")], "m4 is not refused for its make"
    assert chosen(pages["m7"]) == ["fuller"]
    assert "XY-1 reads 3 values" in pages["m7"].words
    assert '<option value="power" selected>' in pages["m7"].text
    assert 'name="params.pulse_l"' in pages["m7"].text
    assert chosen(pages["m8"]) == [], "two read as much"
    assert '<option value="power" selected>' in pages["m8"].text
    assert chosen(pages["m3"]) == ["only"]
    assert [chosen(pages[name]) for name in ("m6", "m5", "m4")] == [[], [], []]


def test_a_stranger_is_proposed_with_its_own_site_and_domain(
    tmp_path: Path,
) -> None:
    async def story(visitor: Visitor) -> Answer:
        for minute in (0, 10, 20, 30):
            visitor.come(
                "stranger", {"ts": NOW_MS + minute * MINUTE_MS, "flow_m3_h": 1.5 + minute}, after_ms=minute * MINUTE_MS
            )
        return await visitor.page("/register/stranger")

    page = visit(tmp_path, story)
    assert (field(page, "site"), field(page, "installed")) == ("s1", "2026-11-01")
    assert '<option value="water" selected>' in page.text


def test_of_many_newcomers_the_newest_are_shown_and_the_first_few_explained(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        for number in range(25):
            visitor.come(f"n{number}", {"ts": NOW_MS + number, "ph": 7}, after_ms=number)
        await visitor.refuse("m1", RejectReason.UNKNOWN_DEVICE, b"?")
        visitor.clock.at_ms = NOW_MS + MINUTE_MS + 24
        return [await visitor.page(f"/register{asked}") for asked in ("", "?search=n1", "?search=s1-")]

    fleet = [WATER, *[{"id": f"s1-{number}", "site": "s1"} for number in range(12, -1, -1)]]
    page, found, known = visit(tmp_path, story, fleet)
    shown = page.part("Choose one to register it.", "Import")
    assert shown.startswith("n24 1 minute ago · iot/v1/s1/water/n24/readings pH 7 n23")
    assert shown.count("pH 7") == 8
    assert ["n5 " in shown, "n4 " in shown] == [True, False], "twenty are shown"
    assert shown.endswith("n5 1 minute ago and 5 more")
    assert "m1" not in shown, "it is registered by now"
    assert found.part("Choose one to register it.", "Import").count("minute ago") == 11
    listed = known.part("Registered already", "Import")
    assert listed.startswith("s1-0 s1 s1-1 s1 s1-10 s1")
    assert listed.count("s1-") == 10
