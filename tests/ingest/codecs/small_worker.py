"""The child program with little memory, which keeps all contexts: it is soon full."""

from gateway.ingest.codecs import confinement, loading, worker

confinement.LIMITS["RLIMIT_DATA"] = worker.DATA_BYTES = 24 * 1024 * 1024  # type: ignore[misc]
loading.MEMORY_BYTES = 1024 * 1024 * 1024  # type: ignore[misc]
worker.ContextMemory.used = lambda *_: None  # type: ignore[method-assign]
worker.main()
