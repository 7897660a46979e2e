"""A parent to be killed while its child is in a call that the engine cannot stop."""

import sys

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.process import SyncCodecs

with SyncCodecs(
    {
        "good": "function decodeUplink() { return { data: {} }; }",
        "stuck": "function decodeUplink() { new Array(4294967295).join(''); }",
    }
) as codecs:
    codecs.call(CodecAsk("good", b"", 1, 0))
    sys.stdout.write("started\n")
    sys.stdout.flush()
    while True:
        codecs.call(CodecAsk("stuck", b"", 1, 0))
