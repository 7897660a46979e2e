"""Alarms: rules and states in, transitions out."""
