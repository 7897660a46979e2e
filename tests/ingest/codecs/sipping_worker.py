"""The child program, which gets each call in a read of its own, as it may on a busy machine."""

from gateway.ingest.codecs import worker

worker.READ_BYTES = 16  # type: ignore[misc]
worker.main()
