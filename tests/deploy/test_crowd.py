"""A crowd at the broker, in a network of its own: who floods costs nobody a reading, and who comes back is let in."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from gateway.commands.demo.services import CHECKOUT

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("nft") is None, reason="only root with nftables loads a table"),
]


def measured(*words: str) -> dict[str, Any]:
    """The result that the measurement prints."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.crowd", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_flood_of_large_messages_over_tls_costs_those_of_the_same_address_nothing_and_is_named_by_its_bytes() -> None:
    found = measured("flood", "--seconds", "8", "--mtu", "1500")
    assert (found["confirmed"], found["lost"], found["innocent_named"]) == (260, 0, [])
    assert found["named_after_s"] < 10
    assert found["packets_held_back"][0] > 0
    assert found["broker_read_mb_s"] < 10
    assert not found["said_to_be_open"]


def test_without_the_table_the_page_says_so_and_the_flooder_is_named_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.crowd", "flood", "--seconds", "8", "--unlimited"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found["said_to_be_open"]
    assert found["named_after_s"] < 10


def test_meters_behind_one_address_come_back_at_once_with_an_hour_of_readings_each_and_none_is_held_back() -> None:
    found = measured("reconnect", "--meters", "500")
    assert (found["confirmed"], found["lost"], found["innocent_named"]) == (30_000, 0, [])
    assert found["packets_held_back"] == [0, 0, 0, 0]
