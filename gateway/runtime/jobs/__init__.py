"""Slow tasks beside the lanes."""
