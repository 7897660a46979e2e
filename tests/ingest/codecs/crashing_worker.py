"""The child program, with an engine that crashes at a payload of 0xDEAD."""

import ctypes

from gateway.ingest.codecs import worker

answer = worker.LoadedCodec.answer


def crash(codec: worker.LoadedCodec, arguments: str) -> str:
    """Answer as the real one would, or crash."""
    if "[222,173]" in arguments:
        ctypes.string_at(0)  # signals cannot be sent from there
    return answer(codec, arguments)


worker.LoadedCodec.answer = crash
worker.main()
