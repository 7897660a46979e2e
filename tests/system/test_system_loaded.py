"""The modules of a gateway that has all configured that once led to an administrator's tools."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.demo.services import Program, Service
from tests.system.rig import Gateway, gateway
from tests.waiting import until

NOWHERE: Final = "http://127.0.0.1:1"
RUN_AND_TELL: Final = """
import sys
from pathlib import Path
from gateway.commands.cli import main
status = main(sys.argv[2:])
Path(sys.argv[1]).write_text("\\n".join(sys.modules))
sys.exit(status)
"""


@pytest.fixture
def gate(mosquitto: Service, tmp_path: Path) -> Iterator[Gateway]:
    """One of several gateways, whose queue is watched and devices are enrolled; at its end it tells what it has loaded."""
    secret = tmp_path / "secret"
    secret.write_text("well kept")
    secret.chmod(0o600)
    management = {"url": NOWHERE, "username": "gateway", "password_file": str(secret)}
    shares = {"gateways": ["a"], "shares": [{"site": "ward-1", "gateway": "a"}], "management": management}
    (tmp_path / "shares.yaml").write_text(json.dumps(shares))
    (tmp_path / "devices.yaml").write_text("devices: [{id: wm-1, site: ward-1, domain: water}]")
    enrolment = {"url": mosquitto.url, "management": NOWHERE, "password_file": str(secret)}
    found = gateway(
        tmp_path / "gateway",
        mosquitto.url,
        NOWHERE,
        mqtt={"client_id": "a", "shares": str(tmp_path / "shares.yaml")},
        devices={"registry": str(tmp_path / "devices.yaml")},
        enrolment=enrolment,
    )
    arguments = ["-c", RUN_AND_TELL, str(tmp_path / "loaded"), "run", "-c", str(found.config)]
    found.program, found.arguments = Program(Path(sys.executable)), arguments
    with found:
        found.wait_subscribed()
        yield found


def test_a_running_gateway_loads_nothing_that_sets_one_up(gate: Gateway, tmp_path: Path) -> None:
    until(lambda: gate.said(NOWHERE) > 1, what="the broker's API is asked about the queue")
    assert gate.ask("/devices/wm-1")[0] == 200
    status, body = gate.ask("/api/devices/wm-1/enroll", "POST", token=gate.token())
    assert status >= 400, body
    assert gate.terminate() == 0
    loaded = (tmp_path / "loaded").read_text().split()
    assert {"gateway.web.server", "gateway.onboarding.registration", "gateway.ingest.broker.rabbitmq.queues"} <= set(loaded)
    assert [name for name in loaded if f"{name}.".startswith(("gateway.admin.", "gateway.commands.setup."))] == []
