"""Batches: what goes into one, when it may start, what an answer of InfluxDB means, when a message is acknowledged."""
