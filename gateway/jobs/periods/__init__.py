"""The job that works out periods when they have ended: roll-ups, completeness and balances, and what alarms want to know."""
