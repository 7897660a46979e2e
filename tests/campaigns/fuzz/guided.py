"""One target under atheris, libFuzzer for Python: never returns.

The project's own modules are instrumented as they are imported, so whoever calls this must not have imported any of them yet.
"""

import gc
import importlib
import random
import sys
from typing import Any

from tests.campaigns.fuzz.engines import Folder

INSTRUMENTED = ["gateway", "schemas", "firmware_sim"]
OURS = 0.6
"""How often an input is made by our own mutations, which know JSON, and not by libFuzzer's."""


def fuzz(name: str, arguments: list[str], folder: Folder) -> None:
    """Feed a target until its time is over or it fails; libFuzzer's ``arguments`` say how long and where from."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED):
        target = importlib.import_module("tests.campaigns.fuzz.targets").target_of(name)
        judged = importlib.import_module("tests.campaigns.fuzz.target").judged
        ways_of = importlib.import_module("tests.campaigns.fuzz.ways").Ways
        run = judged(target)
        seeds = [*target.seeds(), *target.found()]
        ways = ways_of(seeds, random.Random())  # noqa: S311 - no secrets

        def mutated(data: bytes, longest_bytes: int, seed: int) -> bytes:
            ways.chance.seed(seed)
            made: bytes = ways.spoiled(data) if ways.chance.random() < OURS else atheris.Mutate(data, longest_bytes)
            return made[:longest_bytes]

        words = folder.path / "words"
        words.write_text(dictionary(seeds), encoding="ascii")
        for number, seed in enumerate(seeds):
            (folder.seeds / f"{number:03}").write_bytes(seed)
        options = [f"-dict={words}", f"-max_len={target.longest_bytes}", *arguments]
        gc.freeze()  # what was made ready is not looked through in some input's time
        atheris.Setup([sys.argv[0], *options], run, custom_mutator=mutated)
        atheris.Fuzz()


def dictionary(seeds: list[bytes]) -> str:
    """The words in the seeds, in libFuzzer's form."""
    found = {word for seed in seeds for word in seed.decode("latin-1").replace('"', " ").split() if 2 < len(word) < 24}
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode("latin-1")) for word in sorted(found)[:1000])
    return "".join(f'"{word}"\n' for word in escaped)
