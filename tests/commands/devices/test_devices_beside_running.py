"""Commands about a device beside a gateway that runs: it changes the registry and the counters, and they tell what it did."""

import pytest

from tests.commands.stopped import Running
from tests.site import Site


def test_a_device_is_changed_at_once_and_it_is_said_what_came_in_for_it(running: Running) -> None:
    for path in ("/api/devices", "/api/devices/m1/edit", "/api/devices/m%2F1/retire"):
        running.api.answers["POST", path] = {"device": "m1", "done": "registered"}
    assert running.command("devices", "add", "m1", "--site", "q1", "--interval", "900", "--lat", "21.5") == (
        "m1: registered, and active\n"
    )
    assert running.api.asked[-1].body == {"id": "m1", "site": "q1", "interval": 900.0, "lat": "21.5"}
    running.api.answers["POST", "/api/devices"] |= {"waiting": 1}
    added = running.command("devices", "add", "m1", "--param", "pulse_weight=10", "--param", "code=0012", "--param", "off=")
    assert added == "m1: registered, and active; 1 message that waited for it comes in\n"
    assert running.api.asked[-1].body == {"id": "m1", "params": {"pulse_weight": 10, "code": "0012", "off": None}}
    running.api.answers["POST", "/api/devices/m1/edit"] |= {"waiting": 2}
    assert "; 2 messages that waited for it come in\n" in running.command("devices", "edit", "m1", "--interval", "1h")
    assert running.api.asked[-1].body == {"interval": "1h"}
    running.command("devices", "retire", "m/1")
    for words, said in {
        ("edit", "m1"): "m1: nothing to change is given",
        ("add", "m1", "--param", "=1"): "--param =1: write NAME=VALUE, such as pulse_weight=10",
        ("add", "m1", "--param", "weight"): "--param weight: write NAME=VALUE",
    }.items():
        assert said in running.command("devices", *words, status=2)


def test_an_exchange_is_told_and_what_is_to_be_worked_out_again(running: Running, site: Site) -> None:
    path, done = "/api/devices/m1/exchange", {"device": "m1", "begin_anew": ["volume_m3"], "told_late": []}
    running.api.answers["POST", path] = done
    told = ("devices", "exchange", "m1", "--at", "2026-11-01 07:00")
    assert running.command(*told, "--final", "12.5", "--register", "0") == (
        "m1: counters that start again with the next reading: volume_m3\n"
    )
    at = {"at_ms": "1793491200000"}
    assert running.api.changes[-1][1] == at | {"final": "12.5", "register": "0.0"}
    running.api.answers["POST", path] = done | {"begin_anew": [], "told_late": ["volume_m3"]}
    assert running.command(*told, "--force", "--field", "volume_m3").splitlines() == [
        "m1: volume_m3: readings came since then: the sums are worked out again in the night, or now by",
        "gateway devices resum m1 --from '2026-11-01 07:00:00+07:00'",
    ]
    assert running.api.changes[-1][1] == at | {"field": "volume_m3", "force": "1"}
    running.api.answers["POST", path] = done | {"begin_anew": []}
    assert running.command(*told).endswith("with the next reading: none known\n")
    assert running.command("devices", "exchange", "m1", "--at", "soon", status=2).startswith("'soon' is no time; write a local")
    site.devices()
    assert "--source: " in running.command(*told, "--source", "m2", status=2), "refused before it is recorded"


def test_sums_are_worked_out_again_by_it_and_the_result_is_told(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.commands.devices.counters._LOOK_EVERY_S", 0)
    path = "/api/devices/m1/resum"
    going = {"device": "m1", "done": False, "fault": "", "at_ms": 0, "read": 4, "changed": 2, "written": True}
    running.api.answers["POST", path] = going
    running.api.answers["GET", path] = [going, going | {"done": True}]
    assert running.command("devices", "resum", "m1", "--from", "2026-11-01") == "m1: 2 sums changed, of 4 readings\n"
    assert running.api.changes == [(path, {"from_ms": "1793466000000"})]
    running.api.answers["POST", path] = going | {"done": True, "written": False}
    assert running.command("devices", "resum", "m1", "--from", "2026-11-01").splitlines()[1:] == [
        "m1: 4 readings; from now on its sums are written right"
    ]
    running.api.answers["POST", path] = going | {"fault": "it is away"}
    assert (
        running.command("devices", "resum", "m1", "--from", "40d", status=3) == "m1: it is away; 2 sums were changed so far\n"
    )
    assert "this time has not come yet" in running.command("devices", "resum", "m1", "--from", "2099-01-01", status=2)
