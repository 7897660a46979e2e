"""The state of the fleet, for people and metrics: silence, coverage, health, the verdict."""
