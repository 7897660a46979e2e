"""A command of ours as a process of its own comes after the gateway where the machine is short of something."""

import os
import subprocess
import sys
from pathlib import Path

from gateway.runtime.jobs.exports import _stand_back


def test_it_gives_way_in_cpu_and_is_the_first_to_go_where_memory_is_short() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            _stand_back(process.pid)
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
            assert Path(f"/proc/{process.pid}/oom_score_adj").read_text() == "900\n"
        finally:
            process.kill()


def test_one_that_has_ended_already_is_no_fault() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    _stand_back(process.pid)
