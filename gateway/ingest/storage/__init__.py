"""Storage that outlives the process: one SQLite file with journal, rejects, quarantine and device snapshots."""
