"""Storage that outlives the process: one SQLite file with the journal, rejects, quarantine and device snapshots."""
