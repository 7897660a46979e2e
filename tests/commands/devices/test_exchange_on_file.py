"""``gateway devices exchange`` beside a gateway that does not run: it is noted in the file, and found at the next start."""

import json

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import Register
from gateway.ingest.storage import keyvalue
from tests.commands.stopped import Stopped
from tests.rows import each_row
from tests.site import Site

READ_MS = 1_793_491_200_000
"""2026-11-01, 07:00 in Vietnam."""


@pytest.fixture
def read(stopped: Stopped, site: Site) -> Stopped:
    """A gateway that knows a counter of the device m1, and was stopped."""
    site.devices({"id": "m1", "site": "q1", "domain": "water"}, {"id": "m2"})
    device = Device("m1", None)
    device.counters = CounterState()
    device.counters.restore(Register("volume_m3", 100.0, READ_MS))
    file = stopped.open()
    file.run_here(keyvalue.put, "sums m1", pack_kept(device))
    file.close()
    return stopped


def noted(stopped: Stopped) -> list[str]:
    """The exchanges that wait for the gateway, as they are stored."""
    file = stopped.open()
    found = file.run_here(keyvalue.get_prefix, "")
    file.close()
    return [text for key, text in found.items() if "exchange" in key]


def test_it_is_noted_for_the_next_start_and_in_the_audit_log(read: Stopped) -> None:
    told = ("devices", "exchange", "m1", "--at", "2026-11-01 08:00", "--final", "101", "--register", "0")
    assert read.command(*told) == "m1: counters that start again with the next reading: volume_m3\n"
    (entry,) = read.audited()
    assert (entry["action"], entry["subject"]) == ("meter exchanged", {"device": "m1"})
    at_ms = READ_MS + 3_600_000
    known = {"begin_anew": ["volume_m3"], "told_late": [], "at_ms": at_ms, "final": 101.0, "register": 0.0}
    assert {key: entry["after"][key] for key in known} == known
    (stored,) = noted(read)
    assert str(at_ms) in stored


def test_of_one_that_is_told_late_the_command_is_named_that_works_the_sums_out(read: Stopped) -> None:
    assert read.command("devices", "exchange", "m1", "--at", "2026-11-01 06:00").splitlines() == [
        "m1: volume_m3: readings came since then: the sums are worked out again in the night, or now by",
        "gateway devices resum m1 --from '2026-11-01 06:00:00+07:00'",
    ]
    assert json.dumps(read.audited()[0]["after"]["told_late"]) == '["volume_m3"]'


@each_row(
    ("words", "said"),
    [
        (("m9",), "'m9' was never heard and is not registered; "),
        (("m1", "--at", "yesterday"), "'yesterday' is no time; write a local time such as '2026-11-20 14:30', a span"),
        (("m1", "--at", "2099-01-01"), "--at: this time has not come yet; "),
        (
            ("m1", "--at", "2026-11-01 08:00", "--field", "volume_net_m3"),
            "m1 has no register 'volume_net_m3'; it has volume_m3",
        ),
        (("m1", "--at", "2026-11-01 08:00", "--final", "99000000"), "--force"),
        (("m1", "--source", "m2"), "--source: m2 has the name 'm2' already"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_noted(read: Stopped, words: tuple[str, ...], said: str) -> None:
    assert said in read.command("devices", "exchange", *words, status=2)
    assert (read.audited(), noted(read)) == ([], [])


def test_a_register_that_seems_to_be_a_mistake_is_taken_when_that_is_said(read: Stopped) -> None:
    told = ("devices", "exchange", "m1", "--at", "2026-11-01 08:00", "--final", "99000000")
    assert "m1: counters that start again" in read.command(*told, "--force")


def test_the_name_of_the_new_meter_is_written_into_the_registry(read: Stopped, site: Site) -> None:
    said = read.command("devices", "exchange", "m1", "--at", "2026-11-01 08:00", "--source", "m7")
    assert f"{site.folder}/devices.yaml: written" in said
    assert "source: m7" in (site.folder / "devices.yaml").read_text()
    assert [entry["action"] for entry in read.audited()] == ["meter exchanged", "device changed"]
