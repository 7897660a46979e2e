import subprocess
import sys

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
