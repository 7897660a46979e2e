"""The gateway as a whole over HTTP: its state, alarms, rejects, completeness, open data."""
