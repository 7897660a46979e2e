"""Settings that ``gateway setup`` writes: into lines of nobody's, and no line of a person is another afterwards."""

from pathlib import Path

import pytest
import yaml

from gateway.commands.setup.settings import beside, filled, put_settings

SAMPLE = (Path(__file__).parents[3] / "deploy" / "gateway.yaml").read_text()
WANTED = {
    "mqtt": {"username": "gateway", "password_file": "secrets/gateway.password"},
    "enrolment": {"url": "mqtts://[2001:db8::1]:8883", "ca": "ca.crt"},
}


def test_the_shipped_sample_is_filled_in_and_keeps_its_comments() -> None:
    found = filled(SAMPLE, WANTED)
    assert found.left == {}
    assert found.written == ["mqtt.username", "mqtt.password_file", "enrolment.url", "enrolment.ca"]
    changed = [(old, new) for old, new in zip(SAMPLE.splitlines(), found.text.splitlines(), strict=True) if old != new]
    assert len(changed) == 4
    assert all(old.partition("#")[1:] == new.partition("#")[1:] for old, new in changed), "comments stay"
    read = yaml.safe_load(found.text)
    assert {key: read["mqtt"][key] for key in WANTED["mqtt"]} == WANTED["mqtt"]
    assert {key: read["enrolment"][key] for key in WANTED["enrolment"]} == WANTED["enrolment"]


def test_what_is_written_already_is_not_written_again() -> None:
    once = filled(SAMPLE, WANTED).text
    again = filled(once, WANTED)
    assert (again.text, again.written, again.left) == (once, [], {})


PERSONS = [
    "",
    "# only a comment\n",
    "language: en\n",
    "mqtt: {url: mqtt://192.0.2.7:1883}\n",
    "mqtt:\n  # mine\n  url: mqtt://192.0.2.7 # the old broker\n  username: lan\n\nhttp:\n  port: 81\n# the end",
    "mqtt:\nenrolment:\n    username: boss\n",
    '{"mqtt": {"username": "lan"}}',
    "mqtt:\r\n  username: lan\r\n",
    'mqtt: {username: "lan"}\nenrolment: {ca: /etc/ssl/ca.crt}\n',
    SAMPLE.replace("username: null", "username: lan", 1),
    SAMPLE.replace("username: null", "username: null # no account: it is a test", 1),
]


@pytest.mark.parametrize("text", PERSONS, ids=range(len(PERSONS)))
def test_every_line_of_a_person_stays_and_every_setting_is_written_or_told(text: str) -> None:
    found = filled(text, WANTED)
    kept = iter(found.text.splitlines())
    lines = [line for line in text.splitlines() if line not in SAMPLE.splitlines()]
    assert all(line in kept for line in lines), "in their order"
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(found.text) or {}
    told = {f"{section}.{key}" for section, keys in found.left.items() for key in keys}
    assert told.isdisjoint(found.written)
    for section, keys in WANTED.items():
        for key, value in keys.items():
            name = f"{section}.{key}"
            if name in told:
                assert (after.get(section) or {}).get(key) == (before.get(section) or {}).get(key)
            else:
                assert after[section][key] == value
    assert {section: keys for section, keys in after.items() if section not in WANTED} == {
        section: keys for section, keys in before.items() if section not in WANTED
    }


def test_a_person_is_told_which_lines_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("mqtt: {username: lan}\n")
    file.chmod(0o640)
    assert not put_settings(file, {"mqtt": {"username": "gateway"}, "enrolment": {"ca": "ca.crt"}}, dry_run=False)
    said = capsys.readouterr().out
    assert "written: enrolment.ca" in said
    assert "  mqtt:\n    username: gateway" in said
    assert file.read_text() == "mqtt: {username: lan}\n\nenrolment:\n  ca: ca.crt\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "gateway.yaml.bak").read_text() == "mqtt: {username: lan}\n"


def test_a_dry_run_writes_nothing_and_says_what_it_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(SAMPLE)
    assert put_settings(file, WANTED, dry_run=True)
    assert "would be written: mqtt.username" in capsys.readouterr().out
    assert file.read_text() == SAMPLE
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_in_the_folder_of_the_settings_is_named_from_there() -> None:
    file = Path("/etc/gateway/gateway.yaml")
    assert beside(file, Path("/etc/gateway/secrets/x.password")) == "secrets/x.password"
    assert beside(file, Path("/srv/x.password")) == "/srv/x.password"
