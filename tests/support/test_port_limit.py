"""The limit of what devices may send: which port it is for, and whether the table is loaded, in a network of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.admin.broker.configuration import port_limit
from gateway.support.config.model import Config, EnrolmentSection, Mqtt
from gateway.support.port_limit import is_limited, open_port
from tests.rows import each_row

PORT = 18_883
FOREIGN = "table inet others { chain input { type filter hook input priority filter; tcp dport 22 accept; }; }"
ASK = f"{sys.executable} -c 'from gateway.support.port_limit import is_limited as ask; print(ask({PORT}), ask({PORT + 1}))'"


@each_row(
    ("broker", "devices", "management", "port"),
    [
        ("mqtt://localhost:1883", "mqtts://broker.example.vn", None, 8883),
        ("mqtt://127.0.0.1:1883", "mqtts://broker.example.vn:8884", None, 8884),
        ("mqtt://[::1]:1883", "mqtts://[2001:db8::10]:8884", None, 8884),
        ("mqtt://localhost:1883", None, None, 0),
        ("mqtts://broker.example.vn:8883", "mqtts://broker.example.vn", None, 0),
        ("mqtt://localhost:1883", "mqtts://broker.example.vn", "http://localhost:15672", 0),
    ],
)
def test_it_is_asked_for_where_devices_come_to_a_mosquitto_of_this_machine(
    broker: str, devices: str | None, management: str | None, port: int
) -> None:
    config = Config(mqtt=Mqtt(url=broker), enrolment=EnrolmentSection(url=devices, management=management))
    assert not is_limited(port)
    assert open_port(config) == port


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("nft") is None, reason="only root with nftables loads a table")
def test_the_table_is_seen_as_long_as_it_is_loaded_and_touches_no_other(tmp_path: Path) -> None:
    for name, text in (("limit.nft", port_limit(PORT)), ("foreign.nft", FOREIGN)):
        (tmp_path / name).write_text(text)
    steps = [
        "ip link set lo up",
        ASK,
        "nft -f foreign.nft",
        "nft -f limit.nft",
        "nft -f limit.nft",
        ASK,
        "nft list tables",
        "nft list table inet others | grep -c 'dport 22'",
        "nft flush ruleset",
        ASK,
    ]
    ran = subprocess.run(
        ["unshare", "--net", "sh", "-e", "-c", "; ".join(steps)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines() == [
        "False False",
        "True False",
        "table inet others",
        "table inet gateway_broker",
        "1",
        "False False",
    ], ran.stderr
