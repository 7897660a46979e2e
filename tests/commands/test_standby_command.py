"""``gateway standby gone``: what it refuses before it asks a broker, and what it says when there is none."""

import json
from pathlib import Path

import pytest

from gateway.commands.demo.services import free_port
from tests.system.rig import run_gateway


@pytest.mark.parametrize(
    ("standby", "said"),
    [
        pytest.param({}, "mqtt.standby.machine: is not set", id="alone"),
        pytest.param({"machine": "a"}, "a is this machine", id="itself"),
        pytest.param({"machine": "b"}, "mqtt://127.0.0.1:", id="no broker"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(standby: dict[str, str], said: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps({"mqtt": {"url": f"mqtt://127.0.0.1:{free_port()}", "standby": standby}}))
    done = run_gateway("standby", "gone", "a", "-c", file)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
