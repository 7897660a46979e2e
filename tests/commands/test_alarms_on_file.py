"""``gateway alarms`` beside a gateway that does not run: an alarm in its file is listed, acknowledged and looked back on."""

import json

import pytest
from msgspec.json import encode

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Change, Severity, Transition
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import Changes, SavedState
from tests.commands.stopped import Stopped
from tests.site import Site

SINCE_MS = 1_793_491_200_000
"""2026-11-01, 07:00 in Vietnam."""
KEY = AlarmKey("tamper", "m1")


@pytest.fixture
def alarmed(stopped: Stopped, site: Site) -> Stopped:
    """A gateway that was stopped while the device m1 told of a tampering."""
    site.devices({"id": "m1", "site": "q1", "domain": "water"})
    tags = AlarmTags(device="m1", domain="water", site="q1")
    state = AlarmState(KEY, Severity.WARNING, tags, SINCE_MS, 1.0, "alarm_tamper", raised_ms=SINCE_MS, registered=True)
    raised = [Transition.of(state, Change.RAISED, SINCE_MS + at * 60_000) for at in range(250)]
    file = stopped.open()
    file.run_here(stored.commit, Changes({KEY: SavedState(encode(state), held_back=False)}, raised))
    file.close()
    return stopped


def test_it_is_listed_in_local_time_and_as_the_api_has_it(alarmed: Stopped) -> None:
    _, line = alarmed.command("alarms", "list").splitlines()
    assert line.startswith(f"2026-11-01 07:00:00  warning   {KEY.id:<32}  ")
    document = json.loads(alarmed.command("alarms", "list", "--json"))
    assert [document[key] for key in ("id", "alarm", "device", "since_ms")] == [KEY.id, "tamper", "m1", SINCE_MS]


def test_who_sees_to_it_is_kept_told_and_recorded(alarmed: Stopped) -> None:
    said = alarmed.command("alarms", "ack", KEY.id, "--by", "Lan", "--note", "on my way")
    assert said == f"{KEY.id}: known to Lan\n"
    assert alarmed.command("alarms", "list").endswith("  [known to Lan]\n")
    document = json.loads(alarmed.command("alarms", "list", "--json"))
    assert (document["acknowledged"]["by"], document["acknowledged"]["note"]) == ("Lan", "on my way")
    (entry,) = alarmed.audited()
    assert (entry["action"], entry["subject"], entry["after"]["by"]) == ("alarm acknowledged", {"alarm": KEY.id}, "Lan")
    _, newest, *_ = alarmed.command("alarms", "history").splitlines()
    assert newest.endswith("  known to Lan: on my way")


def test_all_that_was_is_listed_once_the_newest_first_for_one_place_or_all(alarmed: Stopped) -> None:
    lines = alarmed.command("alarms", "history").splitlines()[1:]
    assert len(lines) == len(set(lines)) == 250
    assert (lines[0][:19], lines[-1][:19]) == ("2026-11-01 11:09:00", "2026-11-01 07:00:00")
    assert alarmed.command("alarms", "history", "--device", "m1").splitlines()[1:] == lines
    assert alarmed.command("alarms", "history", "--device", "m2") == "no alarm was raised yet\n"
    first = json.loads(alarmed.command("alarms", "history", "--json").splitlines()[0])
    assert (first["number"], first["change"], first["device"]) == (250, "raised", "m1")


def test_planned_work_silences_it_without_ending_it(alarmed: Stopped) -> None:
    alarmed.command("alarms", "silence", "--device", "m1", "--until", "2h", "--by", "Lan", "--note", "new pump")
    assert alarmed.command("alarms", "list").endswith("  [planned work]\n")
