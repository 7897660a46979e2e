"""Proposals: profiles from the descriptions that devices publish for Home Assistant, intervals from when messages came."""
