"""Scenarios: YAML files that say who is there, what happens to whom and when; those beside this one are shipped."""
