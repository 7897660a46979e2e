"""A machine without IPv4 runs the whole chain: broker, certificates, accounts, database, gateway, devices, pages."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.ipv6_only import entered

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

CHECKOUT = Path(__file__).parents[2]


def test_the_whole_chain_runs_in_a_network_without_ipv4(tmp_path: Path) -> None:
    if shutil.which("ip") is None:
        pytest.skip("ip (iproute2) is missing")
    inside = entered(tmp_path)
    tried = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine lets a test have no network of its own: {tried.stderr.strip()}")
    words = [*inside, sys.executable, "-m", "tests.system.ipv6_only", str(tmp_path)]
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
