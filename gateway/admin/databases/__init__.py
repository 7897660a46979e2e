"""Databases as their administrator sees them: what must be there before a gateway can write and Grafana can read."""
