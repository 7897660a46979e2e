"""The job that closes periods when they have ended: roll-ups, completeness, balances, and the figures for alarms."""
