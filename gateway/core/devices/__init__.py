"""Devices and their topics: the small and bounded state that the core keeps for each."""
