"""The child program after a codec has taken it over: a payload of 0xDE and one byte more names what it does."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "gateway" / "codecs"))

import worker

answer = worker.Server._answer  # noqa: SLF001


def write_for_ever(text: bytes) -> None:
    """Write the same again and again."""
    while True:
        os.write(1, text)


def lie(server: worker.Server, number: str, arguments: str) -> Iterator[str]:
    """Answer as the real one would, or lie."""
    if "[222," not in arguments:
        yield from answer(server, number, arguments)
        return
    server._progress[0] = 0  # in no call, it says  # noqa: SLF001
    match arguments[2:].split("]", maxsplit=1)[0]:
        case "222,1":
            write_for_ever(b"x" * 65536)
        case "222,2":
            write_for_ever(b"{}\n" * 1000)
        case "222,3":
            write_for_ever(b'"\xff"\n')
        case "222,4":
            while True:
                pass
        case "222,5":
            os._exit(0)
        case "222,6":
            yield "[1]"
        case "222,7":
            yield "\xff"


worker.Server._answer = lie  # type: ignore[method-assign]  # noqa: SLF001
worker.main()
