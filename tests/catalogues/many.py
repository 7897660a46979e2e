"""``python -m tests.catalogues.many [FOLDER...]``: 3,000 codecs, one frame each, three rounds, in one child.

The codecs are those of the folders, else those that are shipped: every file of JavaScript that can be loaded as one. Where
there are fewer than 3,000, the same texts stand under more names: each name has a context of its own. What a codec gives alone
in a child is what it must answer in each round; the memory of the child is read from ``/proc`` after each call.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.codecs.process import SyncCodecs, read_sources
from gateway.ingest.codecs.protocol import CodecAnswer
from tests.processes import children

COUNT: Final = 3000
ROUNDS: Final = 3
PAUSE_S: Final = float(os.environ.get("PAUSE_S", "0.002"))
"""Time between an answer and the next frame: frames of 3,000 makes come one by one."""
SHIPPED: Final = Path(__file__).parents[2] / "gateway" / "profiles"
FRAME: Final = bytes.fromhex("0175640367f6000467f10003000102030405060708090a0b0c0d0e0f10111213")
PORT: Final = 85


@dataclass(frozen=True, slots=True)
class Outcome:
    """Findings of all rounds.

    :ivar distinct: number of different texts.
    :ivar faults: answers that differ from those of the codec alone.
    :ivar call_ms: median of a call, from asking to the answer, in each round.
    :ivar cpu_ms: processor time of the child for a call, the mean of each round: a busy machine does not change it much.
    :ivar peak_bytes: the most memory that a child had.
    """

    distinct: int
    codecs: int
    faults: list[str]
    call_ms: list[float]
    cpu_ms: list[float]
    peak_bytes: int
    restarts: int


def texts(folders: Iterable[Path]) -> list[str]:
    """The codecs below the folders, each text once."""
    files = sorted(path for folder in folders for path in folder.rglob("*.js") if "node_modules" not in path.parts)
    return list(dict.fromkeys(read_sources({str(path): path for path in files}).values()))


def alone(sources: Iterable[str]) -> dict[str, CodecAnswer]:
    """Ask each text in a child of its own; those that are no codec are left out."""
    answers = {}
    for text in sources:
        with SyncCodecs({"codec": text}) as codecs:
            if codecs.fault("codec") is None:
                answers[text] = codecs.call(CodecAsk("codec", FRAME, PORT, 0))
    return answers


def memory_bytes() -> int:
    """Memory that the child has of the machine now."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") for pid in children())


def worked_s() -> float:
    """The processor time of the child since its start."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in children()) / 1e9


async def _rounds(sources: dict[str, str], expected: dict[str, CodecAnswer]) -> Outcome:
    codecs = AsyncCodecs(sources, lambda _key: None)
    running = asyncio.create_task(codecs.run())
    faults, medians, means, peak_bytes = [], [], [], 0
    for _ in range(ROUNDS):
        took_s: list[float] = []
        before_s = worked_s()
        for name, text in sources.items():
            answered: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
            began_s = time.perf_counter()
            codecs.ask(CodecAsk(name, FRAME, PORT, 0), answered.set_result)
            answer = await answered
            took_s.append(time.perf_counter() - began_s)
            if answer != expected[text]:
                faults.append(f"{name}: {answer} for {expected[text]}")
            peak_bytes = max(peak_bytes, memory_bytes())
            await asyncio.sleep(PAUSE_S)
        medians.append(1000 * statistics.median(took_s))
        means.append(1000 * (worked_s() - before_s) / len(took_s))
    running.cancel()
    await asyncio.wait([running])
    return Outcome(len(expected), len(sources), faults, medians, means, peak_bytes, codecs.restarts)


def run(folders: Iterable[Path], count: int = COUNT) -> Outcome:
    """Ask them all."""
    expected = alone(texts(folders))
    distinct = list(expected)
    sources = {f"{number}.js": distinct[number % len(distinct)] for number in range(max(count, len(distinct)))}
    return asyncio.run(_rounds(sources, expected))


def main(folders: list[Path]) -> int:
    """Run and print; 1 where a codec answered otherwise than alone."""
    found = run(folders or [SHIPPED])
    sys.stdout.write(
        f"{found.codecs} codecs of {found.distinct} texts, {ROUNDS} rounds: {len(found.faults)} answers other than alone; "
        f"median of a call {', '.join(f'{ms:.2f}' for ms in found.call_ms)} ms, "
        f"of the child's processor time {', '.join(f'{ms:.2f}' for ms in found.cpu_ms)} ms in the mean; "
        f"the child had at most {found.peak_bytes / 2**20:.0f} MiB, {found.restarts} restarts\n"
    )
    sys.stdout.writelines(f"{line}\n" for line in found.faults[:10])
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
