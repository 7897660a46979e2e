"""The child program, which gets each call in a read of its own, as it may on a busy machine."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "gateway" / "ingest" / "codecs"))

import worker

worker.READ_BYTES = 16  # type: ignore[misc]
worker.main()
