"""``gateway status``: each gateway of a machine in a line, with what to look at below it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.commands import status
from gateway.commands.cli import main
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config

WELL: dict[str, Any] = {
    "verdict": {"level": "good", "findings": []},
    "devices": {"online": 1998, "offline": 2},
    "ledger": {"written": 1234, "pending": {"queue": 0, "journal": 0}, "lost": 0},
}
AWAY: dict[str, Any] = {"key": "mqtt_away", "level": "trouble", "params": {}, "detail": "no route"}


class Province:
    """Gateways of a machine, each with what its status page answers; None: it does not run."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.answers: dict[str, Mapping[str, Any] | None] = {}

    def has(self, name: str, answer: Mapping[str, Any] | None) -> None:
        """There is such a gateway."""
        (self.folder / name).mkdir()
        (self.folder / name / "gateway.yaml").write_text("{}")
        self.answers[name] = answer

    def asked(self, config: Config, *_: object) -> Mapping[str, Any]:
        """As its page answers; an empty page does not."""
        assert config.file
        answer = self.answers[config.file.parent.name]
        if not answer:
            raise ConfigurationFault(["no answer in time"])
        return answer

    def runs(self, config: Config) -> bool:
        """Tell if it runs."""
        assert config.file
        return self.answers[config.file.parent.name] is not None

    def command(self, *words: str) -> tuple[int, list[str]]:
        """Give the command; its exit status and lines."""
        result = main(["status", *words])
        return result, self._capsys.readouterr().out.splitlines()

    def shown(self, name: str, *words: str) -> tuple[int, list[str]]:
        """Ask for one of them."""
        return self.command("-c", str(self.folder / name / "gateway.yaml"), *words)


@pytest.fixture
def province(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Province:
    found = Province(tmp_path, capsys)
    monkeypatch.setattr(status, "ask", found.asked)
    monkeypatch.setattr(status, "is_running", found.runs)
    return found


def words_of(line: str) -> list[str]:
    return [word for word in line.split("  ") if word]


def test_one_that_is_well_has_one_line_with_its_devices_and_readings(province: Province) -> None:
    province.has("gateway", WELL)
    result, (line,) = province.shown("gateway")
    cells = [cell.strip() for cell in words_of(line)]
    assert (result, cells) == (0, ["gateway", "good", "1,998 of 2,000 devices report", "1,234 readings written"])
    assert province.shown("gateway", "--language", "vi")[1][0].split("  ")[0] == "gateway"
    assert "bình thường" in province.shown("gateway", "--language", "vi")[1][0]


def test_what_waits_and_what_is_lost_is_told_where_there_is_any(province: Province) -> None:
    province.has("gateway", WELL | {"ledger": {"written": 0, "pending": {"queue": 2, "journal": 3}, "lost": 1}})
    assert province.shown("gateway")[1][0].endswith("0 readings written, 5 wait, 1 lost")


@pytest.mark.parametrize(("level", "result"), [("good", 0), ("attention", 0), ("trouble", 1)])
def test_only_trouble_is_a_failure_and_its_findings_stand_below(province: Province, level: str, result: int) -> None:
    province.has("gateway", WELL | {"verdict": {"level": level, "findings": [AWAY]}})
    assert province.shown("gateway")[0] == result
    assert province.shown("gateway")[1][1:] == ["    MQTT broker: not connected: no route"]


def test_one_that_stands_and_one_that_does_not_answer_are_failures_with_their_reason(province: Province) -> None:
    province.has("gateway-a", None)
    province.has("gateway-b", {})
    for name, state, reason in [
        ("gateway-a", "not running", str(province.folder / "gateway-a" / "gateway.yaml")),
        ("gateway-b", "no answer", "no answer in time"),
    ]:
        result, (line, below) = province.shown(name)
        assert (result, words_of(line)[-1].strip(), below) == (1, state, f"    {reason}")


def test_all_of_a_machine_are_counted_up_and_a_faulty_file_does_not_hide_the_others(province: Province) -> None:
    under = ("--all", "--under", str(province.folder))
    province.has("gateway", WELL)
    assert len(province.command(*under)[1]) == 1, "of one alone there is nothing to count up"
    province.has("gateway-b", WELL)
    assert province.command(*under) == (0, [*province.command(*under)[1][:2], "", "All is well with 2 gateways."])
    province.has("gateway-a", WELL)
    (province.folder / "gateway-a" / "gateway.yaml").write_text("mqtt: 7")
    result, lines = province.command(*under)
    assert (result, lines[-2:]) == (1, ["", "1 of 3 gateways need a look."])
    assert [line.split()[0] for line in lines if line and not line.startswith(" ")][:3] == ["gateway", "gateway-a", "gateway-b"]
    assert main(["status", "--all", "--under", str(province.folder / "gateway")]) == 2


def test_a_backlog_a_budget_and_the_role_of_a_standby_are_told(province: Province) -> None:
    province.has(
        "gateway",
        WELL
        | {
            "catch_up": {"readings_left": 5000, "seconds_left": 90},
            "link": {"bytes_per_s": 800, "max_bytes_per_s": 1000},
            "standby": {"role": "passive", "machine": "pi-2", "others": {"pi-1": "live"}},
        },
    )
    line, role, *below = province.shown("gateway")[1]
    assert "stands by" in line
    assert role == "    pi-2 stands by; the other: pi-1 is live"
    assert below[0].startswith("    journal: 5,000 readings left, gone in ")
    assert below[1] == "    link to InfluxDB: 800 B/s of 1,000 B/s"


def test_a_program_gets_the_whole_answer(province: Province) -> None:
    province.has("gateway", WELL)
    (found,) = json.loads("\n".join(province.shown("gateway", "--json")[1]))
    assert found["status"] == WELL
    assert (found["name"], found["state"], found["fault"]) == ("gateway", "good", "")
    assert found["file"] == str(province.folder / "gateway" / "gateway.yaml")
