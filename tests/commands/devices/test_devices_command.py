"""``gateway devices`` as people call it, without a gateway or with one whose answer is known."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.devices import devices as devices_command
from gateway.support.i18n.languages import WORDS
from tests.commands.typed import offered, written
from tests.system.rig import run_gateway

REGISTRY = """\
# ours
areas:
  A01: Phường Trung Tâm
  A02: Xã Thượng Nguồn
devices:
  - id: wm-1 # first
    site: s1
    domain: water
    area: A01
    interval: 15min
  - {id: wm-2, domain: water, area: A01, interval: 1d}
  - {id: em-1, domain: power, area: A02, model: Meter}
  - {id: 24-E1-24-13-6D-00-00-01, domain: urban}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "devices.yaml").write_text(REGISTRY, encoding="utf-8")
    (tmp_path / "gateway.yaml").write_text("http: {port: 9}\n")
    return tmp_path / "gateway.yaml"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A running gateway that has heard four registered devices, one of them long ago, and a stranger."""
    states = {"wm-1": "online", "wm-2": "online", "em-1": "silent", "24e124136d000001": "online", "stranger": "unregistered"}
    documents: list[dict[str, Any]] = [
        {
            "id": name,
            "registered": name != "stranger",
            "state": state,
            "last_seen": 1_793_491_200_000,
            "domain": "water" if name == "stranger" else None,
        }
        for name, state in states.items()
    ]
    monkeypatch.setattr(devices_command, "is_running", lambda _: True)
    monkeypatch.setattr(devices_command, "ask", lambda *_: {"devices": documents})


def devices(config: Path, *arguments: str | Path, status: int = 0) -> str:
    done = run_gateway("devices", *arguments, "-c", config)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def imported(config: Path, content: str, *arguments: str, status: int = 0) -> str:
    file = config.with_name("new.csv")
    file.write_text(content, encoding="utf-8")
    return devices(config, "import", file, *arguments, status=status)


# coverage


@pytest.mark.usefixtures("heard")
def test_coverage_counts_each_area_and_domain(config: Path) -> None:
    found = json.loads(devices(config, "coverage", "--json"))
    counts = ("registered", "reporting", "silent", "unregistered", "share_pct")
    groups = {(group["area"], group["domain"]): tuple(group[key] for key in counts) for group in found["groups"]}
    assert groups == {
        ("A01", "water"): (2, 2, 0, 0, 100),
        ("A02", "power"): (1, 0, 1, 0, 0),
        (None, "water"): (0, 0, 0, 1, None),
        (None, "urban"): (1, 1, 0, 0, 100),
    }
    assert (found["running"], found["groups"][0]["name"], found["groups"][-1]["name"]) == (True, "Phường Trung Tâm", None)
    assert tuple(found["total"][key] for key in counts) == (4, 3, 1, 1, 75)
    assert [total["domain"] for total in found["domains"]] == ["water", "power", "urban"]


@pytest.mark.usefixtures("heard")
def test_the_csv_has_the_same_numbers_under_fixed_names(config: Path) -> None:
    rows = list(csv.DictReader(StringIO(devices(config, "coverage", "--csv", "--language", "vi"))))
    assert rows[0] == {
        "area": "A01",
        "name": "Phường Trung Tâm",
        "domain": "water",
        "registered": "2",
        "reporting": "2",
        "silent": "0",
        "new": "0",
        "unknown": "0",
        "unregistered": "0",
        "share_pct": "100.0",
    }
    assert len(rows) == 4


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("vi", ["Khu vực", "Đã đăng ký", "(chưa có khu vực)", "Nước", "Tổng cộng", "75,0 %"], id="vietnamese"),
        pytest.param("en", ["Area", "Registered", "(no area)", "Water", "Total", "75.0 %"], id="english"),
    ],
)
def test_the_table_speaks_the_language_and_fits_100_columns(config: Path, language: str, words: list[str]) -> None:
    long = REGISTRY.replace("Xã Thượng Nguồn", "Khu công nghiệp công nghệ cao Thượng Nguồn mở rộng giai đoạn hai")
    config.with_name("devices.yaml").write_text(long, encoding="utf-8")
    table = devices(config, "coverage", "--language", language)
    assert [word for word in words if word not in table] == []
    assert max(map(len, table.splitlines())) <= 100


def test_the_table_speaks_english_unless_another_language_is_asked_for(config: Path) -> None:
    config.write_text("language: vi\n")
    assert "Area" in devices(config, "coverage")


def test_areas_of_one_name_are_told_apart(config: Path) -> None:
    text = REGISTRY.replace("Xã Thượng Nguồn", "Phường Trung Tâm")
    config.with_name("devices.yaml").write_text(text, encoding="utf-8")
    table = devices(config, "coverage")
    assert "Phường Trung Tâm (A01)" in table
    assert "Phường Trung Tâm (A02)" in table


def test_without_a_running_gateway_it_says_that_only_the_registry_is_known(config: Path) -> None:
    for language in ("vi", "en"):
        assert getattr(WORDS["only_registry"], language) in devices(config, "coverage", "--language", language)
    found = json.loads(devices(config, "coverage", "--json"))
    assert (found["running"], found["total"]["registered"], found["total"]["reporting"]) == (False, 4, None)
    assert "the gateway is not running" in devices(config, "list")


# list


@pytest.mark.usefixtures("heard")
def test_the_list_joins_the_registry_with_what_was_heard(config: Path) -> None:
    found = {row["id"]: row for row in map(json.loads, devices(config, "list", "--json").splitlines())}
    states = {name: (row["registered"], row["state"]) for name, row in found.items()}
    assert states == {
        "wm-1": (True, "online"),
        "wm-2": (True, "online"),
        "em-1": (True, "silent"),
        "24-E1-24-13-6D-00-00-01": (True, "online"),
        "stranger": (False, "unregistered"),
    }
    assert (found["wm-1"]["interval"], found["em-1"]["model"], found["wm-1"]["params"]) == ("15min", "Meter", {})
    assert len(devices(config, "list").splitlines()) == 6


# import


def test_an_import_shows_what_changes_and_writes_it(config: Path) -> None:
    said = imported(config, "id,site,area,interval\nwm-1,s9,,\nwm-9,s2,A02,15min\nwm-2,,,1d\n")
    assert said.splitlines()[:3] == [
        "changed  wm-1  site: s1 → s9",
        "new      wm-9  site: s2, area: A02, interval: 15min",
        "1 new, 1 changed, 1 unchanged",
    ]
    assert "systemctl reload gateway" in said
    text = config.with_name("devices.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ours\n")
    assert "site: s9" in text
    assert config.with_name("devices.yaml.bak").read_text(encoding="utf-8") == REGISTRY


def test_a_dry_run_writes_nothing(config: Path) -> None:
    assert "nothing written" in imported(config, "id\nwm-9\n", "--dry-run")
    assert json.loads(imported(config, "id\nwm-9\n", "--dry-run", "--json")) == {
        "new": 1,
        "changed": 0,
        "same": 0,
        "written": False,
    }
    assert config.with_name("devices.yaml").read_text(encoding="utf-8") == REGISTRY


def test_one_faulty_cell_is_enough_for_nothing_to_be_written(config: Path) -> None:
    said = imported(config, "id,lat\nwm-9,1\nwm-8,91\n", status=2)
    assert said == f"{config.with_name('new.csv')}: row 3: lat: '91' is more than 90\n"
    assert config.with_name("devices.yaml").read_text(encoding="utf-8") == REGISTRY


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param(
            "id,parent\nwm-1,wm-1\n",
            "row 2: parent: wm-1 → wm-1: nothing flows to a device through itself",
            id="a-parent",
        ),
        pytest.param(
            "id,model\nwm-9,\nwm-8,EM300-DI\n",
            "row 3: params.pulse_weight: is missing; profile milesight-em300-di needs it of wm-8",
            id="a-parameter",
        ),
        pytest.param("id,profile\nwm-9,nobody\n", "row 2: profile: there is no profile nobody", id="a-profile"),
        pytest.param(
            "id\nwm-9\ngateway-1\n",
            "row 3: id: gateway-1 is mqtt.client_id: at the broker the device could be the gateway; rename it",
            id="the-gateways-name",
        ),
    ],
)
def test_an_import_refuses_by_row_what_check_would_refuse(config: Path, rows: str, said: str) -> None:
    for options in (("--dry-run",), ()):
        assert imported(config, rows, *options, status=2) == f"{config.with_name('new.csv')}: {said}\n"
    assert config.with_name("devices.yaml").read_text(encoding="utf-8") == REGISTRY


def test_an_import_is_not_refused_for_what_other_devices_lack(config: Path) -> None:
    with config.with_name("devices.yaml").open("a", encoding="utf-8") as registry:
        registry.write("  - {id: lacking, model: EM300-DI}\n")
    assert "1 new" in imported(config, "id,model,params.pulse_weight\nwm-8,EM300-DI,10\n")


def test_importing_the_same_again_writes_nothing(config: Path) -> None:
    imported(config, "id\nwm-9\n")
    before = config.with_name("devices.yaml").stat().st_mtime_ns
    assert "0 new, 0 changed, 1 unchanged" in imported(config, "id\nwm-9\n")
    assert config.with_name("devices.yaml").stat().st_mtime_ns == before


def test_ten_thousand_devices_are_imported_into_a_registry_that_is_not_there_yet(config: Path) -> None:
    config.with_name("devices.yaml").unlink()
    rows = "".join(f"wm-{n:05},s{n % 99},water,{n:08},15min,22.{n:05},0.{n:03}\n" for n in range(10_000))
    said = imported(config, f"id,site,domain,serial,interval,lat,params.pulse_weight\n{rows}")
    assert "... and 9980 more" in said
    assert json.loads(devices(config, "coverage", "--json"))["total"]["registered"] == 10_000


def test_a_registry_with_a_byte_order_mark_keeps_its_comments(config: Path) -> None:
    config.with_name("devices.yaml").write_text(REGISTRY, encoding="utf-8-sig")
    imported(config, "id,site\nwm-1,s9\n")
    assert config.with_name("devices.yaml").read_text(encoding="utf-8").startswith("# ours\n")


def test_a_faulty_registry_is_named_by_every_action(config: Path) -> None:
    config.with_name("devices.yaml").write_text("devices: [{id: a, lat: 91}]")
    for arguments in (["list"], ["coverage"], ["import", str(config.with_name("new.csv"))]):
        assert "devices.0.lat: 91 is more than 90" in devices(config, *arguments, status=2)


@pytest.mark.parametrize(
    "arguments", [[], ["export"], ["import"], ["coverage", "--json", "--csv"], ["coverage", "--language", "fr"]]
)
def test_a_command_that_is_none_is_refused(config: Path, arguments: list[str]) -> None:
    said = devices(config, *arguments, status=2)
    assert said.startswith("gateway devices")
    assert said.endswith(" --help)\n")


def test_one_device_is_registered_changed_and_retired_where_it_stands(config: Path) -> None:
    file = config.with_name("devices.yaml")
    said = devices(
        config, "add", "wm-3", "--site", "s1", "--area", "A02", "--interval", "900", "--serial", "0012", "--param", "k=0012"
    )
    assert "written; the old file is" in said
    assert "systemctl reload gateway" in said
    added = '  - id: wm-3\n    site: s1\n    area: A02\n    serial: "0012"\n    interval: 15min\n    params:\n      k: "0012"\n'
    assert file.read_text(encoding="utf-8") == REGISTRY + added
    devices(config, "edit", "wm-1", "--area", "A02", "--interval", "")
    changed = REGISTRY.replace("    area: A01\n    interval: 15min\n", "    area: A02\n")
    assert file.read_text(encoding="utf-8") == changed + added, "the remark beside its id stays"
    assert "says so already" in devices(config, "edit", "wm-1", "--area", "A02")
    devices(config, "retire", "wm-3")
    assert file.read_text(encoding="utf-8") == changed
    audit = run_gateway("audit", "list", "-c", config).stdout
    assert [action in audit for action in ("device registered", "device changed", "device retired")] == [True] * 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["add", "wm-1"], "wm-1: id: wm-1 is registered already", id="twice"),
        pytest.param(["add", "24E124136D000001"], "id: 24E124136D000001 is registered already", id="twice-in-another-writing"),
        pytest.param(["add", "a b"], "'a b' may hold 1 to 64 of A-Z", id="no-id"),
        pytest.param(["add", "n", "--area", "A9"], "n: area: A9 is not among the areas", id="area"),
        pytest.param(["add", "n", "--interval", "soon"], "n: interval: ", id="interval"),
        pytest.param(["add", "n", "--lat", "95"], "n: lat: '95' is more than 90", id="latitude"),
        pytest.param(["add", "n", "--profile", "none"], "n: profile: there is no profile none", id="profile"),
        pytest.param(["add", "n", "--model", "EM300-DI"], "profile milesight-em300-di needs it of n", id="parameter"),
        pytest.param(["add", "n", "--param", "k"], "--param k: write NAME=VALUE, such as pulse_weight=10", id="no-value"),
        pytest.param(["edit", "gone", "--site", "s"], "'gone' is not in the registry; register it first", id="unknown"),
        pytest.param(["edit", "wm-1"], "nothing to change is given", id="nothing-given"),
        pytest.param(["retire", "gone"], "'gone' is not in the registry", id="retire-unknown"),
    ],
)
def test_a_wrong_device_is_refused_by_key_and_nothing_is_written(config: Path, arguments: list[str], said: str) -> None:
    assert said in devices(config, *arguments, status=2)
    assert config.with_name("devices.yaml").read_text(encoding="utf-8") == REGISTRY


def test_what_people_type_is_what_they_know() -> None:
    assert offered("devices", "decode", "profiles") == written("devices", "decode", "profiles")
