"""The child program, with an engine that crashes at a payload of 0xDEAD."""

import ctypes
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "gateway" / "ingest" / "codecs"))

import worker

answer = worker.LoadedCodec.answer


def crash(codec: worker.LoadedCodec, arguments: str) -> str:
    """Answer as the real one would, or crash."""
    if "[222,173]" in arguments:
        ctypes.string_at(0)  # signals cannot be sent from there
    return answer(codec, arguments)


worker.LoadedCodec.answer = crash
worker.main()
