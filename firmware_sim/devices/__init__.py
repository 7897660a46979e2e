"""Simulated measurements: one module per domain, each with its kinds as a table."""
