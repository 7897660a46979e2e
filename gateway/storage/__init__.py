"""What outlives the process: one SQLite file with the journal, rejects, quarantine and what is remembered of devices."""
