"""The child program, of which a payload of 0x01 writes to standard error for a while, as machine code in a codec could."""

import os
from contextlib import suppress

from gateway.ingest.codecs import loading, worker

FORGED = b"\n2026-12-01T00:00:00Z ERROR gateway: all is lost \x1b[31m\xe2\x80\xae\n"
answer = loading.LoadedCodec.answer


def shout(codec: loading.LoadedCodec, arguments: str) -> str:
    """Answer as the real one would, after a megabyte of forged records."""
    if arguments.startswith("[[1]"):
        for _ in range(20_000):
            with suppress(BlockingIOError):
                os.write(2, FORGED)
    return answer(codec, arguments)


loading.LoadedCodec.answer = shout  # type: ignore[method-assign]
worker.main()
