"""Profiles proposed from what devices tell Home Assistant about themselves."""
