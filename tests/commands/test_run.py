import asyncio
import subprocess
import sys
from pathlib import Path

from gateway.commands.run import _Ending

STORY = """
import gc
gc.disable()
from gateway.commands.run import calm_garbage_collector

class Knot:
    def __init__(self):
        self.itself = self

    def __del__(self):
        print("collected")

calm_garbage_collector()
assert gc.isenabled()
Knot()
calm_garbage_collector()
gc.collect()
"""
"""A start, then garbage in a circle, then the second pipeline of a gateway whose journal came back."""


def test_a_start_leaves_the_garbage_collector_on_and_a_later_pipeline_keeps_no_garbage() -> None:
    assert subprocess.run([sys.executable, "-c", STORY], check=True, capture_output=True, text=True).stdout == "collected\n"


STARTED = """
import sys
from gateway.__main__ import main
sys.argv[1:] = ["run", "-c", "gateway.yaml"]
print(main(), "gateway.commands.run" in sys.modules, *(name in sys.modules for name in ("argparse", "yaml")))
"""


def test_a_service_starts_without_parsers_that_it_does_not_need_and_tells_its_faults(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("mqtt:\n  url: nowhere # plain enough to be read without PyYAML\n")
    ended = subprocess.run([sys.executable, "-c", STARTED], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ended.stdout == "2 True False False\n"
    assert ended.stderr.startswith("gateway.yaml: mqtt.url: ")


def test_a_run_ends_when_this_machine_has_stood_back_and_for_good_only_by_a_signal() -> None:
    async def ends() -> tuple[bool, bool]:
        ending, stood_back = _Ending(), asyncio.Event()
        waiting = asyncio.create_task(ending.when(stood_back))
        await asyncio.sleep(0)
        assert not ending.event.is_set()
        stood_back.set()
        await waiting
        return ending.event.is_set(), ending.is_told

    assert asyncio.run(ends()) == (True, False)
    told = _Ending()
    told.tell()
    assert (told.event.is_set(), told.is_told) == (True, True)
