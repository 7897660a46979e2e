"""``python -m tests.campaigns.chaos`` as people run it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.chaos.trial import TRIAL
from tests.campaigns.rig.command import main
from tests.processes import children
from tests.waiting import until


def processes_in(folder: Path) -> list[str]:
    """Command lines of all processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it ended meanwhile, or is not ours
            continue
    return found


@pytest.mark.real
@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, id="ctrl-c"), pytest.param(signal.SIGKILL, id="killed", marks=pytest.mark.slow)]
)
def test_a_campaign_that_is_stopped_leaves_nothing_running(number: signal.Signals, tmp_path: Path) -> None:
    words = ["--schedules", "3", "--side-by-side", "2", "--keep", str(tmp_path)]
    campaign = subprocess.Popen([sys.executable, "-m", "tests.campaigns.chaos", *words], stderr=subprocess.PIPE, text=True)
    until(lambda: sum("gateway.yaml" in line for line in processes_in(tmp_path)) >= 2, what="two gateways run")
    campaign.send_signal(number)
    until(lambda: campaign.poll() is not None, what="the campaign has ended")  # it says less than a pipe holds
    _, said = campaign.communicate()
    assert campaign.returncode == (130 if number is signal.SIGINT else -number)
    assert ("stopped by Ctrl-C" in said) is (number is signal.SIGINT)
    until(lambda: not processes_in(tmp_path) and not children(), what="all have ended")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--schedules", "0"], id="none"),
        pytest.param(["--side-by-side", "0"], id="none-at-a-time"),
        pytest.param(["--seconds", "0"], id="no-time"),
        pytest.param(["--first", "-1"], id="negative"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(TRIAL, arguments)
    assert ended.value.code == 2
    assert "--schedules and --side-by-side are at least 1" in capsys.readouterr().err
