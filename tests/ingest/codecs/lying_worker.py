"""The child program after a codec has taken it over: a payload of 0xDE and one byte more names what it does."""

import os

from gateway.ingest.codecs import worker

answer = worker.Server._answer  # noqa: SLF001
FOR_EVER = {"222,1": b"x" * 65536, "222,2": b"{}\n" * 1000, "222,3": b'"\xff"\n'}


def write_for_ever(text: bytes) -> None:
    """Write the same again and again."""
    while True:
        os.write(1, text)


def lie(server: worker.Server, number: bytes, arguments: str) -> str:
    """Answer as the real one would, or lie."""
    if "[222," not in arguments:
        return answer(server, number, arguments)
    server._progress[0] = 0  # in no call, it says  # noqa: SLF001
    match arguments[2:].split("]", maxsplit=1)[0]:
        case text if text in FOR_EVER:
            write_for_ever(FOR_EVER[text])
        case "222,4":
            while True:
                pass
        case "222,5":
            os._exit(0)
        case "222,6":
            return "[1]"
        case "222,7":
            return "\xff"
        case "222,8":
            os.write(1, b'{"n": "\xff"}')
    return ""


worker.Server._answer = lie  # type: ignore[method-assign]  # noqa: SLF001
worker.main()
