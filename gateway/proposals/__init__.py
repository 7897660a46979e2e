"""Profiles proposed from the descriptions that devices publish for Home Assistant."""
