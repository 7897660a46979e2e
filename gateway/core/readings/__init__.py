"""One reading: its payload, time, counters, duplicates, and the line of text that it becomes."""
